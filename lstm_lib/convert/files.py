"""Networks as files, by suffix: .pt, .safetensors, .npz, .onnx and .keras.

A file is written whole or not at all. What a file says of its network, the card, goes along.
"""

import json
import os
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from lstm_lib.convert import reading
from lstm_lib.convert.form import PROJECTION, Network, options_of
from lstm_lib.convert.reading import ABOUT, CARD
from lstm_lib.convert.state import from_state, to_state

FORMAT = "lstm_lib weights, version 1"
MODEL = "lstm_lib model, version 1"  # what ``applied.models`` calls its files, which ``lstm_lib.use`` reads
TRAINED = "model.safetensors"  # what ``lstm_lib.train`` leaves in the folder of a run, for use


def read(path: str | os.PathLike[str], *, part: str | None = None) -> Network:
    """Read the LSTM of a file, and its readout.

    Args:
        path: .pt: a file of ``save_for_inference``, a state_dict, or a checkpoint of ``fit``. The folder of a run: the
            model.safetensors that ``lstm_lib.train`` has left there, else the weights that ``load_model`` finds.
            .safetensors: a model of ``applied.models`` (bytes become numbers again), or torch's names. .npz: torch's
            names, or W and b of a NumPy cell. .onnx: LSTM nodes. .keras: a model of LSTM layers.
        part: Name of the LSTM within a larger network (.pt, .safetensors, .npz), all else of which is left out.

    Raises:
        ValueError: If there is no such file, it is damaged, or holds something else; the message names the file.

    Example:
        >>> read("no-such-file.onnx")
        Traceback (most recent call last):
        ...
        ValueError: no-such-file.onnx: there is no such file
    """
    path = Path(path)
    path = path / TRAINED if (path / TRAINED).is_file() else path
    suffix = ".pt" if path.is_dir() else path.suffix
    if suffix not in SUFFIXES:
        raise ValueError(f"{path}: got suffix {path.suffix!r}, expected one of {', '.join(SUFFIXES)}")
    if not path.exists():
        raise ValueError(f"{path}: there is no such file")
    if part is not None and suffix in (".onnx", ".keras"):
        raise ValueError(f"{path}: got part {part!r}, expected none: parts have names in .pt, .safetensors and .npz")
    try:
        if suffix in (".onnx", ".keras"):
            return reading.read_graph(path, suffix)
        state, arguments, card = reading.READERS[suffix](path)
        is_cell = state.keys() == {"W", "b"} and part is None
        network = reading.from_cell(state) if is_cell else from_state(state, cell=arguments.get("cell"), part=part)
        return network._replace(card=card, options=options_of(arguments))
    except (ValueError, OSError) as error:
        words = str(error).removeprefix(f"{path}: ")
        raise ValueError(f"{path}: {words}") from None


def write(network: Network, path: str | os.PathLike[str], *, dtype: str | None = None) -> Path:
    """Write a network into a file of the format that its suffix says; it is there whole, or as it was before.

    Args:
        network: The network.
        path: The file.
        dtype: "float16", "float32" or "float64", to which the numbers are rounded; None keeps theirs. Into .onnx,
            float64 goes only if it is asked for: ONNX Runtime opens such a file, and stops when it is to run.

    Returns:
        The path.

    Raises:
        ValueError: If the suffix is unknown, the folder is not there, or the format has no such network.

    Warns:
        Rounded: If its card tells that float32, in which the file is run, is too short for its numbers.

    Example:
        >>> from lstm_lib import cells, convert
        >>> network = convert.from_numpy(cells.init_lstm(np.random.default_rng(0), 3, 2))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     print(read(write(network, f"{folder}/cell.npz")))
        standard cell, 1 layer, D = 3, H = 2, float64
    """
    path = Path(path)
    expect_target(path)
    if dtype is None and path.suffix == ".onnx" and network.dtype == np.float64:
        what = f"{path}: got a network in float64, in which ONNX Runtime runs no LSTM"
        raise ValueError(f"{what}, expected dtype 'float32', which rounds it (or 'float64', for other programs)")
    network = network if dtype is None else network.cast(dtype)
    if told := rounded(network, path):
        warnings.warn(f"{path}: {told}", Rounded, stacklevel=2)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:  # on the same disk
        made = Path(folder) / path.name
        try:
            SUFFIXES[path.suffix](network, made)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
        made.replace(path)
    return path


def left_out(network: Network, path: str | os.PathLike[str]) -> list[str]:
    """List what a network has and a file of this name has no place for, besides its weights.

    Example:
        >>> network = Network("standard", (), card={"kind": "language"}, options={"dropout": 0.5})
        >>> left_out(network, "a.onnx"), left_out(network, "a.keras"), left_out(network, "a.pt")
        (['dropout'], ['dropout', 'its card (kind)'], [])
    """
    suffix = Path(path).suffix
    missing = list(network.options) if suffix in (".onnx", ".keras") else []
    return [*missing, f"its card ({', '.join(network.card)})"] if suffix == ".keras" and network.card else missing


class Rounded(UserWarning):
    """What a file says loses digits that count where it is computed."""


def rounded(network: Network, path: str | os.PathLike[str]) -> str:
    """Say how far off a network is where a file of this name is run, if its card tells that float32 is too short.

    Example:
        >>> network = Network("standard", (), card={"kind": "series", "target": "people", "off in float32": 0.06})
        >>> rounded(network, "a.onnx")
        "computed in float32, forecasts of 'people' are off by up to 0.06 of a usual move, for numbers of what it..."
        >>> rounded(network, "a.safetensors")
        ''
    """
    off = network.card.get("off in float32")
    if Path(path).suffix not in (".onnx", ".keras") or not isinstance(off, float) or off < 0.01:
        return ""
    if network.layers and network.dtype == np.float64:
        return ""
    what = f"forecasts of {network.card.get('target')!r} are off by up to {off:g} of a usual move"
    more = "lstm_lib.use forecast loses nothing, and nor do columns from which a constant was taken before training"
    return f"computed in float32, {what}, for numbers of what it reads are large beside their spread; {more}"


def expect_target(path: Path) -> None:
    """Raise a ValueError unless a file of this name can be written."""
    if path.suffix not in SUFFIXES:
        raise ValueError(f"{path}: got suffix {path.suffix!r}, expected one of {', '.join(SUFFIXES)}")
    if path.is_dir() or not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise ValueError(f"{path}: got a place where no file can be written")


# ---------------------------------------------------------------- writing


def _write_pt(network: Network, path: Path) -> None:
    from lstm_lib.convert.modules import to_torch
    from lstm_lib.training.export import save_for_inference

    save_for_inference(to_torch(network), path, about=network.card)


def _write_safetensors(network: Network, path: Path) -> None:
    """Write a network with one linear layer as ``applied.models`` does; any other as weights that know their cell."""
    from safetensors.numpy import save_file

    readout, (first, *_) = network.readout, network.layers[0]
    arguments: dict[str, Any] = {"cell": network.cell, **network.options}
    build: dict[str, Any] = {"arguments": arguments}
    if readout is not None and readout.b is not None and network.directions == 1:
        build["kind"] = "Tagger"
        arguments.pop("batch_first", None)
        arguments |= {"input_size": network.input_size, "hidden_size": network.hidden_sizes[0]}
        arguments |= {"num_layers": len(network.layers), "bias": first.b is not None, "classes": len(readout.W)}
        arguments["proj_size"] = len(first.extra[PROJECTION]) if PROJECTION in first.extra else 0
    words = {"build": json.dumps(build), CARD: json.dumps(network.card, ensure_ascii=False)}
    save_file(to_state(network), path, metadata={"format": MODEL if "kind" in build else FORMAT, **words})


def _write_npz(network: Network, path: Path) -> None:
    words = {"format": FORMAT, "cell": network.cell, **network.options, CARD: network.card}
    about = np.array(json.dumps(words, ensure_ascii=False))
    arrays: dict[str, Any] = {ABOUT: about, **to_state(network)}
    np.savez(path, **arrays)  # and nothing else by name: NumPy 1 would take it for an array


def _write_onnx(network: Network, path: Path) -> None:
    from lstm_lib.convert.onnx_files import onnx_model

    path.write_bytes(onnx_model(network).SerializeToString())


def _write_keras(network: Network, path: Path) -> None:
    from lstm_lib.convert.keras_files import keras_model

    keras_model(network).save(path)


SUFFIXES: dict[str, Callable[[Network, Path], None]] = {
    ".pt": _write_pt,
    ".safetensors": _write_safetensors,
    ".npz": _write_npz,
    ".onnx": _write_onnx,
    ".keras": _write_keras,
}
