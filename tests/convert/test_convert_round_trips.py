"""There and back is exact, for every configuration that a form can hold; what it cannot hold is refused by name."""

import itertools

import numpy as np
import pytest
import torch
from convert_helpers import D, H, assert_same, draw, with_one_bias

from lstm_lib import convert, nn
from lstm_lib.convert import form

LAYERS, DIRECTIONS, BIAS, READOUT = (1, 2, 3), (1, 2), (True, False), (False, True)
GRID = list(itertools.product(LAYERS, DIRECTIONS, BIAS, READOUT))
# Each form: there, back, and whether it keeps two biases, and none.
FORMS = {
    "torch": (convert.to_torch, convert.from_torch, "two"),
    "state_dict": (convert.to_state, convert.from_state, "two"),
    "ONNX": (convert.to_onnx, convert.from_onnx, "two"),
    "Keras": (convert.to_keras, convert.from_keras, "one"),
    "Flax linen": (convert.to_flax, convert.from_flax, "always"),
    "Flax nnx": (lambda n: convert.to_flax(n, style="nnx"), convert.from_flax, "always"),
    "Flax nnx optimized": (lambda n: convert.to_flax(n, style="nnx optimized"), convert.from_flax, "always"),
    "from_scratch": (convert.to_numpy, convert.from_numpy, "always"),
}


def there_and_back(name, network):
    """Send a network through a form; what the form does not hold (a readout, in two of them) goes beside it."""
    there, back, _ = FORMS[name]
    if name == "Keras":
        return back(there(network), bidirectional=network.directions == 2)
    if name in ("ONNX", "from_scratch"):
        return back(there(network), network.readout)
    return back(there(network))


@pytest.mark.parametrize(("layers", "directions", "bias", "readout"), GRID)
@pytest.mark.parametrize("name", FORMS)
def test_there_and_back_is_exact(name, layers, directions, bias, readout):
    network = draw(layers, directions, bias=bias, readout=readout)
    kept = FORMS[name][2]
    same = with_one_bias(network) if kept == "always" or (kept == "one" and bias) else network
    assert_same(there_and_back(name, network), same)
    assert_same(there_and_back(name, same), same)


@pytest.mark.parametrize(("first", "second"), itertools.permutations(FORMS, 2))
def test_a_journey_through_two_forms_loses_nothing(first, second):
    network = with_one_bias(draw(2, 2, readout=True))
    assert_same(there_and_back(second, there_and_back(first, network)), network)


@pytest.mark.parametrize(("layers", "directions", "bias"), list(itertools.product(LAYERS, DIRECTIONS, BIAS)))
def test_peepholes_go_to_onnx_and_back(layers, directions, bias):
    network = draw(layers, directions, bias=bias, cell="peephole")
    assert_same(there_and_back("ONNX", network), network)


@pytest.mark.parametrize("directions", DIRECTIONS)
def test_the_articles_cell_goes_to_numpy_and_back(directions):
    network = with_one_bias(draw(2, directions, cell="drawn"))
    assert_same(there_and_back("from_scratch", network), network)


@pytest.mark.parametrize("bias", BIAS)
@pytest.mark.parametrize("cell", form.BLOCKS)
def test_torch_keeps_every_cell_of_the_library(cell, bias):
    network = draw(2, 2, bias=bias, cell=cell)
    assert_same(there_and_back("torch", network), network)


@pytest.mark.parametrize("bias", BIAS)
def test_torch_keeps_a_projection(bias):
    network = draw(2, 2, bias=bias, proj_size=2)
    assert_same(there_and_back("torch", network), network)
    assert_same(there_and_back("state_dict", network), network)


def test_the_table_of_cells_is_that_of_the_library():
    from lstm_lib.nn.steps import CELLS

    assert {name: len(cell.gates) for name, cell in CELLS.items()} == form.BLOCKS
    assert {name: tuple(cell.extra(H)) for name, cell in CELLS.items() if cell.extra(H)} == form.EXTRA


def test_numbers_of_both_precisions_keep_theirs():
    for dtype in (np.float32, np.float64):
        for name in FORMS:
            assert there_and_back(name, draw(1, 2, dtype=dtype)).dtype == dtype


@pytest.mark.parametrize("name", FORMS.keys() - {"torch"})
def test_what_comes_out_can_be_written_into_without_changing_what_went_in(name):
    options = {"cell": "drawn"} if name == "from_scratch" else {"readout": True}
    network, before = draw(2, 2, **options), draw(2, 2, **options)
    for array in torch.utils._pytree.tree_leaves(FORMS[name][0](network)):
        if array is not None:
            array += 1
    assert_same(network, before)


# ---------------------------------------------------------------- what is refused

OTHER_CELLS = sorted(form.BLOCKS.keys() - {"standard"})
ABLE = {"ONNX": {"peephole"}, "from_scratch": {"drawn"}, "torch": set(OTHER_CELLS), "state_dict": set(OTHER_CELLS)}


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("cell", OTHER_CELLS)
def test_a_cell_that_a_framework_lacks_is_refused_by_name(name, cell):
    if cell in ABLE.get(name, set()):
        FORMS[name][0](draw(cell=cell))
        return
    with pytest.raises(ValueError, match=rf"got cell '{cell}', which {name.split()[0]} has not, expected 'standard'"):
        FORMS[name][0](draw(cell=cell))


@pytest.mark.parametrize("name", sorted(FORMS.keys() - {"torch", "state_dict"}))
def test_a_projection_is_refused_by_name(name):
    with pytest.raises(ValueError, match=rf"got a projection \(proj_size=2\), which {name.split()[0]} has not"):
        FORMS[name][0](draw(proj_size=2))


def test_zoneout_is_refused_by_name():
    with pytest.raises(ValueError, match=r"got zoneout \(0.1, 0.0\), which acts in use too"):
        convert.from_torch(nn.LSTM(D, H, zoneout=(0.1, 0.0)))


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (torch.nn.GRU(D, H), "got GRU, expected a module that holds one LSTM"),
        (torch.nn.RNN(D, H), "got RNN, expected a module that holds one LSTM"),
        (torch.nn.Linear(D, H), "got Linear, expected a module that holds one LSTM"),
        (torch.nn.LSTM(D, H).bfloat16(), "dtype torch.bfloat16, which NumPy has not"),
        (torch.nn.ModuleList([torch.nn.LSTM(D, H), torch.nn.LSTM(D, H)]), "got 0, 1, expected a module that holds one"),
        (torch.nn.Sequential(torch.nn.Embedding(9, D), torch.nn.LSTM(D, H)), "got 0.weight besides an LSTM"),
    ],
)
def test_a_module_that_is_no_lstm_is_refused(module, words):
    with pytest.raises(ValueError, match=words):
        convert.from_torch(module)


def test_an_lstm_can_be_taken_out_of_a_larger_network():
    inner = torch.nn.LSTM(D, H)
    nest = torch.nn.ModuleDict({"lstm": inner})
    network = torch.nn.ModuleDict({"embedding": torch.nn.Embedding(9, D), "encoder": nest})
    assert_same(convert.from_torch(network, part="encoder.lstm"), convert.from_torch(inner))
    with pytest.raises(ValueError, match="expected a module that holds one LSTM called 'decoder'"):
        convert.from_torch(network, part="decoder")


def state(**changes):
    """Return a state_dict of one layer, with changes; None takes a name out."""
    found = convert.to_state(draw()) | changes
    return {name: value for name, value in found.items() if value is not None}


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ({}, "got no LSTM among no names, expected one"),
        ({"a": np.zeros(3)}, "got no LSTM among a, expected one"),
        (state(bias_hh_l0=None), "expected two weights, and two biases or none"),
        (state(weight_hh_l0=None), "expected weight_ih and weight_hh"),
        (state(weight_hh_l0=np.zeros((20, 4), np.float32)), "got 20 rows for 4 units: no cell of ours"),
        (state(weight_ih_l0=np.zeros((20, 3))), "got W_h of dtype float32 in layer 0, expected float64 as elsewhere"),
        (state(weight_ih_l0=np.zeros((16, 3), np.float32)), "not the weights of a layer of cell 'standard'"),
        (state(weight_ih_l2=np.zeros((20, 5)), weight_hh_l2=np.zeros((20, 5))), "got layers _l0, _l2, expected"),
        (state(weight_ih_l1=np.zeros((20, 6)), weight_hh_l1=np.zeros((20, 5))), "in some layers only|got W_x"),
        (state(weight_ih_l0_reverse=np.zeros((20, 3))), "expected two weights|every layer"),
        ({"weight_ih_l0": np.zeros((15, 3)), "weight_hh_l0": np.zeros((15, 5))}, "a GRU, or a cell without a gate"),
        ({"weight_ih_l0": np.zeros((10, 3)), "weight_hh_l0": np.zeros((10, 5))}, "a cell without two of the gates"),
        ({"weight_ih_l0": np.zeros((5, 3)), "weight_hh_l0": np.zeros((5, 5))}, "a plain RNN"),
        (state(**{"out.weight": np.zeros((2, 9))}), "got out.weight besides an LSTM, expected one linear layer of 5"),
        (state(**{"a.weight": np.zeros((2, 5)), "b.bias": np.zeros(2)}), "besides an LSTM"),
    ],
)
def test_names_and_shapes_that_are_no_lstm_are_refused(names, words):
    with pytest.raises(ValueError, match=words):
        convert.from_state(names)


@pytest.mark.parametrize(
    ("arrays", "options", "words"),
    [
        ([], {}, "got arrays"),
        ([np.zeros((3, 8))], {}, "got arrays"),
        ([np.zeros((3, 8)), np.zeros((2, 6))], {}, "got arrays"),
        ([np.zeros((3, 12)), np.zeros((2, 8))], {}, r"got kernel \(3, 12\) beside recurrent_kernel \(2, 8\)"),
        ([np.zeros((3, 8)), np.zeros((2, 8))], {"bidirectional": True}, "got 1 LSTMs, expected two for each layer"),
        ([np.zeros((3, 8)), np.zeros((2, 8)), np.zeros((4, 8)), np.zeros((2, 8))], {}, r"got W_x \(4, 2, 4\)"),
        ([np.zeros((3, 8)), np.zeros((2, 8)), np.zeros((3, 7))], {}, r"got the readout's W \(7, 3\)"),
    ],
)
def test_arrays_that_are_no_lstm_of_keras_are_refused(arrays, options, words):
    with pytest.raises(ValueError, match=words):
        convert.from_keras(arrays, **options)


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ([], "got no layers"),
        (convert.OnnxLayer(np.zeros((8, 3)), np.zeros((1, 8, 2))), "expected three dimensions each"),
        (convert.OnnxLayer(np.zeros((1, 8, 3)), np.zeros((2, 8, 2))), r"got W \(1, 8, 3\) in layer 0"),
        (convert.OnnxLayer(np.zeros((1, 8, 3)), np.zeros((1, 8, 2)), np.zeros((1, 8))), r"got B \(1, 8\) in layer 0"),
        (convert.OnnxLayer(np.zeros((1, 8, 3)), np.zeros((1, 8, 2)), None, np.zeros((1, 8))), r"got P \(1, 8\)"),
    ],
)
def test_arrays_that_are_no_lstm_of_onnx_are_refused(layers, words):
    with pytest.raises(ValueError, match=words):
        convert.from_onnx(layers)


@pytest.mark.parametrize("tree", [{}, {"cell": {"ii": {}}}, {"params": {"kernel": np.zeros((3, 2))}}])
def test_a_tree_that_is_no_lstm_of_flax_is_refused(tree):
    with pytest.raises(ValueError, match=r"got a tree of .*, expected the kernels ii, if"):
        convert.from_flax(tree)


def test_orders_and_styles_that_are_not_there_are_named():
    with pytest.raises(ValueError, match="got 'Caffe', expected one of lstm_lib, PyTorch"):
        convert.reorder(np.zeros(8), "Caffe", "ONNX")
    with pytest.raises(ValueError, match="got 7 along axis 0, expected four blocks"):
        convert.reorder(np.zeros(7), "Keras", "ONNX")
    with pytest.raises(ValueError, match="got style 'haiku', expected one of 'linen', 'nnx', 'nnx optimized'"):
        convert.to_flax(draw(), style="haiku")
    with pytest.raises(AttributeError, match="has no attribute 'to_caffe'; it has read, write, from_flax"):
        convert.to_caffe  # noqa: B018


def test_layers_of_different_sizes_go_to_keras_and_not_to_torch():
    arrays = [np.ones((3, 8)), np.ones((2, 8)), np.ones(8), np.ones((2, 12)), np.ones((3, 12)), np.ones(12)]
    network = convert.from_keras(arrays)
    assert network.hidden_sizes == [2, 3]
    assert [array.shape for array in convert.to_keras(network)] == [array.shape for array in arrays]
    with pytest.raises(ValueError, match="got layers of 2, 3 units, which one LSTM of torch cannot have"):
        convert.to_torch(network)


def test_editors_and_python_find_the_same_names_in_convert():
    import ast
    from pathlib import Path

    tree = ast.parse(Path(convert.__file__).read_text(encoding="utf-8"))
    (block,) = (
        node for node in tree.body if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"
    )
    shown = {alias.asname: node.module for node in block.body for alias in node.names}
    assert shown == {name: f"lstm_lib.convert.{home}" for name, home in convert._PLACES.items()}


def test_weights_go_from_numpy_to_keras_onnx_and_flax_where_nothing_else_is_installed():
    import subprocess
    import sys

    code = """
import sys
sys.modules.update(dict.fromkeys(["torch", "keras", "onnx", "flax", "jax", "safetensors"]))
import numpy as np
from lstm_lib import cells, convert
network = convert.from_numpy(cells.init_lstm(np.random.default_rng(0), 3, 2))
convert.from_keras(convert.to_keras(network)), convert.from_onnx(convert.to_onnx(network))
convert.from_flax(convert.to_flax(network)), convert.from_state(convert.to_state(network))
"""
    subprocess.run([sys.executable, "-c", code], check=True)
