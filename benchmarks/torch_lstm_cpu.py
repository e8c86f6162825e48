"""Compare and time LSTMs on a processor, in one command under ten minutes: ``python -m benchmarks.torch_lstm_cpu``.

Every contender is a process of its own, started anew in each round, and only one works at a time: at each case the
contenders take turns, in an order that moves on from round to round. A number is the median over rounds of the median
of a turn. Contenders: "native", torch's own module, twice (the two differ by nothing but noise); "without oneDNN", the
same with oneDNN switched off; "per step", the usual loop from scratch that autograd follows; "reference", "fused" and
"cpp", the backends of ``lstm_lib.nn.LSTM``. The other cells, which torch has not, run by the last three. "cpp" needs a
compiler, and is left out where there is none.

Cases: batches in float32 and float64, packed sequences with lengths uniform in [T/4, T] (for "per step" the padded
batch), projections to half of the units, tokens of a vocabulary with an embedding (torch's own embeds
first, as ``torch.nn.Embedding`` does), and "stream": one sequence, event by event, in T calls. "forward" has no
gradients, "both" those of weights and inputs. First every contender's numbers are compared ("error", as a share of an
array's largest entry), and its memory is measured ("peak_mib": by how much the process grows at most in one pass).

When all this is written, "auto" can choose by it, and is timed beside "native", and once more with "cpp" compiled
("auto with cpp"). The last rows hold the goals beside what came out. Measurements are kept as they come: ``--resume``
goes on with a run that was stopped. After ``BUDGET`` seconds no measurement is begun, and the last row says how many
were left out.
"""

import contextlib
import os
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import _record, _turns
from benchmarks.numpy_lstm import busy_seconds


class Case(NamedTuple):
    """What is computed: sizes, form, precision, projected units (0 for none), cell, tokens of a vocabulary (or 0)."""

    T: int
    B: int
    D: int
    H: int
    form: str = "batch"
    precision: str = "float32"
    proj: int = 0
    cell: str = "standard"
    vocabulary: int = 0


SIZES = [(50, 64, 500, 500), (100, 32, 64, 128), (100, 32, 2, 8), (25, 1, 65, 100), (50, 64, 128, 128)]
TOKENS = [((100, 32, 64, 128), 65), ((50, 64, 512, 128), 10_000)]  # characters, and words
CELLS = ("peephole", "coupled", "janet", "no-forget", "drawn", "layernorm")
CASES = [
    *(Case(*size) for size in SIZES),
    *(Case(*size, form="packed") for size in SIZES if size[1] > 1),
    *(Case(*size, precision="float64") for size in SIZES[1:]),
    *(Case(*size, proj=size[3] // 2) for size in SIZES[1:]),
    Case(100, 32, 64, 128, form="packed", precision="float64"),
    Case(100, 1, 65, 100, form="stream"),
    Case(25, 1, 256, 256, form="stream"),
    *(Case(*size, form=form, vocabulary=V) for size, V in TOKENS for form in ("batch", "packed")),
    *(Case(*size, cell=cell) for size in (SIZES[1], SIZES[3], SIZES[4]) for cell in CELLS),
]
QUICK = [
    Case(4, 3, 2, 8),
    Case(4, 3, 2, 8, form="packed"),
    Case(4, 3, 2, 8, precision="float64", proj=4),
    Case(4, 1, 2, 8, form="stream"),
    *(Case(4, 3, 2, 8, form=form, vocabulary=5) for form in ("batch", "packed")),
    *(Case(4, 3, 2, 8, cell=cell) for cell in CELLS),
]
NATIVE = "native"
AGAIN = "native again"
AUTO_CPP = "auto with cpp"
TOLERANCE = {"float32": 1e-4, "float64": 1e-11}
# Over 100 steps its norms enlarge any rounding: the readable loop's own float32 is off by 4e-4 from its float64.
TOLERANCE_OF_NORMS = {"float32": 4e-3, "float64": 1e-10}
ROUNDS = 3
SECONDS = 0.12  # a turn repeats its pass for about so long
LEAST = 3       # and so many times at least
BUDGET = 590.0  # seconds
LEAST_MIB = 0.1  # a pass that needs less says nothing of memory: these are a few pages of it
LOG = Path("runs/torch_lstm_cpu.jsonl")
GOALS: dict[str, str] = {
    "auto over native, lowest": "0.97 at least, beyond noise",
    "auto over native, packed": "1.5 at least",
    "auto over native, float64": "1.5 at least",
    "auto over native, projection": "1.5 at least",
    "auto over native, tokens": "1.5 at least",
    "fused over per step": "3 at least",
    "time of other cells in that of native, highest": "2.0 at most",
    "memory of fused in that of per step, highest": "0.7 at most",
    "auto with cpp over native, lowest": "0.97 at least, beyond noise",
    "auto with cpp over native, packed": "1.5 at least",
    "auto with cpp over native, float64": "1.5 at least",
    "auto with cpp over native, projection": "1.5 at least",
    "auto with cpp over native, tokens": "1.5 at least",
    "cpp over fused": "1.5 at least",
    "cpp over per step": "3 at least",
    "time of other cells by cpp in that of native, highest": "2.0 at most",
    "memory of cpp in that of per step, highest": "0.7 at most",
    "noise: native over native again, lowest and highest": "near 1",
}


KINDS: dict[str, Callable[[dict[str, Any]], bool]] = {
    "packed": lambda row: row["form"] == "packed" and not row["vocabulary"],
    "float64": lambda row: bool(row["precision"] == "float64"),
    "projection": lambda row: bool(row["proj"]),
    "tokens": lambda row: bool(row["vocabulary"]),
}


def contenders(case: Case) -> tuple[str, ...]:
    """Name those that compute a case.

    Example:
        >>> contenders(Case(4, 3, 2, 8, cell="janet"))
        ('reference', 'fused', 'cpp')
        >>> contenders(Case(4, 3, 2, 8, proj=4))
        ('native', 'native again', 'reference', 'fused', 'cpp')
    """
    if case.cell != "standard":
        return ("reference", "fused", "cpp")
    if case.vocabulary:
        return (NATIVE, AGAIN, "reference", "fused", "cpp")
    takes_onednn = case.form != "packed" and case.precision == "float32" and not case.proj
    others = ("without oneDNN",) * takes_onednn + ("per step",) * (not case.proj)
    return (NATIVE, AGAIN, *others, "reference", "fused", "cpp")


EVERY = (NATIVE, AGAIN, "without oneDNN", "per step", "reference", "fused", "cpp")
CHOICE = (NATIVE, "auto", AUTO_CPP, AGAIN)


# ---------------------------------------------------------------- in a child


def passes(rung: str, case: Case) -> dict[str, Callable[[], list[Any]]]:
    """Return the passes of a contender at a case, "forward" and "both"."""
    import torch
    from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

    from benchmarks import _ladder
    from lstm_lib.nn import ladder

    size, kind = case[:4], rung.removesuffix(" again").removesuffix(" with cpp")
    lstm, xs, dhs = _ladder.problem(size, dtype=getattr(torch, case.precision), proj_size=case.proj)
    by_torch = kind in (NATIVE, "without oneDNN", "per step")
    module: Any = lstm if by_torch else _ladder.like(lstm, kind, case.cell)
    run: Callable[..., Any] = ladder.per_step if kind == "per step" else _ladder.by_module
    if case.form == "stream":
        run = _one_by_one if kind == "per step" else _event_by_event
    elif case.vocabulary:
        run, xs, dhs = _of_tokens(case, xs, dhs, by_torch=by_torch)
    elif case.form == "packed" and kind == "per step":
        lengths = _ladder.draw_lengths(*size[:2])
        dhs = _ladder.pack(xs, dhs)[1]
        run = lambda lstm, xs: pack_padded_sequence(ladder.per_step(lstm, xs), lengths).data  # noqa: E731
    elif case.form == "packed":
        (xs, *order), dhs = _ladder.pack(xs, dhs)
        run = lambda lstm, rows: _ladder.by_module(lstm, PackedSequence(rows, *order))  # noqa: E731

    def forward() -> list[Any]:
        with torch.no_grad():
            return [run(module, xs)]

    return {"forward": forward, "both": _ladder.training_pass(run, module, xs, dhs)}


def _of_tokens(case: Case, xs: Any, dhs: Any, *, by_torch: bool) -> tuple[Callable[..., Any], Any, Any]:
    """Return a run over tokens, their embedding, which is what it is given, and the gradients of hs."""
    import torch
    import torch.nn.functional as F

    from benchmarks import _ladder

    torch.manual_seed(_ladder.SEED)
    tokens, E = torch.randint(case.vocabulary, xs.shape[:2]), torch.randn(case.vocabulary, case.D).to(xs.dtype)
    given: Any = tokens
    if case.form == "packed":
        dhs = _ladder.pack(xs, dhs)[1]
        given = torch.nn.utils.rnn.pack_padded_sequence(tokens, _ladder.draw_lengths(case.T, case.B))

    def run(lstm: Any, E: Any) -> Any:
        if not by_torch:
            hs = lstm(given, embedding=E)[0]
        else:
            embedded = F.embedding(tokens if given is tokens else given.data, E)
            hs = lstm(embedded if given is tokens else given._replace(data=embedded))[0]
        return hs if given is tokens else hs.data

    return run, E.requires_grad_(), dhs


def _event_by_event(lstm: Any, xs: Any) -> Any:
    """Give a module one event a call, and carry its state."""
    import torch

    state, hs = None, []
    for x in xs.split(1):
        h, state = lstm(x, state)
        hs.append(h)
    return torch.cat(hs)


def _one_by_one(lstm: Any, xs: Any) -> Any:
    """Do the same by the usual loop."""
    import torch
    import torch.nn.functional as F

    from lstm_lib.nn import ladder

    W_ih, W_hh, b_ih, b_hh = lstm.all_weights[0]
    h = c = xs.new_zeros(xs.shape[1], lstm.hidden_size)
    hs = []
    for x in xs:
        h, c = ladder.step(F.linear(x, W_ih, b_ih), h, c, W_hh, b_hh)
        hs.append(h)
    return torch.stack(hs)


def error(rung: str, case: Case) -> float:
    """Compare a contender's numbers with those of the readable loop, and the readable loop's with torch's."""
    from torch.nn.utils.rnn import pack_padded_sequence

    from benchmarks import _ladder

    other = NATIVE if rung == "reference" and case.cell == "standard" else "reference"
    what = "forward" if case.form == "stream" else "both"
    expected = passes(other, case)[what]()
    found = passes(rung, case)[what]()
    if case.form == "packed" and rung == "per step":
        found[1] = pack_padded_sequence(found[1], _ladder.draw_lengths(case.T, case.B)).data
    return _ladder.largest_error(found, expected)


def answer(rung: str, question: dict[str, Any]) -> dict[str, Any]:
    """Answer one question of the parent's: "error", "peak_mib", "chosen" or "ms"."""
    from benchmarks._clock import time_pass

    case, what = Case(*question["case"]), question["what"]
    if what == "error":
        return {what: error(rung, case)}
    if what == "chosen":
        return {what: _chosen(case, question["passes"])}
    run = passes(rung, case)[question["passes"]]
    if what == "peak_mib":
        run()
        return {what: _turns.peak_mib(run)}
    begun = time.process_time()
    ms = round(time_pass(run, question["seconds"], question["least"]), 4)
    return {what: ms, "worked": time.process_time() - begun}


def _chosen(case: Case, what: str) -> str:
    """Say which backend "auto" takes."""
    import torch

    from benchmarks import _ladder
    from lstm_lib import nn

    lstm, xs, dhs = _ladder.problem(case[:4], dtype=getattr(torch, case.precision), proj_size=case.proj)
    given: Any = _ladder.pack(xs, dhs)[0] if case.form == "packed" else xs
    told: Any = {}
    if case.vocabulary:
        told = {"embedding": torch.randn(case.vocabulary, case.D)}
        shape = given.data.shape[:-1] if case.form == "packed" else given.shape[:-1]
        tokens = torch.randint(case.vocabulary, shape)
        given = given._replace(data=tokens) if case.form == "packed" else tokens
    with torch.set_grad_enabled(what == "both"):
        return nn.explain(_ladder.like(lstm, "auto", case.cell), given, **told).backend


def child(rung: str) -> None:
    """Be one contender."""
    import torch

    if "cpp" in rung:
        from lstm_lib.nn import build_cpp

        build_cpp()
    off = torch.backends.mkldnn.flags(enabled=False) if rung == "without oneDNN" else contextlib.nullcontext()
    with off:
        _turns.serve(lambda question: answer(rung, question))


# ---------------------------------------------------------------- in the parent


class Plan(NamedTuple):
    """How much is measured, and when it must be over."""

    cases: Sequence[Case]
    rounds: int
    seconds: float
    least: int
    threads: int
    end: float


def measure(plan: Plan, log: _turns.Log, stage: str, names: Sequence[str]) -> int:
    """Let the contenders take turns for some rounds; return how many measurements no longer fitted the time."""
    left_out = 0
    for number in range(plan.rounds):
        with _turns.children("benchmarks.torch_lstm_cpu", names, plan.threads) as there:
            if number == 0:
                for what in ("error", "peak_mib") if stage == "all" else ("chosen",):
                    ask_once(plan, log, there, stage, what)
            busy, ours, start = busy_seconds(), 0.0, time.perf_counter()
            for case in plan.cases:
                for what in ("forward",) if case.form == "stream" else ("both", "forward"):
                    rungs = [name for name in names if "auto" in name or name in contenders(case)]
                    for rung in rungs[number % len(rungs) :] + rungs[: number % len(rungs)]:
                        key = {"stage": stage, "round": number, "case": list(case), "passes": what, "rung": rung}
                        if log.has(key):
                            continue
                        if time.perf_counter() > plan.end:
                            left_out += 1
                            continue
                        _turns.rest()
                        question = {"what": "ms", "seconds": plan.seconds, "least": plan.least} | key
                        found = there[rung].ask(question)
                        ours += found.pop("worked")
                        log.add(key | found)
            wall, others = time.perf_counter() - start, max(0.0, busy_seconds() - busy - ours)
        share = round(others / wall / (os.cpu_count() or 1), 3)
        log.add({"stage": stage, "round": number, "seconds": round(wall, 1), "others_share": share})
    return left_out


def ask_once(plan: Plan, log: _turns.Log, there: dict[str, _turns.Child], stage: str, what: str) -> None:
    """Ask for what does not change from round to round: the error, the memory, the choice of "auto".

    Raises:
        AssertionError: If a contender's numbers are wrong: nothing is timed then.
    """
    for case in plan.cases:
        for how in ("both", "forward") if what == "chosen" and case.form != "stream" else ("both",):
            how = "forward" if case.form == "stream" else how
            for rung in there if what == "chosen" else contenders(case):
                if rung not in there or (what == "chosen") != ("auto" in rung):
                    continue
                key = {"stage": stage, "case": list(case), "passes": how, "rung": rung}
                if any(what in row for row in log.rows if key.items() <= row.items()):
                    continue
                found = there[rung].ask({"what": what} | key)
                most = (TOLERANCE_OF_NORMS if case.cell == "layernorm" else TOLERANCE)[case.precision]
                if what == "error" and not found[what] < most:
                    raise AssertionError(f"got an error of {found[what]:.1e} by {rung} at {case}: nothing is timed")
                log.add(key | found)


# ---------------------------------------------------------------- rows


def rows_of(log: _turns.Log, threads: int) -> list[dict[str, Any]]:
    """Put the measurements together, a row for each case, pass and contender; then what the goals say."""
    groups: dict[tuple[Any, ...], dict[str, list[Any]]] = {}
    for entry in log.rows:
        if "case" in entry:
            key = (entry["stage"], Case(*entry["case"]), entry["passes"], entry["rung"])
            for what in ("ms", "error", "peak_mib", "chosen"):
                if what in entry:
                    groups.setdefault(key, {}).setdefault(what, []).append(entry[what])
    middle = {key: statistics.median(found["ms"]) for key, found in groups.items() if "ms" in found}
    rows = []
    for (stage, case, what, rung), found in groups.items():
        if "ms" not in found:
            continue
        native = middle.get((stage, case._replace(cell="standard"), what, NATIVE))
        row = {"what": "time" if stage == "all" else "auto"} | case._asdict() | {"passes": what, "rung": rung}
        times = found["ms"]
        row |= {"threads": threads, "median_ms": round(statistics.median(times), 4), "n": len(times)}
        row |= {"lowest_ms": min(times), "highest_ms": max(times)}
        row |= {"ratio_to_native": round(statistics.median(times) / native, 3) if native else None}
        rows.append(row | {what: values[0] for what, values in found.items() if what != "ms"})
    rounds = [{"what": "round"} | entry for entry in log.rows if "others_share" in entry]
    return [*rows, *rounds, *goals(rows)]


def goals(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Hold what came out beside the goals."""
    times = [row for row in rows if row["what"] == "time"]
    by = {(_key(row), row["rung"]): row for row in times}

    def over(one: str, other: str, column: str = "median_ms") -> list[float]:
        pairs = [(by[key, one], by[key, other]) for key, rung in by if rung == one and (key, other) in by]
        least = LEAST_MIB if column == "peak_mib" else 0.0
        return [a[column] / b[column] for a, b in pairs if a.get(column) and (b.get(column) or 0.0) > least]

    def of_others(rung: str) -> float | None:
        cells = [row["ratio_to_native"] for row in times if row["cell"] != "standard" and row["rung"] == rung]
        return max((ratio for ratio in cells if ratio), default=None)

    found: dict[str, Any] = {}
    for auto in ("auto", AUTO_CPP):
        chosen = [row for row in rows if row["what"] == "auto" and row["rung"] == auto and row["ratio_to_native"]]
        found[f"{auto} over native, lowest"] = min((1 / row["ratio_to_native"] for row in chosen), default=None)
        for what, asks in KINDS.items():
            found[f"{auto} over native, {what}"] = _mean([1 / row["ratio_to_native"] for row in chosen if asks(row)])
    noise = over(NATIVE, AGAIN)
    found |= {
        "fused over per step": _mean(over("per step", "fused")),
        "time of other cells in that of native, highest": of_others("fused"),
        "memory of fused in that of per step, highest": max(over("fused", "per step", "peak_mib"), default=None),
        "cpp over fused": _mean(over("fused", "cpp")),
        "cpp over per step": _mean(over("per step", "cpp")),
        "time of other cells by cpp in that of native, highest": of_others("cpp"),
        "memory of cpp in that of per step, highest": max(over("cpp", "per step", "peak_mib"), default=None),
        "noise: native over native again, lowest and highest": [round(min(noise), 3), round(max(noise), 3)]
        if noise
        else None,
    }
    rounded = {name: round(value, 3) if isinstance(value, float) else value for name, value in found.items()}
    return [{"what": "goal", "name": name, "goal": GOALS[name], "found": value} for name, value in rounded.items()]


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    return (*(row[name] for name in Case._fields), row["passes"])


def _mean(values: list[float]) -> float | None:
    return statistics.geometric_mean(values) if values else None


def write(log: _turns.Log, threads: int, **last: Any) -> None:
    """Write the record as far as it is."""
    rows = [*rows_of(log, threads), *([{"what": "end"} | last] if last else [])]
    _record.write("torch_lstm_cpu", rows, seeds=[0], packages=["numpy", "torch"])


def _compiles() -> bool:
    """Say whether "cpp" can take part; its children find it compiled."""
    from lstm_lib import nn

    try:
        nn.build_cpp()
    except RuntimeError as error:
        print(f"without cpp: {error}")
        return False
    return True


def main(arguments: list[str] | None = None) -> None:
    """Measure and write the results, or be a child."""
    title = "LSTMs on a processor: are the numbers right, how long do they take?"
    parser = _turns.options(title, LOG, rounds=ROUNDS, budget=BUDGET)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="about how long a turn repeats its pass")
    parser.add_argument("--log", type=Path, default=LOG, help="where measurements are kept as they come")
    options = parser.parse_args(arguments)
    if options.child:
        child(options.child)
        return
    cases, rounds, seconds = (QUICK, 1, 0.005) if options.quick else (CASES, options.rounds, options.seconds)
    start, writes = time.perf_counter(), not (options.quick or options.dry_run)
    plan = Plan(cases, rounds, seconds, LEAST, options.threads, start + options.budget)
    about = {"machine": _record.machine(), "threads": options.threads, "seconds": seconds}
    about |= {"versions": _record.versions(["numpy", "torch"])}
    log = _turns.Log(None if options.quick else options.log, about, resume=options.resume)
    has_cpp = _compiles()
    every, choice = ([name for name in names if has_cpp or "cpp" not in name] for names in (EVERY, CHOICE))
    left_out = measure(plan._replace(end=start + 0.75 * options.budget), log, "all", every)
    if writes:
        write(log, plan.threads)  # now "auto" can choose by it
    standard = plan._replace(cases=[case for case in cases if case.cell == "standard"])
    left_out += measure(standard, log, "auto", choice)
    for row in rows_of(log, plan.threads):
        print(*row.values())
    took = round(time.perf_counter() - start, 1)
    print(f"{took} seconds; {left_out} measurements did not fit the time and were left out")
    if writes:
        write(log, plan.threads, seconds=took, measurements_left_out=left_out)


if __name__ == "__main__":
    main()
