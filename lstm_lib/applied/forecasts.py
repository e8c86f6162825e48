"""Networks that foretell a column: what they are trained for, what they say, and the file that others can use.

Shapes: N rows, D columns, K steps ahead, T rows of a window, B questions.
"""

import copy
import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lstm_lib._array import Array
from lstm_lib.applied import models
from lstm_lib.applied.numerals import written
from lstm_lib.applied.series import CELLS, Plan, Series, answers, fill, in_order, rows_of, without_network
from lstm_lib.applied.tables import Table
from lstm_lib.nn import Tagger
from lstm_lib.training.export import build_of
from lstm_lib.training.losses import Objective

KIND = "series"


def _asked(scores: Tensor, ys: Tensor) -> Tensor:
    return scores[len(scores) - len(ys) :]


def _loss(scores: Tensor, batch: Any) -> Tensor:
    known = ~batch.ys.isnan()
    return (torch.where(known, _asked(scores, batch.ys) - batch.ys, 0.0) ** 2).sum()


def _expect_moves(scores: Any, batch: Any) -> None:
    if not isinstance(scores, Tensor) or _asked(scores, batch.ys).shape != batch.ys.shape:
        got = tuple(scores.shape) if isinstance(scores, Tensor) else f"a {type(scores).__name__}"
        T, K = len(batch.xs), batch.ys.shape[-1]
        raise ValueError(f"got scores of shape {got}, expected ({T}, {batch.xs.shape[1]}, {K}): one for each distance")


OBJECTIVE = Objective(
    parts={"xs": "T B D float", "ys": "S B K float"},
    loss=_loss,
    questions=lambda batch: int((~torch.as_tensor(batch.ys).isnan()).sum()),
    check=_expect_moves,
)


def network(plan: Plan, hidden: int = 32, *, seed: int = 0, **options: Any) -> Tagger:
    """Make a network of the right sizes; the seed decides its weights.

    Example:
        >>> network(Plan("y", ("x", "y"), 3, 8, (0.0,) * 2, (1.0,) * 2, (1.0,) * 3), 4).readout
        Linear(in_features=4, out_features=3, bias=True)
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return Tagger(len(plan.columns), hidden, plan.horizon, **options)


def foretell(model: torch.nn.Module, series: Series, part: str = "test") -> Array:
    """Ask a network after every row of a part: (B, K), in the target's units.

    Example:
        >>> from lstm_lib.applied.series import prepare
        >>> table = Table(("y",), np.sin(np.arange(200.0))[:, None], ("",) * 200, None, None, ())
        >>> series = prepare(table, "y", horizon=3)
        >>> foretell(network(series.plan), series).shape
        (18, 3)
    """
    place = next(model.parameters())
    said, was_training = [], model.training
    model.eval()
    with torch.no_grad():
        for batch in in_order(series, part):
            scores, _ = model(torch.as_tensor(batch.xs).to(place.device, place.dtype))
            said.append(scores[-1].double().cpu().numpy())
    model.train(was_training)
    return np.asarray(series.last[rows_of(series, part), None] + np.concatenate(said) * np.array(series.plan.moves))


# ---------------------------------------------------------------- a file that needs nothing but itself


def fold(model: Tagger, plan: Plan) -> Tagger:
    """Return the same network for numbers as the table has them: scaling becomes part of the weights.

    W·(x - mean) / scale + b is (W / scale)·x + (b - W·mean / scale); the readout's rows are multiplied by the moves.
    So the file can be used, and exported, by those who know nothing of the training part. Where numbers are large
    beside their spread, so is W·mean / scale, and float32 would lose digits of it: it is taken of the weights as they
    are rounded, and both biases share it, one what the other has lost. Computed in float64, nothing is lost then.

    Raises:
        ValueError: If the network normalises its inputs itself.

    Example:
        >>> plan = Plan("y", ("y",), 1, 8, (100.0,), (5.0,), (2.0,))
        >>> model = network(plan, 4)
        >>> y = torch.tensor([103.0, 99.0, 104.0])[:, None, None]
        >>> torch.allclose(fold(model, plan)(y)[0], 2 * model((y - 100) / 5)[0], atol=1e-5)
        True
    """
    if model.lstm.cell not in CELLS:
        raise ValueError(f"got cell {model.lstm.cell!r}, expected one of {', '.join(CELLS)}")
    build = build_of(model)
    if build is None:
        raise ValueError(f"got a {type(model).__name__} that the library cannot build, expected a Tagger")
    folded = Tagger(**build["arguments"])
    state = {name: value.detach().cpu().double() for name, value in model.state_dict().items()}
    mean, scale, moves = (torch.tensor(part, dtype=torch.float64) for part in (plan.mean, plan.scale, plan.moves))
    W = (state["lstm.weight_ih_l0"] / scale).float().double()
    b = state["lstm.bias_ih_l0"] + state["lstm.bias_hh_l0"] - W @ mean
    state |= {"lstm.weight_ih_l0": W, "lstm.bias_ih_l0": b.float(), "lstm.bias_hh_l0": (b - b.float()).float()}
    state |= {"readout.weight": state["readout.weight"] * moves[:, None], "readout.bias": state["readout.bias"] * moves}
    folded.load_state_dict(state)
    return folded.eval()


def off_in_float32(folded: Tagger, plan: Plan) -> float:
    """Return how far off forecasts are that are computed in float32, as ONNX Runtime does: the most, in usual moves.

    Args:
        folded: What ``fold`` returns.
        plan: The plan that it was folded with; made-up windows have its mean and scale.

    Example:
        >>> plans = [Plan("y", ("y",), 1, 8, (mean,), (5.0,), (2.0,)) for mean in (100.0, 1e9)]
        >>> [off_in_float32(fold(network(plan, 4), plan), plan) > 0.01 for plan in plans]
        [False, True]
    """
    rng = np.random.default_rng(0)
    xs = torch.as_tensor(plan.mean + plan.scale * rng.normal(size=(plan.window, 64, len(plan.columns))))
    with torch.no_grad():
        ours, _ = copy.deepcopy(folded).float()(xs.float())
        exact, _ = copy.deepcopy(folded).double()(xs)
    return float(((ours[-1] - exact[-1]).abs() / torch.tensor(plan.moves, dtype=torch.float64)).max())


def save(path: str | Path, model: Tagger, plan: Plan, more: Mapping[str, Any] | None = None) -> Path:
    """Write a network that reads the table's own numbers, with a card that says which columns, and what it says.

    Returns:
        The path.
    """
    folded = fold(model, plan)
    off = off_in_float32(folded, plan)
    card = {
        "kind": KIND,
        "target": plan.target,
        "columns": list(plan.columns),
        "window": plan.window,
        "horizon": plan.horizon,
        "mean": list(plan.mean),  # stands where nothing was known before
        "says": f"how far {plan.target} will have moved from its last value after 1 to {plan.horizon} rows",
        "reads": f"the last {plan.window} rows of the columns in their own units; holes hold what came before",
        "off in float32": float(f"{off:.2g}"),  # usual moves, at most
    }
    return models.save(path, folded, {**card, **(more or {})})


def go_on(path: str | Path, table: Table) -> Array:
    """Foretell what comes after the last row of a table: (K,), in the target's units.

    Args:
        path: A file of ``save``.
        table: Rows in order of time, with the columns that the card names.

    Raises:
        CheckpointError: If there is no such file, or it is damaged.
        ValueError: If it is for something else, a column is missing, or there are fewer rows than it reads.
    """
    model, card = models.load_as(Tagger, path, KIND)
    if len(table.values) < card["window"]:
        raise ValueError(f"got {len(table.values)} rows, expected at least the {card['window']} that the network reads")
    known = table.column(card["target"])
    if np.isnan(known).all():
        raise ValueError(f"got no known value of {card['target']!r}, expected one to go on from")
    pairs = zip(card["columns"], card["mean"], strict=True)
    xs = np.column_stack([fill(table.column(name), mean) for name, mean in pairs])[-card["window"] :]
    with torch.no_grad():
        scores, _ = model.double()(torch.as_tensor(xs)[:, None])
    return np.asarray(fill(known, np.nan)[-1] + scores[-1, 0].numpy())


# ---------------------------------------------------------------- forecasts as CSV


def in_digits(said: Array, known: Array) -> list[str]:
    """Write what was said of a column with as many digits as the column's own moves give a meaning to.

    Args:
        said: (K,), in the column's units.
        known: (N,), the column, NaN where nothing is.

    Example:
        >>> in_digits(np.array([83000028.83271]), np.array([83000000.0, np.nan, 83000030.0, 83000010.0]))
        ['83000028.833']
    """
    moves = np.diff(known[~np.isnan(known)])
    step = float(np.sqrt((moves**2).mean())) if moves.any() else 1.0
    return [written(value, step) for value in said]


def write_rows(path: str | Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Path:
    """Write a CSV file in UTF-8, whole or not at all.

    Raises:
        ValueError: If it cannot be written there.
    """
    path = Path(path)
    if path.is_dir():
        raise ValueError(f"got {path}, which is a folder, expected a file to write")
    beside = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with beside.open("w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file, lineterminator="\n")
                writer.writerow(header)
                writer.writerows(rows)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        why = (error.strerror or type(error).__name__).lower()
        raise ValueError(f"got {path}, where nothing can be written ({why}), expected a file to write") from None
    return path


def write_forecasts(path: str | Path, series: Series, said: Array, *, part: str = "test") -> Path:
    """Write what was said after each row of a part beside what came, and beside what needs no network.

    What came is written with the digits that the table has. Those of forecasts end where they say nothing.
    """
    rows = rows_of(series, part)
    rules, truth = without_network(series, rows), answers(series, rows)
    header = ["after", "ahead", "of", "forecast", "persistence", "mean", "truth"]
    step = min(series.plan.moves)
    lines = (
        [series.times[t], k + 1, series.times[t + k + 1], written(said[n, k], step)]
        + [written(rules["persistence"][n, k], 0), written(rules["mean"][n, k], step), written(truth[n, k], 0)]
        for n, t in enumerate(rows)
        for k in range(series.plan.horizon)
    )
    return write_rows(path, header, lines)
