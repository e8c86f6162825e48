"""Every rung of the speed ladder computes the layer of ``torch.nn.LSTM``."""

import pytest
import torch

from lstm_lib.nn import ladder

T, B, D, H = 7, 3, 5, 4


@pytest.fixture
def problem():
    torch.manual_seed(0)
    return torch.nn.LSTM(D, H, dtype=torch.float64), torch.randn(T, B, D, dtype=torch.float64)


@pytest.mark.parametrize("rung", ladder.RUNGS)
def test_every_rung_gives_the_numbers_of_torch(rung, problem, monkeypatch):
    monkeypatch.setattr(torch, "compile", lambda function, **options: function)  # what is compiled, not how
    lstm, xs = problem
    torch.testing.assert_close(ladder.make(rung)(lstm, xs), lstm(xs)[0], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(("rung", "expected"), [("per step", [B] * T), ("hoisted", [T * B])])
def test_hoisting_turns_a_product_a_step_into_one(rung, expected, problem, monkeypatch):
    lstm, xs = problem
    linear, events = ladder.F.linear, []

    def counted(x, W, b):
        if W is lstm.weight_ih_l0:
            events.append(x.numel() // D)
        return linear(x, W, b)

    monkeypatch.setattr(ladder.F, "linear", counted)
    ladder.make(rung)(lstm, xs)
    assert events == expected


def test_a_rung_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="got rung 'fused', expected one of 'per step', 'hoisted', 'compiled step'"):
        ladder.make("fused")
