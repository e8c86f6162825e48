"""Dropout inside the layer: against steps written out by hand with the same masks, and in what it never touches."""

import copy
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from nn_helpers import LENGTHS, B, D, H, T, as_form, assert_slopes, draw, make, run, step_by_hand, weights_by_hand
from torch import Tensor, sigmoid, tanh

from lstm_lib.nn import CELLS, LSTM, State
from lstm_lib.nn.noise import Noise

FORMS: dict[str, dict[str, Any]] = {
    "variational": {"variational_dropout": 0.4},
    "recurrent": {"recurrent_dropout": 0.4},
    "zoneout": {"zoneout": (0.3, 0.6)},
}
ALL = {"variational_dropout": 0.3, "recurrent_dropout": 0.2, "zoneout": 0.4}
every_form = pytest.mark.parametrize("form", FORMS)
every_cell = pytest.mark.parametrize("cell", CELLS)


def noisy(cell: str = "standard", seed: int = 0, **options: Any) -> LSTM:
    """Draw an LSTM of float64 with noise."""
    torch.manual_seed(seed)
    return LSTM(D, H, cell=cell, dtype=torch.float64, **options)


def seeded(lstm: LSTM, xs: Any, seed: int = 1) -> Any:
    """Run with a seed for the masks."""
    torch.manual_seed(seed)
    return lstm(xs)


def draw_masks(seed: int, p: float, *shapes: tuple[int, ...]) -> list[Tensor]:
    """Draw masks as the documentation says: 0, or 1 / (1 - p), one after the other."""
    torch.manual_seed(seed)
    return [torch.nn.functional.dropout(torch.ones(shape, dtype=torch.float64), p) for shape in shapes]


def by_hand(lstm: LSTM, xs: Tensor, mask_x: Any, mask_h: Any, masks_g: Any, hold_h: Any, hold_c: Any) -> list[Tensor]:
    """Write the standard cell out with given masks; return every h, and the last c."""
    W_x, W_h, b_x, b_h = lstm.all_weights[0]
    h = c = torch.zeros(xs.shape[1], H, dtype=torch.float64)
    hs = []
    for t, x in enumerate(xs):
        a = (x * mask_x) @ W_x.T + b_x + (h * mask_h) @ W_h.T + b_h
        a_i, a_f, a_g, a_o = a.chunk(4, dim=1)
        c_new = sigmoid(a_f) * c + sigmoid(a_i) * (tanh(a_g) * masks_g[t])
        h_new = sigmoid(a_o) * tanh(c_new)
        h, c = torch.where(hold_h[t], h, h_new), torch.where(hold_c[t], c, c_new)
        hs.append(h)
    return [*hs, c]


def test_each_form_equals_its_equations_with_the_same_masks() -> None:
    xs = draw(torch.Generator().manual_seed(0), T, B, D)
    one, never = torch.ones(B, 1, dtype=torch.float64), [torch.zeros(B, H, dtype=torch.bool)] * T
    expected = {}
    lstm = noisy()
    mask_x, mask_h = draw_masks(1, 0.4, (B, D), (B, H))
    expected["variational"] = by_hand(lstm, xs, mask_x, mask_h, [one] * T, never, never)
    masks_g = draw_masks(1, 0.4, *[(B, H)] * T)
    expected["recurrent"] = by_hand(lstm, xs, one, one, masks_g, never, never)
    torch.manual_seed(1)
    holds = [[torch.rand(B, H) < p for p in (0.3, 0.6)] for _ in range(T)]
    expected["zoneout"] = by_hand(lstm, xs, one, one, [one] * T, *zip(*holds, strict=True))
    for form, (*hs, c) in expected.items():
        output, (h_n, c_n) = seeded(noisy(**FORMS[form]), xs)
        torch.testing.assert_close(output, torch.stack(hs), rtol=0, atol=1e-12, msg=form)
        torch.testing.assert_close(c_n[0], c, rtol=0, atol=1e-12, msg=form)
        torch.testing.assert_close(h_n[0], hs[-1], rtol=0, atol=1e-12, msg=form)


def mask_of(p: float, *shape: int) -> Any:
    """Draw one mask, 0 or 1 / (1 - p)."""
    return torch.nn.functional.dropout(torch.ones(shape, dtype=torch.float64), p).numpy()


def direction_by_hand(lstm: LSTM, suffix: str, rows: list[Any], h: Any, c: Any) -> tuple[list[Any], Any, Any]:
    """Run one direction over the living rows of each step, and draw every mask where the documentation says."""
    w, trains, (p_h, p_c) = weights_by_hand(lstm, suffix), lstm.training, lstm.zoneout
    h, c, column = h.copy(), c.copy(), {}
    mask_x, mask_h = (mask_of(lstm.variational_dropout * trains, *a.shape) for a in (rows[0], h))
    for t in reversed(range(len(rows))) if suffix.endswith("_reverse") else range(len(rows)):
        b = len(rows[t])
        mask_g = mask_of(lstm.recurrent_dropout, b, H) if trains else 1.0
        h_new, c_new = step_by_hand(lstm.cell, w, rows[t] * mask_x[:b], h[:b] * mask_h[:b], c[:b], mask_g)
        hold_h, hold_c = ((torch.rand(b, H) < p).numpy() if trains else p for p in (p_h, p_c))
        h[:b] = hold_h * h[:b] + (1 - hold_h) * h_new
        c[:b] = hold_c * c[:b] + (1 - hold_c) * c_new
        column[t] = h[:b].copy()
    return [column[t] for t in range(len(rows))], h, c


@every_cell
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
def test_every_cell_equals_its_equations_with_all_noise_in_layers_directions_and_packed_rows(
    cell: str, training: bool
) -> None:
    options = {"num_layers": 2, "bidirectional": True, "dropout": 0.3, "variational_dropout": 0.3}
    lstm = make(cell, **options, recurrent_dropout=0.2, zoneout=(0.25, 0.4), backend="auto").train(training)
    rng = torch.Generator().manual_seed(0)
    xs, h_0, c_0 = (draw(rng, *shape).detach() for shape in ((T, B, D), (4, B, H), (4, B, H)))
    torch.manual_seed(4)
    output, state = lstm(as_form(xs, "packed"), (h_0, c_0))
    rows = [xs[t, : sum(t < n for n in LENGTHS["packed"])].numpy() for t in range(T)]
    torch.manual_seed(4)
    for layer in (0, 1):
        if layer and training:
            mask = torch.from_numpy(mask_of(0.3, len(output.data), 2 * H))
            rows = [row * part.numpy() for row, part in zip(rows, mask.split([len(r) for r in rows]), strict=True)]
        columns = []
        for k, end in enumerate(["", "_reverse"]):
            at = 2 * layer + k
            column, h, c = direction_by_hand(lstm, f"_l{layer}{end}", rows, h_0[at].numpy(), c_0[at].numpy())
            columns.append(column)
            np.testing.assert_allclose(state[0][at].detach(), h, rtol=0, atol=1e-12)
            np.testing.assert_allclose(state[1][at].detach(), c, rtol=0, atol=1e-12)
        rows = [np.concatenate(pair, axis=1) for pair in zip(*columns, strict=True)]
    np.testing.assert_allclose(output.data.detach(), np.concatenate(rows), rtol=0, atol=1e-12)


@every_cell
def test_without_noise_every_cell_is_the_plain_one_to_the_bit(cell: str) -> None:
    xs = draw(torch.Generator().manual_seed(0), T, B, D)
    plain = noisy(cell, backend="reference")(xs)[0]
    quiet = noisy(cell, backend="reference", variational_dropout=0.0, recurrent_dropout=0.0, zoneout=0.0)(xs)[0]
    assert torch.equal(plain, quiet)
    for form in ("variational", "recurrent"):
        assert torch.equal(noisy(cell, backend="reference", **FORMS[form]).eval()(xs)[0], plain)


@every_cell
@every_form
def test_every_form_acts_in_every_cell_and_its_seed_repeats_it(cell: str, form: str) -> None:
    xs = draw(torch.Generator().manual_seed(0), T, B, D)
    lstm, plain = noisy(cell, **FORMS[form]), noisy(cell)
    first = seeded(lstm, xs)[0]
    assert torch.equal(first, seeded(lstm, xs)[0])
    assert not torch.allclose(first, seeded(lstm, xs, seed=2)[0])
    assert not torch.allclose(first, plain(xs)[0])


@every_cell
def test_the_gradients_of_every_noisy_cell_equal_finite_differences(cell: str) -> None:
    lstm = noisy(cell, **ALL)
    xs = draw(torch.Generator().manual_seed(0), T, B, D)
    names = [name for name, _ in lstm.named_parameters()]

    def f(xs: Tensor, *weights: Tensor) -> Any:
        torch.manual_seed(3)
        hs, state = torch.func.functional_call(lstm, dict(zip(names, weights, strict=True)), (xs,))
        return hs, *state

    assert_slopes(f, xs, *lstm.parameters())


def test_a_mean_over_many_masks_is_the_plain_pass_where_it_is_linear() -> None:
    lstm = noisy(recurrent_dropout=0.3)
    xs = draw(torch.Generator().manual_seed(0), 1, 1, D).detach().expand(1, 20_000, D)
    torch.manual_seed(0)
    c = lstm(xs)[1][1][0]
    dropped = (c == 0).double().mean(dim=0)
    torch.testing.assert_close(dropped, torch.full((H,), 0.3, dtype=torch.float64), rtol=0, atol=0.015)
    plain = noisy()(xs[:, :1])[1][1][0, 0]
    torch.testing.assert_close(c.mean(dim=0), plain, rtol=0.03, atol=0)


def test_variational_masks_are_the_same_at_every_step_and_differ_between_sequences() -> None:
    lstm = noisy(variational_dropout=0.5)
    xs = torch.ones(T, 50, D, dtype=torch.float64, requires_grad=True)
    hs, _ = seeded(lstm, xs)
    hs.sum().backward()
    seen = xs.grad != 0
    assert (seen == seen[0]).all()
    assert 0.4 < seen[0].double().mean() < 0.6
    assert len({tuple(row) for row in seen[0].tolist()}) > 10


def test_zoneout_holds_other_units_at_each_step() -> None:
    lstm = noisy(zoneout=(0.0, 0.5))
    with torch.no_grad():
        lstm.weight_hh_l0.zero_()
    xs = torch.ones(40, 30, D, dtype=torch.float64)
    cs = torch.stack([seeded(lstm, xs[:t])[1][1][0] for t in range(1, 41)])
    held = cs[1:] == cs[:-1]
    assert 0.45 < held.double().mean() < 0.55
    assert not (held == held[0]).all()


def test_the_memory_is_never_dropped_by_recurrent_dropout() -> None:
    lstm = noisy(recurrent_dropout=1.0)
    xs, start = draw(torch.Generator().manual_seed(0), T, B, D), torch.randn(1, B, H, dtype=torch.float64)
    with torch.no_grad():
        lstm.bias_ih_l0[H : 2 * H] = 80.0  # forget gates wide open
    _, (_, c) = lstm(xs, (torch.zeros_like(start), start))
    torch.testing.assert_close(c, start, rtol=0, atol=1e-12)


def test_in_eval_zoneout_takes_the_mean_of_both_outcomes() -> None:
    lstm = noisy(zoneout=(0.25, 0.5)).eval()
    xs = draw(torch.Generator().manual_seed(0), 1, B, D)
    start = tuple(torch.randn(1, B, H, dtype=torch.float64) for _ in "hc")
    h_new, c_new = noisy()(xs, start)[1]
    h, c = lstm(xs, start)[1]
    torch.testing.assert_close(h, 0.25 * start[0] + 0.75 * h_new, rtol=0, atol=1e-12)
    torch.testing.assert_close(c, 0.5 * start[1] + 0.5 * c_new, rtol=0, atol=1e-12)


@every_form
@pytest.mark.parametrize("packing", LENGTHS)
def test_packed_sequences_get_the_masks_of_their_own_rows(form: str, packing: str) -> None:
    """Padding must not matter: a sequence that has ended keeps its state, whatever is drawn later."""
    xs = draw(torch.Generator().manual_seed(0), T, B, D)
    lstm = noisy(**FORMS[form], bidirectional=True, num_layers=2)
    other = xs.detach().clone()
    for n, length in enumerate(LENGTHS[packing]):
        other[length:, n] = 99.0
    for seed in range(3):
        a, b = (seeded(lstm, as_form(x, packing), seed) for x in (xs, other))
        assert torch.equal(a[0].data, b[0].data)
        assert torch.equal(a[1][1], b[1][1])


def test_variational_masks_follow_their_sequences_in_a_packed_batch() -> None:
    xs = torch.ones(T, B, D, dtype=torch.float64, requires_grad=True)
    output, _ = seeded(noisy(variational_dropout=0.5), as_form(xs, "packed"))
    output.data.sum().backward()
    for n, length in enumerate(LENGTHS["packed"]):
        seen = xs.grad[:length, n] != 0
        assert (seen == seen[0]).all()


def test_both_directions_and_all_layers_are_noisy() -> None:
    lstm, xs = noisy(num_layers=2, bidirectional=True, zoneout=(0.0, 0.999)), torch.randn(T, B, D, dtype=torch.float64)
    _, (_, c) = seeded(lstm, xs)
    assert ((c == 0).double().mean(dim=(1, 2)) > 0.9).all()


def test_a_noisy_module_is_copied_pickled_and_shown_with_its_noise() -> None:
    lstm, xs = noisy(**ALL), torch.randn(T, B, D, dtype=torch.float64)
    for other in (copy.deepcopy(lstm), pickle.loads(pickle.dumps(lstm))):
        assert torch.equal(seeded(other, xs)[0], seeded(lstm, xs)[0])
    assert "variational_dropout=0.3, recurrent_dropout=0.2, zoneout=(0.4, 0.4)" in repr(lstm)
    assert repr(noisy()) == "LSTM(5, 4)"


def test_noise_is_no_part_of_a_checkpoint() -> None:
    lstm, plain = noisy(**ALL), noisy(seed=5)
    plain.load_state_dict(lstm.state_dict())
    assert run(plain, torch.randn(T, B, D, dtype=torch.float64), None)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"variational_dropout": 1.5}, r"got variational_dropout 1.5, expected a probability, a number in \[0, 1\]"),
        ({"recurrent_dropout": True}, "got recurrent_dropout True, expected a probability"),
        ({"zoneout": "much"}, "got zoneout 'much', expected a probability"),
        ({"zoneout": (0.1, 0.2, 0.3)}, r"got zoneout .*, expected one probability, or a pair for h and c"),
        ({"zoneout": (0.1, -0.2)}, "got zoneout -0.2, expected a probability"),
        ({"zoneout": 0.1, "backend": "native"}, "got backend 'native', expected 'auto', 'fused' or 'reference': z"),
    ],
)
def test_bad_rates_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LSTM(D, H, **options)


def test_zoneout_keeps_the_state_itself_and_not_what_its_mask_left_of_it() -> None:
    lstm, xs = noisy(variational_dropout=0.5, zoneout=1.0), torch.randn(T, B, D, dtype=torch.float64)
    start = tuple(torch.randn(1, B, H, dtype=torch.float64) for _ in "hc")
    _, end = lstm(xs, start)
    assert torch.equal(end[0], start[0])
    assert torch.equal(end[1], start[1])


def test_in_eval_the_fast_path_comes_back_where_no_noise_is_left() -> None:
    xs = torch.randn(T, B, D, dtype=torch.float64)
    noisy_one, native = noisy(variational_dropout=0.5).eval(), noisy(backend="native")
    assert torch.equal(noisy_one(xs)[0], native(xs)[0])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
def test_the_rates_hold_in_every_dtype(dtype: torch.dtype) -> None:
    """A uniform number of bfloat16 has 256 values: a rate of 0.001 drawn with it would be 0.004."""
    p, entries = 1e-3, 1_000_000
    old, new = State(*torch.zeros(2, 1000, 1000, dtype=dtype)), State(*torch.ones(2, 1000, 1000, dtype=dtype))
    torch.manual_seed(0)
    noise = Noise(variational=p, recurrent=p, zoneout_h=p, zoneout_c=p, training=True)
    held = noise.zone_out(new, old)
    for kept in (held.h, held.c, noise.drop_content(new.c), noise.mask_sequences(new.c)):
        dropped = (kept == 0).sum().item()
        assert kept.dtype == dtype
        assert abs(dropped - p * entries) < 5 * (p * entries) ** 0.5


@every_form
def test_noise_acts_under_autocast_and_in_a_compiled_module(form: str) -> None:
    lstm, xs = noisy(**FORMS[form], num_layers=2).float(), torch.randn(T, B, D)
    exact = seeded(lstm, xs)[0]
    with torch.autocast("cpu", torch.bfloat16):
        low = seeded(lstm, xs)[0]
    assert low.dtype == torch.bfloat16
    torch.testing.assert_close(low.float(), exact, rtol=0, atol=0.02)
    torch._dynamo.reset()
    compiled = torch.compile(copy.deepcopy(lstm), backend="aot_eager")
    torch.testing.assert_close(seeded(compiled, xs)[0], exact)


def test_rates_may_be_numbers_of_numpy() -> None:
    lstm = noisy(variational_dropout=np.float32(0.5), zoneout=(np.float64(0.25), 0))
    assert (lstm.variational_dropout, lstm.zoneout) == (0.5, (0.25, 0.0))
    assert type(lstm.variational_dropout) is float
