"""``python -m lstm_lib.train voice``: train a listener on a folder of wav files named LABEL_*.wav."""

import argparse
from pathlib import Path
from typing import Any

import torch

from lstm_lib import training
from lstm_lib.applied import ctc, sound, speech, voice

ABOUT = "learn words from wav files of --folder, named LABEL_*.wav; strings of them are understood too"


def add(this: argparse.ArgumentParser) -> None:
    """Add the options to a parser.

    Example:
        >>> parser = argparse.ArgumentParser()
        >>> add(parser)
        >>> parser.parse_args(["--folder", "words"]).batches
        2000
    """
    this.add_argument("--folder", required=True, help="wav files LABEL_*.wav, or LABEL_SPEAKER_*.wav; one word each")
    this.add_argument("--to", default="runs/voice", help="where checkpoints and the model go (default runs/voice)")
    this.add_argument("--hold-out", metavar="SPEAKER", help="hold out this speaker, instead of a fifth of each label")
    this.add_argument("--hidden", type=int, default=96, help="units of a layer (default 96)")
    this.add_argument("--layers", type=int, default=1, help="layers (default 1)")
    this.add_argument("--both-directions", action="store_true", help="hear the whole before judging")
    this.add_argument("--batches", type=int, default=2000, help="default 2000")
    this.add_argument("--batch-size", type=int, default=16, help="strings a batch (default 16)")
    this.add_argument("--lr", type=float, default=0.006, help="learning rate (default 0.006)")
    this.add_argument("--words", type=int, default=3, help="words of the longest string (default 3)")
    this.add_argument("--save-every", type=int, default=200, help="batches between checkpoints (default 200)")
    this.add_argument("--seed", type=int, default=0, help="default 0")
    this.add_argument("--no-progress", action="store_true", help="no bar")


def run(arguments: argparse.Namespace) -> None:
    """Split, train, ask what was held out, and write the model.

    Raises:
        ValueError: If a file or a number does not fit, or the folder of the run holds another one.
    """
    least = {"--batch-size": arguments.batch_size, "--words": arguments.words, "--layers": arguments.layers}
    for name, value in least.items():
        if value < 1:
            raise ValueError(f"got {name} {value}, expected at least 1")
    from lstm_lib.applied import models  # here, because the games do without safetensors

    train, held_out = parts(arguments)
    labels = sorted({one.label for one in train})
    if strange := sorted({one.label for one in held_out} - set(labels)):
        raise ValueError(f"got label {strange[0]!r} in what is held out only, expected it in training too")
    network = learn(arguments, train, labels)
    heard = voice.log_chances(network, [sound.log_mel(sound.with_quiet(one.samples)) for one in held_out])
    said = [[one.label] for one in held_out]
    read = [[labels[k - 1] for k in ctc.beam(chances)[0].labels] for chances in heard]
    words = [labels[voice.likeliest_word(chances) - 1] for chances in heard]
    right = sum(word == one.label for word, one in zip(words, held_out, strict=True)) / len(held_out)
    rate = ctc.error_rate(said, read)
    card = {
        "kind": "voice",
        "labels": labels,
        "rate": sound.RATE,
        "trained on": f"{len(train)} files of {Path(arguments.folder).name}",
        "held out": {"files": len(held_out), "speaker": arguments.hold_out, "words right": right, "error rate": rate},
    }
    path = models.save(Path(arguments.to) / models.TRAINED, network, card)
    print(f"of {len(held_out)} words held out, {right:.1%} right as single words; label error rate {rate:.1%}")
    print(f"let it listen: python -m lstm_lib.use transcribe --model {path} FILE.wav")


def parts(arguments: argparse.Namespace) -> tuple[list[speech.Recording], list[speech.Recording]]:
    """Read the folder, and split it before anything is measured."""
    recordings = speech.read_folder(arguments.folder)
    if arguments.hold_out is None:
        return speech.split(recordings)
    train = [one for one in recordings if one.speaker != arguments.hold_out]
    held_out = [one for one in recordings if one.speaker == arguments.hold_out]
    if not train or not held_out:
        known = ", ".join(sorted({one.speaker or "(none)" for one in recordings}))
        raise ValueError(f"got --hold-out {arguments.hold_out}, expected one of several speakers, here {known}")
    speech.guard(train, held_out, speakers=True)
    return train, held_out


def learn(arguments: argparse.Namespace, train: list[speech.Recording], labels: list[str]) -> voice.Listener:
    """Train a listener, from where it stopped."""
    batches = arguments.batches
    how: dict[str, Any] = {"lr": arguments.lr, "schedule": "cosine", "warmup": min(20, batches // 2), "clip": 5.0}
    how |= {"optimiser": "adamw", "weight_decay": 0.01, "save_every": arguments.save_every, "seed": arguments.seed}
    settings = training.Settings(batches=batches, **how)
    shape = {"num_layers": arguments.layers, "bidirectional": arguments.both_directions, "dropout": 0.2}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(arguments.seed)
        network = voice.Listener(sound.MELS, len(labels), arguments.hidden, **shape)
    scaling = speech.scaling_of(train)
    network.scale(scaling)
    words = [1, *range(1, arguments.words + 1)]
    drawn = {"words": words, "warmup": min(300, batches // 4), "seed": arguments.seed}
    sample = speech.Strings(speech.hear(train), labels, scaling, arguments.batch_size, **drawn)
    about = {"labels": " ".join(labels), "files": len(train), "hold_out": arguments.hold_out}
    about |= {"batch_size": arguments.batch_size, "words": arguments.words}
    options: dict[str, Any] = {"objective": voice.objective(network.stack), "device": "cpu", "about": about}
    training.fit(network, sample, settings, folder=arguments.to, progress=not arguments.no_progress, **options)
    return network
