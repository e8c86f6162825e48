"""Where torch follows the operations of a module, or sends many gradients back at once, the numbers stay the same."""

import pytest
import torch
from nn_helpers import FORMS, B, D, H, T, as_form, draw, make
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils.flop_counter import FlopCounterMode

from lstm_lib.nn import CELLS, LSTM, explain
from lstm_lib.nn.backends import interface

every_cell = pytest.mark.parametrize("cell", CELLS)
by_hand_and_readable = pytest.mark.parametrize("backend", ["fused", "reference"])


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@every_cell
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("names", ["x", "x and a weight"])
def test_many_gradients_at_once_are_those_of_one_after_the_other(cell: str, form: str, names: str) -> None:
    lstm = make(cell, backend="fused", bidirectional=True)
    xs = draw(rng(), T, B, D).detach().requires_grad_()
    hs = lstm(as_form(xs, form))[0]
    hs = hs if isinstance(hs, torch.Tensor) else hs.data
    asked = (xs,) if names == "x" else (xs, lstm.weight_hh_l0, lstm.bias_ih_l0_reverse)
    many = draw(rng(1), 3, *hs.shape).detach()
    together = torch.autograd.grad(hs, asked, many, is_grads_batched=True, retain_graph=True)
    one_by_one = [torch.autograd.grad(hs, asked, one, retain_graph=True) for one in many]
    for found, parts in zip(together, zip(*one_by_one, strict=True), strict=True):
        torch.testing.assert_close(found, torch.stack(parts), rtol=0, atol=1e-11)
        assert not found.requires_grad  # nobody asked for a second derivative


@every_cell
def test_vmap_around_a_backward_pass_gives_the_jacobian(cell: str) -> None:
    lstm, xs = make(cell, backend="fused"), draw(rng(), T, 1, D).detach().requires_grad_()
    last = lstm(xs)[0][-1, 0]
    rows = torch.func.vmap(lambda d: torch.autograd.grad(last, xs, d, retain_graph=True)[0])(torch.eye(H).to(last))
    expected = torch.stack([torch.autograd.grad(last[k], xs, retain_graph=True)[0] for k in range(H)])
    torch.testing.assert_close(rows, expected, rtol=0, atol=1e-11)


def test_other_passes_are_not_taken_for_many() -> None:
    seen = []
    xs = torch.ones(2, requires_grad=True)
    xs.register_hook(lambda d: seen.append(interface.is_batched([d])))
    (xs * 2).sum().backward()
    torch.autograd.grad(xs * 2, xs, torch.ones(3, 2), is_grads_batched=True)
    torch.func.vmap(lambda d: torch.autograd.grad(xs * 2, xs, d)[0])(torch.ones(3, 2))
    assert seen == [False, True, True]


@every_cell
@by_hand_and_readable
def test_a_graph_of_make_fx_computes_anew(cell: str, backend: str) -> None:
    lstm = make(cell, backend=backend)
    first, other = (draw(rng(k), T, B, D).detach() for k in range(2))
    graph = make_fx(lambda xs: lstm(xs)[0])(first)
    torch.testing.assert_close(graph(other), lstm(other)[0], rtol=0, atol=1e-12)
    with torch.no_grad():
        torch.testing.assert_close(graph(first), lstm(first)[0], rtol=0, atol=1e-12)


@every_cell
@pytest.mark.parametrize("backend", ["auto", "fused", "reference"])
def test_fake_tensors_go_there_and_back(cell: str, backend: str) -> None:
    with FakeTensorMode():
        lstm = LSTM(D, H, cell=cell, backend=backend)
        xs = torch.ones(T, B, D, requires_grad=True)
        hs, (h, c) = lstm(xs)
        (hs.sum() + h.sum() + c.sum()).backward()
        assert (hs.shape, c.shape, xs.grad.shape) == ((T, B, H), (1, B, H), xs.shape)


def test_explain_says_who_follows() -> None:
    lstm, xs = LSTM(D, H, cell="janet"), torch.ones(T, B, D)
    assert explain(lstm, xs).backend == "fused"
    seen = []

    def look(xs: torch.Tensor) -> torch.Tensor:
        seen.append(explain(lstm, xs))
        return lstm(xs)[0]

    make_fx(look)(xs)
    assert seen[0].backend == "reference"
    assert "make_fx writes the operations down" in seen[0].reason


def test_a_counter_is_seen_and_a_plain_call_is_not() -> None:
    xs = [torch.ones(2)]
    assert not interface.is_followed(xs)
    assert not interface.is_followed([torch.nn.Parameter(xs[0])])
    with FlopCounterMode(display=False):
        assert interface.is_followed(xs)
    with FakeTensorMode() as mode:
        fake = torch.ones(2)
    assert interface.is_followed([fake])
    assert isinstance(fake, type(mode.from_tensor(xs[0])))
