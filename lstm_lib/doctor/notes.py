"""What is no fault and worth knowing: a network that has not been trained, a state that somebody hands on."""

import inspect

import torch
from torch import Tensor

from lstm_lib.doctor.biases import bias_marks, with_forget_bias
from lstm_lib.doctor.drawn import as_drawn
from lstm_lib.doctor.layers import layers_of
from lstm_lib.doctor.subject import Ran, Subject

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
    having = with_forget_bias(layer for name, lstm in subject.lstms.items() for layer in layers_of(lstm, name))
    return bool(having) and not any(bias_marks(layer)["set"] for layer in having)


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
