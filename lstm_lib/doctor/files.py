"""Examine what lies in a file or in the folder of a run: weights, and where they say it the whole network.

Nothing is unpickled: torch reads tensors and plain values only.
"""

import os
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lstm_lib._extras import need
from lstm_lib.convert.state import NAME, expect_whole
from lstm_lib.doctor.data_files import Data, read_data
from lstm_lib.doctor.examination import examine
from lstm_lib.doctor.layers import Layer, layers_in_state, lstms_of
from lstm_lib.doctor.report import Report
from lstm_lib.nn import LSTM, Tagger
from lstm_lib.training.checkpoints import CheckpointError, latest_checkpoint
from lstm_lib.training.tensors import read_safetensors, read_tensors

Folder = str | os.PathLike[str]


def examine_file(path: Folder, data: Folder | None = None, *, longest_lag: int | None = None) -> Report:
    """Examine the LSTMs of a file, on noise, or on a batch where the network can be built from the file.

    A file holds weights, and rarely how they are used. What ``lstm_lib.training``, ``lstm_lib.train`` and
    ``lstm_lib.use`` know is built again and examined whole; of anything else each LSTM is built by itself, and fed the
    batch if it fits. From the folder of a run come the weights that the run has chosen, and its optimiser.

    Args:
        path: .pt or .pth: a state_dict; a dictionary that has one somewhere inside; a checkpoint of ``fit``; a file of
            ``save_for_inference``. Or a .safetensors, or the folder of a run.
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
        model, optimizer = loaded(path)
    except ValueError as error:
        told = str(error)
        raise ValueError(told if told.startswith(str(path)) else f"{path}: {told}") from None
    if data is None:
        return _named(examine(model, longest_lag=longest_lag), model)
    data = Path(data)
    try:
        found = read_data(data)
        return _named(_on_data(model, found, optimizer, longest_lag), model)
    except ValueError as error:
        raise ValueError(f"{data}: {error}") from None


def loaded(path: Path) -> tuple[nn.Module, torch.optim.Optimizer | None]:
    """Build what a file or a folder allows, and the optimiser that a run has left.

    Raises:
        ValueError: If it is not there, damaged, or has no LSTM.
    """
    if path.suffix == ".safetensors" and path.exists():
        return _from_safetensors(path), None
    if not path.is_dir():
        return network_of(read(path)), None
    run, kept = latest_checkpoint(path), path / "model.safetensors"
    if run is None and not kept.exists():
        raise ValueError("got a folder without checkpoints and without model.safetensors, expected that of a run")
    if run is None or (run.get("build") is None and kept.exists()):
        return _from_safetensors(kept), None
    is_best = run.get("best") and run.get("stopped") != "goal"
    model = network_of({"build": run.get("build"), "model": run["best"]["model"] if is_best else run["model"]})
    return model, None if isinstance(model, Alone) else _optimiser(model, run)


def _optimiser(model: nn.Module, run: Mapping[str, Any]) -> torch.optim.Optimizer:
    """Make the optimiser of a run again, with what it has gathered."""
    kinds: dict[str, Any] = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
    made: torch.optim.Optimizer = kinds[run["settings"]["optimiser"]]([p for p in model.parameters()], lr=0.0)
    made.load_state_dict(run["optimiser"])
    for group in made.param_groups:
        group["fused"] = None  # it may have been made on another kind of device
    return made


def _from_safetensors(path: Path) -> nn.Module:
    """Build the network of a file that ``lstm_lib`` has saved; of another one, each of its LSTMs."""
    need("safetensors", "files of the kind .safetensors", "uses")
    from lstm_lib.applied import models  # here, because a .pt does without safetensors

    try:
        return models.load(path).network
    except CheckpointError as error:
        if "of another kind" not in str(error):
            raise
    return network_of(read_safetensors(path)[1])


class Alone(nn.Module):
    """LSTMs of a network that nobody can build from its weights: each stands where it was, the rest is not there."""


def _named(report: Report, model: nn.Module) -> Report:
    """Say of LSTMs by themselves that they are."""
    count = len(lstms_of(model))
    alone = "1 LSTM, without the network around it" if count == 1 else f"{count} LSTMs, without the network around them"
    return report._replace(network=alone) if isinstance(model, Alone) else report


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
        Alone(
          (0): LSTM(3, 2)
        )
    """
    states = sorted(states_in(content), key=lambda state: -len(state))
    for found in [list(states[0])] if states else _names_in(content):
        expect_whole(found)
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
    holder = Alone()
    for name in sorted(modules):
        owner: nn.Module = holder
        *places, last = (name or "lstm").split(".")
        for place in places:
            if not isinstance(getattr(owner, place, None), nn.Module):
                owner.add_module(place, nn.Module())
            owner = owner.get_submodule(place)
        owner.add_module(last, modules[name])
    return holder


def _names_in(content: Any, depth: int = 3) -> Iterator[list[str]]:
    """List the names of the tensors in each dictionary, some levels deep."""
    if isinstance(content, Mapping):
        yield [str(name) for name, value in content.items() if isinstance(value, Tensor)]
        for value in content.values() if depth else ():
            yield from _names_in(value, depth - 1)


def states_in(content: Any, depth: int = 3) -> Iterator[dict[str, Tensor]]:
    """Find the dictionaries that hold the weights of an LSTM, some levels deep."""
    if not isinstance(content, Mapping):
        return
    tensors = OrderedDict((str(name), value) for name, value in content.items() if isinstance(value, Tensor))
    tensors._metadata = getattr(content, "_metadata", {})  # type: ignore[attr-defined]  # where torch notes the cell
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


def _on_data(
    model: nn.Module, data: Data, optimizer: torch.optim.Optimizer | None, longest_lag: int | None
) -> Report:
    """Examine a whole network on a batch; of an LSTM alone, only its inputs can be used."""
    lengths = None if data.lengths is None else torch.as_tensor(data.lengths)
    told: dict[str, Any] = {"lengths": lengths, "longest_lag": longest_lag}
    if isinstance(model, Tagger):
        _expect_features(data.inputs, model.lstm.input_size)
    if not isinstance(model, (Alone, LSTM)):
        return examine(model, data.batch, optimizer=optimizer, **told)
    lstms = [module for module in model.modules() if isinstance(module, LSTM)]
    if len(lstms) > 1:
        what = f"got a batch for {len(lstms)} LSTMs"
        raise ValueError(f"{what}, expected one, or a network that can be built from its file")
    _expect_features(data.inputs, lstms[0].input_size)
    return examine(lstms[0], (data.inputs,), **told)


def _expect_features(inputs: Any, D: int) -> None:
    if inputs.ndim == 3 and inputs.shape[-1] != D:
        raise ValueError(f"got inputs {inputs.shape} of {inputs.shape[-1]} features, expected (T, B, {D})")
    if inputs.ndim not in (2, 3) or (inputs.ndim == 2 and inputs.dtype.kind == "f"):
        raise ValueError(f"got inputs {inputs.shape} of {inputs.dtype}, expected (T, B, {D})")
