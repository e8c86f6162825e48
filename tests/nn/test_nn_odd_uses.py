"""What people do to a module besides calling it: shared, pruned, frozen, saved whole; odd sizes and odd memory."""

import copy
import io
from typing import Any

import pytest
import torch
from nn_helpers import TOLERANCE, B, D, H, T, assert_close, draw, make, run, twin
from torch.nn.utils import parametrizations, prune
from torch.utils.checkpoint import checkpoint

from lstm_lib.nn import CELLS, LSTM

every_backend = pytest.mark.parametrize("backend", ["reference", "native", "auto"])
ODD_SIZES = [(1, 1, 1, 1), (1, 3, 5, 4), (7, 1, 5, 4), (7, 3, 1, 4), (7, 3, 5, 1), (300, 1, 2, 3)]
every_cell = pytest.mark.parametrize("cell", CELLS)


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pair(backend: str, *sizes: int, **options: Any) -> tuple[torch.nn.LSTM, LSTM]:
    """Draw torch's LSTM of float64, two layers in both directions unless sizes come, and its twin."""
    torch.manual_seed(0)
    theirs = torch.nn.LSTM(*(sizes or (D, H, 2)), bidirectional=True, dtype=torch.float64, **options)
    return theirs, twin(theirs, backend)


# ---------------------------------------------------------------- sizes and memory


@every_backend
@pytest.mark.parametrize("sizes", ODD_SIZES, ids=str)
def test_the_smallest_sizes_and_long_sequences_give_the_numbers_of_torch(sizes: Any, backend: str) -> None:
    steps, batch, features, units = sizes
    theirs, ours = pair(backend, features, units)
    xs, state = draw(rng(), steps, batch, features), tuple(draw(rng(k), 2, batch, units) for k in (1, 2))
    for given in (None, state):
        assert_close(run(ours, xs, given), run(theirs, xs, given), 1e-11)


@every_backend
def test_the_memory_layout_of_input_and_state_does_not_matter(backend: str) -> None:
    _, lstm = pair(backend)
    for strange in (
        draw(rng(), D, B, T).detach().permute(2, 1, 0),
        draw(rng(), 2 * T, B, 2 * D).detach()[::2, :, ::2],
        draw(rng(), 1, 1, D).detach().expand(T, B, D),
    ):
        state = draw(rng(1), 4, H, B).detach().transpose(1, 2), draw(rng(2), 4, 1, H).detach().expand(4, B, H)
        plain = lstm(strange.contiguous(), tuple(part.contiguous() for part in state))
        for a, e in zip((lstm(strange, state)[0], *lstm(strange, state)[1]), (plain[0], *plain[1]), strict=True):
            torch.testing.assert_close(a, e, rtol=0, atol=1e-14)


@every_backend
def test_an_empty_batch_has_zero_gradients(backend: str) -> None:
    _, lstm = pair(backend)
    lstm(torch.ones(T, 0, D, dtype=torch.float64))[0].sum().backward()
    assert all(p.grad is not None and not p.grad.any() for p in lstm.parameters())


@every_backend
def test_what_comes_out_may_be_changed_in_place_before_the_backward_pass(backend: str) -> None:
    xs, slopes = draw(rng(), T, B, D), []
    for lstm in pair(backend):
        hs, (h, c) = lstm(xs)
        h[:, 0] = 0
        c.mul_(2)
        lstm.zero_grad()
        (torch.relu_(hs).sum() + h.sum() + c.sum()).backward()
        slopes.append({name: p.grad for name, p in lstm.named_parameters()})
    assert_close(slopes[1], slopes[0], 1e-11)


def test_integers_of_numpy_are_sizes() -> None:
    np = pytest.importorskip("numpy")
    lstm = LSTM(np.int64(D), np.int32(H), np.int64(2))
    assert repr(lstm) == "LSTM(5, 4, num_layers=2)"
    assert {type(size) for size in (lstm.input_size, lstm.hidden_size, lstm.num_layers)} == {int}
    assert lstm(torch.ones(T, B, D))[0].shape == (T, B, H)


@every_cell
def test_the_default_dtype_is_that_of_the_parameters(cell: str) -> None:
    torch.set_default_dtype(torch.float64)
    try:
        wide, narrow = LSTM(D, H, cell=cell, zoneout=0.1), LSTM(D, H, cell=cell, zoneout=0.1, dtype=torch.float32)
        assert wide(torch.ones(T, B, D))[0].dtype == torch.float64
        hs, (h, c) = narrow(torch.ones(T, B, D, dtype=torch.float32))
    finally:
        torch.set_default_dtype(torch.float32)
    assert {hs.dtype, h.dtype, c.dtype} == {torch.float32}


# ---------------------------------------------------------------- weights


@every_backend
def test_weights_may_be_shared_between_layers(backend: str) -> None:
    theirs, ours = pair(backend, H, H, 2)
    xs = draw(rng(), T, B, H)
    for lstm in (theirs, ours):
        lstm.weight_hh_l1 = lstm.weight_hh_l0
        lstm.weight_ih_l1 = lstm.weight_ih_l1_reverse
    assert_close(run(ours, xs, None), run(theirs, xs, None), 1e-11)
    moved = ours.float().double()
    assert moved.weight_hh_l1 is moved.weight_hh_l0


@every_backend
def test_pruned_weights_stay_pruned(backend: str) -> None:
    theirs, ours = pair(backend)
    for lstm in (theirs, ours):
        torch.manual_seed(5)
        prune.random_unstructured(lstm, "weight_hh_l0", 0.5)
    xs = draw(rng(), T, B, D)
    assert_close(run(ours, xs, None), run(theirs, xs, None), 1e-11)
    before = ours(xs)[0]
    prune.remove(ours, "weight_hh_l0")
    assert torch.equal(ours(xs)[0], before)
    assert (ours.weight_hh_l0 == 0).double().mean() == 0.5


@every_backend
def test_a_parametrised_module_can_be_copied_and_moved(backend: str) -> None:
    _, ours = pair(backend)
    parametrizations.orthogonal(ours, "weight_hh_l1")
    xs = draw(rng(), T, B, D)
    assert_close(run(copy.deepcopy(ours), xs, None), run(ours, xs, None), 0.0)
    assert ours.float()(xs.float())[0].dtype == torch.float32


@every_backend
def test_frozen_weights_get_no_gradient_and_the_others_do(backend: str) -> None:
    theirs, ours = pair(backend)
    xs = draw(rng(), T, B, D).detach()
    for lstm in (theirs, ours):
        lstm.requires_grad_(False)
        assert not lstm(xs)[0].requires_grad
        lstm.weight_hh_l1.requires_grad_(True)
        lstm(xs)[0].pow(2).sum().backward()
    torch.testing.assert_close(ours.weight_hh_l1.grad, theirs.weight_hh_l1.grad, rtol=1e-11, atol=0)
    assert [name for name, p in ours.named_parameters() if p.grad is not None] == ["weight_hh_l1"]


@every_backend
def test_a_checkpoint_must_fit_and_may_be_assigned(backend: str) -> None:
    theirs, ours = pair(backend)
    good = theirs.state_dict()
    for bad in ({}, good | {"weight_x": good["bias_ih_l0"]}, good | {"weight_hh_l0": good["bias_ih_l0"]}):
        for lstm in (theirs, ours):
            with pytest.raises(RuntimeError, match="Error.s. in loading state_dict for LSTM"):
                lstm.load_state_dict(bad)
    with torch.device("meta"):
        empty = LSTM(D, H, 2, bidirectional=True, backend=backend)
    empty.load_state_dict(good, assign=True)
    xs = draw(rng(), T, B, D)
    assert_close(run(empty, xs, None), run(theirs, xs, None), 1e-11)


@every_cell
def test_a_module_saved_whole_gives_the_same_numbers(cell: str) -> None:
    lstm, file = make(cell, num_layers=2, zoneout=0.3, recurrent_dropout=0.1, backend="auto"), io.BytesIO()
    torch.save(lstm, file)
    file.seek(0)
    loaded, xs = torch.load(file, weights_only=False), draw(rng(), T, B, D)
    results = []
    for module in (lstm, loaded):
        torch.manual_seed(1)
        results.append(run(module, xs, None))
    assert_close(results[1], results[0], 0.0)


# ---------------------------------------------------------------- torch's other machinery


@every_backend
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_a_segment_may_be_recomputed_in_the_backward_pass(dtype: torch.dtype, backend: str) -> None:
    lstm, xs = twin(torch.nn.LSTM(D, H, 2, dropout=0.3, dtype=dtype), backend), draw(rng(), T, B, D, dtype=dtype)
    slopes = []
    for forward in (lambda x: lstm(x)[0], lambda x: checkpoint(lambda x: lstm(x)[0], x, use_reentrant=False)):
        torch.manual_seed(3)
        slopes.append({"x": torch.autograd.grad(forward(xs).pow(2).sum(), xs)[0]})
    assert_close(slopes[1], slopes[0], 0.0)


@every_backend
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
def test_gradients_of_gradients_exist_on_a_processor(training: bool, backend: str) -> None:
    theirs, ours = pair(backend)
    xs, penalties = draw(rng(), T, B, D), []
    for lstm in (theirs, ours):
        lstm.train(training).zero_grad()
        (slope,) = torch.autograd.grad(lstm(xs)[0].pow(3).sum(), xs, create_graph=True)
        slope.pow(2).sum().backward()
        penalties.append({name: p.grad for name, p in lstm.named_parameters()})
    assert_close(penalties[1], penalties[0], 1e-11)


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")  # torch.func itself still uses it
@every_cell
def test_an_ensemble_runs_as_one_and_has_second_derivatives(cell: str) -> None:
    members = [make(cell, backend="auto") for _ in range(3)]
    for k, member in enumerate(members):
        with torch.no_grad():
            member.weight_hh_l0.mul_(k + 1)
    parameters, _ = torch.func.stack_module_state(members)
    base, xs = copy.deepcopy(members[0]).to("meta"), draw(rng(), 3, 2, D).detach()
    together = torch.func.vmap(lambda p: torch.func.functional_call(base, p, (xs,))[0])(parameters)
    torch.testing.assert_close(together, torch.stack([m(xs)[0] for m in members]), rtol=0, atol=1e-13)
    curvature = torch.func.hessian(lambda x: members[0](x)[0].sum())(xs)
    expected = torch.autograd.functional.hessian(lambda x: members[0](x)[0].sum(), xs)
    torch.testing.assert_close(curvature, expected, rtol=0, atol=1e-12)


@every_backend
def test_a_state_made_in_inference_mode_can_start_a_run(backend: str) -> None:
    theirs, ours = pair(backend)
    xs = draw(rng(), T, B, D)
    with torch.inference_mode():
        hs, state = ours(xs)
        assert hs.is_inference()
    hs, _ = ours(xs, tuple(part.clone() for part in state))
    torch.testing.assert_close(hs, theirs(xs, theirs(xs)[1])[0], rtol=0, atol=1e-13)
    assert hs.requires_grad


# ---------------------------------------------------------------- weights that are computed, and the list of them


@pytest.mark.parametrize("moved", ["to", "double", "share_memory", "flatten_parameters"])
def test_a_weight_that_is_computed_later_may_be_missing_until_then(moved: str) -> None:
    theirs, ours = pair("auto")
    results = []
    for lstm in (theirs, ours):
        raw = lstm.weight_hh_l1
        del lstm._parameters["weight_hh_l1"]
        lstm.register_parameter("raw", torch.nn.Parameter(raw.detach().clone()))
        getattr(lstm, moved)(*["cpu"] * (moved == "to"))
        lstm.weight_hh_l1 = lstm.raw * 0.5
        lstm._flat_weights = [getattr(lstm, name) for name in lstm._flat_weights_names]
        results.append(run(lstm, draw(rng(), T, B, D), None))
    assert_close(results[1], results[0], 1e-11)


def test_the_list_of_weights_is_written_to_by_place_or_as_a_whole() -> None:
    lstm = LSTM(D, H)
    with pytest.raises(ValueError, match="got 0 weights, expected 4: weight_ih_l0, weight_hh_l0, bias_ih_l0"):
        lstm._flat_weights = []
    for name, arguments in {"append": [1], "reverse": [], "pop": [], "clear": [], "extend": [[1]]}.items():
        with pytest.raises(TypeError, match=rf"got {name} on _flat_weights, expected _flat_weights\[k\] = weight"):
            getattr(lstm._flat_weights, name)(*arguments)
    with pytest.raises(TypeError, match="got __delitem__"):
        del lstm._flat_weights[0]
    assert not lstm._weights_have_changed()
    lstm._flat_weights[0] = torch.zeros_like(lstm.weight_ih_l0)
    assert len(lstm._flat_weights) == 4


@pytest.mark.parametrize("backend", ["auto", "fused"])
def test_a_subclass_that_checks_what_comes_is_asked_as_torch_asks_it(backend: str) -> None:
    seen = {}

    def looking(base: type[torch.nn.LSTM]) -> type[torch.nn.LSTM]:
        class Looking(base):
            def check_forward_args(self, input: Any, hidden: Any, batch_sizes: Any) -> None:
                sizes = None if batch_sizes is None else batch_sizes.tolist()
                seen.setdefault(base, []).append((input.shape, [part.shape for part in hidden], sizes))

        return Looking

    packed = torch.nn.utils.rnn.pack_sequence([torch.ones(4, D), torch.ones(2, D)])
    theirs = looking(torch.nn.LSTM)(D, H, batch_first=True)
    ours = looking(LSTM)(D, H, batch_first=True, backend=backend)
    for lstm in (theirs, ours):
        lstm(torch.ones(B, T, D))
        lstm(torch.ones(T, D), (torch.zeros(1, H), torch.zeros(1, H)))
        lstm(packed)
    assert seen[LSTM] == seen[torch.nn.LSTM]


@pytest.mark.parametrize("above", [torch.nn.RNNBase, None], ids=["RNNBase.__init__", "super(nn.LSTM)"])
@pytest.mark.parametrize("options", [{}, {"num_layers": 2, "bidirectional": True, "proj_size": 2}], ids=str)
def test_a_subclass_may_begin_above_the_class(above: Any, options: dict[str, Any]) -> None:
    results = []
    for base in (torch.nn.LSTM, LSTM):
        class Own(base):
            def __init__(self, *sizes: int, **more: Any) -> None:
                if above is None:
                    super(torch.nn.LSTM, self).__init__("LSTM", *sizes, **more)
                else:
                    above.__init__(self, "LSTM", *sizes, **more)

        torch.manual_seed(0)
        lstm = Own(D, H, **options, dtype=torch.float64)
        results.append(run(lstm, draw(rng(), T, B, D), None))
        assert repr(copy.deepcopy(lstm)) == repr(lstm)
    assert_close(results[1], results[0], 1e-11)
