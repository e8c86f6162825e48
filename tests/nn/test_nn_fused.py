"""Every cell with a backward pass derived by hand: the readable loop's numbers, in all it is asked for."""

from typing import Any

import pytest
import torch
from nn_helpers import (
    FORMS,
    TOLERANCE,
    B,
    D,
    H,
    T,
    as_form,
    assert_autocast_leaves_the_way_back_alone,
    assert_close,
    draw,
    make_input,
    penalty_gradients,
    run,
    twins,
)

from lstm_lib.nn import CELLS, LSTM
from lstm_lib.nn.backends import fused

every_cell = pytest.mark.parametrize("cell", CELLS)
BACKEND = "fused"
SHAPES = [{}, {"num_layers": 2, "bidirectional": True}, {"bias": False, "bidirectional": True}]


@pytest.fixture(autouse=True)
def _many_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut the way back of these short sequences into pieces of a step or two, as that of long ones is cut."""
    monkeypatch.setattr(fused, "CACHE", 600)
    monkeypatch.setattr(fused, "ENOUGH", 1)


def test_there_is_a_derivation_for_every_cell() -> None:
    assert sorted(fused.ABLE) == sorted(CELLS)


@every_cell
def test_autocast_around_the_way_back_leaves_it_alone(cell: str) -> None:
    assert_autocast_leaves_the_way_back_alone(cell, BACKEND)



@every_cell
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("options", SHAPES, ids=str)
def test_outputs_states_and_all_gradients_are_those_of_the_readable_loop(
    options: dict[str, Any], form: str, cell: str
) -> None:
    rng = torch.Generator().manual_seed(5)
    readable, ours = twins(cell, BACKEND, **options, batch_first=form == "batch first")
    xs = make_input(rng, form, torch.float64)
    L = len(ours.suffixes())
    batch = () if form == "one sequence" else (B,)
    state = tuple(draw(rng, L, *batch, H) for _ in range(2))
    for start in (state, None):
        assert_close(run(ours, xs, start, form), run(readable, xs, start, form), TOLERANCE[torch.float64])


@every_cell
def test_in_float32_the_numbers_are_those_of_float64_but_for_rounding(cell: str) -> None:
    readable, ours = twins(cell, BACKEND, torch.float32, num_layers=2)
    readable.load_state_dict(ours.state_dict())
    xs = draw(torch.Generator().manual_seed(6), T, B, D).float()
    found = {name: result.double() for name, result in run(ours, xs, None, "packed").items()}
    assert_close(found, run(readable, xs.double(), None, "packed"), 1e-5)


@every_cell
def test_it_can_be_differentiated_twice(cell: str) -> None:
    readable, ours = twins(cell, BACKEND, bidirectional=True)
    xs = draw(torch.Generator().manual_seed(7), T, B, D)
    assert_close(penalty_gradients(ours, xs), penalty_gradients(readable, xs), 1e-10)


@every_cell
def test_a_graph_that_is_kept_gives_the_same_gradients_again(cell: str) -> None:
    _, ours = twins(cell, BACKEND)
    xs = draw(torch.Generator().manual_seed(8), T, B, D)
    hs, _ = ours(as_form(xs, "packed"))
    asked, loss = [xs, *ours.parameters()], hs.data.pow(2).sum()
    first, second = (torch.autograd.grad(loss, asked, retain_graph=True) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@every_cell
@pytest.mark.parametrize("frozen", ["weight_ih_l0", "weight_hh_l0", "everything", "the input"])
def test_what_nobody_wants_has_no_gradient_and_the_others_keep_theirs(frozen: str, cell: str) -> None:
    readable, ours = twins(cell, BACKEND)
    xs = draw(torch.Generator().manual_seed(9), T, B, D).detach().requires_grad_(frozen != "the input")
    grads = []
    for lstm in (ours, readable):
        for name, parameter in lstm.named_parameters():
            parameter.requires_grad_(frozen not in (name, "everything"))
        xs.grad = None
        lstm(xs)[0].pow(2).sum().backward()
        grads.append({name: p.grad for name, p in (*lstm.named_parameters(), ("xs", xs)) if p.grad is not None})
    assert grads[0].keys() == grads[1].keys()
    assert_close(grads[0], grads[1], 1e-11)


@every_cell
def test_under_autocast_it_answers_in_bfloat16_and_close(cell: str) -> None:
    readable, ours = twins(cell, BACKEND, torch.float32, num_layers=2)
    xs = draw(torch.Generator().manual_seed(10), T, B, D, dtype=torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        hs, (h, c) = ours(xs)
        hs.float().sum().backward()
    assert {hs.dtype, h.dtype, c.dtype} == {torch.bfloat16}
    torch.testing.assert_close(hs.double(), readable(xs.double())[0], rtol=0, atol=3e-2)
    assert all(p.grad is not None and p.grad.isfinite().all() for p in ours.parameters())


# ---------------------------------------------------------------- dropout inside the layer

NOISES: dict[str, dict[str, Any]] = {
    "variational": {"variational_dropout": 0.4},
    "recurrent": {"recurrent_dropout": 0.4},
    "zoneout": {"zoneout": (0.3, 0.4)},
    "zoneout of c": {"zoneout": (0.0, 0.4)},
    "all": {"variational_dropout": 0.3, "recurrent_dropout": 0.3, "zoneout": (0.2, 0.3)},
}
noisy_cells = pytest.mark.parametrize("cell", [cell for cell in CELLS if cell != "layernorm"])


@noisy_cells
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("form", ["batch", "packed, unsorted"])
@pytest.mark.parametrize("noise", NOISES)
def test_a_seed_gives_the_noise_of_the_readable_loop_and_its_gradients(
    noise: str, form: str, training: bool, cell: str
) -> None:
    rng = torch.Generator().manual_seed(11)
    readable, ours = twins(cell, BACKEND, num_layers=2, bidirectional=True, **NOISES[noise])
    xs, state = draw(rng, T, B, D), tuple(draw(rng, 4, B, H) for _ in range(2))
    found = []
    for lstm in (ours, readable):
        torch.manual_seed(12)
        found.append(run(lstm.train(training), xs, state, form))
    assert_close(*found, 1e-11)


@pytest.mark.parametrize("noise", NOISES)
def test_a_projection_can_be_noisy(noise: str) -> None:
    readable, ours = twins("standard", BACKEND, proj_size=2, **NOISES[noise])
    xs = draw(torch.Generator().manual_seed(13), T, B, D)
    found = []
    for lstm in (ours, readable):
        torch.manual_seed(14)
        found.append(run(lstm, xs, None, "packed"))
    assert_close(*found, 1e-11)


@noisy_cells
def test_noise_can_be_differentiated_twice(cell: str) -> None:
    readable, ours = twins(cell, BACKEND, bidirectional=True, **NOISES["all"])
    xs, penalties = draw(torch.Generator().manual_seed(15), T, B, D), []
    for lstm in (ours, readable):
        lstm.zero_grad()
        torch.manual_seed(16)
        (slope,) = torch.autograd.grad(lstm(xs)[0].pow(3).sum(), xs, create_graph=True)
        slope.pow(2).sum().backward()
        penalties.append({name: p.grad for name, p in lstm.named_parameters() if p.grad is not None})
    assert_close(*penalties, 1e-10)


def test_a_normalised_cell_with_noise_is_left_to_the_readable_loop() -> None:
    with pytest.raises(ValueError, match="zoneout inside the layer: cell 'layernorm' has no derivation with it"):
        LSTM(D, H, cell="layernorm", zoneout=0.1, backend="fused")(torch.ones(T, B, D))
