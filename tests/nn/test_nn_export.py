"""Exported without torch.jit, as an ONNX model and as an exported program, the module gives the same numbers."""

import functools
import logging
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch

from lstm_lib import nn

T, B, D, H = 3, 2, 5, 4  # few steps: the exporter unrolls the readable loop
MODULES: dict[str, dict[str, Any]] = {
    "one layer": {},
    "two layers, both directions": {"num_layers": 2, "bidirectional": True},
    "batch first": {"batch_first": True},
    "drawn": {"cell": "drawn"},
}
BACKENDS = {name: ["reference", "native", "auto"] if name != "drawn" else ["auto"] for name in MODULES}
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


@functools.cache
def export(name: str, backend: str, *, any_batch: bool = False) -> torch.export.ExportedProgram:
    """Export a module, "not strict", with a state; or for batches of any size, without one."""
    lstm, inputs = make(name, backend)
    shapes = ({1: torch.export.Dim("batch", min=1)},) if any_batch else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter uses parts of torch that torch itself is about to replace
        return torch.export.export(lstm, inputs[:1] if any_batch else inputs, strict=False, dynamic_shapes=shapes)


@functools.cache
def onnx_session(name: str, backend: str, *, any_batch: bool = False) -> onnxruntime.InferenceSession:
    """Turn the exported program into an ONNX model, ready to run.

    Where "auto" exports the program of another backend, line by line, the model of that one serves both.
    """
    program = export(name, backend, any_batch=any_batch)
    for other in BACKENDS[name] if backend == "auto" else ():
        if other != backend and export(name, other, any_batch=any_batch).graph_module.code == program.graph_module.code:
            return onnx_session(name, other, any_batch=any_batch)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # or it misses torchvision, which nothing here needs
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = torch.onnx.export(program, dynamo=True, verbose=False).model_proto
    return onnxruntime.InferenceSession(model.SerializeToString())


def flat(tree: Any) -> list[np.ndarray]:
    """List the arrays of (output, (h, c))."""
    output, (h, c) = tree
    return [part.detach().numpy() for part in (output, h, c)]


@cases
def test_an_onnx_model_answers_as_the_module_does(name: str, backend: str) -> None:
    lstm, inputs = make(name, backend)
    session = onnx_session(name, backend)
    fed = dict(zip([i.name for i in session.get_inputs()], [inputs[0], *inputs[1]], strict=True))
    answers = session.run(None, {key: value.numpy() for key, value in fed.items()})
    for theirs, ours in zip(answers, flat(lstm(*inputs)), strict=True):
        assert theirs.shape == ours.shape
        assert np.abs(theirs - ours).max() <= 1e-5 * np.abs(ours).max()


@cases
@pytest.mark.parametrize("strict", [True, False], ids=["strict", "not strict"])
def test_an_exported_program_answers_as_the_module_does(name: str, backend: str, strict: bool) -> None:
    lstm, inputs = make(name, backend)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.export.export(lstm, inputs, strict=True) if strict else export(name, backend)
    for theirs, ours in zip(flat(program.module()(*inputs)), flat(lstm(*inputs)), strict=True):
        np.testing.assert_allclose(theirs, ours, rtol=0, atol=1e-6)


@pytest.mark.parametrize("backend", ["auto", "reference", "native"])
def test_an_onnx_model_takes_batches_of_other_sizes(backend: str) -> None:
    lstm, _ = make("one layer", backend)
    session = onnx_session("one layer", backend, any_batch=True)
    for size in (1, B + 3):
        xs = torch.randn(T, size, D)
        answers = session.run(None, {session.get_inputs()[0].name: xs.numpy()})
        for theirs, ours in zip(answers, flat(lstm(xs)), strict=True):
            np.testing.assert_allclose(theirs, ours, rtol=0, atol=1e-6)


def test_an_exported_zoneout_takes_its_mean() -> None:
    torch.manual_seed(0)
    lstm, xs = nn.LSTM(D, H, zoneout=0.3, variational_dropout=0.5).eval(), torch.randn(T, B, D)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.export.export(lstm, (xs,))
    for theirs, ours in zip(flat(program.module()(xs)), flat(lstm(xs)), strict=True):
        np.testing.assert_allclose(theirs, ours, rtol=0, atol=1e-6)


@pytest.mark.parametrize("cell", ["standard", "drawn", "peephole", "coupled", "janet", "no-forget", "layernorm"])
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore::DeprecationWarning")
def test_a_trace_of_every_cell_gives_its_numbers(cell: str) -> None:
    lstm, xs = nn.LSTM(3, 5, cell=cell).eval(), torch.randn(7, 2, 3)
    traced = torch.jit.trace(lstm, (xs,), check_trace=False)
    torch.testing.assert_close(traced(xs)[0], lstm(xs)[0])


@pytest.mark.parametrize("dynamo", [True, False], ids=["by torch.export", "by a trace"])
def test_an_export_in_float64_says_that_onnx_runtime_has_no_such_lstm(dynamo: bool, tmp_path: Path) -> None:
    for backend, is_told in (("native", True), ("auto", True), ("reference", False)):
        lstm, xs = nn.LSTM(D, H, backend=backend, dtype=torch.float64).eval(), torch.randn(T, B, D, dtype=torch.float64)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            torch.onnx.export(lstm, (xs,), str(tmp_path / "a.onnx"), dynamo=dynamo, verbose=False)
        told = [str(w.message) for w in caught if "got an LSTM in float64 to export to ONNX" in str(w.message)]
        assert bool(told) is is_told, backend
        session = onnxruntime.InferenceSession(tmp_path / "a.onnx")
        fed = {session.get_inputs()[0].name: xs.numpy()}
        if is_told:
            with pytest.raises(Exception, match="LSTM operator does not support double"):
                session.run(None, fed)
        else:
            np.testing.assert_allclose(session.run(None, fed)[0], flat(lstm(xs))[0], rtol=0, atol=1e-12)


def test_in_float64_nothing_is_said_but_in_an_export_to_onnx() -> None:
    lstm, xs = nn.LSTM(D, H, dtype=torch.float64).eval(), torch.randn(T, B, D, dtype=torch.float64)
    lstm(xs)  # a warning would be an error
    program = torch.export.export(lstm, (xs,), strict=False)
    torch.testing.assert_close(program.module()(xs)[0], lstm(xs)[0], rtol=0, atol=1e-14)


@pytest.mark.parametrize("cell", ["standard", "drawn"])
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore::DeprecationWarning", "ignore::UserWarning")
def test_the_older_onnx_exporter_takes_it_with_and_without_a_state(cell: str, tmp_path: Path) -> None:
    lstm, xs = nn.LSTM(D, H, cell=cell).eval(), torch.randn(T, B, D)
    for given in ((xs,), (xs, (torch.randn(1, B, H), torch.randn(1, B, H)))):
        torch.onnx.export(lstm, given, str(tmp_path / "a.onnx"), dynamo=False)
        session = onnxruntime.InferenceSession(tmp_path / "a.onnx")
        tensors = [given[0], *(given[1] if len(given) == 2 else ())]
        fed = {one.name: value.numpy() for one, value in zip(session.get_inputs(), tensors, strict=True)}
        for theirs, ours in zip(session.run(None, fed), flat(lstm(*given)), strict=True):
            np.testing.assert_allclose(theirs, ours, rtol=0, atol=1e-6)
