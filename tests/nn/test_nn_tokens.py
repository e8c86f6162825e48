"""Tokens as input: the numbers and gradients of embedding first, whatever the cell, the form and the backend."""

import copy
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from nn_helpers import LENGTHS, B, D, H, T, as_form, assert_close, draw
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from lstm_lib.doctor.subject import Subject
from lstm_lib.nn import CELLS, LSTM, Tagger, explain
from lstm_lib.nn.backends import _sums, fused

V = 6  # fewer than there are steps in the input, so that tokens come more than once
MANY = 500  # more than there are steps
EXACT = 1e-12
FORMS = ("batch", "batch first", "one sequence", *LENGTHS)
every_cell = pytest.mark.parametrize("cell", CELLS)
every_form = pytest.mark.parametrize("form", FORMS)


@pytest.fixture(autouse=True)
def _many_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut the way back of these short sequences into pieces of a step or two."""
    monkeypatch.setattr(fused, "CACHE", 600)
    monkeypatch.setattr(fused, "ENOUGH", 1)


def twins(cell: str = "standard", backend: str = "fused", **options: Any) -> tuple[LSTM, LSTM]:
    """Make two modules with the same numbers, the one to be tested and the readable one."""
    torch.manual_seed(3)
    ours = LSTM(D, H, cell=cell, backend=backend, dtype=torch.float64, **options)
    readable = copy.deepcopy(ours)
    readable.backend = "reference"
    return ours, readable


def problem(form: str = "batch", words: int = V) -> tuple[Tensor, Tensor]:
    """Draw token numbers and an embedding."""
    rng = torch.Generator().manual_seed(4)
    shape = {"batch first": (B, T), "one sequence": (T,)}.get(form, (T, B))
    return torch.randint(words, shape, generator=rng), draw(rng, words, D)


def outcome(lstm: LSTM, given: Any, E: Tensor, state: Any = None, **told: Any) -> dict[str, Tensor]:
    """Run, and give what comes out with all gradients, from random gradients of it."""
    output, (h_n, c_n) = lstm(given, state, **told)
    found = {"output": output.data if isinstance(output, PackedSequence) else output, "h_n": h_n, "c_n": c_n}
    rng = torch.Generator().manual_seed(1)
    d = [draw(rng, *part.shape).detach() for part in found.values()]
    asked = {"the embedding": E} | dict(lstm.named_parameters())
    asked |= {} if state is None else dict(zip(("h_0", "c_0"), state, strict=True))
    grads = torch.autograd.grad(tuple(found.values()), list(asked.values()), d, allow_unused=True)
    found |= {f"gradient of {name}": g for name, g in zip(asked, grads, strict=True) if g is not None}
    return {name: part.detach() for name, part in found.items()}


def rows(tokens: Any, E: Tensor) -> Any:
    """Embed first."""
    if isinstance(tokens, PackedSequence):
        return tokens._replace(data=F.embedding(tokens.data, E))
    return F.embedding(tokens, E)


@every_cell
@every_form
@pytest.mark.parametrize("options", [{}, {"num_layers": 2, "bidirectional": True}, {"bias": False}], ids=str)
@pytest.mark.parametrize("words", [V, MANY])
def test_outputs_states_and_all_gradients_are_those_of_embedding_first(
    words: int, options: dict[str, Any], form: str, cell: str
) -> None:
    ours, readable = twins(cell, **options, batch_first=form == "batch first")
    numbers, E = problem(form, words)
    tokens, rng = as_form(numbers, form), torch.Generator().manual_seed(6)
    batch = () if form == "one sequence" else (B,)
    state = tuple(draw(rng, len(ours.suffixes()), *batch, H) for _ in range(2))
    found = outcome(ours, tokens, E, state, embedding=E)
    expected = outcome(readable, rows(tokens, E), E, state)
    assert found.keys() == expected.keys()
    assert_close(found, expected, EXACT)
    assert_close(outcome(readable, tokens, E, state, embedding=E), expected, EXACT)


@every_cell
def test_one_hot_is_the_embedding_that_is_the_identity(cell: str) -> None:
    ours, readable = twins(cell, bidirectional=True)
    tokens, one = problem(words=D)[0], torch.eye(D, dtype=torch.float64, requires_grad=True)
    few = tokens[:1, :2]  # fewer than there are tokens
    for numbers in (tokens, few):
        found, expected = outcome(ours, numbers, one, embedding="one-hot"), outcome(readable, rows(numbers, one), one)
        del expected["gradient of the embedding"]
        assert_close(found, expected, EXACT)


@pytest.mark.parametrize("form", ["batch", "packed"])
def test_a_projection_and_torchs_own_kernels_take_tokens_too(form: str) -> None:
    numbers, E = problem(form)
    tokens = as_form(numbers, form)
    for options in ({"proj_size": 2}, {"backend": "native"}, {"backend": "auto"}, {"checkpoint_every": 2}):
        ours, readable = twins(**options)
        readable.checkpoint_every = 0
        found = outcome(ours, tokens, E, embedding=E)
        assert_close(found, outcome(readable, rows(tokens, E), E), EXACT)


@every_cell
def test_they_can_be_differentiated_twice(cell: str) -> None:
    ours, readable = twins(cell, bidirectional=True)
    tokens, E = problem("packed")
    penalties = []
    for lstm, told in ((ours, {"embedding": E}), (readable, {})):
        given = as_form(tokens, "packed")
        hs = lstm(given if told else rows(given, E), **told)[0].data
        (slope,) = torch.autograd.grad(hs.pow(3).sum(), E, create_graph=True)
        asked = [E, *lstm.parameters()]
        grads = torch.autograd.grad(slope.pow(2).sum(), asked, allow_unused=True)
        penalties.append({str(k): g for k, g in enumerate(grads) if g is not None})
    assert penalties[0].keys() == penalties[1].keys()
    assert_close(penalties[0], penalties[1], 1e-10)


@pytest.mark.parametrize("cell", ["standard", "janet"])
@pytest.mark.parametrize(
    "noise", [{"variational_dropout": 0.4}, {"recurrent_dropout": 0.3, "zoneout": 0.4}], ids=["inputs too", "inside"]
)
def test_noise_inside_the_layer_draws_the_same_masks(noise: dict[str, Any], cell: str) -> None:
    ours, readable = twins(cell, num_layers=2, **noise)
    tokens, E = problem()
    found = []
    for lstm, given, told in ((ours, tokens, {"embedding": E}), (readable, rows(tokens, E), {})):
        torch.manual_seed(2)
        found.append(outcome(lstm, given, E, **told))
    assert_close(found[0], found[1], EXACT)


def test_torch_func_follows_tokens() -> None:
    ours, readable = twins()
    tokens, E = problem()
    each = torch.func.vmap(lambda numbers: ours(numbers, embedding=E)[0], in_dims=1)(tokens)
    torch.testing.assert_close(each, readable(rows(tokens, E))[0].transpose(0, 1), rtol=0, atol=EXACT)
    found = torch.func.grad(lambda E: ours(tokens, embedding=E)[0].pow(2).sum())(E)
    (expected,) = torch.autograd.grad(readable(rows(tokens, E))[0].pow(2).sum(), E)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-11)


def test_autocast_gives_what_it_gives_the_rows_and_the_table_adds_up_in_float32() -> None:
    torch.manual_seed(0)
    lstm, E = LSTM(D, H, cell="peephole", backend="fused"), torch.randn(V, D, requires_grad=True)
    tokens = torch.randint(V, (300, B))
    grads = []
    for given, told in ((tokens, {"embedding": E}), (F.embedding(tokens, E), {})):
        with torch.autocast("cpu", torch.bfloat16):
            hs, _ = lstm(given, **told)
        assert hs.dtype == torch.bfloat16
        grads.append(torch.autograd.grad(hs.float().sum(), [E, lstm.weight_ih_l0]))
    exact = torch.autograd.grad(lstm(tokens, embedding=E)[0].sum(), [E, lstm.weight_ih_l0])
    for mine, theirs, true in zip(*grads, exact, strict=True):
        assert (mine - true).norm() < 1.5 * (theirs - true).norm() + 0.01 * true.norm()
    sums = _sums.Sums({"table": True})
    ones = torch.ones(1000, 1, dtype=torch.bfloat16)
    sums.add_rows("table", ones, torch.zeros(1000, dtype=torch.int64), torch.zeros(1, 1, dtype=torch.bfloat16))
    assert float(sums.found["table"]) == 1000  # bfloat16 counts to 256


def test_a_module_gives_its_rows_and_its_padding_learns_nothing() -> None:
    ours, readable = twins("coupled")
    tokens, _ = problem()
    table = torch.nn.Embedding(V, D, padding_idx=2, dtype=torch.float64)
    torch.nn.init.normal_(table.weight)  # the padding's row is not zero here, and is read as it is
    assert (tokens == 2).any()
    found = outcome(ours, tokens, table.weight, embedding=table)
    assert_close(found, outcome(readable, table(tokens), table.weight), EXACT)
    assert not found["gradient of the embedding"][2].any()


def test_no_row_is_made_and_no_product_with_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    lstm, E, tokens = LSTM(D, H, cell="janet", dtype=torch.float64), draw(torch.Generator(), V, D), problem()[0]

    def refuse(*_: Any) -> Tensor:
        raise AssertionError("rows were made")

    monkeypatch.setattr("lstm_lib.nn.tokens.Tokens.rows", refuse)
    products: list[tuple[int, ...]] = []
    linear = F.linear
    monkeypatch.setattr(F, "linear", lambda xs, *w: products.append(tuple(xs.shape)) or linear(xs, *w))
    lstm(tokens, embedding=E)[0].sum().backward()
    assert products == [(V, D)]
    assert lstm.request(tokens, embedding=E).xs.untyped_storage().nbytes() == 8
    with pytest.raises(AssertionError, match="rows were made"):
        LSTM(D, H, backend="reference", dtype=torch.float64)(tokens, embedding=E)


def test_a_large_vocabulary_costs_what_its_tokens_in_the_input_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    lstm, E, tokens = LSTM(D, H, cell="janet", dtype=torch.float64), draw(torch.Generator(), MANY, D), problem()[0]
    products: list[tuple[int, ...]] = []
    linear = F.linear
    monkeypatch.setattr(F, "linear", lambda xs, *w: products.append(tuple(xs.shape)) or linear(xs, *w))
    lstm(tokens, embedding=E)
    assert products == [(len(tokens.unique()), D)]


@pytest.mark.parametrize(
    ("tokens", "embedding", "kind", "message"),
    [
        (torch.tensor([[0, 6]]), torch.ones(V, D), ValueError, "got tokens from 0 to 6, expected 0 to V - 1 = 5"),
        (torch.tensor([[-1, 2]]), torch.ones(V, D), ValueError, "got tokens from -1 to 2, expected 0 to V - 1 = 5"),
        (torch.tensor([[5]]), "one-hot", ValueError, "got tokens from 5 to 5, expected 0 to D - 1 = 4"),
        (torch.ones(T, B), torch.ones(V, D), ValueError, "got tokens of dtype torch.float32, expected torch.int64"),
        (torch.ones(T, B).int(), "one-hot", ValueError, "got tokens of dtype torch.int32, expected torch.int64"),
        ([1, 2], "one-hot", TypeError, "got tokens of type list, expected a Tensor or a PackedSequence"),
        (torch.zeros(2, 2, 2).long(), "one-hot", ValueError, "got tokens of 3 dimensions, expected 2"),
        (torch.zeros(0, 2).long(), "one-hot", RuntimeError, "got input of 0 steps, expected at least 1"),
        (torch.zeros(2, 2).long(), torch.ones(V, D + 1), ValueError, r"got embedding of shape \(6, 6\), expected"),
        (torch.zeros(2, 2).long(), torch.ones(V, D).double(), ValueError, "got embedding of dtype torch.float64"),
        (torch.zeros(2, 2).long(), "onehot", ValueError, "got embedding 'onehot', expected a Tensor"),
        (torch.zeros(2, 2).long(), 3, TypeError, "got embedding of type int, expected a Tensor"),
        (torch.zeros(2, 2).long(), torch.nn.Embedding(V, D, max_norm=1.0), ValueError, "an embedding with max_norm"),
    ],
)
def test_what_are_no_tokens_is_refused(tokens: Any, embedding: Any, kind: type[Exception], message: str) -> None:
    for backend in ("auto", "fused", "reference"):
        with pytest.raises(kind, match=message):
            LSTM(D, H, backend=backend)(tokens, embedding=embedding)


def test_numbers_without_an_embedding_are_refused_as_before() -> None:
    with pytest.raises(ValueError, match="got input of dtype torch.int64, expected that of the weights"):
        LSTM(D, H)(torch.zeros(T, D, dtype=torch.int64))


def test_explain_says_what_tokens_meet() -> None:
    tokens, E = problem()
    assert explain(LSTM(D, H, cell="drawn", dtype=torch.float64), tokens, embedding=E).backend == "fused"
    assert explain(LSTM(D, H, backend="reference", dtype=torch.float64), tokens, embedding=E).backend == "reference"


def test_a_tagger_takes_tokens_whatever_lstm_it_holds_and_the_doctor_sees_their_rows() -> None:
    tokens = problem(words=D)[0]
    for cell in ("standard", "peephole"):
        model = Tagger(D, H, 3, cell=cell)
        scores, _ = model(tokens.int())
        torch.testing.assert_close(scores, model(F.one_hot(tokens, D).float())[0])
        ran = Subject(model, tokens, None, None, None, None).run()
        torch.testing.assert_close(ran.calls[0].inputs, F.one_hot(tokens, D).float(), rtol=0, atol=0)
    theirs = Tagger(D, H, 3)
    expected = theirs(tokens)[0]
    theirs.lstm = theirs.lstm.to_torch()  # type: ignore[assignment]
    torch.testing.assert_close(theirs(tokens)[0], expected)


def test_torch_compile_follows_the_readable_path_with_tokens() -> None:
    lstm = LSTM(D, H, backend="reference")
    tokens, E = torch.randint(V, (2, B)), torch.randn(V, D)
    compiled = torch.compile(lambda numbers: lstm(numbers, embedding=E)[0], backend="eager")
    torch.testing.assert_close(compiled(tokens), lstm(tokens, embedding=E)[0])
