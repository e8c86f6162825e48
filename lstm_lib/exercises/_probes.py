"""The inputs that an answer is tried on, and how results are read and compared.

A plain probe is made of numbers and lists (one unit, no numpy); an array probe has a batch and several units.
Shapes in letters: B batch, H hidden units, Z = H + D (state and event joined), T steps, 4 gates, N numbers.
"""

import math
import random
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from lstm_lib.exercises._array import Array

Tree = Any  # a float, or a list of trees: what every result is turned into before it is compared


class Kind(NamedTuple):
    """What an input looks like in a plain probe and in an array probe, and between which values it lies."""

    plain: str
    array: str
    low: float = -1.5
    high: float = 1.5
    values: tuple[float, ...] = ()  # where only these are possible; each is drawn sooner or later
    edge: float | None = None  # a value that one more probe has everywhere


NUMBER = Kind("", "B")  # one number; in an array probe, one for each sequence of the batch
WEIGHT = Kind("", "")  # one number, in an array probe too
STATE = Kind("", "BH")  # h, c, or what a gate lets through
GATE = Kind("", "BH", 0.05, 0.95)  # i, f or o
CONTENT = Kind("", "BH", -0.95, 0.95)  # g, or a state that left a tanh
JOINED = Kind("Z", "BZ")  # z = [h, x]
ROWS = Kind("Z", "HZ", -1.0, 1.0)  # the weights of one gate
BIAS = Kind("", "H")
SQUARE = Kind("", "HH")  # W_u
FOUR_ROWS = Kind("4Z", "4HZ", -1.0, 1.0)  # the weights of all gates
FOUR_BIASES = Kind("4", "4H")
SEQUENCE = Kind("T", "TB")
STATES = Kind("T", "TB", -0.95, 0.95)  # a sequence of states that left a tanh
LIST = Kind("N", "N", -2.0, 2.0)

PLAIN_SIZES = (
    {"Z": 2, "T": 2, "N": 2},
    {"Z": 2, "T": 3, "N": 3},
    {"Z": 3, "T": 4, "N": 4},
    {"Z": 4, "T": 5, "N": 2},
    {"Z": 2, "T": 3, "N": 3},
    {"Z": 3, "T": 2, "N": 5},
    {"Z": 2, "T": 4, "N": 3},
    {"Z": 4, "T": 3, "N": 4},
)
LONG = (6, 7)
# All sizes of a probe differ but in the second, which is square in B and H: there, a wrong axis raises no exception.
ARRAY_SIZES = (
    {"B": 2, "H": 3, "Z": 7, "T": 4, "N": 5},
    {"B": 3, "H": 3, "Z": 5, "T": 2, "N": 3},
    {"B": 4, "H": 2, "Z": 5, "T": 3, "N": 6},
)


class Probe(NamedTuple):
    """One set of inputs by name, and their style.

    It is plain "numbers", arrays of "units", a "batch" of these, or numbers at an "edge" that every answer has to know.
    """

    inputs: dict[str, Any]
    style: str

    @property
    def arrays(self) -> bool:
        """Whether any input may be an array."""
        return self.style not in ("numbers", "edge")

    def copy(self) -> list[Any]:
        """Return fresh inputs, so that no call can spoil the next one."""
        return [_copy(value) for value in self.inputs.values()]

    def describe(self) -> str:
        """Say the inputs: plain ones by value, arrays by shape."""
        if not self.arrays:
            return ", ".join(f"{name} = {say(value)}" for name, value in self.inputs.items())
        return ", ".join(f"{name} {_shape_of(value)}" for name, value in self.inputs.items())


def has_numpy() -> bool:
    """Tell whether numpy is here; where it is not, probes have arrays of our own."""
    try:
        import numpy  # noqa: F401
    except ImportError:
        return False
    return True


def make_probes(name: str, kinds: dict[str, Kind], arrays: bool = True) -> tuple[Probe, ...]:
    """Draw the inputs for one exercise, smallest first; the same ones every time."""
    rng = random.Random(name)
    probes = []
    for number, sizes in enumerate(PLAIN_SIZES):
        digits = 1 if number == 0 else 9 if number in LONG else 2  # long numbers tell formulas apart
        inputs = {key: _draw(rng, kind, [_size(sizes, c) for c in kind.plain], digits) for key, kind in kinds.items()}
        probes.append(Probe(inputs, "numbers"))
    styles = [("batch", sizes) for sizes in ARRAY_SIZES]
    if any("B" in kind.array and len(kind.array) > 1 for kind in kinds.values()):
        styles += [("units", sizes) for sizes in ARRAY_SIZES[:2]]
    for style, sizes in styles if arrays else ():
        letters = {key: kind.array.replace("B", "") if style == "units" else kind.array for key, kind in kinds.items()}
        inputs = {key: _draw(rng, kind, [_size(sizes, c) for c in letters[key]], 2) for key, kind in kinds.items()}
        probes.append(Probe({key: _as_array(value) for key, value in inputs.items()}, style))
    edges = {key: _everywhere(kind.edge, probes[1].inputs[key]) for key, kind in kinds.items() if kind.edge is not None}
    if edges:
        probes.append(Probe({**probes[1].inputs, **edges}, "edge"))
    return tuple(probes)


def _everywhere(edge: float, value: Any) -> Any:
    """Return an input with the same number at each place."""
    return [_everywhere(edge, each) for each in value] if isinstance(value, list) else edge


def _size(sizes: dict[str, int], letter: str) -> int:
    return int(letter) if letter.isdigit() else sizes[letter]


def _draw(rng: random.Random, kind: Kind, shape: list[int], digits: int) -> Any:
    if shape:
        return [_draw(rng, kind, shape[1:], digits) for _ in range(shape[0])]
    if kind.values:
        return rng.choice(kind.values)
    while True:
        value = round(rng.uniform(kind.low, kind.high), digits)
        if abs(value) >= 0.05:  # zeros hide mistakes
            return value


def _as_array(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    if not has_numpy():
        return Array.of(value)
    import numpy as np

    return np.array(value)


def _copy(value: Any) -> Any:
    if isinstance(value, list):
        return [_copy(each) for each in value]
    return value.copy() if hasattr(value, "copy") else value


def _shape_of(value: Any) -> str:
    shape = tuple(getattr(value, "shape", ()))
    return f"of shape {shape}" if shape else f"= {say(value)}"


# ---------------------------------------------------------------- results

LARGEST = 20_000  # numbers in a result that is still looked at


class OddResult(Exception):
    """A result that is not made of numbers; the words say what it is."""


def read(value: Any, names: tuple[str, ...] = ()) -> Tree:
    """Turn a result into numbers and lists.

    Args:
        value: What an answer returned.
        names: Names of the parts, for answers that return a dictionary.

    Raises:
        OddResult: If the value is not made of numbers.
    """
    budget = iter(range(LARGEST))
    if isinstance(value, dict) and names and set(value) == set(names):
        value = [value[name] for name in names]
    if type(value) is tuple and len(value) == len(names) == 1:  # a comma too many after return
        value = value[0]
    return _read(value, budget, depth=0)


def _read(value: Any, budget: Iterator[int], depth: int) -> Tree:
    if type(value) is float:  # by far the commonest
        return _number(value, budget)
    if hasattr(value, "detach"):  # a torch tensor
        value = value.detach()
    if hasattr(value, "tolist") and hasattr(value, "shape"):
        if math.prod(value.shape) > LARGEST:
            raise OddResult(f"an array of shape {tuple(value.shape)}, too large to be right")
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        if depth > 8 or len(value) > LARGEST:
            raise OddResult("a list too long or too deep to be right")
        return [_read(each, budget, depth + 1) for each in value]
    return _number(value, budget)


def _number(value: Any, budget: Iterator[int]) -> float:
    if next(budget, None) is None:
        raise OddResult(f"more than {LARGEST} numbers")
    if type(value) is float:
        return value
    odd = {type(None): "None", str: "text", bytes: "text", complex: "a complex number", bool: "True or False"}
    name = type(value).__name__
    if type(value) in odd:
        raise OddResult(odd[type(value)])
    if name == "ellipsis":
        raise OddResult("...")
    if name in ("generator", "coroutine"):
        value.close()
        raise OddResult(
            "a generator (return, not yield)" if name == "generator" else "a coroutine (def, not async def)"
        )
    if callable(value) or not hasattr(value, "__float__"):
        raise OddResult(f"{'a' if name[:1] not in 'aeiou' else 'an'} {name}, not a number")
    try:
        return float(value)
    except Exception:
        raise OddResult(f"a {name} that is not one number") from None


def shape_of(tree: Tree) -> tuple[int, ...] | None:
    """Return the shape of a tree, or None if it is ragged."""
    if not isinstance(tree, list):
        return ()
    shapes = {shape_of(each) for each in tree}
    if len(shapes) > 1 or None in shapes:
        return None
    return (len(tree), *(shapes.pop() if shapes else ()))  # type: ignore[misc]


def same(a: Tree, b: Tree) -> bool:
    """Tell whether two trees hold the same numbers; a list of one number counts as that number."""
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, list) or isinstance(b, list):
        inner, other = (a, b) if isinstance(a, list) else (b, a)
        return len(inner) == 1 and same(inner[0], other)
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    return a == b or bool(abs(a - b) <= 1e-9 + 1e-6 * max(abs(a), abs(b)) < math.inf)


def find(tree: Tree, wanted: Callable[[float], bool]) -> bool:
    """Tell whether any number of a tree is wanted."""
    return any(find(each, wanted) for each in tree) if isinstance(tree, list) else wanted(tree)


def say(tree: Tree, digits: int = 4) -> str:
    """Write numbers with so many digits, lists in brackets, cut to a readable length."""
    if not isinstance(tree, list):
        return f"{tree:.{digits}g}"
    text = "[" + ", ".join(say(each, digits) for each in tree[:12]) + (", …" if len(tree) > 12 else "") + "]"
    return text if len(text) <= 200 else text[:199] + "…"
