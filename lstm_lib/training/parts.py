"""The parts of a batch: what each must look like, how they are cut, shared out and moved, all from one line a part.

A part is described as in ``"T B ..."`` or ``"T B bool"``. A capital letter is an axis: T steps, B sequences, any other
letter a size that the parts of a batch have in common. A number is a size, ``...`` any axes more. Small words say what
it may hold: ``bool``, ``int``, ``float``; without one, anything. None is a part that nobody looks at.
"""

from collections import namedtuple
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

Parts = Mapping[str, Any]  # from a part's name to its description, to None, or to the parts of a dictionary in it
KINDS = ("bool", "int", "float")


class Shape(NamedTuple):
    """A description that has been read: the axes, whether more may follow, and what the part may hold."""

    axes: tuple[str, ...]
    more: bool
    kinds: tuple[str, ...]

    def __str__(self) -> str:
        """Write the axes as a shape is written."""
        comma = "," if len(self.axes) + self.more == 1 else ""
        return f"({', '.join((*self.axes, *(['...'] if self.more else [])))}{comma})"


@lru_cache(maxsize=256)
def read(description: str) -> Shape:
    """Read a description.

    Raises:
        ValueError: If a word is neither an axis, a number, ``...`` at the end, nor one of bool, int, float.

    Example:
        >>> read("T B 4 float")
        Shape(axes=('T', 'B', '4'), more=False, kinds=('float',))
    """
    words = description.split()
    kinds = tuple(word for word in words if word in KINDS)
    axes = [word for word in words if word not in KINDS]
    more = axes[-1:] == ["..."]
    axes = axes[:-1] if more else axes
    if not all(axis.isdigit() or (axis.isidentifier() and axis[0].isupper()) for axis in axes):
        expected = "expected axes such as T and B, numbers, '...' at the end, and bool, int or float"
        raise ValueError(f"got a part described as {description!r}, {expected}")
    return Shape(tuple(axes), more, kinds)


def leaves(batch: Any, parts: Parts, prefix: str = "") -> Iterator[tuple[str, Any, Shape | None]]:
    """List the parts of a batch with their full names and what is said of them."""
    for name, described in parts.items():
        value = get(batch, name)
        if isinstance(described, Mapping):
            yield from leaves(value, described, f"{prefix}{name}.")
        else:
            yield prefix + name, value, None if described is None else read(described)


def get(batch: Any, name: str) -> Any:
    """Return a part by name, from a dictionary or a named tuple."""
    return batch[name] if isinstance(batch, Mapping) else getattr(batch, name)


def change(batch: Any, parts: Parts, how: Callable[[Any, Shape | None], Any]) -> Any:
    """Make a batch of the same kind with every part changed."""
    changed = {}
    for name, described in parts.items():
        value = get(batch, name)
        if isinstance(described, Mapping):
            changed[name] = change(value, described, how)
        else:
            changed[name] = how(value, None if described is None else read(described))
    return changed if isinstance(batch, Mapping) else type(batch)(**changed)


def name_parts(batch: Any, parts: Parts, where: str) -> Any:
    """Give the parts their names: dictionaries and named tuples have them, tuples and lists get them in order.

    Raises:
        ValueError: If the parts are others, or another number of them.
    """
    expected = f"expected {', '.join(parts)}"
    if isinstance(batch, Mapping) or hasattr(batch, "_fields"):
        names = set(batch if isinstance(batch, Mapping) else batch._fields)
        if names != set(parts):
            raise ValueError(f"got {where} with the parts {', '.join(map(str, sorted(names)))}, {expected}")
    elif isinstance(batch, (tuple, list)):
        if len(batch) != len(parts):
            raise ValueError(f"got {where} of {len(batch)} parts, {expected}")
        batch = _kind_of(tuple(parts))(*batch)
    else:
        raise ValueError(f"got {where} of type {type(batch).__name__}, {expected}")
    inner = {name: described for name, described in parts.items() if isinstance(described, Mapping)}
    if not inner:
        return batch
    named = {name: name_parts(get(batch, name), inner[name], f"{name} of {where}") for name in inner}
    return {**batch, **named} if isinstance(batch, Mapping) else batch._replace(**named)


@lru_cache(maxsize=64)
def _kind_of(names: tuple[str, ...]) -> Any:
    return namedtuple("Parts", names)  # noqa: PYI024  (the names are the caller's)


def make_tensor(value: Any, name: str, where: str) -> Tensor:
    """Turn numbers into a tensor that shares their memory where it can."""
    if isinstance(value, Tensor):
        return value
    array = np.asarray(value)
    if not array.flags.writeable or any(step < 0 for step in array.strides):  # torch takes neither as it is
        array = array.copy()
    try:
        return torch.as_tensor(array)
    except (TypeError, ValueError):
        expected = "expected numbers of a dtype that torch has"
        raise ValueError(f"got {name} of dtype {array.dtype} in {where}, {expected}") from None


def prepare(batch: Any, parts: Parts, where: str) -> tuple[Any, dict[str, int]]:
    """Turn the parts of a batch into tensors where they are, by name, and check each against what is said of it.

    Args:
        batch: Named tuple, dictionary, tuple or list.
        parts: What each part must look like.
        where: The batch in words, for errors, such as "batch 3".

    Returns:
        The batch, tensors in it, and the sizes of its axes by letter.

    Raises:
        ValueError: If a part does not fit what is said of it, or the parts do not fit each other.

    Example:
        >>> batch, sizes = prepare((np.ones((6, 4, 2)), np.zeros(4, int)), {"xs": "T B ...", "kinds": "B int"}, "it")
        >>> sizes
        {'T': 6, 'B': 4}
        >>> prepare((np.ones((6, 4, 2)), np.zeros((6, 1), int)), {"xs": "T B ...", "tags": "T B"}, "batch 3")
        Traceback (most recent call last):
        ...
        ValueError: got tags of shape (6, 1) in batch 3, expected (T, B) = (6, 4), as xs has them
    """
    batch = name_parts(batch, parts, where)
    sizes: dict[str, int] = {}
    givers: dict[str, str] = {}
    tensors: dict[str, Any] = {}
    for name, value, shape in leaves(batch, parts):
        if shape is None:
            tensors[name] = value
            continue
        tensors[name] = tensor = make_tensor(value, name, where)
        _expect_kind(name, tensor, shape, where)
        _expect_shape(name, tensor, shape, sizes, givers, where)
    made = iter(tensors.values())
    return change(batch, parts, lambda value, shape: next(made)), sizes


def _expect_kind(name: str, tensor: Tensor, shape: Shape, where: str) -> None:
    kind = "float" if tensor.is_floating_point() else "bool" if tensor.dtype is torch.bool else "int"
    if shape.kinds and kind not in shape.kinds:
        dtype = str(tensor.dtype).removeprefix("torch.")
        raise ValueError(f"got {name} of dtype {dtype} in {where}, expected {' or '.join(shape.kinds)}")


def _expect_shape(
    name: str, tensor: Tensor, shape: Shape, sizes: dict[str, int], givers: dict[str, str], where: str
) -> None:
    """Hold a part to its axes, and to the sizes that the parts before it have given them."""
    found = tuple(tensor.shape)
    fits = len(found) >= len(shape.axes) if shape.more else len(found) == len(shape.axes)
    wanted = [int(axis) if axis.isdigit() else sizes.get(axis) for axis in shape.axes]
    if fits and all(want in (None, size) for want, size in zip(wanted, found, strict=False)):
        for axis, size in zip(shape.axes, found, strict=False):
            if not axis.isdigit() and axis not in sizes:
                sizes[axis], givers[axis] = size, name
        if 0 not in found[: len(shape.axes)]:
            return
        raise ValueError(f"got {name} of shape {found} in {where}, expected at least one of each of {shape}")
    known = [axis if want is None else str(want) for axis, want in zip(shape.axes, wanted, strict=True)]
    written = f"({', '.join(known + ['...'] * shape.more)}{',' if len(known) + shape.more == 1 else ''})"
    by = sorted({givers[axis] for axis in shape.axes if axis in givers})
    equal = f" = {written}, as {' and '.join(by)} {'has' if len(by) == 1 else 'have'} them" if by else ""
    raise ValueError(f"got {name} of shape {found} in {where}, expected {shape}{equal}")


def cut(batch: Any, parts: Parts, letter: str, places: slice) -> Any:
    """Take some places along an axis from every part that has it; the others stay whole."""

    def some(value: Any, shape: Shape | None) -> Any:
        if shape is None or letter not in shape.axes:
            return value
        return value[(slice(None),) * shape.axes.index(letter) + (places,)]

    return change(batch, parts, some)
