"""The script that trains what finds text: what it draws, what it chooses on, and what it keeps."""

import sys

import numpy as np
import torch

from benchmarks import _clock, detection
from lstm_lib.applied import boxes
from lstm_lib.applied.backgrounds import LOTS
from lstm_lib.applied.detection import Detector
from lstm_lib.applied.scenes import LOOKS, MIXED


def test_the_script_draws_as_many_scenes_as_the_chapter_says():
    assert (detection.SCENES, detection.ASKED, len(detection.SEEDS)) == (6000, 250, 3)
    assert set(LOOKS) == {"usual", "gaps", "covered", "thin", "long"}
    assert [(line.font in LOTS["test"].fonts) for s in detection.draw("test", MIXED, 5) for line in s.lines].count(
        0
    ) == 0


def test_thresholds_are_chosen_on_the_lot_for_choosing_only(monkeypatch, tmp_path):
    lot_of, chosen_on, written = {}, [], []
    real = detection.draw

    def draw(lot, look, count, **more):
        scenes = real(lot, look, 2, **more)
        lot_of.update({id(scene): (lot, scene) for scene in scenes})
        return scenes

    def best_how(answers, scenes):
        chosen_on.extend(lot_of[id(scene)][0] for scene in scenes)
        return boxes.How()

    def baseline(choose, tests):
        chosen_on.extend(lot_of[id(scene)][0] for scene in choose)
        return []

    def train(seed, recurrent, scenes, folder, *, epochs):
        torch.manual_seed(seed)
        return Detector(recurrent=recurrent), {"seconds": 1, "processor_seconds": 1}

    for name, made in {"draw": draw, "best_how": best_how, "baseline": baseline, "train": train}.items():
        monkeypatch.setattr(detection, name, made)
    monkeypatch.setattr(detection, "pool", lambda count, folder: None)
    monkeypatch.setattr(detection._record, "write", lambda name, rows, **more: written.append((name, rows)))
    monkeypatch.setattr(detection.recorded, "rows", lambda name: [{"way": "true boxes, read", "read": 0.5}])
    monkeypatch.setattr(sys, "argv", ["detection", "--seeds", "0", "--folder", str(tmp_path)])
    detection.main()
    assert set(chosen_on) == {"choose"}
    ((name, rows),) = written
    assert name == "detection"
    assert rows.pop() == {"way": "true boxes, read", "read": 0.5}  # what was measured by the other command stays
    assert {row["look"] for row in rows} == set(LOOKS)
    assert {row["way"] for row in rows} == {*detection.NETWORKS, "recurrent row, weights in bytes"}


def test_scenes_are_kept_and_come_back_as_they_were(tmp_path):
    first = detection.pool(3, tmp_path)
    again = detection.pool(3, tmp_path)
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, other)
    assert [path.name for path in tmp_path.iterdir()] == ["scenes3.npz"]


def test_the_time_of_a_run_that_was_stopped_is_counted(tmp_path):
    assert _clock.add_up(tmp_path / "took.json", {"seconds": 10.4}) == {"seconds": 10}
    assert _clock.add_up(tmp_path / "took.json", {"seconds": 10.4}) == {"seconds": 21}


def test_the_best_threshold_is_found():
    scenes = detection.draw("choose", LOOKS["usual"], 6)
    made = [detection.batch([scene]) for scene in scenes]
    answers = []
    for one in made:  # sure of what is text, and at 0.45 of the rest
        score = np.where(one.kinds[0] == 1, 3.0, -0.2)
        answers.append(np.concatenate([score[..., None], one.places[0]], axis=-1))
    how = detection.best_how(answers, scenes)
    assert how.sure >= 0.5 or how.line >= 0.6
