"""Make small formulas of given numbers, and find those that give a wanted one.

Some ten thousand values are worked out and kept by value. Whether two of them together give the number is looked up: if
it is a sum and one term is known, so is the other. A formula is written down when it is found, not before.
"""

import contextlib
import gc
import itertools
import math
from collections.abc import Iterable, Iterator
from typing import Any

from lstm_lib.exercises._forms import Part, sigma

FINE = 0.7310585786e9  # values are told apart by so many parts of one; no short decimal falls between two
VARIED = 80  # values of which all pairs are made
SIMPLE = 10  # values that come in once more
RARE = 30  # values of which the larger one, the smaller one and the power are made
INNER = 120  # sums that are put into a function
POWERS = 1000  # values of which a power is taken, where a list has a length
PRODUCTS = 500  # products to which a third value is added


class Formulas:
    """Formulas of some parts, by value."""

    def __init__(self, parts: Iterable[Part], functions: tuple[str, ...]) -> None:
        """Make the formulas.

        Args:
            parts: What they are made of.
            functions: Which of tanh and sigmoid sums are put into.
        """
        self.known: dict[int, Part] = {}
        parts = sorted(parts, key=lambda part: part.size)
        self.leaves = {part.form: part.value for part in parts}
        simple = [part for part in parts if self._new(part)]
        self.rare = [each for pair in itertools.combinations(simple[:RARE], 2) for each in _rare(*pair)]
        with _without_collection():
            self._make(simple, functions)
        for part in self.rare:
            self._new(part)

    def _make(self, simple: list[Part], functions: tuple[str, ...]) -> None:
        few = simple[:SIMPLE]
        varied = simple + [each for part in simple for each in _varied(part, functions) if self._new(each)]
        self.varied = sorted(varied, key=lambda part: part.size)[:VARIED]
        pairs = list(itertools.combinations_with_replacement(self.varied, 2))
        pairs.sort(key=lambda pair: pair[0].size + pair[1].size)
        for one, two in pairs:
            self._join(one, two)
        small = sorted(self.known.values(), key=lambda part: part[1])
        powers = [part for part in simple if part.form.startswith("len(")]
        for base, power in itertools.product([part for part in small if 0 < part[0] < 100][:POWERS], powers):
            self._new(Part(base[0] ** power.value, base[1] + power.size, "**", base, power))
        sums = sorted((part for part in small if part[2] in "+-*"), key=lambda part: (part[1], part[2] != "+"))
        for function, part in itertools.product(functions, sums[:INNER]):
            for each in _through(function, part):
                if self._new(each):
                    self.varied.append(each)
                    for other in few:
                        self._join(each, other)
        for part in [part for part in small if part[2] == "*"][:PRODUCTS]:
            for other in few:
                self._join(part, other)

    def _new(self, part: Part) -> bool:
        return abs(part.value) < 1e6 and self.known.setdefault(math.floor(part.value * FINE), part) is part

    def _join(self, one: Any, two: Any) -> None:
        """Keep what two values give together; as bare tuples, since there are a hundred thousand."""
        x, y, size, known, floor = one[0], two[0], one[1] + two[1], self.known, math.floor
        if (key := floor((x + y) * FINE)) not in known:
            known[key] = (x + y, size, "+", one, two)  # type: ignore[assignment]
        if (key := floor((x - y) * FINE)) not in known:
            known[key] = (x - y, size, "-", one, two)  # type: ignore[assignment]
        if (key := floor((y - x) * FINE)) not in known:
            known[key] = (y - x, size, "-", two, one)  # type: ignore[assignment]
        if (key := floor(x * y * FINE)) not in known:
            known[key] = (x * y, size, "*", one, two)  # type: ignore[assignment]
        if abs(y) > 1e-6 and (key := floor(x / y * FINE)) not in known:
            known[key] = (x / y, size, "/", one, two)  # type: ignore[assignment]
        if abs(x) > 1e-6 and (key := floor(y / x * FINE)) not in known:
            known[key] = (y / x, size, "/", two, one)  # type: ignore[assignment]

    def giving(self, wanted: float) -> Iterator[Part]:
        """Return formulas, and pairs of formulas, that give a number, in any order."""
        if not wanted:
            return
        yield from self._joined(wanted, list(self.known.values()))
        yield from self._joined(wanted, self.rare)  # for this sample, the larger of two is one of them
        for part in self.rare:
            if math.floor(part[0] * FINE) == math.floor(wanted * FINE):  # where it is one of the two, here
                yield part
            for form, other in (("-", wanted + part.value), ("/", wanted * part.value)):
                if (one := self.known.get(math.floor(other * FINE))) is not None:
                    yield Part(wanted, one[1] + part.size, form, one, part)
        for form, inner in _unwrapped(wanted):
            for part in self._joined(inner, self.varied):
                yield Part(wanted, part.size + 1, form, part)

    def _joined(self, wanted: float, some: list[Part]) -> Iterator[Part]:
        known, floor = self.known, math.floor
        if (key := floor(wanted * FINE)) in known:
            yield Part(*known[key])
        for one in some:
            x = one[0]
            if (key := floor((wanted - x) * FINE)) in known:
                yield Part(wanted, one[1] + known[key][1], "+", one, known[key])
            if (key := floor((x - wanted) * FINE)) in known:
                yield Part(wanted, one[1] + known[key][1], "-", one, known[key])
            if abs(x) > 1e-6:
                if (key := floor(wanted / x * FINE)) in known:
                    yield Part(wanted, one[1] + known[key][1], "*", one, known[key])
                if (key := floor(x / wanted * FINE)) in known:
                    yield Part(wanted, one[1] + known[key][1], "/", one, known[key])


@contextlib.contextmanager
def _without_collection() -> Iterator[None]:
    """Let Python not look for rubbish, since there is none among so many new tuples."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _rare(one: Part, two: Part) -> Iterator[Part]:
    size = one.size + two.size + 1
    yield Part(max(one.value, two.value), size, "max", one, two)
    yield Part(min(one.value, two.value), size, "min", one, two)
    for base, power in ((one, two), (two, one)):
        if 0 < base.value < 100 and abs(power.value) < 10:
            yield Part(base.value**power.value, size, "**", base, power)


def _varied(part: Part, functions: tuple[str, ...]) -> Iterator[Part]:
    """Return what may be made of one number; what the solution has, and what learners do often, counts as smaller."""
    x, size = part.value, part.size
    yield Part(1 - x, size + 1, "rest", part)
    yield Part(math.tanh(x), size + (1 if "tanh" in functions else 2), "tanh", part)
    yield Part(sigma(x), size + (1 if "sigmoid" in functions else 2), "sigmoid", part)
    yield Part(x * x, size + 1, "square", part)
    yield Part(1 - x * x, size + 2, "slope of tanh", part)
    yield Part(x * (1 - x), size + 3, "slope of sigmoid", part)
    yield Part(2 * x, size + 2, "double", part)
    yield Part(x / 2, size + 2, "half", part)
    yield Part(1 + x, size + 2, "one more", part)
    yield Part(abs(x), size + 2, "abs", part)
    yield Part(max(0, x), size + 3, "positive", part)
    yield Part(max(-1, min(1, x)), size + 3, "clipped", part)
    if abs(x) > 1e-3:
        yield Part(1 / x, size + 3, "inverse", part)
    if x > 0:
        yield Part(x**0.5, size + 2, "root", part)
    if abs(x) < 20:
        yield Part(math.exp(x), size + 2, "exp", part)


def _through(function: str, part: Any) -> Iterator[Part]:
    """Return a function of a sum or a product, and its slope."""
    x, size, *_ = part
    value = math.tanh(x) if function == "tanh" else sigma(x)
    made = Part(value, size + 1, function, part)
    yield made
    yield Part(1 - value, size + 2, "rest", made)
    if function == "tanh":
        yield Part(1 - value**2, size + 3, "slope of tanh", made)
    else:
        yield Part(value * (1 - value), size + 3, "slope of sigmoid", made)


def _unwrapped(wanted: float) -> list[tuple[str, float]]:
    """Return what has to come out inside of a function."""
    inner = [("rest", 1 - wanted)]
    if abs(wanted) < 0.999:
        inner.append(("tanh", math.atanh(wanted)))
    if 0.001 < wanted < 0.999:
        inner.append(("sigmoid", math.log(wanted / (1 - wanted))))
    if wanted > 0:
        inner += [("root", wanted**2), ("exp", math.log(wanted))]
    return [(form, value) for form, value in inner if value]
