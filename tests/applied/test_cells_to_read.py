"""What Python source says of itself, and finding the cell that tells it: planted cells are found, noise is not."""

import ast
import itertools

import numpy as np
import pytest

from lstm_lib.applied import cells_to_read as reading


@pytest.mark.parametrize("seed", range(5))
def test_source_can_be_parsed_and_has_all_there_is_to_find(seed):
    source = reading.python_source(np.random.default_rng(seed), 12)
    assert len(ast.parse(source).body) == 12
    told = reading.structure(source)
    assert max(told["bracket depth"]) >= 2
    assert set(told["indentation"].tolist()) >= {0, 4, 8}
    for name in reading.YES_OR_NO:
        assert 0.02 < told[name].mean() < 0.5


def slow_structure(source):
    """Read character by character: strings in double quotes without escapes, comments, brackets."""
    string = comment = False
    depth, rows = 0, []
    for character in source:
        opens = character == '"' and not comment and not string
        string = string or opens
        comment = (comment or (character == "#" and not string)) and character != "\n"
        if not string and not comment:
            depth += (character in "([{") - (character in ")]}")
        rows.append((string, comment, depth))
        if character == '"' and not comment and not opens:
            string = False
    return np.array(rows, float).T


@pytest.mark.parametrize("seed", range(5))
def test_structure_is_what_a_slow_reader_sees(seed):
    source = reading.python_source(np.random.default_rng(seed), 6)
    told = reading.structure(source)
    for name, slow in zip(("in a string", "in a comment", "bracket depth"), slow_structure(source), strict=True):
        np.testing.assert_array_equal(told[name], slow, err_msg=name)


def test_source_that_python_cannot_read_is_refused():
    with pytest.raises(ValueError, match="got source that Python cannot read"):
        reading.structure("a = (1,\n")


def test_separation_counts_pairs():
    rng = np.random.default_rng(0)
    values, yes = rng.integers(0, 6, (40, 3)).astype(float), rng.integers(0, 2, 40)
    for column, area in zip(values.T, reading.separation(values, yes), strict=True):
        pairs = list(itertools.product(column[yes == 1], column[yes == 0]))
        assert area == pytest.approx(np.mean([(a > b) + (a == b) / 2 for a, b in pairs]))


def test_separation_needs_both():
    with pytest.raises(ValueError, match="got 0 characters where it is so and 3 where it is not"):
        reading.separation(np.zeros((3, 1)), np.zeros(3))


def test_correlation_is_pearsons():
    rng = np.random.default_rng(0)
    values, numbers = rng.standard_normal((30, 4)), rng.standard_normal(30)
    expected = [np.corrcoef(column, numbers)[0, 1] for column in values.T]
    np.testing.assert_allclose(reading.correlation(values, numbers), expected, rtol=1e-12)


def test_planted_cells_are_found_and_noise_is_no_better_than_its_control():
    told = reading.structure(reading.python_source(np.random.default_rng(3), 40))
    rng = np.random.default_rng(0)
    cells = rng.standard_normal((len(told["indentation"]), 12))
    for cell, truth in enumerate(told.values()):
        cells[:, cell] += (-1) ** cell * 4 * truth / truth.std()
    found = reading.best_readers(cells, told, np.random.default_rng(1))
    assert [reader.cell for reader in found] == list(range(5))
    assert all(reader.score > 0.9 > 0.8 > reader.control for reader in found)
    noise = reading.best_readers(rng.standard_normal(cells.shape), told, np.random.default_rng(1), controls=40)
    assert all(reader.score < reader.control + 0.05 for reader in noise)
