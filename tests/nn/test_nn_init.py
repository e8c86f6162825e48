"""How the modules of ``lstm_lib.nn`` begin: in every layer and both directions, and nothing else is touched."""

import re
from typing import Any

import pytest
import torch
from nn_helpers import ROWS

from lstm_lib.nn import CELLS, LSTM, set_chrono, set_forget_bias, set_input_bias, set_orthogonal

H = 6
with_forget_gate = pytest.mark.parametrize("cell", [cell for cell in CELLS if cell != "no-forget"])


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def biases(lstm: LSTM, gate: str) -> list[Any]:
    """List the sum of both biases of a gate, for every layer and direction."""
    row = ROWS.get(lstm.cell, "ifgo").index(gate) * H
    sums = [getattr(lstm, f"bias_ih{end}") + getattr(lstm, f"bias_hh{end}") for end in lstm.suffixes()]
    return [b.detach()[row : row + H] for b in sums]


def changed(lstm: LSTM, before: dict[str, Any]) -> set[str]:
    """Name the parameters that are not what they were, without layer and direction."""
    return {name.split("_l")[0] for name, p in lstm.state_dict().items() if not torch.equal(p, before[name])}


def copy_of(lstm: LSTM) -> dict[str, Any]:
    return {name: p.clone() for name, p in lstm.state_dict().items()}


STARTS = {"f": set_forget_bias, "i": set_input_bias}
HAVING = [(cell, gate) for cell in CELLS for gate in STARTS if gate in ROWS.get(cell, "ifgo")]


@pytest.mark.parametrize(("cell", "gate"), HAVING)
def test_a_bias_is_the_sum_of_both_biases_in_every_layer_and_direction(cell: str, gate: str) -> None:
    lstm = LSTM(5, H, 3, bidirectional=True, cell=cell)
    before, others = copy_of(lstm), [g for g in ROWS.get(cell, "ifgo") if g != gate]
    other_biases = [biases(lstm, other) for other in others]
    STARTS[gate](lstm, 1.5)
    assert len(biases(lstm, gate)) == 6
    assert all((b == 1.5).all() for b in biases(lstm, gate))
    assert changed(lstm, before) == {"bias_ih", "bias_hh"}
    for other, expected in zip(others, other_biases, strict=True):
        assert all(torch.equal(a, e) for a, e in zip(biases(lstm, other), expected, strict=True))
    assert all(p.requires_grad and p.grad_fn is None for p in lstm.parameters())


@pytest.mark.parametrize("cell", CELLS)
def test_every_recurrent_block_becomes_orthogonal_and_no_two_alike(cell: str) -> None:
    lstm = LSTM(5, H, 2, bidirectional=True, cell=cell, dtype=torch.float64)
    before = copy_of(lstm)
    set_orthogonal(rng(), lstm)
    assert changed(lstm, before) == {"weight_hh"}
    blocks = [block for end in lstm.suffixes() for block in getattr(lstm, f"weight_hh{end}").detach().split(H)]
    assert len(blocks) == 4 * len(ROWS.get(cell, "ifgo"))
    for k, block in enumerate(blocks):
        torch.testing.assert_close(block.T @ block, torch.eye(H, dtype=torch.float64), rtol=0, atol=1e-12)
        assert all((block - other).abs().max() > 0.1 for other in blocks[:k])


def test_orthogonal_blocks_of_a_projected_lstm_have_orthonormal_columns() -> None:
    lstm = LSTM(5, H, proj_size=2)
    set_orthogonal(rng(), lstm)
    for block in lstm.weight_hh_l0.detach().split(H):
        torch.testing.assert_close(block.T @ block, torch.eye(2))


@with_forget_gate
def test_chrono_spreads_the_forget_bias_over_the_delays(cell: str) -> None:
    lstm = LSTM(5, H, 40, bidirectional=True, cell=cell, dtype=torch.float64)
    before = copy_of(lstm)
    set_chrono(rng(), lstm, 101)
    b_f = torch.stack(biases(lstm, "f"))
    u = b_f.exp()  # uniform between 1 and 100, in 480 draws
    assert u.min() >= 1
    assert u.max() <= 100
    assert abs(u.mean() - 50.5) < 4 * (99 / 12**0.5) / u.numel() ** 0.5
    assert len(u.unique()) == u.numel()
    assert changed(lstm, before) == {"bias_ih", "bias_hh"}
    for gate in set(ROWS.get(cell, "ifgo")) - {"f"}:
        expected = -b_f if gate == "i" else torch.zeros_like(b_f)
        assert torch.equal(torch.stack(biases(lstm, gate)), expected)


def test_a_seed_gives_the_same_start_in_every_dtype() -> None:
    for start in (set_orthogonal, lambda rng, lstm: set_chrono(rng, lstm, 50)):
        narrow, wide = (LSTM(5, H, dtype=dtype) for dtype in (torch.float32, torch.float64))
        narrow.load_state_dict(wide.state_dict())
        wide.load_state_dict(narrow.state_dict())
        for lstm in (narrow, wide):
            start(rng(7), lstm)
        for name, p in narrow.named_parameters():
            torch.testing.assert_close(p.double(), wide.state_dict()[name], rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("start", [set_forget_bias, lambda lstm: set_chrono(rng(), lstm, 50)], ids=["bias", "chrono"])
def test_an_lstm_without_forget_bias_is_refused(start: Any) -> None:
    having = "'standard', 'drawn', 'peephole', 'coupled', 'janet', 'layernorm'"
    message = f"got cell 'no-forget', which has no forget gate, expected one of {having}"
    with pytest.raises(ValueError, match=re.escape(message)):
        start(LSTM(5, H, cell="no-forget"))
    with pytest.raises(ValueError, match="got an LSTM with bias=False, expected one with biases"):
        start(LSTM(5, H, bias=False))


def test_an_lstm_without_input_bias_is_refused() -> None:
    having = "'standard', 'drawn', 'peephole', 'no-forget', 'layernorm'"
    for cell in ("coupled", "janet"):
        message = f"got cell '{cell}', which has no input gate, expected one of {having}"
        with pytest.raises(ValueError, match=re.escape(message)):
            set_input_bias(LSTM(5, H, cell=cell))
    with pytest.raises(ValueError, match="got an LSTM with bias=False, expected one with biases"):
        set_input_bias(LSTM(5, H, bias=False))


def test_a_longest_delay_below_three_is_refused() -> None:
    with pytest.raises(ValueError, match="got longest 2, expected at least 3 steps"):
        set_chrono(rng(), LSTM(5, H), 2)


@pytest.mark.parametrize("make", [torch.nn.LSTM, torch.nn.LSTMCell, LSTM])
def test_networks_of_torch_start_as_ours_do(make: type) -> None:
    lstm = make(3, 4)
    suffix = "" if make is torch.nn.LSTMCell else "_l0"
    set_forget_bias(lstm, 1.5)
    set_input_bias(lstm, -2.0)
    i, f, *_ = (getattr(lstm, f"bias_ih{suffix}") + getattr(lstm, f"bias_hh{suffix}")).detach().view(4, 4)
    assert (i == -2).all()
    assert (f == 1.5).all()
    set_chrono(torch.Generator().manual_seed(0), lstm, 30)
    set_orthogonal(torch.Generator().manual_seed(0), lstm)
    block = getattr(lstm, f"weight_hh{suffix}").detach()[4:8]
    torch.testing.assert_close(block.T @ block, torch.eye(4))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_bias_that_is_no_number_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match=f"got bias {value}, expected a finite number"):
        set_forget_bias(LSTM(3, 2), value)
