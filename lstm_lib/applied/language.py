"""Text, character by character: a vocabulary, batches of one endless stream, bits a character, and writing.

Shapes: T steps, B streams that are read side by side, K characters of the vocabulary.

>>> import torch
>>> from lstm_lib import nn
>>> vocabulary = Vocabulary.of("to be or not to be")
>>> model = nn.Tagger(len(vocabulary), 8, len(vocabulary))
>>> text = generate(model, vocabulary, "to ", 5, rng=torch.Generator().manual_seed(0))
>>> text.startswith("to "), len(text)
(True, 8)
"""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lstm_lib.applied import texts
from lstm_lib.tasks import Batch
from lstm_lib.training.scoring import Score, evaluate

Tokens = NDArray[np.int64]
State = tuple[Tensor, Tensor]


class Vocabulary:
    """The characters that a network knows, each with its number.

    Args:
        characters: Each once; number 0 is the first.

    Raises:
        ValueError: If there are fewer than two, or one comes twice.

    Example:
        >>> vocabulary = Vocabulary.of("banana")
        >>> vocabulary.characters, vocabulary.encode("nab").tolist(), vocabulary.decode([2, 0, 1])
        ('abn', [2, 0, 1], 'nab')
    """

    def __init__(self, characters: str) -> None:
        """Number the characters."""
        if len(characters) < 2:
            raise ValueError(f"got {len(characters)} characters, expected at least 2 different ones")
        twice = sorted({character for character in characters if characters.count(character) > 1})
        if twice:
            raise ValueError(f"got {twice[0]!r} more than once, expected each character once")
        self.characters = characters
        self._numbers = {character: number for number, character in enumerate(characters)}

    @classmethod
    def of(cls, text: str) -> "Vocabulary":
        """Take every character of a text, in the order of Unicode."""
        return cls("".join(sorted(set(text))))

    def __len__(self) -> int:
        """Count the characters."""
        return len(self.characters)

    def encode(self, text: str, where: str = "the text") -> Tokens:
        """Turn a text into numbers.

        Args:
            text: What to encode.
            where: What an error calls it.

        Raises:
            ValueError: If a character is not in the vocabulary; names it and its place.
        """
        try:
            return np.fromiter((self._numbers[character] for character in text), np.int64, len(text))
        except KeyError as error:
            strange = error.args[0]
            line = text.count("\n", 0, text.index(strange)) + 1
            what = f"got the character {strange!r} (U+{ord(strange):04X}) in line {line} of {where}"
            raise ValueError(f"{what}, expected one of the {len(self)} that the network knows") from None

    def decode(self, tokens: Tokens | list[int]) -> str:
        """Turn numbers into a text."""
        return "".join(self.characters[int(token)] for token in tokens)


def read_text(path: str | Path, encoding: str | None = None) -> str:
    """Read a text file; every line ends in a line feed.

    Args:
        path: Where it is.
        encoding: Such as "cp1252"; None for UTF-8, or what the file's byte order mark says.

    Raises:
        ValueError: If there is no such file, it is empty, too large, or no text in that encoding; names it.
    """
    try:
        text = texts.read(Path(path), encoding)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def split(text: str, share: float = 0.9) -> tuple[str, str]:
    """Cut a text in two: the first share is for training, the rest is held out.

    Raises:
        ValueError: If the share is not between 0 and 1, or one of the two is shorter than two characters.

    Example:
        >>> split("abcdefghijabcdefghij")
        ('abcdefghijabcdefgh', 'ij')
    """
    if not 0 < share < 1:
        raise ValueError(f"got a share of {share}, expected between 0 and 1")
    cut = int(len(text) * share)
    if min(cut, len(text) - cut) < 2:
        raise ValueError(f"got a text of {len(text)} characters, expected enough for two parts of at least 2")
    return text[:cut], text[cut:]


def expect_unseen(train_on: str, held_out: str, *, run: int = 100) -> None:
    """Refuse a split that leaks: a held-out text of which a long run stands in the text to train on, too.

    Args:
        train_on: The text to train on.
        held_out: The text to be judged by; cut into runs, each of which is looked for.
        run: Characters of a run; a shorter text is one run.

    Raises:
        ValueError: If a run is found; gives its place and how it begins.

    Example:
        >>> expect_unseen("to be or not to be", "or not to", run=4)
        Traceback (most recent call last):
        ...
        ValueError: got a held-out text whose characters 0 to 3 ('or n') are trained on too, expected them apart
    """
    for start in range(0, max(len(held_out) - run, 0) + 1, run):
        piece = held_out[start : start + run]
        if piece in train_on:
            what = f"got a held-out text whose characters {start} to {start + len(piece) - 1} ({piece[:20]!r})"
            raise ValueError(f"{what} are trained on too, expected them apart")


# ---------------------------------------------------------------- batches


class Windows:
    """Read a text as B streams side by side, window after window, again and again: ``stateful`` training.

    Stream b begins at b/B of the text, and window n goes on where window n - 1 stopped, so that the state of one is
    the start of the next. At the end of its part, each stream goes on with the part of the next one, where the window
    stands one step earlier or later than it would have.

    Args:
        tokens: The text (N,).
        streams: B.
        window: T.

    Raises:
        ValueError: If the text is too short for these.

    Example:
        >>> sample = Windows(np.arange(12), streams=2, window=3)
        >>> batch = sample(1)
        >>> batch.xs.T.tolist(), batch.targets.T.tolist()
        ([[3, 4, 5], [9, 10, 11]], [[4, 5, 6], [10, 11, 0]])
    """

    def __init__(self, tokens: Tokens, streams: int, window: int) -> None:
        """Keep the text and the starts of the streams."""
        if streams < 1 or window < 1:
            raise ValueError(f"got {streams} streams and windows of {window} steps, expected at least 1 of each")
        if len(tokens) < 2 or len(tokens) < streams:
            raise ValueError(f"got a text of {len(tokens)} characters for {streams} streams, expected at least as many")
        self.tokens, self.window = tokens, window
        self.starts = np.arange(streams) * len(tokens) // streams

    def __call__(self, n: int) -> Batch:
        """Return window n: characters (T, B), and as targets those that come next; every step asks."""
        steps = n * self.window + np.arange(self.window + 1)[:, None]
        both = self.tokens[(self.starts + steps) % len(self.tokens)]
        return Batch(both[:-1], both[1:], np.ones(both[1:].shape, bool))


def in_order(tokens: Tokens, *, streams: int = 1, window: int = 1000) -> Iterator[Batch]:
    """Cut a text into batches that ask for each of its characters but the first, once, in order.

    Args:
        tokens: The text (N,).
        streams: B; what does not fill the last step of all streams is read by nobody, at most B - 1 characters.
        window: Steps of a batch.

    Example:
        >>> [batch.targets.T.tolist() for batch in in_order(np.arange(6), window=3)]
        [[[1, 2, 3]], [[4, 5]]]
    """
    length = (len(tokens) - 1) // streams
    places = np.arange(length)[:, None] + np.arange(streams) * length
    for start in range(0, length, window):
        here = places[start : start + window]
        yield Batch(tokens[here], tokens[here + 1], np.ones(here.shape, bool))


def ask(model: nn.Module, tokens: Tokens, *, streams: int = 1) -> Score:
    """Ask a network for each character of a text, from those before it: nats a character, and the share it guessed.

    Several streams are faster, and each begins without a past: ``streams=1`` is the honest number.
    """
    return evaluate(model, in_order(tokens, streams=streams), stateful=True)


def bits(nats: float) -> float:
    """Turn nats into bits.

    Example:
        >>> bits(math.log(8))
        3.0
    """
    return nats / math.log(2)


# ---------------------------------------------------------------- writing


def shares(scores: Tensor, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None) -> Tensor:
    """Turn scores into the shares of chance that a character is drawn with.

    Args:
        scores: (..., K).
        temperature: The scores are divided by it: below 1 the likely become likelier; 0 leaves the likeliest alone.
        top_k: How many of the likeliest may be drawn; None for all.
        top_p: The likeliest that together have this share may be drawn (nucleus sampling); None for all.

    Raises:
        ValueError: If one of them does not fit.

    Example:
        >>> shares(torch.tensor([2.0, 1.0, 0.0]), top_k=2).tolist()
        [0.7310585975646973, 0.2689414322376251, 0.0]
        >>> shares(torch.tensor([2.0, 1.0, 0.0]), temperature=0).tolist()
        [1.0, 0.0, 0.0]
    """
    K = scores.shape[-1]
    if not 0 <= temperature < math.inf:
        raise ValueError(f"got temperature {temperature}, expected a number of at least 0")
    if top_k is not None and top_k < 1:
        raise ValueError(f"got top_k {top_k}, expected at least 1")
    if top_p is not None and not 0 < top_p <= 1:
        raise ValueError(f"got top_p {top_p}, expected above 0 and at most 1")
    order = scores.argsort(dim=-1, descending=True, stable=True)
    ranked = scores.gather(-1, order).double()
    if temperature == 0:
        chosen = torch.zeros_like(ranked)
        chosen[..., 0] = 1
    else:
        chosen = (ranked / temperature).softmax(-1)
        if top_k is not None and top_k < K:
            chosen[..., top_k:] = 0
        if top_p is not None:
            before = chosen.cumsum(-1) - chosen  # of those that are likelier
            chosen = chosen.where(before < top_p * chosen.sum(-1, keepdim=True), 0)
        chosen = chosen / chosen.sum(-1, keepdim=True)
    return torch.zeros_like(chosen).scatter(-1, order, chosen).to(scores.dtype)


@torch.no_grad()
def generate(
    model: nn.Module,
    vocabulary: Vocabulary,
    beginning: str,
    length: int,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    rng: torch.Generator | None = None,
    each: Callable[[str], object] | None = None,
) -> str:
    """Let a network write on: each character that is drawn is the next input.

    Args:
        model: Takes (tokens (T, B), state) and returns (scores (T, B, K), state); asked in eval mode.
        vocabulary: Of the characters that it was trained on.
        beginning: What it reads first; without one it begins after a line break, or after its first character.
        length: How many characters it writes.
        temperature: See ``shares``.
        top_k: See ``shares``.
        top_p: See ``shares``.
        rng: Draws the characters; None draws from torch's own.
        each: Called with each character as it is written.

    Returns:
        The beginning, and what was written.

    Raises:
        ValueError: If the beginning has a character that the network does not know, or a number does not fit.
    """
    if length < 0:
        raise ValueError(f"got length {length}, expected at least 0")
    known = beginning or ("\n" if "\n" in vocabulary.characters else vocabulary.characters[0])
    place = next(model.parameters()).device
    was_training = model.training
    model.eval()
    written = []
    try:
        scores, state = model(torch.from_numpy(vocabulary.encode(known, "the beginning"))[:, None].to(place), None)
        for _ in range(length):
            chances = shares(scores[-1, 0].cpu(), temperature, top_k, top_p)
            token = torch.multinomial(chances, 1, generator=rng)
            written.append(vocabulary.characters[int(token)])
            if each is not None:
                each(written[-1])
            scores, state = model(token[:, None].to(place), state)
    finally:
        model.train(was_training)
    return beginning + "".join(written)


class Continuation(NamedTuple):
    """One way to write on: what was written, and its logarithm of chance in nats."""

    text: str
    log_chance: float


@torch.no_grad()
def beam(
    model: nn.Module, vocabulary: Vocabulary, beginning: str, length: int, *, width: int = 10
) -> list[Continuation]:
    """Look for the likeliest way to write on: after each character, only the ``width`` likeliest texts are kept.

    Args:
        model: As ``generate`` takes it.
        vocabulary: Of the characters that it was trained on.
        beginning: What it reads first, at least one character.
        length: How many characters are written.
        width: How many texts are kept; K**length of them would be all.

    Returns:
        The texts that are left, the likeliest first.

    Raises:
        ValueError: If the beginning is empty or unknown, or a number is below 1.
    """
    if not beginning or length < 1 or width < 1:
        what = f"got a beginning of {len(beginning)} characters, length {length} and width {width}"
        raise ValueError(f"{what}, expected at least 1 of each")
    place = next(model.parameters()).device
    was_training = model.training
    model.eval()
    try:
        scores, state = model(torch.from_numpy(vocabulary.encode(beginning, "the beginning"))[:, None].to(place), None)
        paths = torch.zeros(1, 0, dtype=torch.int64)
        logs = torch.zeros(1, dtype=torch.float64)
        for _ in range(length):
            both = logs[:, None] + scores[-1].cpu().double().log_softmax(-1)
            logs, best = both.flatten().topk(min(width, both.numel()))
            parent, token = best // both.shape[1], best % both.shape[1]
            paths = torch.cat([paths[parent], token[:, None]], dim=1)
            state = tuple(part[:, parent.to(place)] for part in state)
            scores, state = model(token[None].to(place), state)
    finally:
        model.train(was_training)
    rows = zip(paths.tolist(), logs.tolist(), strict=True)
    return [Continuation(beginning + vocabulary.decode(path), log) for path, log in rows]
