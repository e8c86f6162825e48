"""How to begin, in place: biases of forget and input gates, orthogonal recurrent weights, chrono initialisation.

Shapes: H hidden units, P projected units (P = H without a projection), D features. Every function changes every layer
and both directions, or a cell. ``rng`` is a ``torch.Generator`` of the CPU, so that a GPU starts from the same numbers.
"""

import math

import torch
from torch import Generator, Tensor

from lstm_lib.nn.cell import LSTMCell
from lstm_lib.nn.lstm import LSTM
from lstm_lib.nn.steps import CELLS

AnyLSTM = LSTM | LSTMCell | torch.nn.LSTM | torch.nn.LSTMCell  # torch's own have the standard cell


def set_forget_bias(lstm: AnyLSTM, value: float = 1.0) -> None:
    """Set the bias of every forget gate: b_ih + b_hh = value.

    torch adds two biases, so that setting both to 1 gives 2: here b_ih is set and b_hh is zero.

    Args:
        lstm: An LSTM with biases and a forget gate; ``torch.nn.LSTM`` or ``torch.nn.LSTMCell`` too.
        value: 0, 1, 2, 3 let a state last 1.0, 2.2, 5.5, 14.3 steps to its half, where the weights say nothing.

    Raises:
        ValueError: If the LSTM has no bias or no forget gate.

    Example:
        >>> lstm = LSTM(3, 2)
        >>> set_forget_bias(lstm, 1.0)
        >>> (lstm.bias_ih_l0 + lstm.bias_hh_l0)[2:4].detach()
        tensor([1., 1.])

    Reference:
        Gers, Schmidhuber and Cummins 2000 (gers2000learning); Jozefowicz et al. 2015 (jozefowicz2015).
    """
    _set_all(lstm, "f", value)


def set_input_bias(lstm: AnyLSTM, value: float = -3.0) -> None:
    """Set the bias of every input gate, so that little comes in before the gate has learned what should.

    Args:
        lstm: An LSTM with biases and an input gate.
        value: b_ih + b_hh; at -3 one twentieth comes in, where the weights say nothing.

    Raises:
        ValueError: If the LSTM has no bias or no input gate.

    Example:
        >>> lstm = LSTM(3, 2)
        >>> set_input_bias(lstm, -3.0)
        >>> (lstm.bias_ih_l0 + lstm.bias_hh_l0)[:2].detach()
        tensor([-3., -3.])

    Reference:
        Measured in Chapter 8 (``benchmarks/success_map.py``).
    """
    _set_all(lstm, "i", value)


def set_orthogonal(rng: Generator, lstm: AnyLSTM) -> None:
    """Make the recurrent weights of every gate orthogonal: each block (H, P) of weight_hh has orthonormal columns.

    A block that is orthogonal keeps the length of h, so that the first gradients neither vanish nor explode through it.

    Args:
        rng: Source of randomness.
        lstm: Any LSTM.

    Example:
        >>> lstm = LSTM(3, 2)
        >>> set_orthogonal(torch.Generator().manual_seed(0), lstm)
        >>> W_i = lstm.weight_hh_l0[:2].detach()
        >>> torch.allclose(W_i.T @ W_i, torch.eye(2), atol=1e-6)
        True

    Reference:
        Saxe, McClelland and Ganguli 2014 (saxe2014exact).
    """
    for suffix in _suffixes(lstm):
        weight = getattr(lstm, f"weight_hh{suffix}")
        for block in weight.detach().split(lstm.hidden_size):
            start = torch.empty(block.shape, dtype=torch.float64)
            block.copy_(torch.nn.init.orthogonal_(start, generator=rng))


def set_chrono(rng: Generator, lstm: AnyLSTM, longest: int) -> None:
    """Spread the half-lives of the units over the delays that the task holds: b_f = ln u, u ~ U[1, longest - 1].

    The input gate, where there is one, starts as far shut as the forget gate is open: b_i = -b_f. The biases of
    all other gates become zero.

    Args:
        rng: Source of randomness.
        lstm: An LSTM with biases and a forget gate.
        longest: The longest delay of the task, in steps, at least 3.

    Raises:
        ValueError: If the LSTM has no bias or no forget gate, or ``longest`` is below 3.

    Example:
        >>> lstm = LSTM(3, 2)
        >>> set_chrono(torch.Generator().manual_seed(0), lstm, 100)
        >>> b_i, b_f, b_g, b_o = (lstm.bias_ih_l0 + lstm.bias_hh_l0).detach().view(4, 2)
        >>> torch.equal(b_i, -b_f), bool((b_f > 0).all()), b_o
        (True, True, tensor([0., 0.]))

    Reference:
        Tallec and Ollivier 2018 (tallec2018can).
    """
    _expect_bias(lstm, "f")
    if longest < 3:
        raise ValueError(f"got longest {longest}, expected at least 3 steps: b_f is drawn from ln U[1, longest - 1]")
    for suffix in _suffixes(lstm):
        b_f = torch.empty(lstm.hidden_size, dtype=torch.float64).uniform_(1, longest - 1, generator=rng).log()
        for gate in CELLS[_cell(lstm)].gates:
            _set_bias(lstm, suffix, gate, {"f": b_f, "i": -b_f}.get(gate, torch.zeros_like(b_f)))


def _cell(lstm: AnyLSTM) -> str:
    return getattr(lstm, "cell", "standard")


def _suffixes(lstm: AnyLSTM) -> list[str]:
    """List what ends the names of each layer's and direction's parameters; "" of a cell."""
    return [name.removeprefix("weight_hh") for name, _ in lstm.named_parameters() if name.startswith("weight_hh")]


def _expect_bias(lstm: AnyLSTM, gate: str) -> None:
    """Raise a ValueError unless there is such a gate, "f" or "i", with a bias."""
    if gate not in CELLS[_cell(lstm)].gates:
        name = {"f": "forget", "i": "input"}[gate]
        having = ", ".join(repr(name) for name, cell in CELLS.items() if gate in cell.gates)
        raise ValueError(f"got cell {_cell(lstm)!r}, which has no {name} gate, expected one of {having}")
    if not lstm.bias:
        raise ValueError("got an LSTM with bias=False, expected one with biases")


def _set_all(lstm: AnyLSTM, gate: str, value: float) -> None:
    """Set the bias of a gate to one value, in every layer and direction."""
    _expect_bias(lstm, gate)
    if not math.isfinite(value):
        raise ValueError(f"got bias {value}, expected a finite number")
    for suffix in _suffixes(lstm):
        _set_bias(lstm, suffix, gate, torch.full((lstm.hidden_size,), value))


def _set_bias(lstm: AnyLSTM, suffix: str, gate: str, value: Tensor) -> None:
    """Set the sum of both biases of one gate: all of it in bias_ih, nothing in bias_hh."""
    H, row = lstm.hidden_size, CELLS[_cell(lstm)].gates.index(gate)
    rows = slice(row * H, (row + 1) * H)
    getattr(lstm, f"bias_ih{suffix}").detach()[rows].copy_(value)
    getattr(lstm, f"bias_hh{suffix}").detach()[rows].zero_()
