"""The command line: one process, two under torchrun, a worker that is killed, and mistakes in the options."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from conftest import ROOT

from lstm_lib import train, training
from lstm_lib.nn.backends import native

TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--local-addr=127.0.0.1"]
TRAIN = ["-m", "lstm_lib.train"]
ENV = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
HANG = 900  # seconds that no command needs: the longest took a minute, and three on a machine that was very busy


def command(*arguments: str, folder: Path, processes: int = 1, restarts: int = 0) -> list[str]:
    """Spell out a command that trains quietly into a folder."""
    more = [*arguments, "--no-progress", "--evaluate-every", "0", "--device", "cpu", "--folder", str(folder)]
    if processes == 1:
        return [sys.executable, *TRAIN, *more]
    how = ["--standalone", f"--nproc-per-node={processes}", f"--max-restarts={restarts}"]
    return [*TORCHRUN, *how, *TRAIN, *more]


def run(*arguments: str, folder: Path, processes: int = 1) -> dict:
    """Run to the end and return the last checkpoint."""
    line = command(*arguments, folder=folder, processes=processes)
    done = subprocess.run(line, env=ENV, cwd=ROOT, capture_output=True, text=True, timeout=HANG, check=False)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^\d+ batches on .*: loss .*, accuracy .* questions$", done.stdout, re.MULTILINE)
    return training.latest_checkpoint(folder)


# An odd batch size and windows: the two processes have different numbers of sequences and of questions.
JOB = ("recall", "--batch-size", "9", "--batches", "40", "--window", "10", "--hidden", "12")


def test_two_processes_have_the_losses_of_one_which_does_not_take_up_their_checkpoint(tmp_path: Path) -> None:
    quiet = ["--no-progress", "--evaluate-every", "0", "--device", "cpu", "--folder"]
    train.main([*JOB, *quiet, str(tmp_path / "one")])
    one = training.latest_checkpoint(tmp_path / "one")
    two = run(*JOB, folder=tmp_path / "two", processes=2)
    assert len(two["processes"]) == 2
    for name in ("losses", "norms"):
        np.testing.assert_allclose(two["log"][name], one["log"][name], rtol=1e-5, err_msg=name)
    for name, value in one["model"].items():
        torch.testing.assert_close(two["model"][name], value, rtol=1e-3, atol=1e-5)
    line = command(*JOB, folder=tmp_path / "two")
    done = subprocess.run(line, env=ENV, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stderr.strip() == (
        "python -m lstm_lib.train: got 1 processes, but the checkpoint was made with 2: start as many, or use another "
        "folder"
    )


def workers(torchrun: psutil.Process) -> list[psutil.Process]:
    """List the processes that torchrun has started to train."""
    return [child for child in torchrun.children() if "lstm_lib.train" in " ".join(child.cmdline())]


def test_a_killed_worker_is_started_again_and_goes_on_from_the_checkpoint(tmp_path: Path) -> None:
    job = ("recall", "--batch-size", "8", "--batches", "600", "--save-every", "20", "--hidden", "12")
    line = command(*job, folder=tmp_path / "killed", processes=2, restarts=2)
    torchrun = subprocess.Popen(line, env=ENV, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    deadline = time.monotonic() + HANG
    while not training.checkpoints(tmp_path / "killed") and time.monotonic() < deadline:
        time.sleep(0.05)
    first = workers(psutil.Process(torchrun.pid))
    assert len(first) == 2
    first[1].send_signal(signal.SIGKILL)
    printed, _ = torchrun.communicate(timeout=HANG)
    assert torchrun.returncode == 0, printed
    assert "-9" in printed, "torchrun did not see the kill, so nothing was proved"
    killed = training.latest_checkpoint(tmp_path / "killed")
    undisturbed = run(*job, folder=tmp_path / "undisturbed", processes=2)
    assert killed["batches"] == 600
    for name, value in undisturbed["model"].items():
        assert torch.equal(killed["model"][name], value), name


def test_another_task_in_the_same_folder_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    quiet = ["--batches", "3", "--no-progress", "--folder", str(tmp_path), "--evaluate-every", "0", "--device", "cpu"]
    train.main(["delay", "--length", "5", *quiet])
    for other in (["recall", "--boxes", "1"], ["delay", "--length", "6"], ["delay", "--length", "5", "--chrono", "9"]):
        with pytest.raises(SystemExit) as stopped:
            train.main([*other, *quiet])
        assert stopped.value.code == 2
        assert "but the checkpoint was made with" in capsys.readouterr().err


def test_making_a_network_leaves_the_callers_random_numbers_alone() -> None:
    torch.manual_seed(1)
    expected = torch.rand(2)
    torch.manual_seed(1)
    train.make_model(train.parser().parse_args(["delay"]))
    assert torch.equal(torch.rand(2), expected)


def test_bfloat16_trains_or_says_in_one_line_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    line = ["delay", "--length", "2", "--batches", "3", "--no-progress", "--device", "cpu", "--precision", "bfloat16"]
    line += ["--evaluate-every", "0"]
    code = 0
    try:
        train.main(line)
    except SystemExit as stopped:
        code = stopped.code
    if code:
        assert code == 2
        (told,) = capsys.readouterr().err.strip().splitlines()
        assert "got --precision 'bfloat16', in which cpu cannot compute this network here" in told
        assert "backend='reference'" in told
        train.main([*line, "--backend", "reference"])
    assert "3 batches on cpu, stopped by batches: loss" in capsys.readouterr().out


@pytest.mark.parametrize("can", [True, False])
def test_a_processor_without_the_instructions_trains_in_bfloat16_and_says_how(
    can: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(native, "onednn_computes", lambda dtype, *, with_gradients: can)
    monkeypatch.setattr(torch._VF, "lstm", _in_float32)
    line = ["--batches", "3", "--no-progress", "--device", "cpu", "--precision", "bfloat16", "--evaluate-every", "0"]
    train.main(["delay", "--length", "2", *line])
    told = capsys.readouterr()
    assert "3 batches on cpu, stopped by batches: loss" in told.out
    note = "bfloat16: this processor has no bfloat16 instructions for LSTMs in oneDNN, so backend "
    assert told.err.startswith(note) is not can
    assert bool(told.err) is not can


def _in_float32(*arguments, lstm=torch._VF.lstm):
    """Compute what torch's kernels compute, on a processor that may lack the instructions for less."""
    with torch.autocast("cpu", enabled=False):
        return lstm(*arguments)


@pytest.mark.parametrize("task", train.TASKS)
def test_every_task_trains(task: str, tmp_path: Path) -> None:
    length = [] if task == "reber" else ["--length", "12"]
    this = ["--batches", "60", "--test-size", "40", "--no-progress", "--device", "cpu", "--evaluate-every", "30"]
    history, score = train.train(train.parser().parse_args([task, *length, *this]))
    assert len(history.losses) == 60
    assert history.evaluated.tolist() == [30, 60]
    assert history.losses[-10:].mean() < history.losses[:10].mean()
    assert score.loss == pytest.approx(history.eval_losses[-1])


def test_every_setting_has_its_option_and_every_option_its_help() -> None:
    shown = train.parser().format_help()
    for name in train.TASKS:
        assert f"\n  {name} " in shown
    options = {action.dest: action for action in train.parser()._actions}
    missing = set(training.Settings.__dataclass_fields__) - set(options)
    assert missing == {"betas", "stateful"}
    assert all(action.help for action in options.values())


def test_the_network_is_the_one_that_was_asked_for() -> None:
    noise = ["--layers", "2", "--dropout", "0.1", "--variational-dropout", "0.2", "--recurrent-dropout", "0.3"]
    start = ["--zoneout", "0.4", "--forget-bias", "2", "--input-bias", "-3", "--weight-decay", "0.5"]
    arguments = train.parser().parse_args(["delay", "--hidden", "5", *noise, *start])
    lstm = train.make_model(arguments).lstm
    assert (lstm.num_layers, lstm.hidden_size, lstm.dropout) == (2, 5, 0.1)
    assert (lstm.variational_dropout, lstm.recurrent_dropout, lstm.zoneout) == (0.2, 0.3, (0.4, 0.4))
    for layer in range(2):
        b = (getattr(lstm, f"bias_ih_l{layer}") + getattr(lstm, f"bias_hh_l{layer}")).view(4, 5)
        assert bool((b[0] == -3).all())
        assert bool((b[1] == 2).all())
    assert train.make_settings(arguments).weight_decay == 0.5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["delay", "--lr", "0"], "got --lr 0.0, expected a positive number"),
        (["delay", "--backend", "cuda"], "got --backend 'cuda', expected one of"),
        (["delay", "--cell", "no-forget", "--forget-bias", "1"], "which has no forget gate"),
        (["delay", "--cell", "janet", "--input-bias", "-3"], "which has no input gate"),
        (["delay", "--zoneout", "2"], "got --zoneout 2.0, expected a probability"),
        (["delay", "--length", "-1"], "got --length -1, expected at least 0"),
        (["delay", "--device", "cuda:99"], "got --device 'cuda:99'"),
        (["recall", "--length", "1"], "got --length 1, expected at least 2"),
        (["recall", "--boxes", "0"], "got --boxes 0, expected at least 1"),
        (["delay", "--batch-size", "0"], "got --batch-size 0, expected at least 1"),
        (["delay", "--accumulate", "3"], "got --batches 1000, expected a multiple of accumulate 3"),
        (["delay", "--save-every", "5"], "got --save-every 5 without --folder"),
        (["sums"], "invalid choice: 'sums'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_said_in_one_line_with_exit_code_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        train.main([*arguments, "--no-progress"])
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err
