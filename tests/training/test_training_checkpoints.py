"""A checkpoint is whole or it is refused by name, and then the one before it is used."""

import os
import pickle
import random
import warnings
from pathlib import Path

import pytest
import torch

from lstm_lib.training import CheckpointError, CheckpointWarning, checkpoints, latest_checkpoint, load_checkpoint
from lstm_lib.training.checkpoints import save_checkpoint, set_aside


def content(n: int) -> dict:
    return {"batches": n, "model": {"weight": torch.full((3, 2), float(n))}, "note": "text"}


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    """Write two checkpoints, after 10 and after 20 batches."""
    return save_checkpoint(tmp_path, 10, content(10)), save_checkpoint(tmp_path, 20, content(20))


def test_what_was_saved_is_loaded(two: tuple[Path, Path]) -> None:
    for n, path in zip((10, 20), two, strict=True):
        loaded = load_checkpoint(path)
        assert loaded["batches"] == n
        assert torch.equal(loaded["model"]["weight"], torch.full((3, 2), float(n)))
    assert latest_checkpoint(two[0].parent)["batches"] == 20


def test_the_newest_ones_stay_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "batch-00000007-0123456789abcdef.pt.writing").write_bytes(b"left by a process that was killed")
    (tmp_path / "notes.txt").write_text("mine")
    for n in (5, 10, 100_000_000, 20):
        save_checkpoint(tmp_path, n, content(n), keep=3)
    names = sorted(path.name[:14] for path in tmp_path.iterdir())
    assert names == ["batch-00000010", "batch-00000020", "batch-10000000", "notes.txt"]
    assert latest_checkpoint(tmp_path)["batches"] == 100_000_000


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.7, 0.999])
def test_a_file_that_was_cut_off_is_refused_by_name_and_the_one_before_is_used(
    two: tuple[Path, Path], share: float
) -> None:
    data = two[1].read_bytes()
    two[1].write_bytes(data[: int(share * len(data))])
    with pytest.raises(CheckpointError, match=f"{two[1].name}: .*cut off or altered"):
        load_checkpoint(two[1])
    with pytest.warns(CheckpointWarning, match=f"{two[1].name}: .*{two[0].name} is used instead"):
        assert latest_checkpoint(two[0].parent)["batches"] == 10


def test_a_file_with_one_bit_changed_anywhere_is_refused(two: tuple[Path, Path]) -> None:
    data = bytearray(two[1].read_bytes())
    for place in random.Random(0).sample(range(len(data)), 50):
        data[place] ^= 1
        two[1].write_bytes(data)
        with pytest.raises(CheckpointError, match="altered"):
            load_checkpoint(two[1])
        data[place] ^= 1
    two[1].write_bytes(data)
    assert load_checkpoint(two[1])["batches"] == 20


def test_without_a_good_one_every_refused_file_is_named(two: tuple[Path, Path]) -> None:
    for path in two:
        path.write_bytes(b"")
    with pytest.raises(CheckpointError) as error:
        latest_checkpoint(two[0].parent)
    assert all(path.name in str(error.value) for path in two)


def test_a_sound_folder_gives_no_warning(two: tuple[Path, Path]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        latest_checkpoint(two[0].parent)


class Evil:
    """Runs a command when it is unpickled."""

    def __reduce__(self):
        return os.mkdir, ("opened",)


def test_code_in_a_checkpoint_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = save_checkpoint(tmp_path, 1, {"model": Evil()})
    with pytest.raises(CheckpointError, match="got a file with Python objects in it, which could run code"):
        load_checkpoint(path)
    assert not (tmp_path / "opened").exists()
    (tmp_path / "model.pt").write_bytes(pickle.dumps(Evil()))
    with pytest.raises(CheckpointError, match="expected batch-NUMBER-DIGITS.pt"):
        load_checkpoint(tmp_path / "model.pt")


def test_a_list_is_no_checkpoint(tmp_path: Path) -> None:
    path = save_checkpoint(tmp_path, 1, [1, 2])
    with pytest.raises(CheckpointError, match="got a list, expected a dictionary"):
        load_checkpoint(path)


def test_a_failure_while_writing_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_checkpoint(tmp_path, 10, content(10))

    def fail(*arguments: object) -> None:
        raise OSError("no space left on device")

    for step in ("replace", "fsync"):
        with monkeypatch.context() as patch:
            patch.setattr(Path if step == "replace" else os, step, fail)
            with pytest.raises(OSError, match="no space left"):
                save_checkpoint(tmp_path, 20, content(20))
        assert latest_checkpoint(tmp_path)["batches"] == 10
    save_checkpoint(tmp_path, 20, content(20))
    assert len(list(tmp_path.iterdir())) == 2


def test_what_lies_beyond_the_point_of_return_is_set_aside(two: tuple[Path, Path]) -> None:
    set_aside(two[0].parent, 10)
    assert [path.name for path in checkpoints(two[0].parent)] == [two[0].name]
    assert two[1].with_suffix(".refused").exists()


def test_a_new_checkpoint_is_never_the_one_that_goes(tmp_path: Path) -> None:
    for batches in (100, 200, 50):
        path = save_checkpoint(tmp_path, batches, content(batches), keep=2)
        assert path.is_file()
    assert [int(path.name[6:14]) for path in checkpoints(tmp_path)] == [50, 200]
    path = save_checkpoint(tmp_path, 10, content(10), keep=1)
    assert checkpoints(tmp_path) == [path]
    with pytest.raises(ValueError, match="got keep 0, expected at least 1"):
        save_checkpoint(tmp_path, 300, content(300), keep=0)
