"""Dropout inside the layer for a backward pass derived by hand: what is drawn, drawn before the loop.

Shapes: B batch, N = Σ b_t rows, H hidden units, P projected units. Drawn in the order of ``noise``, so that a seed
gives what it gives the readable loop: for the direction the mask on h, then step by step that on g, what is held of h,
and what is held of c.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from lstm_lib.nn.backends._order import Steps
from lstm_lib.nn.noise import Noise, mask_rows
from lstm_lib.nn.steps import State


class Masks(NamedTuple):
    """What noise does to one direction of a layer.

    on_h: (B, P), on what the gates hear; on_g: (N, H), 0 or ``scale``; hold_h (N, P), hold_c (N, H): the share that
    the old value has in the new, 0 or 1 when drawn, in eval mode a rate. None where nothing happens.
    """

    on_h: Tensor | None
    on_g: Tensor | None
    hold_h: Tensor | None
    hold_c: Tensor | None
    scale: float

    def part(self, rows: slice, b: int) -> "Masks":
        """Return the masks of a piece of the steps, which has b sequences."""
        on_g, hold_h, hold_c = (None if part is None else part[rows] for part in self[1:4])
        return Masks(None if self.on_h is None else self.on_h[:b], on_g, hold_h, hold_c, self.scale)

    def heard(self, hs: Tensor, steps: Steps) -> Tensor:
        """Mask the rows of h that the gates hear, for all steps."""
        return hs if self.on_h is None else hs * mask_rows(self.on_h, steps.sizes)


def draw(noise: Noise, xs: Tensor, start: State, steps: Steps, wide: torch.dtype) -> tuple[Tensor, Masks]:
    """Draw all that a direction needs, and mask its input.

    Args:
        noise: The rates.
        xs: Packed input (N, D).
        start: h (B, P) and c (B, H).
        steps: The order.
        wide: The dtype of memories.

    Returns:
        The input, masked, and the masks.
    """
    mask_x, on_h = noise.mask_sequences(xs[: steps.sizes[0]]), noise.mask_sequences(start.h)
    xs = xs if mask_x is None else xs * mask_rows(mask_x, steps.sizes)
    N, P, H = len(xs), start.h.shape[1], start.c.shape[1]
    drops, zones = noise.training and noise.recurrent > 0, (noise.zoneout_h, noise.zoneout_c)
    like = start.c.new_empty(0, dtype=wide)
    on_g = like.new_empty(N, H) if drops else None
    hold_h, hold_c = (like.new_full((N, width), p) if p else None for p, width in zip(zones, (P, H), strict=True))
    for first, b in steps.each if drops or (noise.training and any(zones)) else []:
        rows = slice(first, first + b)
        if on_g is not None:
            on_g[rows] = F.dropout(like.new_ones(b, H), noise.recurrent)
        for hold, p in ((hold_h, zones[0]), (hold_c, zones[1])):
            if hold is not None and noise.training:
                hold[rows] = (torch.rand(b, hold.shape[1], device=xs.device) < p).to(wide)
    return xs, Masks(on_h, on_g, hold_h, hold_c, 1 / (1 - noise.recurrent) if drops and noise.recurrent < 1 else 1.0)


class Noisy:
    """The masks of the step that is at hand, forwards and back."""

    def __init__(self, masks: Masks | None, steps: Steps, *, back: bool = False) -> None:
        """Begin at the first step of the run, or at the last."""
        self.masks = masks
        self._each = iter(steps.each[::-1] if back else steps.each)
        self._now, self._b = slice(0), 0
        self._held_h: Tensor | None = None
        self._held_c: Tensor | None = None

    def _next(self) -> Masks:
        first, self._b = next(self._each)
        self._now = slice(first, first + self._b)
        return self._masks()

    def _masks(self) -> Masks:
        assert self.masks is not None
        return self.masks

    def hear(self, h: Tensor) -> Tensor:
        """Begin a step, and mask what its gates hear."""
        on_h = self._next().on_h
        return h if on_h is None else h * on_h[: self._b]

    def drop(self, g: Tensor) -> None:
        """Drop content."""
        if (on_g := self._masks().on_g) is not None:
            g.mul_(on_g[self._now])

    def hold(self, h: Tensor, h_prev: Tensor, c: Tensor, c_prev: Tensor) -> None:
        """Put old values over new ones."""
        masks = self._masks()
        for share, new, old in ((masks.hold_h, h, h_prev), (masks.hold_c, c, c_prev)):
            if share is not None:
                part = share[self._now]
                new.copy_(part * old + (1 - part) * new)

    def let_go(self, d_h: Tensor, d_c: Tensor) -> None:
        """Begin a step on the way back: keep aside what goes to the old values, and leave what goes to the new."""
        masks = self._next()
        self._held_h = None if masks.hold_h is None else d_h * masks.hold_h[self._now]
        self._held_c = None if masks.hold_c is None else d_c * masks.hold_c[self._now]
        if self._held_h is not None:
            d_h -= self._held_h
        if self._held_c is not None:
            d_c -= self._held_c

    def take_up(self, d_h: Tensor, d_c: Tensor) -> None:
        """End a step on the way back."""
        if (on_h := self._masks().on_h) is not None:
            d_h *= on_h[: self._b]
        if self._held_h is not None:
            d_h += self._held_h
        if self._held_c is not None:
            d_c += self._held_c


class Replay:
    """Noise that was drawn already, for the readable loop: ``Noise`` with these masks."""

    def __init__(self, masks: Masks, steps: Steps) -> None:
        """Begin at the first step of the run."""
        self.masks, self.steps, self.step, self.asked = masks, iter(steps.each), slice(0), 0

    def mask_sequences(self, like: Tensor) -> Tensor | None:
        """Return no mask on the input, which is masked already, and then the mask on h."""
        self.asked += 1
        return self.masks.on_h if self.asked == 2 else None

    def drop_content(self, g: Tensor) -> Tensor:
        """Begin a step, and drop of g what was dropped."""
        first, b = next(self.steps)
        self.step = slice(first, first + b)
        return g if self.masks.on_g is None else g * self.masks.on_g[self.step]

    def zone_out(self, new: State, old: State) -> State:
        """Hold what was held."""
        h, c = (
            n if hold is None else hold[self.step] * o + (1 - hold[self.step]) * n
            for hold, n, o in ((self.masks.hold_h, new.h, old.h), (self.masks.hold_c, new.c, old.c))
        )
        return State(h, c)
