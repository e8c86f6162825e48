"""Leave no trace: give a network, and the random numbers around it, back as they were.

A run may change attributes, buffers and modes; a network in a closure may be run too.
"""

import copy
import random
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

Place = tuple[str, str]  # name of a module, name of an attribute



def held_tensors(model: nn.Module) -> Iterator[Tensor]:
    """List the tensors that the modules of a network hold in plain attributes, such as a state that is kept."""
    for module in model.modules():
        for name, value in vars(module).items():
            if name not in ("_parameters", "_modules"):
                yield from tensors_in(value)


def tensors_in(value: Any) -> Iterator[Tensor]:
    """List the tensors of a value, in lists, tuples and dictionaries too."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from tensors_in(part)
    elif isinstance(value, tuple | list):
        for part in value:
            yield from tensors_in(part)


def copied(value: Any) -> Any:
    """Copy the tensors of a value, in packed sequences, lists, tuples and dictionaries too; their graphs stay.

    Example:
        >>> xs = torch.zeros(2)
        >>> _ = copied({"xs": [xs]})["xs"][0].add_(1)
        >>> xs
        tensor([0., 0.])
    """
    if isinstance(value, Tensor):
        return value.clone()
    if isinstance(value, PackedSequence):
        return value._replace(data=value.data.clone())
    if isinstance(value, MutableMapping):
        same = copy.copy(value)  # of its own kind
        same.update({key: copied(part) for key, part in value.items()})
        return same
    if isinstance(value, tuple | list):
        parts = [copied(part) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    return value


@contextmanager
def kept(model: nn.Module) -> Iterator[None]:
    """Give a network back, at the end, all that a run may change: attributes, buffers, modes."""
    before = []
    for module in model.modules():
        held = dict(vars(module))
        contents = [(value, copy.copy(value)) for value in held.values() if isinstance(value, dict | list | set)]
        tensors = [(tensor, tensor.detach().clone()) for name, value in held.items() if name != "_parameters"
                   for tensor in tensors_in(value)]  # fmt: skip
        before.append((module, held, contents, tensors))
    try:
        yield
    finally:
        for module, held, contents, tensors in before:
            for value, had in contents:  # into the same object: whoever has set a hook removes it from there
                value.clear()
                value.extend(had) if isinstance(value, list) else value.update(had)
            vars(module).clear()
            vars(module).update(held)
            with torch.no_grad():
                for tensor, values in tensors:
                    if not torch.equal(tensor, values) and not tensor.isnan().any():
                        tensor.data.copy_(values)  # past the graph of the run, which asks for buffers as they were


@contextmanager
def untouched(model: nn.Module) -> Iterator[None]:
    """Give back all that an examination may change outside of its copy: random numbers, and a network in a closure."""
    devices = range(torch.cuda.device_count()) if torch.cuda.is_available() else ()
    numpy_state, python_state = np.random.get_state(), random.getstate()  # noqa: NPY002
    try:
        with torch.random.fork_rng(devices=devices), kept(model):
            yield
    finally:
        np.random.set_state(numpy_state)  # noqa: NPY002
        random.setstate(python_state)


def marks(model: nn.Module) -> dict[Place, list[tuple[Tensor, int]]]:
    """Note which tensors stand in each attribute, and how often each has been changed in place."""
    return {place: [(one, one._version) for one in tensors_in(value)] for place, value in attributes(model).items()}


def carried(model: nn.Module, before: Mapping[Place, list[tuple[Tensor, int]]]) -> dict[Place, Any]:
    """Find what a run has left in a network: attributes whose tensors are others than before, or were changed."""
    found = {}
    for place, value in attributes(model).items():
        now, then = list(tensors_in(value)), before.get(place, [])
        same = len(now) == len(then) and all(
            one is two and one._version == count for one, (two, count) in zip(now, then, strict=True)
        )
        if not same:
            found[place] = value
    return found


def attributes(model: nn.Module) -> dict[Place, Any]:
    """List every attribute and buffer of every module by its place, but for parameters, modules and hooks."""
    found: dict[Place, Any] = {}
    for name, module in model.named_modules():
        for key, value in vars(module).items():
            if key == "_buffers":
                found |= {(name, buffer): tensor for buffer, tensor in value.items()}
            elif not key.startswith("_") or not isinstance(value, dict):
                found[name, key] = copy.copy(value) if isinstance(value, dict | list) else value
    return found
