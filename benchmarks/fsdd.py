"""Train listeners on spoken digits: ``LSTM_LIB_DATA=FOLDER python -m benchmarks.fsdd``.

The free spoken digit dataset has 3,000 words of six speakers. The official split: recordings 0 to 4 of each speaker
and digit are the test, 5 to 49 are for training. The quiet around single words was chosen by training on 10 to 49 and
asking 5 to 9 (``--only choose``). Not as clean: one run with two frames a step had been asked the test before three
were taken. A row is one run:

* ``both``, ``one``: an LSTM in both directions, and one that cannot hear the future;
* ``both, longer``: three times as many batches, which told more of the recordings 5 to 9, too;
* ``window 7``: no recurrence, each step sees seven steps (210 ms) through as many units;
* ``without SPEAKER``: both directions, trained on five speakers for fewer batches, asked all words of the sixth.

``words``: share of single test words told right, by the likeliest of ten likelihoods, with quiet around them.
``greedy``, ``beam``: label error rate of greedy and beam decoding on strings of 2 to 5 test words of one speaker, put
end to end with pauses up to 0.2 s.

Every run is resumable (``--folder``). ``--ship`` writes the model of one direction, weights in bytes, into the
library.
"""

import argparse
import base64
import io
import json
import tarfile
import wave
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks import _clock, _record
from lstm_lib import recorded, training
from lstm_lib.applied import ctc, data, models, sound, speech, voice

NAME = "fsdd.tar.gz"
LABELS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SEEDS = (0, 1, 2)
H, STACK, BATCH, BATCHES, RATE, WARMUP = 96, 3, 16, 2000, 0.006, 300
LONGER = {"both, longer": 6000}  # batches
SHORTER = 800  # batches of a run without one speaker
SHAPES: dict[str, dict[str, Any]] = {
    "both": {"bidirectional": True},
    "both, longer": {"bidirectional": True},
    "one": {"hidden_size": 128},
    "window 7": {"window": 7},
}


def read(path: Path) -> tuple[list[speech.Recording], list[int]]:
    """Read the archive: recordings, and the number of each."""
    found, numbers = [], []
    with tarfile.open(path) as archive:
        for member in sorted(archive.getmembers(), key=lambda member: member.name):
            if not member.name.endswith(".wav"):
                continue
            with wave.open(io.BytesIO(archive.extractfile(member).read())) as file:
                samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / 32768
            name = Path(member.name).name
            digit, speaker, number = Path(name).stem.split("_")
            found.append(speech.Recording(LABELS[int(digit)], speaker, name, samples))
            numbers.append(int(number))
    return found, numbers


def learn(
    way: str, seed: int, train: list[speech.Recording], heard: list[speech.Heard], folder: Path, batches: int
) -> tuple[voice.Listener, dict[str, Any]]:
    """Train one listener, from where it stopped; return it, and what it took."""
    scaling = speech.scaling_of(train)
    speech.expect_scaled_on(scaling, train)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        shape = {"hidden_size": H, "stack": STACK, "dropout": 0.2} | SHAPES.get(way, SHAPES["both"])
        network = voice.Listener(sound.MELS, len(LABELS), **shape).scale(scaling)
    how: dict[str, Any] = {"lr": RATE, "schedule": "cosine", "warmup": 20, "clip": 5.0, "optimiser": "adamw"}
    settings = training.Settings(batches=batches, weight_decay=0.01, save_every=100, seed=seed, **how)
    sample = speech.Strings(heard, LABELS, scaling, BATCH, warmup=WARMUP, seed=seed)
    options: dict[str, Any] = {"objective": voice.objective(network.stack), "device": "cpu", "progress": False}
    where = folder / f"{way}-{seed}"
    with _clock.counted(where / "took.json") as took:
        training.fit(network, sample, settings, folder=where, about={"way": way}, **options)
    size = {"parameters": sum(p.numel() for p in network.parameters()), "batches": batches}
    return network, size | took


def strings(test: list[speech.Recording], count: int = 100) -> tuple[list[Any], list[list[int]]]:
    """String test words of one speaker together, 2 to 5 of them; the same strings for every network."""
    rng = np.random.default_rng(0)
    speakers = sorted({one.speaker for one in test})
    features, said = [], []
    for n in range(count):
        spoken = [one for one in test if one.speaker == speakers[n % len(speakers)]]
        samples, labels = speech.connect(rng, spoken, int(rng.integers(2, 6)))
        features.append(sound.log_mel(sound.with_quiet(samples)))
        said.append([1 + LABELS.index(label) for label in labels])
    return features, said


def ask(network: voice.Listener, test: list[speech.Recording], *, beam: int = 8) -> dict[str, Any]:
    """Ask single words, and strings of them."""
    chances = voice.log_chances(network, [sound.log_mel(sound.with_quiet(one.samples)) for one in test])
    right = [LABELS[voice.likeliest_word(log) - 1] == one.label for log, one in zip(chances, test, strict=True)]
    features, said = strings(test)
    chances = voice.log_chances(network, features)
    greedy = ctc.error_rate(said, [ctc.greedy(log) for log in chances])
    best = ctc.error_rate(said, [ctc.beam(log, beam)[0].labels for log in chances])
    words = {"words": round(sum(right) / len(right), 5), "asked": len(right)}
    return words | {"greedy": round(greedy, 4), "beam": round(best, 4), "labels": sum(map(len, said))}


def main() -> None:
    """Read the command line, run what is asked for, and write the rows."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("--only", nargs="*", help=f"choose, {', '.join(SHAPES)}, or without (default: all but choose)")
    parser.add_argument("--seeds", type=int, nargs="*", default=list(SEEDS))
    parser.add_argument("--batches", type=int, default=BATCHES, help=f"default {BATCHES}")
    parser.add_argument("--folder", type=Path, default=Path("runs/fsdd"), help="where runs are kept")
    parser.add_argument("--ship", action="store_true", help="write the model of one direction into the library")
    parser.add_argument("--sounds", action="store_true", help="write the built-in sounds of the demo, and end")
    parser.add_argument("--dry-run", action="store_true", help="do not write the result file")
    options = parser.parse_args()
    recordings, numbers = read(data.fetch(NAME))
    first = 10 if options.only == ["choose"] else 5
    train = [one for one, number in zip(recordings, numbers, strict=True) if number >= first]
    test = [one for one, number in zip(recordings, numbers, strict=True) if first - 5 <= number < first]
    speech.guard(train, test)
    if options.sounds:
        write_sounds(test)
        return
    heard = speech.hear(train)
    ways = [*SHAPES, "without"] if options.only is None else options.only
    for way in ways:
        speakers = sorted({one.speaker for one in train}) if way == "without" else [None]
        for seed in options.seeds if way != "without" else [0]:
            for speaker in speakers:
                row = measure(way, seed, speaker, train, test, heard, options)
                print(json.dumps(row), flush=True)
                if not options.dry_run and way != "choose":
                    write(row)


def measure(
    way: str, seed: int, speaker: str | None, train: Any, test: Any, heard: Any, options: Any
) -> dict[str, Any]:
    """Train and ask one network."""
    batches = LONGER.get(way, options.batches)
    if speaker is not None:
        asked = [one for one in [*train, *test] if one.speaker == speaker]
        heard = [one for one in heard if one.speaker != speaker]
        train, test = [one for one in train if one.speaker != speaker], asked
        speech.guard(train, test, speakers=True)
        way, batches = f"without {speaker}", min(SHORTER, batches)
    network, took = learn(way, seed, train, heard, options.folder, batches)
    row = {"way": way, "seed": seed, **ask(network, test), **took}
    if way == "one" and seed == SEEDS[0]:
        row["words, in bytes"], row["beam, in bytes"] = ship(network, row, test, options)
    return row


def ship(network: voice.Listener, row: dict[str, Any], test: Any, options: Any) -> tuple[float, float]:
    """Keep the network in bytes, ask it again, and write it into the library where that is wanted."""
    source = data.SOURCES[NAME]
    held_out = {"single words right": row["words"], "label error rate of strings": row["beam"]}
    card = {
        "kind": "voice",
        "labels": list(LABELS),
        "rate": sound.RATE,
        "data": NAME,
        "sha256": source.sha256,
        "licence": source.licence,
        "command": "python -m benchmarks.fsdd --only one --seeds 0 --ship",
        "split": "official: recordings 0 to 4 of each speaker and digit are the test, 5 to 49 were trained on",
        "held out": held_out,
        "cannot": "It knows ten English digits of six speakers; others are understood less well "
        "(see the rows without a speaker). Everything else that is said becomes digits, or nothing.",
    }
    path = models.save(options.folder / "voice.safetensors", network, card, as_bytes=True)
    again = ask(models.load(path).network, test)  # type: ignore[arg-type]
    held_out |= {"in bytes": {"single words right": again["words"], "label error rate of strings": again["beam"]}}
    if options.ship:
        models.save(models.FOLDER / "voice.safetensors", network, card, as_bytes=True)
    return again["words"], again["beam"]


SOUNDS = (("jackson", "three one four"), ("george", "two seven"), ("theo", "nine nine"))


def write_sounds(test: list[speech.Recording]) -> None:
    """Keep a few test recordings for those who have no microphone: 8 bits a sample, as loud as they can be."""
    from lstm_lib.widgets.say_a_digit import SOUNDS as FILE

    kept = []
    for speaker, said in SOUNDS:
        spoken = {one.label: one.samples for one in test if one.speaker == speaker and one.name.endswith("_3.wav")}
        joined = np.concatenate([part for word in said.split() for part in (spoken[word], np.zeros(800))])[:-800]
        numbers = np.round(120 * joined / np.abs(joined).max() + 128).astype(np.uint8)
        by = f"Recorded by {speaker}, free spoken digit dataset, CC BY-SA 4.0."
        text = base64.b64encode(numbers.tobytes()).decode()
        kept.append({"title": f"{speaker}: {said}", "said": said, "by": by, "samples": text})
    FILE.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


def write(row: dict[str, Any]) -> None:
    """Write a row beside those of other runs."""
    path = recorded.FOLDER / "fsdd.json"
    kept = recorded.rows("fsdd") if path.exists() else []
    others = [one for one in kept if (one["way"], one["seed"]) != (row["way"], row["seed"])]
    rows = sorted([*others, row], key=lambda row: (row["way"], row["seed"]))
    _record.write("fsdd", rows, seeds=SEEDS, packages=("numpy", "torch"))


if __name__ == "__main__":
    main()
