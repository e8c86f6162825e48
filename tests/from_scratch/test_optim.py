"""Optimisers against PyTorch's, on nests of arrays as the course uses them."""

from typing import NamedTuple

import numpy as np
import pytest
import torch

from lstm_lib import optim


class Pair(NamedTuple):
    W: np.ndarray
    b: np.ndarray


def nest(seed):
    rng = np.random.default_rng(seed)
    return {"cell": Pair(rng.standard_normal((3, 4)), rng.standard_normal(3)), "readout": (rng.standard_normal(5),)}


def as_torch(tree):
    return [torch.tensor(a, requires_grad=True) for a in optim.leaves(tree)]


@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.5, 0.9)])
def test_adam_takes_the_steps_of_torch(betas):
    params, theirs = nest(0), as_torch(nest(0))
    state, adam = optim.adam_init(params), torch.optim.Adam(theirs, lr=0.03, betas=betas)
    for n in range(5):
        grads = nest(n + 1)
        params, state = optim.adam_step(params, grads, state, lr=0.03, betas=betas)
        for p, g in zip(theirs, optim.leaves(grads), strict=True):
            p.grad = torch.tensor(g)
        adam.step()
    for mine, p in zip(optim.leaves(params), theirs, strict=True):
        np.testing.assert_allclose(mine, p.detach().numpy(), rtol=1e-12)
    assert isinstance(params["cell"], Pair)
    assert state.steps == 5


def test_sgd_takes_the_step_of_torch():
    theirs = as_torch(nest(0))
    for p, g in zip(theirs, optim.leaves(nest(1)), strict=True):
        p.grad = torch.tensor(g)
    torch.optim.SGD(theirs, lr=0.1).step()
    for mine, p in zip(optim.leaves(optim.sgd_step(nest(0), nest(1), lr=0.1)), theirs, strict=True):
        np.testing.assert_allclose(mine, p.detach().numpy(), rtol=1e-14)


@pytest.mark.parametrize("limit", [0.5, 100.0])
def test_clipping_gives_what_torch_gives(limit):
    clipped, length = optim.clip_by_norm(nest(2), limit)
    theirs = as_torch(nest(2))
    for p in theirs:
        p.grad = p.detach().clone()
    expected = torch.nn.utils.clip_grad_norm_(theirs, limit)
    assert length == pytest.approx(float(expected), rel=1e-12)
    for mine, p in zip(optim.leaves(clipped), theirs, strict=True):
        np.testing.assert_allclose(mine, p.grad.numpy(), rtol=1e-5)


def test_clipping_shortens_to_the_limit_and_keeps_the_direction():
    grads = nest(3)
    clipped, length = optim.clip_by_norm(grads, 1.0)
    assert length > 1
    assert optim.norm(clipped) == pytest.approx(1.0, rel=1e-12)
    for a, b in zip(optim.leaves(clipped), optim.leaves(grads), strict=True):
        np.testing.assert_allclose(a * length, b, rtol=1e-12)


def test_no_optimiser_changes_what_it_was_given():
    params, grads = nest(0), nest(1)
    state = optim.adam_init(params)
    optim.adam_step(params, grads, state, lr=0.1)
    optim.sgd_step(params, grads, lr=0.1)
    optim.clip_by_norm(grads, 0.1)
    for tree, seed in ((params, 0), (grads, 1)):
        for a, b in zip(optim.leaves(tree), optim.leaves(nest(seed)), strict=True):
            np.testing.assert_array_equal(a, b)
    assert all((m == 0).all() for m in optim.leaves(state.mean))


def test_float32_stays_float32():
    params = optim.tree_map(lambda a: a.astype(np.float32), nest(0))
    stepped, state = optim.adam_step(params, params, optim.adam_init(params), lr=0.1)
    clipped, _ = optim.clip_by_norm(params, 0.1)
    for tree in (stepped, state.mean, state.mean_square, clipped, optim.sgd_step(params, params, lr=0.1)):
        assert {a.dtype for a in optim.leaves(tree)} == {np.dtype(np.float32)}


def test_settings_that_are_numpy_scalars_do_not_change_the_dtype():
    params = optim.tree_map(lambda a: a.astype(np.float32), nest(0))
    lr, limit, betas = np.float64(0.1), np.float64(0.1), (np.float64(0.9), np.float64(0.99))
    stepped, state = optim.adam_step(params, params, optim.adam_init(params), lr=lr, betas=betas, eps=np.float64(1e-8))
    clipped, _ = optim.clip_by_norm(params, limit)
    for tree in (stepped, state.mean, state.mean_square, clipped, optim.sgd_step(params, params, lr=np.array(0.1))):
        assert {a.dtype for a in optim.leaves(tree)} == {np.dtype(np.float32)}


def test_nests_that_differ_are_refused():
    with pytest.raises(ValueError, match=r"expected the keys \['w'\]"):
        optim.tree_map(np.add, {"w": np.zeros(2)}, {"v": np.zeros(2)})
    with pytest.raises(ValueError, match=r"got arrays of shapes \[\(3,\)\], expected \(2,\)"):
        optim.sgd_step(np.zeros(2), np.zeros(3), lr=0.1)
    with pytest.raises(ValueError, match="expected the keys"):
        optim.tree_map(np.add, {"w": np.zeros(2)}, (np.zeros(2),))
    with pytest.raises(ValueError, match="got arrays of shapes"):
        optim.tree_map(np.add, np.zeros(2), (1.0, 2.0))
    with pytest.raises(ValueError, match="another form"):
        optim.tree_map(np.add, (np.zeros(2),), (np.zeros(2), np.zeros(2)))
    with pytest.raises(ValueError, match="got max_norm 0, expected a positive number"):
        optim.clip_by_norm(np.ones(2), 0)
