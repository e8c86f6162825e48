"""The training loop: its loss and gradients against PyTorch, and that every recipe trains."""

import numpy as np
import pytest
import torch

from lstm_lib import experiment, optim, tasks


def small(recipe, dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    weights = experiment.init_weights(rng, recipe, 8, 5, 4, forget_bias=0.7, input_bias=-0.3, dtype=dtype)
    return weights, tasks.recall_stream(rng, 6, 20, dtype=dtype)


@pytest.mark.parametrize("recipe", experiment.RECIPES)
def test_the_gradient_of_every_recipe_is_the_slope_of_its_loss(recipe):
    weights, batch = small(recipe)
    _, grads = experiment.loss_and_grads(recipe, weights, batch)
    rng = np.random.default_rng(1)
    direction = optim.tree_map(lambda g: rng.standard_normal(g.shape) * (np.abs(g) > 0), grads)
    nudge = 1e-6

    def loss_at(step):
        moved = optim.tree_map(lambda p, d: p + step * d, weights, direction)
        return experiment.loss_and_grads(recipe, moved, batch)[0]

    predicted = sum(float((g * d).sum()) for g, d in zip(optim.leaves(grads), optim.leaves(direction), strict=True))
    assert (loss_at(nudge) - loss_at(-nudge)) / (2 * nudge) == pytest.approx(predicted, rel=1e-5)


def test_loss_and_readout_gradient_are_those_of_torch():
    weights, batch = small("lstm")
    loss, grads = experiment.loss_and_grads("lstm", weights, batch)
    asked = torch.tensor(experiment.run("lstm", weights, batch.xs).hs[batch.mask])
    W = torch.tensor(weights.readout.W, requires_grad=True)
    theirs = torch.nn.functional.cross_entropy(asked @ W.T, torch.tensor(batch.targets[batch.mask]))
    theirs.backward()
    assert loss == pytest.approx(float(theirs.detach()), rel=1e-13)
    np.testing.assert_allclose(grads.readout.W, W.grad.numpy(), rtol=1e-11)


@pytest.mark.parametrize("recipe", experiment.RECIPES)
def test_every_recipe_learns_a_delay_of_one(recipe):
    rng = np.random.default_rng(0)
    start = experiment.init_weights(rng, recipe, 6, 12, 4)

    def sample(rng):
        return tasks.delay(rng, 32, 1, dtype=np.float32)

    weights, history = experiment.train(rng, recipe, start, sample, iterations=400, lr=0.01)
    assert history.losses[0] > 1.2 > 0.2 > history.losses[-20:].mean()
    assert experiment.accuracy(recipe, weights, tasks.delay(rng, 200, 1, dtype=np.float32)) > 0.95


def test_clamped_gates_are_clamped_and_get_no_gradient():
    weights, batch = small("memory")
    _, grads = experiment.loss_and_grads("memory", weights, batch)
    assert not grads.cell.W[[0, 1, 3]].any()
    assert grads.cell.W[2].any()
    run = experiment.run("memory", weights, batch.xs)
    np.testing.assert_allclose(run.hs, np.tanh(run.cs), rtol=1e-12)  # o = 1
    assert (np.abs(np.diff(run.cs, axis=0)) < 1).all()  # f = i = 1: each step adds g, which lies in (-1, 1)


def test_training_is_the_same_for_the_same_seed():
    weights, _ = small("rnn", np.float32)

    def sample(rng):
        return tasks.recall_stream(rng, 8, 12, dtype=np.float32)

    ends = [experiment.train(np.random.default_rng(5), "rnn", weights, sample, iterations=3, lr=0.01) for _ in range(2)]
    for a, b in zip(optim.leaves(ends[0][0]), optim.leaves(ends[1][0]), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_watcher_sees_the_weights_as_often_as_it_asks():
    weights, _ = small("rnn", np.float32)
    seen = []

    def sample(rng):
        return tasks.recall_stream(rng, 8, 12, dtype=np.float32)

    def watch(n, weights):
        seen.append((n, weights))

    rng = np.random.default_rng(0)
    end, _ = experiment.train(rng, "rnn", weights, sample, iterations=7, lr=0.01, every=3, watch=watch)
    assert [n for n, _ in seen] == [3, 6]
    assert not np.array_equal(seen[0][1].readout.W, seen[1][1].readout.W)
    assert not np.array_equal(seen[1][1].readout.W, end.readout.W)


def test_chrono_biases_spread_the_half_lives_over_the_lags_that_are_asked_for():
    biases = experiment.chrono_bias(np.random.default_rng(0), 5000, 100)
    assert biases.min() >= 0
    assert biases.max() <= np.log(99)
    np.testing.assert_allclose(np.quantile(np.exp(biases), [0.25, 0.5, 0.75]), [25.5, 50, 74.5], rtol=0.05)
    weights = experiment.init_weights(
        np.random.default_rng(0), "lstm", 3, 5000, 2, forget_bias=biases, input_bias=-biases, dtype=np.float64
    )
    np.testing.assert_array_equal(weights.cell.b[1], biases)
    np.testing.assert_array_equal(weights.cell.b[0], -biases)


def test_training_stops_at_the_first_number_that_is_not_finite():
    weights, _ = small("lstm")

    def poisoned(rng):
        batch = tasks.recall_stream(rng, 4, 8)
        batch.xs[3, 0, 0] = np.nan
        return batch

    with pytest.raises(FloatingPointError, match="at iteration 0, expected finite numbers"):
        experiment.train(np.random.default_rng(0), "lstm", weights, poisoned, iterations=2, lr=0.01)


def test_an_unknown_recipe_and_a_batch_without_questions_are_named():
    with pytest.raises(ValueError, match="got recipe 'gru', expected one of rnn, memory"):
        experiment.init_weights(np.random.default_rng(0), "gru", 3, 4, 2)
    with pytest.raises(ValueError, match="asks nothing"):
        experiment.softmax_cross_entropy(np.zeros((0, 4)), np.zeros(0, int))
