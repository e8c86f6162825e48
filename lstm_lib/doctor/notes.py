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
    """Say whether the weights of a layer are as torch draws them, or its biases as torch draws or people set them.

    Training moves each weight by its own amount: some beyond the bounds between which they were drawn, and biases of
    one gate apart. Where matrices are of another size than torch's, they were drawn anew or trained far: the biases
    tell.

    Example:
        >>> from torch import nn
        >>> lstm = nn.LSTM(3, 20)
        >>> as_drawn(layers_of(lstm)[0])
        True
        >>> _ = nn.init.orthogonal_(lstm.weight_hh_l0, gain=3)
        >>> as_drawn(layers_of(lstm)[0])
        True
        >>> _ = lstm.bias_hh_l0.detach().add_(0.1)
        >>> as_drawn(layers_of(lstm)[0])
        False
    """
    alike = [_is_one_number(layer, gate) for gate in CELLS[layer.cell].gates if gate != "f"]
    if alike and all(alike):
        return True
    bound = 1 / math.sqrt(layer.hidden_size)
    weights = [layer.weights["weight_ih"], layer.weights["weight_hh"]]
    if all(_is_within(weight, bound) for weight in weights):
        return True
    biases = [layer.weights[name].flatten() for name in ("bias_ih", "bias_hh") if name in layer.weights]
    if not biases:
        return False
    common = max(float(weight.abs().max()) for weight in [*weights, *biases])  # where all were drawn alike
    if abs(common / bound - 1) > 0.3 and all(_is_within(weight, common) for weight in [*weights, *biases]):
        return True
    anew = any(not _is_even(weight, bound) or float(weight.abs().max()) > 1.5 * bound for weight in weights)
    return anew and _is_within(torch.cat(biases), bound)


def _is_one_number(layer: Layer, gate: str) -> bool:
    """Say whether the sum of both biases is one number in all units of a gate."""
    rows = [layer.rows(name, gate) for name in ("bias_ih", "bias_hh")]
    if rows[0] is None or rows[1] is None or len(rows[0]) < 3:
        return False
    total = rows[0] + rows[1]
    return bool((total == total[0]).all())


def _is_within(weight: Tensor, bound: float) -> bool:
    """Say whether numbers are spread evenly between two bounds, and none has moved beyond."""
    largest = float(weight.abs().max())
    return bound * (1 - 12 / weight.numel()) < largest <= bound * (1 + 1e-6) and _is_even(weight, bound)


def _is_even(weight: Tensor, bound: float) -> bool:
    """Say whether numbers are of the size that an even spread between two bounds has, within four deviations of it."""
    size = float(weight.double().square().mean().sqrt())
    return abs(size / bound * math.sqrt(3) - 1) < 4 / math.sqrt(weight.numel())


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
