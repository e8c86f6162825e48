"""Which cell follows what: Python source whose structure is known, and how well one cell tells it.

Shapes: T characters, H cells.

>>> source = python_source(np.random.default_rng(0), 3)
>>> sorted(structure(source))
['bracket depth', 'in a comment', 'in a string', 'indentation', 'place in the line']
"""

import io
import tokenize
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from lstm_lib.nn import Tagger

Values = NDArray[np.float64]
YES_OR_NO = ("in a string", "in a comment")
NUMBERS = ("bracket depth", "indentation", "place in the line")

NAMES = [
    *("gate", "cell", "state", "memory", "event", "answer", "symbol", "box"),
    *("share", "step", "total", "count", "word", "line", "text", "left", "right"),
]
WORDS = [
    *("the", "a", "new", "old", "open", "closed", "first", "last", "long"),
    *("short", "empty", "full", "good", "next", "other", "every", "small", "large"),
]


# ---------------------------------------------------------------- source whose structure is known


def python_source(rng: np.random.Generator, functions: int) -> str:
    """Write Python functions by chance: strings, comments, brackets in brackets, blocks in blocks.

    Args:
        rng: Draws.
        functions: How many.

    Returns:
        A text that Python can parse.

    Example:
        >>> import ast
        >>> len(ast.parse(python_source(np.random.default_rng(1), 4)).body)
        4
    """
    return "\n\n".join(_function(rng) for _ in range(functions)) + "\n"


def _pick(rng: np.random.Generator, words: list[str]) -> str:
    return words[int(rng.integers(len(words)))]


def _phrase(rng: np.random.Generator, least: int, most: int) -> str:
    return " ".join(_pick(rng, WORDS if rng.random() < 0.5 else NAMES) for _ in range(rng.integers(least, most + 1)))


def _value(rng: np.random.Generator, depth: int = 0) -> str:
    kind = rng.random()
    if kind < 0.3 or depth > 2:
        return _pick(rng, NAMES)
    if kind < 0.45:
        return str(rng.integers(100))
    if kind < 0.65:
        return f'"{_phrase(rng, 1, 4)}"'
    inner = ", ".join(_value(rng, depth + 1) for _ in range(rng.integers(1, 4)))
    if kind < 0.85:
        return f"{_pick(rng, NAMES)}({inner})"
    return f"[{inner}]"


def _block(rng: np.random.Generator, level: int) -> list[str]:
    indent, lines = "    " * level, []
    for _ in range(rng.integers(1, 4)):
        if rng.random() < 0.25:
            lines.append(f"{indent}# {_phrase(rng, 2, 6)}")
        if rng.random() < 0.3 and level < 4:
            head = f"for {_pick(rng, NAMES)} in {_value(rng)}:" if rng.random() < 0.5 else f"if {_value(rng)}:"
            lines += [indent + head, *_block(rng, level + 1)]
        else:
            lines.append(f"{indent}{_pick(rng, NAMES)} = {_value(rng)}")
    return lines


def _function(rng: np.random.Generator) -> str:
    names = list(dict.fromkeys(_pick(rng, NAMES) for _ in range(2)))
    lines = [f"def {_pick(rng, NAMES)}({', '.join(names)}):", *_block(rng, 1), f"    return {_value(rng)}"]
    return "\n".join(lines) + "\n"


def structure(source: str) -> dict[str, Values]:
    """Say of each character of Python source where it stands, as Python's own ``tokenize`` sees it.

    Args:
        source: What Python can parse.

    Returns:
        For each of ``YES_OR_NO`` zeros and ones (T,); for each of ``NUMBERS`` numbers (T,): how many brackets are open
        after the character, the blanks before its line's first word, its place in the line.

    Raises:
        ValueError: If Python cannot read it.

    Example:
        >>> told = structure("a = [1, 'x']  # y")
        >>> "".join(str(int(n)) for n in told["bracket depth"]), "".join(str(int(n)) for n in told["in a string"])
        ('00001111111000000', '00000000111000000')
    """
    lines = source.splitlines(keepends=True)
    starts = np.cumsum([0, *map(len, lines)])
    told = {name: np.zeros(len(source)) for name in (*YES_OR_NO, *NUMBERS)}
    for start, line in zip(starts, lines, strict=False):
        told["place in the line"][start : start + len(line)] = np.arange(len(line))
        told["indentation"][start : start + len(line)] = len(line) - len(line.lstrip(" "))
    steps = np.zeros(len(source) + 1)
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            first, last = (int(starts[row - 1]) + column for row, column in (token.start, token.end))
            if token.type == tokenize.STRING:
                told["in a string"][first:last] = 1
            elif token.type == tokenize.COMMENT:
                told["in a comment"][first:last] = 1
            elif token.type == tokenize.OP and token.string in "([{":
                steps[first] += 1
            elif token.type == tokenize.OP and token.string in ")]}":
                steps[first] -= 1
    except (tokenize.TokenError, IndentationError, SyntaxError) as error:
        raise ValueError(f"got source that Python cannot read ({error}), expected whole statements") from None
    told["bracket depth"] = steps.cumsum()[:-1]
    return told


# ---------------------------------------------------------------- how well one cell tells it


@torch.no_grad()
def memories(network: Tagger, tokens: NDArray[np.int64]) -> Values:
    """Return what the memory holds after each character, as the use gate reads it: tanh c, between -1 and 1.

    Args:
        network: A ``Tagger`` of one layer of standard cells.
        tokens: The text (T,).

    Returns:
        (T, H).

    Raises:
        ValueError: If the network has several layers, or cells of another kind.

    Example:
        >>> memories(Tagger(3, 4, 3), np.array([0, 2, 1])).shape
        (3, 4)
    """
    lstm = network.lstm
    if lstm.num_layers != 1 or lstm.cell != "standard" or lstm.proj_size:
        what = f"got {lstm.num_layers} layers of cell {lstm.cell!r}, projection {lstm.proj_size}"
        raise ValueError(f"{what}, expected one layer of standard cells without projection")
    state, held = None, []
    for token in torch.from_numpy(tokens):
        _, state = network(token.reshape(1, 1), state)
        held.append(state[1][0, 0])
    return torch.stack(held).tanh().double().cpu().numpy()


def separation(values: Values, yes: Values) -> Values:
    """Return the area under the ROC curve: how often a value where it is so exceeds one where it is not.

    Args:
        values: (T, H).
        yes: Zeros and ones (T,).

    Returns:
        One number a cell (H,): 0.5 tells nothing, 1 and 0 everything (the latter upside down). Equal values count half.

    Raises:
        ValueError: If it is so everywhere, or nowhere.

    Example:
        >>> separation(np.array([[0.1], [0.2], [0.3], [0.4]]), np.array([0, 1, 0, 1])).tolist()
        [0.75]
    """
    is_so: NDArray[np.bool_] = np.asarray(yes) > 0
    so, not_so = int(np.count_nonzero(is_so)), int(np.count_nonzero(~is_so))
    if not so or not not_so:
        raise ValueError(f"got {so} characters where it is so and {not_so} where it is not, expected some of each")
    areas = []
    for column in np.asarray(values, float).T:
        _, place, counts = np.unique(column, return_inverse=True, return_counts=True)
        ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]  # ranks from 1; the mean rank for equal values
        areas.append((ranks[is_so].sum() - so * (so + 1) / 2) / (so * not_so))
    return np.array(areas)


def correlation(values: Values, numbers: Values) -> Values:
    """Return Pearson's correlation of each cell (H,) with a number; 0 for a cell that stands still.

    Args:
        values: (T, H).
        numbers: (T,).

    Example:
        >>> correlation(np.array([[1.0, 5.0], [2.0, 5.0], [3.0, 5.0]]), np.array([2.0, 4.0, 6.0])).round(6).tolist()
        [1.0, 0.0]
    """
    centred, target = values - values.mean(axis=0), numbers - numbers.mean()
    lengths = np.sqrt((centred**2).sum(axis=0) * (target**2).sum())
    found: Values = np.divide(target @ centred, lengths, out=np.zeros(values.shape[1]), where=lengths > 0)
    return found


class Reader(NamedTuple):
    """The cell that tells one thing best: chosen on the first half of a text, asked on the second.

    Attributes:
        what: What it tells.
        cell: Its number.
        score: On the second half: the share of pairs that it puts in order (0.5 to 1 by chance and skill) for what is
            so or not, the size of the correlation for a number.
        control: The largest score that was found in the same way when the text was moved against the cells.
    """

    what: str
    cell: int
    score: float
    control: float


def best_readers(
    cells: Values, told: Mapping[str, Values], rng: np.random.Generator, *, controls: int = 20
) -> list[Reader]:
    """Find the cell that tells each thing best, and what the same search finds where there is nothing to find.

    The controls move the truth along the text by a random distance: it keeps its runs and its frequency, and has
    nothing to do with the cells any more.

    Args:
        cells: Memories or outputs of a network after each character (T, H).
        told: What is so of the same characters, (T,) each, as ``structure`` says it; zeros and ones mean no and yes.
        rng: Draws the distances.
        controls: How many.

    Returns:
        One reader for each thing.
    """
    half = len(cells) // 2
    found = []
    for what, truth in told.items():
        distances = rng.integers(half // 4, 3 * half // 4, controls)
        cell, score = _search(cells, truth, half)
        other = [_search(cells, np.roll(truth, int(distance)), half)[1] for distance in distances]
        found.append(Reader(what, cell, score, max(other)))
    return found


def _search(cells: Values, truth: Values, half: int) -> tuple[int, float]:
    """Choose on the first half, and score on the second, with the sign that the first half showed."""
    yes_or_no = bool(np.isin(truth, (0, 1)).all())
    measure: Any = separation if yes_or_no else correlation
    middle = 0.5 if yes_or_no else 0.0
    first = measure(cells[:half], truth[:half]) - middle
    cell = int(np.abs(first).argmax())
    second = (measure(cells[half:, [cell]], truth[half:])[0] - middle) * np.sign(first[cell])
    return cell, float(second + middle)
