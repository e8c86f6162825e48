"""Exercises of chapter 14, reading lines: ink from brightness, room for a label, and a reader that loses letters."""

# mypy: disable-error-code="no-untyped-def"

from lstm_lib.exercises._exercise import Mistake
from lstm_lib.exercises._make import code, judgement, numeric
from lstm_lib.exercises._probes import LIST, Kind

GROUND = Kind("", "", 2.1, 3.0)  # lighter than every pixel of the list


def to_ink(pixels, ground):
    """Return how much ink each pixel has: 0 for ground, 1 for darkest.

    pixels and ground are brightnesses.
    """
    darkest = min(pixels)
    return [(ground - pixel) / (ground - darkest) for pixel in pixels]


def _ink(above, below):
    def to_ink(pixels, ground):
        darkest, lightest = min(pixels), max(pixels)
        return [above(p, ground, darkest, lightest) / below(ground, darkest, lightest) for p in pixels]

    return to_ink


def _depth(ground, darkest, lightest):
    return ground - darkest


INK_FROM_BRIGHTNESS = code(
    "ink-from-brightness",
    "Let pale and strong pictures look alike",
    chapter=14,
    statement="""
    A scanned line is dark on a light ground. `pixels` holds the brightness of some pixels, `ground` that of the paper,
    which is lighter than each of them. A reader wants **ink**: 0 where a pixel is as light as the ground, 1 where it is
    the darkest of these pixels, and in proportion between them. Write `to_ink(pixels, ground)`, which returns the list.
    """,
    lines=("depth = ground - darkest pixel", "ink = (ground - pixel) / depth"),
    hints=(
        "How far is a pixel from the ground? That is its ink, up to a factor.",
        "The factor makes the darkest pixel 1: divide by how far that one is from the ground.",
        "darkest = min(pixels)",
    ),
    inputs={"pixels": LIST, "ground": GROUND},
    returns=("the ink",),
    solution=to_ink,
    right="twice the light, or half the contrast, and the reader is given the same numbers.",
    mistakes={
        "not-divided": Mistake(
            _ink(lambda p, g, d, b: g - p, lambda g, d, b: 1.0),
            2,
            "This looks like the distance from the ground alone: a pale line would still look pale to the reader.",
        ),
        "turned-round": Mistake(
            _ink(lambda p, g, d, b: p - d, _depth),
            2,
            "This looks like light on dark: 0 for the darkest pixel, and 1 for the ground.",
        ),
        "brightness": Mistake(
            _ink(lambda p, g, d, b: p, lambda g, d, b: g),
            2,
            "This looks like brightness as a share of the ground's: 1 for the ground, where there is no ink.",
        ),
        "sign": Mistake(
            _ink(lambda p, g, d, b: p - g, _depth), 2, "This looks like a wrong sign: ink comes out negative."
        ),
        "divided-by-ground": Mistake(
            _ink(lambda p, g, d, b: g - p, lambda g, d, b: g),
            1,
            "This looks like a division by the ground: the darkest pixel is 1 then only if its brightness is 0.",
        ),
        "divided-by-darkest": Mistake(
            _ink(lambda p, g, d, b: g - p, lambda g, d, b: d),
            1,
            "This looks like a division by the darkest pixel instead of its distance from the ground.",
        ),
        "from-the-lightest": Mistake(
            _ink(lambda p, g, d, b: b - p, lambda g, d, b: b - d or 1.0),
            1,
            "This looks like the lightest of the pixels taken for the ground: it may have ink of its own.",
        ),
        "lightest-for-darkest": Mistake(
            _ink(lambda p, g, d, b: g - p, lambda g, d, b: g - b),
            1,
            "This looks like a division by the distance of the lightest pixel: ink would exceed 1.",
        ),
        "squared": Mistake(
            _ink(lambda p, g, d, b: (g - p) ** 2, lambda g, d, b: (g - d) ** 2),
            2,
            "This looks like squares: half way between ground and darkest there would be a quarter of the ink.",
        ),
        "share-of-all": Mistake(
            lambda pixels, ground: [(ground - p) / sum(ground - q for q in pixels) for p in pixels],
            2,
            "This looks like shares that add up to 1: each pixel would be the paler the more pixels there are.",
        ),
    },
)

ROOM_FOR_A_LABEL = numeric(
    "room-for-a-label",
    "Find the narrowest picture that can be read",
    chapter=14,
    statement="""
    The convolutions of a reader keep one column for every 4 pixel columns of a line, rounded up. CTC merges equal
    neighbours and then drops blanks. How many pixel columns must a picture have at least, so that it can be read as
    `balloon`?
    """,
    lines=("columns = characters + blanks between equal neighbours", "pixels = 4 · (columns - 1) + 1"),
    hints=(
        "How many columns does the shortest path have that reads balloon? Merge `b a l l o o n` and see.",
        "l, blank, l, o, blank, o. And the last column of all needs only one pixel, because of the rounding up.",
    ),
    working="4 * (len('balloon') + 2 - 1) + 1",
    tolerance=0,
    right="9 columns, and 32 pixels give only 8. A label that needs more columns than there are has chance 0.",
    mistakes={
        "no-blanks": Mistake(4 * (7 - 1) + 1, 1, "This leaves out the blanks: `b a l l o o n` merges to balon."),
        "columns-only": Mistake(9, 2, "This is the number of columns; each of them stands for 4 pixels."),
        "not-rounded-up": Mistake(
            4 * 9, 2, "This gives the last column all 4 pixels; rounded up, one is enough for it."
        ),
        "last-column-forgotten": Mistake(
            4 * (9 - 1), 2, "This leaves out the last column; rounded up, one pixel is enough for it, not none."
        ),
        "letters-only": Mistake(7, 1, "This counts the letters; blanks come in between, and a column has 4 pixels."),
        "no-blanks-nor-last-column": Mistake(
            4 * (7 - 1), 1, "This leaves out the blanks, and the one pixel that the last column needs."
        ),
        "blank-everywhere": Mistake(
            4 * (7 + 6 - 1) + 1, 1, "This puts a blank between all neighbours; unequal ones need none."
        ),
        "blanks-around": Mistake(
            4 * (7 + 8 - 1) + 1, 1, "This puts blanks before, between and after; they may be there, but need not."
        ),
        "one-blank": Mistake(4 * (7 + 1 - 1) + 1, 1, "This has one blank; there are two pairs of equal neighbours."),
        "no-blanks-nor-rounding": Mistake(4 * 7, 1, "This leaves out the blanks, and gives each letter all 4 pixels."),
    },
)

LOST_IN_A_BATCH = judgement(
    "lost-in-a-batch",
    "Find out why a reader loses letters in a batch",
    chapter=14,
    statement="""
    Asked one picture at a time, a reader with both directions reads well. Asked the same pictures in batches, padded
    with empty columns to the widest, it reads the widest picture of each batch as before, and makes mistakes in the
    narrower ones, most of them near the end of a line. What is the likeliest cause?
    """,
    lines=("the direction from the end must begin at each line's own end",),
    hints=(
        "The widest picture has no padding. So what does padding change for the others?",
        "Which direction reads the padding first, and what does it bring along from there?",
    ),
    options={
        "over-fitted": "It has learned the training pictures by heart.",
        "padding-read": "The lengths are not handed over: the direction from the end begins in the padding.",
        "too-small": "Its LSTM has too few units.",
        "batch-order": "The answers of a batch come back in another order.",
    },
    solution="padding-read",
    right="its memory is full of padding when it comes to the last letters. Pack, or begin at the line's own end.",
    mistakes={
        "learning-blamed": Mistake(
            "over-fitted", 1, "This blames training, but the same pictures are read well one at a time."
        ),
        "size-blamed": Mistake("too-small", 1, "This would show in pictures one at a time as well."),
        "order-blamed": Mistake(
            "batch-order", 1, "This would give whole lines that belong to another picture, the widest not spared."
        ),
    },
)

EXERCISES = (INK_FROM_BRIGHTNESS, ROOM_FOR_A_LABEL, LOST_IN_A_BATCH)
