"""Exercises of chapter 13, voice recognition: a step over all paths, an error rate, and a test that flatters."""

# mypy: disable-error-code="no-untyped-def"

from lstm_lib.exercises._exercise import Mistake
from lstm_lib.exercises._make import code, judgement, numeric
from lstm_lib.exercises._probes import Kind

CHANCE = Kind("", "", 0.05, 0.95)


def forward_step(before, label, after, p_blank, p_label):
    """Return the chances of the three states one frame later."""
    return (
        before * p_blank,
        (before + label) * p_label,
        (label + after) * p_blank,
    )


FORWARD_STEP = code(
    "forward-step",
    "Take all paths one frame further",
    chapter=13,
    statement=r"""
    One label is said, and three states are on the way: the blank before it, the label, the blank after it. `before`,
    `label` and `after` are the chances of all paths together that are in each of them now. The next frame says the
    blank with chance `p_blank` and the label with `p_label`. Write
    `forward_step(before, label, after, p_blank, p_label)`, which returns the three chances one frame later.
    """,
    lines=("before · p_blank", "(before + label) · p_label", "(label + after) · p_blank"),
    hints=(
        "For each state ask: from which states can a path come here in one step? It may also stay.",
        "Nobody comes into the blank before the label but who was there.",
        "The blank after the label is entered from the label: who jumped there from the first blank said nothing.",
    ),
    inputs={name: CHANCE for name in ("before", "label", "after", "p_blank", "p_label")},
    returns=("before", "label", "after"),
    solution=forward_step,
    right="add up the ways into a state, then multiply by what the frame says: that is the whole forward pass.",
    mistakes={
        "label-cannot-stay": Mistake(
            lambda before, label, after, p_blank, p_label: (
                before * p_blank,
                before * p_label,
                (label + after) * p_blank,
            ),
            2,
            "This looks like a label that lasts one frame only: a path may stay in it, and repeats are merged.",
        ),
        "nothing-comes-in": Mistake(
            lambda before, label, after, p_blank, p_label: (before * p_blank, label * p_label, after * p_blank),
            2,
            "This looks like three states that nothing enters: paths also go from the blank before to the label, and "
            "from the label to the blank after.",
        ),
        "label-skipped": Mistake(
            lambda before, label, after, p_blank, p_label: (
                before * p_blank,
                (before + label) * p_label,
                (before + label + after) * p_blank,
            ),
            3,
            "This lets paths jump from the first blank over the label: they would never have said it.",
        ),
        "after-cannot-stay": Mistake(
            lambda before, label, after, p_blank, p_label: (
                before * p_blank,
                (before + label) * p_label,
                label * p_blank,
            ),
            3,
            "This looks like a last blank of one frame only: the quiet after a word may last.",
        ),
        "said-again": Mistake(
            lambda before, label, after, p_blank, p_label: (
                before * p_blank,
                (before + label + after) * p_label,
                (label + after) * p_blank,
            ),
            2,
            "This lets the label begin again after the last blank: that would be said twice.",
        ),
        "best-path": Mistake(
            lambda before, label, after, p_blank, p_label: (
                before * p_blank,
                max(before, label) * p_label,
                max(label, after) * p_blank,
            ),
            2,
            "This looks like the best way in, not all of them: that gives the likeliest path, which aligns.",
        ),
        "frame-forgotten": Mistake(
            lambda before, label, after, p_blank, p_label: (before, before + label, label + after),
            1,
            "This adds the ways in, but leaves out what the frame says: multiply by its chances.",
        ),
        "chances-exchanged": Mistake(
            lambda before, label, after, p_blank, p_label: (
                before * p_label,
                (before + label) * p_blank,
                (label + after) * p_label,
            ),
            1,
            "This looks like the chances of blank and label exchanged.",
        ),
    },
)

STRING_ERRORS = numeric(
    "string-errors",
    "Count what was misheard",
    chapter=13,
    statement="""
    Ten strings of four digits each were said. In what was read, three digits are exchanged for others, two are missing,
    and one stands there that nobody said. All of these lie in one half of the strings. What is the label error rate?
    """,
    lines=("mistakes = exchanged + missing + too many", "rate = mistakes / labels that were said"),
    hints=(
        "Exchanged, missing and additional labels all count, one each.",
        "The rate is a share of the labels that were said, however many were read.",
    ),
    working="(3 + 2 + 1) / (10 * 4)",
    right="15 % of the labels, while half of the strings have a mistake: say which of the two you report.",
    mistakes={
        "strings": Mistake(5 / 10, 2, "This is the share of strings with a mistake."),
        "insertions-left-out": Mistake(5 / 40, 1, "This leaves out the digit that nobody said: it is a mistake too."),
        "deletions-left-out": Mistake(4 / 40, 1, "This leaves out the missing digits."),
        "exchanges-only": Mistake(3 / 40, 1, "This counts exchanged digits only."),
        "labels-read": Mistake(
            6 / 39, 2, "This divides by the 39 labels that were read; divide by those that were said."
        ),
        "share-right": Mistake(34 / 40, 2, "This is what is left, not the rate of errors."),
        "strings-below": Mistake(6 / 10, 2, "This divides by the number of strings; divide by the number of digits."),
    },
)

FLATTERED = judgement(
    "flattered-listener",
    "Find out who flatters the listener",
    chapter=13,
    statement="""
    A team records 40 people who say ten words each, thirty times. The recordings are shuffled, nine tenths are trained
    on, one tenth is the test: 99.5 % right. The product understands 82 % of what its customers say, into the same
    microphone, in as quiet a room. What is the likeliest cause?
    """,
    lines=("who speaks in the test?",),
    hints=(
        "Who is in the test, and who are the customers?",
        "Every speaker of the test has also said the same words in training, many times.",
    ),
    options={
        "speakers": "The speakers of the test were heard in training.",
        "scaling": "The features were scaled by the mean of all recordings, test included.",
        "few-epochs": "Training was stopped too early.",
        "causal": "The network cannot hear the future.",
    },
    solution="speakers",
    right="split by speaker where new speakers will come: hold out whole people, and report that figure.",
    mistakes={
        "scaling-blamed": Mistake(
            "scaling",
            1,
            "This is a leak, and should be mended; but forty means that hardly move cannot hide 17 points.",
        ),
        "training-blamed": Mistake(
            "few-epochs", 1, "This would show in the test too, which is said to be nearly without a mistake."
        ),
        "direction-blamed": Mistake(
            "causal", 1, "This would show in the test too: it is the same network in both places."
        ),
    },
)

EXERCISES = (FORWARD_STEP, STRING_ERRORS, FLATTERED)
