"""torch's own kernels: oneDNN and the per-step loop on a CPU, cuDNN on a GPU. The standard cell only.

A single step on a CPU goes to ``torch.lstm_cell``: oneDNN brings the weights into its own order at every call, which
takes longer than one step (``benchmarks.torch_lstm_cpu``, form "stream").

Shapes: T steps, B batch, D features, H hidden units, P projected units, 0 without a projection.
"""

import functools
import warnings
from typing import Any

import torch
from torch import Tensor

from lstm_lib.nn.backends import _measured_cpu
from lstm_lib.nn.backends.interface import (
    Backend,
    Call,
    Settings,
    autocast_dtype,
    has_tangent,
    is_exporting,
    is_transformed,
)
from lstm_lib.nn.steps import State, Weights

CUDNN_LSTM = 2  # cuDNN's number for the LSTM among its recurrent nets
LSTM_CELL: Any = torch._VF.lstm_cell  # looked up once: a step is short
QUESTIONS = {torch.bfloat16: "_is_mkldnn_bf16_supported", torch.float16: "_is_mkldnn_fp16_supported"}


def run(call: Call) -> tuple[Tensor, State]:
    """Run a stack of standard LSTM layers with ``torch._VF.lstm``, as ``torch.nn.LSTM`` does.

    Example:
        >>> w = {"weight_ih": torch.ones(8, 3), "weight_hh": torch.ones(8, 2)}
        >>> start = State(*torch.zeros(2, 1, 4, 2))
        >>> hs, state = run(Call(Settings(has_bias=False), [w], torch.ones(5, 4, 3), None, start))
        >>> hs.shape, state.c.shape
        (torch.Size([5, 4, 2]), torch.Size([1, 4, 2]))
    """
    if call.xs.dtype == torch.float64 and torch.onnx.is_in_onnx_export():
        _warn_of_float64()
    call = call.in_rows()
    if is_one_step(call):
        return _step(call)
    settings = call.settings
    form = (call.xs,) if call.batch_sizes is None else (call.xs, call.batch_sizes)
    batch_first = (False,) if call.batch_sizes is None else ()  # packed input has no batch dimension
    options = (settings.has_bias, settings.num_layers, settings.dropout, settings.noise.training)
    lstm: Any = torch._VF.lstm
    hs, h, c = lstm(*form, tuple(call.state), _flat(call.weights), *options, settings.bidirectional, *batch_first)
    return hs, State(h, c)


def is_one_step(call: Call) -> bool:
    """Say whether a call is a step that needs no more than torch's cell, one layer after the other.

    What is traced or exported may get more steps later, and dropout between layers draws its own masks in torch's LSTM.

    Example:
        >>> from lstm_lib.nn import LSTM
        >>> [is_one_step(LSTM(3, 2, proj_size=P).request(torch.ones(T, 4, 3))) for T, P in ((1, 0), (2, 0), (1, 1))]
        [True, False, False]
    """
    settings, xs = call.settings, call.xs
    if xs.shape[0] != 1 or call.batch_sizes is not None or torch._C._get_tracing_state() is not None or is_exporting():
        return False
    if xs.device.type != "cpu" or settings.bidirectional or "weight_hr" in call.weights[0]:
        return False
    if xs.dtype not in (torch.float32, torch.float64) or autocast_dtype(xs) is not None:
        return False
    return not (settings.dropout > 0 and settings.noise.training and settings.num_layers > 1)


def _step(call: Call) -> tuple[Tensor, State]:
    """Take one step with ``torch.lstm_cell`` in each layer."""
    x, hs, cs = call.xs[0], [], []
    for k, layer in enumerate(call.weights):
        x, c = LSTM_CELL(x, (call.state.h[k], call.state.c[k]), *layer.values())
        hs.append(x)
        cs.append(c)
    return x.unsqueeze(0), State(torch.stack(hs), torch.stack(cs))


def _warn_of_float64() -> None:
    what = "got an LSTM in float64 to export to ONNX, where ONNX Runtime has none and stops when the model is to run"
    instead = "expected float32: model.float(), or backend='reference', which is written out step by step"
    warnings.warn(f"{what}; {instead}", stacklevel=2)


def _flat(weights: list[Weights]) -> list[Tensor]:
    return [w for layer in weights for w in layer.values()]


# ---------------------------------------------------------------- what it cannot do


def lacks(settings: Settings) -> str:
    """Say why torch has no kernel for such a module.

    Example:
        >>> lacks(Settings("standard")), lacks(Settings("janet"))
        ('', "cell 'janet' has no kernel in torch")
    """
    if settings.cell != "standard":
        return f"cell {settings.cell!r} has no kernel in torch"
    acting = settings.noise.acting()
    return f"{' and '.join(acting)} inside the layer: torch's kernels have none" if acting else ""


def refuses(call: Call) -> str:
    """Say why torch's kernels would fail at this call: oneDNN lacks LSTMs in low precision on some processors."""
    dtype = None if is_exporting() else _asked_of_onednn(call)
    if dtype is None or onednn_computes(dtype, with_gradients=torch.is_grad_enabled()):
        return ""
    return f"this processor has no {_short(dtype)} instructions for LSTMs in oneDNN"


def yields(call: Call) -> str:
    """Say why the readable path is the safer one, or the derivation by hand the faster one, though these might do."""
    if is_transformed(call):
        return "torch.func transforms this call, and torch's LSTM kernels lack rules for that"
    if has_tangent(call):
        return "torch differentiates this call forward, and its LSTM kernels lack rules for that"
    low = autocast_dtype(call.xs) if is_exporting() and call.xs.device.type == "cpu" else None
    if low not in QUESTIONS:
        found = "" if torch.compiler.is_compiling() or is_exporting() else _measured_cpu.faster(call)
        return f"torch's own kernels would be slower: {found}" if found else ""
    return f"an exported program may meet a processor without {_short(low)} instructions for LSTMs in oneDNN"


def _short(dtype: torch.dtype | None) -> str:
    return str(dtype).removeprefix("torch.")


def _asked_of_onednn(call: Call) -> torch.dtype | None:
    """Return the low precision in which torch would ask oneDNN for this LSTM; None where it asks for none.

    Packed sequences, projections, and dtypes that oneDNN has not, torch computes step by step. With autocast it does
    not look before it asks.
    """
    xs, low = call.xs, autocast_dtype(call.xs)
    if (low or xs.dtype) not in QUESTIONS or xs.device.type != "cpu":
        return None
    if call.batch_sizes is not None or "weight_hr" in call.weights[0] or not _has_onednn():
        return None
    if low is None and (not _claims(xs.dtype) or (xs.dtype == torch.float16 and torch.is_grad_enabled())):
        return None
    return low or xs.dtype


def _has_onednn() -> bool:
    """Say whether torch was built with oneDNN and may use it."""
    is_on = getattr(torch._C, "_get_mkldnn_enabled", lambda: True)
    return torch.backends.mkldnn.is_available() and bool(is_on())


def _claims(dtype: torch.dtype) -> bool:
    """Ask torch whether this processor has the instructions; a torch that cannot be asked says no."""
    question = getattr(getattr(torch.ops, "mkldnn", None), QUESTIONS[dtype], None)
    return question is not None and bool(question())


@functools.cache
def onednn_computes(dtype: torch.dtype, *, with_gradients: bool) -> bool:
    """Say whether oneDNN computes LSTMs of this precision on this processor, with or without gradients.

    That torch names the instructions is not enough: ``ONEDNN_MAX_CPU_ISA`` may hold oneDNN below them, and an LSTM may
    have a forward pass and no backward one. So oneDNN gets the smallest LSTM to compute, once.

    Example:
        >>> onednn_computes(torch.bfloat16, with_gradients=True) in (True, False)  # that depends on the processor
        True
    """
    if not _claims(dtype):
        return False
    with torch.inference_mode(False), torch.set_grad_enabled(with_gradients), torch.autocast("cpu", dtype):
        xs, *state = torch.ones(3, 1, 1, 1, dtype=torch.float32, device="cpu", requires_grad=with_gradients)
        w = torch.ones(4, 1, dtype=torch.float32, device="cpu", requires_grad=with_gradients)
        smallest = Call(Settings(has_bias=False), [{"weight_ih": w, "weight_hh": w}], xs, None, State(*state))
        try:
            hs, _ = run(smallest)
            if with_gradients:
                torch.autograd.grad(hs.sum(), w)
        except RuntimeError:  # the answer to the question: oneDNN has no other way to say no
            return False
    return True


# ---------------------------------------------------------------- memory


def arrange(settings: Settings, weights: list[Weights]) -> None:
    """Move the weights into one piece of memory where cuDNN takes them, so that it need not copy them at every call.

    Elsewhere (on a CPU, without cuDNN, with weights that are shared or of several dtypes) nothing happens.
    """
    flat = _flat(weights)
    is_plain = all(isinstance(w, torch.nn.Parameter) and w.is_cuda and w.dtype == flat[0].dtype for w in flat)
    if not is_plain or not all(torch.backends.cudnn.is_acceptable(w) for w in flat):
        return
    if len({w.data_ptr() for w in flat}) < len(flat):
        return
    rows, D = weights[0]["weight_ih"].shape
    P = len(weights[0].get("weight_hr", ()))
    with torch.cuda.device_of(flat[0]), torch.no_grad():
        if torch._use_cudnn_rnn_flatten_weight():
            sizes = (D, CUDNN_LSTM, rows // 4, P, settings.num_layers)
            torch._cudnn_rnn_flatten_weight(flat, len(weights[0]), *sizes, False, settings.bidirectional)


def evidence(call: Call) -> str:
    """Say which of torch's kernels takes a single step."""
    return "one step, so torch.lstm_cell" if is_one_step(call) else ""


BACKEND = Backend(
    "native",
    "torch's own kernels",
    run,
    lacks,
    refuses,
    yields,
    arrange,
    is_traced=False,
    evidence=evidence,
)
