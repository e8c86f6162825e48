"""Exercises of chapter 9, from NumPy to PyTorch: masks that spare the memory, two directions, padding, dropout."""

# mypy: disable-error-code="no-untyped-def"

from lstm_lib.exercises._exercise import Mistake
from lstm_lib.exercises._make import code, judgement, numeric
from lstm_lib.exercises._probes import CONTENT, GATE, STATE, Kind


def memory_with_dropout(c_prev, f, i, g, mask):
    """Return the new memory, the mask on what is learned alone."""
    learned = i * (mask * g)
    kept = f * c_prev
    return kept + learned


RECURRENT_DROPOUT = code(
    "memory-with-dropout",
    "Drop what is learned, not what is known",
    chapter=9,
    statement="""
    A colleague multiplies the whole memory by a dropout mask at every step, $c = m \\odot (f \\odot c_{prev} + i \\odot
    g)$, and wonders why nothing is remembered for longer than a few steps. Repair it as Semeniuta et al. did: the mask
    $m$ (zeros, and $1/(1-p)$ elsewhere) acts on the news $g$ (candidate, $N$) alone. Write
    `memory_with_dropout(c_prev, f, i, g, mask)`, which returns the new long-term memory $c$ (cell state).
    """,
    lines=("learned = i · (mask · g)", "kept = f · c_prev", "c = kept + learned"),
    hints=(
        "Three lines: what is learned, what is kept, and their sum. In which of them does the mask stand?",
        "What was known before must not depend on the mask.",
        "learned = i * (mask * g), kept = f * c_prev, and their sum",
    ),
    inputs={"c_prev": STATE, "f": GATE, "i": GATE, "g": CONTENT, "mask": Kind("", "BH", values=(0.0, 1.25, 2.0))},
    returns=("c",),
    solution=memory_with_dropout,
    right="a zero in the mask means that nothing is learned at this step, and what was known stays.",
    mistakes={
        "memory-dropped": Mistake(
            lambda c_prev, f, i, g, mask: mask * (f * c_prev + i * g),
            3,
            "This looks like the mask on the whole memory: one zero, and what the unit held is gone.",
        ),
        "kept-dropped": Mistake(
            lambda c_prev, f, i, g, mask: mask * (f * c_prev) + i * g,
            2,
            "This looks like the mask on what is kept; it belongs to what is learned.",
        ),
        "no-mask": Mistake(
            lambda c_prev, f, i, g, mask: f * c_prev + i * g, 1, "This looks like the sum without any mask."
        ),
        "mask-on-its-own": Mistake(
            lambda c_prev, f, i, g, mask: f * c_prev + i * g + mask,
            1,
            "This looks like the mask added; it multiplies.",
        ),
        "mask-for-gate": Mistake(
            lambda c_prev, f, i, g, mask: f * c_prev + mask * g,
            1,
            "This looks like the mask in the place of i; the gate still decides how much is learned.",
        ),
        "mask-turned": Mistake(
            lambda c_prev, f, i, g, mask: f * c_prev + i * ((1 - mask) * g),
            1,
            "This looks like 1 - mask; the mask holds the factors themselves, zeros where the news is dropped.",
        ),
        "mask-twice": Mistake(
            lambda c_prev, f, i, g, mask: f * c_prev + (mask * i) * (mask * g),
            1,
            "This looks like the mask on i and on g: where nothing is dropped it then counts twice.",
        ),
        "zoneout": Mistake(
            lambda c_prev, f, i, g, mask: mask * c_prev + (1 - mask) * (f * c_prev + i * g),
            3,
            "This looks like zoneout, which keeps the whole old memory for a step; here only the news is dropped.",
        ),
        "learned-only": Mistake(
            lambda c_prev, f, i, g, mask: i * (mask * g),
            3,
            "This looks like what is learned, without what is kept.",
        ),
        "gates-swapped": Mistake(
            lambda c_prev, f, i, g, mask: i * c_prev + f * (mask * g),
            2,
            "This looks like f and i swapped: f is for the old memory, i for the news.",
        ),
    },
)

STACK_PARAMETERS = numeric(
    "two-by-two-parameters",
    "Count two layers in both directions",
    chapter=9,
    statement="""
    How many parameters has `torch.nn.LSTM(input_size=10, hidden_size=16, num_layers=2, bidirectional=True)`? Each of
    the four single LSTMs in it has four gates with two biases each.
    """,
    lines=(
        "layer 1: 2 directions, 4 gates, 16 rows of 16 + 10 weights and 2 biases",
        "layer 2: 2 directions, 4 gates, 16 rows of 16 + 2 · 16 weights and 2 biases",
    ),
    hints=(
        "Count one single LSTM first, as in Chapter 7: 4 · (H · (H + D) + 2 · H).",
        "Layer 2 reads both outputs of layer 1, side by side: for it, D is 32.",
    ),
    working="2 * 4 * (16 * (16 + 10) + 2 * 16) + 2 * 4 * (16 * (16 + 2 * 16) + 2 * 16)",
    tolerance=0,
    right="3,584 in the first layer and 6,400 in the second, which reads twice as many numbers as one direction says.",
    mistakes={
        "one-direction": Mistake(
            4 * (16 * 26 + 32) + 4 * (16 * 32 + 32), 1, "This looks like two layers in one direction."
        ),
        "second-reads-one": Mistake(
            2 * 4 * (16 * 26 + 32) + 2 * 4 * (16 * 32 + 32),
            2,
            "This looks like a second layer that reads 16 numbers; it reads both directions of the first, 32.",
        ),
        "second-reads-x": Mistake(
            4 * 4 * (16 * 26 + 32), 2, "This looks like a second layer that reads x again; it reads the first layer."
        ),
        "second-one-way": Mistake(
            2 * 4 * (16 * 26 + 32) + 4 * (16 * 48 + 32),
            2,
            "This looks like a second layer in one direction; each layer runs in both.",
        ),
        "one-layer": Mistake(2 * 4 * (16 * 26 + 32), 2, "This looks like the first layer alone."),
        "one-bias": Mistake(
            2 * 4 * (16 * 26 + 16) + 2 * 4 * (16 * 48 + 16), 1, "This looks like one bias a gate; torch has two."
        ),
        "no-bias": Mistake(2 * 4 * 16 * 26 + 2 * 4 * 16 * 48, 1, "This looks like the weights without the biases."),
    },
)

PADDED_ACCURACY = numeric(
    "padded-accuracy",
    "See through a good report",
    chapter=9,
    statement="""
    A network tags every step of padded sequences, and the report says: accuracy 0.91. Then you look at the batch. Only
    40 % of its steps are real; the others are padding, whose target is class 0, and the network answers 0 at every one
    of them. How accurate is it on the real steps?
    """,
    lines=("reported = share of real steps · accuracy on them + share of padding · accuracy there",),
    hints=(
        "Take 100 steps. How many are padding, and how many of the 91 right answers do they give?",
        "31 right answers are left. Of how many real steps?",
    ),
    working="(0.91 - (1 - 0.4) * 1.0) / 0.4",
    right="60 of the 91 right answers come from padding, and 31 from 40 real steps.",
    mistakes={
        "believed": Mistake(0.91, 1, "This is the report. 60 of its 91 right answers in 100 are padding's."),
        "not-divided": Mistake(
            0.91 - 0.6, 1, "This is the share of all steps that are real and right; ask for the share of real steps."
        ),
        "divided-by-padding": Mistake(
            (0.91 - 0.6) / 0.6, 1, "This divides by the share of padding; the 31 right answers stand in 40 real steps."
        ),
        "shares-swapped": Mistake((0.91 - 0.4) / 0.6, 1, "This takes 40 % for the padding; 40 % are real."),
        "scaled": Mistake(
            0.91 * 0.4, 1, "This spreads the right answers evenly over all steps; on padding every answer is right."
        ),
        "half-way": Mistake(2 * 0.91 - 1, 1, "This takes padding and real steps to be equally many."),
    },
)

ONE_LONG_SEQUENCE = judgement(
    "one-long-sequence",
    "Find out why long company hurts",
    chapter=9,
    statement="""
    A classifier was trained on sequences of equal length, and is right 92 times in 100. In production, where sequences
    are padded, it is right 92 times in 100 when requests
    are served one at a time, and 60 times in 100 when 32 of them are served together, and worst when one of the 32 is
    very long. The short ones are the ones that go wrong. What is wrong?
    """,
    lines=("outputs, (h_n, c_n) = lstm(xs)", "answer = readout(outputs[-1])"),
    hints=(
        "What else changes for a short sequence when a long one stands beside it in the batch?",
        "For a sequence of 5 steps in a batch of 40 steps, which step is outputs[-1]?",
    ),
    options={
        "reads-padding": "It reads outputs[-1], which for short sequences is a step of padding.",
        "shares-state": "The sequences of a batch disturb each other's state.",
        "long-is-hard": "Long sequences are harder, and pull the average down.",
        "too-large-batch": "It was trained with a smaller batch, so it knows no batches of 32.",
        "dropout-on": "Dropout is still on.",
    },
    solution="reads-padding",
    right="the longer the longest, the more steps of padding the short ones run through before they are read.",
    mistakes={
        "batch-mixes": Mistake(
            "shares-state",
            1,
            "This takes the batch for a mixture: no equation of the cell reads another sequence's state.",
        ),
        "length-blamed": Mistake(
            "long-is-hard", 2, "This would hurt the long ones; here the short ones go wrong, and alone they are right."
        ),
        "batch-size-blamed": Mistake(
            "too-large-batch",
            1,
            "An LSTM treats every sequence by itself: no weight knows how many others there are.",
        ),
        "noise-blamed": Mistake("dropout-on", 2, "Dropout would hurt requests that are served one at a time as well."),
    },
)

SILENT_DROPOUT = judgement(
    "silent-dropout",
    "Find out why dropout does nothing",
    chapter=9,
    statement="""
    `torch.nn.LSTM(64, 128, dropout=0.5)`, in training mode, overfits, and with `dropout=0.0` the training curves are
    the same, number by number. What is the cause?
    """,
    lines=("x of layer k + 1 = dropout(h of layer k)",),
    hints=("Between what and what does this dropout act? How many of those places are there here?",),
    options={
        "one-layer": "It acts between layers, and there is one layer only.",
        "eval-mode": "The network is in eval mode while it is trained.",
        "scaled-away": "The survivors are scaled by 1 / (1 - p), which undoes it.",
        "gates-repair": "The gates learn to make up for it.",
        "too-weak": "0.5 is too little for 128 units.",
    },
    solution="one-layer",
    right="torch says so in a warning when the module is made; put dropout on the input or the output, or use a "
    "recurrent form.",
    mistakes={
        "mode-blamed": Mistake(
            "eval-mode",
            1,
            "It would look like this in eval mode too; but a network that is trained is in training mode unless "
            "somebody changed it, and here there is a cause in the first line.",
        ),
        "scale-blamed": Mistake(
            "scaled-away", 1, "Scaling keeps the mean; single numbers would still change from batch to batch."
        ),
        "learned-away": Mistake("gates-repair", 1, "Then the curves would be similar, not the same number by number."),
        "strength-blamed": Mistake("too-weak", 1, "Even weak noise changes numbers; here none has changed."),
    },
)

TOO_GOOD = judgement(
    "too-good-forecast",
    "Distrust a perfect forecast",
    chapter=9,
    statement="""
    A network predicts the next symbol at every step of a text with an accuracy of 1.00, on new texts too. When it is
    used to write, symbol by symbol, what comes out makes no sense. It is
    `torch.nn.LSTM(40, 256, bidirectional=True)` with a linear readout. What happened?
    """,
    lines=("output at step t = [h forward: x_1 … x_t; h backward: x_T … x_t]",),
    hints=("Which of the inputs does the second half of the output at step t depend on?",),
    options={
        "saw-the-answer": "The backward direction has read the next symbol before it answers.",
        "overfitted": "It overfits: it knows its texts by heart.",
        "too-greedy": "It is right, and writing goes wrong because the likeliest symbol is taken each time.",
        "needs-layers": "One layer predicts, and writing needs more.",
        "state-lost": "While it writes, the state is not handed on from symbol to symbol.",
    },
    solution="saw-the-answer",
    right="the next symbol is the last thing that the backward direction read; when writing, there is none yet.",
    mistakes={
        "memorised": Mistake("overfitted", 1, "Then it would fail on new texts, and there it is perfect as well."),
        "sampling-blamed": Mistake(
            "too-greedy",
            1,
            "A text that can be foretold with 1.00 leaves no choice: greedy or not would be the same. Ask why 1.00.",
        ),
        "depth-blamed": Mistake("needs-layers", 1, "No depth explains that a text is foretold without a single error."),
        "state-blamed": Mistake(
            "state-lost",
            1,
            "Worth a look, but it would not explain the perfect accuracy, which no text allows.",
        ),
    },
)

EXERCISES = (RECURRENT_DROPOUT, STACK_PARAMETERS, PADDED_ACCURACY, ONE_LONG_SEQUENCE, SILENT_DROPOUT, TOO_GOOD)
