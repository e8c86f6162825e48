"""``tools.portable`` names the cell and the test that a condition changes, and leaves nothing running."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import psutil
import pytest
from conftest import ROOT
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tools import conditions, portable, rerun
from tools.conditions import CONDITIONS

PLAIN = {"openblas threads": 1, "torch threads": 1, "start": [0.5, -0.25]}


def printing(text: str, stored: str, **metadata: object) -> nbformat.NotebookNode:
    """Make a cell that prints a text, with an output that is stored."""
    output = new_output("stream", name="stdout", text=f"{stored}\n")
    return new_code_cell(f"print({text!r})", outputs=[output], execution_count=1, metadata=metadata)


def checkout(folder: Path, *cells: nbformat.NotebookNode | str) -> Path:
    """Make a checkout that has one notebook of these cells."""
    (folder / "chapters").mkdir()
    made = [new_code_cell(cell, execution_count=1) if isinstance(cell, str) else cell for cell in cells]
    nbformat.write(new_notebook(cells=made), folder / "chapters" / "page.ipynb")
    return folder


def rerun_page(root: Path) -> list[tuple[str, str]]:
    """Run the notebook of a checkout as things are, and list its changes."""
    outcome = rerun.run_notebooks([root / "chapters" / "page.ipynb"], os.environ, tell=lambda line: None)
    assert outcome.count == 1
    assert outcome.failed == bool(outcome.changes)
    return [tuple(change) for change in outcome.changes]


# ---------------------------------------------------------------- what is named


def test_a_cell_that_fails_under_one_condition_is_named_under_that_one_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conditions, "ask", lambda root, env: PLAIN | {"torch threads": int(env["OMP_NUM_THREADS"])})
    root = checkout(
        tmp_path,
        new_markdown_cell("Words are not counted."),
        "import os\nthreads = os.environ['OMP_NUM_THREADS']",
        "assert (\n    threads == '1'\n), f'there are {threads}'",
        printing("after it", "after it"),
    )
    out = tmp_path / "table.md"
    command = ["--root", str(root), "--no-tests", "--conditions", "plain,threads-2", "--out", str(out)]
    assert portable.main(command) == 1
    summary, changes = out.read_text(encoding="utf-8").strip().split("\n\n")
    assert "| plain | 1 the same, 0 changed | not run |" in summary
    assert re.search(r"\| threads-2 \| 0 the same, 1 changed \| not run \| \d+ \| no effect: openblas threads", summary)
    assert changes.splitlines()[2:] == [
        "| threads-2 | page, cell 1 | `threads == '1' → AssertionError: there are 2` |"
    ]


def test_nbval_calls_the_same_cells_failed(tmp_path: Path) -> None:
    picture = [new_output("display_data", data={"image/png": "YQ==", "text/plain": "a picture"})]
    error = [new_output("error", ename="ZeroDivisionError", evalue="division by zero", traceback=[])]
    root = checkout(
        tmp_path,
        printing("one", "one"),
        printing("two", "another"),
        printing("three", "anything", tags=["nbval-ignore-output"]),
        new_code_cell("1/0", outputs=error, execution_count=1, metadata={"tags": ["raises-exception"]}),
        new_code_cell("{}['x']", outputs=error, execution_count=1, metadata={"tags": ["raises-exception"]}),
        "raise ValueError('six')",
        new_code_cell(
            "from IPython.display import display\ndisplay({'image/png': 'Yg==', 'text/plain': 'a picture'}, raw=True)",
            outputs=picture,
            execution_count=1,
        ),
        new_code_cell("7", outputs=[], execution_count=1),
        "print('nothing is stored')",
    )
    command = [sys.executable, "-m", "pytest", "--nbval", "-q", "-p", "no:cacheprovider", "-rf", str(root)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    failed = [line.split("::Cell ")[1].split()[0] for line in done.stdout.splitlines() if line.startswith("FAILED")]
    changes = dict(rerun_page(root))
    assert list(changes) == [f"page, cell {number}" for number in failed]
    assert failed == ["1", "4", "5", "7", "8"]
    assert changes["page, cell 1"] == "stdout: got 'two', expected 'another'"
    assert changes["page, cell 5"] == "raise ValueError('six') → ValueError: six"


def test_a_kernel_that_a_signal_kills_is_reported_with_the_signal(tmp_path: Path) -> None:
    root = checkout(tmp_path, "1;", "import os, signal\nos.kill(os.getpid(), signal.SIGILL)", "2;", "3;")
    assert rerun_page(root) == [
        ("page, cell 1", f"the kernel ended with {rerun.ending(-signal.SIGILL)}; 2 cells were not run")
    ]


def write_tests(folder: Path, *lines: str) -> list[str]:
    """Write tests, one a line, and return what pytest shall run."""
    bodies = [f"def test_{n}():\n    {line}\n" for n, line in enumerate(lines)]
    (folder / "test_it.py").write_text("import os, signal\n\n".join(["", *bodies]), encoding="utf-8")
    return ["test_it.py"]


def test_a_test_that_fails_is_named(tmp_path: Path) -> None:
    tests = write_tests(tmp_path, "pass", "assert 1 == 2, 'one is not two'", "import pytest; pytest.skip('no')")
    outcome = rerun.run_tests(tmp_path, tests, os.environ)
    assert (outcome.count, outcome.failed) == (2, 1)
    [(where, how)] = outcome.changes
    assert where == "test_it.py::test_1"
    assert how.startswith("AssertionError: one is not two")


def test_a_test_that_kills_the_process_is_named_with_the_signal(tmp_path: Path) -> None:
    tests = write_tests(tmp_path, "pass", "assert False", "os.kill(os.getpid(), signal.SIGILL)", "pass")
    outcome = rerun.run_tests(tmp_path, tests, os.environ)
    assert (outcome.count, outcome.failed) == (3, 2)
    assert [change.where for change in outcome.changes] == ["test_it.py::test_1", "test_it.py::test_2"]
    assert "ended with SIGILL" in outcome.changes[1].how


def test_a_test_of_pages_is_not_run_wherever_it_lies(tmp_path: Path) -> None:
    room = tmp_path / "tests" / "room"
    room.mkdir(parents=True)
    for name in ("test_it.py", "test_plots.py"):
        (room / name).write_text("def test_0():\n    pass\n", encoding="utf-8")
    assert rerun.run_tests(tmp_path, ["tests"], os.environ).count == 1


def test_what_is_left_out_of_the_suite_is_left_out_here_and_notebooks_run_by_themselves() -> None:
    assert "--ignore=lstm_lib/nn/backends/_kernels.py" in rerun.options()
    assert "nbval" not in rerun.options()
    outcome = rerun.run_tests(ROOT, ["lstm_lib/nn/backends"], os.environ)
    assert (outcome.count > 10, outcome.changes) == (True, [])


def test_tests_that_are_not_there_are_not_a_success(tmp_path: Path) -> None:
    assert rerun.run_tests(tmp_path, ["test_missing.py"], os.environ).failed == 1


def test_the_number_tests_are_there_and_the_pages_are_not_among_them() -> None:
    chosen = rerun.number_tests(ROOT)
    assert chosen[0] == "lstm_lib"
    assert all((ROOT / path).exists() for path in chosen)
    assert {"tests/training", "tests/site", "tests/tools"} & set(chosen) == {"tests/training"}
    assert len(chosen) > 5


# ---------------------------------------------------------------- conditions


def test_kernels_that_would_die_are_listed_and_never_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(conditions._processor, "features", lambda: {"SSE3", "AVX2", "FMA3"})
    monkeypatch.setattr(conditions._processor, "is_x86", lambda: True)
    monkeypatch.setattr(conditions, "ask", lambda root, env: asked.append(env) or PLAIN)
    results = portable.run(["openblas-skylakex"], checkout(tmp_path), [], [], jobs=1, out=None)
    assert results["openblas-skylakex"].skipped == "not on this processor: the processor has no AVX512F"
    assert all("OPENBLAS_CORETYPE" not in env for env in asked)
    assert "not on this processor" in portable.table(results)


def test_an_arm_processor_is_not_asked_for_the_kernels_of_another() -> None:
    here = [name for name, condition in CONDITIONS.items() if not conditions.not_here(condition, {"NEON"}, x86=False)]
    assert here == ["plain", "threads-2", "perturbed", "busy"]


def test_a_process_says_under_which_condition_it_runs() -> None:
    said = conditions.ask(ROOT, conditions.environment(CONDITIONS["threads-2"]))
    assert conditions.effect(CONDITIONS["threads-2"], said, said) == ""
    assert conditions.effect(CONDITIONS["plain"], said, said).startswith("torch threads: got 2, expected 1")
    if conditions._processor.is_x86():
        assert said["onednn"].startswith("Intel ")


@pytest.mark.parametrize("name", [name for name, condition in CONDITIONS.items() if condition.expect])
def test_a_setting_that_did_nothing_is_not_taken_for_one_that_did(name: str) -> None:
    nothing = PLAIN | {"aten": "none", "onednn": "none", "openblas": "none", "openblas threads": 8, "torch threads": 8}
    assert "expected" in conditions.effect(CONDITIONS[name], nothing, nothing)


def test_a_condition_starts_from_the_environment_of_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "default")
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    env = conditions.environment(CONDITIONS["openblas-haswell"])
    assert "ATEN_CPU_CAPABILITY" not in env
    assert (env["OMP_NUM_THREADS"], env["OPENBLAS_CORETYPE"]) == ("1", "Haswell")


STARTS = """
import json, numpy as np, torch
from lstm_lib import cells, experiment, nn
torch.manual_seed(0)
rng = np.random.default_rng(0)
layer, ours = torch.nn.LSTM(3, 4), nn.LSTM(3, 4, cell="drawn")
nn.set_orthogonal(torch.Generator().manual_seed(0), orthogonal := nn.LSTM(3, 4))
starts = {
    "rnn": cells.init_rnn(rng, 3, 4).W, "lstm": cells.init_lstm(rng, 3, 4).W, "drawn": cells.init_drawn(rng, 3, 4).W,
    "drawn U": cells.init_drawn(rng, 3, 4).W_u,
    "weights": experiment.init_weights(rng, "lstm", 3, 4, 2).cell.W,
    "readout": experiment.init_weights(rng, "rnn", 3, 4, 2).readout.W,
    "torch": layer.weight_ih_l0, "torch bias": layer.bias_hh_l0, "linear": torch.nn.Linear(3, 4).weight,
    "ours": ours.weight_hh_l0, "ours drawn": ours.weight_u_l0, "beside orthogonal": orthogonal.weight_ih_l0,
    "orthogonal": orthogonal.weight_hh_l0, "set bias": cells.init_lstm(rng, 3, 4).b[1],
    "next draw": rng.random(3), "torch's next draw": torch.rand(3),
}
print(json.dumps({name: torch.as_tensor(start).detach().ravel().tolist() for name, start in starts.items()}))
"""


def test_the_perturbed_starts_are_a_millionth_away_on_both_sides_and_nothing_else_is() -> None:
    starts = []
    for name in ("plain", "perturbed"):
        command, env = [sys.executable, "-c", STARTS], conditions.environment(CONDITIONS[name])
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True)
        starts.append(json.loads(done.stdout))
    plain, perturbed = starts
    for what in ("orthogonal", "set bias", "next draw", "torch's next draw"):
        assert perturbed.pop(what) == plain[what], what
    for what, weights in perturbed.items():
        away = [abs(a / b - 1) for a, b in zip(weights, plain[what], strict=True)]
        assert 5e-7 < max(away) < 1.2e-6, what  # float32 rounds by up to 6e-8
        assert sum(each > 0 for each in away) > 0.8 * len(away), what


# ---------------------------------------------------------------- nothing is left running


def gone(processes: list[psutil.Process]) -> bool:
    """Wait until all of these have ended; a minute means that they never will."""
    _, alive = psutil.wait_procs(processes, timeout=60)
    left = [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]
    for process in left:
        process.kill()
    return not left


def test_spinning_processes_keep_the_machine_busy_and_end_with_the_block() -> None:
    with pytest.raises(ZeroDivisionError), conditions.spinning() as spinners:  # noqa: PT012
        while conditions.share(spinners) == 0:
            time.sleep(0.05)
        assert all(spinner.is_running() for spinner in spinners)
        raise ZeroDivisionError
    assert len(spinners) == conditions.SPINNERS
    assert not any(spinner.is_running() for spinner in spinners)


BUSY = """
import signal, sys
from tools import conditions, portable
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell lets what it runs in the background ignore it
conditions.ask = lambda root, env: {}
portable.main(["--root", sys.argv[1], "--no-tests", "--conditions", "busy"])
"""


@pytest.mark.skipif(os.name != "posix", reason="this system has no signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_is_stopped_leaves_neither_spinners_nor_kernels(tmp_path: Path, number: int) -> None:
    started = tmp_path / "started"
    root = checkout(tmp_path, f"open({str(started)!r}, 'w').close()\nimport time\ntime.sleep(600)", "time.sleep(600)")
    run = psutil.Popen([sys.executable, "-c", BUSY, str(root)], cwd=ROOT)
    while not started.exists():
        assert run.poll() is None, "it ended before the first cell had run"
        time.sleep(0.05)
    children = run.children(recursive=True)
    assert len(children) >= conditions.SPINNERS + 1
    run.send_signal(number)
    assert gone([run, *children])
