"""Recordings of single words: read from a folder, split before anything else, and strung together to train on.

A string of words is put together from energies, not from samples: what is heard at once adds up in energy (on average),
so that pauses, loudness and noise cost one sum a batch.

Shapes: T frames, B strings, M mel bands.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lstm_lib._array import Array
from lstm_lib.applied import sound, voice, wav

LENGTHS = (14, 15, 16, 17, 18)  # sixteenths of a recording: played faster and higher, or slower and deeper


class Recording(NamedTuple):
    """One word: its label, speaker ("" if not known), file, and samples (N,)."""

    label: str
    speaker: str
    name: str
    samples: Array

    def content(self) -> str:
        """Return a number of the samples: the same recording under two names has the same."""
        return hashlib.sha256(self.samples.tobytes()).hexdigest()


def read_folder(folder: str | Path) -> list[Recording]:
    """Read every wav file of a folder, named LABEL_ANYTHING.wav or LABEL_SPEAKER_ANYTHING.wav.

    Raises:
        ValueError: If the folder or a file cannot be read, a name has no label, or there are fewer than two labels.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ValueError(f"{folder}: got no folder, expected one with wav files named LABEL_*.wav")
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() == ".wav")
    found = []
    for path in paths:
        label, *rest = path.stem.split("_")
        if not label or not rest:
            raise ValueError(f"{path}: got a name without a label, expected LABEL_*.wav")
        found.append(Recording(label, rest[0] if len(rest) > 1 else "", path.name, wav.read(path).samples))
    if len(labels := {one.label for one in found}) < 2:
        what = f"got {len(found)} wav files of {len(labels)} labels"
        raise ValueError(f"{folder}: {what}, expected LABEL_*.wav of at least two labels")
    return found


def split(recordings: Sequence[Recording], share: float = 0.2) -> tuple[list[Recording], list[Recording]]:
    """Hold out a share of each label, the last ones by a number made from content: the order of files says nothing.

    Copies of one recording stay together.

    Raises:
        ValueError: If a label has too few recordings to be in both parts.
    """
    kept: list[Recording] = []
    held_out: list[Recording] = []
    for label in sorted({one.label for one in recordings}):
        ranked = sorted((one for one in recordings if one.label == label), key=Recording.content)
        border = len(ranked) - max(1, round(share * len(ranked)))
        while border > 0 and ranked[border - 1].content() == ranked[border].content():
            border -= 1
        if border < 1:
            raise ValueError(f"got {len(ranked)} recordings of {label!r}, expected at least two different ones")
        kept, held_out = kept + ranked[:border], held_out + ranked[border:]
    guard(kept, held_out)
    return kept, held_out


def guard(train: Sequence[Recording], test: Sequence[Recording], *, speakers: bool = False) -> None:
    """Raise a ValueError if a recording, under whatever name, is in both parts; or a speaker, where that is asked."""
    voice.expect_apart((one.name for one in train), (one.name for one in test), "file")
    voice.expect_apart((one.content() for one in train), (one.content() for one in test), "recording")
    if speakers:
        voice.expect_apart((one.speaker for one in train), (one.speaker for one in test), "speaker")


def expect_scaled_on(scaling: sound.Scaling, train: Sequence[Recording]) -> None:
    """Raise a ValueError unless a scaling was measured on exactly these recordings.

    Example:
        >>> one, two = (Recording("a", "", name, np.sin(np.arange(800) * f)) for name, f in (("1", 0.3), ("2", 0.5)))
        >>> expect_scaled_on(scaling_of([one]), [one])
        >>> expect_scaled_on(scaling_of([one, two]), [one])
        Traceback (most recent call last):
        ...
        ValueError: got a scaling that was not measured on the training data, expected no others in it
    """
    expected = scaling_of(train)
    if not all(np.allclose(ours, theirs, rtol=1e-5) for ours, theirs in zip(scaling, expected, strict=True)):
        raise ValueError("got a scaling that was not measured on the training data, expected no others in it")


def scaling_of(train: Sequence[Recording]) -> sound.Scaling:
    """Measure the features of recordings to train on."""
    return sound.Scaling.of(sound.log_mel(one.samples) for one in train)


class Heard(NamedTuple):
    """The energies (T, M) of one word, played at several speeds, and what it is."""

    label: str
    speaker: str
    energies: tuple[Array, ...]


def hear(recordings: Sequence[Recording], lengths: Sequence[int] = LENGTHS) -> list[Heard]:
    """Measure recordings at several speeds, once, to train on them again and again.

    Example:
        >>> word = Recording("a", "ben", "a_ben_1.wav", np.sin(np.arange(1600) * 0.3))
        >>> [len(energies) for energies in hear([word])[0].energies]
        [16, 17, 18, 19, 21]
    """

    def energies(one: Recording) -> tuple[Array, ...]:
        spoken = [sound.resample(one.samples, 16, length) for length in lengths]
        return tuple(sound.mel_energies(samples).astype(np.float32) for samples in spoken)

    return [Heard(one.label, one.speaker, energies(one)) for one in recordings]


class Strings:
    """Batches of strings of words, each spoken by one speaker, with pauses, at many levels, over noise.

    Batch n is a function of n and the seed. Frames and bands are hidden at random (park2019specaugment).

    Args:
        heard: To draw from.
        labels: All labels, in the order of their numbers, which begin at 1.
        scaling: Of the training data: its means stand where something is hidden.
        batch_size: B.
        words: Lengths of the strings, each as likely as it is often listed.
        warmup: Batches of single words at the beginning.
        seed: Of the whole series.
    """

    def __init__(
        self,
        heard: Sequence[Heard],
        labels: Sequence[str],
        scaling: sound.Scaling,
        batch_size: int,
        *,
        words: Sequence[int] = (1, 1, 2, 3),
        warmup: int = 300,
        seed: int = 0,
    ) -> None:
        """Sort the words by speaker."""
        self.batch_size, self.words, self.warmup, self.seed = batch_size, tuple(words), warmup, seed
        self.hidden = scaling.mean
        self.by_speaker: dict[str, list[tuple[int, tuple[Array, ...]]]] = {}
        for one in heard:
            self.by_speaker.setdefault(one.speaker, []).append((1 + list(labels).index(one.label), one.energies))
        self.hiss = 75 * sound.mel_filters(sound.RATE, sound.sizes()[2]).sum(axis=1)  # of white noise of variance 1

    def __call__(self, n: int) -> voice.Utterances:
        """Return batch n."""
        rng = np.random.default_rng([self.seed, n])
        count = 1 if n < self.warmup else int(rng.choice(self.words))
        strings = [self._string(rng, count) for _ in range(self.batch_size)]
        batch = voice.pad([energies for _, energies in strings], [labels for labels, _ in strings])
        heard = np.log(self._room(rng, batch.features) + sound.FLOOR).astype(np.float32)
        self._hide(rng, heard)
        # What is behind a string is the same noise: every string is as long as the longest.
        return batch._replace(features=heard, lengths=np.full(self.batch_size, len(heard)))

    def _string(self, rng: np.random.Generator, count: int) -> tuple[list[int], Array]:
        """Draw a speaker, words, their levels, and pauses of up to 0.2 s."""
        spoken = list(self.by_speaker.values())[rng.integers(len(self.by_speaker))]
        labels, pieces = [], []
        for _ in range(count):
            label, energies = spoken[rng.integers(len(spoken))]
            word = energies[rng.integers(len(energies))] * np.float32(10 ** rng.uniform(-0.5, 0.5))
            pieces += [np.zeros((rng.integers(0, 20 if count > 1 else 8), word.shape[1]), np.float32), word]
            labels.append(label)
        pieces.append(np.zeros((rng.integers(0, 12), pieces[1].shape[1]), np.float32))
        return labels, np.concatenate(pieces)

    def _room(self, rng: np.random.Generator, energies: Array) -> Array:
        """Colour the sounds (T, B, M) as a room or a microphone does, and add noise with a colour of its own."""
        slope = np.linspace(-1, 1, energies.shape[-1])
        tone, colour = rng.uniform(-0.4, 0.4, (1, self.batch_size, 1)), rng.uniform(-1.1, 1.1, (1, self.batch_size, 1))
        level = 10 ** rng.uniform(-7.5, -5, (1, self.batch_size, 1))
        noise = level * np.exp(colour * slope) * self.hiss * rng.gamma(2.0, 0.5, energies.shape)
        mixed: Array = energies * np.exp(tone * slope) + noise
        return mixed

    def _hide(self, rng: np.random.Generator, features: Array) -> None:
        """Put the mean in place of a few bands, and of a few frames of each 60, in every second sound."""
        T, B, M = features.shape
        for b in np.flatnonzero(rng.random(B) < 0.5):
            width = rng.integers(0, 8)
            first = rng.integers(0, M - width)
            features[:, b, first : first + width] = self.hidden[first : first + width]
            for _ in range(1 + T // 60):
                width = rng.integers(0, 6)
                first = rng.integers(0, max(1, T - width))
                features[first : first + width, b] = self.hidden


def connect(
    rng: np.random.Generator, recordings: Sequence[Recording], count: int, *, pause: tuple[float, float] = (0.0, 0.2)
) -> tuple[Array, list[str]]:
    """String the samples of words together, with silence of up to so many seconds between: to be asked, not trained on.

    Returns:
        Samples (N,) over a hiss of root mean square 0.0003, and the labels.
    """
    pieces, labels = [], []
    for at in rng.integers(0, len(recordings), count):
        pieces += [np.zeros(int(rng.uniform(*pause) * sound.RATE)), recordings[at].samples]
        labels.append(recordings[at].label)
    samples = np.concatenate([*pieces, np.zeros(sound.RATE // 20)])
    return (samples + rng.normal(0, 0.0003, len(samples))).astype(np.float32), labels
