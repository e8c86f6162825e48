"""The module *is* a ``torch.nn.LSTM`` to code that asks: type, private surface, tracers, converters, checkpoints."""

import copy
import io
import pickle
import typing
import warnings
from abc import ABC, abstractmethod
from typing import Any

import pytest
import torch
from nn_helpers import IS_PINNED, TOLERANCE, B, D, H, P, T, assert_close, draw, make, run, twin
from torch import nn as torch_nn
from torch.nn.utils import parametrizations

from lstm_lib.nn import CELLS, LSTM, BackendName, CellName, LSTMCell, by_gate, set_forget_bias
from lstm_lib.nn.backends import BACKENDS

THEIRS = torch.nn.LSTM
every_cell = pytest.mark.parametrize("cell", CELLS)
SHAPES = [{}, {"num_layers": 2, "bidirectional": True}, {"bias": False}, {"proj_size": P, "batch_first": True}]
every_shape = pytest.mark.parametrize("options", SHAPES, ids=str)
deprecated = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore:torch.quantize_per_tensor"
)


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pair(**options: Any) -> tuple[torch.nn.LSTM, LSTM]:
    torch.manual_seed(0)
    theirs = THEIRS(D, H, **options, dtype=torch.float64)
    return theirs, twin(theirs, "auto")


# ---------------------------------------------------------------- type


@every_cell
def test_it_is_an_lstm_of_torch(cell: str) -> None:
    lstm = LSTM(D, H, cell=cell)
    assert isinstance(lstm, torch.nn.LSTM)
    assert isinstance(lstm, torch.nn.RNNBase)
    assert issubclass(LSTM, torch.nn.LSTM)
    assert not isinstance(lstm, (torch.nn.GRU, torch.nn.RNN))
    assert isinstance(LSTMCell(D, H, cell=cell), torch.nn.LSTMCell)


def test_editors_know_the_names_of_every_cell_and_backend() -> None:
    assert typing.get_args(CellName) == tuple(CELLS)
    assert {*typing.get_args(BackendName)} == {"auto", *(backend.name for backend in BACKENDS)}
    for function in (LSTM.__init__, LSTMCell.__init__):
        assert typing.get_type_hints(function)["cell"] is CellName
    for function in (LSTM.__init__, LSTM.from_torch):
        assert typing.get_type_hints(function)["backend"] is BackendName


def test_a_generic_recipe_for_initial_weights_reaches_it() -> None:
    def init_weights(module: torch.nn.Module) -> None:
        if isinstance(module, torch.nn.LSTM):
            for names in module._all_weights:
                for name in (name for name in names if "bias" in name):
                    n = getattr(module, name).size(0)
                    getattr(module, name).data.fill_(0.0)
                    getattr(module, name).data[n // 4 : n // 2].fill_(1.0)

    theirs, ours = pair(num_layers=2)
    for lstm in (theirs, ours):
        torch.nn.Sequential(lstm).apply(init_weights)
    assert_close(dict(ours.named_parameters()), dict(theirs.named_parameters()), 0.0)
    assert ours.bias_hh_l1[H : 2 * H].eq(1).all()


def test_it_can_be_mixed_in_as_torchs_lstm_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.nn, "LSTM", LSTM)

    class Recurrent(ABC, torch_nn.RNNBase):
        @abstractmethod
        def start(self, h: torch.Tensor) -> torch.Tensor: ...

        def doubled(self, xs: torch.Tensor) -> torch.Tensor:
            return 2 * self(xs)[0]

    class Mixed(Recurrent, torch_nn.LSTM):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self.norm = torch_nn.LayerNorm(H)
            self.reset_parameters()

        def start(self, h: torch.Tensor) -> torch.Tensor:
            return h

    torch.manual_seed(3)
    mixed = Mixed(D, H, num_layers=2)
    assert isinstance(mixed, LSTM)
    assert mixed.doubled(torch.ones(T, B, D)).shape == (T, B, H)

    class Plain(THEIRS):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self.norm = torch_nn.LayerNorm(H)
            self.reset_parameters()

    torch.manual_seed(3)
    assert_close(dict(mixed.named_parameters()), dict(Plain(D, H, num_layers=2).named_parameters()), 0.0)


def test_a_subclass_may_have_a_norm_of_its_own() -> None:
    class Normed(LSTM):
        def __init__(self, **options: Any) -> None:
            super().__init__(D, H, **options)
            self.norm_out = torch_nn.LayerNorm(H)

    for cell in ("standard", "layernorm"):
        lstm = Normed(cell=cell)
        lstm.reset_parameters()
        assert lstm.norm_out.weight.unique().numel() > 1  # drawn, as torch's reset_parameters draws all there is
    assert lstm.weight_norm_c_l0.eq(1).all()
    assert lstm.bias_norm_c_l0.eq(0).all()


# ---------------------------------------------------------------- private surface


@every_shape
def test_the_private_surface_is_that_of_torch(options: dict[str, Any]) -> None:
    theirs, ours = pair(**options)
    for name in ("mode", "_flat_weights_names", "_all_weights", "batch_first", "proj_size", "dropout"):
        assert getattr(ours, name) == getattr(theirs, name), name
    assert [w is getattr(ours, n) for w, n in zip(ours._flat_weights, ours._flat_weights_names, strict=True)]
    assert len(ours._flat_weights) == len(theirs._flat_weights)
    assert [[tuple(w.shape) for w in layer] for layer in ours.all_weights] == [
        [tuple(w.shape) for w in layer] for layer in theirs.all_weights
    ]
    xs = draw(rng(), *((B, T) if ours.batch_first else (T, B)), D).detach()
    L = ours.num_layers * (1 + ours.bidirectional)
    h, c = torch.zeros(L, B, ours.proj_size or H), torch.zeros(L, B, H)
    for lstm in (theirs, ours):
        assert lstm.get_expected_hidden_size(xs, None) == tuple(h.shape)
        assert lstm.get_expected_cell_size(xs, None) == tuple(c.shape)
        lstm.check_input(xs, None)
        lstm.check_forward_args(xs, (h, c), None)
        with pytest.raises(RuntimeError, match=r"Expected hidden\[1\] size"):
            lstm.check_forward_args(xs, (h, c[:, 1:]), None)
        with pytest.raises(RuntimeError, match="Expected hidden size"):
            lstm.check_hidden_size(h[..., 1:], tuple(h.shape))
        order = torch.tensor([2, 0, 1])
        assert torch.equal(lstm.permute_hidden((h, c), order)[0], h[:, order])
        assert lstm.flatten_parameters() is None


def test_a_forward_pass_written_by_a_client_around_flat_weights_works() -> None:
    theirs, ours = pair(num_layers=2, bidirectional=True)
    xs = draw(rng(), T, B, D)
    zeros = torch.zeros(4, B, H, dtype=torch.float64)
    for lstm in (theirs, ours):
        lstm._update_flat_weights()
        hs, *_ = torch._VF.lstm(xs, (zeros, zeros), lstm._flat_weights, True, 2, 0.0, True, True, False)
        torch.testing.assert_close(hs, lstm(xs)[0], rtol=0, atol=1e-14)


@pytest.mark.parametrize("how", ["one", "all", "attribute"])
def test_weights_put_into_flat_weights_are_computed_with(how: str) -> None:
    theirs, ours = pair()
    xs, results = draw(rng(), T, B, D), []
    for lstm in (theirs, ours):
        dropped = torch.nn.functional.dropout(lstm.weight_hh_l0, 0.5)
        dropped = lstm.weight_hh_l0 * torch.linspace(0, 1, H, dtype=torch.float64) + 0 * dropped
        if how == "one":
            lstm._flat_weights[1] = dropped
        elif how == "all":
            lstm._flat_weights = [lstm.weight_ih_l0, dropped, lstm.bias_ih_l0, lstm.bias_hh_l0]
        else:
            raw = lstm.weight_hh_l0
            del lstm._parameters["weight_hh_l0"]
            lstm.register_parameter("weight_hh_l0_raw", raw)
            lstm.weight_hh_l0 = raw * torch.linspace(0, 1, H, dtype=torch.float64)
        lstm(xs)[0].pow(2).sum().backward()
        results.append({"hs": lstm(xs)[0].detach()} | {n: p.grad for n, p in lstm.named_parameters()})
        if how != "attribute":
            assert lstm._flat_weights[1] is dropped
            lstm.weight_hh_l0 = torch_nn.Parameter(torch.zeros(4 * H, H, dtype=torch.float64))
            results[-1]["another"] = lstm(xs)[0].detach()
    assert_close(results[1], results[0], 1e-11)


def test_flat_weights_follow_what_happens_to_the_module() -> None:
    _, ours = pair(num_layers=2)
    xs = draw(rng(), T, B, D)

    def is_in_order(lstm: LSTM) -> bool:
        return all(w is getattr(lstm, n) for w, n in zip(lstm._flat_weights, lstm._flat_weights_names, strict=True))

    replica = ours._replicate_for_data_parallel()
    replica.weight_hh_l0 = ours.weight_hh_l0 * 0
    assert replica._flat_weights[1] is replica.weight_hh_l0
    for other in (ours, copy.deepcopy(ours), pickle.loads(pickle.dumps(ours)), ours.float().double()):
        assert is_in_order(other)
        assert other._flat_weights_names == ours._flat_weights_names
    functional = {name: p.detach() * 2 for name, p in ours.named_parameters()}
    torch.func.functional_call(ours, functional, (xs,))
    assert is_in_order(ours)
    ours._flat_weights[1] = ours.weight_hh_l0 * 0
    assert not is_in_order(ours)
    assert is_in_order(ours.double())  # as torch: moving a module makes the list anew
    ours._flat_weights[1] = ours.weight_hh_l0 * 0
    assert is_in_order(copy.deepcopy(ours))
    changed = torch.func.functional_call(ours, functional, (xs,))[0]
    ours.load_state_dict(functional)
    ours._init_flat_weights()
    assert torch.equal(changed, ours(xs)[0])


def test_a_parametrised_module_can_be_moved_and_then_copied() -> None:
    _, ours = pair()
    parametrizations.weight_norm(ours, "weight_hh_l0")
    xs = draw(rng(), T, B, D)
    expected = run(ours, xs, None)
    ours.float().double()
    again = copy.deepcopy(ours)
    assert_close(run(again, xs, None), run(ours, xs, None), 0.0)
    assert_close(run(again, xs, None), expected, 1e-5)
    assert again._flat_weights[1].shape == (4 * H, H)


# ---------------------------------------------------------------- recipes for four gates


@pytest.mark.parametrize("rows", ["H:2H", "second quarter"])
@pytest.mark.parametrize("cell", ["coupled", "janet", "no-forget"])
def test_a_recipe_for_four_gates_is_told_that_there_are_fewer(cell: str, rows: str) -> None:
    for made, x in ((LSTM(D, 6, cell=cell), torch.ones(T, B, D)), (LSTMCell(D, 6, cell=cell), torch.ones(B, D))):
        suffix = made.suffixes()[0]
        bias = getattr(made, f"bias_ih{suffix}")
        n = len(bias)
        bias.data[slice(6, 12) if rows == "H:2H" else slice(n // 4, n // 2)] = 1.0
        gates = ", ".join(CELLS[cell].gates)
        with pytest.warns(UserWarning, match=f"got bias_ih{suffix} with rows .* cell '{cell}' are {gates}; expected"):
            made(x)
        made(x)  # said once


@every_cell
def test_right_recipes_are_not_warned_of(cell: str) -> None:
    for units in (1, 2, 3, 8):
        lstm = LSTM(D, units, cell=cell)
        if "f" in CELLS[cell].gates:
            set_forget_bias(lstm, 1.0)
        lstm(torch.ones(T, B, D))
        for value in (0.0, 1.0):
            again = LSTM(D, units, cell=cell)
            for name, p in again.named_parameters():
                p.data.fill_(value) if "bias" in name else None
            again(torch.ones(T, B, D))


# ---------------------------------------------------------------- tracers and converters


class Network(torch.nn.Module):
    """A network of a user."""

    def __init__(self, lstm: torch.nn.Module) -> None:
        super().__init__()
        self.lstm, self.readout = lstm, torch.nn.Linear(H, 2, dtype=torch.float64)

    def forward(self, xs: torch.Tensor) -> torch.Tensor:
        hs, (h, _) = self.lstm(xs * 2)
        return self.readout(hs) + h[-1].mean()


@every_cell
def test_it_is_a_leaf_for_fx(cell: str) -> None:
    network, xs = Network(make(cell)), draw(rng(), T, B, D)
    traced = torch.fx.symbolic_trace(network)
    assert [n.target for n in traced.graph.nodes if n.op == "call_module"] == ["lstm", "readout"]
    results = []
    for one in (network, traced, copy.deepcopy(traced)):
        one.zero_grad()
        out = one(xs)
        out.pow(2).sum().backward()
        results.append({"out": out.detach()} | {n: p.grad.clone() for n, p in one.named_parameters()})
    assert_close(results[1], results[0], 0.0)
    assert_close(results[2], results[0], 0.0)


def test_a_cell_is_a_leaf_for_fx_too() -> None:
    class Once(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell = LSTMCell(D, H, cell="drawn")

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            h, c = self.cell(x)
            return self.cell(x, (h, c))[0]

    once, x = Once(), torch.ones(B, D)
    assert torch.equal(torch.fx.symbolic_trace(once)(x), once(x))


def test_fx_inside_the_module_is_refused_with_a_way_out() -> None:
    with pytest.raises(TypeError, match=r"got a Proxy of torch.fx, expected .* a leaf .*to_torch"):
        torch.fx.symbolic_trace(LSTM(D, H))


def test_compiled_as_one_graph_where_torch_may_trace_recurrent_modules() -> None:
    network, xs = Network(make("drawn", backend="auto")), draw(rng(), T, B, D)
    torch._dynamo.reset()
    with torch._dynamo.config.patch(allow_rnn=True):
        whole = torch.compile(network, backend="eager", fullgraph=True)
        torch.testing.assert_close(whole(xs), network(xs), rtol=0, atol=1e-14)


WHOLE = {"reference": True, "fused": False, "native": False, "auto": False}  # cell "standard", where torch may look


@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")  # torch 2.7, of itself
@pytest.mark.parametrize("backend", WHOLE)
@pytest.mark.parametrize("allow_rnn", [False, True], ids=["as it is", "allow_rnn"])
def test_fullgraph_is_refused_but_for_the_readable_path_and_where_torch_may_look(backend: str, allow_rnn: bool) -> None:
    lstm, xs = make("standard", backend=backend), draw(rng(), T, B, D)
    torch._dynamo.reset()
    with torch._dynamo.config.patch(allow_rnn=allow_rnn):
        whole = torch.compile(lstm, backend="aot_eager", fullgraph=True)
        if allow_rnn and WHOLE[backend]:
            assert_close(compiled_run(whole, xs), run(lstm, xs, None), 1e-12)
        elif allow_rnn and not IS_PINNED:
            pytest.skip("an older torch may follow its own kernels here, and get the shape of h_n wrong")
        else:
            with pytest.raises(torch._dynamo.exc.Unsupported):
                whole(xs)
        pieces = torch.compile(lstm, backend="aot_eager")
        assert_close(compiled_run(pieces, xs), run(lstm, xs, None), 1e-12)


def compiled_run(module: torch.nn.Module, xs: torch.Tensor) -> dict[str, torch.Tensor]:
    """Run a compiled module, whose parameters have longer names."""
    return {name.replace("_orig_mod.", ""): result for name, result in run(module, xs, None).items()}


@every_cell
def test_a_cell_is_part_of_one_graph(cell: str) -> None:
    one, x = LSTMCell(D, H, cell=cell, dtype=torch.float64), draw(rng(), B, D)
    torch._dynamo.reset()
    whole = torch.compile(one, backend="aot_eager", fullgraph=True)
    for given in ((x,), (x, (draw(rng(1), B, H), draw(rng(2), B, H)))):
        results = []
        for module in (one, whole):
            one.zero_grad()
            h, c = module(*given)
            (h * c).sum().backward()
            results.append({"h": h.detach(), "c": c.detach()} | {n: p.grad.clone() for n, p in one.named_parameters()})
        assert_close(results[1], results[0], 1e-12)


@every_cell
def test_compiled_in_pieces_it_gives_the_same_numbers(cell: str) -> None:
    torch._dynamo.reset()
    network, xs = Network(make(cell, backend="auto")), draw(rng(), T, B, D)
    compiled = torch.compile(network, backend="aot_eager")
    results = []
    for one in (network, compiled):
        network.zero_grad()
        out = one(xs)
        out.pow(2).sum().backward()
        results.append({"out": out.detach()} | {n: p.grad.clone() for n, p in network.named_parameters()})
    assert_close(results[1], results[0], 1e-12)


@deprecated
def test_torchscript_gets_torchs_lstm_around_the_same_parameters() -> None:
    _, ours = pair(num_layers=2)
    network = Network(ours)
    xs, weight = draw(rng(), T, B, D), ours.weight_hh_l0
    expected = network(xs)
    scripted = torch.jit.script(network)
    torch.testing.assert_close(scripted(xs), expected, rtol=0, atol=1e-14)
    with torch.no_grad():
        weight.mul_(2)
    assert not torch.allclose(scripted(xs), expected)
    with pytest.raises(ValueError, match="got cell 'janet', expected 'standard': torch has no other"):
        torch.jit.script(Network(make("janet")))


@deprecated
@pytest.mark.parametrize("asked", [{torch.nn.LSTM}, {LSTM}, {"lstm"}], ids=["torch's", "ours", "by name"])
def test_dynamic_quantisation_says_that_it_passes_by(asked: Any) -> None:
    network = Network(LSTM(D, H)).float()
    if asked & {LSTM, "lstm"}:
        with pytest.raises(TypeError, match=r"got a qconfig for an LSTM of lstm_lib, .* lstm.to_torch\(\)"):
            torch.ao.quantization.quantize_dynamic(network, asked)
    else:
        with pytest.warns(UserWarning, match=r"got an LSTM of lstm_lib, which torch.ao leaves .* lstm.to_torch\(\)"):
            torch.ao.quantization.quantize_dynamic(network, asked)


@deprecated
def test_after_to_torch_dynamic_quantisation_is_torchs() -> None:
    theirs, ours = (module.float() for module in pair(num_layers=2))
    answers = []
    for lstm in (theirs, ours.to_torch()):
        torch.manual_seed(1)
        network = Network(lstm).float()
        small = torch.ao.quantization.quantize_dynamic(network, {torch.nn.LSTM, torch.nn.Linear})
        assert type(small.lstm).__module__.endswith("quantized.dynamic.modules.rnn")
        answers.append(small(torch.ones(T, B, D)))
    assert torch.equal(*answers)


# ---------------------------------------------------------------- to torch and back


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
@every_shape
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_to_torch_and_back_gives_the_same_numbers_and_memory_of_its_own(options: Any, dtype: torch.dtype) -> None:
    _, ours = pair(**options)
    ours = ours.to(dtype).eval()
    ours.weight_hh_l0.requires_grad_(False)
    theirs = ours.to_torch()
    again = LSTM.from_torch(theirs, backend="fused")
    assert type(theirs) is THEIRS
    assert (type(again), again.backend) == (LSTM, "fused")
    xs = draw(rng(), T, B, D, dtype=dtype)
    for other in (theirs, again):
        assert not other.training
        assert not other.weight_hh_l0.requires_grad
        assert other.weight_hh_l0.data_ptr() != ours.weight_hh_l0.data_ptr()
        torch.testing.assert_close(other(xs)[0], ours(xs)[0], rtol=0, atol=TOLERANCE[dtype])
    meta = LSTM(D, H, device="meta").to_torch()
    assert meta.weight_hh_l0.is_meta


def test_making_a_twin_draws_no_random_numbers() -> None:
    _, ours = pair()
    before = torch.get_rng_state()
    LSTM.from_torch(ours.to_torch())
    LSTMCell(D, H, device="meta")
    assert torch.equal(torch.get_rng_state(), before)


def test_what_torch_has_not_is_refused_by_to_torch() -> None:
    for options, message in (
        ({"cell": "coupled"}, "got cell 'coupled', expected 'standard'"),
        ({"zoneout": 0.1}, "got zoneout inside the layer, which torch.nn.LSTM has not, expected none"),
        ({"recurrent_dropout": 0.1}, "got recurrent_dropout inside .*, expected none, or eval mode"),
    ):
        with pytest.raises(ValueError, match=message):
            LSTM(D, H, **options).to_torch()
    LSTM(D, H, recurrent_dropout=0.1, variational_dropout=0.1).eval().to_torch()
    with pytest.raises(TypeError, match="got a module of type GRU, expected one of torch.nn.LSTM"):
        LSTM.from_torch(torch.nn.GRU(D, H))
    with pytest.raises(TypeError, match="got a module of type LSTM, expected one of torch.nn.LSTM"):
        LSTM.from_torch(LSTM(D, H))


def test_a_whole_pickled_module_of_torch_is_ours_under_the_swap(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs, _ = pair(num_layers=2, bidirectional=True)
    small = torch.nn.LSTMCell(D, H)
    file = io.BytesIO()
    torch.save({"lstm": theirs, "cell": small}, file)
    file.seek(0)
    for place in (torch.nn, torch.nn.modules.rnn):
        monkeypatch.setattr(place, "LSTM", LSTM)
        monkeypatch.setattr(place, "LSTMCell", LSTMCell)
    loaded = torch.load(file, weights_only=False)
    assert (type(loaded["lstm"]), loaded["lstm"].cell, type(loaded["cell"])) == (LSTM, "standard", LSTMCell)
    xs = draw(rng(), T, B, D)
    assert_close(run(loaded["lstm"], xs, None), run(theirs, xs, None), 1e-11)
    assert loaded["lstm"]._all_weights == theirs._all_weights
    assert torch.equal(loaded["cell"](torch.ones(B, D))[0], small(torch.ones(B, D))[0])
    assert type(loaded["lstm"].to_torch()) is THEIRS


# ---------------------------------------------------------------- checkpoints know their cell


def test_weights_of_other_rows_are_refused_by_name_where_shapes_fit() -> None:
    for kind in (LSTM, LSTMCell):
        saved, other = kind(D, H, cell="no-forget").state_dict(), torch.nn.Sequential(kind(D, H, cell="coupled"))
        before = copy.deepcopy(other.state_dict())
        file = io.BytesIO()
        torch.save(torch.nn.Sequential(kind(D, H, cell="no-forget")).state_dict(), file)
        file.seek(0)
        message = r"got weights of cell 'no-forget' \(rows i, g, o\), expected weights of rows f, g, o for cell 'cou"
        for module, state in ((other[0], saved), (other, torch.load(file, weights_only=True))):
            with pytest.raises(RuntimeError, match=message):
                module.load_state_dict(state)
        assert_close(dict(other.state_dict()), dict(before), 0.0)
        other[0].load_state_dict(kind(D, H, cell="coupled").state_dict())
        other[0].load_state_dict(dict(saved))  # a plain dict does not know


def test_weights_of_torch_are_refused_by_what_a_cell_of_fewer_gates_has() -> None:
    for ours, theirs in ((LSTM, THEIRS), (LSTMCell, torch.nn.LSTMCell)):
        coupled = ours(D, H, cell="coupled")
        for state in (theirs(D, H).state_dict(), dict(ours(D, H).state_dict())):
            message = r"got weights of 4 gates \(as torch's i, f, g, o\), expected .* rows f, g, o for cell 'coupled'"
            with pytest.raises(RuntimeError, match=message):
                coupled.load_state_dict(state, strict=False)
        with pytest.raises(RuntimeError, match="size mismatch for weight_hh"):  # other units, and no other cell
            ours(D, 4 * H, cell="janet").load_state_dict(theirs(D, 2 * H).state_dict())
    with pytest.raises(RuntimeError, match="got weights of 2 gates, expected weights of rows i, f, g, o"):
        LSTM(D, H).load_state_dict(dict(LSTM(D, H, cell="janet").state_dict()))
    with pytest.raises(RuntimeError, match="got weights of 4 gates"):
        LSTM(D, H, cell="janet").load_state_dict(THEIRS(D, H, proj_size=P).state_dict())


@every_cell
def test_a_checkpoint_says_of_each_row_which_gate_it_is(cell: str) -> None:
    deep, one = LSTM(D, H, 2, bidirectional=True, cell=cell), LSTMCell(D, H, cell=cell)
    network = torch.nn.ModuleDict({"deep": deep, "one": one})
    network["out"] = torch.nn.Linear(H, 2)
    file = io.BytesIO()
    torch.save(network.state_dict(), file)
    file.seek(0)
    for source in (network, torch.load(file, weights_only=True)):
        rows = by_gate(source)
        state = network.state_dict()
        split = [name for name in state if "_ih" in name or "_hh" in name]
        assert [name for name in rows if "peep" not in name] == split
        for name in split:
            assert "".join(rows[name]) == CELLS[cell].gates
            assert torch.equal(torch.cat(list(rows[name].values())), state[name])
        if cell == "peephole":
            assert "".join(rows["deep.weight_peep_l1_reverse"]) == "ifo"
            assert torch.equal(rows["one.weight_peep"]["o"], network["one"].weight_peep[2])


def test_the_rows_of_the_forget_gate_are_those_that_set_forget_bias_sets() -> None:
    for cell in CELLS:
        if "f" in CELLS[cell].gates:
            lstm = LSTM(D, H, cell=cell)
            set_forget_bias(lstm, 3.5)
            rows = by_gate(lstm)
            both = {gate: rows["bias_ih_l0"][gate] + rows["bias_hh_l0"][gate] for gate in CELLS[cell].gates}
            assert [gate for gate, bias in both.items() if bias.eq(3.5).all()] == ["f"]


def test_rows_of_weights_that_do_not_know_their_cell() -> None:
    assert "".join(by_gate(THEIRS(D, H, proj_size=P))["weight_hh_l0"]) == "ifgo"
    assert "".join(by_gate(dict(LSTM(D, H, cell="janet").state_dict()))["weight_hh_l0"]) == "fg"
    plain = dict(LSTM(D, H, cell="no-forget").state_dict())
    with pytest.raises(ValueError, match="got weight_hh_l0 with 3 blocks of rows, expected cell='coupled'"):
        by_gate(plain)
    assert "".join(by_gate(plain, "no-forget")["bias_hh_l0"]) == "igo"
    with pytest.raises(ValueError, match="got weight_hh_l0 with 12 rows for 4 units, expected 16 of cell 'standard'"):
        by_gate(plain, "standard")
    with pytest.raises(ValueError, match="got cell 'gates', expected one of 'standard'"):
        by_gate(plain, "gates")
    network = torch.nn.ModuleList([torch.nn.RNN(D, H), torch.nn.GRU(D, H), torch.nn.Linear(D, H)])
    assert by_gate(network) == by_gate(network[0].state_dict()) == {}
    computed = parametrizations.weight_norm(LSTM(D, H), "weight_hh_l0")
    assert by_gate(computed) == by_gate(computed.state_dict()) == {}


def test_a_checkpoint_loads_into_torch_and_from_torch() -> None:
    theirs, ours = pair(num_layers=2)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    theirs.load_state_dict(ours.state_dict())
    ours.load_state_dict(theirs.state_dict())
    LSTM(D, H, 2, cell="peephole").load_state_dict(theirs.state_dict(), strict=False)  # four gates are four gates
    LSTM(D, H, 2, cell="peephole").load_state_dict(ours.state_dict(), strict=False)
    torch.nn.LSTMCell(D, H).load_state_dict(LSTMCell(D, H).state_dict())


def test_a_module_pickled_before_it_was_an_lstm_of_torch_still_loads() -> None:
    _, ours = pair(num_layers=2)
    state = ours.__getstate__()
    for name in ("mode", "_all_weights", "_flat_weights_names", "_given", "_is_looked_at", "__module__"):
        del state[name]
    again = LSTM.__new__(LSTM)
    again.__setstate__(state)
    xs = draw(rng(), T, B, D)
    assert_close(run(again, xs, None), run(ours, xs, None), 0.0)
    assert again._flat_weights_names == ours._flat_weights_names


def test_nothing_is_warned_of_in_ordinary_use() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for cell in CELLS:
            lstm = pickle.loads(pickle.dumps(LSTM(D, H, cell=cell)))
            lstm(torch.ones(T, B, D))[0].sum().backward()
