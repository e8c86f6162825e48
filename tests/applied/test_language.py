"""Texts as numbers, batches of one endless stream, and writing: held to slow and exhaustive ways."""

import itertools
import math

import numpy as np
import pytest
import torch

from lstm_lib import nn, training
from lstm_lib.applied import cells_to_read, language

TEXT = "the cat sat on the mat; the rat ran.\n" * 3


@pytest.fixture(scope="module")
def vocabulary():
    return language.Vocabulary.of(TEXT)


@pytest.fixture(scope="module")
def model(vocabulary):
    torch.manual_seed(0)
    return nn.Tagger(len(vocabulary), 9, len(vocabulary), num_layers=2).double()


# ---------------------------------------------------------------- texts


def test_encoding_and_decoding_are_inverse(vocabulary):
    assert vocabulary.decode(vocabulary.encode(TEXT)) == TEXT


def test_a_strange_character_is_named_with_its_line(vocabulary):
    with pytest.raises(ValueError, match=r"got the character 'é' \(U\+00E9\) in line 2 of the letter, expected one of"):
        vocabulary.encode("the cat\nté\n", "the letter")


@pytest.mark.parametrize(("characters", "message"), [("a", "got 1 characters"), ("aba", "got 'a' more than once")])
def test_a_vocabulary_that_makes_no_sense_is_refused(characters, message):
    with pytest.raises(ValueError, match=message):
        language.Vocabulary(characters)


def test_nothing_held_out_is_trained_on():
    train, held_out = language.split(TEXT, 0.8)
    assert train + held_out == TEXT
    assert len(train) == int(0.8 * len(TEXT))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "got 0 bytes with nothing but blanks"),
        (b" \n\t", "got 3 bytes with nothing but blanks"),
        (b"abc\xff\xfe", "got byte 0xff in line 1, which is not utf-8"),
        (b"abc\0def", "got a character of number 0"),
        (None, "no such file or directory"),
    ],
)
def test_a_file_that_is_no_text_is_named(tmp_path, content, message):
    path = tmp_path / "book.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=f"book.txt: {message}"):
        language.read_text(path)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_mark_at_the_beginning_of_a_file_says_its_encoding_and_is_no_character(tmp_path, encoding):
    (tmp_path / "a.txt").write_bytes("né\r\nb\rc\n".encode(encoding))
    assert language.read_text(tmp_path / "a.txt") == "né\nb\nc\n"


# ---------------------------------------------------------------- batches


def test_windows_go_on_where_the_last_one_stopped():
    tokens = np.arange(50)
    sample = language.Windows(tokens, streams=4, window=6)
    batches = [sample(n) for n in range(5)]
    for before, after in itertools.pairwise(batches):
        assert (after.xs[0] == before.targets[-1]).all()
    for batch in batches:
        assert batch.xs.shape == (6, 4)
        assert (batch.targets == (batch.xs + 1) % 50).all()
        assert batch.mask.all()
    assert (batches[0].xs[0] == [0, 12, 25, 37]).all()


@pytest.mark.parametrize(("streams", "window"), [(1, 1000), (1, 7), (3, 5), (4, 1)])
def test_a_text_in_order_asks_for_every_character_once(streams, window):
    tokens = np.arange(41)
    batches = list(language.in_order(tokens, streams=streams, window=window))
    asked = np.concatenate([batch.targets.T.ravel() for batch in batches])
    assert len(set(asked.tolist())) == len(asked) >= 40 - (streams - 1)
    assert 0 not in asked
    assert all((batch.targets == batch.xs + 1).all() for batch in batches)
    for before, after in itertools.pairwise(batches):
        assert (after.xs[0] == before.targets[-1]).all()


def test_what_a_text_costs_does_not_depend_on_the_windows(model, vocabulary):
    tokens = vocabulary.encode(TEXT)
    scores, _ = model(torch.from_numpy(tokens[:-1])[:, None], None)
    expected = torch.nn.functional.cross_entropy(scores[:, 0], torch.from_numpy(tokens[1:])).item()
    assert language.ask(model, tokens).loss == pytest.approx(expected, rel=1e-12)
    short = training.evaluate(model, language.in_order(tokens, window=5), stateful=True)
    assert short.loss == pytest.approx(expected, rel=1e-12)
    assert short.questions == len(tokens) - 1


def test_stateful_training_sees_the_state_that_the_window_before_left(vocabulary):
    seen = []

    class Watched(nn.Tagger):
        def forward(self, xs, state=None):
            seen.append(None if state is None else state[0].detach().clone())
            scores, after = super().forward(xs, state)
            seen.append(after[0].detach().clone())
            return scores, after

    sample = language.Windows(vocabulary.encode(TEXT), streams=3, window=5)
    settings = training.Settings(batches=3, stateful=True)
    training.fit(Watched(len(vocabulary), 4, len(vocabulary)), sample, settings, device="cpu", progress=False)
    first, left, second, *_ = seen
    assert first is None
    assert torch.equal(left, second)


# ---------------------------------------------------------------- writing


SCORES = torch.tensor([[0.3, 2.0, -1.0, 1.0, 1.9], [5.0, 5.0, 0.0, -3.0, 1.0]], dtype=torch.float64)


def test_shares_are_a_softmax_of_scores_over_temperature():
    for temperature in (0.1, 1.0, 3.0):
        expected = (SCORES / temperature).softmax(-1)
        torch.testing.assert_close(language.shares(SCORES, temperature), expected)
    assert language.shares(SCORES, 0).tolist() == [[0, 1, 0, 0, 0], [1, 0, 0, 0, 0]]


@pytest.mark.parametrize("k", [1, 2, 4, 5, 9])
def test_top_k_leaves_the_k_likeliest_as_they_stand_to_each_other(k):
    shares = language.shares(SCORES, 0.7, top_k=k)
    every = language.shares(SCORES, 0.7)
    for some, all_of in zip(shares, every, strict=True):
        kept = all_of.argsort(descending=True, stable=True)[:k]
        assert set(some.nonzero().flatten().tolist()) == set(kept.tolist())
        torch.testing.assert_close(some[kept], all_of[kept] / all_of[kept].sum())


@pytest.mark.parametrize("p", [0.01, 0.4, 0.8, 0.95, 1.0])
def test_the_nucleus_is_the_fewest_that_together_have_p(p):
    for some, all_of in zip(language.shares(SCORES, top_p=p), language.shares(SCORES), strict=True):
        ranked = all_of.sort(descending=True).values
        fewest = next(n for n in range(1, 6) if ranked[:n].sum() >= p - 1e-12)
        assert (some > 0).sum() == fewest
        assert some.sum().item() == pytest.approx(1)


@pytest.mark.parametrize(
    "wrong", [{"temperature": -1}, {"temperature": math.nan}, {"top_k": 0}, {"top_p": 0}, {"top_p": 1.1}]
)
def test_a_way_of_drawing_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValueError, match=f"got {next(iter(wrong))}"):
        language.shares(SCORES, **wrong)


def test_without_chance_each_character_is_the_likeliest_after_all_before_it(model, vocabulary):
    text = language.generate(model, vocabulary, "the ", 12, temperature=0)
    for at in range(4, len(text)):
        scores, _ = model(torch.from_numpy(vocabulary.encode(text[:at]))[:, None], None)
        assert text[at] == vocabulary.characters[int(scores[-1, 0].argmax())]


def test_characters_are_drawn_as_often_as_their_shares_say(model, vocabulary):
    scores, _ = model(torch.from_numpy(vocabulary.encode("the"))[:, None], None)
    expected = language.shares(scores[-1, 0].detach(), 0.5)
    rng = torch.Generator().manual_seed(0)
    drawn = [language.generate(model, vocabulary, "the", 1, temperature=0.5, rng=rng)[-1] for _ in range(2000)]
    counts = torch.tensor([drawn.count(character) for character in vocabulary.characters]) / 2000
    assert (counts - expected).abs().max() < 0.05  # a share of one half has a standard deviation of .011 here


def test_writing_leaves_the_network_and_torch_as_they_were(model, vocabulary):
    model.train()
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    told = []
    text = language.generate(model, vocabulary, "", 5, rng=torch.Generator().manual_seed(1), each=told.append)
    assert text == "".join(told)
    assert torch.equal(torch.rand(2), expected)
    assert model.training
    model.eval()


def every_text(model, vocabulary, beginning, length):
    """Score all texts of a length, one by one."""
    found = {}
    for tail in itertools.product(vocabulary.characters, repeat=length):
        tokens = torch.from_numpy(vocabulary.encode(beginning + "".join(tail)))
        scores, _ = model(tokens[:-1, None], None)
        logs = scores[:, 0].log_softmax(-1).gather(1, tokens[1:, None])
        found[beginning + "".join(tail)] = logs[len(beginning) - 1 :].sum().item()
    return found


def test_a_beam_as_wide_as_all_texts_finds_the_likeliest_in_order(model, vocabulary):
    texts = every_text(model, vocabulary, "t", 2)
    paths = language.beam(model, vocabulary, "t", 2, width=len(texts))
    assert len(paths) == len(texts)
    assert [path.text for path in paths] == sorted(texts, key=texts.get, reverse=True)
    for path in paths:
        assert path.log_chance == pytest.approx(texts[path.text], rel=1e-9)


def test_a_beam_of_one_takes_the_likeliest_at_each_step(model, vocabulary):
    (path,) = language.beam(model, vocabulary, "the", 8, width=1)
    assert path.text == language.generate(model, vocabulary, "the", 8, temperature=0)


def test_a_beam_needs_something_to_begin_with(model, vocabulary):
    with pytest.raises(ValueError, match="got a beginning of 0 characters, length 3 and width 2, expected"):
        language.beam(model, vocabulary, "", 3, width=2)


def test_a_split_that_leaks_is_caught():
    text = cells_to_read.python_source(np.random.default_rng(3), functions=60)
    first, last = language.split(text)
    language.expect_unseen(first, last)
    for leaky, held_out in [(text, last), (first + last[50:300], last), (first, first[-130:] + last)]:
        with pytest.raises(ValueError, match="are trained on too, expected them apart"):
            language.expect_unseen(leaky, held_out)
