"""Weights carried between the NumPy cells and torch: the same numbers on both sides, and errors that say why not."""

import numpy as np
import pytest
import torch

from lstm_lib import cells, convert, layers, nn

T, B, D, H = 5, 4, 3, 2
KINDS = {
    "rnn": (cells.init_rnn, layers.rnn_forward, layers.rnn_backward, lambda: torch.nn.RNN(D, H)),
    "lstm": (cells.init_lstm, layers.lstm_forward, layers.lstm_backward, lambda: torch.nn.LSTM(D, H)),
    "ours": (cells.init_lstm, layers.lstm_forward, layers.lstm_backward, lambda: nn.LSTM(D, H)),
    "drawn": (cells.init_drawn, layers.drawn_forward, layers.drawn_backward, lambda: nn.LSTM(D, H, cell="drawn")),
}


def shaken(params, rng):
    """Return parameters without a zero, so that a bias that is lost is seen."""
    return type(params)(*(p + 0.1 * rng.standard_normal(p.shape) for p in params))


@pytest.mark.parametrize("kind", KINDS)
def test_both_sides_give_the_same_outputs_and_gradients(kind):
    rng = np.random.default_rng(0)
    init, forward, backward, make = KINDS[kind]
    params, layer = shaken(init(rng, D, H), rng), make().double()
    convert.numpy_to_torch(params, layer)
    xs, dhs = rng.standard_normal((T, B, D)), rng.standard_normal((T, B, H))
    run = forward(params, xs)
    hs, _ = layer(torch.tensor(xs))
    np.testing.assert_allclose(hs.detach().numpy(), run.hs, rtol=0, atol=1e-14)
    hs.backward(torch.tensor(dhs))
    expected, _, _ = backward(params, run, dhs)
    for got, want in zip(convert.torch_to_numpy(layer, gradients=True), expected, strict=True):
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-13)


@pytest.mark.parametrize("kind", KINDS)
def test_there_and_back_is_exact(kind):
    rng = np.random.default_rng(1)
    init, _, _, make = KINDS[kind]
    params, layer = shaken(init(rng, D, H), rng), make().double()
    convert.numpy_to_torch(params, layer)
    back = convert.torch_to_numpy(layer)
    assert type(back) is type(params)
    for got, want in zip(back, params, strict=True):
        np.testing.assert_array_equal(got, want)


def test_both_biases_of_torch_are_added():
    lstm = torch.nn.LSTM(D, H)
    params = convert.torch_to_numpy(lstm)
    np.testing.assert_array_equal(params.b.ravel(), (lstm.bias_ih_l0 + lstm.bias_hh_l0).detach().numpy())


def test_each_layer_and_direction_has_its_own_weights():
    rng, lstm = np.random.default_rng(2), torch.nn.LSTM(D, H, num_layers=2, bidirectional=True).double()
    sent = {}
    for number, reverse in [(0, False), (0, True), (1, False), (1, True)]:
        sent[number, reverse] = shaken(cells.init_lstm(rng, D if number == 0 else 2 * H, H), rng)
        convert.numpy_to_torch(sent[number, reverse], lstm, number=number, reverse=reverse)
    for (number, reverse), params in sent.items():
        np.testing.assert_array_equal(convert.torch_to_numpy(lstm, number=number, reverse=reverse).W, params.W)


def test_a_cell_of_torch_takes_weights_too():
    rng = np.random.default_rng(3)
    params, cell = shaken(cells.init_lstm(rng, D, H), rng), torch.nn.LSTMCell(D, H).double()
    convert.numpy_to_torch(params, cell)
    x, state = rng.standard_normal((B, D)), cells.LSTMState(*rng.standard_normal((2, B, H)))
    new, _ = cells.lstm_step(params, x, state)
    h, c = cell(torch.tensor(x), tuple(map(torch.tensor, state)))
    np.testing.assert_allclose(h.detach().numpy(), new.h, atol=1e-14)
    np.testing.assert_allclose(c.detach().numpy(), new.c, atol=1e-14)


def test_what_comes_back_is_a_copy():
    lstm = torch.nn.LSTM(D, H)
    before = lstm.weight_hh_l0.detach().clone()
    convert.torch_to_numpy(lstm).W[:] = 0
    assert torch.equal(lstm.weight_hh_l0, before)


@pytest.mark.parametrize(
    ("layer", "options", "words"),
    [
        (torch.nn.LSTM(D + 1, H), {}, r"got a LSTMParams of shapes .* expected those of the layer"),
        (torch.nn.LSTM(D, H, bias=False), {}, "'bias_ih'"),
        (torch.nn.LSTM(D, H), {"number": 1}, "got layer 1, reverse=False"),
        (torch.nn.LSTM(D, H), {"reverse": True}, "got layer 0, reverse=True"),
        (nn.LSTM(D, H, cell="drawn"), {}, "weight_u"),
        (torch.nn.RNN(D, H), {}, "expected those of the layer"),
        (torch.nn.RNN(D, H, nonlinearity="relu"), {}, "got an RNN of nonlinearity 'relu', expected 'tanh'"),
        (torch.nn.Linear(D, H), {}, "expected one of the module's parameters: weight, bias"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_copied(layer, options, words):
    before = {name: value.clone() for name, value in layer.state_dict().items()}
    with pytest.raises(ValueError, match=words):
        convert.numpy_to_torch(cells.init_lstm(np.random.default_rng(0), D, H), layer, **options)
    assert all(torch.equal(value, before[name]) for name, value in layer.state_dict().items())


@pytest.mark.parametrize(
    "layer",
    [torch.nn.GRU(D, H), torch.nn.LSTM(D, 3, proj_size=2), nn.LSTM(D, H, cell="peephole"), nn.LSTM(D, H, cell="janet")],
)
def test_weights_that_no_numpy_cell_has_are_refused(layer):
    with pytest.raises(ValueError, match="expected an RNN or a cell"):
        convert.torch_to_numpy(layer)


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (torch.nn.RNN(D, H, nonlinearity="relu"), "got an RNN of nonlinearity 'relu', expected 'tanh'"),
        (torch.nn.RNNCell(D, H, nonlinearity="relu"), "got an RNN of nonlinearity 'relu', expected 'tanh'"),
        (torch.nn.LSTM(D, H).bfloat16(), "got weights of dtype torch.bfloat16, which NumPy has not"),
    ],
)
def test_what_numpy_would_compute_otherwise_is_refused(layer, words):
    with pytest.raises(ValueError, match=words):
        convert.torch_to_numpy(layer)


@pytest.mark.parametrize("kind", KINDS)
def test_a_layer_without_biases_takes_zeros_and_nothing_else(kind):
    init, _, _, make = KINDS[kind]
    layer = make()
    layer = type(layer)(D, H, bias=False, **({"cell": layer.cell} if isinstance(layer, nn.LSTM) else {})).double()
    params = init(np.random.default_rng(4), D, H)
    zeros = {name: np.zeros_like(value) for name, value in params._asdict().items() if name.startswith("b")}
    convert.numpy_to_torch(params._replace(**zeros), layer)
    for got, want in zip(convert.torch_to_numpy(layer), params._replace(**zeros), strict=True):
        np.testing.assert_array_equal(got, want)
    for name in zeros:
        with pytest.raises(ValueError, match="expected those of the layer"):
            convert.numpy_to_torch(params._replace(**zeros | {name: zeros[name] + 1}), layer)


def test_gradients_that_are_not_there_are_refused():
    with pytest.raises(ValueError, match="after its backward pass"):
        convert.torch_to_numpy(torch.nn.LSTM(D, H), gradients=True)
