"""Scenes are functions of their random numbers, their truth lies around their ink, and no lot knows another."""

import shutil
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib import cbook

from lstm_lib.applied import backgrounds, scenes
from lstm_lib.applied.backgrounds import LOTS
from lstm_lib.applied.lettering import ink, perspective, set_words, sheet_of

TRAIN = LOTS["train"]


def draw(seed, lot="train", look=scenes.USUAL, **more):
    return scenes.scene(np.random.default_rng(seed), LOTS[lot], look, **more)


@pytest.mark.parametrize("look", scenes.LOOKS)
def test_the_same_numbers_draw_the_same_scene_and_others_another(look):
    one, same, other = (draw(seed, look=scenes.LOOKS[look]) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.picture, same.picture)
    assert [line.text for line in one.lines] == [line.text for line in same.lines]
    assert (one.picture != other.picture).mean() > 0.5


def test_letters_lie_inside_the_corners_that_are_told(monkeypatch):
    """On a background of one grey, without blur or noise, every pixel that differs is inside the box of a line."""
    monkeypatch.setattr(scenes, "background", lambda rng, lot, h, w: np.full((h, w), 0.5, np.float32))
    plain = scenes.USUAL._replace(clutter=0, blur=(0, 0))
    count = 0
    for seed in range(30):
        scene = draw(seed, look=plain)
        is_ink = np.abs(scene.picture.astype(float) - 127) > 50  # noise stays below
        outside = is_ink.copy()
        for line in scene.lines:
            left, top, right, bottom = line.box
            outside[int(top) : int(np.ceil(bottom)) + 1, int(left) : int(np.ceil(right)) + 1] = False
            inside = is_ink[int(top) : int(np.ceil(bottom)), int(left) : int(np.ceil(right))]
            count += inside.any()
            if inside.any():  # and the box is no larger than the ink needs, but for the bearing of a letter or two
                rows, columns = np.nonzero(inside)
                assert rows.max() - rows.min() >= 0.7 * (bottom - top) - 3
                assert columns.max() - columns.min() >= 0.8 * (right - left) - 6
        assert not outside.any()
    assert count > 20


def test_lines_do_not_touch_and_lie_in_the_picture():
    for seed in range(40):
        boxes = [line.box for line in draw(seed, look=scenes.MIXED).lines]
        for n, box in enumerate(boxes):
            assert (box[:2] >= 0).all()
            assert box[2] <= scenes.WIDTH
            assert box[3] <= scenes.HEIGHT
            assert all(scenes._apart(box, other) for other in boxes[:n])


def test_words_that_are_asked_for_are_written_in_any_size_of_scene():
    scene = draw(0, texts=["way out", "7"], height=120, width=320)
    assert scene.picture.shape == (120, 320)
    assert {line.text for line in scene.lines} == {"way out", "7"}


def test_the_perspective_takes_corners_to_the_corners_of_the_sheet():
    seen = np.array([[3, 5], [60, 9], [58, 31], [5, 24.0]])
    a, b, c, d, e, f, g, h = perspective(seen, sheet_of(40, 16))
    x, y = seen.T
    there = np.stack([a * x + b * y + c, d * x + e * y + f]) / (g * x + h * y + 1)
    np.testing.assert_allclose(there.T, sheet_of(40, 16), atol=1e-9)


def test_thin_strokes_have_less_ink():
    setting = set_words(["mill"], "DejaVuSans", 20, 0.3)
    assert np.asarray(ink(setting, thin=True)).sum() < 0.8 * np.asarray(ink(setting)).sum()


def test_a_post_stands_where_its_line_says(monkeypatch):
    """On a background of one grey, without letters, blur or noise to speak of, only posts differ."""
    monkeypatch.setattr(scenes, "background", lambda rng, lot, h, w: np.full((h, w), 0.5, np.float32))
    monkeypatch.setattr(scenes, "ink", lambda setting, thin: ink(setting, thin=thin).point(lambda value: 0))
    bare, seen = scenes.LOOKS["covered"]._replace(clutter=0, blur=(0, 0), lines=1), 0
    for seed in range(20):
        scene = draw(seed, look=bare)
        for line in scene.lines:
            away = np.abs(scene.picture.mean(axis=0) - 127)
            columns, (first, after) = np.flatnonzero(away > away.max() / 2), line.post
            if away.max() > 8:  # not a post of the ground's grey
                assert (columns[0], columns[-1] + 1) == (first, min(after, scenes.WIDTH))
                seen += 1
    assert seen > 8
    assert all(line.post is None for line in draw(1).lines)


def test_a_covered_line_differs_from_the_same_line_uncovered():
    covered, whole = (draw(5, look=scenes.USUAL._replace(covered=share)) for share in (1.0, 0.0))
    assert (covered.picture != whole.picture).any()


@pytest.mark.parametrize("name", ["clouds", "waves", "tiles", "stripes", "bricks", "weave"])
def test_a_texture_is_neither_flat_nor_out_of_range(name):
    grey = backgrounds.texture(np.random.default_rng(0), name, 48, 80)
    assert grey.shape == (48, 80)
    assert 0 <= grey.min() < 0.4 < 0.6 < grey.max() <= 1


def test_an_unknown_texture_is_refused_by_name():
    with pytest.raises(ValueError, match="got texture 'fur', expected clouds"):
        backgrounds.texture(np.random.default_rng(0), "fur", 4, 4)


# ---------------------------------------------------------------- leaks


def test_the_lots_of_the_course_share_nothing():
    backgrounds.expect_apart(LOTS)


LEAKS = {
    "a photograph": TRAIN._replace(photographs=("dahlia", "pagoda")),
    "a texture": LOTS["test"]._replace(textures=("waves",)),
    "a font": LOTS["test"]._replace(fonts=("STIXGeneral",)),
    "another style of a family": LOTS["test"]._replace(fonts=("DejaVuSerif-BoldItalic",)),
}


@pytest.mark.parametrize("leak", LEAKS)
def test_a_leak_is_caught(leak):
    with pytest.raises(ValueError, match="expected lots that share nothing"):
        backgrounds.expect_apart({"train": TRAIN, "test": LEAKS[leak]})


def test_a_style_that_was_not_trained_on_is_caught_where_a_sister_was():
    regular, bold = TRAIN._replace(fonts=("DejaVuSerif",)), LOTS["test"]._replace(fonts=("DejaVuSerif-Bold",))
    with pytest.raises(ValueError, match="got font DejaVuSerif-Bold in test, and font DejaVuSerif in train"):
        backgrounds.expect_apart({"train": regular, "test": bold})


def test_a_photograph_under_another_name_is_caught(monkeypatch):
    monkeypatch.setitem(backgrounds.PHOTOGRAPHS, "temple", backgrounds.PHOTOGRAPHS["pagoda"])
    leaking = LOTS["test"]._replace(photographs=("temple",))
    with pytest.raises(ValueError, match="got photograph temple in test, and photograph pagoda in train"):
        backgrounds.expect_apart({"train": TRAIN, "test": leaking})


def test_every_font_of_a_lot_draws_letters_and_digits():
    for lot in LOTS.values():
        for font in lot.fonts:
            pieces = [np.asarray(ink(set_words([letter], font, 20, 0.3))) for letter in "aZ7"]
            assert all(piece.max() > 128 for piece in pieces)
            assert pieces[0].shape != pieces[1].shape or (pieces[0] != pieces[1]).any()


# ---------------------------------------------------------------- an older matplotlib


def test_a_matplotlib_without_the_italics_draws_with_upright_letters(tmp_path, monkeypatch):
    fonts = tmp_path / "fonts" / "ttf"
    shutil.copytree(Path(matplotlib.get_data_path()) / "fonts" / "ttf", fonts)
    (fonts / "cmti10.ttf").unlink()
    backgrounds.font_file.cache_clear()
    monkeypatch.setattr(matplotlib, "get_data_path", lambda: str(tmp_path))
    try:
        assert backgrounds.font_file("cmti10") == fonts / "cmr10.ttf"
        assert backgrounds.font_file("cmtt10") == fonts / "cmtt10.ttf"
        assert backgrounds.font_file("no-such-font").name == "no-such-font.ttf"  # which whoever opens it says
        backgrounds.expect_apart(LOTS)
        assert all(draw(seed, "test").picture.shape == (96, 192) for seed in range(8))
    finally:
        backgrounds.font_file.cache_clear()


def test_samples_are_opened_by_us_because_not_every_matplotlib_opens_them_alike(monkeypatch):
    path_of = cbook.get_sample_data

    def get_sample_data(name, asfileobj=True):
        path = path_of(name, asfileobj=False)
        return Path(path).open("rb") if asfileobj else path

    monkeypatch.setattr(cbook, "get_sample_data", get_sample_data)
    backgrounds.photograph.cache_clear()
    sizes = {name: backgrounds.photograph(name).size for name in backgrounds.PHOTOGRAPHS}
    assert sizes["valley"] == (403, 344)
    assert sizes["head"] == (256, 256)
