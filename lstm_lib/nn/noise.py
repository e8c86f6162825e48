"""Dropout inside the recurrent layer, in three forms: variational, recurrent, zoneout. Nothing happens in eval mode.

(But zoneout then takes the mean of its two outcomes.) Dropout between layers, the fourth form, is ``dropout`` of the
LSTM, as in torch. Shapes: B batch, D features, H hidden units, P projected units, N = Σ b_t rows of packed sequences.

What is drawn when, so that a seed gives the same run again: before each layer but the first the mask between layers;
for each direction the masks on x and on h; then, step by step in the direction of the run, the mask on g, and what
zoneout holds of h and of c. Where a rate is 0, nothing is drawn. Masks are for the sequences that live at that step, in
packed order; one mask serves all gates.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from lstm_lib.nn.steps import State


class Noise(NamedTuple):
    """How much of each form there is, and whether the network is in training.

    variational: chance that a feature of x, or a unit of h, is zero for a whole sequence. recurrent: chance that a unit
    learns nothing at a step. zoneout_h, zoneout_c: chance that a unit of h, of c, keeps its old value at a step.
    """

    variational: float = 0.0
    recurrent: float = 0.0
    zoneout_h: float = 0.0
    zoneout_c: float = 0.0
    training: bool = False

    def mask_sequences(self, like: Tensor) -> Tensor | None:
        """Draw the variational mask, one row a sequence: 0, or 1 / (1 - p); None where nothing is masked.

        Example:
            >>> Noise(variational=0.5).mask_sequences(torch.ones(2, 3)) is None  # not in training
            True
            >>> mask = Noise(variational=0.5, training=True).mask_sequences(torch.ones(2, 3))
            >>> mask.shape, set(mask.unique().tolist()) <= {0.0, 2.0}
            (torch.Size([2, 3]), True)

        Reference:
            Gal and Ghahramani 2016 (gal2016theoretically).
        """
        if not self.masks_inputs():
            return None
        return F.dropout(torch.ones_like(like), self.variational)

    def masks_inputs(self) -> bool:
        """Say whether features of the input are dropped now."""
        return self.training and self.variational > 0

    def drop_content(self, g: Tensor) -> Tensor:
        """Drop entries of the candidate g (B, H), so that those units learn nothing; c itself is never dropped.

        Example:
            >>> Noise(recurrent=0.5).drop_content(torch.ones(1, 2))  # not in training
            tensor([[1., 1.]])

        Reference:
            Semeniuta, Severyn and Barth 2016 (semeniuta2016recurrent).
        """
        return F.dropout(g, self.recurrent) if self.training and self.recurrent > 0 else g

    def zone_out(self, new: State, old: State) -> State:
        """Let some units keep their old h or c, as if the step had not happened; in eval mode, take the mean.

        Example:
            >>> half = Noise(zoneout_c=0.5)
            >>> half.zone_out(State(torch.ones(1, 2), torch.ones(1, 2)), State(*torch.zeros(2, 1, 2)))
            State(h=tensor([[1., 1.]]), c=tensor([[0.5000, 0.5000]]))

        Reference:
            Krueger et al. 2017 (krueger2017zoneout).
        """
        h = self._hold(self.zoneout_h, new.h, old.h)
        return State(h, self._hold(self.zoneout_c, new.c, old.c))

    def _hold(self, p: float, new: Tensor, old: Tensor) -> Tensor:
        if p == 0:
            return new
        if not self.training:
            return p * old + (1 - p) * new
        # float32 whatever the dtype: bfloat16 has 256 numbers in [0, 1), too few for the rate.
        return torch.where(torch.rand_like(new, dtype=torch.float32) < p, old, new)

    def acting(self) -> list[str]:
        """Name the forms that make a difference to the plain cell now, as the arguments of ``nn.LSTM`` are called.

        Example:
            >>> Noise(variational=0.5, zoneout_c=0.1).acting()  # not in training
            ['zoneout']
        """
        if not (self.variational or self.recurrent or self.zoneout_h or self.zoneout_c):  # most modules, at every call
            return []
        rates = {"variational_dropout": self.variational * self.training}
        rates |= {"recurrent_dropout": self.recurrent * self.training, "zoneout": max(self.zoneout_h, self.zoneout_c)}
        return [name for name, rate in rates.items() if rate > 0]


QUIET = Noise()


def mask_rows(mask: Tensor, batch_sizes: list[int]) -> Tensor:
    """Repeat a mask (B, D) for the rows of packed sequences (N, D): at step t the first b_t sequences live.

    Example:
        >>> mask_rows(torch.tensor([[1.0], [2.0]]), [2, 1]).flatten()
        tensor([1., 2., 1.])
    """
    return torch.cat([mask[:b] for b in batch_sizes])
