"""Tokens as input: whole numbers that stand for rows of an embedding, which need not be made.

Shapes: T steps, B batch, N = Σ b_t rows of packed sequences (T·B for a batch), V tokens of the vocabulary, D features,
H hidden units, G gates.

What a token brings to the gates of the first layer, W_ih E[token] + b, depends on the token alone. So it is computed
once for each token, a table (V, G·H), and a step picks its rows. No array of T·B rows of D features is made, and no
product with T·B rows.
"""

import math
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from lstm_lib.nn.steps import Weights, normed_input

ONE_HOT = "one-hot"
Embedding = Tensor | nn.Embedding | str


class Tokens(NamedTuple):
    """Token numbers (T, B), or (N,) for packed sequences, and the rows that they stand for.

    embedding: (V, D); None for one-hot rows, of which there are V = D.
    """

    numbers: Tensor
    embedding: Tensor | None

    def stand_in(self, weight: Tensor) -> Tensor:
        """Return what stands for the rows: their shape, dtype and device without their memory, NaN to who looks.

        Example:
            >>> rows = Tokens(torch.zeros(5, 4, dtype=torch.int64), None).stand_in(torch.ones(8, 3))
            >>> rows.shape, rows.untyped_storage().nbytes()
            (torch.Size([5, 4, 3]), 4)
        """
        return weight.detach().new_full((), math.nan).expand(*self.numbers.shape, weight.shape[1])

    def rows(self, like: Tensor) -> Tensor:
        """Return the rows that the numbers stand for, (T, B, D) or (N, D); of the last size and dtype of ``like``.

        Example:
            >>> Tokens(torch.tensor([[1], [0]]), None).rows(torch.ones(2, 1, 3))
            tensor([[[0., 1., 0.]],
            <BLANKLINE>
                    [[1., 0., 0.]]])
        """
        if self.embedding is None:
            return F.one_hot(self.numbers, like.shape[-1]).to(like.dtype)
        return F.embedding(self.numbers, self.embedding)


def tabled(cell: str, w: Weights, numbers: Tensor, E: Tensor | None) -> tuple[dict[str, Tensor], Tensor]:
    """Put a table of what each token brings to the gates in the place of W_ih and the biases; autograd follows.

    Where there are more tokens in the vocabulary than in the input, the table has those of the input alone.

    Args:
        cell: A name of ``steps.CELLS``.
        w: The weights of the first layer in one direction; weight_ih (G·H, D).
        numbers: The tokens (N,).
        E: Their rows (V, D) in any precision, None for one-hot ones.

    Returns:
        The weights with "table" (V, G·H), and the number of each token in it (N,).

    Example:
        >>> w = {"weight_ih": torch.arange(8.0).view(4, 2), "weight_hh": torch.ones(4, 1), "bias_ih": torch.ones(4)}
        >>> new, rows = tabled("standard", w | {"bias_hh": torch.ones(4)}, torch.tensor([1, 1, 0]), None)
        >>> sorted(new), new["table"][rows[0]]
        (['table', 'weight_hh'], tensor([3., 5., 7., 9.]))
    """
    W_ih = w["weight_ih"]
    if (W_ih.shape[1] if E is None else len(E)) > len(numbers):
        used, numbers = numbers.unique(return_inverse=True)
        W_ih, E = (W_ih[:, used], None) if E is None else (W_ih, F.embedding(used, E))
    share = W_ih.t().contiguous() if E is None else F.linear(E.to(W_ih.dtype), W_ih)
    rest = {name: part for name, part in w.items() if name != "weight_ih"}
    if cell == "layernorm":
        return rest | {"table": normed_input(w, share)}, numbers
    biases = [rest.pop(name) for name in ("bias_ih", "bias_hh") if name in rest]
    return rest | {"table": share + sum(biases[1:], biases[0]) if biases else share}, numbers


# ---------------------------------------------------------------- at the door


def expect_tokens(input: Any, embedding: Embedding, weight: Tensor) -> Tokens:
    """Return tokens as backends take them, or raise.

    Args:
        input: Token numbers, int64, (T, B) or (T,), or a PackedSequence of them.
        embedding: (V, D), or a ``torch.nn.Embedding``, whose row ``padding_idx`` gets no gradient, or "one-hot".
        weight: W_ih (G·H, D) of the first layer.

    Raises:
        TypeError: If one of them is of the wrong type.
        ValueError: If a number is not a token's, or of another dtype than int64, or the embedding does not fit.

    Example:
        >>> expect_tokens(torch.tensor([3, -1]), "one-hot", torch.ones(8, 3))
        Traceback (most recent call last):
        ...
        ValueError: got tokens from -1 to 3, expected 0 to D - 1 = 2
    """
    numbers = input.data if isinstance(input, PackedSequence) else input
    if not isinstance(numbers, Tensor):
        raise TypeError(f"got tokens of type {type(input).__name__}, expected a Tensor or a PackedSequence")
    if numbers.dtype != torch.int64:
        raise ValueError(f"got tokens of dtype {numbers.dtype}, expected torch.int64")
    most = 1 if isinstance(input, PackedSequence) else 2
    if not 1 <= numbers.dim() <= most:
        kinds = "1 (packed)" if most == 1 else "2 (a batch) or 1 (one sequence)"
        raise ValueError(f"got tokens of {numbers.dim()} dimensions, expected {kinds}")
    E = _expect_embedding(embedding, weight)
    V = weight.shape[1] if E is None else len(E)
    if can_be_read(numbers) and numbers.numel():
        low, high = int(numbers.min()), int(numbers.max())
        if not 0 <= low <= high < V:
            letter = "D" if E is None else "V"
            raise ValueError(f"got tokens from {low} to {high}, expected 0 to {letter} - 1 = {V - 1}")
    return Tokens(numbers, E)


def can_be_read(numbers: Tensor) -> bool:
    """Say whether the numbers are there to be looked at: no graph is being built, and no torch.func stands between."""
    if torch.compiler.is_compiling() or numbers.is_meta:
        return False
    if torch._C._functorch.is_functorch_wrapped_tensor(numbers):
        return False
    return not (numbers.is_cuda and torch.cuda.is_current_stream_capturing())


def _expect_embedding(given: Any, weight: Tensor) -> Tensor | None:
    D, kinds = weight.shape[1], "expected a Tensor (V, D), a torch.nn.Embedding or 'one-hot'"
    if isinstance(given, str):
        if given != ONE_HOT:
            raise ValueError(f"got embedding {given!r}, {kinds}")
        return None
    odd = [name for name in ("max_norm", "scale_grad_by_freq", "sparse") if getattr(given, name, None)]
    if odd:
        raise ValueError(f"got an embedding with {' and '.join(odd)}, expected one without, or rows as input")
    E = given.weight if isinstance(given, nn.Embedding) else given
    if not isinstance(E, Tensor):
        raise TypeError(f"got embedding of type {type(given).__name__}, {kinds}")
    if E.dim() != 2 or E.shape[1] != D:
        raise ValueError(f"got embedding of shape {tuple(E.shape)}, expected (V, D) with D = {D}")
    if E.dtype != weight.dtype:
        raise ValueError(f"got embedding of dtype {E.dtype}, expected that of the weights, {weight.dtype}")
    if not isinstance(given, nn.Embedding) or given.padding_idx is None:
        return E
    row = torch.tensor([given.padding_idx], device=E.device)  # it is as it is, and learns nothing
    return E.index_copy(0, row, E[row].detach())


def spelled(input: Any, embedding: Embedding | None, weight: Tensor) -> Any:
    """Return the input of an LSTM with the rows that its tokens stand for; as it is where it holds no tokens.

    Example:
        >>> spelled(torch.tensor([[2]]), torch.eye(3), torch.ones(8, 3))
        tensor([[[0., 0., 1.]]])
    """
    if embedding is None:
        return input
    rows = expect_tokens(input, embedding, weight).rows(weight)
    return input._replace(data=rows) if isinstance(input, PackedSequence) else rows
