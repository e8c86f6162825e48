"""Read wav files that strangers made, and refuse by name what cannot be understood as speech.

Shapes: N samples.
"""

import base64
import html
import io
import wave
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from lstm_lib._array import Array
from lstm_lib.applied import sound

LONGEST = 60.0  # seconds
CLIPPED = 0.01  # share of the samples in plateaus at the very top or bottom, from which on a file is refused
KNOWN = {b"ID3": "mp3", b"\xff\xfb": "mp3", b"OggS": "ogg", b"fLaC": "flac", b"\x89PNG": "png", b"\xff\xd8": "jpeg"}
KNOWN |= {b"PK\x03\x04": "zip", b"RIFX": "big-endian RIFX", b"FORM": "aiff", b"%PDF": "pdf"}


class Sound(NamedTuple):
    """Samples (N,) from -1 to 1 in float32, and how many there are a second."""

    samples: Array
    rate: int


def write(path: str | Path, samples: Array, rate: int = sound.RATE) -> Path:
    """Write samples from -1 to 1 as a wav file of one channel, 16 bits.

    Example:
        >>> import tempfile
        >>> path = write(tempfile.mkdtemp() + "/hum.wav", np.sin(np.arange(1000) / 3))
        >>> read(path).samples.shape
        (1000,)
    """
    _write(str(path), samples, rate)
    return Path(path)


def _write(where: str | IO[bytes], samples: Array, rate: int) -> None:
    with wave.open(where, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.round(np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())


def player(samples: Array, title: str, rate: int = sound.RATE) -> str:
    """Return HTML that plays a sound, on a page without a server too: the wav file stands in it as text.

    Example:
        >>> player(np.zeros(100), "nothing")[:38]
        '<figure><audio controls preload="none"'
    """
    file = io.BytesIO()
    _write(file, samples, rate)
    content = base64.b64encode(file.getvalue()).decode()
    label = html.escape(title)
    audio = f'<audio controls preload="none" aria-label="{label}" src="data:audio/wav;base64,{content}"></audio>'
    return f"<figure>{audio}<figcaption>{label}</figcaption></figure>"


def read(path: str | Path, rate: int | None = sound.RATE) -> Sound:
    """Read a wav file of one channel with 8, 16, 24 or 32 bits a sample (PCM).

    Args:
        path: The file.
        rate: Samples a second that it must have; None takes any and resamples to ``sound.RATE``.

    Raises:
        ValueError: If there is no such file or it cannot be read; is empty, truncated, no wav (named after its first
            bytes where they are known) or damaged; has several channels or another rate; is longer than ``LONGEST``
            seconds, shorter than one frame, silent throughout, or clipped. The message names the file.
    """
    path = Path(path)
    try:
        found = _read(path)
        _expect_speech(found, rate)
    except (OSError, EOFError, RuntimeError, wave.Error, ValueError) as error:  # what wave says of damage
        words = str(error) if isinstance(error, ValueError) else _words(path, error)
        raise ValueError(f"{path}: {words}") from None
    return found if rate else Sound(sound.resample(found.samples, found.rate, sound.RATE), sound.RATE)


def _words(path: Path, error: Exception) -> str:
    """Say what is wrong with a file that the standard library cannot open."""
    if isinstance(error, OSError):
        return f"got no file that can be read ({error.strerror or error}), expected a wav file"
    with path.open("rb") as file:
        start = file.read(12)
    if not start:
        return "got an empty file (0 bytes), expected a wav file"
    kind = next((name for magic, name in KNOWN.items() if start.startswith(magic)), None)
    if kind:
        return f"got a file of kind {kind}, whatever its name says; expected a wav file"
    if start[:4] != b"RIFF" or start[8:] != b"WAVE":
        return "got a file that does not begin as a wav file does, expected RIFF … WAVE"
    if "unknown format" in str(error):
        return f"got a wav file whose samples are no whole numbers ({error}), expected PCM of 8, 16, 24 or 32 bits"
    return f"got a damaged wav file ({error or 'it ends within its header'}), expected a whole one"


def _read(path: Path) -> Sound:
    """Read samples, looking at what the header promises before anything large is read."""
    with wave.open(str(path), "rb") as file:
        channels, width, rate, promised = file.getparams()[:4]
        if channels != 1:
            raise ValueError(f"got {channels} channels, expected one (mono)")
        if width not in (1, 2, 3, 4):
            raise ValueError(f"got {8 * width} bits a sample, expected 8, 16, 24 or 32")
        if rate < 1:
            raise ValueError(f"got {rate} samples a second, expected at least {sound.RATE}")
        if promised == 0:
            raise ValueError("got a wav file without a single sample, expected speech")
        if promised > LONGEST * rate:
            raise ValueError(f"got {promised / rate:.0f} seconds, expected at most {LONGEST:.0f}")
        content = file.readframes(promised)
    if (there := len(content) // width) < promised:
        raise ValueError(f"got {there} of the {promised} samples that the header promises: the file is truncated")
    return Sound(_numbers(content, width), rate)


def _numbers(content: bytes, width: int) -> Array:
    """Turn bytes into numbers from -1 to 1; 8 bits are unsigned, all else is signed, lowest byte first."""
    if width == 1:
        return (np.frombuffer(content, np.uint8).astype(np.float32) - 128) / 128
    if width == 3:  # shift each into the upper three bytes of four
        four = np.zeros((len(content) // 3, 4), np.uint8)
        four[:, 1:] = np.frombuffer(content, np.uint8).reshape(-1, 3)
        content, width = four.tobytes(), 4
    return np.frombuffer(content, f"<i{width}").astype(np.float32) / np.float32(2 ** (8 * width - 1))


def _expect_speech(found: Sound, rate: int | None) -> None:
    """Raise a ValueError if the samples cannot be listened to."""
    samples = found.samples
    least = sound.sizes(found.rate)[0]
    if rate is not None and found.rate != rate:
        way = ": `transcribe` takes it with --resample" if found.rate > rate else ""
        raise ValueError(f"got {found.rate} samples a second, expected {rate}{way}")
    if found.rate < sound.RATE:
        raise ValueError(f"got {found.rate} samples a second, expected at least {sound.RATE}")
    if len(samples) < least:
        raise ValueError(f"got {len(samples)} samples, expected at least {least}, one frame")
    low, high = samples.min(), samples.max()
    if low == high:
        raise ValueError(f"got silence: all {len(samples)} samples are equal, expected speech")
    if (share := plateaus(samples)) > CLIPPED:
        raise ValueError(
            f"got {share:.1%} of the samples cut off at full scale: clipped, expected at most {CLIPPED:.0%}"
        )


def plateaus(samples: Array) -> float:
    """Return the share of samples in the middle of three at full scale: a loud sound is there and leaves at once.

    Example:
        >>> loud = np.sin(np.arange(8000) * 0.3)
        >>> round(plateaus(loud), 3), round(plateaus(np.clip(3 * loud, -1, 1)), 3)
        (0.0, 0.593)
    """
    top = (np.abs(samples) >= 0.9999) | (samples == 127 / 128)  # the last step of 8 bits
    return float(np.mean(top[:-2] & top[1:-1] & top[2:]))
