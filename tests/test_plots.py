"""The figures: what is drawn is what was handed over."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgba
from matplotlib.patches import Polygon

from lstm_lib import film, notation, plots, tasks


def test_curves_carry_the_colour_of_their_symbol_and_their_name_at_the_end():
    ax = plots.lines([0, 1], {"forget": [1, 0.5], "other": [0, 0.5]}, colours={"forget": "f"}, x="step t", y="f")
    assert ax.lines[0].get_color() == notation.FAMILIES["forget"].hue
    assert [text.get_text() for text in ax.texts] == ["forget", "other"]
    heights = [text.xy[1] for text in ax.texts]
    assert heights[1] > heights[0]  # both end at 0.5; the second name is pushed up
    plt.close(ax.figure)


@pytest.mark.parametrize(
    ("low", "high", "named"),
    [(30, 600, ["50", "100", "200", "500"]), (120, 480, ["200"]), (0.5, 2e4, ["1", "10", "100", "1000", "10000"])],
)
def test_a_logarithmic_axis_has_more_than_one_number_where_it_reaches_far_enough(low, high, named):
    ax = plots.lines([0, 1], {"": [low, high]}, x="step t", y="µs", ylim=(low, high), log=True)
    ax.figure.canvas.draw()
    axis = ax.yaxis
    labels = axis.get_majorticklabels() + axis.get_minorticklabels()
    ticks = list(axis.get_majorticklocs()) + list(axis.get_minorticklocs())
    told = [(y, label.get_text()) for y, label in zip(ticks, labels, strict=True) if low <= y <= high]
    assert [text for _, text in sorted(told) if text] == named
    plt.close(ax.figure)


def test_the_picture_of_the_stream_shows_every_write_question_and_passing_symbol():
    batch = tasks.recall_stream(np.random.default_rng(4), 3, 24, boxes=2)
    ax = plots.stream(batch, sequence=1, boxes=2)
    shown = sorted(text.get_text() for text in ax.texts)
    xs, expected = batch.xs[:, 1], []
    for t in range(24):
        letter = "abcd"[xs[t, :4].argmax()]
        if xs[t, 6:].any():
            expected.append("ABCD"[batch.targets[t, 1]] + "?")
        else:
            expected.append(letter.upper() if xs[t, 4:6].any() else letter)
    assert shown == sorted(expected)
    plt.close(ax.figure)


def test_a_map_of_the_inside_stands_below_the_symbols_that_it_answers_to():
    batch = tasks.recall_stream(np.random.default_rng(4), 3, 24, boxes=2)
    values = np.arange(20 * 5).reshape(20, 5) / 10
    ax = plots.inside(batch, values, boxes=2, sequence=1, bar="memory c", kind="memory", limit=10)
    np.testing.assert_array_equal(ax.images[0].get_array(), values.T)
    assert ax.images[0].get_clim() == (-10, 10)
    strip, expected = ax.figure.axes[0], []
    for t, x in enumerate(batch.xs[:20, 1]):
        letter = "abcd"[x[:4].argmax()]
        answer = "ABCD"[batch.targets[t, 1]]
        expected.append(answer if x[6:].any() else letter.upper() if x[4:6].any() else letter)
    assert [text.get_text() for text in strip.texts] == expected
    assert [text.get_position()[0] for text in strip.texts] == list(range(20))
    filled = [patch.get_x() + 0.42 for patch in strip.patches if patch.get_facecolor()[3]]
    np.testing.assert_allclose(filled, np.flatnonzero(batch.xs[:20, 1, 4:6].any(axis=1)))
    assert strip.get_xlim() == ax.get_xlim()
    plt.close(ax.figure)
    with pytest.raises(ValueError, match="got values of 25 steps, expected at most the 24 of the batch"):
        plots.inside(batch, np.zeros((25, 5)), boxes=2, bar="f")


def test_the_names_of_curves_stand_outside_and_the_level_on_a_ground_of_its_own():
    ax = plots.lines(range(5), {"h": np.ones(5)}, x="step t", y="h", level=("chance", 0.25))
    assert ax.get_xlim()[1] - 4 < 0.1  # the line across ends where the names begin
    level, name = ax.texts
    assert level.get_text() == "chance"
    assert level.get_bbox_patch().get_facecolor()[:3] == (1, 1, 1)
    assert name.get_text() == "h"
    plt.close(ax.figure)


def test_a_plot_refuses_arrays_of_another_form():
    with pytest.raises(ValueError, match=r"got RNN of shape \(3,\), expected \(S, K\) with K = 3"):
        plots.runs([0, 1, 2], {"RNN": np.zeros(3)}, x="delay", y="accuracy")
    with pytest.raises(ValueError, match="got kind 'state', expected one of gate, memory, gradient"):
        plots.heat(np.eye(2), x="step t", y="unit", bar="h", kind="state")
    with pytest.raises(ValueError, match=r"got shares of shape \(2, 3\), expected \(2, 2\) for 2 delays and 2 starts"):
        plots.success_map(np.zeros((2, 3)), delays=[1, 2], forget_biases=[0, 1])


def test_steps_and_units_are_counted_in_whole_numbers():
    for ax in (
        plots.lines(range(8), {"h": np.linspace(0, 1, 8)}, x="step t", y="h"),
        plots.heat(np.eye(8), x="step t", y="unit", bar="f"),
    ):
        ax.figure.canvas.draw()
        for tick in (*ax.get_xticks(), *(ax.get_yticks() if ax.get_ylabel() == "unit" else [])):
            assert tick == round(tick)
        plt.close(ax.figure)


def test_the_success_map_names_its_cells_and_its_starts():
    shares = np.array([[1, 2 / 3], [1 / 3, 0]])
    ax = plots.success_map(shares, delays=[10, 100], starts=["b_f 1", "chrono"])
    assert [text.get_text() for text in ax.texts] == ["100%", "67%", "33%", "0%"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["$b_f$ 1", "chrono"]
    np.testing.assert_array_equal(ax.images[0].get_array(), shares)
    plt.close(ax.figure)


@pytest.mark.parametrize("share", [0.5, 0.01])
def test_on_the_lines_of_the_success_map_that_share_is_left(share):
    delays, biases = [10, 20, 50, 200], [0.0, 1.0, 3.0, 6.0]
    ax = plots.success_map(np.zeros((4, 4)), delays=delays, forget_biases=biases, left=[share])
    places, rows = ax.lines[-1].get_data()
    k = np.exp(np.interp(rows, range(4), np.log(delays)))
    f = 1 / (1 + np.exp(-np.interp(places, range(4), biases)))
    assert len(k) > 20
    np.testing.assert_allclose(f**k, share, rtol=1e-6)
    plt.close(ax.figure)


def test_boxes_lie_on_the_picture_that_they_were_found_in():
    square = np.array([[1, 1], [5, 1], [5, 3], [1, 3.0]])
    axes = plots.pictures([np.eye(8)] * 3, found=[[], [square, square + 1], []], truth=[[square], [], []])
    assert [len(ax.lines) for ax in axes] == [1, 2, 0]
    np.testing.assert_array_equal(axes[1].lines[1].get_xydata()[:4], square + 1)
    assert axes[0].lines[0].get_linestyle() != axes[1].lines[0].get_linestyle()
    with pytest.raises(ValueError, match="got 2 names for 3 pictures, expected one for each"):
        plots.pictures([np.eye(8)] * 3, names=["a", "b"])
    plt.close("all")


def test_an_evening_shows_each_face_in_the_colours_of_its_films_and_what_is_believed():
    batch = film.stream(np.random.default_rng(3), 2, 30)
    known = film.belief(batch.xs)
    given = {"beliefs": {"known": known}, "shares": {"kept": known[..., 0]}, "colours": {"kept": "f"}}
    story, belief, shares = plots.film(batch, sequence=1, frames=25, **given)
    hues = {to_rgba(tone.hue): name for name, tone in notation.FILMS.items()}
    shown = {}  # at each frame: the row of the tile and the films whose colours it has
    for tile in story.patches:
        (left, top), (right, bottom) = tile.get_path().vertices.min(0), tile.get_path().vertices.max(0)
        if isinstance(tile, Polygon) and left > -1:
            row, names = shown.setdefault(round((left + right) / 2), (round((top + bottom) / 2), set()))
            names.add(hues.get(tile.get_facecolor(), "scenery"))
    for t, who in enumerate(film.frame_parts(batch.xs[:25, 1]).faces.argmax(axis=1)):
        cast = {name for name, chance in zip(film.FILMS, film.CASTS[:, who], strict=True) if chance}
        assert shown[t] == (who, {"scenery"} if film.FACES[who] in ("waiter", "driver") else cast)
    heights = np.array([[bar.get_height() for bar in bars] for bars in belief.containers])
    np.testing.assert_allclose(heights, known[:25, 1].T)
    assert shares.lines[0].get_color() == notation.FAMILIES["forget"].hue
    assert [text.get_text() for text in shares.texts] == ["kept"]
    with pytest.raises(ValueError, match=r"got known of shape \(29, 2, 3\), expected \(30, 2\) first"):
        plots.film(batch, beliefs={"known": known[1:]}, shares={})
    plt.close("all")
