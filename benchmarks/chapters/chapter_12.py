"""Train again what Chapter 12 trains: what the network foretells, with how much past, what it writes, its cells."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from benchmarks.chapters._page import SEEDS, functions, rounded
from lstm_lib import training
from lstm_lib.applied import cells_to_read as reading
from lstm_lib.applied import language, ngrams

Row = dict[str, Any]
NAMES = ("source", "vocabulary", "held_out", "tokens", "others")
NAMES += ("beginning", "learn", "bits_with_past", "parsed_share", "can_be_read")
BACK, HIDDEN = 8, 150  # the convolution: how far it looks back, and channels for about as many weights as the LSTM has
TEMPERATURES = (0.5, 1.0, 1.5)
PASTS = (1, 2, 4, 8, 16, 32)
LENGTH = 200  # characters of the likeliest text
FAR = 12  # characters from an opening bracket to the one that closes it


class Lookback(torch.nn.Module):
    """Foretell the next character from the last eight: a convolution over them, and no recurrence."""

    def __init__(self, classes: int) -> None:
        """Draw the weights."""
        super().__init__()
        self.seen = torch.nn.Conv1d(classes, HIDDEN, BACK)
        self.readout = torch.nn.Linear(HIDDEN, classes)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Give scores (T, B, K) from tokens (T, B)."""
        xs = torch.nn.functional.one_hot(tokens.long(), self.seen.in_channels).float().permute(1, 2, 0)
        hs = self.seen(torch.nn.functional.pad(xs, (BACK - 1, 0))).tanh()
        return self.readout(hs.permute(2, 0, 1))


def measure() -> Iterator[Row]:
    """Yield a row for each trained network, and for each of its cells that tells something best."""
    page = functions(12, *NAMES)
    page["torch"].set_num_threads(1)
    for row in counted(page):
        yield {"seed": 0, **rounded(**row)}
    for seed in SEEDS:
        for row in (*lookback(page, seed), *network(page, seed)):
            yield {"seed": seed, **rounded(**row)}


def far_closers(page: Row) -> np.ndarray:
    """Mark the closing brackets whose opening one is far back, one for each character that is asked for."""
    text, inside = page["held_out"], reading.structure(page["held_out"])["in a string"]
    opened, far = [], np.zeros(len(text), bool)
    for place, character in enumerate(text):
        if character in "([" and not inside[place]:
            opened.append(place)
        elif character in ")]" and not inside[place]:
            far[place] = place - opened.pop() >= FAR
    return far[1:]


def counted(page: Row) -> Iterator[Row]:
    """Count: what far brackets cost the n-grams of the page."""
    text, far = page["others"].tolist(), np.flatnonzero(far_closers(page)) + 1
    for order in (5, 9):
        grams = ngrams.NGrams(page["tokens"], order, len(page["vocabulary"]))
        costs = [-np.log2(grams.share(text[max(0, at - order) : at], text[at])) for at in far]
        yield {"claim": "whole", "way": f"{order}-grams", "far": np.mean(costs), "brackets": len(far)}
    share = np.mean([page["held_out"][at] == ")" for at in far])
    kind = -(share * np.log2(share) + (1 - share) * np.log2(1 - share))
    yield {"claim": "whole", "way": "shares", "share": share, "kind": kind, "brackets": len(far)}


def costs(page: Row, scores: torch.Tensor) -> np.ndarray:
    """Return the bits of each character, from the scores before it."""
    asked = torch.from_numpy(page["others"])[1:]
    nats = torch.nn.functional.cross_entropy(scores[:-1, 0], asked, reduction="none")
    return language.bits(nats.numpy())


def far_parts(page: Row, scores: torch.Tensor) -> Row:
    """Split the bits of far brackets: that some bracket closes now, and which; and how often the kind is right."""
    far = far_closers(page)
    ends = [int(token) for token in page["vocabulary"].encode(")]")]
    both = torch.log_softmax(scores[:-1, 0].double(), dim=-1)[torch.from_numpy(far)][:, ends].numpy()
    due = np.logaddexp(*both.T)
    came = (page["others"][1:][far] == ends[1]).astype(int)
    kind = due - both[np.arange(len(both)), came]
    right = np.mean(both.argmax(axis=1) == came)
    return {"due": language.bits(-due.mean()), "kind": language.bits(kind.mean()), "right": right}


def said_again(text: str) -> float:
    r"""Return the share of lines that have stood before, of those that are no blank ones.

    Example:
        >>> said_again("a = 1\n  b = 2\n  a = 1\n\na = 1\n")
        0.5
    """
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    return 1 - len(set(lines)) / len(lines)


def lookback(page: Row, seed: int) -> Iterator[Row]:
    """Train the network without recurrence, as long and as fast as the LSTM."""
    torch.manual_seed(seed)
    model = Lookback(len(page["vocabulary"]))
    sample = language.Windows(page["tokens"], streams=32, window=64)
    settings = training.Settings(batches=800, lr=0.01, schedule="cosine", between_windows="reset")
    training.fit(model, sample, settings, progress=False)
    with torch.no_grad():
        bits = costs(page, model(torch.from_numpy(page["others"])[:, None]))
    size = sum(parameter.numel() for parameter in model.parameters())
    far = bits[far_closers(page)].mean()
    yield {"claim": "whole", "way": "convolution", "bits": bits.mean(), "far": far, "weights": size}


def network(page: Row, seed: int) -> Iterator[Row]:
    """Train the page's LSTM, and ask it everything that the page asks."""
    model = page["learn"](seed)
    with torch.no_grad():
        scores = model(torch.from_numpy(page["others"])[:, None])[0]
    bits = costs(page, scores)
    size = sum(parameter.numel() for parameter in model.parameters())
    far = {"far": bits[far_closers(page)].mean(), **far_parts(page, scores)}
    yield {"claim": "whole", "way": "LSTM", "bits": bits.mean(), **far, "weights": size}
    for steps in PASTS:
        yield {"claim": "past", "steps": steps, "bits": page["bits_with_past"](model, steps)}
    for temperature in TEMPERATURES:
        yield {"claim": "writes", "temperature": temperature, "parsed": page["parsed_share"](model, temperature)}
    yield beam(page, model)
    held = reading.memories(model, page["others"])
    for reader in reading.best_readers(held, reading.structure(page["held_out"]), np.random.default_rng(0)):
        yield {"claim": "reader", **reader._asdict()}


def beam(page: Row, model: torch.nn.Module) -> Row:
    """Look for the likeliest text, narrowly and widely; how much of it, and of real text as long, has stood before."""
    start = page["beginning"]
    greedy, wide = (language.beam(model, page["vocabulary"], start, LENGTH, width=width)[0] for width in (1, 10))
    pieces = [page["held_out"][at : at + LENGTH] for at in range(0, len(page["held_out"]) - LENGTH, LENGTH)]
    again = {"again": said_again(wide.text[len(start) :]), "again, real": np.mean([*map(said_again, pieces)])}
    return {"claim": "beam", "greedy": greedy.log_chance, "beam": wide.log_chance, **again}
