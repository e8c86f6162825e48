"""Exported without torch.jit, as an ONNX model and as an exported program, the module gives the same numbers."""

import logging
import warnings
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch

from lstm_lib import nn

T, B, D, H = 7, 3, 5, 4
MODULES: dict[str, dict[str, Any]] = {
    "one layer": {},
    "two layers, both directions": {"num_layers": 2, "bidirectional": True},
    "batch first": {"batch_first": True},
    "drawn": {"cell": "drawn"},
}
BACKENDS = {name: ["auto", "reference", "native"] if name != "drawn" else ["auto"] for name in MODULES}
cases = pytest.mark.parametrize(
    ("name", "backend"), [(name, backend) for name, backends in BACKENDS.items() for backend in backends]
)


def make(name: str, backend: str) -> tuple[nn.LSTM, tuple[Any, ...]]:
    """Draw a module, an input and a state."""
    torch.manual_seed(0)
    lstm = nn.LSTM(D, H, backend=backend, **MODULES[name]).eval()
    L = len(lstm.suffixes())
    xs = torch.randn(*((B, T) if lstm.batch_first else (T, B)), D)
    return lstm, (xs, (torch.randn(L, B, H), torch.randn(L, B, H)))


def flat(tree: Any) -> list[np.ndarray]:
    """List the arrays of (output, (h, c))."""
    output, (h, c) = tree
    return [part.detach().numpy() for part in (output, h, c)]


@cases
def test_an_onnx_model_answers_as_the_module_does(name: str, backend: str) -> None:
    lstm, inputs = make(name, backend)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # or it misses torchvision, which nothing here needs
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter uses parts of torch that torch itself is about to replace
        program = torch.onnx.export(lstm, inputs, dynamo=True, verbose=False)
        session = onnxruntime.InferenceSession(program.model_proto.SerializeToString())
    fed = dict(zip([i.name for i in session.get_inputs()], [inputs[0], *inputs[1]], strict=True))
    answers = session.run(None, {key: value.numpy() for key, value in fed.items()})
    for theirs, ours in zip(answers, flat(lstm(*inputs)), strict=True):
        assert theirs.shape == ours.shape
        assert np.abs(theirs - ours).max() <= 1e-5 * np.abs(ours).max()


@cases
def test_an_exported_program_answers_as_the_module_does(name: str, backend: str) -> None:
    lstm, inputs = make(name, backend)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.export.export(lstm, inputs)
    for theirs, ours in zip(flat(program.module()(*inputs)), flat(lstm(*inputs)), strict=True):
        np.testing.assert_allclose(theirs, ours, rtol=0, atol=1e-6)
