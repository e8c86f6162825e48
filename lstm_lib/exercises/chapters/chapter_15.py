"""Exercises of chapter 15, scene text detection: how far two boxes agree, what F is, and a sign in two halves."""

# mypy: disable-error-code="no-untyped-def"

from lstm_lib.exercises._exercise import Mistake
from lstm_lib.exercises._make import code, judgement, numeric
from lstm_lib.exercises._probes import Kind

PLACE = Kind("", "", -1.5, 1.5)
HEIGHT = Kind("", "", 0.6, 2.4)


def height_overlap(centre, height, other_centre, other_height):
    """Return what two stretches share, divided by what they cover."""
    top = max(centre - height / 2, other_centre - other_height / 2)
    bottom = min(centre + height / 2, other_centre + other_height / 2)
    common = max(0.0, bottom - top)
    return common / (height + other_height - common)


def _overlap(divide, half=0.5, cut=True):
    def height_overlap(centre, height, other_centre, other_height):
        top = max(centre - height * half, other_centre - other_height * half)
        bottom = min(centre + height * half, other_centre + other_height * half)
        common = max(0.0, bottom - top) if cut else bottom - top
        return common / divide(height, other_height, common)

    return height_overlap


def _together(one, other, common):
    return one + other - common


def _turned_round(centre, height, other_centre, other_height):
    top = min(centre - height / 2, other_centre - other_height / 2)
    bottom = max(centre + height / 2, other_centre + other_height / 2)
    return (bottom - top) / (height + other_height - (bottom - top))


def _tops_at_centres(centre, height, other_centre, other_height):
    common = max(0.0, min(centre + height, other_centre + other_height) - max(centre, other_centre))
    return common / (height + other_height - common)


HEIGHT_OVERLAP = code(
    "height-overlap",
    "Say how well an anchor fits",
    chapter=15,
    statement="""
    An anchor and a slice of text stand in the same column. Each is given by its centre and its height. How well do they
    fit? Write `height_overlap(centre, height, other_centre, other_height)`: the length that both share, divided by the
    length that they cover together. It is 1 if they are the same, and 0 if they do not touch.
    """,
    lines=("common = lowest top to highest bottom", "share = common / (both heights - common)"),
    hints=(
        "The top of a stretch is centre - height / 2. What both share begins at the lower one of the two tops.",
        "If they do not touch, what you get for the common length is negative. It is 0 then.",
        "common = max(0.0, bottom - top), where top is the max of the two tops and bottom the min of the two bottoms",
    ),
    inputs={"centre": PLACE, "height": HEIGHT, "other_centre": PLACE, "other_height": HEIGHT},
    returns=("the share",),
    solution=height_overlap,
    also=(
        """
        def height_overlap(centre, height, other_centre, other_height):
            half, other_half = height / 2, other_height / 2
            top = max(centre - half, other_centre - other_half)
            bottom = min(centre + half, other_centre + other_half)
            common = max(0.0, bottom - top)
            return common / (2 * half + 2 * other_half - common)
        """,
    ),
    right="for boxes the same number is made of areas, and is called intersection over union, IoU.",
    mistakes={
        "counted-twice": Mistake(
            _overlap(lambda one, other, common: one + other),
            2,
            "This looks like both heights added up: what is common is in there twice, so two equal ones get 0.5.",
        ),
        "negative": Mistake(
            _overlap(_together, cut=False),
            1,
            "This looks right where they touch; where they do not, the common length is below 0. It ought to be 0.",
        ),
        "of-the-smaller": Mistake(
            _overlap(lambda one, other, common: min(one, other)),
            2,
            "This looks like a share of the smaller one: a small anchor inside a large slice would fit perfectly.",
        ),
        "of-the-larger": Mistake(
            _overlap(lambda one, other, common: max(one, other)),
            2,
            "This looks like a share of the larger one; together they cover more, unless one is in the other.",
        ),
        "of-the-first": Mistake(
            _overlap(lambda one, other, common: one), 2, "This looks like a share of the first one's height."
        ),
        "of-the-second": Mistake(
            _overlap(lambda one, other, common: other), 2, "This looks like a share of the second one's height."
        ),
        "whole-heights": Mistake(
            _overlap(_together, half=1.0), 1, "This looks like centre ± height: a stretch reaches half of it each way."
        ),
        "whole-heights-throughout": Mistake(
            _overlap(lambda one, other, common: 2 * one + 2 * other - common, half=1.0),
            1,
            "This looks like centre ± height, and heights twice as large in the sum: a stretch reaches half of its "
            "height each way.",
        ),
        "from-the-top": Mistake(
            _tops_at_centres, 1, "This looks as if the centres were the tops: a top is centre - height / 2."
        ),
        "turned-round": Mistake(
            _turned_round,
            1,
            "This looks like the highest top and the lowest bottom: that is what they cover, not share.",
        ),
        "not-divided": Mistake(
            _overlap(lambda one, other, common: 1.0),
            2,
            "This looks like the common length itself; divide it by what they cover together.",
        ),
    },
)

F_OF_COUNTS = numeric(
    "f-of-counts",
    "Put two shares into one number",
    chapter=15,
    statement="""
    In a heap of photographs there are 250 lines of text. A network draws 125 boxes, and 100 of them lie on a line of
    their own with an IoU of 0.5 or more. What is its F, the harmonic mean of precision and recall?
    """,
    lines=("precision = right / found, recall = right / there", "F = 2 · precision · recall / (precision + recall)"),
    hints=(
        "Precision asks how many of the boxes are right, recall how many of the lines are found.",
        "It is the same as 2 · right / (found + there).",
    ),
    working="2 * 100 / (125 + 250)",
    right="it lies nearer to the smaller of the two, 0.8 and 0.4: who misses most lines cannot make up for it.",
    mistakes={
        "precision": Mistake(100 / 125, 1, "This is the precision: it does not know how many lines were missed."),
        "recall": Mistake(100 / 250, 1, "This is the recall: it does not know how many boxes were wrong."),
        "plain-mean": Mistake(
            (100 / 125 + 100 / 250) / 2, 2, "This is the plain mean of both: it would forgive a recall near 0."
        ),
        "geometric-mean": Mistake((0.8 * 0.4) ** 0.5, 2, "This is the geometric mean, the root of the product."),
        "union": Mistake(
            100 / (125 + 250 - 100), 2, "This divides by boxes and lines together without counting pairs twice."
        ),
        "no-two": Mistake(
            100 / (125 + 250), 2, "This has lost the 2: if all boxes and lines were right it would be 0.5."
        ),
        "product": Mistake(0.8 * 0.4, 2, "This is precision times recall; divide by their mean."),
    },
)

SIGN_IN_HALVES = judgement(
    "sign-in-halves",
    "Find out why signs come in halves",
    chapter=15,
    statement="""
    A detector finds signs with a lamp post in front of them as one box each, the hidden letters included. Somebody
    makes it faster. Since then each of these signs comes as two boxes, left and right of the post, and signs with
    nothing in front are found as well as before. What was changed?
    """,
    lines=("what a cell can know: the pixels its convolutions see, and what the row tells it",),
    hints=(
        "The cells on the post see nothing but the post. From where do they know that there is text behind it?",
        "Anchors and thresholds are the same for a sign with a post and for one without.",
    ),
    options={
        "anchors": "There are fewer heights of anchors.",
        "row": "The LSTM along the row was replaced by a convolution that sees one cell to each side.",
        "threshold": "Boxes must be surer to be kept.",
        "columns": "The letters are read from right to left.",
    },
    solution="row",
    right="what lies left of the post comes to the cells on it along the row, and from the right likewise.",
    mistakes={
        "heights-blamed": Mistake(
            "anchors", 1, "This would hurt signs of some heights, with a post and without: the post changes no height."
        ),
        "threshold-blamed": Mistake(
            "threshold", 1, "This would cost unsure signs of all kinds; those with nothing in front are as before."
        ),
        "direction-blamed": Mistake(
            "columns", 1, "This changes nothing in where boxes are: the row is read in both directions anyway."
        ),
    },
)

EXERCISES = (HEIGHT_OVERLAP, F_OF_COUNTS, SIGN_IN_HALVES)
