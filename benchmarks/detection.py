"""Train the network that finds text in scenes, with and without its recurrent row: ``python -m benchmarks.detection``.

Scenes are drawn from photographs, textures and fonts that come with scikit-learn and matplotlib, in three lots that
share nothing (``lstm_lib.applied.backgrounds``): one to train on; one on which thresholds are chosen, for each network
by itself; and one that is asked once, at the end. A row is one way to find lines on one look of scenes: precision,
recall and F at IoU 0.5.

Each run is resumable: called again, the script goes on where it stopped (``--folder``). ``--ship`` writes the model of
the first seed, weights in bytes, to where ``lstm_lib.use`` finds it. ``--read ocr_words``, afterwards, adds rows of
what chapter 14's reader makes of the lines that were found.
"""

import argparse
import itertools
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks import _clock, _record
from lstm_lib import recorded, training
from lstm_lib.applied import boxes, edges, models, ocr, reading
from lstm_lib.applied.backgrounds import LOTS, expect_apart
from lstm_lib.applied.detection import OBJECTIVE, Batch, Detector, batch
from lstm_lib.applied.scenes import LOOKS, MIXED, USUAL, Look, Scene, scene

SEEDS = (0, 1, 2)
SCENES, EPOCHS, B, RATE = 6000, 4, 16, 0.004
ASKED = 250  # scenes of each look
SIGNS = USUAL._replace(lines=2, words=(1, 1), letters=(3, 7), lower=True)  # one word each, as the reader has learned
UNREAD = ("cmss10", "cmtt10")  # fonts of the lot "test" new to the reader; it knows the roman of this family
NETWORKS = {"recurrent row": True, "two convolutions": False}


def draw(lot: str, look: Look, count: int, *, fonts: tuple[str, ...] | None = None) -> list[Scene]:
    """Draw scenes of a lot, with all of its fonts or some."""
    chosen = LOTS[lot] if fonts is None else LOTS[lot]._replace(fonts=fonts)
    start = [sorted(LOTS).index(lot), count]
    return [scene(np.random.default_rng([*start, n]), chosen, look) for n in range(count)]


def pool(count: int, folder: Path) -> Batch:
    """Return the scenes to train on, as one batch, from the folder if they are there."""
    path = folder / f"scenes{count}.npz"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        drawn = batch(draw("train", MIXED, count))
        beside = path.with_suffix(".part.npz")
        np.savez(beside, pictures=drawn.pictures.astype(np.float16), kinds=drawn.kinds, places=drawn.places)
        beside.replace(path)
    with np.load(path) as file:
        return Batch(*(file[name] for name in Batch._fields))


def train(seed: int, recurrent: bool, scenes: Batch, folder: Path, *, epochs: float) -> tuple[Detector, dict[str, int]]:
    """Train a network, from where it stopped; return it, and the time that it took in all."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Detector(recurrent=recurrent)
    count = len(scenes.pictures)
    batches = round(epochs * count / B)

    def sample(n: int) -> Batch:
        each = count // B
        which = np.random.default_rng([seed, n // each]).permutation(count)[n % each * B :][:B]
        pictures, kinds, places = (part[which] for part in scenes)
        return Batch(pictures.astype(np.float32), kinds, places)

    how: dict[str, Any] = {"lr": RATE, "schedule": "cosine", "warmup": min(50, batches // 4), "save_every": 200}
    settings = training.Settings(batches=batches, seed=seed, **how)
    where = folder / f"{'row' if recurrent else 'plain'}{seed}"
    about = {"scenes": count}
    options: dict[str, Any] = {"objective": OBJECTIVE, "device": "cpu", "progress": False, "about": about}
    with _clock.counted(where / "took.json") as took:
        training.fit(model, sample, settings, folder=where, **options)
    return model.eval(), took


def ask(find: Callable[[Scene], list[Any]], scenes: list[Scene]) -> boxes.Judged:
    """Judge a way to find boxes."""
    return boxes.judge([find(scene) for scene in scenes], [[line.box for line in scene.lines] for scene in scenes])


def best_how(answers: list[Any], scenes: list[Scene]) -> boxes.How:
    """Choose the thresholds with the best F."""
    truth = [[line.box for line in scene.lines] for scene in scenes]
    best = (-1.0, boxes.How())
    for sure in (0.3, 0.4, 0.5, 0.6):
        slices = [boxes.propose(answer, sure) for answer in answers]
        for mean, reach in itertools.product((0.5, 0.6, 0.7, 0.8), (1, 2, 4, 6)):
            how = boxes.How(sure, mean, reach)
            found = [[line.box for line in boxes.join(some, how)] for some in slices]
            best = max(best, (boxes.judge(found, truth).f, how))
    return best[1]


def found_in(answer: Any, how: boxes.How) -> list[Any]:
    """Return the boxes that come of a network's answers."""
    return [line.box for line in boxes.join(boxes.propose(answer, how.sure), how)]


def row(way: str, look: str, judged: boxes.Judged, **more: Any) -> dict[str, Any]:
    """Return a row of the result file."""
    shares = {name: round(getattr(judged, name), 4) for name in ("precision", "recall", "f")}
    return {"way": way, "look": look, **shares, **judged._asdict(), **more}


def rows_of(way: str, model: Detector, how: boxes.How, tests: dict[str, list[Scene]], **more: Any) -> Iterable[Any]:
    """Ask a network on every look."""
    for look, scenes in tests.items():
        answers = boxes.look(model, [scene.picture for scene in scenes])
        truth = [[line.box for line in scene.lines] for scene in scenes]
        judged = boxes.judge([found_in(answer, how) for answer in answers], truth)
        yield row(way, look, judged, **more, how=dict(how._asdict()))


def baseline(choose: list[Scene], tests: dict[str, list[Scene]]) -> list[dict[str, Any]]:
    """Find text where edges are dense."""
    hows = [edges.Edges(*some) for some in itertools.product((0.8, 1.0, 1.2, 1.5, 2.0), (3, 5, 7), (21, 31, 45))]
    how = max(hows, key=lambda how: ask(lambda scene: edges.find(scene.picture, how), choose).f)
    asked = {look: ask(lambda scene: edges.find(scene.picture, how), scenes) for look, scenes in tests.items()}
    return [row("dense edges", look, judged, how=dict(how._asdict())) for look, judged in asked.items()]


def in_bytes(model: Detector, folder: Path) -> Detector:
    """Return what is left of a network when its weights are kept in bytes."""
    kept = models.load(models.save(folder / "bytes.safetensors", model, {"kind": "detection"}, as_bytes=True)).network
    assert isinstance(kept, Detector)
    return kept


def read_row(way: str, find: Callable[[Scene], Sequence[Any]], reader: str, **more: Any) -> dict[str, Any]:
    """Let chapter 14's network read lines of scenes: a word counts if it was found and has no mistake."""
    network, scenes = models.load_as(ocr.Reader, reader, "reading")[0], draw("test", SIGNS, ASKED, fonts=UNREAD)
    words, right = sum(len(one.lines) for one in scenes), 0
    for one in scenes:
        lines = find(one)
        right += reading.words_right(lines, reading.read(network, one.picture, lines), one.lines)
    share = round(right / words, 4)
    return {"way": f"{way}, read", "look": "signs", "words": words, "right": right, "read": share, **more}


def read_found(options: argparse.Namespace, scenes: Batch) -> list[dict[str, Any]]:
    """Read what the networks of the record find, with the thresholds that were chosen for them."""
    rows = [read_row("true boxes", lambda one: one.lines, options.read)]
    for seed, (way, recurrent) in itertools.product(options.seeds, NETWORKS.items()):
        (recorded_row,) = recorded.rows("detection", way=way, seed=seed, look="usual")
        model, _ = train(seed, recurrent, scenes, options.folder, epochs=options.epochs)
        find = partial(found_by, model, boxes.How(**recorded_row["how"]))
        rows.append(read_row(way, find, options.read, seed=seed))
        print(rows[-1], flush=True)
    return rows


def found_by(model: Detector, how: boxes.How, one: Scene) -> list[boxes.Found]:
    """Return the lines that a network finds in a scene."""
    return boxes.detect(model, one.picture, how)


def card_of(rows: list[dict[str, Any]], how: boxes.How, scenes: int, epochs: float) -> dict[str, Any]:
    """Say what the shipped model is."""
    return {
        "kind": "detection",
        "how": how._asdict(),
        "data": f"{scenes} scenes of lstm_lib.applied.scenes, {epochs:g} times: photographs and fonts that come with "
        "scikit-learn and matplotlib, three textures",
        "licence": "photographs by danielbuechele and vultilion CC BY 2.0; fonts under the licences of DejaVu and STIX",
        "command": "python -m benchmarks.detection --ship",
        "split": "held out: dahlia and officer, bricks and weave, all of Computer Modern",
        "held out": {f"F at IoU 0.5, {row['look']}, {row['way']}": row["f"] for row in rows},
        "cannot": "It finds level or slightly tilted lines of Latin letters, 6 to 29 pixels high, in pictures of about "
        "96 by 192 pixels; steep or curved writing, other scripts and busy photographs it has not learned.",
    }


def find_all(options: argparse.Namespace, scenes: Batch) -> list[dict[str, Any]]:
    """Train the networks, choose their thresholds, and ask them."""
    choose = draw("choose", MIXED, ASKED)
    tests = {name: draw("test", look, ASKED) for name, look in LOOKS.items()}
    rows = baseline(choose, tests)
    print(*rows, sep="\n", flush=True)
    for seed, (way, recurrent) in itertools.product(options.seeds, NETWORKS.items()):
        model, took = train(seed, recurrent, scenes, options.folder, epochs=options.epochs)
        how = best_how(boxes.look(model, [scene.picture for scene in choose]), choose)
        size = {"parameters": sum(p.numel() for p in model.parameters()), "threads": torch.get_num_threads()}
        asked = list(rows_of(way, model, how, tests, seed=seed, **size, **took))
        if recurrent:
            kept = in_bytes(model, options.folder)
            asked += rows_of(f"{way}, weights in bytes", kept, how, tests, seed=seed)
            if options.ship and seed == options.seeds[0]:
                card = card_of(asked, how, options.scenes, options.epochs)
                models.save(models.FOLDER / "detection.safetensors", model, card, as_bytes=True)
        print(*asked, sep="\n", flush=True)
        rows += asked
    return rows


def main() -> None:
    """Read the command line, measure, and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="*", default=list(SEEDS))
    parser.add_argument("--epochs", type=float, default=EPOCHS, help=f"passes over the scenes (default {EPOCHS})")
    parser.add_argument("--scenes", type=int, default=SCENES, help=f"to train on (default {SCENES})")
    parser.add_argument("--folder", type=Path, default=Path("runs/detection"), help="where runs are kept")
    parser.add_argument("--ship", action="store_true", help="write the model of the first seed into the library")
    parser.add_argument("--read", metavar="MODEL", help="read what the recorded networks find, with such as ocr_words")
    parser.add_argument("--dry-run", action="store_true", help="do not write the result file")
    options = parser.parse_args()
    expect_apart(LOTS)
    scenes = pool(options.scenes, options.folder)
    rows = read_found(options, scenes) if options.read else find_all(options, scenes)
    if not options.dry_run:
        kept = [row for row in recorded.rows("detection") if ("read" in row) != bool(options.read)]
        packages = ("numpy", "torch", "pillow", "matplotlib", "scikit-learn", "scipy")
        both = [*kept, *rows] if options.read else [*rows, *kept]
        _record.write("detection", both, seeds=options.seeds, packages=packages)


if __name__ == "__main__":
    main()
