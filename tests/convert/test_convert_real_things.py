"""Each framework computes with its weights what torch computes with those that they were made of: 1e-6 in float32."""

import itertools
import warnings

import numpy as np
import pytest
import torch
from convert_helpers import B, H, K, T, draw, flat, inputs, need, with_one_bias

from lstm_lib import cells, convert, layers
from lstm_lib.convert import keras_files, onnx_files

GRID = list(itertools.product((1, 2, 3), (1, 2), (True, False), (False, True)))
BOTH_WAYS = pytest.mark.parametrize(("layers", "directions", "bias", "readout"), GRID)
QUIETLY = pytest.mark.filterwarnings("ignore")  # what a framework warns of in itself is not ours to clean
CLOSE = {"rtol": 0, "atol": 1e-6}


def smaller(network):
    """Halve the weights, so that no unit is saturated and each weight counts."""
    rows = [layer for ways in network.layers for layer in ways]
    for array in itertools.chain.from_iterable((r.W_x, r.W_h) for r in rows):
        array *= 0.5
    return network


def answers(network):
    """Return what torch makes of xs, (T, B, K) or (T, B, N·H), by torch's own LSTM where it has the cell."""
    module, xs = convert.to_torch(network), torch.tensor(inputs(network))
    with torch.no_grad():
        if network.readout is None:
            return module(xs)[0].numpy()
        parts = dict(module.named_children())
        return parts["readout"](parts["lstm"](xs)[0]).numpy()


# ---------------------------------------------------------------- NumPy


@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("cell", ["standard", "drawn"])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_numpy_computes_the_same(count, cell, directions):
    network = smaller(draw(count, directions, cell=cell))
    hs, forward = inputs(network), {"standard": layers.lstm_forward, "drawn": layers.drawn_forward}[cell]
    for ways in convert.to_numpy(network):
        runs = [forward(ways[0], hs).hs, *(forward(params, hs[::-1]).hs[::-1] for params in ways[1:])]
        hs = np.concatenate(runs, axis=2)
    np.testing.assert_allclose(hs, answers(network), **CLOSE)


def test_a_readout_travels_beside_numpys_cell():
    params = cells.init_lstm(np.random.default_rng(0), 3, 5, dtype=np.float32)
    W = np.ones((2, 5), np.float32)
    network = convert.from_numpy(params, (W, None))
    want = layers.lstm_forward(params, inputs(network)).hs @ W.T
    np.testing.assert_allclose(answers(network), want, **CLOSE)


# ---------------------------------------------------------------- torch


@pytest.mark.filterwarnings("ignore:LSTM with projections")
@pytest.mark.parametrize(
    ("layers", "directions", "bias", "proj_size"), itertools.product((1, 3), (1, 2), (True, False), (0, 2))
)
def test_torchs_own_lstm_takes_the_weights_and_gives_them(layers, directions, bias, proj_size):
    network = draw(layers, directions, bias=bias, proj_size=proj_size)
    theirs = torch.nn.LSTM(3, H, layers, bias=bias, bidirectional=directions == 2, proj_size=proj_size)
    theirs.load_state_dict({name: torch.tensor(array) for name, array in convert.to_state(network).items()})
    for got, want in zip(flat(convert.from_torch(theirs)), flat(network), strict=True):
        np.testing.assert_array_equal(got, want)
    np.testing.assert_allclose(theirs(torch.tensor(inputs(network)))[0].detach(), answers(network), **CLOSE)


# ---------------------------------------------------------------- ONNX Runtime


def onnx_answers(network):
    """Run the ONNX model of a network."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(onnx_files.onnx_model(network).SerializeToString(), options)
    return session.run(None, {"xs": inputs(network)})


@BOTH_WAYS
def test_onnx_runtime_computes_the_same(layers, directions, bias, readout):
    network = smaller(draw(layers, directions, bias=bias, readout=readout))
    np.testing.assert_allclose(onnx_answers(network)[0], answers(network), **CLOSE)


@pytest.mark.parametrize(("layers", "directions", "bias"), list(itertools.product((1, 2, 3), (1, 2), (True, False))))
def test_onnx_runtime_computes_the_same_with_peepholes(layers, directions, bias):
    network = smaller(draw(layers, directions, bias=bias, cell="peephole"))
    np.testing.assert_allclose(onnx_answers(network)[0], answers(network), **CLOSE)


@pytest.mark.parametrize("directions", [1, 2])
def test_onnx_runtime_leaves_the_same_last_states(directions):
    network = smaller(draw(2, directions))
    _, (h, c) = convert.to_torch(network)(torch.tensor(inputs(network)))
    _, h_n, c_n = onnx_answers(network)
    np.testing.assert_allclose(h_n, h.detach(), **CLOSE)
    np.testing.assert_allclose(c_n, c.detach(), **CLOSE)


# ---------------------------------------------------------------- Keras


@pytest.fixture(scope="module")
def keras():
    need("keras")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what it imports is not ours to clean
        return keras_files._package()


def keras_answers(keras, model, network):
    """Run a Keras model, which is batch-first."""
    return keras.ops.convert_to_numpy(model(inputs(network).transpose(1, 0, 2))).transpose(1, 0, 2)


@QUIETLY
@BOTH_WAYS
def test_keras_computes_the_same(keras, layers, directions, bias, readout):
    network = smaller(draw(layers, directions, bias=bias, readout=readout))
    model = keras_files.keras_model(network)
    np.testing.assert_allclose(keras_answers(keras, model, network), answers(network), **CLOSE)
    back = convert.from_keras(model.get_weights(), bidirectional=directions == 2)
    same = with_one_bias(network) if bias else network
    for got, want in zip(flat(back), flat(same), strict=True):
        np.testing.assert_array_equal(got, want)


@QUIETLY
def test_what_keras_draws_itself_comes_to_torch(keras):
    model = keras.Sequential(
        [
            keras.layers.Input((None, 3)),
            keras.layers.Bidirectional(keras.layers.LSTM(H, return_sequences=True)),
            keras.layers.LSTM(H, return_sequences=True),
        ]
    )
    with pytest.raises(ValueError, match="expected two for each layer"):
        convert.from_keras(model.get_weights(), bidirectional=True)
    model = keras.Sequential([keras.layers.Input((None, 3)), keras.layers.LSTM(H, return_sequences=True)])
    network = convert.from_keras(model.get_weights())
    assert network.layers[0][0].b[0, 1].tolist() == [1.0] * H  # unit_forget_bias: b_f
    np.testing.assert_allclose(keras_answers(keras, model, network), answers(network), **CLOSE)


# ---------------------------------------------------------------- Flax


@pytest.fixture(scope="module")
def flax():
    need("flax")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import flax.linen
        import flax.nnx

    return flax


def linen_model(flax, network):
    """Build the Sequential that a tree of the style "linen" is of."""
    linen = flax.linen

    def run(H, **options):
        return linen.RNN(linen.OptimizedLSTMCell(H), time_major=True, **options)

    made = [linen.Bidirectional(run(H), run(H), time_major=True) if network.directions == 2 else run(H)
            for H in network.hidden_sizes]  # fmt: skip
    return linen.Sequential([*made, *([linen.Dense(K)] if network.readout else [])])


@BOTH_WAYS
def test_flax_linen_computes_the_same(flax, layers, directions, bias, readout):
    network = smaller(draw(layers, directions, bias=bias, readout=readout))
    model, tree = linen_model(flax, network), {"params": convert.to_flax(network)}
    got = model.apply(tree, inputs(network))
    np.testing.assert_allclose(np.asarray(got), answers(network), **CLOSE)


def test_what_flax_draws_itself_comes_to_torch(flax):
    import jax

    model = linen_model(flax, draw(2, 2, readout=True))
    xs = inputs(draw())
    tree = model.init(jax.random.key(0), xs)
    network = convert.from_flax(tree)
    np.testing.assert_allclose(np.asarray(model.apply(tree, xs)), answers(network), **CLOSE)


@pytest.mark.parametrize("readout", [False, True])
@pytest.mark.parametrize("style", ["nnx", "nnx optimized"])
@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("layers", [1, 2])
def test_flax_nnx_computes_the_same(flax, layers, directions, style, readout):
    nnx = flax.nnx
    network = smaller(draw(layers, directions, readout=readout))
    kind, rngs, D, made = nnx.LSTMCell if style == "nnx" else nnx.OptimizedLSTMCell, nnx.Rngs(0), 3, []
    for _ in range(layers):
        ways = [nnx.RNN(kind(D, H, rngs=rngs), time_major=True, rngs=rngs) for _ in range(directions)]
        made.append(ways[0] if directions == 1 else nnx.Bidirectional(*ways, time_major=True))
        D = directions * H
    model = nnx.Sequential(*made, *([nnx.Linear(D, K, rngs=rngs)] if readout else []))
    pure = nnx.to_pure_dict(nnx.state(model, nnx.Param))
    tree = convert.to_flax(network, style=style)
    assert shapes(tree) == shapes(pure)
    nnx.update(model, tree)
    np.testing.assert_allclose(np.asarray(model(inputs(network))), answers(network), **CLOSE)
    back = convert.from_flax(nnx.to_pure_dict(nnx.state(model, nnx.Param)))
    for got, want in zip(flat(back), flat(with_one_bias(network)), strict=True):
        np.testing.assert_array_equal(got, want)


def shapes(tree):
    """Return a tree's shapes, with keys as text."""
    return {str(k): shapes(v) for k, v in tree.items()} if hasattr(tree, "items") else tuple(tree.shape)


def test_the_sizes_of_these_tests_all_differ():
    assert len({T, B, 3, H, K}) == 5
