"""What an ear makes of a sound: energies of overlapping frames in bands that are wide where the ear is coarse.

Shapes: N samples, T frames, M mel bands, S samples of a frame, F = R / 2 + 1 frequencies of a transform of R samples.
"""

from collections.abc import Iterable
from functools import lru_cache
from math import gcd
from typing import NamedTuple

import numpy as np

from lstm_lib._array import Array

RATE = 8000  # samples a second: a telephone's, enough for vowels and most consonants
FRAME, HOP = 0.025, 0.010  # seconds: how much one frame hears, and how far the next is
MELS = 40
FLOOR = 1e-5  # added to each energy: what is quieter is silence, and its logarithm stays finite


class Scaling(NamedTuple):
    """Mean and spread of each feature, (M,) each, over the frames of training data and no others."""

    mean: Array
    spread: Array

    @classmethod
    def of(cls, features: Iterable[Array]) -> "Scaling":
        """Measure the features (T, M) of sounds to train on.

        Example:
            >>> scaling = Scaling.of([np.array([[0.0, 5.0], [2.0, 5.0]])])
            >>> scaling.mean.tolist(), scaling.spread.tolist()  # a feature that never changes is left alone
            ([1.0, 5.0], [1.0, 1.0])
        """
        frames = np.concatenate(list(features))
        spread = frames.std(axis=0)
        return cls(frames.mean(axis=0), np.where(spread > 0, spread, 1.0).astype(frames.dtype))

    def __call__(self, features: Array) -> Array:
        """Bring features to mean 0 and spread 1, as far as they are like those that were measured."""
        scaled: Array = (features - self.mean) / self.spread
        return scaled


def mel(hertz: Array | float) -> Array:
    """Turn frequencies into pitch as it is heard: about linear below 1000 Hz, logarithmic above.

    mel = 2595 log₁₀(1 + hertz / 700)

    Example:
        >>> mel(np.array([0.0, 1000.0])).round().tolist()
        [0.0, 1000.0]
    """
    return 2595 * np.log10(1 + np.asarray(hertz) / 700)


@lru_cache(maxsize=8)
def mel_filters(rate: int, transform: int, mels: int = MELS) -> Array:
    """Return (M, F): M triangles, evenly spaced in mel from 0 Hz to half the rate, each as wide as two steps.

    Example:
        >>> mel_filters(8000, 256, 40).shape
        (40, 129)
    """
    edges = np.linspace(0, mel(rate / 2), mels + 2)
    pitch = mel(np.fft.rfftfreq(transform, 1 / rate))
    rising = (pitch - edges[:-2, None]) / (edges[1] - edges[0])
    filters: Array = np.clip(np.minimum(rising, 2 - rising), 0, None)
    return filters


def sizes(rate: int = RATE) -> tuple[int, int, int]:
    """Return the samples of a frame, of a hop, and of the Fourier transform (the next power of two).

    Example:
        >>> sizes(8000)
        (200, 80, 256)
    """
    frame, hop = round(FRAME * rate), round(HOP * rate)
    return frame, hop, 1 << (frame - 1).bit_length()


def mel_energies(samples: Array, rate: int = RATE, mels: int = MELS) -> Array:
    """Return the energy of each frame in each mel band, (T, M); frame t hears samples from t · hop on.

    Args:
        samples: (N,), numbers from -1 to 1.
        rate: Samples a second.
        mels: M.

    Raises:
        ValueError: If there are fewer samples than one frame has, or not one channel.

    Example:
        >>> mel_energies(np.zeros(1000)).shape  # 200 samples a frame, 80 a hop
        (11, 40)
    """
    size, hop, transform = sizes(rate)
    if samples.ndim != 1 or len(samples) < size:
        raise ValueError(f"got samples of shape {samples.shape}, expected (N,) with N >= {size}, one frame")
    frames = np.lib.stride_tricks.sliding_window_view(samples, size)[::hop]
    spectrum = np.fft.rfft(frames * np.hanning(size), transform)
    return (spectrum.real**2 + spectrum.imag**2) @ mel_filters(rate, transform, mels).T


def log_mel(samples: Array, rate: int = RATE, mels: int = MELS) -> Array:
    """Return the features of a sound, (T, M) in float32: ln(energy + FLOOR), as ``mel_energies`` says.

    Example:
        >>> hum = np.sin(2 * np.pi * 440 * np.arange(8000) / 8000)
        >>> features = log_mel(hum)
        >>> features.shape, set(features.argmax(axis=1).tolist())  # 440 Hz is in the same band at every frame
        ((98, 40), {10})
    """
    return np.log(mel_energies(samples, rate, mels) + FLOOR).astype(np.float32)


BEFORE, AFTER = 0.1, 0.2  # seconds of quiet


def with_quiet(samples: Array, rate: int = RATE) -> Array:
    """Lay quiet before and after a sound: a word that is cut out tightly begins and ends more abruptly than in speech.

    Example:
        >>> with_quiet(np.ones(1000)).shape
        (3400,)
    """
    return np.pad(samples, (round(BEFORE * rate), round(AFTER * rate)))


def resample(samples: Array, rate: int, to: int) -> Array:
    """Sample a sound at another rate, without what the new rate cannot hold (a windowed sinc: no aliases).

    y(n) = Σ_k x(k) · c · sinc(c (n · rate / to - k)) · window, c = min(1, to / rate)

    Args:
        samples: (N,).
        rate: Samples a second that it has.
        to: Samples a second that it shall have.

    Returns:
        About N · to / rate samples.

    Example:
        >>> tone = np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)
        >>> expected = np.sin(2 * np.pi * 440 * np.arange(8000) / 8000)
        >>> bool(np.abs(resample(tone, 16000, 8000) - expected)[100:-100].max() < 1e-3)
        True
    """
    if rate == to:
        return samples
    up, down = to // gcd(rate, to), rate // gcd(rate, to)
    cut = 0.95 * min(1.0, to / rate)  # a little below half the new rate, so that the slope of the filter ends there
    reach = int(np.ceil(32 / cut))  # samples on each side
    padded = np.pad(samples, (reach, reach + 1))
    result = np.empty(len(samples) * up // down, samples.dtype)
    near = np.arange(1 - reach, reach + 1)
    for phase in range(up):  # all outputs that lie alike between two inputs share their weights
        at, rest = divmod(np.arange(phase, len(result), up) * down, up)
        if not len(at):
            break
        away = near - rest[0] / up
        weights = cut * np.sinc(cut * away) * (0.5 + 0.5 * np.cos(np.pi * np.clip(away / reach, -1, 1)))
        result[phase::up] = padded[at[:, None] + reach + near] @ weights
    return result
