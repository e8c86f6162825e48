"""Loops over LSTMCell: the doctor lays their steps behind each other, and says of them what it says of a layer."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lstm_lib import doctor, tasks
from lstm_lib.doctor.subject import Subject
from lstm_lib.nn import CELLS, LSTM, LSTMCell, set_forget_bias, set_input_bias

D, H, K, LAG = 6, 24, 4, 8
KINDS = {"torch": nn.LSTMCell, "ours": LSTMCell}
every_kind = pytest.mark.parametrize("kind", KINDS)


class Loop(nn.Module):
    """A network that calls a cell once a step, as people write it; ``cut`` lets go of the graph at each."""

    def __init__(self, cell: nn.Module, *, cut: bool = False, carries: bool = True) -> None:
        super().__init__()
        self.cell, self.readout = cell, nn.Linear(cell.hidden_size, K)
        self.cut, self.carries = cut, carries

    def forward(self, xs: Tensor) -> Tensor:
        h = c = xs.new_zeros(xs.shape[1], self.cell.hidden_size)
        hs = []
        for x in xs:
            h, c = self.cell(x, (h, c) if self.carries else None)
            hs.append(h)
            if self.cut:
                h, c = h.detach(), c.detach()
        return self.readout(torch.stack(hs))


def delayed(seed: int, lag: int = LAG) -> tasks.Batch:
    return tasks.delay(np.random.default_rng(seed), 32, lag - 1, dtype=np.float32)


def keys(report: doctor.Report) -> set[str]:
    return {one.key for one in report.findings}


def trained(kind: str, **options: bool) -> Loop:
    """Train a loop on a short delay until it answers."""
    torch.manual_seed(0)
    cell = KINDS[kind](D, H)
    with torch.no_grad():
        for bias, value in ((cell.bias_ih, 1.5), (cell.bias_hh, 0.0)):
            bias[H : 2 * H] = value
    model = Loop(cell, **options)
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for n in range(250):
        xs, targets, mask = map(torch.as_tensor, delayed(n + 1))
        loss = nn.functional.cross_entropy(model(xs)[mask], targets[mask])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model


@every_kind
def test_a_loop_that_is_well_is_told_nothing(kind: str) -> None:
    report = doctor.examine(trained(kind), delayed(0), longest_lag=LAG)
    assert report.findings == []
    assert report.left_out == {}
    assert report.numbers["loss"] < 0.2
    (row,) = report.layers
    assert row["where"] == "cell, layer 0"
    assert row["error of the repetition"] < 1e-5


@every_kind
def test_a_forget_bias_that_nobody_set_is_found_in_the_weights_alone(kind: str) -> None:
    torch.manual_seed(0)
    model = Loop(KINDS[kind](D, H))
    assert keys(doctor.examine(model, longest_lag=40)) == {"forgets-too-soon", "forget-bias-lost", "gradient-vanishes"}
    set_both = Loop(KINDS[kind](D, H))
    with torch.no_grad():
        set_both.cell.bias_ih[H : 2 * H] = set_both.cell.bias_hh[H : 2 * H] = 1.0
    (one,) = doctor.examine(set_both).findings
    assert one.key == "forget-bias-lost"
    assert "both biases of the forget gates are 1.00, and torch adds them: 2.00" in one.measured


@every_kind
def test_a_graph_that_is_cut_at_each_step_is_found(kind: str) -> None:
    torch.manual_seed(0)
    model = Loop(KINDS[kind](D, H), cut=True)
    with torch.no_grad():
        model.cell.bias_ih[H : 2 * H], model.cell.bias_hh[H : 2 * H] = 5.0, 0.0
    report = doctor.examine(model, delayed(0), longest_lag=LAG)
    (cut,) = [one for one in report.findings if one.key == "gradient-vanishes"]
    assert "the LSTM would let it through: it is cut elsewhere" in cut.measured
    model.cut = False
    assert "gradient-vanishes" not in keys(doctor.examine(model, delayed(0), longest_lag=LAG))


def test_a_gate_that_stands_still_is_found_in_any_cell() -> None:
    for cell in ("standard", "peephole"):
        torch.manual_seed(0)
        model = Loop(LSTMCell(D, H, cell=cell))
        set_forget_bias(model.cell, 2.0)
        set_input_bias(model.cell, -9.0)
        report = doctor.examine(model, delayed(0), longest_lag=LAG)
        (one,) = [one for one in report.findings if one.key == "gate-saturated"]
        assert "gate i is shut at all steps in 24 of 24 units" in one.measured


@pytest.mark.parametrize("cell", CELLS)
def test_what_is_measured_is_what_is_measured_of_the_layer_with_these_weights(cell: str) -> None:
    torch.manual_seed(0)
    one, batch = LSTMCell(D, H, cell=cell), torch.randn(20, 5, D)
    layer = LSTM(D, H, cell=cell)
    layer.load_state_dict({f"{name}_l0": value for name, value in one.state_dict().items()}, strict=True)
    of_loop = doctor.examine(Loop(one), batch).layers[0]
    of_layer = doctor.examine(layer, batch).layers[0]
    for name in ("half-lives", "gradient by lag", "memory at each step"):
        np.testing.assert_allclose(of_loop[name], of_layer[name], rtol=1e-4, atol=1e-7)


def test_the_batch_is_found_in_either_place_and_cells_above_each_other_apart() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cells = nn.ModuleList([nn.LSTMCell(D, 5), nn.LSTMCell(5, 4)])

        def forward(self, xs: Tensor) -> Tensor:
            states: list = [None, None]
            for x in xs.unbind(1):  # batch first
                for k, cell in enumerate(self.cells):
                    states[k] = cell(x, states[k])
                    x = states[k][0]
            return x

    subject = Subject(Two(), torch.randn(7, 11, D), None, None, None, None)
    subject.find_axes(subject.run())
    assert subject.axis == 0
    report = doctor.examine(Two(), torch.randn(7, 11, D))
    assert [row["where"] for row in report.layers] == ["cells.0, layer 0", "cells.1, layer 0"]
    assert [len(row["memory at each step"]) for row in report.layers] == [11, 11]


def test_a_cell_that_is_called_without_its_state_is_left_out_with_the_reason() -> None:
    report = doctor.examine(Loop(nn.LSTMCell(D, H), carries=False), delayed(0))
    assert "does not begin with the memory of the step before" in report.left_out["the inside of cell"]
    assert report.layers == []


def test_a_gru_cell_is_no_lstm() -> None:
    with pytest.raises(ValueError, match="without any LSTM"):
        doctor.examine(nn.GRUCell(3, 2))
