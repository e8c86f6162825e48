"""One choice of backend: what ``explain`` names is what runs, and what a processor lacks is asked for, not assumed."""

import types
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest
import torch
from nn_helpers import IS_PINNED, LENGTHS, B, D, H, T, as_form, draw
from torch.autograd import forward_ad

from lstm_lib import nn
from lstm_lib.nn import _usual, backends
from lstm_lib.nn.backends import fused, native

LOW = {torch.bfloat16: 2e-2, torch.float16: 5e-3}  # what an output, of size 1 at most, may be off
jit_inside_torch = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")  # forward_ad still uses it
every_low_dtype = pytest.mark.parametrize("dtype", LOW, ids=str)


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note the name of every backend that runs."""
    names: list[str] = []

    def spied(backend: backends.Backend) -> backends.Backend:
        def run(call: backends.Call) -> Any:
            names.append(backend.name)
            return backend.run(call)

        return backend._replace(run=run)

    kernel = _usual.KERNEL
    monkeypatch.setattr(_usual, "KERNEL", lambda *args: names.append("native") or kernel(*args))
    monkeypatch.setattr(backends, "BACKENDS", tuple(map(spied, backends.BACKENDS)))
    return names


@pytest.fixture
def torch_says(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Any], None]]:
    """Answer in torch's place whether the processor has the instructions; what was asked before is forgotten."""

    def answer(mkldnn: Any) -> None:
        native.onednn_computes.cache_clear()
        monkeypatch.setattr(torch.ops, "mkldnn", mkldnn)

    yield answer
    native.onednn_computes.cache_clear()


def answers(yes: bool) -> types.SimpleNamespace:
    """Stand for ``torch.ops.mkldnn``."""
    return types.SimpleNamespace(**dict.fromkeys(native.QUESTIONS.values(), lambda: yes))


def make(**options: Any) -> nn.LSTM:
    torch.manual_seed(0)
    return nn.LSTM(D, H, **options)


def inputs(dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return draw(torch.Generator().manual_seed(0), T, B, D, dtype=dtype).detach()


# ---------------------------------------------------------------- explain

WORDS = "torch's own kernels"


def _second(cell: str) -> str:
    return "fused" if cell in fused.ABLE else "reference"


NOISE = "inside the layer: torch's kernels have none"
SITUATIONS: dict[str, tuple[dict[str, Any], torch.dtype, str, str, str]] = {
    # options, dtype of the input, form or context, backend, reason
    "plain": ({}, torch.float32, "", "native", f"cell 'standard' on a CPU in float32: {WORDS}"),
    "float64": ({}, torch.float64, "", "native", f"cell 'standard' on a CPU in float64: {WORDS}"),
    "bfloat16": ({}, torch.bfloat16, "", "native", f"cell 'standard' on a CPU in bfloat16: {WORDS}"),
    "float16": ({}, torch.float16, "", "native", f"cell 'standard' on a CPU in float16: {WORDS}"),
    "packed": ({}, torch.float32, "packed", "native", f"cell 'standard' on a CPU in float32: {WORDS}"),
    "by name": ({"backend": "reference"}, torch.float32, "", "reference", "asked for by name: the readable loop"),
    "native by name": ({"backend": "native"}, torch.float32, "", "native", f"asked for by name: {WORDS}"),
    **{
        cell: ({"cell": cell}, torch.float32, "", _second(cell), f"cell {cell!r} has no kernel in torch")
        for cell in nn.CELLS
        if cell != "standard"
    },
    "zoneout": ({"zoneout": 0.1}, torch.float32, "", "fused", f"zoneout {NOISE}"),
    "zoneout, eval": ({"zoneout": (0, 0.1)}, torch.float32, "eval", "fused", f"zoneout {NOISE}"),
    "zoneout, normalised": (
        {"zoneout": 0.1, "cell": "layernorm"},
        torch.float32,
        "",
        "reference",
        "cell 'layernorm' has no derivation with it",
    ),
    "two forms": (
        {"variational_dropout": 0.1, "recurrent_dropout": 0.1},
        torch.float32,
        "",
        "fused",
        f"variational_dropout and recurrent_dropout {NOISE}",
    ),
    "silent in eval": ({"recurrent_dropout": 0.1}, torch.float32, "eval", "native", "on a CPU in float32"),
    "autocast of float64": ({}, torch.float64, "autocast", "native", f"cell 'standard' on a CPU in float64: {WORDS}"),
    "autocast, packed": ({}, torch.float32, "autocast packed", "native", "on a CPU in float32 under autocast to bf"),
    "autocast, projected": ({"proj_size": 2}, torch.float32, "autocast", "native", "under autocast to bfloat16"),
    "autocast, drawn": ({"cell": "drawn"}, torch.float32, "autocast", "fused", "cell 'drawn' has no kernel"),
    "functorch": ({}, torch.float32, "vmap", "reference", "torch.func transforms this call"),
    "forward": ({}, torch.float32, "tangent", "reference", "torch differentiates this call forward"),
}


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
@jit_inside_torch
@pytest.mark.parametrize("situation", SITUATIONS)
def test_explain_names_the_path_that_really_runs(situation: str, ran: list[str]) -> None:
    options, dtype, context, backend, reason = SITUATIONS[situation]
    lstm, xs = make(**options, dtype=dtype).train("eval" not in context), inputs(dtype)
    told: list[nn.Explanation] = []

    def tell_and_run(xs: Any) -> Any:
        told.append(nn.explain(lstm, xs))
        assert not ran  # explaining runs nothing
        return lstm(xs)[0]

    given: Any = as_form(xs, "packed") if "packed" in context else xs
    with torch.autocast("cpu", torch.bfloat16) if "autocast" in context else nullcontext():
        if context == "vmap":
            torch.func.vmap(tell_and_run)(torch.stack([xs, xs]))
        elif context == "tangent":
            with forward_ad.dual_level():
                tell_and_run(forward_ad.make_dual(xs, torch.ones_like(xs)))
        else:
            tell_and_run(given)
    assert [one.backend for one in told] == ran == [backend]
    assert reason in told[0].reason


@pytest.mark.parametrize("can", [True, False])
@every_low_dtype
def test_autocast_takes_torchs_kernels_where_onednn_has_them(
    dtype: torch.dtype, can: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr(native, "onednn_computes", lambda *a, **options: asked.append((*a, options)) or can)
    with torch.autocast("cpu", dtype), torch.set_grad_enabled(not can):
        backend, reason = nn.explain(make(), inputs())
    name = str(dtype).removeprefix("torch.")
    assert asked == [(dtype, {"with_gradients": not can})]
    if can:
        assert (backend, reason) == ("native", f"cell 'standard' on a CPU in float32 under autocast to {name}: {WORDS}")
    else:
        assert (backend, reason) == ("fused", f"this processor has no {name} instructions for LSTMs in oneDNN")


@pytest.mark.parametrize("autocast", [True, False], ids=["autocast", "plain"])
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("form", ["batch", *LENGTHS])
@pytest.mark.parametrize("options", [{}, {"num_layers": 2, "bidirectional": True}, {"proj_size": 2}], ids=str)
@every_low_dtype
@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
def test_auto_computes_in_low_precision_on_every_processor(
    dtype: torch.dtype, options: dict[str, Any], form: str, training: bool, autocast: bool, ran: list[str]
) -> None:
    lstm, xs = make(**options).train(training), inputs()
    exact = lstm(as_form(xs, form))[0]
    if not autocast:
        lstm, xs = lstm.to(dtype), xs.to(dtype)
    context: AbstractContextManager[Any] = torch.autocast("cpu", dtype) if autocast else nullcontext()
    with context, torch.set_grad_enabled(training):
        told, (hs, _) = nn.explain(lstm, as_form(xs, form)), lstm(as_form(xs, form))
    assert told.backend == ran[-1]
    hs, exact = (h if form == "batch" else h.data for h in (hs, exact))
    torch.testing.assert_close(hs.float(), exact, rtol=0, atol=LOW[dtype])
    if training:
        hs.float().sum().backward()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in lstm.parameters())


# ---------------------------------------------------------------- what the processor has


@every_low_dtype
def test_a_processor_without_the_instructions_takes_our_own_path(
    dtype: torch.dtype, torch_says: Any, ran: list[str]
) -> None:
    lstm, xs = make(), inputs()
    exact, _ = lstm(xs)
    torch_says(answers(False))
    with torch.autocast("cpu", dtype):
        hs, (h, c) = lstm(xs)
    assert ran == ["native", "fused"]
    assert {hs.dtype, h.dtype, c.dtype} == {dtype}
    torch.testing.assert_close(hs.float(), exact, rtol=0, atol=LOW[dtype])


@pytest.mark.parametrize("with_gradients", [True, False])
@every_low_dtype
def test_what_torch_claims_is_tried_before_it_is_believed(
    dtype: torch.dtype, with_gradients: bool, torch_says: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch_says(answers(True))
    try:
        with torch.autocast("cpu", dtype), torch.set_grad_enabled(with_gradients):
            hs, _ = torch.nn.LSTM(D, H)(inputs())
            if with_gradients:
                hs.sum().backward()
        expected = True
    except RuntimeError:
        expected = False
    assert native.onednn_computes(dtype, with_gradients=with_gradients) is expected
    torch_says(answers(False))
    monkeypatch.setattr(native, "run", lambda call: pytest.fail("what torch denies is not tried"))
    assert not native.onednn_computes(dtype, with_gradients=with_gradients)


def test_asking_onednn_draws_no_random_number_and_leaves_every_mode_as_it_was(torch_says: Any) -> None:
    torch_says(answers(True))
    before = torch.get_rng_state()
    with torch.inference_mode():
        native.onednn_computes(torch.bfloat16, with_gradients=True)
        assert torch.is_inference_mode_enabled()
    assert torch.is_grad_enabled()
    assert not torch.is_autocast_enabled("cpu")
    assert torch.equal(torch.get_rng_state(), before)


@every_low_dtype
def test_native_says_what_it_lacks_and_what_to_do(dtype: torch.dtype, torch_says: Any) -> None:
    torch_says(answers(False))
    lstm, xs = make(backend="native"), inputs()
    name = str(dtype).removeprefix("torch.")
    words = f"^got backend 'native', expected 'auto', 'fused' or 'reference': this processor has no {name} instructions"
    for ask in (lstm, lambda xs: nn.explain(lstm, xs)):
        with torch.autocast("cpu", dtype), pytest.raises(RuntimeError, match=words):
            ask(xs)
    with torch.autocast("cpu", dtype):
        assert lstm(as_form(xs, "packed"))[0].data.isfinite().all()  # these torch computes step by step


def test_an_older_torch_that_cannot_be_asked_raises_nothing(
    torch_says: Any, monkeypatch: pytest.MonkeyPatch, ran: list[str]
) -> None:
    lstm, xs = make(), inputs()
    torch_says(types.SimpleNamespace())
    monkeypatch.delattr(torch.compiler, "is_exporting", raising=False)
    monkeypatch.delattr(torch._C, "_get_mkldnn_enabled")
    with torch.autocast("cpu", torch.bfloat16):
        assert lstm(xs)[0].isfinite().all()
    assert lstm(xs)[0].isfinite().all()
    assert ran == ["fused", "native"]


def test_without_onednn_torch_computes_low_precision_by_itself(ran: list[str]) -> None:
    lstm, xs = make(), inputs()
    exact, _ = lstm(xs)
    torch._C._set_mkldnn_enabled(False)
    try:
        with torch.autocast("cpu", torch.bfloat16):
            torch.testing.assert_close(lstm(xs)[0].float(), exact, rtol=0, atol=LOW[torch.bfloat16])
    finally:
        torch._C._set_mkldnn_enabled(True)
    assert ran == ["native", "native"]


@pytest.mark.skipif(not IS_PINNED, reason="an older torch cannot be asked whether it exports, or not about autocast")
@pytest.mark.filterwarnings("ignore:.*")  # the exporter uses parts of torch that torch itself is about to replace
@pytest.mark.parametrize("strict", [True, False], ids=["strict", "not strict"])
def test_a_program_exported_with_autocast_inside_holds_the_path_that_runs_everywhere(
    strict: bool, torch_says: Any
) -> None:
    class Low(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = make()

        def forward(self, xs: torch.Tensor) -> torch.Tensor:
            with torch.autocast("cpu", torch.bfloat16):
                return self.lstm(xs)[0]

    module, xs = Low().eval(), inputs()
    exact, _ = module.lstm(xs)
    torch_says(answers(True))  # this processor is not the one that will run the program
    program = torch.export.export(module, (xs,), strict=strict)
    nodes = [node for part in program.graph_module.modules() for node in part.graph.nodes]
    called = {str(node.target) for node in nodes if node.op == "call_function"}
    assert any("tanh" in name for name in called)
    assert not [name for name in called if "lstm" in name]
    torch.testing.assert_close(program.module()(xs), exact.bfloat16(), rtol=0, atol=LOW[torch.bfloat16])


@jit_inside_torch
def test_forward_differentiation_of_float32_gives_the_slope() -> None:
    lstm, xs, tangent = make(), inputs(), inputs().flip(0)
    with forward_ad.dual_level():
        slope = forward_ad.unpack_dual(lstm(forward_ad.make_dual(xs, tangent))[0]).tangent
    _, expected = torch.func.jvp(lambda x: make(backend="reference")(x)[0], (xs,), (tangent,))
    torch.testing.assert_close(slope, expected)


# ---------------------------------------------------------------- the table


def test_a_new_backend_needs_its_line_in_the_table_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = backends.reference.BACKEND._replace(
        name="triton",
        about="a backend of the test",
        lacks=lambda settings: "" if settings.cell == "drawn" else "it computes cell 'drawn' alone",
        yields=lambda call: "the batch is small" if call.xs.shape[1] < B else "",
        refuses=lambda call: "it takes float32 alone" if call.xs.dtype != torch.float32 else "",
    )
    others = [backend for backend in backends.BACKENDS if backend.name != "triton"]
    monkeypatch.setattr(backends, "BACKENDS", (slow, *others))
    lstm, xs = make(cell="drawn"), inputs()
    torch_has_none = "cell 'drawn' has no kernel in torch"
    assert nn.explain(lstm, xs) == ("triton", "cell 'drawn' on a CPU in float32: a backend of the test")
    assert nn.explain(lstm, xs[:, 1:]) == ("fused", f"the batch is small; {torch_has_none}")
    assert nn.explain(lstm.double(), xs.double()) == ("fused", f"it takes float32 alone; {torch_has_none}")
    named = make(cell="drawn", backend="triton")
    assert nn.explain(named, xs[:, 1:]).backend == "triton"  # who asks by name gets it, fast or not
    words = "^got backend 'triton', expected 'auto', 'cpp', 'fused' or 'reference': it takes"
    with pytest.raises(RuntimeError, match=words):
        named.double()(xs.double())
    words = "^got backend 'triton', expected 'auto', 'native', 'cpp', 'fused' or 'reference'"
    with pytest.raises(ValueError, match=words):
        make(backend="triton")


def test_the_last_backend_of_the_table_computes_everything() -> None:
    last = backends.BACKENDS[-1]
    for cell in nn.CELLS:
        for lstm in (make(cell=cell), make(cell=cell, zoneout=0.1, variational_dropout=0.1, recurrent_dropout=0.1)):
            call = lstm.request(inputs())
            assert (last.lacks(call.settings), last.yields(call), last.refuses(call)) == ("", "", "")


def test_the_weights_are_arranged_by_every_backend_that_may_run(monkeypatch: pytest.MonkeyPatch) -> None:
    arranged: list[tuple[str, list[str]]] = []

    def noting(backend: backends.Backend) -> backends.Backend:
        return backend._replace(arrange=lambda settings, w: arranged.append((backend.name, list(w[-1]))))

    monkeypatch.setattr(backends, "BACKENDS", tuple(map(noting, backends.BACKENDS)))
    names = ["weight_ih", "weight_hh", "bias_ih", "bias_hh"]
    make(num_layers=2, zoneout=0.1)  # in eval mode without zoneout it is torch's kernels that run
    make(cell="janet")
    make(backend="reference")
    every = [("triton", names), ("native", names), ("fused", names), ("reference", names)]
    assert arranged == [*every, *(pair for pair in every if pair[0] != "native"), ("reference", names)]
    arranged.clear()
    make(backend="native").double()
    assert arranged == [("native", names)] * 2
