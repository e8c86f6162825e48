"""One way to read a file of torch: whoever reads it says the same of what is wrong with it."""

import ast
from pathlib import Path

import pytest
import torch
from conftest import ROOT

from lstm_lib import convert, nn
from lstm_lib.doctor.files import examine_file
from lstm_lib.training.checkpoints import _digest, load_checkpoint
from lstm_lib.training.export import read_inference
from lstm_lib.training.tensors import read_tensors

READERS = {"doctor": examine_file, "convert": convert.read, "export": read_inference, "checkpoint": load_checkpoint}


def named(folder: Path, data: bytes) -> Path:
    """Write bytes under the name that a checkpoint of them has."""
    path = folder / f"batch-00000001-{_digest(data)}.pt"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("reader", READERS)
def test_every_reader_says_the_same_of_a_file_that_torch_refuses(reader: str, tmp_path: Path) -> None:
    good = tmp_path / "good.pt"
    torch.save(nn.LSTM(3, 2).state_dict(), good)
    module = tmp_path / "module.pt"
    torch.save(torch.nn.LSTM(3, 2), module)
    refused = "got a file that torch refuses to read as tensors and plain values; it is of another kind, cut off"
    objects = "got a file with Python objects in it, which could run code; save its state_dict instead"
    for data, message in (
        (good.read_bytes()[:-200], refused),
        (b"", refused),
        (b"no weights at all", refused),
        (module.read_bytes(), objects),
    ):
        path = named(tmp_path, data)
        with pytest.raises(ValueError, match=message) as caught:
            READERS[reader](path)
        assert str(caught.value).startswith(f"{path}: got")


@pytest.mark.parametrize("reader", READERS)
def test_every_reader_says_the_same_where_there_is_no_file(reader: str, tmp_path: Path) -> None:
    path = tmp_path / "batch-00000001-0123456789abcdef.pt"
    with pytest.raises(ValueError, match=r"\.pt: there is no such file$"):
        READERS[reader](path)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="got a folder, expected a file"):
        read_tensors(tmp_path)


def test_nothing_else_in_the_library_reads_files_of_torch() -> None:
    found = []
    for path in (ROOT / "lstm_lib").rglob("*.py"):
        calls = [node.func for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)]
        found += [path.name for call in calls if ast.unparse(call) == "torch.load"]
    assert found == ["tensors.py"]
