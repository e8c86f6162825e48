"""The smallest change to the right formula that gives exactly an answer.

For the first probe that an answer gets wrong, every change of ``_edits`` and ``_sketches`` is tried once, and what
comes out is kept in order, as one number; the same for pairs of the likeliest. An answer is looked up there,
and what fits is tried on all other probes.
"""

import bisect
import itertools
import math
from array import array
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any, NamedTuple

from lstm_lib.exercises import _edits, _sketch, _sketches
from lstm_lib.exercises._probes import Probe, Tree, read, same
from lstm_lib.exercises._sketch import Edit, Sketch

PAIRED = 1.05  # edits up to this weight are tried in pairs too
WORK = 300_000  # sites looked up for pairs of one build: pairs that are tried times sites
TRIED = 200  # changes that are tried on all probes
TOLD = 6  # changes from which the verdict chooses
SKETCHES = 1200  # other builds that are tried with edits, times sites
FURTHER = 200  # edits that are tried in each other build


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
        self.sketch.apply(self.edits)
        try:
            return read(self.sketch.run(*inputs), names)
        except Exception:  # a change may make nonsense of a formula in any way; then it is nobody's answer
            return None


class Space:
    """All changes of one solution, and for each probe a table of what they give: single changes, then pairs."""

    def __init__(
        self, source: str, names: tuple[str, ...], probes: tuple[Probe, ...], others: tuple[str, ...] = ()
    ) -> None:
        self.source, self.names, self.probes, self.others = source, names, probes, others
        self.stages = [singles, pairs]
        self.changes: dict[int, list[Change]] = {}
        self.tables: dict[tuple[int, int], Table] = {}

    def find(self, got: dict[int, Tree | None], wrong: int) -> list[Change]:
        """Return the changes that give the same on every probe, the likeliest first.

        Args:
            got: What an answer gave, by number of the probe; None where it failed.
            wrong: A probe where that is wrong.
        """
        for stage in range(len(self.stages)):
            some = self._table(stage, wrong).near(got[wrong])
            fits = sorted((self.changes[stage][place] for place in some), key=lambda change: change.weight)
            exact = (change for change in fits[:TRIED] if self._everywhere(change, got))
            if found := list(itertools.islice(exact, TOLD)):
                return found
        return []

    def _everywhere(self, change: Change, got: dict[int, Tree | None]) -> bool:
        for k, tree in got.items():
            made = change.run(self.probes[k].copy(), self.names)
            if (made is None) != (tree is None) or (made is not None and not same(made, tree)):
                return False
        return True

    def _table(self, stage: int, probe: int) -> "Table":
        if stage not in self.changes:
            self.changes[stage] = list(self.stages[stage](self.source, self.others))
        if (stage, probe) not in self.tables:
            inputs = self.probes[probe]
            made = (change.run(inputs.copy(), self.names) for change in self.changes[stage])
            self.tables[stage, probe] = Table.of(made)
        return self.tables[stage, probe]


class Table(NamedTuple):
    """One number for what each change gives, in order, and the places of the changes."""

    keys: "array[float]"
    places: "array[int]"

    @classmethod
    def of(cls, made: Iterable[Tree | None]) -> "Table":
        """Leave out what failed, and sort."""
        keys = ((_key(tree), place) for place, tree in enumerate(made) if tree is not None)
        rows = sorted((key, place) for key, place in keys if math.isfinite(key))
        return cls(array("d", (key for key, _ in rows)), array("l", (place for _, place in rows)))

    def near(self, tree: Tree) -> "array[int]":
        """Return the places of the changes that may give this."""
        key, slack = _key(tree), 1e-9 + 1e-6 * _key(tree, abs)
        if not math.isfinite(key):
            return array("l")
        return self.places[bisect.bisect_left(self.keys, key - slack) : bisect.bisect_right(self.keys, key + slack)]


def _key(tree: Tree, of: Callable[[float], float] = float) -> float:
    """Sum up all numbers of a result, each with a weight of its own."""
    return sum((1 + 0.618 * place) * of(number) for place, number in enumerate(_numbers_of(tree)))


def _numbers_of(tree: Tree) -> Iterator[float]:
    if isinstance(tree, list):
        for each in tree:
            yield from _numbers_of(each)
    else:
        yield tree


@cache
def _built(source: str) -> list[Sketch]:
    return _sketches.sketches(source)


@cache
def _edits_of(source: str) -> list[Edit]:
    return _edits.edits_of(_built(source)[0])


def singles(source: str, others: tuple[str, ...] = ()) -> Iterator[Change]:
    """Return every change at one place, and every other build."""
    plain, *built = _built(source)
    for edit in _edits_of(source):
        yield Change(plain, (edit,), edit.weight)
    for other in built:
        yield Change(other, (), other.weight)


def pairs(source: str, others: tuple[str, ...] = ()) -> Iterator[Change]:
    """Return two changes at once, and single ones of the solution written otherwise."""
    plain, *built = _built(source)
    alike: list[Sketch] = []
    twice: list[Sketch] = []
    for sketch in _sketches.further(source, others):
        (twice if sketch.words else alike).append(sketch)
    for sketch in twice:
        yield Change(sketch, (), sketch.weight)
    for number, sketch in enumerate([plain, *alike]):
        edits = _edits.edits_of(sketch) if number else _edits_of(source)
        if number:
            for edit in edits:
                yield Change(sketch, (edit,), sketch.weight + edit.weight)
        for one, two in _both(edits, WORK // len(sketch.sites) // (number + 1)):
            yield Change(sketch, (one, two), sketch.weight + one.weight + two.weight)
    for other in built[: SKETCHES // len(plain.sites)]:
        for edit in _edits.edits_of(other)[:FURTHER]:
            yield Change(other, (edit,), other.weight + edit.weight)


def _both(edits: list[Edit], limit: int) -> list[tuple[Edit, Edit]]:
    """Return so many pairs of edits at different sites, of the likeliest."""
    likely = [edit for edit in edits if edit.weight <= PAIRED][: 2 * math.isqrt(limit)]
    sites = [{site for site, _ in edit.instead} for edit in likely]
    both = [(j, k) for j, k in itertools.combinations(range(len(likely)), 2) if not sites[j] & sites[k]]
    both.sort(key=lambda pair: likely[pair[0]].weight + likely[pair[1]].weight)
    return [(likely[j], likely[k]) for j, k in both[:limit]]


def lines(change: Change) -> list[tuple[str, str]]:
    """Return the lines that a change touches: as they are in the solution, and as they are now."""
    shown = _sketch.show(change.sketch, change.edits)
    if change.sketch.changed:
        shown.insert(0, ("", change.sketch.changed))
    return shown

