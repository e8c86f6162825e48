"""The module in the place of ``torch.nn.LSTM``: same numbers in every configuration, same checkpoints, same errors."""

import copy
import io
import itertools
import pickle
import re
import sys
import types
from typing import Any

import pytest
import torch
from nn_helpers import (
    FORMS,
    HAS_BFLOAT16,
    IS_PINNED,
    LENGTHS,
    NO_BFLOAT16,
    TOLERANCE,
    B,
    D,
    H,
    P,
    T,
    as_form,
    assert_close,
    draw,
    make_input,
    make_state,
    module_cases,
    run,
    twin,
)
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from lstm_lib.nn import LSTM

BACKENDS = ("reference", "native", "fused", "auto")
both_backends = pytest.mark.parametrize("backend", ["reference", "native", "fused"])
no_onednn_for_projections = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")


@pytest.fixture(autouse=True)
def _the_same_weights_every_time() -> None:
    torch.manual_seed(0)


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def name_of(value: Any) -> str:
    """Name one parameter of the grid in the name of its test."""
    return "-".join(map(str, value.values())) if isinstance(value, dict) else str(value).removeprefix("torch.")


def assert_refused(function: Any, kind: type[Exception], message: str) -> None:
    """Hold that a call raises exactly this kind of error, with this in its text."""
    with pytest.raises(kind, match=re.escape(message)) as caught:
        function()
    assert caught.type is kind


# ---------------------------------------------------------------- the grid

OPTIONS = [
    {"num_layers": layers, "bidirectional": both, "bias": bias, "proj_size": proj}
    for layers, both, bias, proj in itertools.product((1, 2), (False, True), (True, False), (0, P))
]
OPTIONS += [{"num_layers": 3, "bidirectional": True, "bias": True, "proj_size": 0}]
GROUPS = list(itertools.product(OPTIONS, FORMS))  # one test each, in which one result of torch serves every backend
INSIDE = list(itertools.product(TOLERANCE, (True, False), BACKENDS))  # dtype, whether there is a state, backend


@no_onednn_for_projections
@pytest.mark.parametrize(("options", "form"), GROUPS, ids=name_of)
def test_a_checkpoint_of_torch_gives_the_same_numbers(options: dict[str, Any], form: str) -> None:
    checked = []
    for dtype in TOLERANCE:
        theirs = torch.nn.LSTM(D, H, **options, batch_first=form == "batch first", dtype=dtype)
        for k, parameter in enumerate(theirs.parameters()):
            parameter.data.copy_(draw(rng(k), *parameter.shape).detach() / 2)
        ours = {backend: twin(theirs, backend) for backend in BACKENDS}
        xs = make_input(rng(100), form, dtype)
        for has_state in (True, False):
            state = make_state(rng(101), form, theirs, dtype) if has_state else None
            expected, kind = in_both_modes(theirs, xs, state, form)
            for backend, lstm in ours.items():
                found, same_kind = in_both_modes(lstm, xs, state, form)
                assert_close(found, expected, TOLERANCE[dtype])
                assert same_kind is kind
                checked.append((dtype, has_state, backend))
    assert checked == INSIDE


def in_both_modes(lstm: Any, xs: torch.Tensor, state: Any, form: str) -> tuple[dict[str, torch.Tensor], type]:
    """Run with all gradients in training, and without any in eval mode; also return the type of the output."""
    results = run(lstm.train(), xs, state, form)
    with torch.no_grad():
        output, last = lstm.eval()(as_form(xs, form), state)
    hs = output.data if form in LENGTHS else output
    return results | {"eval output": hs, "eval h_n": last[0], "eval c_n": last[1]}, type(output)


def test_the_grid_says_how_many_configurations_it_holds(capsys: pytest.CaptureFixture[str]) -> None:
    count = len({(str(options), form, *inside) for options, form in GROUPS for inside in INSIDE})
    with capsys.disabled():
        print(f"\nparity with torch.nn.LSTM: {count} configurations, each in train and in eval mode, ", end="")
        print(f"and {2 * len(BACKENDS)} x {len(module_cases(True))} cases of PyTorch's own module tests ", end="")
    assert count == len(GROUPS) * len(INSIDE) == 17 * 5 * 2 * 2 * 4


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
def test_the_lstm_cases_of_pytorchs_own_module_tests_pass(training: bool, backend: str) -> None:
    cases = module_cases(training)
    assert len(cases) >= 32
    for case in cases:
        made = case.constructor_input
        theirs = torch.nn.LSTM(*made.args, **made.kwargs, dtype=torch.float64).train(training)
        ours = LSTM(*made.args, **made.kwargs, dtype=torch.float64, backend=backend).train(training)
        ours.load_state_dict(theirs.state_dict())
        xs, *state = case.forward_input.args
        assert not case.forward_input.kwargs
        state = state[0] if state else None
        assert_close(run(ours, xs, state), run(theirs, xs, state), 1e-11)


@no_onednn_for_projections
@both_backends
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("proj_size", [0, P])
def test_dropout_drops_what_torch_drops(form: str, proj_size: int, backend: str) -> None:
    first = form == "batch first"
    theirs = torch.nn.LSTM(D, H, 3, dropout=0.4, bidirectional=True, batch_first=first, proj_size=proj_size).double()
    xs, ours = make_input(rng(), form, torch.float64), twin(theirs, backend)
    results = []
    for lstm in (theirs, ours):
        torch.manual_seed(5)  # both draw from torch's one generator on a CPU, in the same order
        results.append(run(lstm, xs, None, form))
    assert_close(results[1], results[0], 1e-11)
    torch.manual_seed(6)
    assert not torch.allclose(run(ours, xs, None, form)["output"], results[1]["output"])
    assert_close(run(ours.eval(), xs, None, form), run(theirs.eval(), xs, None, form), 1e-11)


@both_backends
def test_dropout_of_one_drops_everything_between_layers(backend: str) -> None:
    lstm = LSTM(D, H, 2, dropout=1.0, backend=backend)
    one, other = (lstm(draw(rng(k), T, B, D, dtype=torch.float32))[0] for k in range(2))
    assert torch.equal(one, other)


# ---------------------------------------------------------------- parameters


@pytest.mark.parametrize("options", OPTIONS, ids=lambda o: "-".join(map(str, o.values())))
def test_a_seed_gives_the_parameters_that_it_gives_torch(options: dict[str, Any]) -> None:
    torch.manual_seed(3)
    theirs = torch.nn.LSTM(D, H, **options)
    torch.manual_seed(3)
    ours = LSTM(D, H, **options)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for (name, p), (their_name, q) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
        assert name == their_name
        assert torch.equal(p, q), name
    theirs.load_state_dict(ours.state_dict())  # and back
    for mine, other in zip(ours.all_weights, theirs.all_weights, strict=True):
        assert [w.shape for w in mine] == [w.shape for w in other]


@both_backends
def test_a_copy_and_a_pickle_and_a_checkpoint_give_the_same_numbers(backend: str) -> None:
    lstm = LSTM(D, H, 2, bidirectional=True, backend=backend).double()
    xs = draw(rng(), T, B, D)
    expected = run(lstm, xs, None)
    file = io.BytesIO()
    torch.save(lstm.state_dict(), file)
    file.seek(0)
    loaded = LSTM(D, H, 2, bidirectional=True, backend=backend).double()
    loaded.load_state_dict(torch.load(file, weights_only=True))
    for other in (copy.deepcopy(lstm), pickle.loads(pickle.dumps(lstm)), loaded):
        assert_close(run(other, xs, None), expected, 0.0)
        assert other.weight_hh_l1 is not lstm.weight_hh_l1
    with torch.no_grad():
        copy.deepcopy(lstm).weight_hh_l0.zero_()
    assert_close(run(lstm, xs, None), expected, 0.0)


@both_backends
def test_the_module_follows_dtype_device_and_training(backend: str) -> None:
    lstm = LSTM(D, H, 2, backend=backend, device="meta")
    assert lstm(torch.empty(T, B, D, device="meta"))[0].shape == (T, B, H)
    lstm = lstm.to_empty(device="cpu").double()
    lstm.reset_parameters()
    lstm.flatten_parameters()
    assert lstm(torch.ones(T, B, D).double())[0].dtype == torch.float64
    assert lstm.bfloat16()(torch.ones(T, B, D).bfloat16())[0].dtype == torch.bfloat16


@both_backends
def test_a_parametrised_weight_is_used(backend: str) -> None:
    theirs = torch.nn.LSTM(D, H, dtype=torch.float64)
    ours = twin(theirs, backend)
    torch.nn.utils.parametrizations.weight_norm(ours, "weight_hh_l0")
    with torch.no_grad():
        ours.parametrizations.weight_hh_l0.original0.mul_(2)  # the length of each row
        theirs.weight_hh_l0.mul_(2)
    xs = draw(rng(), T, B, D)
    torch.testing.assert_close(ours(xs)[0], theirs(xs)[0], rtol=0, atol=1e-14)


# ---------------------------------------------------------------- forms of input


@both_backends
@pytest.mark.parametrize("form", LENGTHS)
def test_packed_sequences_equal_each_sequence_alone(form: str, backend: str) -> None:
    lstm = LSTM(D, H, 2, bidirectional=True, backend=backend, dtype=torch.float64)
    xs = draw(rng(), T, B, D)
    h_0, c_0 = (draw(rng(k), 4, B, H) for k in (1, 2))
    packed, (h_n, c_n) = lstm(as_form(xs, form), (h_0, c_0))
    hs, lengths = pad_packed_sequence(packed)
    assert lengths.tolist() == LENGTHS[form]
    for k, length in enumerate(LENGTHS[form]):
        alone, (h, c) = lstm(xs[:length, k], (h_0[:, k], c_0[:, k]))
        for actual, expected in ((hs[:length, k], alone), (h_n[:, k], h), (c_n[:, k], c)):
            torch.testing.assert_close(actual, expected, rtol=0, atol=1e-14)
        assert not hs[length:, k].any()


@both_backends
def test_packed_batch_first_and_turned_memory_change_nothing(backend: str) -> None:
    lstm = LSTM(D, H, batch_first=True, bidirectional=True, backend=backend, dtype=torch.float64)
    xs = draw(rng(), T, B, D)
    first = pack_padded_sequence(xs.transpose(0, 1), LENGTHS["packed"], batch_first=True)
    assert torch.equal(lstm(first)[0].data, lstm(as_form(xs, "packed"))[0].data)
    turned = xs.transpose(0, 1)
    assert not turned.is_contiguous()
    torch.testing.assert_close(lstm(turned)[0], lstm(turned.contiguous())[0], rtol=0, atol=1e-14)


@both_backends
def test_an_empty_batch_gives_an_empty_output(backend: str) -> None:
    hs, (h, c) = LSTM(D, H, 2, bidirectional=True, backend=backend)(torch.ones(T, 0, D))
    assert (hs.shape, h.shape, c.shape) == ((T, 0, 2 * H), (4, 0, H), (4, 0, H))


def test_the_backward_direction_alone_sees_the_future() -> None:
    lstm = LSTM(D, H, bidirectional=True, backend="reference", dtype=torch.float64)
    xs = draw(rng(), T, B, D).detach()
    changed = xs.clone()
    changed[4] += 1
    past, other = lstm(xs)[0], lstm(changed)[0]
    assert torch.equal(past[:4, :, :H], other[:4, :, :H])
    assert torch.equal(past[5:, :, H:], other[5:, :, H:])
    assert (past[4:, :, :H] != other[4:, :, :H]).all()
    assert (past[:5, :, H:] != other[:5, :, H:]).all()


# ---------------------------------------------------------------- torch's other machinery


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])
def test_functional_call_and_functional_gradients_equal_autograd(dtype: torch.dtype, backend: str) -> None:
    lstm = LSTM(D, H, 2, backend=backend, dtype=dtype)
    xs = draw(rng(), T, B, D, dtype=dtype)
    other = {name: draw(rng(k), *p.shape, dtype=dtype) for k, (name, p) in enumerate(lstm.named_parameters())}

    def loss(parameters: dict[str, torch.Tensor]) -> torch.Tensor:
        return torch.func.functional_call(lstm, parameters, (xs,))[0].pow(2).sum()

    gradients = torch.func.grad(loss)({name: p.detach() for name, p in other.items()})
    lstm.load_state_dict(other)
    lstm(xs)[0].pow(2).sum().backward()
    assert_close(gradients, {name: p.grad for name, p in lstm.named_parameters()}, TOLERANCE[dtype])


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")  # torch.func.jvp itself still uses it
@pytest.mark.parametrize("backend", ["reference", "auto"])
def test_vmap_and_forward_differentiation_work(backend: str) -> None:
    lstm = LSTM(D, H, backend=backend)
    xs, tangent = (draw(rng(k), 6, T, B, D, dtype=torch.float32).detach() for k in range(2))
    mapped = torch.func.vmap(lambda x: lstm(x)[0])(xs)
    torch.testing.assert_close(mapped, torch.stack([lstm(x)[0] for x in xs]))
    _, slope = torch.func.jvp(lambda x: lstm(x)[0], (xs[0],), (tangent[0],))
    exact = copy.deepcopy(lstm).double()
    x, direction = xs[0].double(), 1e-6 * tangent[0].double()
    difference = (exact(x + direction)[0] - exact(x - direction)[0]) / 2e-6
    torch.testing.assert_close(slope.double(), difference, rtol=1e-4, atol=1e-5)


def test_the_reference_can_be_differentiated_twice() -> None:
    theirs = torch.nn.LSTM(2, 3, 2, bidirectional=True, proj_size=1, dtype=torch.float64)
    ours = twin(theirs, "reference")
    xs = draw(rng(), 4, 2, 2)
    assert torch.autograd.gradgradcheck(lambda x: ours(x)[0], (xs,))
    penalties = []
    for lstm in (ours, theirs):
        (slope,) = torch.autograd.grad(lstm(xs)[0].pow(3).sum(), xs, create_graph=True)
        lstm.zero_grad()
        slope.pow(2).sum().backward()
        penalties.append({name: p.grad for name, p in lstm.named_parameters()})
    assert_close(penalties[0], penalties[1], 1e-11)


@no_onednn_for_projections
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("proj_size", [0, P])
def test_autocast_answers_in_bfloat16_close_to_float32(proj_size: int, backend: str) -> None:
    can = HAS_BFLOAT16 or proj_size  # projections torch computes without oneDNN
    if backend == "native" and not can:
        pytest.skip(NO_BFLOAT16)
    theirs = torch.nn.LSTM(D, H, 2, bidirectional=True, proj_size=proj_size)
    ours = twin(theirs, backend)
    xs = draw(rng(), T, B, D, dtype=torch.float32)
    exact, _ = theirs(xs)
    with torch.autocast("cpu", torch.bfloat16):
        hs, (h, c) = ours(xs)
        assert {hs.dtype, h.dtype} == {torch.bfloat16}
        torch.testing.assert_close(hs.float(), exact, rtol=0, atol=0.02)
        if can:
            their_hs, (their_h, _) = theirs(xs)
            assert {their_hs.dtype, their_h.dtype} == {torch.bfloat16}
            torch.testing.assert_close(hs, their_hs, rtol=0, atol=0.02)
        state = (h.float(), c.float())
        assert ours(xs.bfloat16(), state)[0].dtype == torch.bfloat16  # dtypes may differ where autocast mends them
    hs.float().sum().backward()
    assert all(p.grad.dtype == torch.float32 and p.grad.isfinite().all() for p in ours.parameters())
    with torch.autocast("cpu", torch.bfloat16):
        assert ours.double()(xs.double())[0].dtype == torch.float64


def test_float16_on_a_processor_takes_a_path_that_can_compute_it() -> None:
    xs = torch.randn(T, B, D)
    lstm = LSTM(D, H)
    exact, _ = lstm(xs)
    with torch.autocast("cpu", torch.float16):
        half, (h, c) = lstm(xs)
        narrow, _ = lstm(xs.bfloat16())
    assert {half.dtype, h.dtype, c.dtype} == {torch.float16}
    assert narrow.dtype == torch.float16
    torch.testing.assert_close(half.float(), exact, rtol=0, atol=5e-3)
    torch.testing.assert_close(narrow.float(), exact, rtol=0, atol=2e-2)


@pytest.mark.parametrize(("form", "backend"), [("batch", "reference"), ("batch", "native"), ("packed", "auto")])
def test_a_compiled_module_gives_the_same_numbers(form: str, backend: str) -> None:
    torch._dynamo.reset()
    lstm = LSTM(D, H, 1, bidirectional=True, backend=backend, dtype=torch.float64)
    xs, compiled = make_input(rng(), form, torch.float64), torch.compile(copy.deepcopy(lstm), backend="aot_eager")
    actual = {name.replace("_orig_mod.", ""): value for name, value in run(compiled, xs, None, form).items()}
    assert_close(actual, run(lstm, xs, None, form), 1e-11)


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"input_size": 0}, "got input_size 0, expected at least 1"),
        ({"hidden_size": -1}, "got hidden_size -1, expected at least 1"),
        ({"num_layers": 0}, "got num_layers 0, expected at least 1"),
        ({"proj_size": -1}, "got proj_size -1, expected at least 0"),
        ({"proj_size": 4}, "got proj_size 4, expected less than hidden_size 4"),
        ({"input_size": 2.0}, "got input_size of type float, expected int"),
        ({"hidden_size": "4"}, "got hidden_size of type str, expected int"),
        ({"num_layers": 1.5}, "got num_layers of type float, expected int"),
        ({"bias": 1}, "got bias of type int, expected bool"),
        ({"batch_first": None}, "got batch_first of type NoneType, expected bool"),
        ({"dropout": 1.5}, "got dropout 1.5, expected the probability of a zero, a number in [0, 1]"),
        ({"dropout": True}, "got dropout True, expected"),
        ({"dropout": "0.5"}, "got dropout '0.5', expected"),
    ],
    ids=str,
)
def test_bad_arguments_are_refused_with_the_error_type_of_torch(arguments: dict[str, Any], message: str) -> None:
    arguments = {"input_size": D, "hidden_size": H, **arguments}
    if not IS_PINNED:
        with pytest.raises((TypeError, ValueError), match=re.escape(message)):
            LSTM(**arguments)
        return
    with pytest.raises((TypeError, ValueError)) as caught:
        torch.nn.LSTM(**arguments)
    assert_refused(lambda: LSTM(**arguments), caught.type, message)


def test_dropout_without_a_place_to_act_is_warned_of_at_the_line_that_asks() -> None:
    with pytest.warns(UserWarning, match="got dropout 0.5 with num_layers 1, expected more layers") as caught:
        LSTM(D, H, dropout=0.5)
    assert caught[0].filename == __file__


@both_backends
def test_bad_inputs_are_refused_with_the_error_type_of_torch(backend: str) -> None:
    xs, h = torch.ones(T, B, D), torch.ones(2, B, H)
    packed = as_form(xs, "packed")
    theirs = torch.nn.LSTM(D, H, 2)
    ours = twin(theirs, backend)
    for arguments, message in (
        ((xs[0, 0],), "got input of 1 dimensions, expected 3 (a batch) or 2 (one sequence)"),
        ((xs[None],), "got input of 4 dimensions, expected 3"),
        ((xs[..., 1:],), "got input with 4 features, expected input_size = 5"),
        ((xs.double(),), "got input of dtype torch.float64, expected that of the weights, torch.float32"),
        ((xs.long(),), "got input of dtype torch.int64, expected that of the weights"),
        ((xs[:0],), "got input of 0 steps, expected at least 1"),
        ((xs, (h[:1], h)), "got h_0 of shape (1, 3, 4), expected (2, 3, 4)"),
        ((xs, (h, h[..., 1:])), "got c_0 of shape (2, 3, 3), expected (2, 3, 4)"),
        ((xs, (h[:, 0], h[:, 0])), "got h_0 of shape (2, 4), expected (2, 3, 4)"),
        ((xs[:, 0], (h, h)), "got h_0 of shape (2, 3, 4), expected (2, 4)"),
        ((as_form(xs[..., 1:], "packed"),), "got input with 4 features, expected input_size = 5"),
        ((as_form(xs.double(), "packed"),), "got input of dtype torch.float64, expected that of the weights"),
        ((packed, (h[:, 1:], h[:, 1:])), "got h_0 of shape (2, 2, 4), expected (2, 3, 4)"),
        ((xs, (h.half(), h.half())), "got h_0 of dtype torch.float16, expected that of the input, torch.float32"),
    ):
        with pytest.raises((RuntimeError, ValueError)) as caught:
            theirs(*arguments)
        assert_refused(lambda arguments=arguments: ours(*arguments), caught.type, message)
    assert_refused(lambda: ours([1.0]), TypeError, "got input of type list, expected a Tensor or a PackedSequence")
    assert_refused(lambda: ours(xs, h), TypeError, "got a state of type Tensor, expected a pair of tensors (h_0, c_0)")
    assert_refused(lambda: ours(xs, (h,)), TypeError, "got a state of type tuple, expected a pair of tensors")
    proj = LSTM(D, H, 2, proj_size=P, backend=backend)
    assert_refused(lambda: proj(xs, (h, h)), RuntimeError, "got h_0 of shape (2, 3, 4), expected (2, 3, 2)")


def test_unknown_cells_and_backends_are_refused_with_the_choices() -> None:
    cells = "'standard', 'drawn', 'peephole', 'coupled', 'janet', 'no-forget', 'layernorm'"
    others = "'auto', 'triton', 'cpp', 'fused' or 'reference'"
    backends = "'reference', 'fused', 'cpp', 'triton', 'native', 'auto'"
    for options, kind, message in (
        ({"cell": "gru"}, ValueError, f"got cell 'gru', expected one of {cells}"),
        ({"cell": None}, ValueError, f"got cell None, expected one of {cells}"),
        ({"backend": "cudnn"}, ValueError, f"got backend 'cudnn', expected one of {backends}"),
        ({"cell": "janet", "backend": "native"}, ValueError, f"got backend 'native', expected {others}: cell"),
        ({"cell": "drawn", "proj_size": 2}, ValueError, "got proj_size 2 with cell 'drawn', expected 0"),
    ):
        assert_refused(lambda options=options: LSTM(D, H, **options), kind, message)


def calls_of(function: Any) -> list[types.CodeType]:
    """List the functions in Python that a call goes through."""
    called: list[types.CodeType] = []
    sys.setprofile(lambda frame, event, _: called.append(frame.f_code) if event == "call" else None)
    try:
        function()
    finally:
        sys.setprofile(None)
    return called


def test_a_small_call_is_answered_without_detours() -> None:
    lstm, xs, state = LSTM(D, H), torch.ones(T, B, D), (torch.zeros(1, B, H), torch.zeros(1, B, H))
    lstm(xs)  # what is looked up once has been looked up
    for given in ((xs,), (xs, state)):
        called = calls_of(lambda given=given: lstm(*given))
        assert sum("lstm_lib" in code.co_filename for code in called) <= 38  # at about a tenth of a microsecond each
        assert sum(code.co_name == "__getattr__" for code in called) <= 3  # weights are not searched for


def test_the_printed_module_shows_what_was_chosen() -> None:
    assert repr(LSTM(D, H)) == "LSTM(5, 4)"
    assert repr(LSTM(D, H, 2, bias=False, cell="janet")) == "LSTM(5, 4, num_layers=2, bias=False, cell='janet')"
