"""The usual call goes to torch's kernel at one look; nothing else does, and nobody can tell but by the clock."""

import copy
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
import torch
from nn_helpers import TOLERANCE, B, D, H, T, draw, make_state, run, twin
from torch.autograd import forward_ad
from torch.nn.utils import parametrizations
from torch.nn.utils.rnn import pack_sequence

from lstm_lib.nn import LSTM, _usual, backends
from lstm_lib.nn.backends import _measured_cpu

USUAL: dict[str, dict[str, Any]] = {
    "one layer": {},
    "two layers, both directions": {"num_layers": 2, "bidirectional": True},
    "no bias": {"bias": False},
    "batch first": {"batch_first": True},
    "dropout between layers": {"num_layers": 2, "dropout": 0.5},
    "by name": {"backend": "native"},
}


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Note what the kernel is given."""
    calls: list[tuple[Any, ...]] = []
    original = _usual.KERNEL
    monkeypatch.setattr(_usual, "KERNEL", lambda *args: calls.append(args) or original(*args))
    return calls


def xs_of(lstm: LSTM, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    shape = (B, T, D) if lstm.batch_first else (T, B, D)
    return draw(torch.Generator().manual_seed(0), *shape, dtype=dtype).detach()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("with_state", [True, False], ids=["state", "zeros"])
@pytest.mark.parametrize("training", [True, False], ids=["training", "eval"])
@pytest.mark.parametrize("form", USUAL)
def test_a_usual_call_is_that_of_torch_and_what_auto_would_choose(
    form: str, training: bool, with_state: bool, dtype: torch.dtype, kernel: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    options = dict(USUAL[form])
    name = options.pop("backend", "auto")
    theirs = torch.nn.LSTM(D, H, **options, dtype=dtype)
    ours = twin(theirs, name)
    xs = xs_of(ours, dtype)
    state = make_state(torch.Generator().manual_seed(1), "batch", theirs, dtype) if with_state else None
    assert backends.choose(name, ours.request(xs, state)).backend.name == "native"
    monkeypatch.setattr(LSTM, "request", lambda *args: pytest.fail("it is asked questions"))
    results = []
    for lstm in (ours.train(training), theirs.train(training)):
        torch.manual_seed(2)  # dropout
        results.append(run(lstm, xs, state))
    torch.testing.assert_close(*results, rtol=0, atol=TOLERANCE[dtype])
    assert len(kernel) == 1


@pytest.mark.parametrize("name", ["auto", "native"])
@pytest.mark.parametrize("own_ms", [0.5, 1.1])
def test_in_float64_a_measurement_decides_unless_the_kernel_is_asked_for_by_name(
    own_ms: float, name: str, kernel: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = _measured_cpu.Measured((T, B, D, H), 1.0, own_ms, "some processor", 1)
    asked = []
    monkeypatch.setattr(_measured_cpu, "is_built", lambda: False)
    monkeypatch.setattr(_measured_cpu, "nearest", lambda *about, **_: asked.append(about) or found)
    lstm = LSTM(D, H, dtype=torch.float64, backend=name)
    with torch.no_grad():
        lstm(xs_of(lstm, torch.float64))
    stays = name == "native" or own_ms > 1
    assert len(kernel) == stays
    if name == "auto":
        assert set(asked) == {("fused", "float64", "batch", False, "forward", (T, B, H))}
        assert (backends.choose(name, lstm.request(xs_of(lstm, torch.float64))).backend.name == "native") == stays


@pytest.mark.parametrize("form", ["one layer", "batch first"])
def test_the_states_that_come_out_share_no_memory(form: str) -> None:
    ours = LSTM(D, H, **USUAL[form])
    with torch.no_grad():
        hs, (h, c) = ours(xs_of(ours))
        before = hs.clone(), c.clone()
        h += 1
    torch.testing.assert_close((hs, c), before)


OTHERS: dict[str, tuple[dict[str, Any], Callable[[LSTM, torch.Tensor], Any]]] = {
    "another cell": ({"cell": "peephole"}, lambda lstm, xs: lstm(xs)),
    "another backend": ({"backend": "reference"}, lambda lstm, xs: lstm(xs)),
    "checkpoints": ({"checkpoint_every": 2}, lambda lstm, xs: lstm(xs)),
    "dropped features": ({"variational_dropout": 0.5}, lambda lstm, xs: lstm(xs)),
    "dropped news": ({"recurrent_dropout": 0.5}, lambda lstm, xs: lstm(xs)),
    "a held h": ({"zoneout": (0.5, 0.0)}, lambda lstm, xs: lstm.eval()(xs)),
    "a held c": ({"zoneout": (0.0, 0.5)}, lambda lstm, xs: lstm.eval()(xs)),
    "a projection": ({"proj_size": 2}, lambda lstm, xs: lstm(xs)),
    "one step": ({}, lambda lstm, xs: lstm(xs[:1])),
    "one step, batch first": ({"batch_first": True}, lambda lstm, xs: lstm(xs[:, :1])),
    "one sequence": ({}, lambda lstm, xs: lstm(xs[:, 0])),
    "an empty batch": ({}, lambda lstm, xs: lstm(xs[:, :0])),
    "bfloat16": ({"dtype": torch.bfloat16}, lambda lstm, xs: lstm(xs.bfloat16())),
    "packed": ({}, lambda lstm, xs: lstm(pack_sequence([xs[:, 0], xs[:2, 1]]))),
    "tokens": ({}, lambda lstm, xs: lstm(torch.ones(T, B, dtype=torch.int64), embedding=torch.ones(4, D))),
    "a given list of weights": ({}, lambda lstm, xs: _with_given(lstm)(xs)),
    "a computed weight": ({}, lambda lstm, xs: parametrizations.weight_norm(lstm, "weight_hh_l0")(xs)),
    "meta": ({"device": "meta"}, lambda lstm, xs: lstm(xs.to("meta"))),
    "autocast": ({}, lambda lstm, xs: _under(torch.autocast("cpu", torch.bfloat16), lstm, xs)),
    "vmap": ({}, lambda lstm, xs: torch.func.vmap(lambda x: lstm(x)[0])(xs[None])),
    "forward": ({}, lambda lstm, xs: _ahead(lstm, xs)),
    "traced": ({}, lambda lstm, xs: torch.jit.trace(lstm, xs, check_trace=False)),
    "a subclass of tensors": ({}, lambda lstm, xs: lstm(torch.nn.Parameter(xs))),
}


def _with_given(lstm: LSTM) -> LSTM:
    lstm._flat_weights[0] = torch.zeros_like(lstm.weight_ih_l0)
    return lstm


def _under(context: AbstractContextManager[Any], lstm: LSTM, xs: torch.Tensor) -> Any:
    with context:
        return lstm(xs)


def _ahead(lstm: LSTM, xs: torch.Tensor) -> Any:
    with forward_ad.dual_level():
        return lstm(forward_ad.make_dual(xs, torch.ones_like(xs)))


@pytest.mark.filterwarnings("ignore:LSTM with projections", "ignore:`torch.jit", "ignore::torch.jit.TracerWarning")
@pytest.mark.parametrize("other", OTHERS)
def test_all_other_calls_are_looked_at_in_full(
    other: str, kernel: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    options, call = OTHERS[other]
    lstm, asked = LSTM(D, H, **options), []
    request = lstm.request
    monkeypatch.setattr(lstm, "request", lambda *args: asked.append(1) or request(*args))
    call(lstm, xs_of(lstm))
    assert asked
    assert not kernel


WRONG = ["D", "state, size", "state, dtype", "state, one", "state, three", "state, lists", "float64", "list"]


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_with_a_call_is_said_in_the_words_of_the_library(wrong: str, kernel: list[Any]) -> None:
    lstm = LSTM(D, H)
    xs, h = xs_of(lstm), torch.zeros(1, B, H)
    given: dict[str, tuple[Any, ...]] = {
        "D": (xs[..., :-1],),
        "state, size": (xs, (h, h[..., :-1])),
        "state, dtype": (xs, (h, h.double())),
        "state, one": (xs, (h,)),
        "state, three": (xs, (h, h, h)),
        "state, lists": (xs, ([0.0], [0.0])),
        "float64": (xs.double(),),
        "list": (xs.tolist(),),
    }
    with pytest.raises((RuntimeError, ValueError, TypeError), match="got .*, expected "):
        lstm(*given[wrong])
    assert not kernel


def test_a_pair_of_states_may_be_a_list(kernel: list[Any]) -> None:
    lstm = LSTM(D, H)
    h = torch.zeros(1, B, H)
    torch.testing.assert_close(lstm(xs_of(lstm), [h, h]), lstm(xs_of(lstm), (h, h)))
    assert len(kernel) == 1


def test_weights_of_other_dtypes_than_the_input_are_named(kernel: list[Any]) -> None:
    lstm = LSTM(D, H, dtype=torch.float64)
    with pytest.raises(ValueError, match=r"got input of dtype torch.float32, expected that of the weights, .*float64"):
        lstm(xs_of(lstm))
    assert not kernel


class Curious(LSTM):
    """Looks at what it is asked."""

    asked = 0

    def request(self, *args: Any) -> Any:
        self.asked += 1
        return super().request(*args)


def test_a_class_that_looks_at_requests_sees_them_all(kernel: list[Any]) -> None:
    lstm = Curious(D, H)
    for one in (lstm, copy.deepcopy(lstm)):
        one.asked = 0
        one(xs_of(lstm))
        assert one.asked == 1
    assert not kernel
