"""A check survives whatever it is handed, says what is wrong, and leaves the process as it was."""

import builtins
import decimal
import fractions
import functools
import gc
import os
import random
import signal
import subprocess
import sys
import threading
import time
import warnings

import numpy as np
import pytest
import torch

from lstm_lib.exercises import EXERCISES, _numbers, _sandbox, dot, sigmoid, tanh

FORGET = EXERCISES["forget-gate"]
HALF_LIFE = EXERCISES["bias-half-life"]
CLOCK = EXERCISES["which-clock"]


def right(z, c_prev, W_f, b_f):
    return sigmoid(dot(W_f, z) + b_f) * c_prev


def raises(error):
    def answer(z, c_prev, W_f, b_f):
        raise error

    return answer


class Nasty:
    """Breaks wherever it is looked at."""

    def __getattr__(self, name):
        raise RuntimeError("no " + name)

    def __repr__(self):
        raise RuntimeError

    def __eq__(self, other):
        raise RuntimeError

    __hash__ = None

    def __float__(self):
        raise RuntimeError

    def __iter__(self):
        raise RuntimeError


class BrokenError(Exception):
    def __str__(self):
        raise RuntimeError


class LoopingError(Exception):
    def __str__(self):
        while True:
            pass


class LyingMeta(type):
    """A class of such a class breaks when it is asked for its name."""

    @property
    def __name__(cls):
        raise RuntimeError


class Nameless(metaclass=LyingMeta):
    pass


class NamelessError(Exception, metaclass=LyingMeta):
    @property
    def __traceback__(self):
        raise RuntimeError


class StubbornText(str):
    """A text that breaks wherever it is looked at."""

    def __str__(self):
        raise RuntimeError

    __repr__ = __len__ = __str__
    __eq__ = __getitem__ = strip = lambda self, *args: self.missing
    __hash__ = None


class FourGates:
    def __call__(self, z, c_prev, W_f, b_f):
        return right(z, c_prev, W_f, b_f)

    def method(self, z, c_prev, W_f, b_f):
        return right(z, c_prev, W_f, b_f)


def generator(z, c_prev, W_f, b_f):
    yield right(z, c_prev, W_f, b_f)


async def coroutine(z, c_prev, W_f, b_f):
    return right(z, c_prev, W_f, b_f)


def recursive(z, c_prev, W_f, b_f):
    return recursive(z, c_prev, W_f, b_f)


def self_holding(z, c_prev, W_f, b_f):
    result = []
    result.append(result)
    return result


def printing(z, c_prev, W_f, b_f):
    print("hello\n" * 10_000)
    print("to stderr", file=sys.stderr)
    return 0.5


def asking(z, c_prev, W_f, b_f):
    return float(input("a number, please"))


HOSTILE_FUNCTIONS = {
    "Exception": raises(ValueError("wrong")),
    "SystemExit": raises(SystemExit(3)),
    "KeyboardInterrupt": raises(KeyboardInterrupt()),
    "GeneratorExit": raises(GeneratorExit()),
    "MemoryError": raises(MemoryError()),
    "BaseException": raises(BaseException("bare")),
    "BrokenError": raises(BrokenError()),
    "LoopingError": raises(LoopingError()),
    "NamelessError": raises(NamelessError()),
    "StopIteration": raises(StopIteration()),
    "ExceptionGroup": raises(BaseExceptionGroup("several", [KeyboardInterrupt()])),
    "not an exception": raises(None),
    "sys.exit": lambda *args: sys.exit(1),
    "os._exit": lambda *args: os._exit(1),
    "os.abort": lambda *args: os.abort(),
    "recursion": recursive,
    "generator": generator,
    "coroutine": coroutine,
    "no arguments": lambda: 1.0,
    "too many arguments": lambda a, b, c, d, e: 1.0,
    "keyword-only": lambda *, z: z,
    "a type": dict,
    "a built-in": len,
    "print": print,
    "a ufunc": np.tanh,
    "None": lambda *args: None,
    "nan": lambda *args: float("nan"),
    "inf": lambda *args: float("-inf"),
    "a string": lambda *args: "0.5",
    "bytes": lambda *args: b"0.5",
    "a complex number": lambda *args: 1j,
    "True": lambda *args: True,
    "a huge integer": lambda *args: 10**1000,
    "a huge list": lambda *args: [0.0] * 10**6,
    "a deep list": lambda *args: functools.reduce(lambda a, _: [a], range(500), 1.0),
    "a huge array": lambda *args: np.zeros((2000, 2000)),
    "a huge string": lambda *args: "x" * 10**7,
    "an object array": lambda *args: np.array([None, "a"], dtype=object),
    "an empty list": lambda *args: [],
    "an empty array": lambda *args: np.zeros((0, 3)),
    "a dictionary": lambda *args: {"kept": 1},
    "a set": lambda *args: {1.0, 2.0},
    "a function": lambda *args: right,
    "a class": lambda *args: Nasty,
    "nasty": lambda *args: Nasty(),
    "nameless": lambda *args: Nameless(),
    "a list of nasty": lambda *args: [Nasty()],
    "itself": self_holding,
    "ragged": lambda *args: [[1.0], [1.0, 2.0]],
    "NotImplemented": lambda *args: NotImplemented,
    "printing": printing,
    "asking": asking,
    "spoiling": lambda z, c_prev, W_f, b_f: z.clear(),
    "spoiling with objects": lambda z, c_prev, W_f, b_f: z.__setitem__(0, Nasty()),
    "closing stdout": lambda *args: sys.stdout.close(),
    "stealing stdout": lambda *args: setattr(sys, "stdout", None),
}


@pytest.mark.parametrize("name", HOSTILE_FUNCTIONS)
def test_a_hostile_function_gets_a_verdict(name):
    for exercise in (FORGET, EXERCISES["lstm-step"], HALF_LIFE, CLOCK):
        verdict = exercise.check(HOSTILE_FUNCTIONS[name])
        assert not verdict.passed
        assert verdict.mistake is None
        assert 20 < len(verdict.message) < 1000
        assert "0x7" not in verdict.message


HOSTILE_VALUES = {
    "None": None,
    "an ellipsis": ...,
    "True": True,
    "nan": float("nan"),
    "a string": "0.5",
    "an empty string": "",
    "a huge string": "x" * 10**6,
    "bytes": b"1",
    "a list": [1, 2],
    "an array": np.zeros((3, 3)),
    "a tuple": (0, 73),
    "a dictionary": {"a": 1},
    "nasty": Nasty(),
    "nameless": Nameless(),
    "a stubborn text": StubbornText("0.5"),
    "NotImplemented": NotImplemented,
    "a module": random,
    "a complex number": 2j,
    "a huge integer": 10**1000,
    "a tensor": torch.zeros(2, 2),
}


@pytest.mark.parametrize("name", HOSTILE_VALUES)
def test_a_hostile_value_gets_a_verdict(name):
    for exercise in (FORGET, HALF_LIFE, CLOCK):
        verdict = exercise.check(HOSTILE_VALUES[name])
        assert not verdict.passed
        assert verdict.mistake is None
        assert 20 < len(verdict.message) < 1000


# ---------------------------------------------------------------- loops


def endless(z, c_prev, W_f, b_f):
    while True:
        pass


def endless_on_one_line(z, c_prev, W_f, b_f):
    while True: pass  # fmt: skip  # noqa: E701


def endless_and_stubborn(z, c_prev, W_f, b_f):
    while True:
        try:
            while True:
                pass
        except:  # noqa: E722
            pass


def endless_in_finally(z, c_prev, W_f, b_f):
    try:
        while True:
            pass
    finally:
        while True:
            time.sleep(10)


@pytest.mark.parametrize("answer", [endless, endless_on_one_line, endless_and_stubborn, endless_in_finally])
def test_an_endless_loop_is_stopped(answer, monkeypatch):
    monkeypatch.setattr(_sandbox, "TIME_LIMIT", 0.1)
    start = time.monotonic()
    verdict = FORGET.check(answer)
    assert time.monotonic() - start < 20  # it takes 0.1 to 0.5 s; the loop itself would never end
    assert "did not finish within 0.1 seconds" in verdict.message
    assert "in line" in verdict.message
    assert FORGET.check(right).passed


def test_an_endless_loop_is_stopped_without_signals(monkeypatch):
    monkeypatch.setattr(_sandbox, "TIME_LIMIT", 0.1)
    verdicts = []
    thread = threading.Thread(
        daemon=True,
        target=lambda: verdicts.extend(FORGET.check(a) for a in (endless, endless_on_one_line, right, recursive)),
    )
    thread.start()
    thread.join(timeout=60)
    assert not thread.is_alive()
    assert "did not finish" in verdicts[0].message
    assert "did not finish" in verdicts[1].message
    assert verdicts[2].passed
    assert "calls itself without end" in verdicts[3].message


ALONE = "LSTM_TEST_ALONE"


def endless_with_garbage(z, c_prev, W_f, b_f):
    while True:
        ring = []
        ring.append(ring)


@pytest.mark.parametrize("signals", [True, False])
def test_a_loop_is_stopped_outside_of_the_garbage_collector(monkeypatch, signals):
    """What is raised in a callback of the collector is printed and lost."""
    if not signals and ALONE not in os.environ:  # a thread that is not stopped would go on beside all other tests
        once_more = f"{__file__}::test_a_loop_is_stopped_outside_of_the_garbage_collector[False]"
        own = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", once_more]
        run = subprocess.run(command, env=own | {ALONE: "1"}, capture_output=True, text=True, timeout=300)
        assert run.returncode == 0, run.stdout
        return
    monkeypatch.setattr(_sandbox, "TIME_LIMIT", 0.1)
    verdicts, lost = [], []
    monkeypatch.setattr(sys, "unraisablehook", lost.append)

    def slow(phase, info):
        frame = sys._getframe()
        while frame is not None and frame.f_code is not endless_with_garbage.__code__:
            frame = frame.f_back
        time.sleep(0 if frame is None else 0.2)  # the time is up meanwhile

    def check():
        verdicts.append(FORGET.check(endless_with_garbage))

    gc.callbacks.append(slow)
    try:
        if signals:
            check()
        else:
            thread = threading.Thread(target=check, daemon=True)
            thread.start()
            thread.join(timeout=60)
    finally:
        gc.callbacks.remove(slow)
    assert "did not finish" in verdicts[0].message
    assert lost == []


def test_a_slow_but_finite_answer_passes():
    def slow(*args):
        time.sleep(0.01)
        return right(*args)

    assert FORGET.check(slow).passed


@pytest.mark.parametrize("where", ["in a function", "in a helper inside"])
def test_the_time_of_an_import_does_not_count(where, monkeypatch, tmp_path):
    name = f"slow_to_import_{where.count(' ')}"
    (tmp_path / f"{name}.py").write_text("import time\ntime.sleep(0.5)\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(_sandbox, "TIME_LIMIT", 0.2)
    scope = {"right": right}
    inside = f"import {name}" if where == "in a function" else f"def helper():\n        import {name}\n    helper()"
    exec(f"def answer(*args):\n    {inside}\n    return right(*args)", scope)
    assert FORGET.check(scope["answer"]).passed


def test_a_module_that_is_not_there_is_told():
    def answer(z, c_prev, W_f, b_f):
        import no_such_module

        return no_such_module.gate(z, c_prev, W_f, b_f)

    message = FORGET.check(answer).message
    assert "ModuleNotFoundError" in message
    assert "in line 2 of your function" in message


# ---------------------------------------------------------------- what stays as it was


def test_the_process_is_left_as_it_was():
    def meddling(z, c_prev, W_f, b_f):
        random.seed(1)
        np.random.seed(1)  # noqa: NPY002
        torch.manual_seed(1)
        np.seterr(all="raise")
        warnings.simplefilter("error")
        sys.setrecursionlimit(5000)
        sys.stdout = sys.stderr = None
        sys.settrace(None)
        return right(z, c_prev, W_f, b_f)

    def snapshot():
        return (
            random.getstate(),
            np.random.get_state()[1].tolist(),  # noqa: NPY002
            torch.get_rng_state().tolist(),
            np.geterr(),
            list(warnings.filters),
            sys.getrecursionlimit(),
            sys.stdout,
            sys.stderr,
            sys.stdin,
            builtins.input,
            os._exit,
            signal.getsignal(signal.SIGALRM),
            signal.getitimer(signal.ITIMER_REAL),
        )

    before = snapshot()
    for answer in (meddling, raises(SystemExit()), printing):
        FORGET.check(answer)
        assert snapshot() == before


def test_a_timer_that_was_running_goes_on():
    rang = []
    handler = signal.signal(signal.SIGALRM, lambda *args: rang.append(True))
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        assert FORGET.check(right).passed
        assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] <= 0.2
        time.sleep(0.3)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
    assert rang == [True]


def test_a_trace_function_goes_on():
    def trace(frame, event, arg):
        return None

    earlier = sys.gettrace()
    sys.settrace(trace)
    try:
        FORGET.check(right)
        assert sys.gettrace() is trace
    finally:
        sys.settrace(earlier)


def test_nothing_is_printed(capsys):
    FORGET.check(printing)
    assert capsys.readouterr() == ("", "")


# ---------------------------------------------------------------- what is said


def test_an_exception_shows_the_line_of_the_answer():
    def answer(z, c_prev, W_f, b_f):
        f = sigmoid(dot(W_f, z) + bias)  # noqa: F821
        return f * c_prev

    message = FORGET.check(answer).message
    assert "NameError: name 'bias' is not defined, in line 2 of your function" in message
    assert "f = sigmoid(dot(W_f, z) + bias)" in message
    assert "c_prev = " in message


def test_an_exception_inside_our_tools_shows_the_line_of_the_answer():
    message = FORGET.check(lambda z, c_prev, W_f, b_f: sigmoid(dot(W_f, c_prev) + b_f) * c_prev).message
    assert "ValueError: dot got 2 numbers and a number" in message
    assert "in line 1 of your function" in message


def test_an_unknown_failure_shows_input_got_and_expected():
    message = FORGET.check(lambda z, c_prev, W_f, b_f: 2.345 * right(z, c_prev, W_f, b_f)).message
    assert message.startswith("With z = [")
    for part in ("c_prev = ", "W_f = [", "b_f = ", "got ", "expected "):
        assert part in message


def test_parts_that_are_right_already_are_named():
    def answer(z, c_prev, W, b):
        h, c = EXERCISES["lstm-step"].solution(z, c_prev, W, b)
        return 2.345 * h, c

    assert "Right already: c." in EXERCISES["lstm-step"].check(answer).message


def test_what_an_answer_prints_is_shown_with_an_unknown_failure():
    def answer(z, c_prev, W_f, b_f):
        print("f is", 0.5)
        return 0.5

    assert "It printed: f is 0.5" in FORGET.check(answer).message


def test_an_answer_that_closes_what_it_prints_to_is_told_what_it_returns():
    def answer(z, c_prev, W_f, b_f):
        print("f is", 0.5)
        sys.stdout.close()
        return 0.5

    message = FORGET.check(answer).message
    assert "got 0.5, expected" in message
    assert "It printed: f is 0.5" in message


def test_a_change_of_an_input_to_what_cannot_be_looked_at_is_still_a_change():
    def answer(z, c_prev, W_f, b_f):
        kept = right(z, c_prev, W_f, b_f)
        z[0:1] = [Nasty()] if isinstance(z, list) else 7.0
        return kept

    verdict = FORGET.check(answer)
    assert verdict.passed
    assert "changes its input z in place" in verdict.message


def test_wrong_arity_names_the_arguments():
    message = FORGET.check(lambda z, c: 1.0).message
    assert message == "Your function takes (z, c), expected 4 arguments: (z, c_prev, W_f, b_f)."


def test_a_call_in_the_place_of_a_function_is_explained():
    assert "without calling forget_gate" in FORGET.check(0.5).message


def test_a_missing_return_is_asked_for():
    assert "Is the return missing?" in FORGET.check(lambda *args: None).message


def test_an_answer_right_on_numbers_passes_and_is_told_what_else_it_could_take():
    import math

    def answer(z, c_prev, W_f, b_f):
        return c_prev / (1 + math.exp(-dot(W_f, z) - b_f))

    verdict = FORGET.check(answer)
    assert verdict.passed
    assert "with dot, sigmoid and tanh it would work on arrays too" in verdict.message


def test_an_answer_that_turns_dot_around_is_told_so():
    verdict = FORGET.check(lambda z, c_prev, W_f, b_f: sigmoid(dot(z, W_f) + b_f) * c_prev)
    assert verdict.passed
    assert "once dot has the weights first" in verdict.message


@pytest.mark.parametrize(
    ("answer", "advice"),
    [
        (lambda z, c_prev, W_f, b_f: sigmoid(sum(W_f * z) + b_f) * c_prev, "dot(W, z) multiplies pair by pair"),
        (lambda z, c_prev, W_f, b_f: sigmoid(dot(W_f, z) + b_f) ^ 2, "a power with two stars: x ** 2"),
        (lambda z, c_prev, W_f, b_f: learn_gate(z) * c_prev, "what learn_gate did has to be written here again"),  # noqa: F821
    ],
)
def test_a_slip_whose_exception_does_not_tell_gets_advice(answer, advice):
    assert advice in FORGET.check(answer).message


NUMBERS = [exercise for exercise in EXERCISES.values() if exercise.kind == "numeric"]


@pytest.mark.parametrize("exercise", NUMBERS, ids=lambda exercise: exercise.id)
def test_a_wild_guess_is_not_answered_with_the_solution(exercise):
    whole = _numbers.whole(exercise.working)
    if len(whole) < 6:
        pytest.skip("too short to hide")
    asked = exercise.statement
    guesses = [0.5, 1, 2, 10, 14, 100, exercise.solution + 1, -exercise.solution, round(exercise.solution, 1)]
    for guess in guesses:
        message = exercise.check(guess).message
        assert whole not in message or whole in asked or exercise.check(guess).passed, message


def test_an_answer_in_numpy_passes():
    assert FORGET.check(lambda z, c_prev, W_f, b_f: c_prev / (1 + np.exp(-(z @ W_f.T + b_f)))).passed


def test_a_mistake_in_numpy_is_named():
    assert FORGET.check(lambda z, c_prev, W_f, b_f: np.tanh(z @ W_f.T + b_f) * c_prev).mistake == "tanh-for-sigmoid"


def test_a_mistake_in_plain_numbers_is_named():
    import math

    assert FORGET.check(lambda z, c, W_f, b_f: math.tanh(dot(W_f, z) + b_f) * c).mistake == "tanh-for-sigmoid"


def test_an_answer_in_torch_passes():
    def answer(z, c_prev, W_f, b_f):
        z, c_prev, W_f, b_f = (torch.as_tensor(each, dtype=torch.float64) for each in (z, c_prev, W_f, b_f))
        return torch.sigmoid(z @ W_f.T + b_f) * c_prev

    assert FORGET.check(answer).passed


@pytest.mark.parametrize(
    "answer",
    [
        FourGates(),
        FourGates().method,
        functools.partial(lambda extra, *args: right(*args), None),
        lambda *args: right(*args),
        lambda z, c_prev, W_f, b_f, unused=None: right(z, c_prev, W_f, b_f),
        lambda *args: (right(*args),),
        lambda *args: np.asarray(right(*args)).tolist(),
    ],
)
def test_right_answers_in_other_clothes_pass(answer):
    assert FORGET.check(answer).passed


@pytest.mark.parametrize("wrap", [list, tuple, np.array, lambda pair: dict(zip("hc", pair, strict=True))])
def test_a_pair_may_be_a_list_a_tuple_an_array_or_a_dictionary(wrap):
    assert EXERCISES["lstm-step"].check(lambda *args: wrap(EXERCISES["lstm-step"].solution(*args))).passed


def test_a_change_in_place_is_seen_on_arrays_too():
    def answer(f, c_prev, i, g):
        c_prev *= f
        c_prev += i * g
        return c_prev

    verdict = EXERCISES["remember-sum"].check(answer)
    assert verdict.passed
    assert "changes its input c_prev in place" in verdict.message


def test_a_list_that_is_used_up_is_seen():
    def answer(xs, h, w_h, w_x, b):
        hs = []
        while xs:
            h = tanh(w_h * h + w_x * xs.pop(0) + b)
            hs.append(h)
        return hs

    verdict = EXERCISES["rnn-run"].check(answer)
    assert verdict.passed
    assert "changes its input xs in place" in verdict.message


@pytest.mark.parametrize(
    "answer",
    [
        np.float32(2.4364),
        np.array(2.4364),
        np.array([2.4364]),
        [2.4364],
        decimal.Decimal("2.44"),
        fractions.Fraction(244, 100),
    ],
)
def test_numbers_in_other_clothes_pass(answer):
    assert HALF_LIFE.check(answer).passed


def test_a_number_as_text_is_answered_kindly():
    assert "without quotation marks" in HALF_LIFE.check("2.44").message


def test_a_decimal_comma_is_explained():
    assert HALF_LIFE.check((2, 44)).message.startswith("2,44 is read as 2.44. ")


def test_a_wrong_number_is_too_small_or_too_large():
    assert "too small" in HALF_LIFE.check(0.321).message
    assert "too large" in HALF_LIFE.check(64.321).message


def test_an_unknown_option_lists_the_options_and_a_near_one():
    message = CLOCK.check("gradient-lasts").message
    assert all(option in message for option in CLOCK.options)
    assert "Did you mean 'gradient-lasts-too'?" in message


def test_an_option_may_be_written_with_spaces_and_capitals():
    assert CLOCK.check(" Stores but hard to train ").passed
