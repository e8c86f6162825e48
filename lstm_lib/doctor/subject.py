"""The patient on the table: a copy of the network, what it is asked, and runs that leave no trace.

Shapes: T steps, B batch.
"""

import copy
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from lstm_lib.doctor.axes import batch_axis
from lstm_lib.doctor.calling import Way, parts_of, way_of
from lstm_lib.doctor.layers import is_batch_first, is_cell, lstms_of
from lstm_lib.doctor.traces import copied, held_tensors, kept, tensors_in
from lstm_lib.nn.tokens import spelled
from lstm_lib.tasks import NO_TARGET

Loss = Callable[..., Tensor]

# What a network or a loss may raise that does not take what it gets (of RuntimeError: NotImplementedError too).
REFUSALS = (RuntimeError, ValueError, TypeError, IndexError, KeyError, AssertionError)


class Called(NamedTuple):
    """One call of an LSTM in a run: its name, what came in and what went out, as they were; of a cell, hs is its h."""

    name: str
    inputs: Any
    state: Any
    hs: Any
    h_n: Tensor
    c_n: Tensor


class Ran(NamedTuple):
    """One run: what the network returned, its answers (the first tensor of it), and each call of an LSTM."""

    outputs: Any
    answers: Tensor
    calls: list[Called]


class Subject:
    """A copy of a network, with the batch, the loss and the optimiser that belong to it."""

    def __init__(
        self, model: nn.Module, batch: Any, loss: Loss | None, lengths: Any, optimizer: Any, longest_lag: int | None
    ) -> None:
        """Copy the network and the optimiser; bring the batch into the form of tensors."""
        model = getattr(model, "_orig_mod", model)  # compiled networks have no hooks; this is the same one
        memo = {id(held): held.detach().clone() for held in held_tensors(model) if not held.is_leaf}
        try:
            self.model: nn.Module = copy.deepcopy(model, memo)
            self.optimizer = copy.deepcopy(optimizer, memo)
        except (TypeError, RuntimeError) as error:
            what = f"got a {type(model).__name__} that cannot be copied ({error})"
            raise ValueError(f"{what}, expected one that copy.deepcopy takes: the doctor works on a copy") from error
        self.model.eval()
        self.lstms = lstms_of(self.model)
        self.is_course_batch = hasattr(batch, "_fields") and tuple(batch._fields) == ("xs", "targets", "mask")
        self.inputs, self.targets, self.mask = parts_of(batch, self.model)
        self.lengths = None if lengths is None else torch.as_tensor(lengths).cpu()
        self.longest_lag = longest_lag
        self.given_loss = loss
        takes = parameters_of(self.model.forward)
        self.brings_graph = any(one.grad_fn is not None for one in tensors_in(batch))
        self.takes_lengths = "lengths" in takes and self.lengths is not None
        self._loss_takes_first: bool | None = None
        self._way: Way | None = None  # how the network takes its inputs; found at the first run
        self.axis: int | None = None  # of the batch in the inputs; found once the network has run
        self.per_step = False  # whether there is an answer at each step

    def find_axes(self, ran: "Ran") -> None:
        """Find out which axis of the inputs is the batch, from what came and what the first LSTM makes of it."""
        inputs, targets = self.inputs, self.targets
        if not isinstance(inputs, Tensor) or inputs.dim() < 2:
            return
        usual = 1
        if ran.calls and is_cell(self.lstms[ran.calls[0].name]):
            B = len(ran.calls[0].inputs)
            usual = 0 if inputs.shape[0] == B and inputs.shape[1] != B else 1
        elif ran.calls and isinstance(ran.calls[0].inputs, Tensor) and ran.calls[0].inputs.dim() == 3:
            usual = 0 if is_batch_first(self.lstms[ran.calls[0].name]) else 1
            if ran.calls[0].inputs.shape[:2] == inputs.shape[:2][::-1] and inputs.shape[0] != inputs.shape[1]:
                usual = 1 - usual
        elif ran.calls and isinstance(ran.calls[0].inputs, PackedSequence):
            usual = 0 if int(ran.calls[0].inputs.batch_sizes[0]) == inputs.shape[0] else 1
        told: dict[str, Any] = {"is_course_batch": self.is_course_batch, "usual": usual}
        told["longest_lag"] = self.longest_lag
        self.axis = batch_axis(inputs, targets, self.lengths, **told)
        has_steps = isinstance(targets, Tensor) and targets.dim() > 1 and targets.shape[:2] == inputs.shape[:2]
        self.per_step = has_steps or (targets is None and ran.answers.dim() > 2)

    def twin(self) -> "Subject":
        """Copy the copy, with its optimiser: for experiments that change weights."""
        other = copy.copy(self)
        memo = {id(held): held.detach().clone() for held in held_tensors(self.model) if not held.is_leaf}
        other.model = copy.deepcopy(self.model, memo)
        other.optimizer = copy.deepcopy(self.optimizer, memo)
        other.lstms = lstms_of(other.model)
        return other

    # ------------------------------------------------------------ running

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Undo, at the end, whatever running changes in the copy, so that each run starts alike."""
        with kept(self.model):
            yield

    def call(self, inputs: Any = None, lengths: Tensor | None = None, *, grad: bool = False, seed: int = 0) -> Ran:
        """Run once, with the random numbers of a seed, and leave what a run leaves."""
        inputs = self.inputs if inputs is None else inputs
        lengths = self.lengths if lengths is None else lengths
        told, calls = {"lengths": lengths} if self.takes_lengths else {}, list[Called]()
        if self._way is None:
            with torch.no_grad(), self.undone():
                self._way = way_of(self.model, inputs, told)
        way = self._way

        def record(name: str) -> Callable[..., None]:
            def hook(lstm: Any, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> None:
                inputs = args[0] if args else kwargs["input"]
                state = args[1] if len(args) > 1 else kwargs.get("hx")
                if is_cell(lstm):
                    calls.append(Called(name, inputs, state, out[0], *out))
                    return
                inputs = spelled(inputs, kwargs.get("embedding"), lstm.weight_ih_l0)
                calls.append(Called(name, inputs, state, out[0], *out[1]))

            return hook

        handles = [lstm.register_forward_hook(record(name), with_kwargs=True) for name, lstm in self.lstms.items()]
        torch.default_generator.manual_seed(seed)
        if torch.cuda.is_available():
            torch.cuda.manual_seed_all(seed)
        try:
            # cuDNN has no gradient outside of training
            with torch.set_grad_enabled(grad), torch.backends.cudnn.flags(enabled=not grad):
                outputs = way(self.model, copied(inputs), told)
        finally:
            for handle in handles:
                handle.remove()
        return Ran(outputs, first_tensor(outputs), calls)

    def run(self, inputs: Any = None, lengths: Tensor | None = None, *, grad: bool = False, seed: int = 0) -> Ran:
        """Run once, and leave the copy as it was."""
        with self.undone():
            return self.call(inputs, lengths, grad=grad, seed=seed)

    # ------------------------------------------------------------ loss

    @property
    def can_lose(self) -> bool:
        """Whether there is a loss to be computed."""
        return self.inputs is not None and self.targets is not None

    @property
    def has_one_target(self) -> bool:
        """Whether there is a loss, of targets in one tensor: those in several parts are the loss's own business."""
        return self.can_lose and isinstance(self.targets, Tensor)

    @property
    def can_ask(self) -> bool:
        """Whether there is a loss of the user's own that can be asked about each target."""
        return self.has_one_target and self.given_loss is not None

    def loss(self, outputs: Any, targets: Tensor | None = None) -> Tensor:
        """Compute the loss of what the network returned, or of its answers alone, as the given loss will have it."""
        targets = self.targets if targets is None else targets
        if self.given_loss is None:
            return usual_loss(first_tensor(outputs), targets, self.mask)
        more = (self.mask,) if self.mask is not None and len(needed(self.given_loss)) > 2 else ()
        if self._loss_takes_first is None and isinstance(outputs, tuple | list):
            try:
                found = self.given_loss(outputs, targets, *more)
                self._loss_takes_first = False
                return found
            except (TypeError, AttributeError, RuntimeError, ValueError, IndexError):
                self._loss_takes_first = True  # it wants the answers without the state
        told = first_tensor(outputs) if self._loss_takes_first else outputs
        found = self.given_loss(told, targets, *more)
        return found


def like(outputs: Any, answers: Tensor) -> Any:
    """Put other answers into what a network returned: in the place of the first tensor."""
    if isinstance(outputs, Tensor):
        return answers
    if isinstance(outputs, Mapping):
        name = next(name for name, value in outputs.items() if isinstance(value, Tensor))
        return {**outputs, name: answers}
    return (like(outputs[0], answers), *outputs[1:])


def first_tensor(outputs: Any) -> Tensor:
    """Return the answers: the first tensor of what a network returned.

    Raises:
        ValueError: If there is none.
    """
    if isinstance(outputs, Tensor):
        return outputs
    values = outputs.values() if isinstance(outputs, Mapping) else outputs if isinstance(outputs, tuple | list) else ()
    for value in values:
        if isinstance(value, Tensor | tuple | list | dict):
            return first_tensor(value)
    raise ValueError(f"got a {type(outputs).__name__} from the network, expected a tensor of answers in it")


def usual_loss(answers: Tensor, targets: Tensor, mask: Tensor | None) -> Tensor:
    """Compute cross-entropy for class numbers, the mean squared error for numbers; at the questions, if a mask says."""
    if not targets.is_floating_point():
        asked = (targets != NO_TARGET) & (targets != -100)
        asked = asked if mask is None else asked & mask
        return F.cross_entropy(answers[asked], targets[asked])
    answers = answers.reshape(targets.shape) if answers.numel() == targets.numel() else answers
    error = (answers - targets) ** 2
    return error[mask].mean() if mask is not None else error[~error.isnan()].mean()


def needed(function: Callable[..., Any]) -> list[str]:
    """List the parameters that a function cannot do without."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    places = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [one.name for one in parameters if one.kind in places and one.default is inspect.Parameter.empty]


def parameters_of(function: Callable[..., Any]) -> set[str]:
    """Return the names of a function's parameters."""
    return set(inspect.signature(function).parameters)
