"""What the tests of ``lstm_lib.nn`` share: random inputs, one run with all its gradients, every cell by hand."""

import copy
import math
import shutil
import sys
import types
import unittest
import unittest.mock
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

from lstm_lib.nn import LSTM
from lstm_lib.nn.backends.native import onednn_computes

T, B, D, H, P = 7, 3, 5, 4, 2
LENGTHS = {"packed": [7, 4, 2], "packed, unsorted": [4, 2, 7]}
FORMS = ("batch", "batch first", "one sequence", *LENGTHS)
ROWS = {"coupled": "fgo", "janet": "fg", "no-forget": "igo"}  # of the cells without all four
HAS_BFLOAT16 = onednn_computes(torch.bfloat16, with_gradients=True)  # torch's own LSTM under autocast on this processor
NO_BFLOAT16 = "this processor has no bfloat16 instructions for LSTMs in oneDNN, and torch's own LSTM raises"
IS_PINNED = torch.__version__ >= "2.13"  # an older torch checks less, and compiles and exports less
COMPILER = shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")  # for backend="cpp"
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


def module_info(kind: type[torch.nn.Module] = torch.nn.LSTM) -> Any:
    """Return what PyTorch's own module tests know of a class, which torch installs."""
    if "expecttest" not in sys.modules:  # PyTorch's test tools import it at their top; the cases do not use it
        stand_in = types.ModuleType("expecttest")
        stand_in.TestCase = unittest.TestCase
        sys.modules["expecttest"] = stand_in
    with unittest.mock.patch.object(torch.backends, "disable_global_flags"):  # or later tests could set none
        common_modules = pytest.importorskip("torch.testing._internal.common_modules")
    return next(info for info in common_modules.module_db if info.module_cls is kind)


def module_cases(training: bool, kind: type[torch.nn.Module] = torch.nn.LSTM) -> list[Any]:
    """List the cases of PyTorch's own module tests, in float64."""
    info = module_info(kind)
    return info.module_inputs_func(info, device="cpu", dtype=torch.float64, requires_grad=True, training=training)


def assert_slopes(function: Callable[..., tuple[Tensor, ...]], *inputs: Tensor) -> None:
    """Hold the gradient of each input beside finite differences along random directions, in float64.

    The results are added with random weights: a slope of the sum is wrong if a slope of any result is.
    """
    rng, ε = torch.Generator().manual_seed(11), 1e-5

    def mix(*inputs: Tensor) -> Tensor:
        weights = torch.Generator().manual_seed(12)
        results = function(*inputs)
        return torch.stack([(draw(weights, *part.shape).detach() * part).sum() for part in results]).sum()

    gradients = torch.autograd.grad(mix(*inputs), inputs)
    with torch.no_grad():
        for k, gradient in enumerate(gradients):
            for _ in range(3):
                v = draw(rng, *inputs[k].shape).detach()
                at = {n: mix(*inputs[:k], inputs[k] + n * ε * v, *inputs[k + 1 :]) for n in (-2, -1, 1, 2)}
                slope = (8 * (at[1] - at[-1]) - (at[2] - at[-2])) / (12 * ε)  # its error falls with ε⁴
                assert abs(slope - (gradient * v).sum()) <= 1e-7 * (gradient * v).abs().sum(), k


def assert_close(actual: dict[str, Tensor], expected: dict[str, Tensor], tolerance: float) -> None:
    """Hold the largest error of each tensor below a fraction of its largest entry."""
    assert actual.keys() == expected.keys()
    for name, e in expected.items():
        assert (actual[name].shape, actual[name].dtype) == (e.shape, e.dtype), name
    both = list(actual.values()), list(expected.values())
    errors, largest = (torch.stack(torch._foreach_norm(x, math.inf)) for x in (torch._foreach_sub(*both), both[1]))
    wrong = ~(errors <= tolerance * largest) | ~largest.isfinite()  # NaN is wrong too
    assert not wrong.any(), dict(zip(expected, zip(errors.tolist(), largest.tolist(), strict=True), strict=True))


# ---------------------------------------------------------------- the cells, written out again


def make(cell: str, *sizes: int, **options: Any) -> LSTM:
    """Make a module in float64 whose every parameter is drawn anew, none of them zero or alike."""
    lstm = LSTM(*(sizes or (D, H)), cell=cell, **{"backend": "reference"} | options, dtype=torch.float64)
    for k, parameter in enumerate(lstm.parameters()):
        rng = torch.Generator().manual_seed(k)
        parameter.data.copy_(draw(rng, *parameter.shape).detach() / 2)
    return lstm


def twins(cell: str, backend: str, dtype: torch.dtype = torch.float64, **options: Any) -> tuple[LSTM, LSTM]:
    """Make two modules with the same numbers, the readable one and one of another backend."""
    readable = make(cell, **options)
    ours = LSTM(D, H, cell=cell, backend=backend, dtype=dtype, **options)
    ours.load_state_dict(copy.deepcopy(readable.state_dict()))
    return readable, ours


def assert_autocast_leaves_the_way_back_alone(cell: str, backend: str) -> None:
    """Hold the gradients of a backward pass under autocast, and of a forward pass without, beside those in float64."""
    readable, ours = twins(cell, backend, torch.float32)
    readable.load_state_dict(ours.state_dict())
    xs = draw(torch.Generator().manual_seed(8), T, B, D).float()
    hs, _ = ours(xs)
    with torch.autocast("cpu", torch.bfloat16):
        hs.sum().backward()
    readable(xs.double())[0].sum().backward()
    derived = [name for name, _ in ours.named_parameters() if "_hh" in name or cell != "layernorm"]  # not by autograd
    found, expected = ([lstm.get_parameter(name).grad.double() for name in derived] for lstm in (ours, readable))
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def penalty_gradients(lstm: LSTM, xs: Tensor) -> dict[str, Tensor]:
    """Return the gradients of a penalty on the gradient of the input: of what is differentiated twice."""
    lstm.zero_grad()
    (slope,) = torch.autograd.grad(lstm(xs)[0].pow(3).sum(), xs, create_graph=True)
    slope.pow(2).sum().backward()
    return {name: p.grad for name, p in lstm.named_parameters() if p.grad is not None}


def σ(a: Any) -> Any:
    return 1 / (1 + np.exp(-a))


def norm(a: Any, gain: Any, shift: Any) -> Any:
    """Normalise every row: mean zero, variance one, then gain and shift."""
    centred = a - a.mean(axis=1, keepdims=True)
    return gain * centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-5) + shift


def step_by_hand(cell: str, w: dict[str, Any], x: Any, h: Any, c: Any, mask_g: Any = 1.0) -> tuple[Any, Any]:
    """Take one step as the papers write it, gate by gate, in NumPy; biases that are not there are zero."""

    def bias(name: str) -> Any:
        return w.get(name, np.zeros(1))

    if cell == "layernorm":
        a = norm(x @ w["weight_ih"].T, w["weight_norm_ih"], bias("bias_ih"))
        a = a + norm(h @ w["weight_hh"].T, w["weight_norm_hh"], bias("bias_hh"))
    else:
        a = x @ w["weight_ih"].T + h @ w["weight_hh"].T + bias("bias_ih") + bias("bias_hh")
    gate = {name: a[:, k * H : (k + 1) * H] for k, name in enumerate(ROWS.get(cell, "ifgo"))}
    g = np.tanh(gate["g"]) * mask_g
    if cell == "standard":
        c = σ(gate["f"]) * c + σ(gate["i"]) * g
        return σ(gate["o"]) * np.tanh(c), c
    if cell == "drawn":
        said = np.tanh(σ(gate["f"]) * c @ w["weight_u"].T + bias("bias_u"))
        return σ(gate["o"]) * said, σ(gate["f"]) * c + σ(gate["i"]) * g
    if cell == "peephole":
        peep_i, peep_f, peep_o = w["weight_peep"]
        new = σ(gate["f"] + peep_f * c) * c + σ(gate["i"] + peep_i * c) * g
        return σ(gate["o"] + peep_o * new) * np.tanh(new), new
    if cell == "coupled":
        c = σ(gate["f"]) * c + (1 - σ(gate["f"])) * g
        return σ(gate["o"]) * np.tanh(c), c
    if cell == "janet":
        c = σ(gate["f"]) * c + (1 - σ(gate["f"])) * g
        return c, c
    if cell == "no-forget":
        c = c + σ(gate["i"]) * g
        return σ(gate["o"]) * np.tanh(c), c
    assert cell == "layernorm"
    c = σ(gate["f"]) * c + σ(gate["i"]) * g
    return σ(gate["o"]) * np.tanh(norm(c, w["weight_norm_c"], bias("bias_norm_c"))), c


def weights_by_hand(lstm: LSTM, suffix: str) -> dict[str, Any]:
    """Give the weights of one layer and direction as arrays, without their suffix."""
    named = {name: p.detach().numpy() for name, p in lstm.named_parameters()}
    return {name.removesuffix(suffix): p for name, p in named.items() if name.endswith(suffix)}
