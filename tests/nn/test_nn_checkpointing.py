"""Checkpointing over time: the numbers of the whole, and √T of its memory."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from nn_helpers import FORMS, TOLERANCE, B, D, H, P, T, as_form, assert_close, draw, make, make_input, make_state, run

from lstm_lib.nn import LSTM

every_piece = pytest.mark.parametrize("every", [1, 2, 3, T, T + 5])


def pieces(lstm: LSTM, every: int) -> LSTM:
    """Copy a module that keeps all steps into one that does not."""
    other = copy.deepcopy(lstm)
    other.checkpoint_every = every
    return other


@every_piece
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("backend", ["reference", "native", "fused", "auto"])
@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
def test_outputs_states_and_gradients_are_those_of_the_whole(backend: str, form: str, every: int) -> None:
    rng = torch.Generator().manual_seed(1)
    options = {"num_layers": 2, "bidirectional": True, "proj_size": P, "batch_first": form == "batch first"}
    whole = make("standard", D, H, backend=backend, **options)
    xs = make_input(rng, form, torch.float64)
    for state in (make_state(rng, form, whole, torch.float64), None):
        assert_close(run(pieces(whole, every), xs, state, form), run(whole, xs, state, form), TOLERANCE[torch.float64])


@pytest.mark.parametrize("cell", ["drawn", "layernorm", "janet"])
def test_every_cell_can_be_computed_in_pieces(cell: str) -> None:
    whole = make(cell, backend="auto")
    xs = draw(torch.Generator().manual_seed(2), T, B, D)
    assert_close(run(pieces(whole, 3), xs, None, "packed"), run(whole, xs, None, "packed"), 1e-11)


@pytest.mark.parametrize("options", [{"num_layers": 3, "dropout": 0.4}, {"zoneout": 0.3}, {"recurrent_dropout": 0.3}])
def test_a_seed_drops_the_same_in_pieces(options: dict[str, Any]) -> None:
    whole = make("standard", backend="auto", **options)
    xs = draw(torch.Generator().manual_seed(3), T, B, D)
    results = []
    for lstm in (whole, pieces(whole, 2)):
        torch.manual_seed(4)
        results.append(run(lstm, xs, None))
    assert_close(results[1], results[0], 1e-11)


def test_without_gradients_nothing_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    from lstm_lib.nn import checkpointing

    monkeypatch.setattr(checkpointing, "checkpoint", lambda *a, **options: pytest.fail("a piece was kept"))
    lstm = LSTM(D, H, checkpoint_every=2)
    with torch.no_grad():
        lstm(torch.ones(T, B, D))


def kept(run: Callable[[], Any]) -> int:
    """Return the bytes that are in use after a run and were not before, while its result is there."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        result = run()
    del result
    return sum(event.self_cpu_memory_usage for event in profile.events())


@pytest.mark.parametrize("backend", ["reference", "fused", "native"])
def test_what_is_kept_for_the_way_back_grows_with_the_pieces_and_not_with_the_steps(backend: str) -> None:
    inside = {}
    for steps, every in ((64, 0), (256, 0), (64, 8), (256, 16)):
        lstm = LSTM(8, 32, backend=backend, checkpoint_every=every, dtype=torch.float64)  # float64: no oneDNN
        xs = torch.ones(steps, 4, 8).double()
        count = kept(lambda lstm=lstm, xs=xs: lstm(xs)[0]) / 8
        inside[steps, every] = count / (steps * 4 * 32) - 1  # numbers a step and unit, without h itself
    assert inside[64, 0] > 4  # i, f, g, o and more, for each step and unit
    assert 0.9 < inside[256, 0] / inside[64, 0] < 1.1
    assert inside[256, 16] < 0.6 * inside[64, 8] < 0.06 * inside[64, 0]


def test_what_cannot_be_cut_is_refused() -> None:
    with pytest.raises(ValueError, match="got checkpoint_every 4 with variational_dropout 0.5, expected one of them 0"):
        LSTM(D, H, checkpoint_every=4, variational_dropout=0.5)
    with pytest.raises(ValueError, match="got checkpoint_every -1, expected 0 or a number of steps"):
        LSTM(D, H, checkpoint_every=-1)
    with pytest.raises(TypeError, match="got checkpoint_every of type float, expected int"):
        LSTM(D, H, checkpoint_every=2.0)  # type: ignore[arg-type]


def test_the_module_shows_its_pieces() -> None:
    assert "checkpoint_every=4" in repr(LSTM(D, H, checkpoint_every=4))
    assert "checkpoint" not in repr(LSTM(D, H))


def test_functional_transforms_still_work() -> None:
    lstm = LSTM(D, H, checkpoint_every=2, dtype=torch.float64)
    xs = draw(torch.Generator().manual_seed(5), T, B, D)
    parameters = {name: p.detach() for name, p in lstm.named_parameters()}

    def loss(parameters: dict[str, torch.Tensor]) -> torch.Tensor:
        return torch.func.functional_call(lstm, parameters, (xs.detach(),))[0].pow(2).sum()

    lstm(as_form(xs, "batch"))[0].pow(2).sum().backward()
    found = torch.func.grad(loss)(parameters)
    assert_close(found, {name: p.grad for name, p in lstm.named_parameters()}, 1e-11)
