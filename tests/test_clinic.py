"""The blind clinic: each patient shows its symptom whatever the seed."""

from functools import cache

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from lstm_lib import answers, clinic, tasks, training
from lstm_lib.clinic.charts import boxes, straight
from lstm_lib.nn import LSTM, Tagger, set_forget_bias

SEEDS = (0, 1, 2)
GUESSING = np.log(4)


def test_answers_are_sorted_as_the_library_does():
    assert clinic.possible_answers is answers.possible_answers
    assert clinic.kinds_of_answers is answers.kinds_of_answers
    assert clinic.KINDS is answers.KINDS


@pytest.mark.parametrize("ask", [clinic.admit, clinic.source])
def test_an_unknown_patient_is_refused(ask):
    with pytest.raises(ValueError, match="got patient 'F', expected one of healthy, A, B, C, D, E"):
        ask("F")


def test_the_gates_shown_are_those_of_torchs_lstm():
    kept = []
    clinic.examine(3, batches=3, after=kept.append)
    chart = clinic.examine(3, batches=3)
    hs, _ = kept[0](torch.as_tensor(chart.sequence.xs))
    np.testing.assert_allclose(chart.o * np.tanh(chart.c), hs[:, 0].detach().numpy(), atol=1e-6)


def test_the_healthy_one_is_trained_as_fit_would_train_it():
    taggers = []

    def watched(layer, xs):
        taggers.append(layer) if isinstance(layer, LSTM) else None
        return straight(layer, xs)

    chart = clinic.examine(1, batches=5, hidden=watched)
    torch.manual_seed(1)
    model = Tagger(8, 24, 4)
    set_forget_bias(model.lstm, 1.0)
    sample = training.numbered(boxes, 1)
    settings = training.Settings(batches=5, lr=0.01, seed=1)
    history = training.fit(model, sample, settings, device="cpu", progress=False)
    np.testing.assert_allclose(chart.losses, history.losses, rtol=1e-6)
    assert all(torch.equal(a, b) for a, b in zip(model.lstm.parameters(), taggers[0].parameters(), strict=True))


def test_a_chart_leaves_torchs_generator_alone():
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    clinic.examine(0, batches=1)
    assert torch.equal(torch.rand(3), expected)


def test_a_failure_in_training_leaves_tiny_numbers_as_they_were():
    def tiny():
        return (torch.tensor(1e-38) / 100).item()

    def fails(layer, xs):
        assert tiny() == 0
        raise KeyError("on purpose")

    for on in (False, True):
        torch.set_flush_denormal(on)
        with pytest.raises(KeyError, match="on purpose"):
            clinic.examine(0, hidden=fails)
        assert (tiny() == 0) == on
    torch.set_flush_denormal(False)


def test_charts_do_not_share_their_sequence():
    one = clinic.examine(0, batches=1)
    one.sequence.xs[:] = 7
    assert clinic.examine(0, batches=1).sequence.xs.max() == 1


def test_the_figure_shows_both_curves_all_kinds_and_the_inside():
    healthy, chart = (clinic.examine(seed, batches=45) for seed in (0, 1))
    everywhere = np.linspace(0, 1, chart.i.size).reshape(chart.i.shape)
    chart = chart._replace(kinds=np.array([0.1, 0.2, 0.3, 0.4]), i=everywhere, f=1 - 0.1 * everywhere)
    axes = clinic.draw(chart, healthy)
    losses = axes["loss"].lines[-4:]  # two thick ones, and each batch's own
    for thick, thin, one in zip(losses[:2], losses[2:], (healthy, chart), strict=True):
        np.testing.assert_array_equal(thin.get_ydata(), one.losses)
        pieces = [one.losses[:20], one.losses[20:40], one.losses[40:]]
        np.testing.assert_allclose(thick.get_ydata(), [piece.mean() for piece in pieces])
    assert [bar.get_width() for bar in axes["answers"].patches] == [*healthy.kinds, *chart.kinds]
    np.testing.assert_array_equal(axes["memory"].images[0].get_array(), chart.c.T)
    gates = (chart.i, chart.f, chart.o, healthy.i, healthy.f, healthy.o)
    for line, gate in zip(axes["gates"].lines, gates, strict=True):
        np.testing.assert_allclose(line.get_ydata(), gate.mean(axis=1))
    assert "Below 0.05 or above 0.95: " in axes["gates"].get_title("left")
    share = np.mean([(gate < 0.05) | (gate > 0.95) for gate in gates[:3]])
    assert f"{share:.0%} of all gates" in axes["gates"].get_title("left")
    assert share > 0.1
    plt.close("all")


# ---------------------------------------------------------------- the symptoms, for three seeds each


@cache
def chart(patient, seed):
    return clinic.admit(patient, seed)


def last_loss(one):
    return one.losses[-50:].mean()


def follows(gate, events):
    """Return how much further open a gate is, in the mean, at events than at the other steps."""
    return gate[events].mean() - gate[~events].mean()


def stays_alike(c):
    """Return the cosine between the memory after each step and the one before (T - 1,)."""
    lengths = np.linalg.norm(c, axis=1)
    return (c[1:] * c[:-1]).sum(axis=1) / (lengths[1:] * lengths[:-1])


def writes_and_questions(one):
    _, writes, asks = tasks.stream_parts(one.sequence.xs[:, 0], boxes=2)
    return writes.any(axis=1), asks.any(axis=1)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_healthy_one_answers_everything_and_opens_i_to_write(seed):
    one = chart("healthy", seed)
    writes, _ = writes_and_questions(one)
    assert one.kinds[0] > 0.98
    assert last_loss(one) < 0.03
    assert follows(one.i, writes) > 0.1


@pytest.mark.parametrize("seed", SEEDS)
def test_patient_a_forgets_everything_every_five_steps(seed):
    one = chart("A", seed)
    alike, as_healthy = stays_alike(one.c), stays_alike(chart("healthy", seed).c)
    border = np.arange(29) % 5 == 4
    assert alike[border].mean() < 0.3 < 0.6 < min(alike[~border].mean(), as_healthy[border].mean())
    assert 0.9 < last_loss(one) < 1.1
    assert 0.4 < one.kinds[0] < 0.55
    assert one.kinds[1:].min() > 0.1


@pytest.mark.parametrize("seed", SEEDS)
def test_patient_b_names_one_of_the_two_boxes_and_never_anything_else(seed):
    one = chart("B", seed)
    assert 0.5 < last_loss(one) < GUESSING / 2
    assert one.kinds[1] == one.kinds[3] == 0
    assert 0.4 < one.kinds[2] < 0.6


@pytest.mark.parametrize("seed", SEEDS)
def test_patient_c_learned_everything_and_opens_o_to_write(seed):
    one, healthy = chart("C", seed), chart("healthy", seed)
    writes, _ = writes_and_questions(one)
    np.testing.assert_array_equal(one.losses, healthy.losses)
    assert one.kinds[0] < 0.6
    assert one.kinds[1:].min() > 0.05
    assert follows(one.o, writes) > 0.1
    assert one.o[0].tolist() == healthy.i[0].tolist()  # before the first step both read the same


@pytest.mark.parametrize("seed", SEEDS)
def test_patient_d_stays_at_guessing_with_an_empty_memory(seed):
    one = chart("D", seed)
    assert abs(last_loss(one) - GUESSING) < 0.01
    assert one.losses.max() < 1.5
    assert np.abs(one.c).mean() < 0.1
    assert max(one.kinds) < 0.35


@pytest.mark.parametrize("seed", SEEDS)
def test_patient_e_jumps_up_at_once_and_saturates(seed):
    one = chart("E", seed)
    assert one.losses[:10].max() > 3
    assert last_loss(one) > GUESSING
    assert max(one.kinds) < 0.35
    gates = np.concatenate([one.i, one.f, one.o])
    assert np.mean((gates < 0.05) | (gates > 0.95)) > 0.8
    assert np.abs(one.c).max() > 5
