"""Programs in the manner of public ones: with ours in the place of ``torch.nn.LSTM`` each loss is the same.

A program is a function of the two classes that it would import. It trains for a few updates in float64 and returns
every loss and what it answers in the end.
"""

import copy
import functools
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, distributed, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.nn.utils import prune
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from lstm_lib.nn import LSTM, LSTMCell

UPDATES, TOLERANCE = 6, 1e-9
BACKENDS = ("auto", "reference", "fused")
THEIRS = (nn.LSTM, nn.LSTMCell)
Classes = tuple[Any, Any]
PROGRAMS: dict[str, Callable[[Classes], list[Tensor]]] = {}


@pytest.fixture(autouse=True)
def _float64() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def program(function: Callable[[Classes], list[Tensor]]) -> Callable[[Classes], list[Tensor]]:
    """Add a program to those that are compared."""
    PROGRAMS[function.__name__] = function
    return function


def run(name: str, classes: Classes) -> list[Tensor]:
    torch.manual_seed(0)
    return [part.detach() for part in PROGRAMS[name](classes)]


@functools.cache
def expected(name: str) -> list[Tensor]:
    return run(name, THEIRS)


def test_there_are_programs() -> None:
    assert len(PROGRAMS) >= 14


@pytest.mark.filterwarnings("ignore:FSDP2-wrapped module .* returned a view")
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_has_the_losses_that_it_has_with_torch(name: str, backend: str) -> None:
    if name == "distributed_in_one_process" and torch.__version__ < "2.7":
        pytest.skip("torch 2.6 has no FSDP2 on a processor")
    found = run(name, (functools.partial(LSTM, backend=backend), LSTMCell))
    assert len(found) == len(expected(name)) >= UPDATES
    for step, (a, e) in enumerate(zip(found, expected(name), strict=True)):
        torch.testing.assert_close(a, e, rtol=TOLERANCE, atol=TOLERANCE, msg=lambda m, step=step: f"value {step}: {m}")
    assert not torch.equal(found[0], found[UPDATES - 1])  # it learned something


def train(
    parts: nn.Module,
    loss_of: Callable[[int], Tensor],
    optimiser: torch.optim.Optimizer | None = None,
    clip: float = 1.0,
) -> list[Tensor]:
    """Make the updates; return the loss of each, and the length of its gradient."""
    optimiser = optimiser or torch.optim.Adam(parts.parameters(), lr=0.01)
    losses, lengths = [], []
    for k in range(UPDATES):
        optimiser.zero_grad()
        loss = loss_of(k)
        loss.backward()
        lengths.append(nn.utils.clip_grad_norm_(parts.parameters(), clip))
        optimiser.step()
        losses.append(loss.detach())
    return losses + lengths


# ---------------------------------------------------------------- language


@program
def language_model_with_tied_weights(classes: Classes) -> list[Tensor]:
    """A word model: embedding, dropout, two layers, the decoder's table is the encoder's, the state is carried."""
    vocabulary, size, window = 30, 12, 9

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.drop, self.encoder = nn.Dropout(0.3), nn.Embedding(vocabulary, size)
            self.rnn = classes[0](size, size, 2, dropout=0.3)
            self.decoder = nn.Linear(size, vocabulary)
            self.decoder.weight = self.encoder.weight
            nn.init.uniform_(self.encoder.weight, -0.1, 0.1)

        def init_hidden(self, batch: int) -> tuple[Tensor, Tensor]:
            weight = next(self.parameters())
            return tuple(weight.new_zeros(self.rnn.num_layers, batch, self.rnn.hidden_size) for _ in range(2))

        def forward(self, tokens: Tensor, hidden: Any) -> tuple[Tensor, Any]:
            self.rnn.flatten_parameters()
            hs, hidden = self.rnn(self.drop(self.encoder(tokens)), hidden)
            return self.decoder(self.drop(hs)).view(-1, vocabulary), hidden

    model, text = Model(), torch.randint(vocabulary, (UPDATES * window + 1, 4))
    carried = [model.init_hidden(4)]

    def loss_of(k: int) -> Tensor:
        rows = text[k * window : (k + 1) * window + 1]
        scores, hidden = model(rows[:-1], tuple(part.detach() for part in carried[-1]))
        carried.append(hidden)
        return F.cross_entropy(scores, rows[1:].reshape(-1))

    losses = train(model, loss_of, torch.optim.SGD(model.parameters(), lr=5.0), clip=0.25)
    model.eval()
    return [*losses, *carried[-1], model(text[:5], model.init_hidden(4))[0]]


@program
def language_model_with_dropped_weights(classes: Classes) -> list[Tensor]:
    """Weight drop as in AWD-LSTM: the raw table is the parameter, the dropped one is set before every call."""

    class WeightDrop(nn.Module):
        def __init__(self, module: nn.Module, names: list[str], p: float) -> None:
            super().__init__()
            self.module, self.names, self.p = module, names, p
            if issubclass(type(module), nn.RNNBase):
                module.flatten_parameters = lambda *args, **options: None  # type: ignore[method-assign]
            for name in names:
                raw = getattr(module, name)
                del module._parameters[name]
                self.register_parameter(f"{name}_raw", nn.Parameter(raw.data))

        def forward(self, *args: Any) -> Any:
            for name in self.names:
                dropped = F.dropout(getattr(self, f"{name}_raw"), self.p, self.training)
                setattr(self.module, name, dropped)
            return self.module(*args)

    embed, lstm, readout = nn.Embedding(20, 7), classes[0](7, 11, 2), nn.Linear(11, 20)
    model = nn.ModuleList([embed, WeightDrop(lstm, ["weight_hh_l0", "weight_hh_l1"], 0.4), readout])
    tokens = torch.randint(20, (8, 3))

    def loss_of(k: int) -> Tensor:
        scores = readout(model[1](embed(tokens))[0])
        return F.cross_entropy(scores[:-1].flatten(0, 1), tokens[1:].flatten())

    losses = train(model, loss_of)
    model.eval()
    return [*losses, model[1](embed(tokens))[0], *[p for _, p in model.named_parameters()]]


@program
def weights_dropped_in_the_flat_list(classes: Classes) -> list[Tensor]:
    """The other weight drop: the list that the kernels get is written into, the parameters stay."""
    lstm, xs, target = classes[0](5, 6, bidirectional=True), torch.randn(7, 3, 5), torch.randn(7, 3, 12)
    places = [k for k, name in enumerate(lstm._flat_weights_names) if name.startswith("weight_hh")]

    def loss_of(k: int) -> Tensor:
        for place in places:
            raw = getattr(lstm, lstm._flat_weights_names[place])
            lstm._flat_weights[place] = F.dropout(raw, 0.5)
        return F.mse_loss(lstm(xs)[0], target)

    return [*train(lstm, loss_of), *lstm.parameters()]


@program
def translation_with_attention(classes: Classes) -> list[Tensor]:
    """Encoder of packed sequences in both directions, decoder of cells with attention, teacher forcing, greedy end."""
    words, size, H = 17, 8, 10
    embed, encoder = nn.Embedding(words, size, padding_idx=0), classes[0](size, H, batch_first=True, bidirectional=True)
    bridge, cell, out = nn.Linear(2 * H, H), classes[1](size + 2 * H, H), nn.Linear(3 * H, words)
    parts = nn.ModuleList([embed, encoder, bridge, cell, out])
    lengths, source, goal = torch.tensor([4, 7, 5]), torch.randint(1, words, (3, 7)), torch.randint(1, words, (3, 6))

    def encode() -> tuple[Tensor, Any]:
        packed = pack_padded_sequence(embed(source), lengths, batch_first=True, enforce_sorted=False)
        memory, (h_n, c_n) = encoder(packed)
        memory, _ = pad_packed_sequence(memory, batch_first=True)
        h = bridge(h_n.transpose(0, 1).reshape(3, -1)).tanh()
        return memory, (h, bridge(c_n.transpose(0, 1).reshape(3, -1)))

    def decode(memory: Tensor, state: Any, token: Tensor) -> tuple[Tensor, Any]:
        scores = (memory @ torch.cat([state[0], state[0]], 1)[:, :, None])[..., 0]
        is_padding = torch.arange(memory.shape[1])[None] >= lengths[:, None]
        context = (scores.masked_fill(is_padding, -torch.inf).softmax(1)[:, None] @ memory)[:, 0]
        state = cell(torch.cat([embed(token), context], 1), state)
        return out(torch.cat([state[0], context], 1)), state

    def loss_of(k: int) -> Tensor:
        memory, state = encode()
        total = torch.zeros(())
        for t in range(goal.shape[1] - 1):
            scores, state = decode(memory, state, goal[:, t])
            total = total + F.cross_entropy(scores, goal[:, t + 1])
        return total

    losses = train(parts, loss_of)
    memory, state = encode()
    token, said = goal[:, 0], []
    for _ in range(5):
        scores, state = decode(memory, state, token)
        token = scores.argmax(1)
        said.append(token.double())
    return [*losses, *said]


@program
def tagger_with_a_crf(classes: Classes) -> list[Tensor]:
    """Named entities: packed sequences, both directions, a conditional random field, Viterbi."""
    tags, H = 5, 6
    embed, lstm = nn.Embedding(20, 4), classes[0](4, H, bidirectional=True, batch_first=True)
    scores = nn.Linear(2 * H, tags)
    crf = nn.ParameterDict({"move": nn.Parameter(torch.randn(tags, tags)), "start": nn.Parameter(torch.randn(tags))})
    parts = nn.ModuleList([embed, lstm, scores, crf])
    lengths, words, gold = torch.tensor([8, 6, 3]), torch.randint(20, (3, 8)), torch.randint(tags, (3, 8))

    def emissions() -> Tensor:
        hs, _ = lstm(pack_padded_sequence(embed(words), lengths, batch_first=True))
        return scores(pad_packed_sequence(hs, batch_first=True)[0])

    def loss_of(k: int) -> Tensor:
        e, total = emissions(), torch.zeros(())
        for b, n in enumerate(lengths.tolist()):
            alpha = crf["start"] + e[b, 0]
            path = crf["start"][gold[b, 0]] + e[b, 0, gold[b, 0]]
            for t in range(1, n):
                alpha = torch.logsumexp(alpha[:, None] + crf["move"], 0) + e[b, t]
                path = path + crf["move"][gold[b, t - 1], gold[b, t]] + e[b, t, gold[b, t]]
            total = total + torch.logsumexp(alpha, 0) - path
        return total / len(lengths)

    losses = train(parts, loss_of)
    e = emissions()
    best = crf["start"] + e[0, 0]
    for t in range(1, int(lengths[0])):
        best = (best[:, None] + crf["move"]).max(0).values + e[0, t]
    return [*losses, e, best]


# ---------------------------------------------------------------- pictures, sound, series, games


@program
def lines_of_text_with_ctc(classes: Classes) -> list[Tensor]:
    """A CRNN: convolutions, two LSTMs in both directions with a linear layer each, CTC."""

    class Both(nn.Module):
        def __init__(self, D: int, H: int, K: int) -> None:
            super().__init__()
            self.rnn, self.embedding = classes[0](D, H, bidirectional=True), nn.Linear(2 * H, K)

        def forward(self, xs: Tensor) -> Tensor:
            hs, _ = self.rnn(xs)
            steps, batch, features = hs.size()
            return self.embedding(hs.view(steps * batch, features)).view(steps, batch, -1)

    def weights_init(module: nn.Module) -> None:
        if type(module).__name__.find("Conv") != -1:
            nn.init.normal_(module.weight, 0.0, 0.1)  # type: ignore[arg-type]

    cnn = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d((4, 2)))
    model = nn.ModuleList([cnn, nn.Sequential(Both(8, 6, 7), Both(7, 6, 5))])
    model.apply(weights_init)
    images, goal = torch.randn(3, 1, 8, 20), torch.randint(1, 5, (9,))
    sizes = torch.full((3,), 10), torch.tensor([3, 2, 4])

    def loss_of(k: int) -> Tensor:
        features = cnn(images).flatten(1, 2).permute(2, 0, 1)
        return F.ctc_loss(model[1](features).log_softmax(2), goal, *sizes, zero_infinity=True)

    losses = train(model, loss_of, torch.optim.Adadelta(model.parameters(), lr=0.5), clip=5.0)
    return [*losses, model[1](cnn.eval()(images).flatten(1, 2).permute(2, 0, 1))]


@program
def sound_source_with_a_skip(classes: Classes) -> list[Tensor]:
    """A separator: the bottleneck is an LSTM of four layers with a projection, overlapping spans, skip connection."""
    lstm, xs = classes[0](6, 8, 4, proj_size=3, bidirectional=True), torch.randn(2, 6, 24)

    def loss_of(k: int) -> Tensor:
        spans = xs.unfold(2, 12, 6).permute(3, 0, 2, 1).reshape(12, -1, 6)
        return F.l1_loss(spans + lstm(spans)[0], spans.roll(1, 0))

    return [*train(lstm, loss_of), lstm(xs.permute(2, 0, 1))[1][0]]


@program
def series_forecast_with_averaged_weights(classes: Classes) -> list[Tensor]:
    """Batch first, last step of the top layer, recipes for the start by name, LBFGS's friend SWA, EMA by deepcopy."""

    class Forecaster(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm, self.fc = classes[0](3, 9, 2, batch_first=True, dropout=0.2), nn.Linear(9, 2)
            for name, p in self.lstm.named_parameters():
                if "weight_ih" in name:
                    nn.init.xavier_uniform_(p)
                elif "weight_hh" in name:
                    nn.init.orthogonal_(p)
                elif "bias" in name:
                    p.data.fill_(0)
                    n = p.size(0)
                    p.data[n // 4 : n // 2].fill_(1)

        def forward(self, xs: Tensor) -> Tensor:
            h_0 = torch.zeros(self.lstm.num_layers, xs.size(0), self.lstm.hidden_size)
            out, (h_n, _) = self.lstm(xs, (h_0, torch.zeros_like(h_0)))
            return self.fc(out[:, -1]) + self.fc(h_n[-1])

    model, xs, ys = Forecaster(), torch.randn(5, 11, 3), torch.randn(5, 2)
    ema, swa = copy.deepcopy(model).eval().requires_grad_(False), torch.optim.swa_utils.AveragedModel(model)

    def loss_of(k: int) -> Tensor:
        for mine, theirs in zip(ema.state_dict().values(), model.state_dict().values(), strict=True):
            mine.copy_(0.9 * mine + 0.1 * theirs.detach())
        swa.update_parameters(model)
        return F.mse_loss(model(xs), ys)

    return [*train(model, loss_of), ema(xs), swa.eval()(xs)]


@program
def policy_with_resets(classes: Classes) -> list[Tensor]:
    """A recurrent policy: step by step through the layer, the state is zeroed where an episode ends."""
    lstm, head, xs = classes[0](4, 7), nn.Linear(7, 3), torch.randn(10, 6, 4)
    for name, p in lstm.named_parameters():
        nn.init.constant_(p, 0) if "bias" in name else nn.init.orthogonal_(p, 1.0)
    parts, begins, actions = nn.ModuleList([lstm, head]), (torch.rand(10, 6) < 0.2).double(), torch.randint(3, (10, 6))

    def loss_of(k: int) -> Tensor:
        state, outputs = (torch.zeros(1, 6, 7), torch.zeros(1, 6, 7)), []
        for x, begin in zip(xs, begins, strict=True):
            hs, state = lstm(x[None], tuple((1.0 - begin).view(1, -1, 1) * part for part in state))
            outputs.append(hs)
        scores = head(torch.cat(outputs))
        return F.cross_entropy(scores.flatten(0, 1), actions.flatten()) - 0.01 * scores.log_softmax(-1).mean()

    return [*train(parts, loss_of), head(lstm(xs)[0])]


# ---------------------------------------------------------------- tools around the module


@program
def old_weight_norm_and_pruning(classes: Classes) -> list[Tensor]:
    """Weight norm by hooks, as it was; pruning by a mask; both removed in the end."""
    lstm, xs, target = classes[0](4, 5, 2), torch.randn(6, 3, 4), torch.randn(6, 3, 5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        nn.utils.weight_norm(lstm, "weight_hh_l0")
    prune.l1_unstructured(lstm, "weight_ih_l1", 0.4)
    losses = train(lstm, lambda k: F.mse_loss(lstm(xs)[0], target))
    nn.utils.remove_weight_norm(lstm, "weight_hh_l0")
    prune.remove(lstm, "weight_ih_l1")
    return [*losses, lstm(xs)[0], *[value for _, value in sorted(lstm.state_dict().items())]]


@program
def weight_norm_and_orthogonal_by_parametrisation(classes: Classes) -> list[Tensor]:
    lstm, xs, target = classes[0](4, 5), torch.randn(6, 3, 4), torch.randn(6, 3, 5)
    nn.utils.parametrizations.weight_norm(lstm, "weight_ih_l0")
    nn.utils.parametrizations.orthogonal(lstm, "weight_hh_l0")
    losses = train(lstm, lambda k: F.mse_loss(lstm(xs)[0], target))
    nn.utils.parametrize.remove_parametrizations(lstm, "weight_ih_l0")
    return [*losses, lstm(xs)[0]]


@program
def checkpointed_layers_and_groups_of_parameters(classes: Classes) -> list[Tensor]:
    """Gradient checkpointing, no weight decay for biases, one layer frozen, a learning rate that warms up."""
    first, second = classes[0](4, 6), classes[0](6, 6, bidirectional=True)
    parts, xs, target = nn.ModuleList([first, second]), torch.randn(7, 3, 4), torch.randn(7, 3, 12)
    first.weight_ih_l0.requires_grad_(False)
    named = [(name, p) for name, p in parts.named_parameters() if p.requires_grad]
    groups = [
        {"params": [p for name, p in named if "bias" not in name], "weight_decay": 0.1},
        {"params": [p for name, p in named if "bias" in name], "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(groups, lr=0.01)
    warm = torch.optim.lr_scheduler.LinearLR(optimiser)

    def loss_of(k: int) -> Tensor:
        hs = torch.utils.checkpoint.checkpoint(lambda x: first(x)[0], xs, use_reentrant=False)
        loss = F.mse_loss(second(hs)[0], target)
        warm.step() if k else None
        return loss

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the scheduler is stepped before the optimiser, as many programs do
        return [*train(parts, loss_of, optimiser), *parts.state_dict().values()]


@program
def gradient_of_each_sample(classes: Classes) -> list[Tensor]:
    """Differentially private training: the gradient of each sample is clipped by itself, then noise is added."""
    lstm, xs, ys = classes[0](3, 4, batch_first=True), torch.randn(UPDATES, 5, 6, 3), torch.randn(UPDATES, 5, 4)
    is_torch, results = type(lstm) is THEIRS[0], []

    def loss_of(parameters: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        return F.mse_loss(torch.func.functional_call(lstm, parameters, (x[None],))[0][:, -1], y[None])

    for x, y in zip(xs, ys, strict=True):
        parameters = {name: p.detach() for name, p in lstm.named_parameters()}
        if is_torch:  # whose kernels have no rule for vmap
            each = [torch.func.grad(loss_of)(parameters, *pair) for pair in zip(x, y, strict=True)]
            gradients = {name: torch.stack([one[name] for one in each]) for name in parameters}
        else:
            gradients = torch.func.vmap(torch.func.grad(loss_of), (None, 0, 0))(parameters, x, y)
        lengths = torch.stack([g.flatten(1).norm(dim=1) for g in gradients.values()]).norm(dim=0)
        factors = (0.1 / lengths).clamp(max=1.0)
        with torch.no_grad():
            for name, p in lstm.named_parameters():
                total = torch.einsum("n,n...->...", factors, gradients[name])
                p -= 0.5 * (total + 0.01 * torch.randn(p.shape))
        results.append(lengths)
    return [*results, *lstm.parameters()]


@program
def distributed_in_one_process(classes: Classes) -> list[Tensor]:
    """DistributedDataParallel and FullyShardedDataParallel 2 on gloo, a group of one."""
    distributed.init_process_group("gloo", store=distributed.HashStore(), rank=0, world_size=1)
    try:
        xs, target = torch.randn(6, 4, 3), torch.randn(6, 4, 10)
        lstm = classes[0](3, 5, 2, bidirectional=True)
        parallel = nn.parallel.DistributedDataParallel(lstm)
        losses = train(parallel, lambda k: F.mse_loss(parallel(xs)[0], target))
        fully_shard(lstm, mesh=init_device_mesh("cpu", (1,)))
        assert isinstance(lstm, nn.LSTM)
        assert type(lstm.weight_hh_l0).__name__ == "DTensor"
        optimiser = torch.optim.SGD(lstm.parameters(), lr=0.3)
        for _ in range(UPDATES):
            loss = F.mse_loss(lstm(xs)[0], target)
            loss.backward()
            optimiser.step()
            optimiser.zero_grad()
            losses.append(loss.detach())
        return losses
    finally:
        distributed.destroy_process_group()


@program
def small_numbers_in_service(classes: Classes) -> list[Tensor]:
    """Training in float32, then dynamic quantisation of the real LSTM of torch."""
    lstm, xs = classes[0](4, 8, 2, dtype=torch.float32), torch.randn(6, 3, 4, dtype=torch.float32)
    target, optimiser = torch.randn(6, 3, 8, dtype=torch.float32), torch.optim.SGD(lstm.parameters(), lr=0.1)
    losses = [loss.double() for loss in train(lstm, lambda k: F.mse_loss(lstm(xs)[0], target), optimiser)]
    real = lstm if type(lstm) is THEIRS[0] else lstm.to_torch()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        small = torch.ao.quantization.quantize_dynamic(nn.Sequential(real.eval()), {nn.LSTM})
    assert "DynamicQuantizedLSTM" in repr(small)
    rounded = [torch.round(loss, decimals=5) for loss in losses]
    return [*rounded, torch.round(small(xs)[0].double(), decimals=2)]
