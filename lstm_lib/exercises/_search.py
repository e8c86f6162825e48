"""The smallest change to the right formula that gives exactly an answer.

For the first probe that an answer gets wrong, every change of ``_edits`` and ``_sketches`` is tried once, and what
comes out is kept in order, as one number; the same for pairs of the likeliest. An answer is looked up there,
and what fits is tried on all other probes.
"""

import bisect
import itertools
import math
import time
from collections.abc import Iterator

from lstm_lib.exercises import _formulas
from lstm_lib.exercises._changes import Change, key, key_of, pairs, plain_sketch, singles, slack
from lstm_lib.exercises._probes import Probe, Tree, read, same
from lstm_lib.exercises._sketch import Sketch

TRIED = 200  # changes that are tried on all probes
TOLD = 6  # changes from which the verdict chooses
SECONDS = 2.0  # of the processor, for one search; the next one goes on from there
SHELF = 2000  # changes that are looked through before more are tried
AT_ONCE = 100  # changes that are tried between two looks at the clock
TRIES = 3  # probes that tell which edits are worth a pair


class Space:
    """All changes of one solution, and for each probe a table of what they give: single changes, then pairs."""

    def __init__(
        self, source: str, names: tuple[str, ...], probes: tuple[Probe, ...], others: tuple[str, ...] = ()
    ) -> None:
        self.source, self.names, self.probes = source, names, probes
        tries = [probe.copy() for probe in probes[:TRIES]]
        self.stages = [Supply(stage(source, others, tries)) for stage in (singles, pairs)]
        self.tables: dict[tuple[int, int], Table] = {}

    def single(self, got: dict[int, Tree | None], wrong: list[int], seconds: float = SECONDS) -> list[Change]:
        """Return what ``find`` does, of single changes only."""
        return self._in_tables(got, wrong, time.process_time() + seconds, 1)

    def find(self, got: dict[int, Tree | None], wrong: list[int], seconds: float = SECONDS) -> list[Change]:
        """Return the changes that give the same on every probe, the likeliest first.

        Args:
            got: What an answer gave, by number of the probe; None where it failed.
            wrong: The probes where that is wrong.
            seconds: After this time it makes do with the changes that were tried so far, here or in earlier searches.
        """
        deadline = time.process_time() + seconds
        if found := self._in_tables(got, wrong, deadline, len(self.stages)):
            return found
        return self._by_formula(got) if time.process_time() < deadline else []

    def _in_tables(
        self, got: dict[int, Tree | None], wrong: list[int], deadline: float, stages: int
    ) -> list[Change]:
        for stage, changes in enumerate(self.stages[:stages]):
            probe = next((k for k in wrong if (stage, k) in self.tables), wrong[0])
            if (stage, probe) not in self.tables:
                self.tables[stage, probe] = Table(changes, self.probes[probe], self.names)
            for some in self.tables[stage, probe].near(got[probe], deadline):
                fits = sorted((changes.made[place] for place in some), key=lambda change: change.weight)
                exact = (change for change in fits[:TRIED] if self.gives(change, got))
                if found := list(itertools.islice(exact, TOLD)):
                    return found
        return []

    def _by_formula(self, got: dict[int, Tree | None]) -> list[Change]:
        """Return the solution with other formulas for those of its results that are wrong, or nothing."""
        plain = plain_sketch(self.source)
        truth = {k: Change(plain, (), 0.0).run(self.probes[k].copy(), self.names) for k in got}
        count = len(self.names)
        instead: dict[int | None, str] = {}
        parts: list[int | None] = [None] if count == 1 else list(range(count))
        theirs, ours = ({p: _part_of(each, p, count) for p in parts} for each in (got, truth))
        wrong = [part for part in parts if not _all_alike(theirs[part], ours[part])]
        for found in ({}, instead):  # the second time, those that are found may stand in others
            for number, part in enumerate(wrong):
                if part not in instead and (text := self._formula(plain, part, theirs, ours[part], found)):
                    instead[part] = text
                if number + 1 - len(instead) > 1:  # where two are not found, the others would not help
                    return []
            if not instead or len(instead) == len(wrong):
                break
        if not instead or len(instead) < len(wrong):
            return []
        sketch = _formulas.with_formulas(plain.tree, self.names, instead)
        change = Change(sketch, (), sketch.weight)
        return [change] if self.gives(change, got) else []

    def _formula(
        self,
        plain: Sketch,
        part: int | None,
        theirs: dict[int | None, dict[int, Tree | None]],
        ours: dict[int, Tree | None],
        beside: dict[int | None, str],
    ) -> str:
        """Return the smallest formula that gives one of the results, or nothing."""
        mine = theirs[part]
        wrong = [k for k in mine if not self.probes[k].arrays and not _all_alike({k: mine[k]}, {k: ours[k]})]
        if not wrong:
            return ""
        wrong.sort(key=lambda k: (0 in self.probes[k].inputs.values(), -k))
        right = [k for k in mine if k not in wrong and not self.probes[k].arrays]
        samples = []
        for k in [*wrong, *right]:
            number, place = mine[k], None
            if isinstance(number, list) and len(number) > 1:
                number, place = number[1], 1
            if not isinstance(number, float) or not math.isfinite(number):
                return ""
            others = tuple((text, v) for p, text in beside.items() if isinstance(v := theirs[p][k], float))
            samples.append(_formulas.Sample(self.probes[k].copy(), number, place, others))
        for text in _formulas.texts(plain.tree, samples):
            change = Change(_formulas.with_formulas(plain.tree, self.names, {part: text}), (), 0.0)
            made = ((k, change.run(self.probes[k].copy(), self.names)) for k in mine)
            if all(_all_alike(_part_of({k: tree}, part, len(self.names)), {k: mine[k]}) for k, tree in made):
                return text
        return ""

    def gives(self, change: Change, got: dict[int, Tree | None]) -> bool:
        """Tell whether a change gives the same on every probe, and fails where an answer failed."""
        for k, tree in got.items():
            made = change.run(self.probes[k].copy(), self.names)
            if (made is None) != (tree is None) or (made is not None and not same(made, tree)):
                return False
        return True


def _part_of(trees: dict[int, Tree | None], part: int | None, count: int) -> dict[int, Tree | None]:
    """Return one of several results, on each probe."""
    if part is None:
        return trees
    return {k: tree[part] if isinstance(tree, list) and len(tree) == count else None for k, tree in trees.items()}


def _all_alike(some: dict[int, Tree | None], others: dict[int, Tree | None]) -> bool:
    pairs = [(tree, others[k]) for k, tree in some.items()]
    return all(a is b is None or (a is not None and b is not None and same(a, b)) for a, b in pairs)


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
    """One number for what each change gives on one probe, on shelves, in order; made as they are asked for."""

    def __init__(self, changes: Supply, probe: Probe, names: tuple[str, ...]) -> None:
        self.changes, self.names, self.inputs = changes, names, probe.copy()
        self.before = [read(value) for value in self.inputs]
        self.tried = 0
        self.shelves: list[list[tuple[float, int]]] = []
        self.over = False

    def near(self, tree: Tree, deadline: float) -> Iterator[list[int]]:
        """Return the places of the changes that may give this, from shelf to shelf: the likeliest are on the first."""
        middle, room = key(tree), slack(tree)
        if not math.isfinite(middle):
            return
        shelf = 0
        while shelf < len(self.shelves) or not self.over:
            self._fill(shelf, deadline)
            if shelf == len(self.shelves):
                return
            rows = self.shelves[shelf]
            first = bisect.bisect_left(rows, (middle - room, 0))
            last = bisect.bisect_right(rows, (middle + room, self.tried))
            yield [place for _, place in rows[first:last]]
            shelf += 1

    def _fill(self, shelf: int, deadline: float) -> None:
        """Try changes until a shelf is full, or the time is over."""
        if self.over or self.tried >= SHELF * (shelf + 1) or time.process_time() > deadline:
            return
        if shelf == len(self.shelves):
            self.shelves.append([])
        rows, names, inputs = self.shelves[shelf], self.names, self.inputs
        while not self.over and self.tried < SHELF * (shelf + 1) and time.process_time() < deadline:
            some = self.changes.some(self.tried)
            for place, change in enumerate(some, self.tried):
                try:
                    value = key_of(change.sketch.function(change.edits)(*inputs), names)
                except Exception:  # see Change.run
                    continue
                if -math.inf < value < math.inf:
                    rows.append((value, place))
            self.tried += len(some)
            self.over = not some
        rows.sort()
        assert [read(value) for value in inputs] == self.before  # no change of a solution spoils its inputs
