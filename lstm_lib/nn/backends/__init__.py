"""The ways to compute an LSTM, one module each, and the one place that chooses among them.

A new backend is a module with a ``BACKEND`` of ``interface.Backend``, and its line in the table.
"""

from typing import Literal, NamedTuple, get_args

import torch

from lstm_lib.nn.backends import cpp, fused, native, reference, triton
from lstm_lib.nn.backends.interface import Backend, Call, Settings
from lstm_lib.nn.noise import QUIET

# In the order in which "auto" asks them. The last computes everything.
BACKENDS: tuple[Backend, ...] = (triton.BACKEND, native.BACKEND, cpp.BACKEND, fused.BACKEND, reference.BACKEND)
BackendName = Literal["reference", "fused", "cpp", "triton", "native", "auto"]
NAMES = get_args(BackendName)


class Choice(NamedTuple):
    """The backend that runs, and why those that "auto" asked before it do not."""

    backend: Backend
    reason: str


def candidates(asked: str, settings: Settings) -> list[Backend]:
    """List the backends that a module of these settings may meet, in the order in which they are asked.

    Noise does not count, because in eval mode it is silent.

    Example:
        >>> [backend.name for backend in candidates("auto", Settings("standard"))]
        ['triton', 'native', 'fused', 'reference']
        >>> [backend.name for backend in candidates("auto", Settings("drawn"))]
        ['fused', 'reference']
    """
    cell, num_layers, bidirectional, has_bias, dropout, _ = settings
    quiet = Settings(cell, num_layers, bidirectional, has_bias, dropout, QUIET)  # older torch compiles no _replace
    return [backend for backend in BACKENDS if _is_asked(asked, backend) and not backend.lacks(quiet)]


def _is_asked(asked: str, backend: Backend, device: str | None = None) -> bool:
    """Say whether a backend is in question: asked for by name, or by "auto" where it makes sense at all."""
    if asked != "auto":
        return asked == backend.name
    if device is not None and backend.devices and device not in backend.devices:
        return False
    if not backend.while_compiling and torch.compiler.is_compiling():
        return False
    return backend.is_there is None or backend.is_there()


def choose(asked: str, call: Call) -> Choice:
    """Choose the backend of a call: the one asked for, or for "auto" the first that can and does not yield.

    Args:
        asked: Name of a backend, or "auto".
        call: What is to be computed.

    Returns:
        The backend; and the reasons of those that were passed over, "" if there were none.

    Raises:
        RuntimeError: If the backend asked for cannot compute this call.

    Example:
        >>> import torch
        >>> from lstm_lib.nn import LSTM
        >>> choice = choose("auto", LSTM(3, 2, cell="janet").request(torch.ones(5, 4, 3)))
        >>> choice.backend.name, choice.reason
        ('fused', "cell 'janet' has no kernel in torch")
    """
    reasons: list[str] = []
    for backend in BACKENDS:
        if not _is_asked(asked, backend, call.xs.device.type):
            continue
        why_not = backend.lacks(call.settings)
        if asked == "auto":
            why_not = why_not or backend.yields(call)
        why_not = why_not or backend.refuses(call)
        if not why_not:
            return Choice(backend, "; ".join(reasons))
        reasons.append(why_not)
    others = [other.name for other in BACKENDS if not (other.lacks(call.settings) or other.refuses(call))]
    raise RuntimeError(_refusal(asked, others, reasons))


def expect_able(asked: str, settings: Settings) -> None:
    """Raise a ValueError if a backend that is asked for by name can never run a module of these settings.

    Example:
        >>> expect_able("native", Settings("janet"))
        Traceback (most recent call last):
        ...
        ValueError: got backend 'native', expected 'auto', 'triton', 'cpp', 'fused' or 'reference': cell 'janet' has ...
    """
    reasons = [backend.lacks(settings) for backend in BACKENDS if backend.name == asked]
    if any(reasons):
        raise ValueError(_refusal(asked, [other.name for other in BACKENDS if not other.lacks(settings)], reasons))


def _refusal(asked: str, others: list[str], reasons: list[str]) -> str:
    *first, last = map(repr, ["auto", *others])
    choices = f"{', '.join(first)} or {last}" if first else last
    return f"got backend {asked!r}, expected {choices}: {'; '.join(reasons)}"
