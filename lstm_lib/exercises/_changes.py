"""All changes of a solution: one at a place, another build, two at once; and what each gives, as one number."""

import heapq
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

from lstm_lib.exercises import _edits, _shown, _sketches
from lstm_lib.exercises._probes import Tree, read
from lstm_lib.exercises._sketch import Edit, Sketch

PAIRED = 1.05  # edits up to this weight are tried in pairs too
WORK = 200_000  # sites looked up for pairs of one build: pairs that are tried times sites
SKETCHES = 1200  # other builds that are tried with edits, times sites
FURTHER = 200  # edits that are tried in each other build
FAILED = ("",)
FACTORS = [1 + 0.618 * place for place in range(30)]
Tries = Sequence[Sequence[Any]]  # inputs


class Change(NamedTuple):
    """A solution of some build with some edits, and how far-fetched they are together."""

    sketch: Sketch
    edits: tuple[Edit, ...]
    weight: float

    @property
    def words(self) -> list[str]:
        """What was changed."""
        return [words for words in (self.sketch.words, *(edit.words for edit in self.edits)) if words]

    def run(self, inputs: list[Any], names: tuple[str, ...]) -> Tree | None:
        """Return what it gives, or None where it fails."""
        try:
            return read(self.sketch.function(self.edits)(*inputs), names)
        except Exception:  # a change may make nonsense of a formula in any way; then it is nobody's answer
            return None


def key_of(value: Any, names: tuple[str, ...]) -> float:
    """Return the key of a result; what most solutions return is read here, since there are many."""
    if type(value) is float:
        return value
    total = 0.0
    for factor, each in zip(FACTORS, value, strict=False) if type(value) in (tuple, list) else ():
        if type(each) is not float:
            break
        total += factor * each
    else:
        if type(value) in (tuple, list) and len(value) <= len(FACTORS):
            return total
    return key(read(value, names))


def key(tree: Tree, of: Callable[[float], float] = float) -> float:
    """Sum up all numbers of a result, each with a weight of its own."""
    return sum((1 + 0.618 * place) * of(number) for place, number in enumerate(_numbers_of(tree)))


def slack(tree: Tree) -> float:
    """Return how far the key of what is the same result may be from its own: rounding, and no more."""
    return 1e-9 + 1e-6 * key(tree, abs)


def _numbers_of(tree: Tree) -> Iterator[float]:
    if isinstance(tree, list):
        for each in tree:
            yield from _numbers_of(each)
    else:
        yield tree


@cache
def _built(source: str) -> list[Sketch]:
    return _sketches.sketches(source)


def plain_sketch(source: str) -> Sketch:
    """Return a solution without a change; kept."""
    return _built(source)[0]


@cache
def edits_of_source(source: str) -> list[Edit]:
    """Return all edits of a solution; kept."""
    return _edits.edits_of(_built(source)[0])


def singles(source: str, others: tuple[str, ...] = (), tries: Tries = ((),)) -> Iterator[Change]:
    """Return every change at one place, and every other build, the likeliest first."""
    plain, *built = _built(source)
    edited = (Change(plain, (edit,), edit.weight) for edit in edits_of_source(source))
    others_built = (Change(other, (), other.weight) for other in built)
    yield from heapq.merge(edited, others_built, key=lambda change: change.weight)


def pairs(source: str, others: tuple[str, ...] = (), tries: Tries = ((),)) -> Iterator[Change]:
    """Return two changes at once, and single ones of the solution written otherwise."""
    plain, *built = _built(source)
    yield from _paired(plain, edits_of_source(source), tries, WORK // len(plain.nodes))
    others_built = _sketches.further(source, others)
    for sketch in others_built:
        if sketch.words:
            yield Change(sketch, (), sketch.weight)
    for number, sketch in enumerate([sketch for sketch in others_built if not sketch.words], 2):
        edits = _edits.edits_of(sketch)
        for edit in edits:
            yield Change(sketch, (edit,), sketch.weight + edit.weight)
        yield from _paired(sketch, edits, tries, WORK // len(sketch.nodes) // number)
    for other in built[: SKETCHES // len(plain.nodes)]:
        for edit in _likeliest(other, FURTHER):
            yield Change(other, (edit,), other.weight + edit.weight)


def _paired(sketch: Sketch, edits: list[Edit], tries: Tries, limit: int) -> Iterator[Change]:
    for one, two in _both(_telling(sketch, edits, tries, 2 * math.isqrt(limit)), limit):
        yield Change(sketch, (one, two), sketch.weight + one.weight + two.weight)


def _likeliest(sketch: Sketch, count: int) -> list[Edit]:
    """Return so many of the likeliest edits; where there are many, the others are not made."""
    for most in (0.9, PAIRED, math.inf):
        if len(edits := _edits.edits_of(sketch, most)) >= count:
            break
    return edits[:count]


def _telling(sketch: Sketch, edits: list[Edit], tries: Tries, limit: int) -> list[Edit]:
    """Return so many likely edits, without those that fail, change nothing, or do what a likelier one does."""
    nothing = _signature(sketch, (), tries)
    found: list[Edit] = []
    seen = set()
    for edit in edits:
        if edit.weight > PAIRED or len(found) == limit:
            break
        made = _signature(sketch, (edit,), tries)
        if made not in (nothing, FAILED) and (place := (edit.sites, made)) not in seen:
            seen.add(place)
            found.append(edit)
    return found


def _signature(sketch: Sketch, edits: tuple[Edit, ...], tries: Tries) -> tuple[str, ...]:
    try:
        return tuple(f"{key_of(sketch.function(edits)(*inputs), ()):.9g}" for inputs in tries)
    except Exception:  # see Change.run
        return FAILED


def _both(likely: list[Edit], limit: int) -> list[tuple[Edit, Edit]]:
    """Return so many pairs of edits at different sites, the likeliest first."""
    sites = [edit.sites for edit in likely]
    both = [(j, k) for j, k in itertools.combinations(range(len(likely)), 2) if sites[j].isdisjoint(sites[k])]
    both.sort(key=lambda pair: likely[pair[0]].weight + likely[pair[1]].weight)
    return [(likely[j], likely[k]) for j, k in both[:limit]]


def lines(change: Change) -> list[tuple[str, str]]:
    """Return the lines that a change touches: as they are in the solution, and as they are now."""
    sketch = change.sketch
    shown = _shown.show(sketch, change.edits)
    told = sketch.order is not None and any(before.startswith("return ") for before, _ in shown)
    if sketch.changed and not told:
        shown.insert(0, (sketch.usual, sketch.changed))
    return shown
