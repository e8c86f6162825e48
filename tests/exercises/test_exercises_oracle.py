"""The solutions are right themselves: equal to the library's cells, and to torch's gradients and counts."""

import math
import re

import numpy as np
import pytest
import torch

from lstm_lib import cells, convert, layers, tasks
from lstm_lib.exercises import EXERCISES, dot, sigmoid, tanh

B, D, H, T = 2, 3, 4, 5


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def answer(id):
    return EXERCISES[id].solution


def close(a, b):
    np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


def torch_gradients(function, *arrays):
    tensors = [torch.tensor(array, dtype=torch.float64, requires_grad=True) for array in arrays]
    function(*tensors).backward()
    return [tensor.grad.numpy() for tensor in tensors]


def test_the_rnn_exercises_equal_the_library(rng):
    params = cells.RNNParams(rng.standard_normal((1, 2)), rng.standard_normal(1))
    xs, h = rng.standard_normal((T, B)), rng.standard_normal(B)
    weights = params.W[0, 0], params.W[0, 1], params.b[0]
    run = layers.rnn_forward(params, xs[..., None], cells.RNNState(h[:, None]))
    close(answer("rnn-step")(h, xs[0], *weights), run.hs[0, :, 0])
    close(answer("rnn-run")(xs, h, *weights), run.hs[..., 0])


def test_the_gradients_of_one_tanh_step_equal_torch(rng):
    dh, h_prev, x, w_h, w_x, b = (float(each) for each in rng.standard_normal(6))
    h = math.tanh(w_h * h_prev + w_x * x + b)
    expected = torch_gradients(lambda h_prev, w_h, b: dh * torch.tanh(w_h * h_prev + w_x * x + b), h_prev, w_h, b)
    close(answer("tanh-backward")(dh, h, h_prev, w_h), expected)


def test_the_gradient_through_time_equals_torch(rng):
    xs, h_0 = rng.standard_normal((T, B)), rng.standard_normal(B)
    weights = 1.2, 0.7, -0.3

    def run(h):
        return answer("rnn-run")(torch.tensor(xs), h, *weights)

    dh = rng.standard_normal(B)
    (expected,) = torch_gradients(lambda h: (torch.tensor(dh) * run(h)[-1]).sum(), h_0)
    hs = np.array(answer("rnn-run")(xs, h_0, *weights))
    close(answer("gradient-through-time")(dh, hs, weights[0]), expected)


@pytest.mark.parametrize("limit", [0.5, 50.0])
def test_clipping_equals_torch(rng, limit):
    gradients = rng.standard_normal(6)
    parameter = torch.nn.Parameter(torch.zeros(6, dtype=torch.float64))
    parameter.grad = torch.tensor(gradients)
    torch.nn.utils.clip_grad_norm_([parameter], limit)
    np.testing.assert_allclose(answer("clip-by-norm")(gradients, limit), parameter.grad.numpy(), rtol=2e-5)


def test_probes_of_clipping_reach_both_sides_of_the_limit():
    from lstm_lib.exercises._probes import make_probes

    exercise = EXERCISES["clip-by-norm"]
    inputs = [probe.inputs for probe in make_probes(exercise.id, exercise.inputs, arrays=False)]
    assert {dot(each["gradients"], each["gradients"]) ** 0.5 > each["limit"] for each in inputs} == {True, False}


def test_the_gates_put_together_equal_the_cell_of_the_library(rng):
    params = cells.init_lstm(rng, D, H)
    params = params._replace(b=rng.standard_normal((4, H)))
    x, state = rng.standard_normal((B, D)), cells.LSTMState(*rng.standard_normal((2, B, H)))
    (h, c), tape = cells.lstm_step(params, x, state)
    z, (W_i, W_f, W_g, W_o), (b_i, b_f, b_g, b_o) = tape.z, params.W, params.b

    kept = answer("forget-gate")(z, state.c, W_f, b_f)
    learned = answer("learn-gate")(z, W_i, b_i, W_g, b_g)
    close(kept + learned, c)
    close(answer("remember-sum")(tape.f, state.c, tape.i, tape.g), c)
    close(answer("use-gate")(z, state.c, c, W_o, b_o), h)
    close(answer("lstm-step")(z, state.c, params.W, params.b), (h, c))


def test_the_whole_step_equals_torch(rng):
    cell = torch.nn.LSTMCell(D, H, dtype=torch.float64)
    x, h, c = rng.standard_normal((B, D)), rng.standard_normal((B, H)), rng.standard_normal((B, H))
    with torch.no_grad():
        expected = cell(torch.tensor(x), (torch.tensor(h), torch.tensor(c)))
    ours = answer("lstm-step")(np.concatenate([h, x], axis=1), c, *convert.torch_to_numpy(cell))
    close(ours, [each.numpy() for each in expected])


def test_the_drawn_use_gate_equals_the_drawn_cell_of_the_library(rng):
    params = cells.init_drawn(rng, D, H)._replace(b=rng.standard_normal((4, H)), b_u=rng.standard_normal(H))
    x, state = rng.standard_normal((B, D)), cells.LSTMState(*rng.standard_normal((2, B, H)))
    (h, c), tape = cells.drawn_step(params, x, state)
    arguments = tape.z, state.c, tape.kept, c, params.W_u, params.b_u, params.W[3], params.b[3]
    close(answer("drawn-use-gate")(*arguments), h)


def test_the_gradients_of_the_sum_and_of_the_learn_gate_equal_torch(rng):
    dc, f, c_prev, i, g = rng.standard_normal((5, B, H))
    expected = torch_gradients(lambda f, c_prev, i, g: (torch.tensor(dc) * (f * c_prev + i * g)).sum(), f, c_prev, i, g)
    close(answer("remember-backward")(dc, f, c_prev, i, g), expected)

    a_i, a_g = rng.standard_normal((2, B, H))
    expected = torch_gradients(
        lambda a_i, a_g: (torch.tensor(dc) * torch.sigmoid(a_i) * torch.tanh(a_g)).sum(), a_i, a_g
    )
    close(answer("learn-backward")(dc, cells.sigmoid(a_i), np.tanh(a_g)), expected)


def test_the_whole_backward_step_equals_torch_and_a_nudge(rng):
    sums, c_prev, dh, dc = rng.standard_normal((4, B, H)), *rng.standard_normal((3, B, H))

    def loss(a_i, a_f, a_g, a_o, c_prev):
        c = torch.sigmoid(a_f) * c_prev + torch.sigmoid(a_i) * torch.tanh(a_g)
        return (torch.tensor(dh) * torch.sigmoid(a_o) * torch.tanh(c) + torch.tensor(dc) * c).sum()

    i, f, o = (cells.sigmoid(sums[k]) for k in (0, 1, 3))
    g = np.tanh(sums[2])
    found = answer("lstm-backward")(dh, dc, i, f, g, o, c_prev, f * c_prev + i * g)
    close(found, torch_gradients(loss, *sums, c_prev))
    step = 1e-6
    for k, gradient in enumerate(found):
        moved = [[torch.tensor(each) for each in (*sums, c_prev)] for _ in range(2)]
        moved[0][k][0, 0] += step
        moved[1][k][0, 0] -= step
        slope = float(loss(*moved[0]) - loss(*moved[1])) / (2 * step)
        np.testing.assert_allclose(gradient[0, 0], slope, rtol=1e-6)


def test_gate_orders_are_those_of_the_notation_table():
    from lstm_lib.notation import GATE_ORDERS

    assert tuple(answer("gate-order")(GATE_ORDERS["PyTorch"])) == GATE_ORDERS["ONNX"]


def test_counted_numbers_equal_what_the_libraries_count():
    assert (
        answer("stream-features") == tasks.recall_stream(np.random.default_rng(0), 1, 9, boxes=3, symbols=5).xs.shape[2]
    )
    assert answer("lstm-parameters") == sum(p.numel() for p in torch.nn.LSTM(10, 16).parameters())
    rng = np.random.default_rng(0)
    drawn, standard = (sum(p.size for p in init(rng, 10, 16)) for init in (cells.init_drawn, cells.init_lstm))
    assert answer("use-parameters") == drawn - standard


def test_predicted_values_equal_what_a_run_gives():
    h = 0.5
    for _ in range(100):
        h = math.tanh(1.5 * h)
    assert abs(h - 0.8586) < 5e-5
    assert EXERCISES["latch-gradient"].check(answer("gradient-through-time")(1.0, [h] * 5, 1.5)).passed
    assert EXERCISES["half-life"].check(steps_to_half(0.95)).passed
    assert EXERCISES["bias-half-life"].check(1 + steps_to_half(sigmoid(2.0), 0.5 / 0.6)).passed

    c = 1.0
    for _ in range(30):
        c = answer("forget-gate")([0.0, 0.0], c, [0.3, 0.3], 2.0)
    assert EXERCISES["thirty-steps"].check(c).passed
    by_hand = answer("learn-gate")([0.5, -1.0], [1.0, 1.0], 2.0, [1.0, -1.0], -0.5)
    assert EXERCISES["learn-by-hand"].check(by_hand).passed
    first = answer("drawn-use-gate")([1.0], 0.0, 0.0, 0.5 * tanh(1.2), 2.0, 0.8, [0.6], 0.0)
    assert EXERCISES["drawn-first-output"].check(first).passed


def test_knowing_the_shares_alone_costs_what_the_statement_says():
    exercise = EXERCISES["stuck-at-guessing"]
    shares = [int(over) / int(under) for over, under in re.findall(r"(\d)/(\d)", exercise.statement)[:4]]
    scores = torch.zeros(4, requires_grad=True)  # a network that never looks: a bias for each label
    adam = torch.optim.Adam([scores], lr=0.05)
    for _ in range(400):
        loss = torch.nn.functional.cross_entropy(scores[None], torch.tensor([shares]))
        adam.zero_grad()
        loss.backward()
        adam.step()
    assert sum(shares) == 1
    assert f"1.386, comes down to {loss.item():.3f} nats" in exercise.statement
    assert exercise.right.split(" = ")[1].startswith(f"{loss.item():.3f}, ")
    halved = exercise.catalogue["accuracy-for-understanding"].says
    assert f"the mean would be {0.5 * math.log(4):.3f}." in halved


def steps_to_half(f, share=0.5):
    """Find by bisection when f^n is a half, or another share."""
    low, high = 0.0, 1000.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if f**middle > share else (low, middle)
    return low


def test_in_the_drawn_cell_the_news_gets_out_one_step_later(rng):
    xs, drawn = rng.standard_normal((T, B, D)), cells.init_drawn(rng, D, H)
    standard = cells.LSTMParams(drawn.W, drawn.b)
    for step, params, first in ((cells.lstm_step, standard, 0), (cells.drawn_step, drawn, 1)):
        runs = []
        for push in (0.0, 1.0):  # at step 0 only, the candidate's bias is pushed
            state, hs = cells.zero_state(B, H), []
            for t, x in enumerate(xs):
                b = params.b.copy()
                b[2] += push if t == 0 else 0.0
                state, _ = step(params._replace(b=b), x, state)
                hs.append(state.h)
            runs.append(np.stack(hs))
        changed = [t for t in range(T) if not np.array_equal(runs[0][t], runs[1][t])]
        assert changed[0] == first


@pytest.mark.parametrize("function", [tanh, sigmoid])
def test_tools_work_on_numbers_lists_arrays_and_tensors(function, rng):
    a = rng.standard_normal(5)
    expected = {tanh: np.tanh, sigmoid: cells.sigmoid}[function](a)
    close([function(float(each)) for each in a], expected)
    close(function(a.tolist()), expected)
    close(function(a), expected)
    close(function(torch.tensor(a)), expected)


def test_dot_gives_the_same_for_lists_arrays_and_tensors(rng):
    W, z = rng.standard_normal((H, D)), rng.standard_normal((B, D))
    close(dot(W, z), z @ W.T)
    close(dot(W.tolist(), z[0].tolist()), W @ z[0])
    close(dot(W[0].tolist(), z.tolist()), z @ W[0])
    close(dot(W[0], z), z @ W[0])
    close(dot(W, z[0].tolist()), W @ z[0])
    close(dot(torch.tensor(W), torch.tensor(z)), z @ W.T)
    close(dot(2.0, z), 2 * z)


@pytest.mark.parametrize("arguments", [([1.0, 2.0], [1.0]), ([1.0], 2.0), (np.ones((2, 3)), np.ones((4, 2)))])
def test_dot_says_what_came_when_sizes_do_not_fit(arguments):
    with pytest.raises(ValueError, match=r"dot got .+, expected "):
        dot(*arguments)
