"""What is no fault and worth knowing: a network that has not been trained, a state that somebody hands on."""

import inspect
import math

import torch
from torch import Tensor

from lstm_lib.doctor.biases import bias_marks
from lstm_lib.doctor.layers import Layer, layers_of
from lstm_lib.doctor.subject import Ran, Subject
from lstm_lib.nn.steps import CELLS

FRESH = "It has not been trained yet: its weights are as they were drawn. That it guesses is no fault."
START = "A forget bias of 1 to 2 before training is a good start: lstm_lib.nn.set_forget_bias(lstm, 1.0)."
HANDED = (
    "It takes a state and returns one. If your loop hands it on from batch to batch, detach it between them:"
    " state = tuple(part.detach() for part in state)."
)


def is_fresh(subject: Subject) -> bool:
    """Say whether no LSTM of a network has been trained: whether all weights are as somebody draws them."""
    return all(as_drawn(layer) for name, lstm in subject.lstms.items() for layer in layers_of(lstm, name))


def is_without_bias(subject: Subject) -> bool:
    """Say whether nobody has set a forget bias, though there is one."""
    layers = [layer for name, lstm in subject.lstms.items() for layer in layers_of(lstm, name)]
    having = [layer for layer in layers if layer.rows("bias_ih", "f") is not None and "bias_hh" in layer.weights]
    return bool(having) and not any(bias_marks(layer)["set"] for layer in having)


def as_drawn(layer: Layer) -> bool:
    """Say whether the weights of a layer are as torch draws them, or its biases one number as people set them.

    Training moves each weight by its own amount: some beyond the bounds between which they were drawn, and biases of
    one gate apart.

    Example:
        >>> from torch import nn
        >>> lstm = nn.LSTM(3, 20)
        >>> as_drawn(layers_of(lstm)[0])
        True
        >>> _ = nn.init.normal_(lstm.weight_hh_l0)
        >>> as_drawn(layers_of(lstm)[0])
        False
    """
    alike = [_is_one_number(layer, gate) for gate in CELLS[layer.cell].gates if gate != "f"]
    if alike and all(alike):
        return True
    bound = 1 / math.sqrt(layer.hidden_size)
    weights = [layer.weights["weight_ih"], layer.weights["weight_hh"]]
    return all(_is_within(weight, bound) for weight in weights)


def _is_one_number(layer: Layer, gate: str) -> bool:
    """Say whether the sum of both biases is one number in all units of a gate."""
    rows = [layer.rows(name, gate) for name in ("bias_ih", "bias_hh")]
    if rows[0] is None or rows[1] is None or len(rows[0]) < 3:
        return False
    total = rows[0] + rows[1]
    return bool((total == total[0]).all())


def _is_within(weight: Tensor, bound: float) -> bool:
    """Say whether numbers are spread evenly between two bounds, and none has moved beyond."""
    largest, size = float(weight.abs().max()), float(weight.double().square().mean().sqrt())
    even = abs(size / bound * math.sqrt(3) - 1) < 4 / math.sqrt(weight.numel())  # four deviations of such a mean
    return largest <= bound * (1 + 1e-6) and largest > bound * (1 - 12 / weight.numel()) and even


def is_handed_on(subject: Subject, ran: Ran) -> bool:
    """Say whether a network takes a state and returns one."""
    names = list(inspect.signature(subject.model.forward).parameters)[1:]
    takes = any(name.lower() in ("state", "states", "hidden", "hx", "memory", "h", "hc", "h0") for name in names)
    gives = isinstance(ran.outputs, tuple) and len(ran.outputs) > 1
    returned = ran.outputs[1] if gives else None
    return takes and gives and any(_is_state(returned, call.c_n) for call in ran.calls)


def _is_state(value: object, c: Tensor) -> bool:
    if isinstance(value, Tensor):
        return value.shape == c.shape and torch.equal(value, c)
    return isinstance(value, tuple | list) and any(_is_state(part, c) for part in value)
