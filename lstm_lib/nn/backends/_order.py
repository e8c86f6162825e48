"""In which order the rows of a batch or of packed sequences are visited.

Shapes: T steps, B batch, N = Σ b_t rows (T·B for a batch). Rows are in the order of ``reference``: the first b_0 are
step 0, the next b_1 step 1, and so on.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor


class Piece(NamedTuple):
    """Some steps in a row, and their rows; ``first`` and ``end`` number the steps of the whole."""

    steps: "Steps"
    rows: slice
    first: int
    end: int


@dataclass(frozen=True)
class Steps:
    """In which order the rows are visited: b_t of every step, which direction, rows before.

    before: for each row, the row of the same sequence one step earlier (in the direction of the run) in [initial
    state; rows], as an index; None for a batch, where that is a slice.
    """

    sizes: list[int]
    reverse: bool
    before: Tensor | None

    @cached_property
    def each(self) -> list[tuple[int, int]]:
        """First row and number of rows of every step, in the order of the run."""
        bounds, first = [], 0
        for b in self.sizes:
            bounds.append((first, b))
            first += b
        return bounds[::-1] if self.reverse else bounds

    @cached_property
    def firsts(self) -> Tensor:
        """The first row of every step, and N (T + 1), on the device of ``before``."""
        device = None if self.before is None else self.before.device
        return torch.tensor([0, *self.sizes]).cumsum(0).to(device)

    def earlier(self, start: Tensor, rows: Tensor) -> Tensor:
        """Return for each row (N, ·) what the sequence had one step before; start (B, ·) is what it begins with."""
        if self.before is not None:
            return torch.cat([start, rows])[self.before]
        b = self.sizes[0]
        return torch.cat([rows[b:], start]) if self.reverse else torch.cat([start, rows[:-b]])

    def views(self, *rows: Tensor) -> Iterator[tuple[Tensor, ...]]:
        """Give the rows of each step of each array, in the order of the run; all views are made at once.

        Example:
            >>> steps = order([2, 1], reverse=True, device=torch.device("cpu"))
            >>> list(steps.views(torch.tensor([1, 2, 3])))
            [(tensor([3]),), (tensor([1, 2]),)]
        """
        cut = [part.split(self.sizes) for part in rows]
        return zip(*(part[::-1] if self.reverse else part for part in cut), strict=True)

    def pieces(self, rows: int) -> list[Piece]:
        """Cut the steps into pieces of about so many rows, in the order of the run.

        Example:
            >>> [piece.rows for piece in order([2, 2, 2], reverse=True, device=torch.device("cpu")).pieces(4)]
            [slice(4, 6, None), slice(0, 4, None)]
        """
        each = max(1, rows // max(1, self.sizes[0]))
        T, found = len(self.sizes), []
        if each >= T:
            return [Piece(self, slice(0, sum(self.sizes)), 0, T)]
        firsts, device = self.firsts.tolist(), self.firsts.device
        for first in range(0, T, each):
            end = min(T, first + each)
            part = order(self.sizes[first:end], reverse=self.reverse, device=device)
            found.append(Piece(part, slice(firsts[first], firsts[end]), first, end))
        return found[::-1] if self.reverse else found

    def entering(self, start: Tensor, rows: Tensor, piece: Piece) -> Tensor:
        """Return what each sequence of a piece has when the run comes to it: from the rows before, or from start."""
        if self.reverse:
            if piece.end == len(self.sizes):
                return start[: self.sizes[piece.first]]
            b = self.sizes[piece.end]
            return torch.cat([rows[piece.rows.stop : piece.rows.stop + b], start[b : self.sizes[piece.first]]])
        if piece.first == 0:
            return start
        first = piece.rows.start - self.sizes[piece.first - 1]
        return rows[first : first + self.sizes[piece.first]]


def order(sizes: list[int], *, reverse: bool, device: torch.device) -> Steps:
    """Say in which order the rows of a batch or of packed sequences are visited.

    Example:
        >>> order([2, 1], reverse=False, device=torch.device("cpu")).before.tolist()  # rows 0 and 1 begin, 2 follows 0
        [0, 1, 2]
        >>> order([2, 1], reverse=True, device=torch.device("cpu")).before.tolist()  # row 0 follows 2, the others begin
        [4, 1, 0]
        >>> order([2, 2], reverse=True, device=torch.device("cpu")).each
        [(2, 2), (0, 2)]
    """
    if sizes[0] == sizes[-1]:  # never rising: a batch
        return Steps(sizes, reverse, None)
    b = torch.tensor(sizes)
    first = b.cumsum(0) - b
    t = torch.arange(len(b)).repeat_interleave(b)
    k = torch.arange(len(t)) - first[t]              # the number of the sequence
    there = (t + 1 if reverse else t - 1).clamp(0, len(b) - 1)
    begins = (t == len(b) - 1) | (k >= b[there]) if reverse else t == 0
    return Steps(sizes, reverse, torch.where(begins, k, sizes[0] + first[there] + k).to(device))
