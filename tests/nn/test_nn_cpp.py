"""The steps in C++: the numbers of the readable loop, in all that they can, and nothing without a compiler."""

import contextlib
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from nn_helpers import (
    COMPILER,
    FORMS,
    TOLERANCE,
    B,
    D,
    H,
    P,
    T,
    as_form,
    assert_autocast_leaves_the_way_back_alone,
    assert_close,
    assert_slopes,
    draw,
    make,
    make_input,
    penalty_gradients,
    run,
    twins,
)
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn.utils.rnn import pack_padded_sequence
from torch.utils import cpp_extension
from torch.utils.flop_counter import FlopCounterMode

from lstm_lib import nn
from lstm_lib.nn import CELLS, LSTM
from lstm_lib.nn.backends import _compiled, cpp, fused
from lstm_lib.nn.backends.interface import Settings

every_cell = pytest.mark.parametrize("cell", CELLS)
BACKEND = "cpp"
SHAPES = [{}, {"num_layers": 2, "bidirectional": True}, {"bias": False, "bidirectional": True}]


@pytest.fixture(scope="module")
def steps() -> Iterator[None]:
    """Compile them, once; in the end "auto" of other tests knows nothing of it."""
    if not COMPILER:
        pytest.skip("no C++ compiler on this machine")
    nn.build_cpp()
    yield
    _compiled.build.cache_clear()


@pytest.fixture(params=[600, fused.CACHE], ids=["in pieces", "at once"])
def _pieces(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut the way back of these short sequences into pieces of a step, as that of long ones is cut; and do not."""
    monkeypatch.setattr(fused, "CACHE", request.param)
    monkeypatch.setattr(fused, "ENOUGH", 1)


@contextlib.contextmanager
def threads(number: int) -> Iterator[None]:
    """Let so many threads compute."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@pytest.fixture(params=[1, 2, 3, 16])
def _threads(request: pytest.FixtureRequest) -> Iterator[None]:
    with threads(request.param):
        yield


compiled = pytest.mark.usefixtures("steps")
in_pieces_and_at_once = pytest.mark.usefixtures("steps", "_pieces")


@in_pieces_and_at_once
@every_cell
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("options", SHAPES, ids=str)
def test_outputs_states_and_all_gradients_are_those_of_the_readable_loop(
    options: dict[str, Any], form: str, cell: str
) -> None:
    rng = torch.Generator().manual_seed(5)
    readable, ours = twins(cell, BACKEND, **options, batch_first=form == "batch first")
    xs = make_input(rng, form, torch.float64)
    batch = () if form == "one sequence" else (B,)
    state = tuple(draw(rng, len(ours.suffixes()), *batch, H) for _ in range(2))
    for start in (state, None):
        assert_close(run(ours, xs, start, form), run(readable, xs, start, form), TOLERANCE[torch.float64])


@in_pieces_and_at_once
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("bias", [True, False])
def test_projections_too(form: str, bias: bool) -> None:
    rng = torch.Generator().manual_seed(5)
    options = {"proj_size": P, "num_layers": 2, "bidirectional": True, "bias": bias}
    readable, ours = twins("standard", BACKEND, **options, batch_first=form == "batch first")
    xs = make_input(rng, form, torch.float64)
    batch = () if form == "one sequence" else (B,)
    state = tuple(draw(rng, 4, *batch, size) for size in (P, H))
    assert_close(run(ours, xs, state, form), run(readable, xs, state, form), TOLERANCE[torch.float64])


@in_pieces_and_at_once
@pytest.mark.parametrize("form", ["batch", "packed"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_all_is_that_of_torch(bidirectional: bool, form: str) -> None:
    torch.manual_seed(0)
    theirs = torch.nn.LSTM(D, H, 2, bidirectional=bidirectional, dtype=torch.float64)
    ours = LSTM.from_torch(theirs, backend="cpp")
    xs = draw(torch.Generator().manual_seed(6), T, B, D)
    assert_close(run(ours, xs, None, form), run(theirs, xs, None, form), TOLERANCE[torch.float64])


@compiled
@every_cell
def test_in_float32_the_numbers_are_those_of_float64_but_for_rounding(cell: str) -> None:
    readable, ours = twins(cell, BACKEND, torch.float32, num_layers=2)
    readable.load_state_dict(ours.state_dict())
    xs = draw(torch.Generator().manual_seed(6), T, B, D).float()
    found = {name: result.double() for name, result in run(ours, xs, None, "packed").items()}
    assert_close(found, run(readable, xs.double(), None, "packed"), 1e-5)


@compiled
@every_cell
@pytest.mark.parametrize("size", [(3, 1, 40), (2, 70, 33), (40, 5, 17), (1, 1, 1)], ids=str)
def test_other_sizes_than_fit_the_vectors_of_a_processor(size: tuple[int, int, int], cell: str) -> None:
    T, B, H = size
    if (cell, H) == ("layernorm", 1):
        pytest.skip("one number without its mean is 0, and what is told of it rounding")
    readable = make(cell, D, H)
    ours = LSTM(D, H, cell=cell, backend="cpp", dtype=torch.float64)
    ours.load_state_dict(readable.state_dict())
    xs = draw(torch.Generator().manual_seed(7), T, B, D)
    assert_close(run(ours, xs, None), run(readable, xs, None), TOLERANCE[torch.float64])


@compiled
def test_threads_change_nothing() -> None:
    ours = LSTM(D, 300, backend="cpp")
    xs = draw(torch.Generator().manual_seed(8), 5, 64, D, dtype=torch.float32)
    found = []
    for number in (1, 3):
        with threads(number):
            found.append(run(ours, xs, None))
    assert_close(*found, 1e-5)  # products may add up in another order


LENGTHS = {
    "as long": [18] * 17,
    "shorter and shorter": [19, 18, 18, 17, 16, 16, 14, 13, 11, 9, 9, 9, 6, 4, 3, 2, 1],
    "one long, all others short": [40, *[1] * 18],
    "many long, few short": [20] * 16 + [2, 1],
    "fewer than two threads want": [18, 17, 16, 5, 4],
}


@compiled
@pytest.mark.usefixtures("_threads")
@every_cell
@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS)
def test_however_threads_share_the_sequences_the_numbers_are_those_of_the_readable_loop(
    lengths: list[int], cell: str
) -> None:
    readable, ours = twins(cell, BACKEND, bidirectional=True)
    xs = draw(torch.Generator().manual_seed(8), lengths[0], len(lengths), D)
    state = tuple(draw(torch.Generator().manual_seed(k), 2, len(lengths), H) for k in (1, 2))
    found = []
    for lstm in (ours, readable):
        hs, last = lstm(pack_padded_sequence(xs, torch.tensor(lengths)), state)
        outputs = (hs.data, *last)
        asked = [xs, *state, *lstm.parameters()]
        found.append([*outputs, *torch.autograd.grad(sum(part.sin().sum() for part in outputs), asked)])
    torch.testing.assert_close(*found, rtol=0, atol=1e-11)


@compiled
@pytest.mark.usefixtures("_threads")
def test_threads_share_the_sequences_of_a_projection_too() -> None:
    readable, ours = twins("standard", BACKEND, proj_size=P)
    xs = draw(torch.Generator().manual_seed(8), 18, 17, D)
    assert_close(run(ours, xs, None), run(readable, xs, None), TOLERANCE[torch.float64])


@compiled
@pytest.mark.usefixtures("_threads")
def test_weights_that_no_thread_keeps_for_itself_are_shared() -> None:
    theirs = torch.nn.LSTM(D, 200, dtype=torch.float64)  # 1.28 MB: more than NEAR in _steps.h
    xs = draw(torch.Generator().manual_seed(8), 18, 17, D)
    assert_close(run(LSTM.from_torch(theirs, backend="cpp"), xs, None), run(theirs, xs, None), TOLERANCE[torch.float64])


@compiled
@every_cell
def test_it_can_be_differentiated_twice(cell: str) -> None:
    readable, ours = twins(cell, BACKEND, bidirectional=True)
    xs = draw(torch.Generator().manual_seed(7), T, B, D)
    assert_close(penalty_gradients(ours, xs), penalty_gradients(readable, xs), 1e-10)


@compiled
@every_cell
def test_gradients_are_slopes(cell: str) -> None:
    _, ours = twins(cell, BACKEND)
    xs, h, c = (draw(torch.Generator().manual_seed(k), *shape) for k, shape in enumerate([(T, B, D), *[(1, B, H)] * 2]))

    def outputs(xs: torch.Tensor, h: torch.Tensor, c: torch.Tensor) -> tuple[torch.Tensor, ...]:
        hs, last = ours(xs, (h, c))
        return (hs, *last)

    assert_slopes(outputs, xs, h, c)


@compiled
@every_cell
def test_a_graph_that_is_kept_gives_the_same_gradients_again(cell: str) -> None:
    _, ours = twins(cell, BACKEND)
    hs, _ = ours(as_form(draw(torch.Generator().manual_seed(8), T, B, D), "packed"))
    first, second = (torch.autograd.grad(hs.data.pow(2).sum(), [*ours.parameters()], retain_graph=True) for _ in "ab")
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@compiled
@every_cell
def test_what_lies_otherwise_in_memory_is_read_as_it_is_meant(cell: str) -> None:
    readable, ours = twins(cell, BACKEND)
    for parameter in ours.parameters():
        parameter.data = torch.stack([parameter.data, torch.full_like(parameter.data, torch.nan)], dim=-1)[..., 0]
    xs = draw(torch.Generator().manual_seed(8), D, B, T).transpose(0, 2)
    state = tuple(draw(torch.Generator().manual_seed(k), H, B, 1).permute(2, 1, 0) for k in (1, 2))
    found = [lstm(xs, state) for lstm in (ours, readable)]
    torch.testing.assert_close(*found, rtol=0, atol=1e-12)
    grads = [torch.autograd.grad(hs.sum(), [*state, *lstm.parameters()]) for lstm, (hs, _) in
             zip((ours, readable), found, strict=True)]
    torch.testing.assert_close(*grads, rtol=0, atol=1e-11)


@compiled
@every_cell
def test_what_was_kept_may_come_back_otherwise_in_memory(cell: str) -> None:
    readable, ours = twins(cell, BACKEND)
    xs = draw(torch.Generator().manual_seed(8), T, B, D)
    turn = lambda x: x.t().contiguous() if x.dim() == 2 else x  # noqa: E731
    with torch.autograd.graph.saved_tensors_hooks(turn, lambda x: x.t() if x.dim() == 2 else x):
        found = run(ours, xs, None)
    assert_close(found, run(readable, xs, None), TOLERANCE[torch.float64])


@compiled
def test_who_counts_operations_sees_those_of_all_threads() -> None:
    lstm, xs = LSTM(D, H, cell="peephole", backend="cpp"), torch.ones(20, 18, D)
    counts = []
    for number in (1, 3):
        with threads(number), FlopCounterMode(display=False) as counter:
            lstm(xs)[0].sum().backward()
        counts.append(counter.get_total_flops())
    assert counts[0] == counts[1] > 0


@compiled
def test_values_that_are_no_numbers_stay_so_in_their_sequence() -> None:
    _, ours = twins("standard", BACKEND)
    xs = draw(torch.Generator().manual_seed(8), T, B, D).detach()
    xs[2, 1, 0] = torch.nan
    hs, _ = ours(xs)
    assert hs[2:, 1].isnan().all()
    assert hs[:2].isfinite().all()
    assert hs[:, [0, 2]].isfinite().all()


@compiled
def test_huge_preactivations_saturate() -> None:
    _, ours = twins("standard", BACKEND)
    hs, (_, c) = ours(1e6 * draw(torch.Generator().manual_seed(8), T, B, D).detach())
    assert hs.isfinite().all()
    assert c.isfinite().all()


@compiled
@every_cell
def test_an_empty_batch_has_empty_answers_and_no_gradient(cell: str) -> None:
    _, ours = twins(cell, BACKEND)
    hs, (h, c) = ours(torch.ones(T, 0, D, dtype=torch.float64))
    assert (hs.shape, h.shape, c.shape) == ((T, 0, H), (1, 0, H), (1, 0, H))
    hs.sum().backward()
    assert all((parameter.grad == 0).all() for parameter in ours.parameters())


@compiled
@every_cell
def test_once_compiled_auto_takes_them_for_fused(cell: str) -> None:
    lstm, xs = LSTM(D, H, cell=cell, dtype=torch.float64), torch.ones(T, B, D, dtype=torch.float64)
    if cell != "standard":
        assert nn.explain(lstm, xs).backend == "cpp"
    noisy = nn.explain(LSTM(D, H, cell=cell, zoneout=0.1), xs.float()).backend
    assert noisy == ("reference" if cell == "layernorm" else "fused")
    with torch.autocast("cpu", torch.bfloat16):
        assert nn.explain(LSTM(D, H, cell="janet"), xs.float()).backend == "fused"


@compiled
@every_cell
def test_autocast_around_the_way_back_leaves_it_alone(cell: str) -> None:
    assert_autocast_leaves_the_way_back_alone(cell, BACKEND)


@compiled
def test_torch_func_gets_the_readable_loop() -> None:
    readable, ours = twins("peephole", BACKEND)
    xs = draw(torch.Generator().manual_seed(8), 4, T, B, D).detach()
    found = torch.func.vmap(lambda x: ours(x)[0])(xs)
    torch.testing.assert_close(found, torch.stack([readable(x)[0] for x in xs]), rtol=0, atol=1e-12)


# ---------------------------------------------------------------- without


def test_before_they_are_compiled_auto_does_not_know_them() -> None:
    _compiled.build.cache_clear()
    lstm, xs = LSTM(D, H, cell="janet"), torch.ones(T, B, D)
    assert nn.explain(lstm, xs) == ("fused", "cell 'janet' has no kernel in torch")


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("Ninja is required to load C++ extensions"),
        subprocess.CalledProcessError(1, "which g++"),
        OSError("no space left"),
        ImportError("no setuptools"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_machine_that_cannot_compile_says_what_it_needs_and_nothing_else_changes(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(*args: object, **options: object) -> None:
        raise error

    _compiled.build.cache_clear()
    monkeypatch.setattr(cpp_extension, "load", load)
    for asked in (nn.build_cpp, lambda: LSTM(D, H, backend="cpp")(torch.ones(T, B, D))):
        with pytest.raises(RuntimeError, match=r"could not be compiled \(.+\), expected a C\+\+ compiler and ninja"):
            asked()
    assert not _compiled.is_built()
    assert nn.explain(LSTM(D, H, cell="janet"), torch.ones(T, B, D)).backend == "fused"


@pytest.mark.parametrize(
    ("options", "dtype", "words"),
    [
        ({"zoneout": 0.1}, torch.float32, "zoneout inside the layer: the steps in C++ have none"),
        ({}, torch.bfloat16, "bfloat16 has no steps in C++"),
    ],
    ids=str,
)
def test_what_they_cannot_do_is_an_error_before_anything_is_compiled(
    options: dict[str, Any], dtype: torch.dtype, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cpp_extension, "load", lambda *args, **options: pytest.fail("it compiles"))
    with pytest.raises((RuntimeError, ValueError)) as caught:
        LSTM(D, H, backend="cpp", dtype=dtype, **options)(torch.ones(T, B, D, dtype=dtype))
    assert words in str(caught.value)


def test_a_device_without_memory_is_refused() -> None:
    with pytest.raises(RuntimeError, match="the steps in C\\+\\+ are for a processor"):
        LSTM(D, H, backend="cpp", device="meta")(torch.ones(T, B, D, device="meta"))


def test_there_are_steps_for_every_cell() -> None:
    assert not any(cpp.lacks(Settings(cell)) for cell in CELLS)


# ---------------------------------------------------------------- what follows the operations


@compiled
@every_cell
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_make_fx_and_fake_tensors_meet_no_addresses(cell: str, dtype: torch.dtype) -> None:
    for backend in ("cpp", "auto"):
        lstm = LSTM(D, H, cell=cell, backend=backend, dtype=dtype)
        first, other = (draw(torch.Generator().manual_seed(k), T, B, D, dtype=dtype).detach() for k in range(2))
        graph = make_fx(lstm)(first)
        torch.testing.assert_close(graph(other), lstm(other), rtol=0, atol=TOLERANCE[dtype])
        with FakeTensorMode():
            fake = LSTM(D, H, cell=cell, backend=backend, dtype=dtype)
            fake(torch.ones(T, B, D, dtype=dtype))[0].sum().backward()


@compiled
def test_a_tensor_without_memory_is_refused_by_the_steps_themselves() -> None:
    lstm = LSTM(D, H, backend="cpp")
    seen: list[Any] = []
    forward = torch.ops.lstm_lib_steps.forward
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.ops.lstm_lib_steps, "forward", lambda *args: seen.append(args) or forward(*args))
        lstm(torch.ones(T, B, D))
    lost = [part.to("meta") if isinstance(part, torch.Tensor) else part for part in seen[0]]
    with pytest.raises(NotImplementedError, match="lstm_lib_steps::forward"):
        forward(*lost)


@compiled
@every_cell
def test_many_gradients_at_once_take_the_readable_way_back(cell: str) -> None:
    lstm, xs = make(cell, backend="cpp"), draw(torch.Generator().manual_seed(0), T, B, D)
    hs = lstm(xs)[0]
    many = draw(torch.Generator().manual_seed(1), 2, *hs.shape).detach()
    (together,) = torch.autograd.grad(hs, xs, many, is_grads_batched=True, retain_graph=True)
    one_by_one = [torch.autograd.grad(hs, xs, one, retain_graph=True)[0] for one in many]
    torch.testing.assert_close(together, torch.stack(one_by_one), rtol=0, atol=1e-11)
