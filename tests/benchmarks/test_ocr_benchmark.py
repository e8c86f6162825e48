"""The benchmark of readers: what it trains on is never what it asks, and it is the same each time."""

import numpy as np
import pytest

from benchmarks import ocr
from lstm_lib.applied import lines


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(ocr, "ASKED", 100)


def test_digits_that_are_asked_are_not_among_those_to_train_on():
    for how in ("random", "file order"):
        split = lines.split(1797, how)
        used = np.concatenate([split[part] for part in ("train", "validation")])
        assert not set(used.tolist()) & set(split["test"].tolist())
        drawn = ocr.digits_kind(how, ("train", "validation")).draw
        images = {image.tobytes() for image in lines.digits().only(used).images}
        rng, bare = np.random.default_rng(0), lines.digits().only(split["test"])
        assert drawn(rng, 3)[1].isdigit()
        assert not images & {image.tobytes() for image in bare.images}


def test_words_that_are_asked_are_not_among_those_to_train_on():
    words = lines.vocabulary()
    _, said = ocr.tests("words", "test")["unseen fonts"]
    asked = {text for text in said if text.isalpha() and text in {*words["train"], *words["validation"]}}
    assert len(asked) < 0.05 * len(said)  # random letters may be a word by chance
    assert set(ocr.tests("words", "validation")) == {"seen fonts"}


def test_a_test_is_the_same_each_time():
    for name in ("digits, file order", "words"):
        first, again = ocr.tests(name, "test"), ocr.tests(name, "test")
        for which in first:
            assert first[which][1] == again[which][1]
            np.testing.assert_array_equal(first[which][0][7], again[which][0][7])
