"""Plant bugs in a copy of the NumPy core, one at a time, and see whether the tests catch each.

``python tests/from_scratch/planted_bugs.py`` prints the list. A bug is a piece of source inside a named function, and
what stands there instead. A piece that is no longer in the source is an error, so that the list keeps up with the code.
The tests that compare with torch stay out: the others must be enough.
"""

import multiprocessing
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn

import hypothesis  # noqa: F401  # what the tests need, before the processes fork
import numpy  # noqa: F401
import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
ROOM = Path("lstm_lib/from_scratch")
NAMES = ("__init__", "_table", "_door", "_fast", "cells", "checks", "layers")
MODULES = ("lstm_lib/__init__.py", "lstm_lib/_array.py", *(f"{ROOM}/{name}.py" for name in NAMES))
TESTS = ("test_cells.py", "test_layers.py", "test_checks.py")


class Bug(NamedTuple):
    """What is wrong, in which module and function, and the source before and after."""

    what: str
    module: str
    function: str
    old: str
    new: str


BUGS = (
    # the readable cells
    Bug("gates unpacked as i, f, o, g", "cells", "lstm_step", "a_i, a_f, a_g, a_o = ", "a_i, a_f, a_o, a_g = "),
    Bug("no tanh around the memory", "cells", "lstm_step", "o * np.tanh(c)", "o * c"),
    Bug("sigmoid for the candidate", "cells", "lstm_step", "np.tanh(a_g)", "sigmoid(a_g)"),
    Bug("the drawn use gate in the standard cell", "cells", "lstm_step", "o * np.tanh(c)", "o * np.tanh(kept)"),
    Bug("the standard use gate in the drawn cell", "cells", "drawn_step", "np.tanh(kept @", "np.tanh(c @"),
    Bug("h and c swapped in the new state", "cells", "lstm_step", "LSTMState(h, c)", "LSTMState(c, h)"),
    Bug("x before h in z", "cells", "lstm_step", "[state.h, x]", "[x, state.h]"),
    Bug("no bias", "cells", "lstm_step", "z @ W.T + b", "z @ W.T + 0 * b"),
    Bug("the state changed in place", "cells", "lstm_step", "f * c_prev ", "np.multiply(f, c_prev, out=c_prev) "),
    Bug("no bias in the drawn use gate", "cells", "drawn_step", "params.W_u.T + params.b_u", "params.W_u.T"),
    Bug("W_u the other way round", "cells", "drawn_step", "params.W_u.T", "params.W_u"),
    Bug("the gradient that comes in by c dropped", "cells", "lstm_step_backward", "dstate.c + dstate.h", "dstate.h"),
    Bug("the gradient through h to c dropped", "cells", "lstm_step_backward", " + dstate.h * o * (1 - u**2)", ""),
    Bug("σ' without its second factor", "cells", "lstm_step_backward", "di * i * (1 - i)", "di * i"),
    Bug("σ' for the candidate", "cells", "lstm_step_backward", "dg * (1 - g**2)", "dg * g * (1 - g)"),
    Bug("the memory's gradient not forgotten", "cells", "lstm_step_backward", "dc * f)", "dc)"),
    Bug("the new memory instead of the old", "cells", "lstm_step_backward", "dc * c_prev", "dc * c"),
    Bug("the drawn cell's path through W_u dropped", "cells", "drawn_step_backward", " + da_u @ params.W_u", ""),
    Bug(
        "W_u's gradient from the new memory", "cells", "drawn_step_backward",
        "da_u.T @ kept",
        "da_u.T @ (kept + i * g)",
    ),
    Bug("the RNN's tanh' of the pre-activation", "cells", "rnn_step_backward", "tape.h**2", "np.arctanh(tape.h) ** 2"),
    Bug("the forget bias on the input gate", "cells", "init_lstm", "b[1] =", "b[0] ="),
    Bug(
        "float64 whatever was asked for", "cells", "init_lstm",
        "np.zeros((4, hidden_size), dtype)",
        "np.zeros((4, hidden_size))",
    ),
    # the loop over time
    Bug("gradients of the parameters of one step only", "layers", "unroll_backward", "t + d for", "d for"),
    Bug("the gradients of x in reverse", "layers", "unroll_backward", "dxs[::-1]", "dxs"),
    Bug("dh one step off", "layers", "unroll_backward", "dhs[::-1]", "np.roll(dhs, 1, axis=0)[::-1]"),
    Bug("a clamped gate keeps its gradient", "layers", "_unclamp", "dparams.W[gates.index(gate)] = 0", "pass"),
    Bug("a clamped gate still reads z", "layers", "_clamp", "W[gates.index(gate)] = 0", "pass"),
    Bug(
        "the clamp changes the caller's weights", "layers", "_clamp",
        "params.W.copy(), params.b.copy()",
        "params.W, params.b",
    ),
    Bug("x's gradient also when not wanted", "layers", "backward", "steps, need_dx and not", "steps, not"),
    # the fast path
    Bug("halves folded into all gates", "_fast", "_gate_weights", "stacked[1:] *= 0.5", "stacked *= 0.5"),
    Bug("two gates exchanged", "_fast", "lstm_forward", "multiply(o, u, h)", "multiply(f_and_i[len(h):], u, h)"),
    Bug("no tanh around the memory, fast", "_fast", "lstm_forward", "tanh(c, u)", "np.copyto(u, c)"),
    Bug("the drawn use gate in the fast standard cell", "_fast", "lstm_forward", "tanh(c, u)", "tanh(kept, u)"),
    Bug(
        "the standard use gate in the fast drawn cell", "_fast", "drawn_forward",
        "params.W_u, kept, u",
        "params.W_u, c, u",
    ),
    Bug("no bias, fast", "_fast", "_fill_inputs", "Z[:, width:] = 1", "Z[:, width:] = 0"),
    Bug("x one step late", "_fast", "_fill_inputs", "xs.transpose(0, 2, 1)", "np.roll(xs.transpose(0, 2, 1), 1, 0)"),
    Bug("token numbers in 8 bits", "_fast", "_fill_inputs", "xs.astype(np.intp)", "xs"),
    Bug("tanh' with the wrong sign", "_fast", "_factors", "1 - u * u", "1 + u * u"),
    Bug("forget's gradient from the candidate", "_fast", "_factors", "slopes[:, 0], c_prev", "slopes[:, 0], g"),
    Bug(
        "the memory's gradient lost between steps", "_fast", "lstm_backward",
        "add(dc_here, dc_next, dc)",
        "np.copyto(dc, dc_here)",
    ),
    Bug(
        "the memory's gradient lost between steps, drawn", "_fast", "drawn_backward",
        "add(dkept, dc, dkept)",
        "pass",
    ),
    Bug("the recurrent gradient lost", "_fast", "lstm_backward", "dot(W_h, da, dh_next)", "dh_next[...] = 0"),
    Bug("the recurrent gradient lost, RNN", "_fast", "rnn_backward", "dot(W_h, da, dh_next)", "dh_next[...] = 0"),
    Bug(
        "each block starts from the last state's gradient", "_fast", "lstm_backward",
        "K = _factors(memo, block)",
        "K, dc_next = _factors(memo, block), dstate.c.T",
    ),
    Bug("a block's last gradient overwritten by the next", "_fast", "lstm_backward", "dc_next.copy()", "dc_next"),
    Bug("the same, drawn", "_fast", "drawn_backward", "dc.copy()", "dc"),
    Bug("a last short block loses its steps", "_fast", "_blocks", "max(0, end - steps)", "end - steps"),
    Bug("∂W pairs ∂a with the h after it", "_fast", "_weight_gradient", "Z[:T, :width]", "Z[1:, :width]"),
    Bug(
        "∂W with the forget and the input gate exchanged", "_fast", "_factors",
        "slopes[:, 0], c_prev, K[:, 2]",
        "slopes[:, 0], c_prev, K[:, 1]",
    ),
    Bug(
        "the caller's dhs used as room to work", "_fast", "_feature_major",
        'np.array(dhs.swapaxes(-1, -2), order="C")',
        "dhs.swapaxes(-1, -2)",
    ),
    Bug(
        "the outputs share the run's memory", "_fast", "_time_major",
        'np.array(rows.transpose(0, 2, 1), order="C")',
        "rows.transpose(0, 2, 1)",
    ),
    Bug("float64 inside, whatever came", "_fast", "_carve", "// size, dtype)", "// size)"),
    Bug("the last memory's gradient ignored", "_fast", "lstm_backward", "dstate.c.T", "0 * dstate.c.T"),
    Bug(
        "the last state's gradient ignored, RNN", "_fast", "rnn_backward",
        "_feature_major(dstate.h)",
        "0 * _feature_major(dstate.h)",
    ),
    Bug("gates shown in another order", "_fast", "gates", "(i, f, g, o,", "(f, i, g, o,"),
    # the door
    Bug("tokens equal to D let through", "_door", "expect_sequence", "xs.max() >= D", "xs.max() > D"),
    Bug("mixed dtypes let through", "_door", "expect_one_dtype", "len(seen) > 1", "len(seen) > 9"),
    Bug("an empty sequence let through", "_door", "expect_sequence", " or 0 in xs.shape[:2]", ""),
    Bug(
        "the first bad number not the first", "_door", "expect_finite",
        "np.argwhere(~finite)[0]",
        "np.argwhere(~finite)[-1]",
    ),
    # the checks
    Bug("a check that is off in the ninth digit", "checks", "vjp_error", "- terms.sum()", "- terms.sum() * (1 + 1e-9)"),
    Bug(
        "a difference instead of the complex step", "checks", "complex_step",
        "np.imag(function(at + 1j * STEP * direction)) / STEP",
        "(function(at + 1e-6 * direction) - function(at)) / 1e-6",
    ),
)


def plant(bug: Bug, source: str) -> str:
    """Return the source with the bug in it; raise a LookupError if its place is no longer there."""
    start = source.find(f"def {bug.function}(")
    if start < 0:
        raise LookupError(f"{bug.what}: {bug.module}.py has no function {bug.function}")
    end = source.find("\n\n\n", start)
    body = source[start : end if end > 0 else len(source)]
    if bug.old not in body:
        raise LookupError(f"{bug.what}: {bug.function} in {bug.module}.py no longer contains {bug.old!r}")
    return source[:start] + body.replace(bug.old, bug.new, 1) + source[start + len(body) :]


def copy_tests(folder: Path) -> None:
    """Copy the tests into a new folder, without the settings of the checkout; all bugs share it."""
    folder.mkdir()
    (folder / "pytest.ini").write_text("[pytest]\naddopts =\n", encoding="utf-8")
    for test in TESTS:
        shutil.copy(ROOT / "tests" / "from_scratch" / test, folder)


def copy_core(folder: Path, bug: Bug | None) -> None:
    """Copy the core into a folder, with a bug or without."""
    (folder / ROOM).mkdir(parents=True)
    for module in MODULES:
        shutil.copy(ROOT / module, folder / module)
    if bug:
        path = folder / ROOM / f"{bug.module}.py"
        path.write_text(plant(bug, path.read_text(encoding="utf-8")), encoding="utf-8")


def run_tests(core: Path, tests: Path, printed: Path) -> NoReturn:
    """Run the tests of a folder on the core in another, print into a file, and end with pytest's exit status."""
    with printed.open("w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.chdir(tests)
    sys.path.insert(0, str(core))
    options = ("-x", "-q", "--tb=no", "--assert=plain", "-p", "no:cacheprovider", "-k", "not torch")
    sys.exit(pytest.main([*options, *TESTS]))


def results(bugs: Sequence[Bug | None]) -> Iterator[tuple[int, str]]:
    """Yield, for each bug, pytest's exit status and the last lines that it printed.

    Each runs in a process of its own, two at a time: forks, where the system has them, since NumPy and pytest then
    are there already.
    """
    context = multiprocessing.get_context("fork" if hasattr(os, "fork") else "spawn")
    with tempfile.TemporaryDirectory() as name:
        tests = Path(name, "tests")
        copy_tests(tests)
        for first in range(0, len(bugs), 2):
            running = []
            for number, bug in enumerate(bugs[first : first + 2], first):
                core = Path(name, f"core{number}")
                copy_core(core, bug)
                process = context.Process(target=run_tests, args=(core, tests, core / "printed.txt"))
                process.start()
                running.append((process, core))
            for process, core in running:
                process.join()
                yield process.exitcode, (core / "printed.txt").read_text(encoding="utf-8").strip()[-300:]


def main() -> int:
    """Print every bug with what caught it; return the number that got away."""
    os.environ |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "OPENBLAS_NUM_THREADS": "1"}
    (status, output), *found = results([None, *BUGS])
    if status != 0:
        raise RuntimeError(f"the tests fail without any bug:\n{output}")
    missed = 0
    for bug, (status, output) in zip(BUGS, found, strict=True):
        caught = status == 1  # tests ran and failed; any other status is a broken copy, not a caught bug
        missed += not caught
        test = output.split("FAILED ")[-1].split("\n")[0].split("::")[-1] if caught else output
        print(f"{'caught' if caught else 'MISSED'}  {bug.module}.{bug.function}: {bug.what}\n        by {test}")
    print(f"{len(BUGS) - missed} of {len(BUGS)} planted bugs caught")
    return missed


if __name__ == "__main__":
    sys.exit(main())
