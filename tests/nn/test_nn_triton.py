"""The kernels in Triton: on a GPU in every precision, and on any processor by Triton's interpreter, where it is there.

What they are compared with is the readable loop in float64.
"""

import copy
import importlib.machinery
import os
import subprocess
import sys
import types
from typing import Any

import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence

from lstm_lib import nn
from lstm_lib.nn.backends import triton

# Largest error of an array, by its norm: TF32 and float16 have 11 bits, bfloat16 8.
TOLERANCE = {torch.float32: 1e-3, torch.float16: 1.5e-3, torch.bfloat16: 1.2e-2}
MISSING = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
INTERPRETED = pytest.mark.skipif(not triton._has_triton(), reason="Triton 3.3 or newer is not installed")
SIZES = [(5, 3, 4, 16), (20, 33, 7, 40), (30, 40, 16, 200), (24, 17, 64, 512), (9, 40, 64, 768)]


def gradients(lstm: nn.LSTM, xs: torch.Tensor, lengths: list[int] | None) -> list[torch.Tensor]:
    """Run, and return outputs, last states and all gradients, of the same random question to each."""
    xs = xs.detach().requires_grad_()
    given = xs if lengths is None else pack_padded_sequence(xs, lengths, enforce_sorted=False)
    hs, state = lstm(given)
    outputs = [hs if lengths is None else hs.data, *state]
    rng = torch.Generator().manual_seed(1)
    asked = [torch.randn(part.shape, generator=rng).to(part.device, part.dtype) for part in outputs]
    return [*outputs, *torch.autograd.grad(outputs, [xs, *lstm.parameters()], asked)]


def errors(size: tuple[int, int, int, int], device: str, dtype: torch.dtype, form: str, **options: Any) -> list[float]:
    """Compare Triton's numbers with those of the readable loop in float64."""
    T, B, D, H = size
    torch.manual_seed(0)
    exact = nn.LSTM(D, H, dtype=torch.float64, backend="reference", **options).to(device)
    ours = nn.LSTM(D, H, backend="triton", dtype=dtype, **options).to(device)
    ours.load_state_dict(exact.state_dict())
    exact.load_state_dict(copy.deepcopy(ours.state_dict()))  # rounded alike
    xs = torch.randn(T, B, D, device=device).to(dtype)
    lengths = None if form == "batch" else [T, *torch.randint(1, T + 1, (B - 1,)).tolist()]
    expected, found = gradients(exact, xs.double(), lengths), gradients(ours, xs, lengths)
    return [float((a.double() - b).norm() / b.norm()) for a, b in zip(found, expected, strict=True)]


@MISSING
@pytest.mark.parametrize("form", ["batch", "packed"])
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_on_cuda_the_numbers_are_those_of_float64(
    size: tuple[int, int, int, int], dtype: torch.dtype, form: str
) -> None:
    if dtype == torch.float32 and size[3] > 512:
        pytest.skip("its weights do not fit")
    assert max(errors(size, "cuda", dtype, form, bidirectional=True)) < TOLERANCE[dtype]


@MISSING
@pytest.mark.parametrize("cell", triton.CELLS)
@pytest.mark.parametrize("H", [24, 300])
def test_on_cuda_every_cell_gives_the_numbers_of_float64(cell: str, H: int) -> None:
    assert max(errors((12, 20, 8, H), "cuda", torch.bfloat16, "packed", cell=cell, num_layers=2)) < 2e-2


@MISSING
@pytest.mark.parametrize("H", [24, 300])
def test_on_cuda_without_gradients_the_outputs_are_the_same(H: int) -> None:
    lstm = nn.LSTM(8, H, backend="triton", dtype=torch.bfloat16).cuda()
    xs = torch.randn(12, 20, 8).bfloat16().cuda()
    with torch.no_grad():
        quiet, _ = lstm(xs)
    assert torch.equal(quiet, lstm(xs)[0])


@MISSING
def test_on_cuda_the_same_numbers_come_out_every_time() -> None:
    lstm = nn.LSTM(64, 512, backend="triton", dtype=torch.bfloat16).cuda()
    xs = torch.randn(200, 64, 64).bfloat16().cuda()
    first = gradients(lstm, xs, None)
    for _ in range(5):
        assert all(torch.equal(a, b) for a, b in zip(first, gradients(lstm, xs, None), strict=True))


@MISSING
def test_on_cuda_float32_without_tf32_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    with pytest.raises(RuntimeError, match="float32 without TF32"):
        nn.LSTM(3, 4, backend="triton").cuda()(torch.ones(2, 1, 3, device="cuda"))


def test_without_a_gpu_the_error_says_so() -> None:
    with pytest.raises(RuntimeError, match="Triton computes on NVIDIA GPUs"):
        nn.LSTM(3, 4, backend="triton")(torch.ones(2, 1, 3))


def test_the_library_does_not_import_triton() -> None:
    code = "import sys, torch\nfrom lstm_lib import nn\nnn.LSTM(3, 4)(torch.ones(2, 1, 3))\n"
    code += "assert not [name for name in sys.modules if name.split('.')[0] == 'triton'], 'triton was imported'"
    subprocess.run([sys.executable, "-c", code], check=True)


ASKED = """
from test_nn_triton import errors, one_of_several, torch
from lstm_lib.nn.backends import triton
alone = triton.cut
for cut in (alone, one_of_several):
    triton.cut = cut
    for form in ("batch", "packed"):
        for cell in triton.CELLS:
            print(max(errors((7, 3, 5, 4), "cpu", torch.float32, form, cell=cell, bidirectional=True)))
    print(max(errors((5, 17, 5, 20), "cpu", torch.float32, "packed")))
    print(max(errors((5, 17, 5, 21), "cpu", torch.float32, "packed")))
"""


def one_of_several(B: int, H: int, *about: int) -> triton.Tiles:
    """Cut for programs that wait for each other, with one program that holds all units: the interpreter runs one."""
    inner = max(16, 1 << (H - 1).bit_length())
    return triton.Tiles(16, inner, inner, False, 4, group=1 if H % 2 else 2)


@pytest.mark.parametrize(("version", "is_enough"), [("3.2.0", False), ("3.3.0", True), ("3.10.1", True)])
def test_a_triton_that_lets_no_programs_wait_is_none(
    version: str, is_enough: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = types.ModuleType("triton")
    module.__spec__, module.__version__ = importlib.machinery.ModuleSpec("triton", None), version  # type: ignore
    monkeypatch.setitem(sys.modules, "triton", module)
    assert triton._has_triton.__wrapped__() is is_enough


@INTERPRETED
def test_the_interpreter_computes_what_the_readable_loop_does() -> None:
    path = os.pathsep.join([os.path.dirname(__file__), *sys.path])
    environment = {**os.environ, "TRITON_INTERPRET": "1", "PYTHONPATH": path}
    told = subprocess.run([sys.executable, "-c", ASKED], env=environment, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr[-2000:]
    found = [float(line) for line in told.stdout.split()]
    assert len(found) == 2 * (2 * len(triton.CELLS) + 2)
    assert max(found) < 2e-6


@pytest.mark.parametrize("itemsize", [2, 4])
@pytest.mark.parametrize("B", [1, 16, 64, 512])
@pytest.mark.parametrize("H", [1, 16, 100, 128, 256, 768, 1024, 2048])
def test_a_cut_covers_everything_and_fits(H: int, B: int, itemsize: int) -> None:
    tiles = triton.cut(B, H, itemsize, 132)
    if tiles is None:
        return
    for_sequences, for_units = tiles.programs(B, H)
    assert for_sequences * tiles.BB >= B
    assert for_units * tiles.BH >= H
    assert tiles.inner >= H
    assert (for_units == 1) if tiles.alone else (for_sequences * for_units <= 132)
    assert 4 * tiles.BH * tiles.inner * itemsize < triton.SHARED
