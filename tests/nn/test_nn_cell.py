"""``LSTMCell`` in the place of ``torch.nn.LSTMCell``, and any cell beside one step of ``LSTM``."""

import copy
import pickle
from typing import Any

import pytest
import torch
from nn_helpers import TOLERANCE, B, D, H, T, assert_close, draw, make

from lstm_lib.nn import CELLS, LSTM, LSTMCell, State, set_chrono, set_forget_bias, set_orthogonal

every_cell = pytest.mark.parametrize("cell", CELLS)
both_biases = pytest.mark.parametrize("bias", [True, False], ids=["biases", "no biases"])
FORMS = {"batch": (B,), "one event": (), "empty batch": (0,)}


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def step(cell: Any, x: torch.Tensor, state: Any, *, as_sequence: bool = False) -> dict[str, torch.Tensor]:
    """Take a step and go backward from random gradients of h and c; return all results."""
    x = x.detach().clone().requires_grad_()
    given = None if state is None else tuple(part.detach().clone().requires_grad_() for part in state)
    cell.zero_grad()
    if as_sequence:
        _, last = cell(x[None], None if given is None else tuple(part[None] for part in given))
        h, c = (part[0] for part in last)
    else:
        h, c = cell(x, given)
    seeds = [draw(rng(20 + k), *part.shape, dtype=part.dtype).detach() for k, part in enumerate((h, c))]
    torch.autograd.backward((h, c), seeds)
    found = {"h": h, "c": c, "∂x": x.grad}
    found |= {} if given is None else {"∂h": given[0].grad, "∂c": given[1].grad}
    found |= {f"∂{name.removesuffix('_l0')}": p.grad for name, p in cell.named_parameters()}
    return {name: value.detach().clone() for name, value in found.items()}


@both_biases
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_the_standard_cell_gives_the_numbers_of_torch(dtype: torch.dtype, form: str, bias: bool) -> None:
    torch.manual_seed(0)
    theirs = torch.nn.LSTMCell(D, H, bias, dtype=dtype)
    torch.manual_seed(0)
    ours = LSTMCell(D, H, bias, dtype=dtype)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert_close(dict(ours.named_parameters()), dict(theirs.named_parameters()), 0.0)
    assert (ours.bias_ih is None) == (theirs.bias_ih is None)
    assert repr(ours) == repr(theirs)
    x, state = draw(rng(1), *FORMS[form], D, dtype=dtype), [draw(rng(k), *FORMS[form], H, dtype=dtype) for k in (2, 3)]
    for given in (None, state):
        found, expected = (step(cell, x, given) for cell in (ours, theirs))
        if form == "empty batch":
            assert {name: value.shape for name, value in found.items()} == {n: v.shape for n, v in expected.items()}
        else:
            assert_close(found, expected, TOLERANCE[dtype])
            assert_close(ours_by_reading(ours, x, given), expected, TOLERANCE[dtype])


def ours_by_reading(cell: LSTMCell, x: torch.Tensor, state: Any) -> dict[str, torch.Tensor]:
    """Take the step that one can read where torch's kernel would take it."""
    read = copy.deepcopy(cell)
    zeros = x.new_zeros(*x.shape[:-1], H)
    read.forward = lambda x, given: read._step(x, State(*(given or (zeros, zeros))))  # type: ignore[method-assign]
    return step(read, x, state)


@both_biases
@every_cell
def test_a_cell_is_one_step_of_the_lstm_with_all_gradients(cell: str, bias: bool) -> None:
    lstm = make(cell, bias=bias)
    one = LSTMCell(D, H, bias, cell=cell, dtype=torch.float64)
    one.load_state_dict({name.removesuffix("_l0"): value for name, value in lstm.state_dict().items()})
    for shape in ((B,), ()):
        x, state = draw(rng(1), *shape, D), [draw(rng(k), *shape, H) for k in (2, 3)]
        for given in (None, state):
            assert_close(step(one, x, given), step(lstm, x, given, as_sequence=True), 1e-12)


@every_cell
def test_steps_in_a_loop_are_the_sequence(cell: str) -> None:
    lstm, one = make(cell), LSTMCell(D, H, cell=cell, dtype=torch.float64)
    one.load_state_dict({name.removesuffix("_l0"): value for name, value in lstm.state_dict().items()})
    xs, state, hs = draw(rng(), 6, B, D), None, []
    for x in xs:
        state = one(x, state)
        hs.append(state[0])
    torch.testing.assert_close(torch.stack(hs), lstm(xs)[0], rtol=0, atol=1e-13)


def loop(cell: Any) -> Any:
    """Return what walks over (T, B, D) with a cell, and answers as an LSTM of one layer does."""

    def walk(xs: torch.Tensor, state: Any) -> Any:
        (h, c), hs = (part[0] for part in state), []
        for x in xs:
            h, c = cell(x, (h, c))
            hs.append(h)
        return torch.stack(hs), (h[None], c[None])

    return walk


def walked(run: Any, module: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Walk from a state that is not zero, and back from random gradients of all outputs and of the last state."""
    xs, h, c = draw(rng(1), T, B, D), draw(rng(2), 1, B, H), draw(rng(3), 1, B, H)
    module.zero_grad()
    hs, (h_n, c_n) = run(xs, (h, c))
    found = {"hs": hs, "h": h_n, "c": c_n}
    seeds = [draw(rng(20 + k), *part.shape).detach() for k, part in enumerate(found.values())]
    torch.autograd.backward(tuple(found.values()), seeds)
    found |= {"∂xs": xs.grad, "∂h": h.grad, "∂c": c.grad}
    found |= {f"∂{name.removesuffix('_l0')}": p.grad for name, p in module.named_parameters()}
    return {name: value.detach().clone() for name, value in found.items()}


def put(source: torch.nn.Module, target: torch.nn.Module) -> torch.nn.Module:
    """Copy weights between a cell and a layer."""
    suffix = "_l0" if isinstance(target, torch.nn.LSTM) else ""
    names = [(name.removesuffix("_l0") + suffix, value) for name, value in source.state_dict().items()]
    target.load_state_dict(dict(names))
    return target


@every_cell
@both_biases
def test_a_loop_from_a_state_is_every_backend_and_torch_with_all_gradients(cell: str, bias: bool) -> None:
    options: dict[str, Any] = {"bias": bias, "dtype": torch.float64}
    ours = put(make(cell, bias=bias), LSTMCell(D, H, cell=cell, **options))
    expected = walked(loop(ours), ours)
    assert all(value.abs().max() > 1e-3 for value in expected.values())  # nothing is left out by being zero
    assert_close(walked(loop(lambda x, old: ours._step(x, State(*old))), ours), expected, TOLERANCE[torch.float64])
    backends = ["reference", "fused", "auto", *(["native"] if cell == "standard" else [])]
    for backend in backends:
        layer = put(ours, LSTM(D, H, cell=cell, backend=backend, **options))
        assert_close(walked(layer, layer), expected, TOLERANCE[torch.float64])
    if cell == "standard":
        for theirs in (torch.nn.LSTM(D, H, **options), torch.nn.LSTMCell(D, H, **options)):
            put(ours, theirs)
            walk = theirs if isinstance(theirs, torch.nn.LSTM) else loop(theirs)
            assert_close(walked(walk, theirs), expected, TOLERANCE[torch.float64])


@every_cell
def test_starts_copies_and_names_work_as_for_the_lstm(cell: str) -> None:
    one = LSTMCell(D, H, cell=cell)
    assert repr(one) == (f"LSTMCell({D}, {H})" if cell == "standard" else f"LSTMCell({D}, {H}, cell={cell!r})")
    if "f" in CELLS[cell].gates:
        set_forget_bias(one, 2.0)
        row = CELLS[cell].gates.index("f")
        assert (one.bias_ih + one.bias_hh)[row * H : (row + 1) * H].eq(2).all()
        set_chrono(rng(), one, 20)
    set_orthogonal(rng(), one)
    x = torch.ones(B, D)
    for other in (copy.deepcopy(one), pickle.loads(pickle.dumps(one))):
        assert torch.equal(other(x)[0], one(x)[0])
    if cell == "layernorm":
        assert one.weight_norm_c.eq(1).all()
        assert one.bias_norm_c.eq(0).all()


def test_to_torch_gives_torchs_cell() -> None:
    one, x = LSTMCell(D, H, bias=False).eval(), torch.ones(B, D)
    theirs = one.to_torch()
    assert type(theirs) is torch.nn.LSTMCell
    assert not theirs.training
    assert torch.equal(theirs(x)[0], one(x)[0])
    with pytest.raises(ValueError, match="got cell 'janet', expected 'standard'"):
        LSTMCell(D, H, cell="janet").to_torch()


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")  # torch.func itself still uses it
@every_cell
def test_torch_func_and_compile_take_a_cell(cell: str) -> None:
    one = LSTMCell(D, H, cell=cell, dtype=torch.float64)
    xs = draw(rng(), 4, B, D).detach()
    expected = torch.stack([one(x)[0] for x in xs])
    torch.testing.assert_close(torch.func.vmap(lambda x: one(x)[0])(xs), expected, rtol=0, atol=1e-14)
    _, slope = torch.func.jvp(lambda x: one(x)[0], (xs[0],), (xs[1],))
    difference = (one(xs[0] + 1e-6 * xs[1])[0] - one(xs[0] - 1e-6 * xs[1])[0]) / 2e-6
    torch.testing.assert_close(slope, difference, rtol=1e-6, atol=1e-8)
    torch._dynamo.reset()
    compiled = torch.compile(one, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(xs[0])[0], expected[0], rtol=0, atol=1e-14)


@every_cell
def test_autocast_answers_in_bfloat16(cell: str) -> None:
    one, x = LSTMCell(D, H, cell=cell), torch.ones(B, D)
    exact, _ = one(x)
    with torch.autocast("cpu", torch.bfloat16):
        h, c = one(x)
        h, c = one(x, (h, c))
        again, _ = one(x)
        theirs = torch.nn.LSTMCell(D, H)(x)
    expected = [part.dtype for part in theirs] if cell == "standard" else [torch.bfloat16] * 2
    assert [h.dtype, c.dtype] == expected
    torch.testing.assert_close(again.float(), exact, rtol=0, atol=0.02)


def test_bad_input_is_refused_with_the_error_type_of_torch() -> None:
    theirs, ours = torch.nn.LSTMCell(D, H), LSTMCell(D, H)
    x, h = torch.ones(B, D), torch.ones(B, H)
    for arguments, message in (
        ((x[None],), r"got input of 3 dimensions, expected 2 \(a batch\) or 1"),
        ((x[:, 1:],), "got input with 4 features, expected input_size = 5"),
        ((x, (h[1:], h)), r"got h_0 of shape \(2, 4\), expected \(3, 4\)"),
        ((x, (h, h[:, 1:])), r"got c_0 of shape \(3, 3\), expected \(3, 4\)"),
        ((x.double(),), "got input of dtype torch.float64, expected that of the weights"),
    ):
        with pytest.raises((RuntimeError, ValueError)) as caught:
            theirs(*arguments)
        with pytest.raises(caught.type, match=message):
            ours(*arguments)
    with pytest.raises(TypeError, match="got input of type list, expected a Tensor"):
        ours([1.0])
    with pytest.raises(TypeError, match="got a state of type Tensor, expected a pair"):
        ours(x, h)
    for options in ({"input_size": 0}, {"hidden_size": 2.5}, {"cell": "gru"}):
        with pytest.raises((TypeError, ValueError), match="got "):
            LSTMCell(**({"input_size": D, "hidden_size": H} | options))
