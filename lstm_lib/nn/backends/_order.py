"""In which order the rows of a batch or of packed sequences are visited.

Shapes: T steps, B batch, N = Σ b_t rows (T·B for a batch). Rows are in the order of ``reference``: the first b_0 are
step 0, the next b_1 step 1, and so on.
"""

from typing import NamedTuple

import torch
from torch import Tensor


class Steps(NamedTuple):
    """In which order the rows are visited: b_t and the first row of every step, which direction, rows before.

    before: for each row, the row of the same sequence one step earlier (in the direction of the run) in [initial
    state; rows], as a slice where that is one, else as an index.
    """

    sizes: list[int]
    reverse: bool
    before: Tensor | None

    def each(self) -> list[tuple[int, int]]:
        """List first row and number of rows of every step, in the order of the run."""
        bounds, first = [], 0
        for b in self.sizes:
            bounds.append((first, b))
            first += b
        return bounds[::-1] if self.reverse else bounds

    def firsts(self) -> Tensor:
        """Return the first row of every step, and N (T + 1), on the device."""
        sizes = torch.tensor([0, *self.sizes], dtype=torch.int64)
        return sizes.cumsum(0).to(self.before.device) if self.before is not None else sizes.cumsum(0)

    def earlier(self, start: Tensor, rows: Tensor) -> Tensor:
        """Return for each row (N, ·) what the sequence had one step before; start (B, ·) is what it begins with."""
        if self.before is not None:
            return torch.cat([start, rows])[self.before]
        b = self.sizes[0]
        return torch.cat([rows[b:], start]) if self.reverse else torch.cat([start, rows[:-b]])


def order(sizes: list[int], *, reverse: bool, device: torch.device) -> Steps:
    """Say in which order the rows of a batch or of packed sequences are visited.

    Example:
        >>> order([2, 1], reverse=False, device=torch.device("cpu")).before.tolist()  # rows 0 and 1 begin, 2 follows 0
        [0, 1, 2]
        >>> order([2, 2], reverse=True, device=torch.device("cpu")).each()
        [(2, 2), (0, 2)]
    """
    if sizes[0] == sizes[-1]:  # never rising: a batch
        return Steps(sizes, reverse, None)
    B, first, before = sizes[0], 0, []
    for t, b in enumerate(sizes):
        if reverse:
            alive = sizes[t + 1] if t + 1 < len(sizes) else 0
            before += [B + first + b + k if k < alive else k for k in range(b)]
        else:
            before += [B + first - sizes[t - 1] + k if t else k for k in range(b)]
        first += b
    return Steps(sizes, reverse, torch.tensor(before, device=device))
