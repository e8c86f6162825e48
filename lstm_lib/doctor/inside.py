"""What is measured inside of each layer and direction, and which of it is a fault.

Shapes: T steps, B batch, H hidden units.
"""

import math
from typing import Any

import torch
from torch import Tensor

from lstm_lib.doctor.findings import Finding, finding
from lstm_lib.doctor.glass import Inside, walk
from lstm_lib.nn.steps import CELLS, State

Numbers = dict[str, Any]

SHUT, OPEN = 0.02, 0.98  # beyond these the slope of a gate is below a fiftieth
MOST = 0.6  # this share of a layer's units counts as most
STILL, FAINT = 1e-4, 1e-3  # a unit never changes whose h moves less than this, or this part of what the liveliest does
USUAL = 0.1  # inputs that differ by this much or more must move a unit by STILL
ALIKE = 1e-6  # units that differ by less than this are one
STRONG = 10.0  # root of the mean square of inputs that are not scaled
LONG = 15  # steps after which gates may be looked at once more, without their first half
LARGE = 6.0  # tanh has a slope of 2e-5 there: nothing that is added to such a memory is seen
PARTLY, FINE, WELL, CHANCE = 0.3, 0.6, 0.8, 0.15  # parts of the loss of guessing by which a loss is below it
KEPT = 0.01  # less than this share of a memory is lost among the rest
LOST_DIGITS = 0.05  # a memory that differs by so much from that of exact numbers


def measure(inside: Inside, lag: int) -> Numbers:
    """Measure one layer and direction.

    Args:
        inside: What it did.
        lag: Over how many steps something has to be kept.

    Returns:
        Numbers and lists of numbers by name.
    """
    valid = inside.valid
    f, c, h = inside.f.double(), inside.c.double(), inside.h.double()
    log_f = _mean(f.clamp_min(1e-30).log(), valid)
    half = math.log(2) / (-log_f).clamp_min(1e-12)
    alike = bool((inside.xs == inside.xs[:, :1]).all())  # all sequences are one
    moves = _std(h, valid) if alike else _moves(h, valid)
    told = 1.0 if alike else float(_moves(inside.xs.double(), valid).max())
    level = _over_units(c.abs(), valid)
    known = level[~level.isnan()]
    quarter = max(1, len(known) // 4)
    named = {name: getattr(inside, name).double() for name in CELLS[inside.layer.cell].gates.replace("g", "")}
    flat = [float(_mean(((gate < SHUT) | (gate > OPEN)).double(), valid).mean()) for gate in named.values()]
    later = slice(len(valid) // 2, None)
    return {
        "where": inside.layer.where,
        "cell": inside.layer.cell,
        "units": inside.layer.hidden_size,
        "error of the repetition": inside.error,
        "lag": lag,
        "half-lives": half.clamp_max(1e6).tolist(),
        "kept over the lag": (lag * log_f).exp().tolist(),
        "kept over half the lag": (lag / 2 * log_f).exp().tolist(),
        "gates": {name: _stillness(gate, valid) for name, gate in named.items()},
        "gates later": {name: _stillness(gate[later], valid[later]) for name, gate in named.items()},
        "gates in their flat parts": sum(flat) / max(1, len(flat)),
        "units that never change": float((moves < _least(float(moves.max()), told)).double().mean()),
        "units that repeat another": _repeated(h[valid]),
        "memory at each step": known.tolist(),
        "memory at the end": float(known[-quarter:].mean()),
        "memory before": float(known[-2 * quarter : -quarter].mean()) if len(known) >= 4 else float(known[0]),
        "largest memory": float(c[valid].abs().max()),
        "units beyond reading": float((_last(c.abs(), valid) > LARGE).double().mean()),
        "digits lost": digits_lost(inside),
        "spacing": float(c[valid].abs().max()) * torch.finfo(inside.c.dtype).eps,
        "size of the inputs": float(inside.xs[valid].double().square().mean().sqrt()),
        "dtype": str(inside.c.dtype).removeprefix("torch."),
    }


def _stillness(gate: Tensor, valid: Tensor) -> Numbers:
    """Count the units of a gate (T, B, H) that stand open or shut at all steps, or nearly all."""
    shut, wide = _mean((gate < SHUT).double(), valid), _mean((gate > OPEN).double(), valid)
    return {
        "mean": float(_mean(gate, valid).mean()),
        "units shut": float((shut > 0.98).double().mean()),
        "units open": float((wide > 0.98).double().mean()),
        "units wide open": float((_mean((gate > 0.999).double(), valid) > 0.98).double().mean()),
        "units still": float((shut + wide > 0.98).double().mean()),
    }


def digits_lost(inside: Inside) -> float:
    """Run the same steps in float64, and return by how much the last memories differ, in parts of their mean size."""
    if inside.c.dtype == torch.float64:
        return 0.0
    weights = {name: value.double() for name, value in inside.layer.weights.items()}
    running = torch.ones_like(inside.valid) if bool(inside.valid.all()) else inside.valid
    start = State(*(part.detach().double() for part in inside.start))
    with torch.no_grad():
        exact = walk(inside.layer._replace(weights=weights), inside.xs.double(), start, running).cs[-1]
        ours = walk(inside.layer, inside.xs, State(*(part.detach() for part in inside.start)), running).cs[-1]
    error = (ours.double() - exact).abs().mean() / exact.abs().mean().clamp_min(1e-12)
    return float(error) if math.isfinite(float(error)) else 1.0


def findings_inside(numbers: Numbers, *, share: float, asked: bool, single: bool) -> list[Finding]:
    """Judge the numbers of one layer and direction.

    Args:
        numbers: What ``measure`` returned.
        share: How far below guessing its loss is: where it answers well, its gates may do what they like.
        single: Whether there is one answer for each sequence.
        asked: Whether somebody has said how long something must be kept; else the lag is the length of the sequences.
    """
    where, found = numbers["where"], []
    works = share > FINE
    dead = numbers["units that never change"]
    if not works:
        found += _still_gates(numbers, "gates")
        if not found and share > -math.inf and numbers["lag"] >= LONG:
            found += _still_gates(numbers, "gates later")
    if not found and (not works or dead >= 0.1):
        found += _driven(numbers)
    if dead >= 0.1:
        text = f"{_count(dead, numbers)} of {numbers['units']} units say the same in every sequence"
        found.append(finding("dead-units", where, f"{text} (h moves by less than {STILL:g})"))
    repeated = numbers["units that repeat another"]
    if repeated >= 0.25:
        text = f"{_count(repeated, numbers)} of {numbers['units']} units say at every step what another one says"
        found.append(finding("dead-units", where, f"{text}: their weights were never drawn apart", severity=0.83))
    found += _growth(numbers, works=share > PARTLY)
    best = max(numbers["kept over the lag"])
    short = numbers["kept over half the lag"]
    if asked and share < WELL and best < KEPT:
        half = sorted(numbers["half-lives"])
        span = f"the half-lives of the units are {half[0]:.1f} to {half[-1]:.1f} steps"
        span += f", {numbers['lag']} are to be bridged"
        found.append(finding("forgets-too-soon", where, f"{span}; of a memory at most {best:.2g} is left by then"))
    elif not asked and -math.inf < share < CHANCE and max(short) < (KEPT if single else KEPT / 100):
        half = sorted(numbers["half-lives"])
        span = f"the half-lives of the units are {half[0]:.1f} to {half[-1]:.1f} steps"
        text = f"{span}, the sequences have {numbers['lag'] + 1}; over half of them at most {max(short):.2g} is left"
        found.append(finding("forgets-too-soon", where, text, severity=0.45))
    return found


def _still_gates(numbers: Numbers, when: str) -> list[Finding]:
    """Find gates that stand still: open or closed in most units; a forget gate that stands open keeps, and may."""
    found, span = [], "at all steps" if when == "gates" else "in the second half of the steps"
    for name, gate in numbers[when].items():
        shares = {"shut": gate["units shut"], "open": gate["units open"], "open or shut": gate["units still"]}
        if name == "f":  # a forget gate that is nearly open keeps long, and may
            shares = {"shut": gate["units shut"], "open": gate["units wide open"]}
            shares["open or shut"] = gate["units still"] - gate["units open"]
        how, share = max(shares.items(), key=lambda item: item[1])
        if share >= MOST:
            text = f"gate {name} is {how} {span} in {_count(share, numbers)} of {numbers['units']} units"
            text += f" (below {SHUT} or above {OPEN}; its mean is {gate['mean']:.3g})"
            first, size = 0.79, numbers["size of the inputs"]
            if size > STRONG:  # then a memory that grows is what follows
                first, text = 0.882, f"{text}; the inputs are of size {size:.3g}"
            found.append(finding("gate-saturated", numbers["where"], text, severity=first + share / 100))
    return found


def _driven(numbers: Numbers) -> list[Finding]:
    """Find inputs so large that gates are open or shut, though not always the same: they know nothing in between."""
    size, flat = numbers["size of the inputs"], numbers["gates in their flat parts"]
    if size < STRONG or flat < MOST:
        return []
    text = f"{flat:.0%} of all gates at all steps are below {SHUT} or above {OPEN}; the inputs are of size {size:.3g}"
    return [finding("gate-saturated", numbers["where"], text, severity=0.882 + flat / 1000)]


def _growth(numbers: Numbers, *, works: bool) -> list[Finding]:
    """Find a memory that grows until nobody can read it, or loses the digits of what is added to it."""
    where, end, before = numbers["where"], numbers["memory at the end"], numbers["memory before"]
    coarse = numbers["spacing"] > (0.001 if numbers["dtype"] in ("bfloat16", "float16") else 0.01)
    if coarse and numbers["digits lost"] > (4 if works else 1) * LOST_DIGITS:
        text = f"in {numbers['dtype']} the last memories differ by {numbers['digits lost']:.0%} from those in float64"
        return [finding("memory-grows", where, f"{text}; the largest is {numbers['largest memory']:.3g}")]
    if not works and end > 1.15 * before and numbers["units beyond reading"] > 0.25:
        text = f"|c| is {before:.3g} on average in the third quarter of the steps and {end:.3g} in the last"
        share = f"at the end it is above {LARGE:g} in {_count(numbers['units beyond reading'], numbers)}"
        return [finding("memory-grows", where, f"{text}; {share} of {numbers['units']} units")]
    return []


def _count(share: float, numbers: Numbers) -> int:
    return round(share * float(numbers["units"]))


def _mean(values: Tensor, valid: Tensor) -> Tensor:
    """Average over all valid steps of all sequences: (T, B, H) to (H,)."""
    weight = valid[..., None].to(values)
    return (values * weight).sum((0, 1)) / weight.sum().clamp_min(1)


def _repeated(h: Tensor) -> float:
    """Return the share of units that move, and say at each of some steps what another unit says: (N, H)."""
    some = h[:: max(1, len(h) // 200)].T
    moving = some[(some.amax(1) - some.amin(1)) > STILL]
    if len(moving) < 2:
        return 0.0
    apart = torch.cdist(moving, moving, p=math.inf).fill_diagonal_(math.inf)
    return float((apart.amin(1) < ALIKE).sum()) / len(some)


def _least(largest: float, told: float) -> float:
    """Return how far a unit must move, where the liveliest moves so far, and the inputs differ by what is told."""
    still = STILL * min(1.0, told / USUAL)  # high in a stack all may be faint
    return still if largest < still else max(FAINT * largest, ALIKE * still)


def _std(values: Tensor, valid: Tensor) -> Tensor:
    return _mean((values - _mean(values, valid)) ** 2, valid).sqrt()


def _moves(h: Tensor, valid: Tensor) -> Tensor:
    """Return how far apart the sequences hold each unit at the same step: (T, B, H) to (H,)."""
    weight = valid[..., None].to(h)
    mean = (h * weight).sum(1, keepdim=True) / weight.sum(1, keepdim=True).clamp_min(1)
    return _mean((h - mean) ** 2, valid).sqrt()


def _over_units(values: Tensor, valid: Tensor) -> Tensor:
    """Average over units and valid sequences at each step, NaN where all have ended: (T, B, H) to (T,)."""
    weight = valid.to(values)
    return (values.mean(-1) * weight).sum(1) / weight.sum(1)


def _last(values: Tensor, valid: Tensor) -> Tensor:
    """Average each unit over the last valid step of each sequence: (T, B, H) to (H,)."""
    ends = (valid.sum(0) - 1).clamp_min(0)
    return values[ends, torch.arange(values.shape[1], device=values.device)].mean(0)
