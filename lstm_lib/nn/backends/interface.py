"""What a backend is, and the one value that all of them take: a call of ``nn.LSTM``, checked and in one form.

Shapes: T steps, B batch, N = Σ b_t rows of packed sequences, D features, H hidden units, P projected units
(P = H without a projection), L layers times directions.
"""

import sys
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple, TypeVar, cast

import torch
from torch import Tensor
from torch.autograd import forward_ad

from lstm_lib.nn.noise import QUIET, Noise
from lstm_lib.nn.steps import State, Weights
from lstm_lib.nn.tokens import Tokens

F = TypeVar("F", bound=Callable[..., Any])


class Settings(NamedTuple):
    """What does not depend on the input: cell, layers, directions, dropout between layers, noise inside them.

    ``noise.training`` says of both kinds of dropout whether they act.
    """

    cell: str = "standard"
    num_layers: int = 1
    bidirectional: bool = False
    has_bias: bool = True
    dropout: float = 0.0
    noise: Noise = QUIET


class Call(NamedTuple):
    """Everything that decides which backend can run, and all that it needs to run.

    weights: one mapping for every layer and direction (l0, l0_reverse, l1, ...), from torch's names without their
    suffix, in torch's order. xs: (T, B, D), or packed rows (N, D). batch_sizes: b_t for every step of packed rows
    (int64, on the CPU), never rising; None for a batch. state: h (L, B, P) and c (L, B, H), in the order of the rows.
    tokens: where the input is tokens, (T, B) or (N,); then xs tells shape, dtype and device, and holds nothing.
    """

    settings: Settings
    weights: list[Weights]
    xs: Tensor
    batch_sizes: Tensor | None
    state: State
    tokens: Tokens | None = None

    def in_rows(self) -> "Call":
        """Return the same call with the rows that its tokens stand for; what has no tokens stays as it is."""
        return self if self.tokens is None else self._replace(xs=self.tokens.rows(self.xs), tokens=None)

    def tensors(self) -> list[Tensor]:
        """List all that torch could follow: the input, the state and the weights."""
        tokens = [] if self.tokens is None else [part for part in self.tokens if part is not None]
        return [self.xs, *tokens, *self.state, *(w for layer in self.weights for w in layer.values())]


def _never(asked: Settings | Call) -> str:
    return ""


def _leave(settings: Settings, weights: list[Weights]) -> None:
    return None


class Backend(NamedTuple):
    """One way to compute an LSTM. The three questions are answered by the reason why not, or by "" for no objection.

    name: what ``backend=`` calls it. about: what computes, in words. run: gives hs, in the form of call.xs, and the
    last state. lacks: is there no kernel for such a module at all? refuses: is this call beyond it, here and now?
    yields: could it perhaps, but would "auto" do better to go on to the next? arrange: lays the weights in memory, in
    place, as it likes them. is_traced: whether torch.compile can follow it. devices: types of devices on which it is
    asked, () for all. while_compiling: whether "auto" asks it while a graph is built. evidence: what decides
    beside that, in words: the measurement for which "auto" prefers it to torch's own kernels, or which of these it is.
    is_there: whether "auto" has it at all, or passes over it; None for always.
    """

    name: str
    about: str
    run: Callable[[Call], tuple[Tensor, State]]
    lacks: Callable[[Settings], str] = _never
    refuses: Callable[[Call], str] = _never
    yields: Callable[[Call], str] = _never
    arrange: Callable[[Settings, list[Weights]], None] = _leave
    is_traced: bool = True
    devices: tuple[str, ...] = ()
    while_compiling: bool = True
    evidence: Callable[[Call], str] = _never
    is_there: Callable[[], bool] | None = None


# ---------------------------------------------------------------- what backends ask torch


def eagerly(function: F) -> F:
    """Return the function, kept out of the graph while ``torch.compile`` builds one.

    torch's LSTM kernels cannot be traced for training, and packed input has sizes that depend on data: there the
    compiled code calls back into plain torch, as it does for ``torch.nn.LSTM``. An exported program has no plain torch
    to call back into, and holds the kernel itself.
    """
    is_compiled = not is_exporting() if torch.compiler.is_compiling() else takes_calls()
    return cast(F, torch.compiler.disable(function)) if is_compiled else function


def takes_calls() -> bool:
    """Say whether ``torch.compile`` is at work outside of a graph, and would compile the next function by itself.

    It breaks its graph at every ``torch.nn.LSTM``, and goes on with what that calls.

    Example:
        >>> takes_calls()
        False
    """
    if torch.compiler.is_compiling():  # and here it has taken this function
        return True
    ask = getattr(torch._C._dynamo.eval_frame, "get_eval_frame_callback", None)
    return callable(ask()) if ask else "torch._dynamo" in sys.modules


def is_left_alone() -> bool:
    """Say whether torch neither compiles nor transforms what comes, and autocast is off on a CPU."""
    if torch.is_autocast_enabled("cpu") or torch.compiler.is_compiling():  # which cannot follow the next line
        return False
    return not (_transforms() or _has_duals())


def is_exporting() -> bool:
    """Say whether ``torch.export`` is at work; torch 2.6 cannot be asked, and the answer is no.

    Example:
        >>> is_exporting()
        False
    """
    return bool(getattr(torch.compiler, "is_exporting", bool)())


def is_transformed(given: Call | list[Tensor]) -> bool:
    """Say whether torch.func (grad, vmap, jvp) follows one of the tensors: torch's kernels have no rule for vmap.

    Example:
        >>> seen = []
        >>> torch.func.vmap(lambda x: seen.append(is_transformed([x])) or x)(torch.ones(2)).shape
        torch.Size([2])
        >>> is_transformed([torch.ones(2)]), seen
        (False, [True])
    """
    if torch.compiler.is_compiling() or not _transforms():  # a small call would feel a look at every tensor
        return False
    return any(map(torch._C._functorch.is_functorch_wrapped_tensor, _tensors(given)))


def is_batched(gradients: Iterable[Tensor]) -> bool:
    """Say whether many gradients are sent back at once (``is_grads_batched``, or vmap around a backward pass).

    Example:
        >>> is_batched([torch.ones(2)])
        False
    """
    return any("Batched" in str(torch._C._dispatch_keys(d)) for d in gradients)  # one kind of them has no other name


def is_followed(given: Call | list[Tensor]) -> bool:
    """Say whether something follows torch's operations one by one: a dispatch mode, or a tensor of its own kind.

    ``make_fx``, fake tensors and counters of operations do; what computes with addresses in memory would escape them.

    Example:
        >>> from torch.utils.flop_counter import FlopCounterMode
        >>> with FlopCounterMode(display=False):
        ...     print(is_followed([torch.ones(2)]))
        True
        >>> is_followed([torch.ones(2)])
        False
    """
    if torch._C._len_torch_dispatch_stack() > 0:
        return True
    plain, kinds = torch._C._disabled_torch_dispatch_impl, set(map(type, _tensors(given)))
    return any(getattr(kind, "__torch_dispatch__", plain) is not plain for kind in kinds)


def is_recorded() -> bool:
    """Say whether ``make_fx`` writes down the operations, to do them again elsewhere.

    Example:
        >>> is_recorded()
        False
    """
    ask, modes = getattr(torch._C, "_get_dispatch_mode", None), getattr(torch._C, "_TorchDispatchModeKey", None)
    return ask is not None and modes is not None and ask(modes.PROXY) is not None


def has_tangent(given: Call | list[Tensor]) -> bool:
    """Say whether ``torch.autograd.forward_ad`` follows one of the tensors.

    Example:
        >>> has_tangent([torch.ones(2)])
        False
    """
    if torch.compiler.is_compiling() or not _has_duals():
        return False
    return any(forward_ad.unpack_dual(t).tangent is not None for t in _tensors(given))


def _transforms() -> bool:
    """Say whether torch.func transforms anything; a torch that cannot be asked might."""
    return getattr(torch._C._functorch, "peek_interpreter_stack", object)() is not None


def _has_duals() -> bool:
    """Say whether forward differentiation is at work; a torch that cannot be asked might."""
    return bool(getattr(forward_ad, "_current_level", 0) >= 0)


def _tensors(given: Call | list[Tensor]) -> list[Tensor]:
    return given.tensors() if isinstance(given, Call) else given


def autocasts(xs: Tensor) -> bool:
    """Say whether autocast takes care of dtypes on the input's device.

    Example:
        >>> with torch.autocast("cpu", torch.bfloat16):
        ...     autocasts(torch.ones(2)), autocasts(torch.ones(2, device="meta"))
        (True, False)
    """
    device = xs.device.type
    return torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)


def without_autocast(xs: Tensor) -> AbstractContextManager[Any]:
    """Keep autocast away from what is derived by hand: it has chosen its dtypes itself.

    Example:
        >>> with torch.autocast("cpu", torch.bfloat16), without_autocast(torch.ones(2)):
        ...     (torch.ones(2, 2) @ torch.ones(2, 2)).dtype
        torch.float32
    """
    return torch.autocast(xs.device.type, enabled=False) if autocasts(xs) else nullcontext()


def autocast_dtype(xs: Tensor) -> torch.dtype | None:
    """Return the precision in which autocast computes with this input, None where it leaves it alone.

    Example:
        >>> with torch.autocast("cpu", torch.bfloat16):
        ...     autocast_dtype(torch.ones(2)), autocast_dtype(torch.ones(2).double())
        (torch.bfloat16, None)
    """
    if xs.dtype == torch.float64 or not autocasts(xs):  # autocast never narrows float64
        return None
    return torch.get_autocast_dtype(xs.device.type)
