"""A single step takes torch's cell in place of torch's LSTM, where nobody can tell but by the clock."""

from typing import Any

import pytest
import torch
from nn_helpers import TOLERANCE, B, D, H, draw, make_state, run, twin

from lstm_lib import nn
from lstm_lib.nn.backends import native

OURS: dict[str, dict[str, Any]] = {
    "one layer": {},
    "three layers": {"num_layers": 3},
    "no bias": {"bias": False, "num_layers": 2},
    "batch first": {"batch_first": True},
}
THEIRS: dict[str, dict[str, Any]] = {
    "both directions": {"bidirectional": True},
    "a projection": {"proj_size": 2},
    "dropout between layers": {"num_layers": 2, "dropout": 0.5},
}


@pytest.fixture
def cells(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Note how often torch's cell is called."""
    calls: list[int] = []

    def spied(*given: Any) -> Any:
        calls.append(1)
        return torch._VF.lstm_cell(*given)

    monkeypatch.setattr(native, "LSTM_CELL", spied)
    return calls


def make(dtype: torch.dtype = torch.float64, **options: Any) -> tuple[nn.LSTM, torch.nn.LSTM]:
    """Return our LSTM and torch's with the same weights."""
    torch.manual_seed(0)
    theirs = torch.nn.LSTM(D, H, **options, dtype=dtype)
    return twin(theirs, "auto"), theirs


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
@pytest.mark.parametrize("with_state", [True, False], ids=["state", "zeros"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("form", [*OURS, *THEIRS])
def test_a_step_equals_torchs_lstm_and_takes_the_cell_where_it_can(
    form: str, dtype: torch.dtype, with_state: bool, cells: list[int]
) -> None:
    ours, theirs = make(dtype, **(OURS | THEIRS)[form])
    rng = torch.Generator().manual_seed(1)
    xs = draw(rng, *((B, 1, D) if ours.batch_first else (1, B, D)), dtype=dtype)
    state = make_state(rng, "batch", theirs, dtype) if with_state else None
    results = []
    for lstm in (ours, theirs):
        torch.manual_seed(2)  # dropout
        results.append(run(lstm, xs, state))
    torch.testing.assert_close(*results, rtol=0, atol=TOLERANCE[dtype])
    assert len(cells) == (ours.num_layers if form in OURS else 0)


def test_dropout_that_does_not_act_leaves_the_cell_its_step(cells: list[int]) -> None:
    ours, _ = make(**THEIRS["dropout between layers"])
    ours.eval()(torch.ones(1, B, D, dtype=torch.float64))
    assert len(cells) == 2


@pytest.mark.parametrize("form", OURS)
def test_what_comes_out_shares_no_memory(form: str) -> None:
    ours, _ = make(**OURS[form])
    x = torch.ones((B, 1, D) if form == "batch first" else (1, B, D), dtype=torch.float64)
    with torch.no_grad():
        hs, (h, c) = ours(x)
        before = hs.clone(), c.clone()
        h += 1
    torch.testing.assert_close((hs, c), before)


def test_one_sequence_without_a_batch_and_tokens_take_the_cell_too(cells: list[int]) -> None:
    ours, theirs = make()
    x = torch.randn(1, D, dtype=torch.float64)
    torch.testing.assert_close(ours(x), theirs(x))
    rows = torch.randn(5, D, dtype=torch.float64)
    torch.testing.assert_close(ours(torch.tensor([[3]]), embedding=rows), theirs(rows[None, 3:4]))
    assert len(cells) == 2


def test_autocast_is_left_to_torchs_lstm(cells: list[int]) -> None:
    ours, _ = make(torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        ours(torch.ones(1, B, D))
    assert cells == []


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore:`torch.jit.trace:DeprecationWarning")
def test_what_was_traced_at_one_step_runs_over_more(cells: list[int]) -> None:
    ours, theirs = make(torch.float32)
    xs = torch.randn(4, B, D)
    traced = torch.jit.trace(ours, torch.ones(1, B, D), check_trace=False)
    torch.testing.assert_close(traced(xs)[0], theirs(xs)[0])
    assert cells == []


def test_a_step_can_be_differentiated_twice(cells: list[int]) -> None:
    ours, _ = make(num_layers=2)
    x = torch.randn(1, B, D, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda x: ours(x)[0], x)
    assert cells


def test_explain_says_that_it_is_the_cell() -> None:
    ours, _ = make(torch.float32)
    assert nn.explain(ours, torch.ones(1, B, D)).reason.endswith("torch's own kernels; one step, so torch.lstm_cell")
    assert "lstm_cell" not in nn.explain(ours, torch.ones(2, B, D)).reason
