"""The smallest change to the right formula that gives exactly an answer.

For the first probe that an answer gets wrong, every change of ``_edits`` and ``_sketches`` is tried once, and what
comes out is kept in order, as one number; the same for pairs of the likeliest. An answer is looked up there,
and what fits is tried on all other probes.
"""

import bisect
import itertools
import math
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

from lstm_lib.exercises import _edits, _formulas, _shown, _sketches
from lstm_lib.exercises._probes import Probe, Tree, read, same
from lstm_lib.exercises._sketch import Edit, Sketch

PAIRED = 1.05  # edits up to this weight are tried in pairs too
WORK = 200_000  # sites looked up for pairs of one build: pairs that are tried times sites
TRIED = 200  # changes that are tried on all probes
TOLD = 6  # changes from which the verdict chooses
SECONDS = 2.0  # of the processor, for one search; the next one goes on from there
AT_ONCE = 100  # changes that are tried between two looks at the clock
TRIES = 3  # probes that tell which edits are worth a pair
FAILED = ("",)
FACTORS = [1 + 0.618 * place for place in range(30)]
SKETCHES = 1200  # other builds that are tried with edits, times sites
FURTHER = 200  # edits that are tried in each other build

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


class Space:
    """All changes of one solution, and for each probe a table of what they give: single changes, then pairs."""

    def __init__(
        self, source: str, names: tuple[str, ...], probes: tuple[Probe, ...], others: tuple[str, ...] = ()
    ) -> None:
        self.names, self.probes = names, probes
        tries = [probe.copy() for probe in probes[:TRIES]]
        self.stages = [Supply(stage(source, others, tries)) for stage in (singles, pairs)]
        self.tables: dict[tuple[int, int], Table] = {}

    def find(self, got: dict[int, Tree | None], wrong: list[int], seconds: float = SECONDS) -> list[Change]:
        """Return the changes that give the same on every probe, the likeliest first.

        Args:
            got: What an answer gave, by number of the probe; None where it failed.
            wrong: The probes where that is wrong.
            seconds: After this time it makes do with the changes that were tried so far, here or in earlier searches.
        """
        deadline = time.process_time() + seconds
        for stage, changes in enumerate(self.stages):
            probe = next((k for k in wrong if (stage, k) in self.tables), wrong[0])
            if (stage, probe) not in self.tables:
                self.tables[stage, probe] = Table(changes, self.probes[probe], self.names)
            some = self.tables[stage, probe].near(got[probe], deadline)
            fits = sorted((changes.made[place] for place in some), key=lambda change: change.weight)
            exact = (change for change in fits[:TRIED] if self._everywhere(change, got))
            if found := list(itertools.islice(exact, TOLD)):
                return found
        return self._by_formula(got)

    def _by_formula(self, got: dict[int, Tree | None]) -> list[Change]:
        """Return the solution with other formulas for those of its results that are wrong, or nothing."""
        plain = self.stages[0].some(0)[0].sketch
        truth = {k: Change(plain, (), 0.0).run(self.probes[k].copy(), self.names) for k in got}
        count = len(self.names)
        parts = [None] if count == 1 else range(count)
        instead: dict[int | None, str] = {}
        for part in parts:
            theirs, ours = ({k: _part(tree, part, count) for k, tree in each.items()} for each in (got, truth))
            wrong = [k for k in got if not self.probes[k].arrays and not _alike(theirs[k], ours[k])]
            if not wrong and not all(_alike(theirs[k], ours[k]) for k in got):
                return []
            if wrong and (text := self._formula(plain, part, wrong[-1], theirs)):
                instead[part] = text
            elif wrong:
                return []
        sketch = _formulas.with_formulas(plain.tree, self.names, instead)
        change = Change(sketch, (), sketch.weight)
        return [change] if instead and self._everywhere(change, got) else []

    def _formula(self, plain: Sketch, part: int | None, probe: int, theirs: dict[int, Tree | None]) -> str:
        """Return the smallest formula that gives one of the results, or nothing."""
        number, place = theirs[probe], None
        if isinstance(number, list) and len(number) > 1:
            number, place = number[1], 1
        if not isinstance(number, float) or not math.isfinite(number):
            return ""
        for text in _formulas.texts(plain.tree, _formulas.Sample(self.probes[probe].copy(), part, place), number):
            change = Change(_formulas.with_formulas(plain.tree, self.names, {part: text}), (), 0.0)
            made = ((k, _part(change.run(self.probes[k].copy(), self.names), part, len(self.names))) for k in theirs)
            if all(_alike(tree, theirs[k]) for k, tree in made):
                return text
        return ""

    def _everywhere(self, change: Change, got: dict[int, Tree | None]) -> bool:
        for k, tree in got.items():
            made = change.run(self.probes[k].copy(), self.names)
            if (made is None) != (tree is None) or (made is not None and not same(made, tree)):
                return False
        return True


def _part(tree: Tree | None, part: int | None, count: int) -> Tree | None:
    if part is None:
        return tree
    return tree[part] if isinstance(tree, list) and len(tree) == count else None


def _alike(one: Tree | None, two: Tree | None) -> bool:
    return one is two is None or (one is not None and two is not None and same(one, two))


class Supply:
    """Changes that are made when they are asked for, once."""

    def __init__(self, changes: Iterator[Change]) -> None:
        self.made: list[Change] = []
        self.rest = changes

    def some(self, place: int) -> list[Change]:
        """Return the next changes from a place on; none where there are no more."""
        while len(self.made) < place + AT_ONCE:
            before = len(self.made)
            self.made.extend(itertools.islice(self.rest, AT_ONCE))
            if len(self.made) == before:
                break
        return self.made[place : place + AT_ONCE]


class Table:
    """One number for what each change gives on one probe, in order; it grows as long as there is time."""

    def __init__(self, changes: Supply, probe: Probe, names: tuple[str, ...]) -> None:
        self.changes, self.names, self.inputs = changes, names, probe.copy()
        self.before = [read(value) for value in self.inputs]
        self.tried = 0
        self.rows: list[tuple[float, int]] = []
        self.over = False

    def near(self, tree: Tree, deadline: float) -> list[int]:
        """Return the places of the changes that may give this."""
        self._grow(deadline)
        key, slack = _key(tree), 1e-9 + 1e-6 * _key(tree, abs)
        if not math.isfinite(key):
            return []
        first = bisect.bisect_left(self.rows, (key - slack, 0))
        last = bisect.bisect_right(self.rows, (key + slack, len(self.rows) + self.tried))
        return [place for _, place in self.rows[first:last]]

    def _grow(self, deadline: float) -> None:
        if self.over:
            return
        rows, names, inputs = self.rows, self.names, self.inputs
        while not self.over and time.process_time() < deadline:
            some = self.changes.some(self.tried)
            for place, change in enumerate(some, self.tried):
                try:
                    key = _key_of(change.sketch.function(change.edits)(*inputs), names)
                except Exception:  # see Change.run
                    continue
                if -math.inf < key < math.inf:
                    rows.append((key, place))
            self.tried += len(some)
            self.over = not some
        rows.sort()
        assert [read(value) for value in inputs] == self.before  # no change of a solution spoils its inputs


def _key_of(value: Any, names: tuple[str, ...]) -> float:
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
    return _key(read(value, names))


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


def singles(source: str, others: tuple[str, ...] = (), tries: Tries = ((),)) -> Iterator[Change]:
    """Return every change at one place, and every other build."""
    plain, *built = _built(source)
    for edit in _edits_of(source):
        yield Change(plain, (edit,), edit.weight)
    for other in built:
        yield Change(other, (), other.weight)


def pairs(source: str, others: tuple[str, ...] = (), tries: Tries = ((),)) -> Iterator[Change]:
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
        limit = WORK // len(sketch.nodes) // (number + 1)
        for one, two in _both(_telling(sketch, edits, tries, 2 * math.isqrt(limit)), limit):
            yield Change(sketch, (one, two), sketch.weight + one.weight + two.weight)
    for other in built[: SKETCHES // len(plain.nodes)]:
        for edit in _likeliest(other, FURTHER):
            yield Change(other, (edit,), other.weight + edit.weight)


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
        return tuple(f"{_key_of(sketch.function(edits)(*inputs), ()):.9g}" for inputs in tries)
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
