"""What can be seen of a case without any doctor: each function makes a test of one symptom, or is one.

A case is used up: its weights and the state that it keeps may be others afterwards.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lstm_lib.nn import LSTM
from tests.doctor.cases import Case, ask

Symptom = Callable[[Case], bool]


def pair(case: Case) -> tuple[Tensor, Tensor]:
    """Return inputs and targets as tensors."""
    inputs, targets = case.batch[:2]
    return torch.as_tensor(inputs), torch.as_tensor(targets)


def first(outputs: Any) -> Tensor:
    """Return the answers: the outputs, or the first of them."""
    return outputs[0] if isinstance(outputs, tuple) else outputs


def lstms(case: Case) -> list[nn.Module]:
    """Find the LSTMs."""
    return [module for module in case.model.modules() if isinstance(module, nn.LSTM | LSTM)]


@contextlib.contextmanager
def as_before(model: nn.Module) -> Iterator[None]:
    """Put back mode, buffers and any attribute that a call sets."""
    kept = [(module, dict(module.__dict__), dict(module._buffers)) for module in model.modules()]
    try:
        yield
    finally:
        for module, attributes, buffers in kept:
            module.__dict__.clear()
            module.__dict__.update(attributes)
            module._buffers.update(buffers)


def answers(
    case: Case, inputs: Tensor | None = None, lengths: Tensor | None = None, *, training: bool = False
) -> Tensor:
    """Ask without leaving a trace; in eval mode unless told otherwise."""
    with as_before(case.model), torch.no_grad():
        for module in case.model.modules():
            module.training = training
        inputs = pair(case)[0] if inputs is None else inputs
        return first(ask(case.model, inputs, case.lengths if lengths is None else lengths)).clone()


def loss_of(case: Case) -> float:
    """Return the loss on the batch in eval mode."""
    assert case.loss is not None
    inputs, targets = pair(case)
    with as_before(case.model), torch.no_grad():
        for module in case.model.modules():
            module.training = False
        return case.loss(ask(case.model, inputs, case.lengths), targets).item()


# ---------------------------------------------------------------- healthy ones


def works(chance: float, share: float = 0.5, *, batch_axis: int | None = 0) -> Symptom:
    """Say whether the loss is below a share of that of guessing, and no answer depends on another sequence."""

    def look(case: Case) -> bool:
        return loss_of(case) < share * chance and (batch_axis is None or not rows_mix(batch_axis)(case))

    return look


def both(*symptoms: Symptom) -> Symptom:
    """Say whether all are there."""
    return lambda case: all(symptom(case) for symptom in symptoms)


# ---------------------------------------------------------------- what comes in


def rows_mix(batch_axis: int = 0) -> Symptom:
    """Say whether the answer to a row, the first or the last, is another one when the rest changes places."""

    def look(case: Case) -> bool:
        inputs, _ = pair(case)
        B, old = inputs.shape[batch_axis], answers(case)
        axis = batch_axis if old.dim() > 2 else 0
        for shift in range(1, B - 1):
            for row in (0, B - 1):
                others = [n for n in range(B) if n != row]
                others = others[shift:] + others[:shift]
                order = torch.tensor([row, *others] if row == 0 else [*others, row])
                lengths = None if case.lengths is None else case.lengths[order]
                new = answers(case, inputs.index_select(batch_axis, order), lengths)
                if not torch.allclose(old.select(axis, row), new.select(axis, row), atol=1e-5):
                    return True
        return False

    return look


def feels_padding(case: Case) -> bool:
    """Say whether a padded sequence is answered otherwise than by itself, without padding (batch first)."""
    inputs, _ = pair(case)
    assert case.lengths is not None
    together = answers(case)
    for row in range(len(inputs)):
        length = int(case.lengths[row])
        alone = answers(case, inputs[row : row + 1, :length], case.lengths[row : row + 1])[0]
        beside = together[row][:length] if alone.dim() == 2 else together[row]
        if not torch.allclose(alone, beside, atol=1e-4):
            return True
    return False


def ignores_input(case: Case) -> bool:
    """Say whether all sequences get the same answer."""
    out = answers(case)
    return bool((out.flatten(1) if out.dim() > 1 else out).std(0).max() < 1e-3)


def echoes(case: Case) -> bool:
    """Say whether the forecast is nearer to the input of its step than the truth is, by far."""
    inputs, targets = pair(case)
    out = answers(case)
    last = inputs if out.shape == inputs.shape else inputs[:, -1].reshape(out.shape)
    return bool(F.mse_loss(out, last) < 0.25 * F.mse_loss(last, targets.reshape(out.shape)))


# ---------------------------------------------------------------- states that are kept


def remembers(forget: Callable[[nn.Module], None]) -> Symptom:
    """Say whether another batch before it makes the answers worse than a fresh start does."""

    def look(case: Case) -> bool:
        inputs, _ = pair(case)
        carried = loss_of(case)
        stale = answers(case)
        forget(case.model)
        fresh = loss_of(case)
        return not torch.allclose(stale, answers(case), atol=1e-4) and fresh < carried

    return look


def carries_well(forget: Callable[[nn.Module], None]) -> Symptom:
    """Say whether what is kept from the chunk before makes the loss lower than a fresh start."""

    def look(case: Case) -> bool:
        carried = loss_of(case)
        forget(case.model)
        return carried < loss_of(case)

    return look


def second_update_fails(case: Case) -> bool:
    """Say whether torch refuses a second pass back, since the first one's graph still hangs on the state."""
    assert case.loss is not None
    inputs, targets = pair(case)
    try:
        for _ in range(3):
            case.loss(ask(case.model, inputs, case.lengths), targets).backward()
    except RuntimeError as error:
        return "second time" in str(error) or "inplace" in str(error)
    return False


# ---------------------------------------------------------------- inside


def watched(case: Case, which: int = 0) -> tuple[nn.Module, Any, Any]:
    """Return one LSTM, what came in, and what went out."""
    lstm, seen = lstms(case)[which], []
    hook = lstm.register_forward_hook(lambda _, args, out: seen.append((args[0], out)))
    answers(case)
    hook.remove()
    return lstm, *seen[-1]


def forget_biases(case: Case) -> list[Tensor]:
    """Return b_ih + b_hh of the forget gate, for each layer and direction of each LSTM (order i, f, g, o)."""
    found = []
    for lstm in lstms(case):
        H = lstm.hidden_size
        for name, bias in lstm.named_parameters():
            if name.startswith("bias_ih"):
                other = getattr(lstm, name.replace("bias_ih", "bias_hh"))
                found.append((bias + other)[H : 2 * H].detach())
    return found


def gates(case: Case) -> dict[str, Tensor]:
    """Compute the gates (T, B, H) of the first layer of the first LSTM of four gates, by hand."""
    lstm, xs, _ = watched(case)
    data = xs.transpose(0, 1) if lstm.batch_first else xs
    h = c = data.new_zeros(data.shape[1], lstm.hidden_size)
    steps = []
    with torch.no_grad():
        for x in data:
            a = x @ lstm.weight_ih_l0.T + lstm.bias_ih_l0 + h @ lstm.weight_hh_l0.T + lstm.bias_hh_l0
            i, f, g, o = a.chunk(4, -1)
            i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
            c = f * c + i * g
            h = o * c.tanh()
            steps.append(torch.stack([i, f, g, o, c]))
    return dict(zip("ifgoc", torch.stack(steps, 1), strict=True))


def stuck(gate: str, share: float = 0.9) -> Symptom:
    """Say whether a gate is below 0.02 or above 0.98 (g: beyond ±0.98) nearly always."""

    def look(case: Case) -> bool:
        values = gates(case)[gate]
        low = -0.98 if gate == "g" else 0.02
        return float(((values < low) | (values > 0.98)).float().mean()) > share

    return look


def unmoved(share: float, which: int = 0) -> Symptom:
    """Say whether at least a share of the units gives the same output at every step of every sequence."""

    def look(case: Case) -> bool:
        _, _, (hs, _) = watched(case, which)
        hs = hs.data if not isinstance(hs, Tensor) else hs
        return float((hs.flatten(0, -2).std(0) < 1e-3).float().mean()) >= share

    return look


def memory_grows(case: Case) -> bool:
    """Say whether the memory is at least three times as large after a sequence four times as long."""
    lstm, xs, _ = watched(case)
    time = 1 if lstm.batch_first else 0
    with torch.no_grad():
        sizes = [lstm(torch.cat([xs] * times, time))[1][1].abs().mean().item() for times in (1, 4)]
    return sizes[1] > 3 * sizes[0]


def fades(lag: int) -> Symptom:
    """Say whether a change of the first step moves the outputs ``lag`` steps later by less than a thousandth."""

    def look(case: Case) -> bool:
        lstm, xs, _ = watched(case)
        xs = xs.transpose(0, 1) if lstm.batch_first else xs
        other = torch.cat([xs[:1].roll(1, 1), xs[1:]])
        order = (lambda x: x.transpose(0, 1)) if lstm.batch_first else (lambda x: x)
        with torch.no_grad():
            moved = order(lstm(order(xs))[0]) - order(lstm(order(other))[0])
        sizes = moved.flatten(1).norm(dim=1)
        return bool(sizes[lag] < 1e-3 * sizes[0])

    return look


def gradient_by_step(case: Case, time_axis: int) -> Tensor:
    """Return the norm of the loss's gradient with respect to the (float) inputs, step by step."""
    assert case.loss is not None
    inputs, targets = pair(case)
    seen: list[Tensor] = []

    def keep(module: nn.Module, args: tuple[Any, ...], out: Any) -> Any:
        seen.append(out.detach().requires_grad_())
        return seen[-1]

    embedding = next((m for m in case.model.modules() if isinstance(m, nn.Embedding)), None)
    hook = embedding.register_forward_hook(keep) if embedding else contextlib.nullcontext()
    with as_before(case.model):
        if embedding is None:
            inputs = inputs.clone().requires_grad_()
            seen.append(inputs)
        case.loss(ask(case.model, inputs, case.lengths), targets).backward()
    if embedding:
        hook.remove()
    grad = seen[0].grad
    return grad.movedim(time_axis, 0).flatten(1).norm(dim=1)


def no_gradient_at_first(time_axis: int = 0) -> Symptom:
    """Say whether the first step gets less than a millionth of the gradient of the step that gets most."""

    def look(case: Case) -> bool:
        norms = gradient_by_step(case, time_axis)
        return bool(norms[0] < 1e-6 * norms.max())

    return look


def gradient_blows_up(factor: float = 1e4, time_axis: int = 0) -> Symptom:
    """Say whether the first steps get far more gradient than the last."""

    def look(case: Case) -> bool:
        norms = gradient_by_step(case, time_axis)
        return bool(norms[:5].mean() > factor * norms[-1])

    return look


# ---------------------------------------------------------------- training


def dropout_does_nothing(case: Case) -> bool:
    """Say whether two runs in training mode are alike, though an LSTM was given dropout."""
    asked = any(lstm.dropout > 0 for lstm in lstms(case))
    return asked and torch.equal(answers(case, training=True), answers(case, training=True))


def after_steps(case: Case, steps: int = 20) -> tuple[float, float]:
    """Return the loss before and after some updates on this batch with the case's optimiser."""
    assert case.loss is not None
    assert case.optimizer is not None
    inputs, targets = pair(case)
    start = loss_of(case)
    for _ in range(steps):
        case.optimizer.zero_grad()
        case.loss(ask(case.model, inputs, case.lengths), targets).backward()
        case.optimizer.step()
    return start, loss_of(case)


def learning_rate_too_high(chance: float) -> Symptom:
    """Say whether training has left the loss above that of guessing, and an update moves the weights by a twelfth."""

    def look(case: Case) -> bool:
        if loss_of(case) < chance:
            return False
        old = [parameter.detach().clone() for parameter in case.model.parameters()]
        after_steps(case, 1)
        new = [parameter.detach() for parameter in case.model.parameters()]
        moved = sum(((a - b) ** 2).sum() for a, b in zip(new, old, strict=True)) ** 0.5
        return bool(moved > 0.08 * sum((b**2).sum() for b in old) ** 0.5)

    return look


def learning_rate_too_low(case: Case) -> bool:
    """Say whether twenty updates on one and the same batch change its loss by less than a hundredth."""
    start, end = after_steps(case)
    return abs(end - start) < 0.01 * start



def badly(chance: float, share: float) -> Symptom:
    """Say whether the loss is not even below a share of that of guessing."""
    return lambda case: loss_of(case) > share * chance


def bias_of_layer_is_not(layer: int, meant: float, gap: float = 0.4) -> Symptom:
    """Say whether the forget biases of a layer and direction sum to something else than what was meant."""
    return lambda case: bool((forget_biases(case)[layer].mean() - meant).abs() > gap)
