"""Every cell of ``lstm_lib.nn``: its equations written out again, its gradients, and the NumPy cells beside it."""

from typing import Any

import numpy as np
import pytest
import torch
from nn_helpers import (
    LENGTHS,
    ROWS,
    B,
    D,
    H,
    T,
    as_form,
    assert_close,
    assert_slopes,
    draw,
    make,
    make_input,
    run,
    step_by_hand,
    weights_by_hand,
)

from lstm_lib import cells, convert, layers
from lstm_lib.nn import CELLS, LSTM

every_cell = pytest.mark.parametrize("cell", CELLS)
EXTRA = {
    "drawn": {"weight_u": (H, H), "bias_u": (H,)},
    "peephole": {"weight_peep": (3, H)},
    "layernorm": {"weight_norm_ih": (4 * H,), "weight_norm_hh": (4 * H,), "weight_norm_c": (H,), "bias_norm_c": (H,)},
}


@pytest.fixture(autouse=True)
def _the_same_weights_every_time() -> None:
    torch.manual_seed(0)


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@every_cell
@pytest.mark.parametrize("bias", [True, False])
def test_every_cell_equals_its_equations_written_out(cell: str, bias: bool) -> None:
    lstm = make(cell, num_layers=2, bidirectional=True, bias=bias)
    xs, h_0, c_0 = (draw(rng(k), *shape).detach() for k, shape in enumerate([(T, B, D), (4, B, H), (4, B, H)]))
    hs, (h_n, c_n) = lstm(xs, (h_0, c_0))
    inputs, columns = xs.numpy(), []
    for k, suffix in enumerate(["_l0", "_l0_reverse", "_l1", "_l1_reverse"]):
        w = weights_by_hand(lstm, suffix)
        is_reverse = suffix.endswith("_reverse")
        h, c, column = h_0[k].numpy(), c_0[k].numpy(), []
        for x in inputs[::-1] if is_reverse else inputs:
            h, c = step_by_hand(cell, w, x, h, c)
            column.append(h)
        columns.append(np.stack(column[::-1] if is_reverse else column))
        np.testing.assert_allclose(h_n[k].detach(), h, rtol=0, atol=1e-13)
        np.testing.assert_allclose(c_n[k].detach(), c, rtol=0, atol=1e-13)
        if is_reverse:
            inputs, columns = np.concatenate(columns, axis=-1), []
    np.testing.assert_allclose(hs.detach(), inputs, rtol=0, atol=1e-13)


@every_cell
def test_the_gradients_of_every_cell_equal_finite_differences(cell: str) -> None:
    lstm = make(cell, num_layers=1, bidirectional=True)
    names = [name for name, _ in lstm.named_parameters()]
    xs, h_0, c_0 = (draw(rng(k), *shape) for k, shape in enumerate([(T, B, D), (2, B, H), (2, B, H)]))

    def function(xs: Any, h_0: Any, c_0: Any, *parameters: Any) -> Any:
        named = dict(zip(names, parameters, strict=True))
        hs, (h_n, c_n) = torch.func.functional_call(lstm, named, (xs, (h_0, c_0)))
        return hs, h_n, c_n

    assert_slopes(function, xs, h_0, c_0, *lstm.parameters())


@every_cell
def test_parameters_have_the_documented_names_and_shapes(cell: str) -> None:
    rows = len(ROWS.get(cell, "ifgo")) * H
    expected: dict[str, tuple[int, ...]] = {}
    for suffix, width in (("_l0", D), ("_l0_reverse", D), ("_l1", 2 * H), ("_l1_reverse", 2 * H)):
        shapes = {"weight_ih": (rows, width), "weight_hh": (rows, H), "bias_ih": (rows,), "bias_hh": (rows,)}
        expected |= {name + suffix: shape for name, shape in (shapes | EXTRA.get(cell, {})).items()}
    lstm = LSTM(D, H, 2, bidirectional=True, cell=cell)
    assert {name: tuple(p.shape) for name, p in lstm.named_parameters()} == expected
    assert not [name for name in LSTM(D, H, bias=False, cell=cell).state_dict() if name.startswith("bias")]
    for name, p in lstm.named_parameters():
        if "norm" in name:
            assert (p == (1 if name.startswith("weight") else 0)).all()
        else:
            assert (p.abs() <= H**-0.5).all()
            assert len(p.unique()) == p.numel()


@every_cell
@pytest.mark.parametrize("form", LENGTHS)
def test_packed_sequences_of_every_cell_equal_each_sequence_alone(cell: str, form: str) -> None:
    lstm = make(cell, num_layers=2, bidirectional=True)
    xs, (h_0, c_0) = draw(rng(), T, B, D), draw(rng(1), 2, 4, B, H)
    packed, (h_n, c_n) = lstm(as_form(xs, form), (h_0, c_0))
    hs, _ = torch.nn.utils.rnn.pad_packed_sequence(packed)
    for k, length in enumerate(LENGTHS[form]):
        alone, (h, c) = lstm(xs[:length, k], (h_0[:, k], c_0[:, k]))
        for actual, expected in ((hs[:length, k], alone), (h_n[:, k], h), (c_n[:, k], c)):
            torch.testing.assert_close(actual, expected, rtol=0, atol=1e-14)


@every_cell
@pytest.mark.parametrize("form", ["batch first", "one sequence"])
def test_the_other_forms_of_input_give_the_same_numbers(cell: str, form: str) -> None:
    lstm = make(cell, batch_first=form == "batch first")
    xs = make_input(rng(), form, torch.float64)
    turned = xs.transpose(0, 1) if form == "batch first" else xs[:, None]
    hs, (h_n, _) = make(cell)(turned)
    actual, (h, _) = lstm(xs)
    assert torch.equal(actual, hs.transpose(0, 1) if form == "batch first" else hs[:, 0])
    assert torch.equal(h, h_n if form == "batch first" else h_n[:, 0])


@every_cell
def test_auto_takes_a_path_that_computes_the_cell_in_float32_too(cell: str) -> None:
    exact, lstm = make(cell, num_layers=2), LSTM(D, H, 2, cell=cell)
    lstm.load_state_dict(exact.state_dict())
    xs = draw(rng(), T, B, D)
    results = run(lstm, xs.float(), None)
    assert {result.dtype for result in results.values()} == {torch.float32}
    assert_close({name: r.double() for name, r in results.items()}, run(exact, xs, None), 1e-5)


# ---------------------------------------------------------------- against the NumPy library


@pytest.mark.parametrize(("cell", "kind"), [("standard", "lstm"), ("drawn", "drawn")])
def test_the_readable_cell_equals_the_numpy_library_forward_and_backward(cell: str, kind: str) -> None:
    lstm = make(cell)
    results = run(lstm, xs := draw(rng(), T, B, D), state := tuple(draw(rng(k), 1, B, H) for k in (1, 2)), seed=3)
    params: Any = convert.torch_to_numpy(lstm)
    first = cells.LSTMState(*(part[0].detach().numpy() for part in state))
    generator = torch.Generator().manual_seed(3)  # the gradients that `run` has drawn
    dhs, dh, dc = (draw(generator, *shape).detach().numpy() for shape in ((T, B, H), (1, B, H), (1, B, H)))
    dstate = cells.LSTMState(dh[0], dc[0])
    forward, backward = getattr(layers, f"{kind}_forward"), getattr(layers, f"{kind}_backward")
    numpy_run = forward(params, xs.detach().numpy(), first)
    dparams, dxs, dfirst = backward(params, numpy_run, dhs, dstate)
    expected = {"output": numpy_run.hs, "h_n": numpy_run.hs[-1:], "c_n": numpy_run.cs[-1:]}
    expected |= {"gradient of the input": dxs, "gradient of h_0": dfirst.h[None], "gradient of c_0": dfirst.c[None]}
    slopes: Any = convert.torch_to_numpy(lstm, gradients=True)
    expected |= dict(zip(dparams._fields, dparams, strict=True))
    results = {name: result for name, result in results.items() if not name.endswith("_l0")}
    results |= {name: torch.from_numpy(slope) for name, slope in slopes._asdict().items()}
    assert_close(results, {name: torch.from_numpy(np.ascontiguousarray(a)) for name, a in expected.items()}, 1e-12)
    assert_close({"bias": lstm.bias_hh_l0.grad}, {"bias": lstm.bias_ih_l0.grad}, 1e-12)


def test_the_drawn_cell_first_says_its_bias_and_not_what_it_has_learned() -> None:
    lstm = make("drawn")
    one, other = (lstm(draw(rng(k), 1, B, D))[0] for k in (1, 2))
    with torch.no_grad():
        lstm.bias_u_l0.zero_()
    assert not lstm(draw(rng(1), 1, B, D))[0].any()  # from an empty memory h = o tanh(b_u)
    assert one.all()
    assert (one != other).all()  # through o alone
