"""The forget biases: what they sum to, and whether somebody has set them, in all layers or in some.

Both biases have the same gradient, so b_ih - b_hh stays what it was before training: where it is one number for all
units, somebody has set it.
"""

import math
from collections.abc import Iterable
from typing import Any

import torch

from lstm_lib.doctor.findings import Finding, finding
from lstm_lib.doctor.layers import Layer
from lstm_lib.nn.steps import CELLS

Numbers = dict[str, Any]


def findings_in_biases(layers: list[Layer], *, forgets: bool, fails: bool = False) -> list[Finding]:
    """Judge the forget biases of an LSTM: the sum of both, and their difference, which training does not change.

    Args:
        layers: Layers and directions of one LSTM.
        forgets: Whether it forgets too soon; then it is worth saying that nobody has set a forget bias.
        fails: Whether it answers badly; then too.
    """
    having = with_forget_bias(layers)
    if not having:
        return []
    marks = {layer.where: bias_marks(layer) for layer in having}
    twice = [layer for layer in having if marks[layer.where]["set"] == "both"]
    if twice:
        here = marks[twice[0].where]
        text = f"both biases of the forget gates are {here['ih']:.2f}, and torch adds them: {here['sum']:.2f}"
        return [finding("forget-bias-lost", _places(twice), text)]
    set_here = [layer for layer in having if marks[layer.where]["set"]]
    bare = [layer for layer in having if not marks[layer.where]["set"]]
    if set_here and bare:
        one, other = marks[set_here[0].where], marks[bare[0].where]
        text = f"the forget biases are {one['sum']:.2f} on average in {_places(set_here)}"
        text += f", {other['sum']:.2f} in {_places(bare)}"
        return [finding("forget-bias-lost", _places(bare), text)]
    half = [layer for layer in having if marks[layer.where]["set"] == "one of two"]
    if half:
        here = marks[half[0].where]
        text = f"one of the two biases was set and the other one was not: their sums reach from {here['low']:.2f} to"
        return [finding("forget-bias-lost", _places(half), f"{text} {here['high']:.2f}", severity=0.7)]
    for layer in having:
        wrong = _set_elsewhere(layer)
        if wrong and not marks[layer.where]["set"]:
            text = f"a bias was set in {wrong}, and the sums of the forget gates' biases reach from"
            text += f" {marks[layer.where]['low']:.2f} to {marks[layer.where]['high']:.2f}"
            return [finding("forget-bias-lost", layer.where, text)]
    here = marks[having[0].where]
    bound = 2 / math.sqrt(having[0].hidden_size)  # of the sums that torch draws
    below = here["high"] < 0 and here["sum"] < -0.3 - bound
    if (forgets or fails) and (here["set"] or below):
        if here["sum"] > 0.3:
            return []
        is_low = here["sum"] < -0.3
        what = "below zero" if is_low else "to zero, and forget gates near a half keep a step or two"
        text = f"the forget biases were set {what}: their sums reach from {here['low']:.2f} to {here['high']:.2f}"
        rank = 0.58 if forgets or is_low else 0.45
        return [finding("forget-bias-lost", _places(having), text, severity=rank)]
    if forgets or fails:
        text = f"no forget bias is set: the sums of both reach from {here['low']:.2f} to {here['high']:.2f}"
        return [finding("forget-bias-lost", _places(having), text, severity=0.58 if forgets else 0.45)]
    return []


def with_forget_bias(layers: Iterable[Layer]) -> list[Layer]:
    """Return the layers that have a forget gate, and both of its biases."""
    return [layer for layer in layers if layer.rows("bias_ih", "f") is not None and "bias_hh" in layer.weights]


def findings_across(lstms: list[list[Layer]]) -> list[Finding]:
    """Find LSTMs none of whose forget biases is set, beside one that has all of them set.

    Args:
        lstms: Layers and directions of each LSTM of a network.
    """
    having = [some for layers in lstms if (some := with_forget_bias(layers))]
    marks = [[bias_marks(layer) for layer in layers] for layers in having]
    bare = [layers for layers, own in zip(having, marks, strict=True) if not any(m["set"] for m in own)]
    one = next((own[0] for own in marks if all(m["set"] for m in own) and own[0]["sum"] > 0.5), None)
    if one is None or not bare:
        return []
    text = f"no forget bias is set here, and another LSTM of the network has {one['sum']:.2f} on average"
    return [finding("forget-bias-lost", _places([layer for layers in bare for layer in layers]), text, severity=0.7)]


def bias_marks(layer: Layer) -> Numbers:
    """Measure the forget biases of one layer, and say which of them somebody has set: "both", "the sum", "one of two".

    Example:
        >>> from lstm_lib.doctor.layers import layers_of
        >>> from lstm_lib.nn import LSTM, set_forget_bias
        >>> lstm = LSTM(3, 8)
        >>> set_forget_bias(lstm, 1.0)
        >>> bias_marks(layers_of(lstm)[0])["set"]
        'the sum'
    """
    b_ih, b_hh = (rows.double() for name in ("bias_ih", "bias_hh") if (rows := layer.rows(name, "f")) is not None)
    total, difference = b_ih + b_hh, b_ih - b_hh
    bound = 1 / math.sqrt(layer.hidden_size)  # torch draws from ± this
    numbers = {"ih": float(b_ih.mean()), "hh": float(b_hh.mean()), "sum": float(total.mean())}
    numbers |= {"low": float(total.min()), "high": float(total.max()), "difference": float(difference.mean())}
    others = [layer.rows(name, gate) for name in ("bias_ih", "bias_hh") for gate in "igo"]
    drawn = [float(rows.std()) for rows in others if rows is not None and len(rows) > 1]
    flat = float(difference.std()) < 1e-3 if len(difference) > 1 else False
    how = ""
    if flat and abs(numbers["difference"]) < 1e-3 and numbers["sum"] > 0.9 and min(drawn, default=0) > 1e-3:
        how = "both"
    elif (flat and abs(numbers["difference"]) > 1e-3) or _has_one_bias(layer):
        how = "the sum"
    elif abs(numbers["difference"]) > max(0.5, 1.5 * bound):
        how = "one of two"
    return numbers | {"set": how}


def _set_elsewhere(layer: Layer) -> str:
    """Name the gate whose bias somebody has set to a positive number, or say that it was set in some units only."""
    for gate in (letter for letter in CELLS[layer.cell].gates if letter != "f"):
        rows = [layer.rows(name, gate) for name in ("bias_ih", "bias_hh")]
        if rows[0] is None or rows[1] is None or len(rows[0]) < 3:
            continue
        total, difference = (rows[0] + rows[1]).double(), (rows[0] - rows[1]).double()
        if float(difference.std()) < 1e-3 and float(total.mean()) > 0.5:
            return f"gate {gate}"
        if float(difference.mean()) > max(0.5, 1.5 / math.sqrt(layer.hidden_size)):
            return f"gate {gate}"
    b_ih, b_hh = layer.rows("bias_ih", "f"), layer.rows("bias_hh", "f")
    if b_ih is None or b_hh is None:
        return ""
    lives = [rows.any(1) for rows in (layer.rows("weight_ih", "f"), layer.rows("weight_hh", "f")) if rows is not None]
    difference = (b_ih - b_hh).double()[torch.stack(lives).any(0)]  # a unit whose weights are 0 is dead, not set
    if len(difference) < 3:
        return ""
    alike = (difference[:, None] - difference[None]).abs() < 1e-4
    count = int(alike.sum(1).max())
    if 3 <= count < len(difference) and count >= 0.15 * len(difference):
        return f"{count} of {len(difference)} units only"
    return ""


def _has_one_bias(layer: Layer) -> bool:
    """Say whether somebody has set all biases of a layer: one of the two is zero, or was before training."""
    b_ih, b_hh = layer.weights["bias_ih"], layer.weights["bias_hh"]
    difference = layer._replace(weights={**layer.weights, "bias_ih": b_ih - b_hh})
    rows_of = (difference.rows("bias_ih", gate) for gate in CELLS[layer.cell].gates if gate in "go")
    rest = [rows for rows in rows_of if rows is not None]
    return not bool(layer.weights["bias_hh"].any()) or all(float(rows.abs().max()) < 1e-3 for rows in rest)


def _places(layers: list[Layer]) -> str:
    return "; ".join(layer.where for layer in layers)
