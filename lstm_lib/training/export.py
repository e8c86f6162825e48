"""A trained network as one file that loads where nothing is trained: weights, and how the network was built.

The file is what ``torch.save`` writes, tensors and plain values only, and carries the SHA-256 of its content: it is
read without running code, and refused if it was altered.
"""

import hashlib
import inspect
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lstm_lib.nn import LSTM, Tagger
from lstm_lib.training.checkpoints import CheckpointError, Folder, latest_checkpoint, write_whole
from lstm_lib.training.tensors import read_tensors

FORMAT = "lstm_lib network, version 1"
Build = nn.Module | Callable[[], nn.Module] | None


def build_of(model: nn.Module) -> dict[str, Any] | None:
    """Say how a ``Tagger`` or an ``nn.LSTM`` of the library was built; None for other networks.

    Example:
        >>> build_of(Tagger(6, 8, 4, cell="peephole"))["arguments"]["cell"]
        'peephole'
    """
    lstm = model.lstm if type(model) is Tagger else model
    if type(lstm) is not LSTM or not isinstance(model, (Tagger, LSTM)):
        return None
    skipped = {"device", "dtype"} | ({"batch_first", "bidirectional"} if lstm is not model else set())
    names = [name for name in inspect.signature(LSTM).parameters if name not in skipped]
    arguments = {name: getattr(lstm, name) for name in names if hasattr(lstm, name)}
    if isinstance(model, Tagger):
        arguments["classes"] = model.readout.out_features
    dtype = str(next(lstm.parameters()).dtype).removeprefix("torch.")
    return {"kind": type(model).__name__, "arguments": arguments, "dtype": dtype}


def save_for_inference(model: nn.Module, path: Folder, *, about: Mapping[str, Any] | None = None) -> Path:
    """Write a network into one file that ``load_model`` reads: no optimiser, no history, no random numbers.

    Args:
        model: A ``Tagger`` or ``nn.LSTM``, which can be built again from the file alone; or any other network, for
            which the one who loads hands over the network, or a function that builds it.
        path: File to write; it is there whole, or as it was before.
        about: What to say of it, such as what its classes mean: text, numbers, and lists and dictionaries of them.

    Returns:
        The path.

    Example:
        >>> import tempfile
        >>> model = Tagger(6, 8, 4)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = save_for_inference(model, f"{folder}/delay.pt", about={"task": "delay"})
        ...     again = load_model(path)
        >>> torch.equal(again.readout.weight, model.readout.weight), again.training
        (True, False)
    """
    weights = {name: value.detach().cpu().contiguous().clone() for name, value in model.state_dict().items()}
    content = {"format": FORMAT, "build": build_of(model), "about": dict(about or {}), "model": weights}
    content["digest"] = _digest(content)
    return write_whole(Path(path), content)


def load_model(source: Folder, model: Build = None, *, best: bool = True) -> nn.Module:
    """Load a network to use it, from a file of ``save_for_inference`` or from the folder of a training run.

    Args:
        source: The file; or the folder that ``fit`` was given.
        model: The network whose weights are to be replaced, or a function that builds it; None for a ``Tagger`` or an
            ``nn.LSTM``, whose sizes and options the file knows.
        best: From a folder, the weights that ``fit`` leaves in the network: those of the best evaluation where it had
            ``patience`` (and reached no goal), else the newest. False takes the newest in any case.

    Returns:
        The network in eval mode, on the processor (or where the given network is).

    Raises:
        CheckpointError: If there is no such file, the folder holds no checkpoint, or what is there was altered.
        ValueError: If the network must be given, or is another one than the weights are of.

    Example:
        >>> load_model("no-such-file.pt")
        Traceback (most recent call last):
        ...
        lstm_lib.training.checkpoints.CheckpointError: no-such-file.pt: there is no such file
    """
    path = Path(source)
    if path.is_dir():
        run = latest_checkpoint(path)
        if run is None:
            raise CheckpointError(f"{path}: got a folder without checkpoints, expected one that fit has written to")
        is_best = best and run.get("best") and run.get("stopped") != "goal"
        weights, build = run["best"]["model"] if is_best else run["model"], run.get("build")
    else:
        content = read_inference(path)
        weights, build = content["model"], content["build"]
    network = _build(model, build, path)
    _expect_fitting(network, weights, path)
    network.load_state_dict(weights)
    return network.eval()


def read_inference(path: Folder) -> dict[str, Any]:
    """Read a file of ``save_for_inference`` as it is: a dictionary with about, build and model.

    Raises:
        CheckpointError: If there is no such file, or it is another kind of file, or was altered.
    """
    path = Path(path)
    try:
        content = read_tensors(path)
    except ValueError as error:
        raise CheckpointError(f"{path}: {error}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise CheckpointError(f"{path}: got another kind of file, expected one that save_for_inference has written")
    if _digest(content) != content.get("digest"):
        raise CheckpointError(f"{path}: got content that its SHA-256 does not fit; the file was altered")
    return content


def _build(model: Build, build: dict[str, Any] | None, path: Path) -> nn.Module:
    if isinstance(model, nn.Module):
        return model
    if callable(model):
        return model()
    if build is None:
        what = f"{path}: got weights of a network that only its author can build"
        raise ValueError(f"{what}, expected load_model(path, model) with the network, or a function that builds it")
    kind = {"Tagger": Tagger, "LSTM": LSTM}[build["kind"]]
    with torch.random.fork_rng(devices=[]):  # the weights that are drawn are replaced
        made: nn.Module = kind(**build["arguments"], dtype=getattr(torch, build["dtype"]))
    return made


def _expect_fitting(network: nn.Module, weights: Mapping[str, Tensor], path: Path) -> None:
    ours = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    theirs = {name: tuple(value.shape) for name, value in weights.items()}
    for name in [*ours, *theirs]:
        if ours.get(name) != theirs.get(name):
            what = f"{path}: got a network with {name} {ours.get(name)}, but the weights are of one with"
            raise ValueError(f"{what} {name} {theirs.get(name)}; build it with the sizes that were trained")


def _digest(content: Mapping[str, Any]) -> str:
    """Hash weights and words, wherever in the file they lie."""
    digest = hashlib.sha256(json.dumps([content.get(name) for name in ("format", "build", "about")]).encode())
    for name, value in sorted(content["model"].items()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
