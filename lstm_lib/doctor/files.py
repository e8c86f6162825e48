"""Examine what lies in a file: a state_dict, a checkpoint of ``lstm_lib.training``, or a dictionary with weights.

Nothing is unpickled: torch reads tensors and plain values only.
"""

import os
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from lstm_lib.convert.state import NAME
from lstm_lib.doctor.examination import examine
from lstm_lib.doctor.layers import Layer, layers_in_state
from lstm_lib.doctor.report import Report
from lstm_lib.nn import LSTM, Tagger
from lstm_lib.training.tensors import read_tensors

INPUTS, TARGETS = ("xs", "inputs", "x", "input"), ("targets", "ys", "y", "labels", "target")
Folder = str | os.PathLike[str]


class Data(NamedTuple):
    """What an .npz holds: inputs, and what else there is."""

    inputs: Any
    targets: Any
    mask: Any
    lengths: Any

    @property
    def batch(self) -> Any:
        """The parts that there are, as ``examine`` takes them."""
        if self.targets is None:
            return (self.inputs,)
        return (self.inputs, self.targets) if self.mask is None else (self.inputs, self.targets, self.mask)


def examine_file(path: Folder, data: Folder | None = None, *, longest_lag: int | None = None) -> Report:
    """Examine the LSTMs of a file, on noise, or on a batch where the network can be built from the file.

    A file holds weights, and rarely how they are used. A ``Tagger`` or an ``nn.LSTM`` that ``lstm_lib.training`` wrote
    is built again and examined whole; of anything else each LSTM is built by itself, and fed the batch if it fits.

    Args:
        path: .pt or .pth: a state_dict; a dictionary that has one somewhere inside; a checkpoint of ``fit``; a file of
            ``save_for_inference``.
        data: .npz with ``xs`` and, where known, ``targets``, ``mask`` and ``lengths``, time first.
        longest_lag: Over how many steps something must be kept.

    Raises:
        ValueError: If a file is not there, damaged, or holds something else; the message names it.

    Example:
        >>> examine_file("no-such-file.pt")
        Traceback (most recent call last):
        ...
        ValueError: no-such-file.pt: there is no such file
    """
    path = Path(path)
    try:
        model = network_of(read(path))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    if data is None:
        return examine(model, longest_lag=longest_lag)
    data = Path(data)
    try:
        found = read_data(data)
        return _on_data(model, found, longest_lag)
    except ValueError as error:
        raise ValueError(f"{data}: {error}") from None


def read(path: Path) -> Mapping[str, Any]:
    """Read a file of torch that holds a dictionary.

    Raises:
        ValueError: If it is not there, or torch refuses it, or something else is in it.
    """
    content = read_tensors(path)
    if not isinstance(content, Mapping):
        raise ValueError(f"got a {type(content).__name__}, expected a dictionary with weights in it")
    return content


def network_of(content: Mapping[str, Any]) -> nn.Module:
    """Build what a file allows: the whole network, or a module that holds each LSTM under its name.

    Raises:
        ValueError: If there are no weights of an LSTM in it.

    Example:
        >>> network_of({"model": nn.Sequential(nn.LSTM(3, 2)).state_dict()})
        ModuleDict(
          (0): LSTM(3, 2)
        )
    """
    states = sorted(states_in(content), key=lambda state: -len(state))
    if not states:
        names = ", ".join(map(str, list(content)[:8])) or "nothing"
        raise ValueError(f"got {names}, expected weights named as torch does, such as weight_ih_l0")
    state, build = states[0], content.get("build")
    if isinstance(build, Mapping) and build.get("kind") in ("Tagger", "LSTM") and "arguments" in build:
        kind: Any = {"Tagger": Tagger, "LSTM": LSTM}[build["kind"]]
        dtype = next(value.dtype for value in state.values() if value.is_floating_point())
        with torch.random.fork_rng(devices=[]):
            whole: nn.Module = kind(**build["arguments"], dtype=dtype)
        whole.load_state_dict(state)
        return whole
    layers = layers_in_state(state)
    if not layers:
        raise ValueError("got weight_ih and weight_hh of no layer together, expected both")
    modules = {name: _built([layer for layer in layers if layer.lstm == name]) for name in {one.lstm for one in layers}}
    holder = nn.ModuleDict()
    for name in sorted(modules):
        holder[name.replace(".", "_") or "lstm"] = modules[name]
    return holder


def states_in(content: Any, depth: int = 3) -> Iterator[dict[str, Tensor]]:
    """Find the dictionaries that hold the weights of an LSTM, some levels deep."""
    if not isinstance(content, Mapping):
        return
    tensors = {str(name): value for name, value in content.items() if isinstance(value, Tensor)}
    if any(NAME.fullmatch(name) for name in tensors):
        yield tensors
    if depth:
        for value in content.values():
            yield from states_in(value, depth - 1)


def _built(layers: list[Layer]) -> nn.Module:
    """Build one LSTM that has these weights."""
    first = layers[0]
    count, both = 1 + max(layer.number for layer in layers), any(layer.reverse for layer in layers)
    if len(layers) != count * (2 if both else 1):
        where = ", ".join(layer.where for layer in layers)
        raise ValueError(f"got {where}, expected every layer from 0 on, all in the same directions")
    options: dict[str, Any] = {"num_layers": count, "bidirectional": both, "bias": "bias_ih" in first.weights}
    options |= {"proj_size": len(first.weights["weight_hr"]) if "weight_hr" in first.weights else 0}
    options |= {"cell": first.cell, "dtype": first.weights["weight_ih"].dtype}
    with torch.random.fork_rng(devices=[]):
        lstm = LSTM(first.weights["weight_ih"].shape[1], first.hidden_size, **options)
    state = {}
    for layer in layers:
        for name, value in layer.weights.items():
            state[f"{name}_l{layer.number}{'_reverse' if layer.reverse else ''}"] = value
    try:
        lstm.load_state_dict(state)
    except RuntimeError as error:
        raise ValueError(f"got weights that do not make one LSTM: {' '.join(str(error).split())}") from None
    return lstm


def read_data(path: Path) -> Data:
    """Read a batch from an .npz.

    Raises:
        ValueError: If it is not there, or another kind of file, or has no inputs.
    """
    if not path.exists():
        raise ValueError("there is no such file")
    try:
        with np.load(path, allow_pickle=False) as file:
            if not hasattr(file, "files"):
                raise ValueError("got one array")
            arrays = {name: np.asarray(file[name]) for name in file.files}
    except (ValueError, TypeError, OSError, EOFError, KeyError, zipfile.BadZipFile):
        raise ValueError("got a file that is not .npz with arrays of numbers, or is damaged") from None
    inputs = next((arrays[name] for name in INPUTS if name in arrays), None)
    if inputs is None:
        have = ", ".join(arrays) or "nothing"
        raise ValueError(f"got {have}, expected an array called xs, and perhaps targets, mask and lengths")
    targets = next((arrays[name] for name in TARGETS if name in arrays), None)
    return Data(inputs, targets, arrays.get("mask"), arrays.get("lengths"))


def _on_data(model: nn.Module, data: Data, longest_lag: int | None) -> Report:
    """Examine a whole network on a batch; of an LSTM alone, only its inputs can be used."""
    lengths = None if data.lengths is None else torch.as_tensor(data.lengths)
    if isinstance(model, Tagger):
        _expect_features(data.inputs, model.lstm.input_size)
        return examine(model, data.batch, lengths=lengths, longest_lag=longest_lag)
    lstms = [module for module in model.modules() if isinstance(module, LSTM)]
    if len(lstms) > 1:
        what = f"got a batch for {len(lstms)} LSTMs"
        raise ValueError(f"{what}, expected one, or a network that can be built from its file")
    _expect_features(data.inputs, lstms[0].input_size)
    return examine(lstms[0], (data.inputs,), lengths=lengths, longest_lag=longest_lag)


def _expect_features(inputs: Any, D: int) -> None:
    if inputs.ndim == 3 and inputs.shape[-1] != D:
        raise ValueError(f"got inputs {inputs.shape} of {inputs.shape[-1]} features, expected (T, B, {D})")
    if inputs.ndim not in (2, 3) or (inputs.ndim == 2 and inputs.dtype.kind == "f"):
        raise ValueError(f"got inputs {inputs.shape} of {inputs.dtype}, expected (T, B, {D})")
