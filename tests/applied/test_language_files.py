"""Odd files given to the commands of language: one line that names the file, exit code 2, nothing written."""

from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from lstm_lib import train, use
from lstm_lib.applied import models, texts

SHIPPED = models.FOLDER / "shakespeare.safetensors"
TEXTS: dict[str, tuple[bytes | None, str]] = {
    "missing": (None, "no such file or directory"),
    "empty": (b"", "got 0 bytes with nothing but blanks"),
    "blanks": (b" \n\t\n  ", "got 6 bytes with nothing but blanks"),
    "picture": (b"\x89PNG\r\n\x1a\n" + bytes(20), "got byte 0x89 in line 1, which is not utf-8"),
    "utf-16": ("to be".encode("utf-16-le"), "got a character of number 0"),
    "latin-1": ("naïve".encode("latin-1"), "got byte 0xef in line 1, which is not utf-8"),
    "document": (b"PK\x03\x04abc", "got a ZIP archive (as .xlsx and .docx files are), expected a text file"),
    "cut": ("to be €".encode()[:-1], "got byte 0xe2 in line 1, which is not utf-8"),
    "zeros": (b"to be\0or not", "got a character of number 0"),
    "huge": (b"to be or not to be", "got 18 bytes, expected at most 10"),
    "strange": ("ROMEO:\nnaïve".encode(), "got the character 'ï' (U+00EF) in line 2"),
}


def refuse(main: Callable, words: list[str], path: Path, message: str, capsys: pytest.CaptureFixture) -> None:
    """Ask a command that must refuse a file, and look at what it says."""
    with pytest.raises(SystemExit) as ended:
        main(words)
    told = capsys.readouterr()
    assert ended.value.code == 2
    assert told.out == ""
    assert len(told.err.strip().splitlines()) == 1
    assert message in told.err
    assert path.name in told.err or "beginning" in told.err


@pytest.fixture
def odd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], tuple[Path, str]]:
    """Give a function that makes an odd file, and returns it with what must be said of it."""

    def make(kind: str) -> tuple[Path, str]:
        content, message = TEXTS[kind]
        path = tmp_path / f"{kind}.txt"
        if content is not None:
            path.write_bytes(content)
        if kind == "huge":
            monkeypatch.setattr(texts, "LARGEST", 10)
        return path, message

    return make


@pytest.mark.parametrize("kind", TEXTS)
def test_an_odd_beginning_is_refused(kind, odd, capsys):
    path, message = odd(kind)
    refuse(use.main, ["generate", "--file", str(path)], path, message, capsys)


@pytest.mark.parametrize("kind", [kind for kind in TEXTS if kind != "strange"])
def test_an_odd_text_is_not_trained_on(kind, odd, tmp_path, capsys):
    path, message = odd(kind)
    folder = tmp_path / "run"
    refuse(train.main, ["language", "--file", str(path), "--folder", str(folder)], path, message, capsys)
    assert not folder.exists()


def test_a_folder_is_no_text(tmp_path, capsys):
    refuse(use.main, ["generate", "--file", str(tmp_path)], tmp_path, "is a directory", capsys)


def test_a_text_that_is_too_short_is_not_trained_on(tmp_path, capsys):
    path = tmp_path / "short.txt"
    path.write_text("ab")
    refuse(train.main, ["language", "--file", str(path)], Path("a text"), "got a text of 2 characters", capsys)


@pytest.mark.parametrize("kind", ["cut", "empty", "text", "other", "voice", "letters", "tensor"])
def test_an_odd_model_is_refused(kind, tmp_path, capsys):
    path = tmp_path / f"{kind}.safetensors"
    whole = SHIPPED.read_bytes()
    network, card = models.load(SHIPPED)
    if kind in ("cut", "empty", "text"):
        path.write_bytes({"cut": whole[:-100], "empty": b"", "text": b"no model"}[kind])
        message = "not safetensors, or is damaged"
    elif kind == "other":
        save_file({"x": load_file(SHIPPED)["readout.bias"]}, path)
        message = "safetensors of another kind"
    elif kind == "voice":
        models.save(path, network, {**card, "kind": "voice"}, as_bytes=True)
        message = "got a model for voice, expected one for language"
    elif kind == "letters":
        models.save(path, network, {**card, "characters": "abc"}, as_bytes=True)
        message = "65 classes and a card of 3 characters"
    else:
        words = whole.replace(b'\\"hidden_size\\": 512', b'\\"hidden_size\\": 256')
        assert words != whole
        path.write_bytes(words)
        message = "does not fit its own description"
    refuse(use.main, ["generate", "--model", str(path)], path, message, capsys)


def test_a_text_in_another_encoding_is_read_by_its_name_and_few_batches_warm_up_less(tmp_path, capsys):
    path = tmp_path / "letters.txt"
    path.write_bytes(("Ein Bär über Äpfel. " * 40).encode("cp1252"))
    command = ["language", "--file", str(path), "--batches", "20", "--hidden", "4", "--layers", "1", "--no-progress"]
    refuse(train.main, command, path, "expected utf-8 or the name of its encoding, such as cp1252", capsys)
    few = ["--batch-size", "2", "--window", "8", "--evaluate-every", "0", "--device", "cpu"]
    assert train.main([*command, *few, "--encoding", "cp1252"]) == 0
    capsys.readouterr()
    with pytest.raises(SystemExit):
        train.main([*command, "--encoding", "cp99"])
    assert "got --encoding 'cp99', expected one that Python knows" in capsys.readouterr().err
