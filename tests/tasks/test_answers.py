"""How answers are sorted: the library against plain lists that play the stream of boxes by its rules."""

import numpy as np
import pytest

from lstm_lib import answers, tasks

SYMBOLS = 5
BOXES = (1, 2, 3)


def stream(boxes, symbols=SYMBOLS):
    return tasks.recall_stream(np.random.default_rng(5), 60, 30, boxes=boxes, symbols=symbols)


def by_hand(batch, boxes, symbols=SYMBOLS):
    """Go through each sequence with plain lists; return the candidates of each question, in the order of the mask."""
    T, B, _ = batch.xs.shape
    found = {}
    for n in range(B):
        contents, before, passed = [-1] * boxes, [-1] * boxes, -1
        for t in range(T):
            x = batch.xs[t, n].tolist()
            shown, writes, asks = x[:symbols], x[symbols : symbols + boxes], x[symbols + boxes :]
            if 1 in asks:
                box = asks.index(1)
                found[t, n] = (contents[box], before[box], *contents[:box], *contents[box + 1 :], passed)
            elif 1 in writes:
                box = writes.index(1)
                before[box], contents[box] = contents[box], shown.index(1)
            else:
                passed = shown.index(1)
    return np.array([found[tuple(place)] for place in np.argwhere(batch.mask)])


def clear_ones(candidates):
    """Return the numbers of the questions whose candidates all exist and differ."""
    return [n for n, row in enumerate(candidates.tolist()) if -1 not in row and len(set(row)) == len(row)]


@pytest.mark.parametrize("boxes", BOXES)
def test_the_candidates_are_those_found_by_hand(boxes):
    batch = stream(boxes)
    possible = answers.possible_answers(batch.xs, boxes=boxes)
    np.testing.assert_array_equal(possible, by_hand(batch, boxes))
    np.testing.assert_array_equal(possible[:, 0], batch.targets[batch.mask])


@pytest.mark.parametrize("boxes", BOXES)
def test_who_always_answers_in_one_way_is_told_so(boxes):
    batch = stream(boxes)
    kinds = [0, 1, *[2] * (boxes - 1), 3]
    for column, kind in enumerate(kinds):
        shares = answers.kinds_of_answers(by_hand(batch, boxes)[:, column], batch.xs, boxes=boxes)
        np.testing.assert_array_equal(shares, np.eye(4)[kind])


@pytest.mark.parametrize("boxes", BOXES)
def test_shares_are_counted_over_clear_questions_alone(boxes):
    batch = stream(boxes)
    candidates = by_hand(batch, boxes)
    clear = clear_ones(candidates)
    assert 0 < len(clear) < len(candidates)
    says = candidates[:, 0].copy()
    stale = clear[: len(clear) // 2]
    says[stale] = candidates[stale, 1]
    says[[n for n in range(len(says)) if n not in clear]] = -7  # whatever is said there, it does not count
    half = len(stale) / len(clear)
    shares = answers.kinds_of_answers(says, batch.xs, boxes=boxes)
    np.testing.assert_allclose(shares, [1 - half, half, 0, 0])


def test_a_symbol_that_nobody_could_mean_is_none_of_the_kinds():
    batch = stream(2)
    candidates = by_hand(batch, 2)
    says = np.array([min(set(range(SYMBOLS)) - set(row)) for row in candidates.tolist()])
    np.testing.assert_array_equal(answers.kinds_of_answers(says, batch.xs, boxes=2), np.zeros(4))


def test_answers_that_do_not_fit_the_questions_are_refused():
    batch = stream(2)
    with pytest.raises(ValueError, match=r"got 3 answers, expected one for each of \d+ questions"):
        answers.kinds_of_answers(np.zeros(3), batch.xs)
    with pytest.raises(ValueError, match="got no question with 4 different symbols to name"):
        answers.kinds_of_answers(np.zeros(0), batch.xs[:2, :1])
    with pytest.raises(ValueError, match=r"got xs of shape \(30, 9\), expected \(T, B, D\)"):
        answers.possible_answers(batch.xs[:, 0])
