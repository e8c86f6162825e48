"""Counted n-grams against a slow calculation from the definition, and sums that must be one."""

import bz2
import itertools
import math

import numpy as np
import pytest

from lstm_lib.applied import ngrams

TEXTS = [np.random.default_rng(seed).integers(0, 3, 40).tolist() for seed in range(4)]


def kneser_ney(text, before, token, order, K, D):
    """Interpolated Kneser-Ney as its definition has it, by going through the text at every question."""
    padded = [-1] * (order - 1) + text
    seen = [tuple(padded[at : at + order]) for at in range(len(text))]

    def count(gram):  # at full length how often, else after how many different signs
        if len(gram) == order:
            return seen.count(gram)
        return len({longer for longer in grams(len(gram) + 1) if longer[1:] == gram})

    def grams(n):
        return {one[order - n :] for one in seen}

    def share(context):
        lower = 1 / K if not context else share(context[1:])
        followers = {gram[-1]: count(gram) for gram in grams(len(context) + 1) if gram[:-1] == context}
        total = sum(followers.values())
        if not total:
            return lower
        return (max(followers.get(token, 0) - D, 0) + D * len(followers) * lower) / total

    context = tuple(([-1] * order + before)[len(before) + 1 :])
    return (1 / K) if order < 1 else share(context[len(context) - order + 1 :] if order > 1 else ())


@pytest.mark.parametrize("order", [1, 2, 3, 4])
@pytest.mark.parametrize("text", TEXTS)
def test_a_share_is_that_of_the_definition(text, order):
    model = ngrams.NGrams(text, order, classes=4, discount=0.6)  # class 3 was never seen
    for before in itertools.chain([[]], itertools.product(range(4), repeat=3), [[0], [1, 2]]):
        for token in range(4):
            expected = kneser_ney(text, list(before), token, order, 4, 0.6)
            assert model.share(list(before), token) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("order", [1, 2, 5])
def test_shares_add_up_to_one_and_none_is_zero(order):
    model = ngrams.NGrams(TEXTS[0], order, classes=5)
    for before in ([], [0], [4, 4, 4, 4], TEXTS[0][:6]):
        shares = [model.share(before, token) for token in range(5)]
        assert math.fsum(shares) == pytest.approx(1, abs=1e-12)
        assert min(shares) > 0


def test_what_a_text_costs_is_the_mean_over_its_characters_with_the_past_that_is_given():
    model = ngrams.NGrams(TEXTS[0], 3, classes=3)
    text, before = TEXTS[1][:5], TEXTS[0][-4:]
    costs = [-math.log(model.share([*before, *text[:at]], text[at])) for at in range(5)]
    assert model.nats(text, before) == pytest.approx(np.mean(costs), rel=1e-12)
    assert model.nats(text) != pytest.approx(model.nats(text, before))


def test_a_longer_context_pays_where_there_is_something_to_remember():
    text = [0, 1, 2, 3, 3, 2, 1, 0] * 60
    costs = [ngrams.NGrams(text, order, classes=4).nats(text[:80], text[-8:]) for order in (1, 2, 3)]
    assert costs[0] > 1.3  # ln 4 = 1.386: each of the four comes as often as the others
    assert costs[2] < 0.05 < costs[1]


@pytest.mark.parametrize("wrong", [(0, 2, 0.5), (2, 1, 0.5), (2, 2, 0.0), (2, 2, 1.0)])
def test_numbers_that_do_not_fit_are_refused(wrong):
    with pytest.raises(ValueError, match=r"got order \d, \d classes and discount"):
        ngrams.NGrams([0, 1], *wrong)


def test_a_compressor_is_charged_for_what_the_text_adds():
    rng = np.random.default_rng(0)
    before, text = ("".join(map(chr, rng.integers(97, 123, n))) for n in (4000, 2000))
    added = len(bz2.compress((before + text).encode(), 9)) - len(bz2.compress(before.encode(), 9))
    assert ngrams.compressed_bits("bz2", text, before) == 8 * added / 2000
    for name in ngrams.COMPRESSORS:  # no program sends 26 letters at random in less than log2(26) bits each
        assert math.log2(26) < ngrams.compressed_bits(name, text, before) < 6
    with pytest.raises(ValueError, match="got 'zip', expected one of bz2, lzma"):
        ngrams.compressed_bits("zip", text, before)
