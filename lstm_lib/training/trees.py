"""States of any build: a tensor, or tuples, lists and dictionaries of them, one inside the other."""

from collections import namedtuple
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from torch import Tensor

FIELDS = "fields of a named tuple"  # a checkpoint holds no classes, so a named tuple is stored with its names


def change_tensors(tree: Any, how: Callable[[Tensor], Any]) -> Any:
    """Make a tree of the same build with every tensor changed; plain values and None stay.

    Raises:
        ValueError: If something else is in it.

    Example:
        >>> import torch
        >>> h, (c, steps) = change_tensors((torch.ones(2), [torch.ones(3), 7]), lambda x: 2 * x)
        >>> h, c, steps
        (tensor([2., 2.]), tensor([2., 2., 2.]), 7)
    """
    if isinstance(tree, Tensor):
        return how(tree)
    if isinstance(tree, Mapping):
        return {name: change_tensors(part, how) for name, part in tree.items()}
    if isinstance(tree, (tuple, list)):
        parts = [change_tensors(part, how) for part in tree]
        return type(tree)(*parts) if hasattr(tree, "_fields") else type(tree)(parts)
    if tree is None or isinstance(tree, (bool, int, float, str)):
        return tree
    expected = "expected tensors, and tuples, lists and dictionaries of them"
    raise ValueError(f"got a state with a {type(tree).__name__} in it, {expected}")


def detach(tree: Any) -> Any:
    """Keep the numbers of a state and cut its past off: no gradient goes back through it."""
    return change_tensors(tree, Tensor.detach)


def tensors(tree: Any) -> Iterator[Tensor]:
    """List the tensors of a tree."""
    found: list[Tensor] = []
    change_tensors(tree, found.append)
    return iter(found)


def pack(tree: Any) -> Any:
    """Replace named tuples by dictionaries that remember their names, for a file that holds no classes."""
    if hasattr(tree, "_fields"):
        return {FIELDS: [type(tree).__name__, *tree._fields], "values": [pack(part) for part in tree]}
    if isinstance(tree, Mapping):
        return {name: pack(part) for name, part in tree.items()}
    return type(tree)(pack(part) for part in tree) if isinstance(tree, (tuple, list)) else tree


def unpack(tree: Any) -> Any:
    """Make named tuples again of what ``pack`` has made of them: other classes, with the same names in them.

    Example:
        >>> from lstm_lib.from_scratch.cells import LSTMState
        >>> unpack(pack(LSTMState(1, 2)))
        LSTMState(h=1, c=2)
    """
    if isinstance(tree, Mapping) and FIELDS in tree:
        name, *fields = tree[FIELDS]
        return namedtuple(name, fields)(*map(unpack, tree["values"]))  # noqa: PYI024
    if isinstance(tree, Mapping):
        return {name: unpack(part) for name, part in tree.items()}
    return type(tree)(unpack(part) for part in tree) if isinstance(tree, (tuple, list)) else tree
