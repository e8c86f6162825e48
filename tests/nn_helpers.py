"""What the tests of ``lstm_lib.nn`` share: random inputs of every form, and one run with all its gradients."""

import copy
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

from lstm_lib.nn import LSTM

T, B, D, H, P = 7, 3, 5, 4, 2
LENGTHS = {"packed": [7, 4, 2], "packed, unsorted": [4, 2, 7]}
FORMS = ("batch", "batch first", "one sequence", *LENGTHS)
TOLERANCE = {torch.float64: 1e-11, torch.float32: 1e-5}


def draw(rng: torch.Generator, *shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """Draw standard normal numbers that want a gradient."""
    return torch.randn(*shape, generator=rng, dtype=torch.float64).to(dtype).requires_grad_()


def twin(theirs: torch.nn.LSTM, backend: str) -> LSTM:
    """Build our LSTM from torch's, and load its checkpoint."""
    names = ("input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout", "bidirectional", "proj_size")
    ours = LSTM(**{name: getattr(theirs, name) for name in names}, dtype=theirs.weight_ih_l0.dtype, backend=backend)
    ours.load_state_dict(copy.deepcopy(theirs.state_dict()))
    return ours.train(theirs.training)


def make_input(rng: torch.Generator, form: str, dtype: torch.dtype) -> Tensor:
    """Draw the input as a leaf; packed forms are packed in ``run``."""
    shape = {"batch first": (B, T, D), "one sequence": (T, D)}.get(form, (T, B, D))
    return draw(rng, *shape, dtype=dtype)


def make_state(rng: torch.Generator, form: str, theirs: torch.nn.LSTM, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Draw an initial state for the form of the input."""
    L = theirs.num_layers * (1 + theirs.bidirectional)
    batch = () if form == "one sequence" else (B,)
    return tuple(draw(rng, L, *batch, size, dtype=dtype) for size in (theirs.proj_size or H, H))


def as_form(xs: Tensor, form: str, *, batch_first: bool = False) -> Tensor | PackedSequence:
    """Pack the input where the form says so."""
    if form not in LENGTHS:
        return xs
    return pack_padded_sequence(xs, LENGTHS[form], batch_first=batch_first, enforce_sorted=form == "packed")


def run(
    lstm: torch.nn.Module, xs: Tensor, state: Any, form: str = "batch", seed: int = 1, device: str = "cpu"
) -> dict[str, Tensor]:
    """Run forward and, from a random gradient of all that comes out, backward; return every result under its name."""
    xs = xs.detach().clone().requires_grad_()
    state = None if state is None else tuple(part.detach().clone().requires_grad_() for part in state)
    lstm.zero_grad()
    output, (h_n, c_n) = lstm(as_form(xs, form), state)
    results = {"output": output.data if isinstance(output, PackedSequence) else output, "h_n": h_n, "c_n": c_n}
    rng = torch.Generator().manual_seed(seed)
    gradients = [draw(rng, *part.shape, dtype=part.dtype).detach().to(device) for part in results.values()]
    torch.autograd.backward(tuple(results.values()), gradients)
    results |= {f"gradient of {name}": parameter.grad for name, parameter in lstm.named_parameters()}
    results |= {"gradient of the input": xs.grad}
    if state is not None:
        results |= {"gradient of h_0": state[0].grad, "gradient of c_0": state[1].grad}
    return {name: result.detach().clone() for name, result in results.items()}


def assert_close(actual: dict[str, Tensor], expected: dict[str, Tensor], tolerance: float) -> None:
    """Hold the largest error of each tensor below a fraction of its largest entry."""
    assert actual.keys() == expected.keys()
    for name, e in expected.items():
        a = actual[name]
        assert (a.shape, a.dtype) == (e.shape, e.dtype), name
        assert torch.isfinite(a).all(), name
        assert (a - e).abs().max() <= tolerance * e.abs().max(), name
