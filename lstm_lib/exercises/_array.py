"""A small array in plain Python, for probes where numpy is not installed.

It does what numpy does: shapes broadcast, a slice is a view into the same numbers, ``+=`` changes them in place, and a
division by zero gives inf or nan.
"""

import math
import operator
from collections.abc import Callable, Iterator
from typing import Any


class Array:
    """Numbers in a shape of any number of axes.

    Example:
        >>> a = Array.of([[1.0, 2.0], [3.0, 4.0]])
        >>> (a + 1).tolist(), (a @ a[0]).tolist(), a.T[0].tolist(), (1 - a[:, 1]).tolist()
        ([[2.0, 3.0], [4.0, 5.0]], [5.0, 11.0], [1.0, 3.0], [-1.0, -3.0])
        >>> a[0] *= 10
        >>> a.shape, a.tolist()
        ((2, 2), [[10.0, 20.0], [3.0, 4.0]])
    """

    __slots__ = ("memory", "shape", "start", "steps")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, memory: list[Any], shape: tuple[int, ...], steps: tuple[int, ...] = (), start: int = 0) -> None:
        """Look at a list of numbers: from ``start`` on, ``steps`` apart along each axis."""
        self.memory, self.shape, self.start = memory, shape, start
        self.steps = steps or tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))

    @classmethod
    def of(cls, tree: Any) -> "Array":
        """Make an array of nested lists of numbers."""
        if isinstance(tree, Array):
            return tree
        if not isinstance(tree, list | tuple):
            return cls([tree], ())
        parts = [cls.of(each) for each in tree]
        inner = parts[0].shape if parts else ()
        if any(part.shape != inner for part in parts):
            raise ValueError("got rows of different lengths, expected equal ones")
        return cls([number for part in parts for number in part.flat()], (len(parts), *inner))

    # ------------------------------------------------------------ shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of numbers."""
        return math.prod(self.shape)

    @property
    def T(self) -> "Array":  # noqa: N802
        """The same numbers, the axes in reverse."""
        return Array(self.memory, self.shape[::-1], self.steps[::-1], self.start)

    def swapaxes(self, one: int, two: int) -> "Array":
        """Return the same numbers with two axes exchanged."""
        order = list(range(self.ndim))
        order[one], order[two] = order[two], order[one]
        shape, steps = (tuple(each[k] for k in order) for each in (self.shape, self.steps))
        return Array(self.memory, shape, steps, self.start)

    def tolist(self) -> Any:
        """Return nested lists."""
        if not self.shape:
            return self.memory[self.start]
        if self.ndim == 1:
            return self.flat()
        return [each.tolist() for each in self]

    def copy(self) -> "Array":
        """Return the same numbers in a memory of their own."""
        return Array(self.flat(), self.shape)

    def flat(self) -> list[Any]:
        """Return the numbers in one list, row after row."""
        return [self.memory[place] for place in self._places()]

    def _places(self) -> list[int]:
        places = [self.start]
        for count, step in zip(self.shape, self.steps, strict=True):
            places = [place + k * step for place in places for k in range(count)]
        return places

    def _stretched(self, shape: tuple[int, ...]) -> "Array":
        """Return a view of a larger shape, in which axes of one entry are repeated."""
        missing = len(shape) - self.ndim
        own = (1,) * missing + self.shape
        if missing < 0 or any(have not in (1, want) for have, want in zip(own, shape, strict=True)):
            raise ValueError(f"shapes {self.shape} and {shape} do not fit together")
        steps = (0,) * missing + self.steps
        steps = tuple(0 if have == 1 else step for have, step in zip(own, steps, strict=True))
        return Array(self.memory, shape, steps, self.start)

    # ------------------------------------------------------------ parts

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("one number has no length")
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        return (self[k] for k in range(len(self)))

    def __getitem__(self, key: Any) -> Any:
        part = self._part(key)
        return part if part.shape else part.memory[part.start]

    def __setitem__(self, key: Any, value: Any) -> None:
        part = self._part(key)
        numbers = Array.of(value)._stretched(part.shape).flat()
        for place, number in zip(part._places(), numbers, strict=True):
            self.memory[place] = number

    def _part(self, key: Any) -> "Array":
        keys = list(key) if isinstance(key, tuple) else [key]
        taken = sum(each is not None and each is not ... for each in keys)
        if taken > self.ndim:
            raise IndexError(f"too many indices: the array has {self.ndim} axes, and got {taken}")
        dots = next((k for k, each in enumerate(keys) if each is ...), len(keys))
        keys[dots : dots + 1] = [slice(None)] * (self.ndim - taken)
        start, shape, steps, axis = self.start, [], [], 0
        for each in keys:
            if each is None:
                shape.append(1)
                steps.append(0)
                continue
            count, step = self.shape[axis], self.steps[axis]
            axis += 1
            if isinstance(each, slice):
                some = range(*each.indices(count))
                start += some.start * step if some else 0
                shape.append(len(some))
                steps.append(some.step * step)
            else:
                place = operator.index(each)
                if not -count <= place < count:
                    raise IndexError(f"index {place} is out of bounds for an axis of {count}")
                start += place % count * step
        return Array(self.memory, tuple(shape), tuple(steps), start)

    # ------------------------------------------------------------ numbers

    def map(self, function: Callable[[Any], Any]) -> "Array":
        """Return a function of every number."""
        return Array([function(number) for number in self.flat()], self.shape)

    def tanh(self) -> "Array":
        """Return tanh of every number."""
        return self.map(math.tanh)

    def sum(self, axis: int | None = None, keepdims: bool = False) -> Any:
        """Add up all numbers, or those along one axis."""
        return self._along(sum, axis, keepdims)

    def max(self, axis: int | None = None, keepdims: bool = False) -> Any:
        """Return the largest of all numbers, or of those along one axis."""
        return self._along(max, axis, keepdims)

    def mean(self, axis: int | None = None, keepdims: bool = False) -> Any:
        """Return the mean of all numbers, or of those along one axis."""
        return self._along(lambda numbers: sum(numbers) / len(numbers), axis, keepdims)

    def _along(self, function: Callable[[Any], Any], axis: int | None, keepdims: bool) -> Any:
        if axis is None:
            return function(self.flat())
        last = self.swapaxes(axis, -1)
        count = last.shape[-1]
        numbers = last.flat()
        made = [function(numbers[k : k + count]) for k in range(0, len(numbers), count)]
        whole = Array(made, (*last.shape[:-1], 1)).swapaxes(axis, -1)
        return whole if keepdims else whole[(slice(None),) * (axis % self.ndim) + (0,)]

    def __neg__(self) -> "Array":
        return self.map(operator.neg)

    def __abs__(self) -> "Array":
        return self.map(abs)

    def __bool__(self) -> bool:
        return bool(self._only("true or false"))

    def __float__(self) -> float:
        return float(self._only("one number"))

    def _only(self, what: str) -> Any:
        if self.size != 1:
            raise ValueError(f"an array of {self.size} numbers is not {what}")
        return self.memory[self.start]

    def __matmul__(self, other: Any) -> Any:
        right = Array.of(other)
        if not (self.shape and right.shape) or self.shape[-1] != right.shape[-2:][0]:
            raise ValueError(f"@ got shapes {self.shape} and {right.shape}, which do not fit together")
        if right.ndim > 1:
            right = right.swapaxes(-1, -2)
        if self.ndim > 1 and right.ndim > 1:
            return _together(operator.mul, self[..., None, :], right[..., None, :, :]).sum(-1)
        return _together(operator.mul, self, right).sum(-1)

    def __rmatmul__(self, other: Any) -> Any:
        return Array.of(other) @ self

    def __repr__(self) -> str:
        return f"array({self.tolist()})"


# ---------------------------------------------------------------- operators


def _divided(a: Any, b: Any) -> Any:
    if b == 0:
        return math.nan if a == 0 or a != a else math.copysign(math.inf, a) * math.copysign(1, b)
    return a / b


def _floored(a: Any, b: Any) -> Any:
    return a // b if b else _divided(a, b)


def _power(a: Any, b: Any) -> Any:
    try:
        made = a**b
    except (OverflowError, ZeroDivisionError):
        return -math.inf if a < 0 and b % 2 == 1 else math.inf
    return math.nan if isinstance(made, complex) else made


def _together(function: Callable[[Any, Any], Any], one: Any, two: Any) -> Array:
    """Apply a function of two numbers to two arrays, or to an array and a number."""
    one, two = Array.of(one), Array.of(two)
    length = max(one.ndim, two.ndim)
    shapes = [(1,) * (length - each.ndim) + each.shape for each in (one, two)]
    shape = tuple(a if b == 1 else b for a, b in zip(*shapes, strict=True))
    numbers = map(function, one._stretched(shape).flat(), two._stretched(shape).flat())
    return Array(list(numbers), shape)


def _add_operator(name: str, function: Callable[[Any, Any], Any]) -> None:
    def fits(other: Any) -> bool:
        return isinstance(other, Array | list | tuple | int | float)

    def forward(self: Array, other: Any) -> Any:
        return _together(function, self, other) if fits(other) else NotImplemented

    def backward(self: Array, other: Any) -> Any:
        return _together(function, other, self) if fits(other) else NotImplemented

    def in_place(self: Array, other: Any) -> Any:
        self[...] = _together(function, self, other)
        return self

    setattr(Array, f"__{name}__", forward)
    if name not in COMPARED:
        setattr(Array, f"__r{name}__", backward)
        setattr(Array, f"__i{name}__", in_place)


COMPARED = ("eq", "ne", "lt", "le", "gt", "ge")
OWN = {"truediv": _divided, "floordiv": _floored, "pow": _power}
for _name in ("add", "sub", "mul", "truediv", "floordiv", "pow", *COMPARED):
    _add_operator(_name, OWN.get(_name) or getattr(operator, _name))
