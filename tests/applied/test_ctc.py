"""CTC against all paths counted one by one, torch's loss, and rapidfuzz's distances."""

import itertools

import numpy as np
import pytest
import rapidfuzz
import torch

from lstm_lib.applied import ctc

# Frames, signs, labels: none, one, different, equal neighbours, and exactly as many frames as are needed.
CASES = [
    (4, 3, []),
    (5, 3, [2]),
    (5, 4, [1, 3]),
    (6, 3, [2, 2]),
    (6, 3, [1, 2, 2]),
    (4, 4, [1, 1, 2]),
    (3, 5, [4, 1, 2]),
]


def scores(T, K, seed=0):
    """Draw log chances, (T, K)."""
    logits = np.random.default_rng([seed, T, K]).normal(0, 2, (T, K))
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def paths(log_probs):
    """Give every path, what it reads, and its log chance."""
    T, K = log_probs.shape
    for path in itertools.product(range(K), repeat=T):
        merged = [sign for sign, _ in itertools.groupby(path)]
        yield path, tuple(sign for sign in merged if sign), log_probs[np.arange(T), list(path)].sum()


def readings(log_probs):
    """Add up the chances of all paths by what they read."""
    found = {}
    for _, labels, log_chance in paths(log_probs):
        found[labels] = found.get(labels, 0.0) + np.exp(log_chance)
    return found


def torch_loss(logits, labels):
    """Return the loss of torch, and its gradient with respect to the scores."""
    logits = torch.tensor(logits, requires_grad=True)
    T, L = torch.tensor([len(logits)]), torch.tensor([len(labels)])
    log_probs = logits.log_softmax(-1)[:, None]
    loss = torch.nn.functional.ctc_loss(log_probs, torch.tensor([labels], dtype=torch.long), T, L, reduction="sum")
    loss.backward()
    return loss.item(), logits.grad.numpy()


@pytest.mark.parametrize(("T", "K", "labels"), CASES)
def test_the_likelihood_is_the_sum_over_all_paths_that_read_so(T, K, labels):
    log_probs = scores(T, K)
    np.testing.assert_allclose(np.exp(ctc.log_likelihood(log_probs, labels)), readings(log_probs)[tuple(labels)], 1e-12)


@pytest.mark.parametrize(("T", "K", "labels"), CASES)
def test_the_posterior_counts_the_signs_of_those_paths(T, K, labels):
    log_probs, expected = scores(T, K), np.zeros((T, K))
    for path, read, log_chance in paths(log_probs):
        if read == tuple(labels):
            expected[np.arange(T), list(path)] += np.exp(log_chance)
    found = ctc.posterior(log_probs, labels)
    np.testing.assert_allclose(found.occupancy, expected / expected.sum(axis=1, keepdims=True), atol=1e-12)
    assert found.log_likelihood == ctc.log_likelihood(log_probs, labels)


@pytest.mark.parametrize(("T", "K", "labels"), [*CASES, (60, 12, [3, 3, 3, 11, 1, 1]), (200, 30, [5, 6, 5, 5] * 9)])
def test_loss_and_gradient_are_those_of_torch(T, K, labels):
    log_probs = scores(T, K, seed=1)
    loss, gradient = torch_loss(log_probs, labels)
    found = ctc.posterior(log_probs, labels)
    np.testing.assert_allclose(-found.log_likelihood, loss, 1e-12)
    np.testing.assert_allclose(np.exp(log_probs) - found.occupancy, gradient, atol=1e-11)


@pytest.mark.parametrize(("T", "K", "labels"), CASES)
def test_the_alignment_is_the_likeliest_of_those_paths(T, K, labels):
    log_probs = scores(T, K, seed=2)
    best, path = max((log_chance, path) for path, read, log_chance in paths(log_probs) if read == tuple(labels))
    found = ctc.align(log_probs, labels)
    assert found.signs.tolist() == list(path)
    np.testing.assert_allclose(found.log_chance, best, 1e-12)


@pytest.mark.parametrize("labels", [[], [1, 2], [2, 2, 1], [1, 1, 1]])
def test_the_spans_of_an_alignment_say_each_label_once_and_in_order(labels):
    found = ctc.align(scores(9, 3, seed=3), labels)
    assert ctc.read_path(found.signs) == tuple(labels)
    said = np.zeros(9, int)
    for label, (first, after) in zip(labels, found.spans, strict=True):
        said[first:after] = label
    np.testing.assert_array_equal(said, found.signs)
    assert all(one[1] <= other[0] for one, other in itertools.pairwise(found.spans))


@pytest.mark.parametrize(("T", "K", "seed"), [(4, 3, 0), (5, 3, 1), (6, 3, 2), (4, 4, 3), (5, 2, 4)])
def test_a_beam_that_keeps_everything_gives_every_reading_its_chance(T, K, seed):
    log_probs = scores(T, K, seed)
    expected = readings(log_probs)
    found = ctc.beam(log_probs, width=10**6)
    assert {reading.labels for reading in found} == set(expected)
    for reading in found:
        np.testing.assert_allclose(np.exp(reading.log_chance), expected[reading.labels], 1e-10)
    assert found == sorted(found, key=lambda reading: -reading.log_chance)


def test_a_narrow_beam_never_claims_more_than_the_likelihood_and_finds_the_best_of_clear_scores():
    log_probs = scores(30, 5, seed=5)
    log_probs[::2] *= 3
    for reading in ctc.beam(log_probs, width=5):
        assert reading.log_chance <= ctc.log_likelihood(log_probs, reading.labels) + 1e-9
    clear = np.log(np.where(np.eye(4)[[0, 2, 2, 0, 2, 3, 0]] > 0, 0.97, 0.01))
    assert ctc.beam(clear, width=3)[0].labels == ctc.greedy(clear) == (2, 2, 3)


@pytest.mark.parametrize("seed", range(20))
def test_greedy_reads_the_best_path(seed):
    log_probs = scores(5, 3, seed)
    _, expected, _ = max(paths(log_probs), key=lambda found: found[2])
    assert ctc.greedy(log_probs) == expected


def test_all_readings_of_frames_have_chance_one_together():
    log_probs = scores(4, 3, seed=7)
    rest = [list(labels) for L in range(5) for labels in itertools.product((1, 2), repeat=L)]
    together = sum(np.exp(ctc.log_likelihood(log_probs, labels)) for labels in rest)
    np.testing.assert_allclose(together, 1.0, 1e-12)


def test_edits_are_those_of_rapidfuzz():
    rng = np.random.default_rng(0)
    for _ in range(300):
        said, read = (rng.integers(0, 4, rng.integers(0, 12)).tolist() for _ in range(2))
        assert ctc.edits(said, read) == rapidfuzz.distance.Levenshtein.distance(said, read)


def test_the_error_rate_weighs_labels_and_not_sequences():
    assert ctc.error_rate([[1], [1, 2, 3]], [[2], [1, 2, 3]]) == 0.25
    assert ctc.error_rate(["ab"], ["xyzvw"]) == 2.5


def test_frames_that_are_too_few_have_no_chance_and_no_posterior():
    log_probs = scores(2, 3)
    assert ctc.frames_needed([1, 1]) == 3
    assert ctc.log_likelihood(log_probs, [1, 1]) == -np.inf
    for ask in (ctc.posterior, ctc.align):
        with pytest.raises(ValueError, match="got 2 frames that cannot say 2 labels, expected at least 3"):
            ask(log_probs, [1, 1])


def test_a_sign_without_any_chance_is_no_trouble():
    chances = np.array([[0.5, 0.5, 0.0], [0.25, 0.75, 0.0], [0.0, 1.0, 0.0]])
    with np.errstate(divide="ignore"):
        log_probs = np.log(chances)
    found = ctc.posterior(log_probs, [1])
    np.testing.assert_allclose(found.occupancy.sum(axis=1), 1.0)
    np.testing.assert_allclose(np.exp(found.log_likelihood), 1 - 0.5 * 0.25)
    assert ctc.beam(log_probs)[0].labels == (1,)


def test_float32_stays_float32_and_long_sequences_do_not_underflow():
    log_probs = scores(2000, 4, seed=8).astype(np.float32)
    labels = ctc.greedy(log_probs)
    found = ctc.posterior(log_probs, labels[:400])
    assert found.occupancy.dtype == np.float32
    assert np.isfinite(found.log_likelihood)


@pytest.mark.parametrize(
    ("log_probs", "labels", "words"),
    [
        (np.zeros((3, 4)), [4], "got label 4, expected 1 to K - 1 = 3"),
        (np.zeros((3, 4)), [0], "got label 0, expected 1 to"),
        (np.zeros((0, 4)), [1], r"got log_probs of shape \(0, 4\), expected \(T, K\)"),
        (np.zeros((3, 2, 4)), [1], r"got log_probs of shape \(3, 2, 4\)"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(log_probs, labels, words):
    for ask in (ctc.log_likelihood, ctc.posterior, ctc.align):
        with pytest.raises(ValueError, match=words):
            ask(log_probs, labels)


def test_a_beam_of_no_width_and_a_rate_of_nothing_are_refused():
    with pytest.raises(ValueError, match="got width 0, expected at least 1"):
        ctc.beam(scores(2, 3), width=0)
    with pytest.raises(ValueError, match="got no labels that were said"):
        ctc.error_rate([[]], [[1]])
    with pytest.raises(ValueError, match="got 1 said and 2 read"):
        ctc.error_rate([[1]], [[1], [2]])
