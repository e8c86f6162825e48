"""Vowels made from formulas: a voice's pulses through three resonances, the formants, in any order and length.

A vowel is known by its formants, resonances of mouth and throat. Their frequencies are means that were measured from 33
men and 28 women (peterson1952control, Table II).

Shapes: N samples.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lstm_lib._array import Array
from lstm_lib.applied.sound import RATE


class Vowel(NamedTuple):
    """A vowel: a word it is heard in, its sign in the phonetic alphabet, and F1 to F3 of men and of women in hertz."""

    word: str
    sign: str
    men: tuple[int, int, int]
    women: tuple[int, int, int]


VOWELS = (
    Vowel("heed", "i", (270, 2290, 3010), (310, 2790, 3310)),
    Vowel("hid", "ɪ", (390, 1990, 2550), (430, 2480, 3070)),
    Vowel("head", "ɛ", (530, 1840, 2480), (610, 2330, 2990)),
    Vowel("had", "æ", (660, 1720, 2410), (860, 2050, 2850)),
    Vowel("hod", "ɑ", (730, 1090, 2440), (850, 1220, 2810)),
    Vowel("hawed", "ɔ", (570, 840, 2410), (590, 920, 2710)),
    Vowel("hood", "ʊ", (440, 1020, 2240), (470, 1160, 2680)),
    Vowel("who'd", "u", (300, 870, 2240), (370, 950, 2670)),
    Vowel("hud", "ʌ", (640, 1190, 2390), (760, 1400, 2780)),
    Vowel("heard", "ɝ", (490, 1350, 1690), (500, 1640, 1960)),
)
PITCH = {"men": 130.0, "women": 220.0}  # hertz; each speaker varies around it
WIDTHS = (60.0, 90.0, 150.0)  # hertz: how sharp a formant is


class Utterance(NamedTuple):
    """A sound that was made: samples (N,), its vowels as numbers from 1, and where each begins and ends in seconds."""

    samples: Array
    labels: tuple[int, ...]
    times: tuple[tuple[float, float], ...]


class Speaker(NamedTuple):
    """Who speaks: the pitch in hertz, what each formant is multiplied by, and which table it comes from."""

    pitch: float
    formants: Array
    table: str


def speaker(rng: np.random.Generator) -> Speaker:
    """Draw a man or a woman, each with a pitch and a throat of their own.

    Example:
        >>> speaker(np.random.default_rng(0)).table
        'women'
    """
    table = ("men", "women")[rng.integers(2)]
    return Speaker(PITCH[table] * float(np.exp(rng.normal(0, 0.1))), np.exp(rng.normal(0, 0.03, 3)), table)


def pulses(pitch: Array, rate: int = RATE) -> Array:
    """Return the pulses of a voice: a saw tooth of the given pitch, hertz at each sample (N,).

    Example:
        >>> int((np.diff(pulses(np.full(8000, 110.0))) > 1).sum())  # as many pulses in a second
        110
    """
    phase = np.cumsum(pitch) / rate
    return 1 - 2 * (phase % 1)


def resonate(samples: Array, frequency: float, width: float, rate: int = RATE) -> Array:
    """Pass a sound through one resonance.

    y_n = a x_n + 2 r cos(2π F / rate) y_{n-1} - r² y_{n-2}, r = e^(-π width / rate), gain 1 at 0 Hz

    The recurrence is worked out through its impulse response, which has died away within it (Klatt 1980).

    Args:
        samples: (N,).
        frequency: F, hertz.
        width: Hertz.
        rate: Samples a second.
    """
    r, angle = np.exp(-np.pi * width / rate), 2 * np.pi * frequency / rate
    n = np.arange(int(np.ceil(np.log(1e-6) / np.log(r))))
    impulse = r**n * np.sin((n + 1) * angle) / np.sin(angle)
    gain = 1 - 2 * r * np.cos(angle) + r**2
    size = 1 << (len(samples) + len(n) - 1).bit_length()
    spectrum = np.fft.rfft(samples, size) * np.fft.rfft(gain * impulse, size)
    heard: Array = np.fft.irfft(spectrum, size)[: len(samples)]
    return heard


def say(rng: np.random.Generator, vowel: int, seconds: float, who: Speaker, rate: int = RATE) -> Array:
    """Say one vowel.

    Args:
        rng: For the small changes that no two sounds are without.
        vowel: 1 to 10, a place in ``VOWELS`` counted from 1.
        seconds: How long.
        who: See ``speaker``.
        rate: Samples a second.

    Returns:
        Samples (N,), with a root mean square of 0.1 before it fades in and out.

    Raises:
        ValueError: If there is no such vowel, or no time for it.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> say(rng, 1, 0.2, speaker(rng)).shape
        (1600,)
    """
    if not 1 <= vowel <= len(VOWELS):
        raise ValueError(f"got vowel {vowel}, expected 1 to {len(VOWELS)}")
    N = round(seconds * rate)
    if N < 80:
        raise ValueError(f"got {seconds} seconds, expected at least {80 / rate}")
    glide = np.linspace(1.0, 1.0 + rng.normal(0, 0.05), N)
    sound = pulses(who.pitch * glide, rate) + rng.normal(0, 0.03, N)
    formants = np.array(getattr(VOWELS[vowel - 1], who.table)) * who.formants * np.exp(rng.normal(0, 0.02, 3))
    for frequency, width in zip(formants, WIDTHS, strict=True):
        sound = resonate(sound, min(float(frequency), 0.47 * rate), width, rate)
    sound *= 0.1 / np.sqrt(np.mean(sound**2))
    fade = min(N // 4, rate // 50)
    ramp = np.sin(np.linspace(0, np.pi / 2, fade)) ** 2
    sound[:fade] *= ramp
    sound[-fade:] *= ramp[::-1]
    return sound


def glide(sounds: Sequence[Array], rate: int = RATE) -> Array:
    """Let sounds run into each other: each fades in while the last one fades out.

    Example:
        >>> glide([np.ones(400), np.ones(300)]).shape  # 20 ms of both at once
        (540,)
    """
    overlap = rate // 50
    joined = sounds[0]
    for sound in sounds[1:]:
        longer = np.zeros(len(joined) + len(sound) - overlap)
        longer[: len(joined)] += joined
        longer[-len(sound) :] += sound
        joined = longer
    return joined


def utter(
    rng: np.random.Generator,
    labels: Sequence[int],
    *,
    words: Sequence[Sequence[int]] | None = None,
    who: Speaker | None = None,
    noise: float = 0.001,
    seconds: float | None = None,
    rate: int = RATE,
) -> Utterance:
    """Say vowels, or words of several vowels that glide into each other, with pauses between, over a hiss.

    Args:
        rng: Where lengths (0.12 to 0.3 s), pauses (0.03 to 0.15 s) and the rest come from.
        labels: Numbers from 1, of vowels, or of words where these are given.
        words: The vowels of each word; None where a label is a vowel.
        who: Drawn if None.
        noise: Root mean square of the hiss; the vowels have 0.1.
        seconds: How long the whole is, with quiet behind it; None ends it soon after the last word.
        rate: Samples a second.

    Returns:
        Utterance.

    Raises:
        ValueError: If there is no such vowel, or the whole does not fit into ``seconds``.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> said = utter(rng, [1, 5, 5])
        >>> said.labels, len(said.times), bool(said.times[0][1] < said.times[1][0])
        ((1, 5, 5), 3, True)
    """
    who = speaker(rng) if who is None else who
    pieces, times, at = [], [], 0
    for label in labels:
        vowels = [int(label)] if words is None else words[label - 1]
        pause = np.zeros(int(rng.uniform(0.03, 0.15) * rate))
        sound = glide([say(rng, v, float(rng.uniform(0.12, 0.3)), who, rate) for v in vowels], rate)
        start = at + len(pause)
        at = start + len(sound)
        times.append((start / rate, at / rate))
        pieces += [pause, sound]
    rest = rng.uniform(0.05, 0.15) if seconds is None else seconds - at / rate
    if rest < 0:
        raise ValueError(f"got {seconds} seconds, expected at least {at / rate:.2f} for what was said")
    pieces.append(np.zeros(round(rest * rate)))
    samples = np.concatenate(pieces)
    return Utterance(samples + rng.normal(0, noise, len(samples)), tuple(map(int, labels)), tuple(times))
