"""What files hold: names and arrays, which cell they are of, and what a file says of its network.

Nothing is unpickled: torch reads tensors and plain values only.
"""

import json
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from lstm_lib import _array
from lstm_lib._array import Array
from lstm_lib.convert.form import Network
from lstm_lib.convert.scratch import from_numpy
from lstm_lib.convert.state import to_state

ABOUT = "about"  # the name of what an .npz says of itself
CARD = "card"  # the name of the card in the metadata of .safetensors, .npz and .onnx
SCALE = ".scale"  # what ``applied.models`` adds to the name of a weight that it keeps in bytes


class Found(NamedTuple):
    """What a file holds: names and arrays, what its module was built with, as far as it says, and its card."""

    state: dict[str, Array]
    arguments: dict[str, Any] = {}
    card: dict[str, Any] = {}


def read_pt(path: Path) -> Found:
    """Read a state_dict, a checkpoint, a file of ``save_for_inference``, or the folder of a run."""
    import torch

    from lstm_lib.convert.modules import from_torch
    from lstm_lib.training import export
    from lstm_lib.training.checkpoints import NAME, latest_checkpoint, load_checkpoint
    from lstm_lib.training.tensors import read_tensors

    if path.is_dir():
        network = from_torch(export.load_model(path))
        arguments = {"cell": network.cell, **network.options}
        return Found(to_state(network), arguments, _card_of_run(latest_checkpoint(path) or {}))
    if NAME.fullmatch(path.name):
        content = load_checkpoint(path)
    else:
        content = read_tensors(path)
        if isinstance(content, dict) and content.get("format") == export.FORMAT:
            content = export.read_inference(path)
    if not isinstance(content, dict):
        raise ValueError(f"got a file that holds a {type(content).__name__}, expected names and tensors")
    is_run = isinstance(content.get("settings"), dict)
    card = _card_of_run(content) if is_run else content.get("about")
    places = [content.get("model"), content, content.get("state_dict"), *content.values()]
    named = [one for one in places if isinstance(one, dict) and one]
    weights = next((one for one in named if all(isinstance(value, torch.Tensor) for value in one.values())), None)
    if weights is None:
        raise ValueError("got a file without weights, expected names and tensors")
    return Found(_arrays(weights), _arguments(content.get("build")), card if isinstance(card, dict) else {})


def _card_of_run(content: Mapping[str, Any]) -> dict[str, Any]:
    """Say of the weights of a checkpoint which run they are of, and how it trains."""
    about = {**(content.get("about") or {}), "settings": content.get("settings"), "batches": content.get("batches")}
    return _plain(json.dumps(about, default=str))


def _arguments(build: Any) -> dict[str, Any]:
    """Return what a file says that its module was built with, if that is what a conversion can keep."""
    from lstm_lib.convert.modules import expect_no_zoneout

    arguments = build.get("arguments") if isinstance(build, dict) else None
    found = arguments if isinstance(arguments, dict) else {}
    expect_no_zoneout(found.get("zoneout", 0.0))
    return found


def _arrays(weights: Mapping[str, Any]) -> dict[str, Array]:
    from lstm_lib.convert.modules import as_numpy

    found: dict[str, Array] = OrderedDict((name, as_numpy(value)) for name, value in weights.items())
    found._metadata = getattr(weights, "_metadata", {})  # type: ignore[attr-defined]  # where torch notes the cell
    return found


def read_safetensors(path: Path) -> Found:
    """Read weights by torch's names, and a model of ``applied.models``."""
    from lstm_lib.training import tensors as files

    words, tensors = files.read_safetensors(path)
    arrays = _arrays({name: value for name, value in tensors.items() if not name.endswith(SCALE)})
    for name, array in arrays.items():
        if name + SCALE in tensors:  # kept in bytes: a scale for each row
            scale = tensors[name + SCALE].numpy()
            arrays[name] = array.astype(scale.dtype) * scale.reshape(-1, *[1] * (array.ndim - 1))
    return Found(arrays, _arguments(_plain(words.get("build", "{}"))), _plain(words.get(CARD, "{}")))


def read_npz(path: Path) -> Found:
    """Read arrays, and what ``files.write`` notes beside them."""
    arrays = _array.read_npz(path)
    about = _plain(str(arrays.pop(ABOUT, "{}")))
    card = about.get(CARD, {})
    return Found(arrays, about, card if isinstance(card, dict) else {})


def _plain(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"got a description that is not JSON ({error})") from None
    if not isinstance(found, dict):
        raise ValueError(f"got a description of type {type(found).__name__}, expected names and values")
    return found


def from_cell(state: Mapping[str, Array]) -> Network:
    """Build the network of one NumPy cell, from its W and b."""
    from lstm_lib.from_scratch.cells import LSTMParams

    W, b = state["W"], state["b"]
    if W.ndim != 3 or len(W) != 4 or b.shape != W.shape[:2] or W.shape[2] <= W.shape[1]:
        raise ValueError(f"got W {W.shape} and b {b.shape}, expected (4, H, H+D) and (4, H)")
    return from_numpy(LSTMParams(W, b))


def read_graph(path: Path, suffix: str) -> Network:
    """Read a file of .onnx or .keras, which is a graph and no list of weights."""
    if suffix == ".onnx":
        from lstm_lib.convert.onnx_files import read_onnx

        return read_onnx(path)
    from lstm_lib.convert.keras_files import read_keras

    return read_keras(path)


READERS: dict[str, Callable[[Path], Found]] = {".pt": read_pt, ".safetensors": read_safetensors, ".npz": read_npz}
