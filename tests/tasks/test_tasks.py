"""The tasks ask what they say they ask: every target is found again by a player written on its own."""

import numpy as np
import pytest

from lstm_lib import tasks


def play_boxes(xs, symbols, boxes):
    """Play the stream of boxes by its rules, one sequence at a time, from the input alone."""
    T, B, _ = xs.shape
    said = np.full((T, B), -1)
    for n in range(B):
        contents = {}
        for t in range(T):
            symbol, write, ask = np.split(xs[t, n], [symbols, symbols + boxes])
            if write.any():
                contents[int(write.argmax())] = int(symbol.argmax())
            if ask.any():
                said[t, n] = contents[int(ask.argmax())]
    return said


@pytest.mark.parametrize(
    ("boxes", "symbols", "p_write", "p_ask"), [(1, 2, 0.25, 0.25), (4, 5, 0.1, 0.6), (3, 4, 1.0, 0.0)]
)
def test_the_rules_alone_answer_every_question_of_the_stream(boxes, symbols, p_write, p_ask):
    batch = tasks.recall_stream(
        np.random.default_rng(1), 7, 50, boxes=boxes, symbols=symbols, p_write=p_write, p_ask=p_ask
    )
    np.testing.assert_array_equal(play_boxes(batch.xs, symbols, boxes), batch.targets)
    np.testing.assert_array_equal(batch.mask, batch.targets != tasks.NO_TARGET)
    np.testing.assert_array_equal(batch.mask, batch.xs[:, :, symbols + boxes :].any(axis=2))


def test_the_stream_shows_one_thing_a_step_and_fills_every_box_first():
    xs = tasks.recall_stream(np.random.default_rng(2), 9, 60, boxes=3).xs
    symbol, write, ask = xs[..., :4].sum(2), xs[..., 4:7].sum(2), xs[..., 7:].sum(2)
    np.testing.assert_array_equal(symbol + ask, 1)  # a symbol or a question, never both
    assert (write <= symbol).all()
    np.testing.assert_array_equal(xs[:3, :, 4:7], np.broadcast_to(np.eye(3)[:, None], (3, 9, 3)))


def test_writes_and_questions_come_as_often_as_they_should():
    xs = tasks.recall_stream(np.random.default_rng(3), 200, 202, boxes=2, p_write=0.3, p_ask=0.2).xs[2:]
    assert abs(xs[..., 4:6].any(2).mean() - 0.3) < 0.01
    assert abs(xs[..., 6:].any(2).mean() - 0.2) < 0.01
    assert abs(xs[..., 6].any(1).mean() - 1) < 0.05  # no box is forgotten


@pytest.mark.parametrize("k", [0, 1, 10])
def test_the_delay_task_is_the_stream_with_one_write_and_one_question(k):
    batch = tasks.delay(np.random.default_rng(4), 8, k)
    assert batch.xs.shape == (k + 2, 8, 6)
    np.testing.assert_array_equal(play_boxes(batch.xs, 4, 1), batch.targets)
    np.testing.assert_array_equal(batch.xs[:, :, 4].sum(axis=0), 1)
    np.testing.assert_array_equal(batch.mask.sum(axis=0), 1)


def test_no_symbol_is_more_likely_than_another_in_the_delay_task():
    counts = np.bincount(tasks.delay(np.random.default_rng(5), 4000, 1).targets[-1])
    assert (np.abs(counts / 4000 - 0.25) < 0.03).all()


def test_adding_asks_for_the_sum_of_two_marked_numbers_one_in_each_half():
    batch = tasks.adding(np.random.default_rng(6), 500, 11)
    for n in range(500):
        places = np.flatnonzero(batch.xs[:, n, 1])
        assert len(places) == 2
        assert places[0] < 5 <= places[1]
        assert batch.targets[-1, n] == pytest.approx(batch.xs[places, n, 0].sum())
    assert not batch.mask[:-1].any()
    assert batch.mask[-1].all()


def test_copy_asks_for_the_same_symbols_in_the_same_order_after_the_signal():
    batch = tasks.copy(np.random.default_rng(7), 6, 4, length=3, symbols=5)
    tokens = batch.xs.argmax(axis=2)
    np.testing.assert_array_equal(batch.targets[-3:], tokens[:3])
    np.testing.assert_array_equal(tokens[7], 6)
    np.testing.assert_array_equal(tokens[3:7], 5)
    assert len(tokens) == 4 + 2 * 3 + 1
    assert (tokens[:3] < 5).all()


def test_temporal_order_asks_which_of_the_two_came_first():
    batch = tasks.temporal_order(np.random.default_rng(8), 300, 100)
    tokens = batch.xs.argmax(axis=2)
    for n in range(300):
        places = np.flatnonzero(tokens[:, n] < 2)
        assert len(places) == 2
        assert 10 <= places[0] < 20
        assert 50 <= places[1] < 60
        assert batch.targets[-1, n] == 2 * tokens[places[0], n] + tokens[places[1], n]
    assert set(batch.targets[-1]) == {0, 1, 2, 3}


def is_embedded_reber(string):
    """Walk the grammar by hand: B, T or P, a Reber string, the same letter, E."""
    inner, node = string[3:-3], 0
    if string[0] != "B" or string[1] not in "TP" or string[2] != "B" or string[-3:] != "E" + string[1] + "E":
        return False
    follow = {(0, "T"): 1, (0, "P"): 2, (1, "S"): 1, (1, "X"): 3, (2, "T"): 2, (2, "V"): 4}
    follow |= {(3, "X"): 2, (3, "S"): 5, (4, "P"): 3, (4, "V"): 5}
    for letter in inner:
        if (node, letter) not in follow:
            return False
        node = follow[node, letter]
    return node == 5


def test_every_reber_string_obeys_the_grammar_and_a_broken_one_does_not():
    rng = np.random.default_rng(9)
    strings = [tasks.reber_string(rng) for _ in range(300)]
    assert all(map(is_embedded_reber, strings))
    assert not is_embedded_reber(strings[0][:1] + "TP"["TP".index(strings[0][1]) - 1] + strings[0][2:])
    assert {s[1] for s in strings} == {"T", "P"}


def test_reber_batches_ask_for_the_next_symbol_until_the_string_ends():
    batch = tasks.embedded_reber(np.random.default_rng(10), 12)
    for n in range(12):
        length = int(batch.mask[:, n].sum())
        letters = [tasks.REBER_SYMBOLS[k] for k in batch.xs[:length, n].argmax(axis=1)]
        letters.append(tasks.REBER_SYMBOLS[batch.targets[length - 1, n]])
        assert is_embedded_reber("".join(letters))
        assert not batch.xs[length:, n].any()
        assert (batch.targets[length:, n] == tasks.NO_TARGET).all()


ALL = {
    "recall_stream": lambda rng, **kw: tasks.recall_stream(rng, 3, 9, **kw),
    "delay": lambda rng, **kw: tasks.delay(rng, 3, 9, **kw),
    "adding": lambda rng, **kw: tasks.adding(rng, 3, 9, **kw),
    "copy": lambda rng, **kw: tasks.copy(rng, 3, 9, **kw),
    "temporal_order": lambda rng, **kw: tasks.temporal_order(rng, 3, 19, **kw),
    "embedded_reber": lambda rng, **kw: tasks.embedded_reber(rng, 3, **kw),
}


@pytest.mark.parametrize("name", ALL)
def test_the_same_seed_draws_the_same_batch_and_another_seed_another(name):
    one, same, other = (ALL[name](np.random.default_rng(seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.xs, same.xs)
    np.testing.assert_array_equal(one.targets, same.targets)
    assert one.xs.shape != other.xs.shape or (one.xs != other.xs).any()


@pytest.mark.parametrize("name", ALL)
def test_xs_have_the_dtype_that_was_asked_for(name):
    batch = ALL[name](np.random.default_rng(0), dtype=np.float32)
    assert batch.xs.dtype == np.float32
    assert batch.mask.dtype == bool
    assert batch.targets.dtype == (np.float32 if name == "adding" else np.int64)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda rng: tasks.recall_stream(rng, 0, 9), "got batch_size 0, expected at least 1"),
        (lambda rng: tasks.recall_stream(rng, 2, 3, boxes=4), "got T 3, expected at least 4"),
        (lambda rng: tasks.recall_stream(rng, 2, 9, p_write=0.8, p_ask=0.3), "got p_write 0.8 and p_ask 0.3"),
        (lambda rng: tasks.recall_stream(rng, 2, 9, p_write=float("nan")), "got p_write nan"),
        (lambda rng: tasks.delay(rng, 2, -1), "got k -1, expected at least 0"),
        (lambda rng: tasks.copy(rng, 2, 4, symbols=1), "got symbols 1, expected at least 2"),
        (lambda rng: tasks.temporal_order(rng, 2, 9), "got T 9, expected at least 10"),
        (lambda rng: tasks.embedded_reber(rng, 0), "got batch_size 0, expected at least 1"),
    ],
)
def test_sizes_that_do_not_fit_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(np.random.default_rng(0))


def test_the_parts_of_a_stream_are_views_and_fit_the_task():
    batch = tasks.recall_stream(np.random.default_rng(0), 5, 20, boxes=3, symbols=6)
    parts = tasks.stream_parts(batch.xs, boxes=3)
    assert [part.shape[-1] for part in parts] == [6, 3, 3]
    np.testing.assert_array_equal(np.concatenate(parts, axis=-1), batch.xs)
    assert all(np.shares_memory(part, batch.xs) for part in parts)
    np.testing.assert_array_equal(parts.asks.any(-1), batch.mask)
    np.testing.assert_array_equal(parts.symbols.sum(-1), ~batch.mask)


@pytest.mark.parametrize(("shape", "boxes"), [((8,), 0), ((4, 5), 2), ((), 1)])
def test_features_that_cannot_be_a_stream_are_refused(shape, boxes):
    with pytest.raises(ValueError, match="expected at least 2 \\+ 2 boxes features"):
        tasks.stream_parts(np.zeros(shape), boxes=boxes)
