"""torch's own kernels: oneDNN and the per-step loop on a CPU, cuDNN on a GPU. The standard cell only.

Shapes: T steps, B batch, N = Σ b_t rows of packed sequences, D features, H hidden units, L layers times directions.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

import torch
from torch import Tensor

from lstm_lib.nn.steps import State

F = TypeVar("F", bound=Callable[..., Any])
CUDNN_LSTM = 2  # cuDNN's number for the LSTM among its recurrent nets


def run_native(
    weights: Sequence[Tensor],
    xs: Tensor,
    batch_sizes: Tensor | None,
    state: State,
    *,
    has_bias: bool,
    num_layers: int,
    dropout: float,
    training: bool,
    bidirectional: bool,
) -> tuple[Tensor, State]:
    """Run a stack of standard LSTM layers with ``torch._VF.lstm``, as ``torch.nn.LSTM`` does.

    Args:
        weights: All parameters in torch's order: layer by layer, direction by direction.
        xs: Input (T, B, D), or packed (N, D).
        batch_sizes: b_t for every step of packed input (int64, on the CPU), else None.
        state: Initial state, h and c (L, B, ...).
        has_bias: Whether there are biases among the weights.
        num_layers: Layers in the stack.
        dropout: Probability of zeroing an output of any layer but the last.
        training: Whether dropout acts.
        bidirectional: Whether each layer also runs from the last step to the first.

    Returns:
        Outputs in the form of the input, and the last states.

    Example:
        >>> w = [torch.ones(8, 3), torch.ones(8, 2)]
        >>> state = State(*torch.zeros(2, 1, 4, 2))
        >>> options = {"num_layers": 1, "dropout": 0.0, "training": False, "bidirectional": False}
        >>> hs, state = run_native(w, torch.ones(5, 4, 3), None, state, has_bias=False, **options)
        >>> hs.shape, state.c.shape
        (torch.Size([5, 4, 2]), torch.Size([1, 4, 2]))
    """
    form = (xs,) if batch_sizes is None else (xs, batch_sizes)
    batch_first = (False,) if batch_sizes is None else ()  # packed input has no batch dimension
    options = (has_bias, num_layers, dropout, training, bidirectional, *batch_first)
    lstm: Any = torch._VF.lstm
    hs, h, c = lstm(*form, tuple(state), list(weights), *options)
    return hs, State(h, c)


def eagerly(function: F) -> F:
    """Return the function, kept out of the graph while ``torch.compile`` builds one.

    torch's LSTM kernels cannot be traced for training, and packed input has sizes that depend on data: there the
    compiled code calls back into plain torch, as it does for ``torch.nn.LSTM``. An exported program has no plain torch
    to call back into, and holds the kernel itself.
    """
    is_compiled = torch.compiler.is_compiling() and not torch.compiler.is_exporting()
    return cast(F, torch.compiler.disable(function)) if is_compiled else function


def is_transformed(tensors: Sequence[Tensor]) -> bool:
    """Say whether torch.func (grad, vmap, jvp) is at work: torch's kernels have no rule for vmap.

    Example:
        >>> seen = []
        >>> torch.func.vmap(lambda x: seen.append(is_transformed([x])) or x)(torch.ones(2)).shape
        torch.Size([2])
        >>> is_transformed([torch.ones(2)]), seen
        (False, [True])
    """
    if torch.compiler.is_compiling():
        return False
    return any(torch._C._functorch.is_functorch_wrapped_tensor(t) for t in tensors)


def is_half_on_cpu(xs: Tensor) -> bool:
    """Say whether autocast asks for float16 on a CPU: oneDNN has no LSTM of that kind on most processors.

    Example:
        >>> with torch.autocast("cpu", torch.float16):
        ...     is_half_on_cpu(torch.ones(2))
        True
    """
    on = xs.device.type == "cpu" and xs.dtype != torch.float64 and torch.is_autocast_enabled("cpu")
    return on and torch.get_autocast_dtype("cpu") == torch.float16


def flatten_weights(
    weights: Sequence[Tensor],
    *,
    input_size: int,
    hidden_size: int,
    proj_size: int,
    num_layers: int,
    weights_per_layer: int,
    bidirectional: bool,
) -> None:
    """Move the weights into one piece of memory where cuDNN takes them, so that it need not copy them at every call.

    Elsewhere (on a CPU, without cuDNN, with weights that are shared or of several dtypes) nothing happens.

    Args:
        weights: All parameters in torch's order.
        input_size: D.
        hidden_size: H.
        proj_size: P, 0 without a projection.
        num_layers: Layers in the stack.
        weights_per_layer: Parameters of one layer and direction: 4, or 2 without bias, and one more with projection.
        bidirectional: Whether there are two directions.
    """
    is_plain = all(isinstance(w, torch.nn.Parameter) and w.is_cuda and w.dtype == weights[0].dtype for w in weights)
    if not is_plain or not all(torch.backends.cudnn.is_acceptable(w) for w in weights):
        return
    if len({w.data_ptr() for w in weights}) < len(weights):
        return
    with torch.cuda.device_of(weights[0]), torch.no_grad():
        if torch._use_cudnn_rnn_flatten_weight():
            sizes = (input_size, CUDNN_LSTM, hidden_size, proj_size, num_layers)
            torch._cudnn_rnn_flatten_weight(list(weights), weights_per_layer, *sizes, False, bidirectional)
