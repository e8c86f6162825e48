"""On a GPU as on a processor: ``pytest tests/test_nn_cuda.py`` where there is one. The same tests run on the processor.

float32 products may use TF32 on a GPU; here they may not, so that the tolerances of the processor hold.
"""

import copy
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from nn_helpers import HAS_BFLOAT16, LENGTHS, NO_BFLOAT16, TOLERANCE, B, D, H, T, assert_close, draw, run, twin

from lstm_lib import nn, tasks, training

# torch says so of its own module on a processor; ours takes the same path.
pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
MISSING = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
on_each_device = pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=MISSING)])
BACKENDS = ("reference", "native", "fused", "auto")


@pytest.fixture(autouse=True)
def exact_products() -> Iterator[None]:
    """Switch TF32 off, in products and in cuDNN."""
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    yield
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


def pair(backend: str, device: str, dtype: torch.dtype, **options: Any) -> tuple[torch.nn.LSTM, nn.LSTM]:
    """Draw torch's LSTM and its twin on a device."""
    torch.manual_seed(0)
    theirs = torch.nn.LSTM(D, H, dtype=dtype, **options)
    return copy.deepcopy(theirs).to(device), twin(theirs, backend).to(device)


@on_each_device
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])
@pytest.mark.parametrize("form", ["batch", *LENGTHS])
@pytest.mark.parametrize("options", [{}, {"num_layers": 2, "bidirectional": True}, {"proj_size": 2}], ids=str)
def test_the_numbers_are_those_of_torch(
    device: str, backend: str, dtype: torch.dtype, form: str, options: dict[str, Any]
) -> None:
    theirs, ours = pair(backend, device, dtype, **options)
    xs = draw(torch.Generator().manual_seed(1), T, B, D, dtype=dtype).detach().to(device)
    wide = 3 if device == "cuda" else 1  # cuDNN adds up in another order: 1.05e-5 where gradients reach 3.4
    found, expected = run(ours, xs, None, form, device=device), run(theirs, xs, None, form, device=device)
    assert_close(found, expected, wide * TOLERANCE[dtype])


@on_each_device
@pytest.mark.parametrize("backend", BACKENDS)
def test_autocast_answers_close_to_float32(device: str, backend: str) -> None:
    if (device, backend) == ("cpu", "native") and not HAS_BFLOAT16:
        pytest.skip(NO_BFLOAT16)
    theirs, ours = pair(backend, device, torch.float32)
    xs = torch.randn(T, B, D, device=device)
    exact, _ = theirs(xs)
    with torch.autocast(device, torch.bfloat16):
        low, _ = ours(xs)
    assert (low.float() - exact).abs().max() < 0.02


@MISSING
def test_on_cuda_torch_takes_float16_under_any_autocast_and_ours_what_was_asked() -> None:
    xs = torch.randn(T, B, D, device="cuda")
    with torch.autocast("cuda", torch.bfloat16):
        of_torch, (_, c_of_torch) = torch.nn.LSTM(D, H, device="cuda")(xs)
        of_ours, (_, c_of_ours) = nn.LSTM(D, H, device="cuda", backend="fused")(xs)
        said = nn.explain(nn.LSTM(D, H, device="cuda"), xs)
    assert of_torch.dtype == c_of_torch.dtype == torch.float16
    assert of_ours.dtype == c_of_ours.dtype == torch.bfloat16
    assert said.backend != "native" or "take float16 under any autocast" in said.reason


@on_each_device
def test_a_gpu_gives_the_numbers_of_the_processor_for_every_cell(device: str) -> None:
    for cell in nn.CELLS:
        torch.manual_seed(0)
        here = nn.LSTM(D, H, cell=cell, dtype=torch.float64)
        there = copy.deepcopy(here).to(device)
        xs = torch.randn(T, B, D, dtype=torch.float64)
        torch.testing.assert_close(there(xs.to(device))[0].cpu(), here(xs)[0], rtol=0, atol=1e-12)


@on_each_device
def test_noise_acts_in_training_only(device: str) -> None:
    lstm = nn.LSTM(D, H, variational_dropout=0.3, recurrent_dropout=0.3, device=device)
    xs = torch.randn(T, B, D, device=device)
    assert not torch.equal(lstm(xs)[0], lstm(xs)[0])
    lstm.eval()
    assert torch.equal(lstm(xs)[0], lstm(xs)[0])


@on_each_device
def test_weights_stay_in_one_piece_through_copies_and_moves(device: str) -> None:
    _, lstm = pair("native", device, torch.float32, num_layers=2)
    before, xs = lstm.state_dict(), torch.randn(T, B, D, device=device)
    for other in (copy.deepcopy(lstm), lstm.double().float(), lstm.to("cpu").to(device)):
        other.flatten_parameters()
        assert all(torch.equal(value, before[name].to(value.device)) for name, value in other.state_dict().items())
        assert torch.isfinite(other(xs)[0]).all()


@on_each_device
@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_training_reaches_the_goal_in_every_precision(device: str, precision: str) -> None:
    torch.manual_seed(0)
    sample = training.numbered(lambda rng: tasks.delay(rng, 32, 3))
    model = nn.Tagger(6, 16, 4)
    settings = training.Settings(batches=400, precision=precision, evaluate_every=50, goal=0.99)
    history = training.fit(model, sample, settings, evaluate=sample(10**6), device=device, progress=False)
    assert history.stopped == "goal"
