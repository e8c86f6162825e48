"""Gradients of the parameters, which add up from one piece of the steps to the next.

Shapes: N = Σ b_t rows, H hidden units.
"""

import torch
from torch import Tensor

from lstm_lib.nn.backends._order import Steps
from lstm_lib.nn.backends._scan import Kind, said_memories, wide
from lstm_lib.nn.steps import State


class Sums:
    """Gradients that add up from piece to piece, of those parameters that want one."""

    def __init__(self, needs: dict[str, bool]) -> None:
        """Begin with none."""
        self.needs, self.found = needs, {}  # type: ignore[var-annotated]

    def add_product(self, name: str, d: Tensor, given: Tensor) -> None:
        """Add dᵀ · given."""
        if not self.needs.get(name):
            return
        if name in self.found:
            self.found[name].addmm_(d.t(), given)
        else:
            self.found[name] = d.t() @ given

    def add_rows(self, name: str, d: Tensor, picked: Tensor, like: Tensor) -> None:
        """Add each row of d to the row that was picked; in low precision the sums are kept in float32."""
        if not self.needs.get(name):
            return
        if name not in self.found:
            self.found[name] = torch.zeros_like(like, dtype=wide(like.dtype))
        self.found[name].index_add_(0, picked, d.to(self.found[name].dtype))

    def add_sum(self, name: str, d: Tensor) -> None:
        """Add the sum over rows."""
        if name in self.found:
            self.found[name] += d.sum(0)
        elif self.needs.get(name):
            self.found[name] = d.sum(0)

    def add_own(
        self, kind: Kind, steps: Steps, begin: State, d_shares: Tensor, heard: Tensor, cs: Tensor, gates: Tensor
    ) -> None:
        """Add the gradients of what only some cells have."""
        self.add_sum("bias_u", heard)
        if not any(map(self.needs.get, ("weight_hr", "weight_u", "weight_peep"))):
            return
        H, before = cs.shape[1], steps.earlier(begin.c.to(cs.dtype), cs)
        said_from = said_memories(kind.masks, before, cs, gates)
        if self.needs.get("weight_hr"):
            self.add_product("weight_hr", heard, (gates[:, 3 * H :] * said_from.tanh()).to(heard.dtype))
        if self.needs.get("weight_u"):
            self.add_product("weight_u", heard, (gates[:, H : 2 * H] * before).to(heard.dtype))
        if self.needs.get("weight_peep"):
            d_i, d_f, _, d_o = d_shares.to(cs.dtype).chunk(4, dim=1)
            self.add_sum("weight_peep", torch.stack([d_i * before, d_f * before, d_o * said_from], dim=1))
