"""Sound files that nobody can listen to, and what must be said of each."""

import struct
import wave
from pathlib import Path

import numpy as np

RATE = 8000
HUM = (0.3 * np.sin(2 * np.pi * 300 * np.arange(RATE // 2) / RATE)).astype(np.float32)


def pcm(samples, width=2):
    """Write numbers from -1 to 1 as bytes."""
    if width == 1:
        return np.round(samples * 127 + 128).astype(np.uint8).tobytes()
    whole = np.round(samples.astype(np.float64) * (2 ** (8 * width - 1) - 1)).astype("<i4")
    return whole.view(np.uint8).reshape(-1, 4)[:, :width].tobytes()


def wav(content, *, channels=1, width=2, rate=RATE, form=1, promised=None, bits=None):
    """Put a header before bytes; every number in it can lie."""
    bits = 8 * width if bits is None else bits
    block = channels * width
    head = struct.pack("<HHIIHH", form, channels, rate, rate * block, block, bits)
    size = len(content) if promised is None else promised
    chunks = b"fmt " + struct.pack("<I", len(head)) + head + b"data" + struct.pack("<I", size) + content
    return b"RIFF" + struct.pack("<I", min(4 + len(chunks), 2**32 - 1)) + b"WAVE" + chunks


GOOD = wav(pcm(HUM))
# Name: its bytes, and words that must be said.
ODD = {
    "nothing": (b"", "empty file"),
    "no-samples": (wav(b""), "without a single sample"),
    "one-sample": (wav(pcm(HUM[:1])), "got 1 samples, expected at least 200"),
    "shorter-than-a-frame": (wav(pcm(HUM[:199])), "got 199 samples, expected at least 200"),
    "stereo": (wav(pcm(np.repeat(HUM, 2)), channels=2), "got 2 channels, expected one"),
    "five-channels": (wav(pcm(np.repeat(HUM, 5)), channels=5), "got 5 channels"),
    "no-channels": (wav(pcm(HUM), channels=0), "damaged"),
    "cd": (wav(pcm(HUM), rate=44100), "got 44100 samples a second, expected 8000"),
    "sixteen-thousand": (wav(pcm(HUM), rate=16000), "got 16000 samples a second, expected 8000"),
    "slow": (wav(pcm(HUM), rate=4000), "got 4000 samples a second, expected 8000"),
    "no-rate": (wav(pcm(HUM), rate=0), "got 0 samples a second"),
    "clipped": (wav(pcm(np.clip(20 * HUM, -1, 1))), "clipped"),
    "clipped-8-bits": (wav(pcm(np.clip(20 * HUM, -1, 1), 1), width=1), "clipped"),
    "clipped-24-bits": (wav(pcm(np.clip(20 * HUM, -1, 1), 3), width=3), "clipped"),
    "silent": (wav(bytes(8000)), "got silence"),
    "silent-8-bits": (wav(b"\x80" * 8000, width=1), "got silence"),
    "one-value": (wav(pcm(np.full(4000, 0.5))), "got silence"),
    "long": (wav(pcm(np.tile(HUM, 130))), "got 65 seconds, expected at most 60"),
    "promises-a-day": (wav(pcm(HUM), promised=2**31 - 2), "seconds, expected at most 60"),
    "endless": (wav(pcm(HUM), promised=2**32 - 1), "seconds, expected at most 60"),
    "truncated": (wav(pcm(HUM)[:4000], promised=8000), "got 2000 of the 4000 samples that the header promises"),
    "truncated-in-a-sample": (wav(pcm(HUM)[:-1], promised=8000), "got 3999 of the 4000 samples"),
    "cut-in-the-header": (GOOD[:30], "damaged"),
    "cut-after-the-name": (GOOD[:12], "damaged"),
    "four-bytes": (b"RIFF", "does not begin as a wav file does"),
    "mp3": (b"ID3\x04\0\0\0\0\0\x0bTALB" + bytes(500), "kind mp3"),
    "bare-mp3": (b"\xff\xfb\x90\x64" + bytes(500), "kind mp3"),
    "ogg": (b"OggS\0\x02" + bytes(500), "kind ogg"),
    "flac": (b"fLaC\0\0\0\x22" + bytes(500), "kind flac"),
    "png": (b"\x89PNG\r\n\x1a\n" + bytes(500), "kind png"),
    "jpeg": (b"\xff\xd8\xff\xe0" + bytes(500), "kind jpeg"),
    "zip": (b"PK\x03\x04" + bytes(500), "kind zip"),
    "aiff": (b"FORM\0\0\0\x20AIFF" + bytes(500), "kind aiff"),
    "big-endian": (b"RIFX" + GOOD[4:], "kind big-endian"),
    "avi": (b"RIFF\x20\0\0\0AVI " + bytes(500), "does not begin as a wav file does"),
    "text": (b"hello, this is no sound\n" * 20, "does not begin as a wav file does"),
    "zeros": (bytes(5000), "does not begin as a wav file does"),
    "noise": (np.random.default_rng(0).bytes(5000), "does not begin as a wav file does"),
    "float": (wav(HUM.tobytes(), width=4, form=3), "no whole numbers"),
    "a-law": (wav(pcm(HUM, 1), width=1, form=6), "no whole numbers"),
    "adpcm": (wav(pcm(HUM), form=2, bits=4), "no whole numbers"),
    "64-bits": (wav(pcm(np.zeros(4000)) * 4, width=8), "got 64 bits a sample"),
    "no-bits": (wav(pcm(HUM), bits=0), "damaged"),
    "no-data": (b"RIFF\x24\0\0\0WAVE" + GOOD[12:36], "damaged"),
    "data-before-format": (b"RIFF" + GOOD[4:12] + GOOD[36:] + GOOD[12:36], "damaged"),
    "wrong-chunk-size": (GOOD[:16] + struct.pack("<I", 2**31) + GOOD[20:], "damaged"),
}


def lay_out(folder: Path) -> dict[str, Path]:
    """Write all of them."""
    paths = {name: folder / f"{name}.wav" for name in ODD}
    for name, path in paths.items():
        path.write_bytes(ODD[name][0])
    return paths


def write(path, samples, rate=RATE):
    """Write a sound with the standard library alone."""
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(pcm(np.asarray(samples)))
    return path
