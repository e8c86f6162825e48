"""Trained models as files: weights in safetensors, whole or as bytes, and a card that says what they are.

A weight matrix can be kept in bytes: each row is divided by its largest absolute value over 127, and rounded. The file
then holds ``NAME`` (int8) and ``NAME.scale`` (float32, one a row). A row of a convolution's kernel is what makes one
output channel. What that costs is measured, and stands in the card.
"""

import importlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from lstm_lib.training.checkpoints import CheckpointError
from lstm_lib.training.export import build_of
from lstm_lib.training.tensors import read_safetensors

FOLDER = Path(__file__).resolve().parent / "models"
FORMAT = "lstm_lib model, version 1"
SCALE = ".scale"
TRAINED = "model.safetensors"  # what ``lstm_lib.train`` leaves in the folder of a run
Network = TypeVar("Network", bound=nn.Module)
# The networks that can be saved, and where each is. But for the Tagger, a network says by its attribute ``arguments``,
# a dictionary of plain values, what to build it from.
NETWORKS = {
    "Tagger": "lstm_lib.nn",
    "Listener": "lstm_lib.applied.voice",
    "Reader": "lstm_lib.applied.ocr",
    "Detector": "lstm_lib.applied.detection",
    "Players": "lstm_lib.applied.stream_players",
}


class Model(NamedTuple):
    """A network that was loaded, and its card."""

    network: nn.Module
    card: dict[str, Any]


def to_bytes(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Round each row of a matrix to 255 steps.

    Args:
        weight: (rows, columns), or (rows, …) with what belongs to a row in several dimensions.

    Returns:
        Bytes (rows, …) of dtype int8, and scales (rows,) of dtype float32: weight ≈ bytes · scale.

    Example:
        >>> rounded, scale = to_bytes(torch.tensor([[0.5, -1.27, 0.0]]))
        >>> rounded.tolist(), round(scale.item(), 4)
        ([[50, -127, 0]], 0.01)
    """
    scale = weight.abs().flatten(1).amax(dim=1).clamp(min=1e-12).float() / 127
    return (weight / _beside(scale, weight)).round().to(torch.int8), scale


def _beside(scale: Tensor, weight: Tensor) -> Tensor:
    """Give the scales of rows as many dimensions as the weight has."""
    return scale.reshape(-1, *[1] * (weight.ndim - 1))


def save(path: str | Path, network: nn.Module, card: Mapping[str, Any], *, as_bytes: bool = False) -> Path:
    """Write a network and its card into one file.

    Args:
        path: File to write, NAME.safetensors.
        network: One of ``NETWORKS``.
        card: What to say of it: kind, characters, data and licence, command, what was measured.
        as_bytes: Whether weights of two and more dimensions are rounded to bytes.

    Returns:
        The path.

    Raises:
        ValueError: If the network is of another kind.
    """
    kind = type(network).__name__
    if kind not in NETWORKS:
        raise ValueError(f"got a network of class {kind}, expected one of {', '.join(NETWORKS)}")
    build = build_of(network) or {"kind": kind, "arguments": dict(network.arguments)}  # type: ignore[arg-type]
    tensors: dict[str, Tensor] = {}
    for name, value in network.state_dict().items():
        value = value.detach().cpu().contiguous()
        if as_bytes and value.ndim >= 2:
            tensors[name], tensors[name + SCALE] = to_bytes(value)
        else:
            tensors[name] = value.float()
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    words = {"format": FORMAT, "build": json.dumps(build), "card": json.dumps(dict(card), ensure_ascii=False)}
    beside = path.with_name(path.name + ".part")
    save_file(tensors, beside, metadata=words)
    beside.replace(path)
    return path


def load(source: str | Path, kind: str | None = None) -> Model:
    """Load a model: one that the library ships, by its name, or a file.

    Args:
        source: Such as "shakespeare"; a file that ``save`` has written; or the folder of a run of ``lstm_lib.train``,
            which writes its model there when it has ended.
        kind: What its card must say that it is for; None for anything.

    Returns:
        The network in eval mode, in float32, and its card.

    Raises:
        CheckpointError: If there is no such model, or the file is damaged.
        ValueError: If it is a model for something else.

    Example:
        >>> load("no-such-model")
        Traceback (most recent call last):
        ...
        lstm_lib.training.checkpoints.CheckpointError: no-such-model: got neither a file, a folder nor a model of ...
    """
    path = _find(source)
    try:
        words, tensors = read_safetensors(path)
    except ValueError as error:
        raise CheckpointError(f"{path}: {error}") from None
    if words.get("format") != FORMAT:
        raise CheckpointError(f"{path}: got safetensors of another kind, expected what lstm_lib has saved")
    try:
        build, card = json.loads(words["build"]), json.loads(words["card"])
        weights = {name: whole(tensors, name) for name in tensors if not name.endswith(SCALE)}
        with torch.random.fork_rng(devices=[]):  # the weights that are drawn are replaced
            network = getattr(importlib.import_module(NETWORKS[build["kind"]]), build["kind"])(**build["arguments"])
        network.load_state_dict(weights)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        why = " ".join(str(error).split())
        raise CheckpointError(f"{path}: got a model that does not fit its own description ({why})") from None
    if kind is not None and card.get("kind") != kind:
        raise ValueError(f"{source}: got a model for {card.get('kind')}, expected one for {kind}")
    return Model(network.eval(), card)


def _find(source: str | Path) -> Path:
    """Find the file of a model. A name of the library goes before a folder of that name, which ./NAME means."""
    path = Path(source)
    shipped = {file.stem: file for file in sorted(FOLDER.glob("*.safetensors"))}
    if path.is_file():
        return path
    if str(source) in shipped:
        return shipped[str(source)]
    if not path.is_dir():
        known = ", ".join(shipped) or "none"
        raise CheckpointError(f"{source}: got neither a file, a folder nor a model of the library (which are: {known})")
    if not (path / TRAINED).is_file():
        what = f"{source}: got a folder without {TRAINED}, expected one of lstm_lib.train"
        raise CheckpointError(f"{what} (language, series, voice or read), which writes it when a run has ended")
    return path / TRAINED


def load_as(network: type[Network], source: str | Path, kind: str) -> tuple[Network, dict[str, Any]]:
    """Load a model whose network must be of one class.

    Args:
        network: The class.
        source: As ``load`` takes it.
        kind: What its card must say that it is for.

    Returns:
        The network in eval mode, and its card.

    Raises:
        CheckpointError: If there is no such model, or the file is damaged.
        ValueError: If it is a model for something else, or of another class.

    Example:
        >>> from lstm_lib.nn import Tagger
        >>> load_as(Tagger, "shakespeare", "language")[0].lstm.hidden_size
        512
    """
    found, card = load(source, kind)
    if not isinstance(found, network):
        raise ValueError(f"{source}: got a {type(found).__name__}, expected a {network.__name__}")
    return found, card


def whole(tensors: Mapping[str, Tensor], name: str) -> Tensor:
    """Return a weight in float32, from its bytes and scales where it was kept so."""
    value = tensors[name]
    return value.float() * _beside(tensors[name + SCALE], value) if value.dtype == torch.int8 else value.float()
