"""Run an answer so that nothing it does outlives the check: it may print, raise, exit or loop, and the kernel goes on.

Not stopped, because no Python code can: a single call into C that never returns, memory filled in one stroke, a crash
of the interpreter. Where there are no timer signals (Windows, threads, the browser), a trace function watches the
clock instead; there, a loop that also swallows every exception goes on.
"""

import builtins
import contextlib
import dis
import functools
import gc
import io
import linecache
import os
import random
import re
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from types import CodeType, FrameType, TracebackType
from typing import Any, NamedTuple

OURS = os.path.dirname(__file__)
TIME_LIMIT = 2.0  # seconds for all calls of one check together
IMPORT_LIMIT = 60.0  # seconds for a module that an answer imports
REPEAT = 0.05  # seconds until the next try, where an answer swallows the first stop


class Failure(NamedTuple):
    """An exception that came out of an answer: its type, its words, and where in the answer it was."""

    kind: str
    words: str
    place: str  # " in line 2 of your function:" and that line, or nothing


class TimeUp(BaseException):
    """The time for a check is over; not an Exception, so that ``except Exception`` in an answer lets it through."""


class Capture(io.StringIO):
    """Holds back what an answer prints, up to a limit."""

    limit = 2000

    def write(self, text: str) -> int:
        """Keep the text while there is room."""
        if self.tell() < self.limit:
            super().write(text[: self.limit])
        return len(text)

    def close(self) -> None:
        """Stay open: an answer may close what it prints to, and what it printed is read afterwards."""


@contextlib.contextmanager
def sandbox() -> Iterator[Capture]:
    """Hold back printing, and put back afterwards whatever an answer may have changed in the process."""
    printed = Capture()
    with contextlib.ExitStack() as stack:
        stack.callback(sys.setrecursionlimit, sys.getrecursionlimit())
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        for keep in (_swapped, _keep_random, _keep_numpy):
            stack.enter_context(keep())
        stack.enter_context(contextlib.redirect_stdout(printed))
        stack.enter_context(contextlib.redirect_stderr(printed))
        yield printed


def attempt(call: Callable[[], Any], deadline: float, code: CodeType | None) -> tuple[Any, Failure | None]:
    """Call, and return (value, None) or (None, failure).

    Args:
        call: Calls the answer.
        deadline: When to stop, on the clock of ``time.monotonic``.
        code: The code object of the answer, which tells its lines from ours.
    """
    try:
        return _timed(call, deadline), None
    except BaseException as error:  # SystemExit and KeyboardInterrupt too: they end the answer, not the kernel
        return None, Failure(type_name(error), _words(error), _place(sys.exc_info()[2], code))


def load(code: CodeType | None) -> None:
    """Import what an answer imports, before its clock starts: the first import of torch takes longer than a check.

    What cannot be imported is left to the answer, which then fails in its own line.
    """
    inner = [code] if code is not None else []
    for each in inner:  # it grows
        inner += [constant for constant in each.co_consts if isinstance(constant, CodeType)]
        for instruction in dis.get_instructions(each):
            if instruction.opname == "IMPORT_NAME" and instruction.argval not in sys.modules:
                attempt(functools.partial(__import__, instruction.argval), time.monotonic() + IMPORT_LIMIT, None)


def type_name(value: Any) -> str:
    """Return the name of a value's type, past whatever a class of the learner's own says when it is asked.

    Example:
        >>> type_name(0.5)
        'float'
    """
    return str(type.__dict__["__name__"].__get__(type(value)))


def _timed(call: Callable[[], Any], deadline: float) -> Any:
    timer = threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer")
    if timer and sys.platform != "emscripten":
        return _timed_by_signal(call, deadline)
    return _timed_by_trace(call, deadline)


def _timed_by_signal(call: Callable[[], Any], deadline: float) -> Any:
    this, started, trace = sys._getframe(), time.monotonic(), sys.gettrace()

    def stop(signum: int, frame: FrameType | None) -> None:
        lost = frame is not None and _swallows(frame)
        while frame is not None and frame is not this:  # raise again at the next line, should this one be swallowed
            if not _swallows(frame):
                frame.f_trace = _raise_at_line
            frame = frame.f_back
        sys.settrace(_no_trace)
        if not lost:
            raise TimeUp

    handler = signal.signal(signal.SIGALRM, stop)
    earlier = signal.setitimer(signal.ITIMER_REAL, max(deadline - started, 0.001), REPEAT)
    try:
        try:
            return call()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)  # again: the alarm may have come just before the line above
        sys.settrace(trace)
        signal.signal(signal.SIGALRM, handler)
        if earlier[0]:
            signal.setitimer(signal.ITIMER_REAL, max(earlier[0] - (time.monotonic() - started), 0.001), earlier[1])


def _no_trace(frame: FrameType, event: str, arg: Any) -> None:
    return None


def _raise_at_line(frame: FrameType, event: str, arg: Any) -> Any:
    if event == "line":
        raise TimeUp
    return _raise_at_line


def _timed_by_trace(call: Callable[[], Any], deadline: float) -> Any:
    earlier = sys.gettrace()

    def watch(frame: FrameType, event: str, arg: Any) -> Any:
        if time.monotonic() > deadline and not _swallows(frame):
            raise TimeUp
        if frame.f_code.co_filename.startswith(OURS):  # arrays and tools end by themselves, and would be slow
            return None
        frame.f_trace_opcodes = True  # `while True: pass` on one line never reaches another line
        return watch

    sys.settrace(watch)
    try:
        return call()
    finally:
        sys.settrace(earlier)


def _swallows(frame: FrameType) -> bool:
    """Say whether Python would print, and not hand on, what is raised here: in what the garbage collector calls."""
    if frame.f_code.co_name == "__del__":
        return True
    return any(frame.f_code is getattr(callback, "__code__", None) for callback in gc.callbacks)


# ---------------------------------------------------------------- what is put back


@contextlib.contextmanager
def _swapped() -> Iterator[None]:
    """Answer questions with an exception, and turn every way to end the process into one."""

    def no_input(*args: Any) -> Any:
        raise EOFError("input() has nobody to ask during a check")

    def no_exit(*args: Any) -> Any:
        raise SystemExit

    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    wanted = [
        (builtins, "input", no_input),
        (os, "_exit", no_exit),
        (os, "abort", no_exit),
        (shell, "ask_exit", no_exit),
    ]
    swaps = [(owner, name, getattr(owner, name), new) for owner, name, new in wanted if hasattr(owner, name)]
    stdin, sys.stdin = sys.stdin, io.StringIO()
    for owner, name, _, new in swaps:
        setattr(owner, name, new)
    try:
        yield
    finally:
        sys.stdin = stdin
        for owner, name, old, _ in swaps:
            setattr(owner, name, old)


@contextlib.contextmanager
def _keep_random() -> Iterator[None]:
    """Put back the states of the random generators that are loaded."""
    state = random.getstate()
    numpy_random = sys.modules.get("numpy.random")
    numpy_state = numpy_random.get_state() if numpy_random else None
    torch = sys.modules.get("torch")
    torch_state = torch.get_rng_state() if torch and hasattr(torch, "get_rng_state") else None
    try:
        yield
    finally:
        random.setstate(state)
        if numpy_random:
            numpy_random.set_state(numpy_state)
        if torch_state is not None and torch is not None:
            torch.set_rng_state(torch_state)


@contextlib.contextmanager
def _keep_numpy() -> Iterator[None]:
    """Keep NumPy quiet about overflow and NaN, and put back its settings."""
    numpy = sys.modules.get("numpy")
    with numpy.errstate(all="ignore") if numpy and hasattr(numpy, "errstate") else contextlib.nullcontext():
        yield


# ---------------------------------------------------------------- what went wrong, and where


def _words(error: BaseException) -> str:
    """Return the words of an exception on one line, without addresses, cut to a readable length."""
    try:
        words = " ".join(_timed(lambda: str(error), time.monotonic() + REPEAT).split())
    except BaseException:  # an exception of the learner's own may break here too
        return ""
    words = re.sub(r"0x[0-9a-fA-F]+", "0x…", words)
    return words if len(words) <= 200 else words[:199] + "…"


def _place(traceback: TracebackType | None, code: CodeType | None) -> str:
    """Say the last line of the answer (or of a helper written beside it) that the exception went through."""
    found = None
    while traceback is not None:
        if code is not None and traceback.tb_frame.f_code.co_filename == code.co_filename:
            found = traceback.tb_lineno, traceback.tb_frame
        traceback = traceback.tb_next
    if found is None or code is None:
        return ""
    number, frame = found
    helper = frame.f_code is not code and not frame.f_code.co_name.startswith("<")
    first, owner = (
        (frame.f_code.co_firstlineno, frame.f_code.co_name) if helper else (code.co_firstlineno, "your function")
    )
    try:
        source = linecache.getline(code.co_filename, number, frame.f_globals).strip()[:120]
    except Exception:  # the loader of the learner's module may break
        source = ""
    return f" in line {number - first + 1} of {owner}" + (f":\n    {source}" if source else ".")
