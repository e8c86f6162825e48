"""Exercises of chapter 7, the full cell: one whole step, gate orders, parameters, broken gates, carried states."""

# mypy: disable-error-code="no-untyped-def"

from lstm_lib.exercises._exercise import Mistake
from lstm_lib.exercises._make import code, judgement, numeric
from lstm_lib.exercises._probes import FOUR_BIASES, FOUR_ROWS, JOINED, STATE
from lstm_lib.exercises._tools import dot, sigmoid, tanh


def lstm_step(z, c_prev, W, b):
    """Return (h, c) after one step; z is [h, x], joined.

    W and b hold the gates in the order i, f, g, o.
    """
    W_i, W_f, W_g, W_o = W
    b_i, b_f, b_g, b_o = b

    i = sigmoid(dot(W_i, z) + b_i)
    f = sigmoid(dot(W_f, z) + b_f)
    g = tanh(dot(W_g, z) + b_g)
    o = sigmoid(dot(W_o, z) + b_o)

    learned = i * g
    kept = f * c_prev
    c = kept + learned
    h = o * tanh(c)
    return h, c


def _wrong_step(order="ifgo", finish=None):
    """Return a step that reads the blocks in another order, or ends in another way."""

    def step(z, c_prev, W, b):
        a = {gate: dot(W_k, z) + b_k for gate, W_k, b_k in zip(order, W, b, strict=True)}
        i, f, g, o = sigmoid(a["i"]), sigmoid(a["f"]), tanh(a["g"]), sigmoid(a["o"])
        if finish is not None:
            return finish(i, f, g, o, c_prev)
        c = f * c_prev + i * g
        return o * tanh(c), c

    return step


def _one_bias(z, c_prev, W, b):
    return lstm_step(z, c_prev, W, [b[0]] * 4)


def _no_bias(z, c_prev, W, b):
    return lstm_step(z, c_prev, W, [0.0] * 4)


def _all_sigmoid(z, c_prev, W, b):
    i, f, g, o = (sigmoid(dot(W_k, z) + b_k) for W_k, b_k in zip(W, b, strict=True))
    c = f * c_prev + i * g
    return o * tanh(c), c


def _one_row(z, c_prev, W, b):
    return lstm_step(z[:1] if getattr(z, "ndim", 1) > 1 else z, c_prev, W, b)


LSTM_STEP = code(
    "lstm-step",
    "Take one step of the whole cell",
    chapter=7,
    statement="""
    All four gates read short-term memory and event, joined as $z = [h, x]$. `W` holds four tables of weights and `b`
    four biases, in the order $i, f, g, o$ (ignore factor or input gate; forget factor; $N$ or candidate; output
    gate). `c_prev` is the long-term memory (LTM, cell state). Write `lstm_step(z, c_prev, W, b)`, which returns the
    new short-term and long-term memory of the standard cell, `(h, c)`, in this order.
    """,
    lines=(
        "i = σ(W_i z + b_i)",
        "f = σ(W_f z + b_f)",
        "g = tanh(W_g z + b_g)",
        "o = σ(W_o z + b_o)",
        "c = f · c_prev + i · g",
        "h = o · tanh(c)",
        "W = (W_i, W_f, W_g, W_o), b = (b_i, b_f, b_g, b_o)",
    ),
    hints=(
        "First the four gates, one line each; then learn, forget, remember, use, one line each.",
        "W_i, W_f, W_g, W_o = W takes the four tables apart, and b comes apart in the same way.",
        "learned = i * g, kept = f * c_prev, c = kept + learned, h = o * tanh(c); return h, c",
    ),
    inputs={"z": JOINED, "c_prev": STATE, "W": FOUR_ROWS, "b": FOUR_BIASES},
    returns=("h", "c"),
    solution=lstm_step,
    right="this is the cell of torch.nn.LSTM, in the same gate order.",
    mistakes={
        "onnx-order": Mistake(
            _wrong_step("iofg"),
            7,
            "This looks like the gates taken in ONNX's order, i, o, f, g; here it is i, f, g, o.",
        ),
        "cs231n-order": Mistake(
            _wrong_step("ifog"),
            7,
            "This looks like the gates taken in CS231n's order, i, f, o, g; here it is i, f, g, o.",
        ),
        "tf1-order": Mistake(
            _wrong_step("igfo"),
            7,
            "This looks like the gates taken in the order of TensorFlow 1 and Haiku, i, g, f, o; here it is i, f, g, "
            "o.",
        ),
        "forget-first-order": Mistake(
            _wrong_step("figo"), 7, "This looks like the forget gate taken first, f, i, g, o; here it is i, f, g, o."
        ),
        "state-swapped": Mistake(
            lambda z, c_prev, W, b: lstm_step(z, c_prev, W, b)[::-1],
            6,
            "This looks like (c, h); both are right, and h comes first.",
        ),
        "old-memory-used": Mistake(
            _wrong_step(finish=lambda i, f, g, o, c_prev: (o * tanh(c_prev), f * c_prev + i * g)),
            6,
            "This looks like the use gate reading the old memory c_prev; the standard cell reads the new one, c.",
        ),
        "kept-memory-used": Mistake(
            _wrong_step(finish=lambda i, f, g, o, c_prev: (o * tanh(f * c_prev), f * c_prev + i * g)),
            6,
            "This looks like the use gate reading f · c_prev, as in the article's figure; the standard cell reads the "
            "new memory c.",
        ),
        "missing-tanh": Mistake(
            _wrong_step(finish=lambda i, f, g, o, c_prev: (o * (f * c_prev + i * g), f * c_prev + i * g)),
            6,
            "This looks like h = o · c, without the tanh around the memory.",
        ),
        "squashed-memory": Mistake(
            _wrong_step(finish=lambda i, f, g, o, c_prev: (o * tanh(f * c_prev + i * g), tanh(f * c_prev + i * g))),
            5,
            "This looks like tanh(c) stored as the memory; tanh acts on what is given out, and c stays as it is.",
        ),
        "sigmoid-for-tanh": Mistake(_all_sigmoid, 3, "This looks like σ for all four; the content g has a tanh."),
        "missing-bias": Mistake(_no_bias, 1, "This looks like all four sums without their bias."),
        "one-bias-for-all": Mistake(
            _one_bias, 7, "This looks like the first bias used for all four gates; each has its own."
        ),
        "zero-state-only": Mistake(
            _wrong_step(finish=lambda i, f, g, o, c_prev: (o * tanh(i * g), i * g)),
            5,
            "This looks like c = i · g, which is right from an empty memory only: f · c_prev is missing.",
        ),
        "nothing-forgotten": Mistake(
            _wrong_step(finish=lambda i, f, g, o, c_prev: (o * tanh(c_prev + i * g), c_prev + i * g)),
            5,
            "This looks like the cell of 1997, which has no forget factor f.",
        ),
        "forget-on-both": Mistake(
            _wrong_step(finish=lambda i, f, g, o, c_prev: (o * tanh(f * (c_prev + i * g)), f * (c_prev + i * g))),
            5,
            "This looks like f · (c_prev + i · g); f is the share of the old memory alone, and i · g is added whole.",
        ),
        "ignore-on-both": Mistake(
            _wrong_step(finish=lambda i, f, g, o, c_prev: (o * tanh(i * (f * c_prev + g)), i * (f * c_prev + g))),
            5,
            "This looks like i · (f · c_prev + g); i is the share of the new content alone, and f · c_prev is added "
            "whole.",
        ),
        "coupled": Mistake(
            _wrong_step(
                finish=lambda i, f, g, o, c_prev: (o * tanh(f * c_prev + (1 - f) * g), f * c_prev + (1 - f) * g)
            ),
            5,
            "This looks like f and 1 - f, a coupled cell; the standard one has an i of its own.",
        ),
        "gates-swapped": Mistake(
            _wrong_step(finish=lambda i, f, g, o, c_prev: (i * tanh(f * c_prev + o * g), f * c_prev + o * g)),
            6,
            "This looks like i and o swapped: i decides what comes in, o what is given out.",
        ),
        "memory-not-returned": Mistake(
            lambda z, c_prev, W, b: lstm_step(z, c_prev, W, b)[0],
            6,
            "This looks like h alone; the next step needs the long-term memory c as well.",
        ),
        "one-row-only": Mistake(
            _one_row,
            1,
            "Right for the first sequence of a batch, and its gates used for all others: each row of z has its own.",
        ),
    },
)


def to_onnx(blocks):
    """Return the four blocks in ONNX's order i, o, f, g.

    They are given in the order i, f, g, o.
    """
    i, f, g, o = blocks
    return [i, o, f, g]


def _picked(*order):
    return lambda blocks: [blocks[k] for k in order]



TO_ONNX = code(
    "gate-order",
    "Carry weights to another framework",
    chapter=7,
    statement="""
    PyTorch, Keras and this course stack the weights of the four gates in the order $i, f, g, o$ (input gate or ignore
    factor, forget, candidate or $N$, output); ONNX wants $i, o, f, g$ (and calls $g$ c). Write `to_onnx(blocks)`:
    `blocks` holds four tables of weights in the order $i, f, g, o$; return the list of the four in ONNX's order.
    """,
    lines=("(i, f, g, o) → (i, o, f, g)",),
    hints=(
        "Give the four blocks names first: i, f, g, o = blocks.",
        "Then return them as a list in the order that is asked for.",
        "return [i, …] with the three others in ONNX's order: o, f, g.",
    ),
    inputs={"blocks": FOUR_ROWS},
    returns=("the four blocks",),
    solution=to_onnx,
    right="taking the blocks apart by name leaves no index to get wrong.",
    mistakes={
        "other-direction": Mistake(
            _picked(0, 2, 3, 1), 1, "This looks like the way back, from ONNX's order to i, f, g, o."
        ),
        "unchanged": Mistake(_picked(0, 1, 2, 3), 1, "This looks like the order the blocks came in."),
        "cs231n-order": Mistake(_picked(0, 1, 3, 2), 1, "This looks like CS231n's order, i, f, o, g."),
        "tf1-order": Mistake(
            _picked(0, 2, 1, 3), 1, "This looks like the order of TensorFlow 1 and Haiku, i, g, f, o."
        ),
        "f-and-o-swapped": Mistake(
            _picked(0, 3, 2, 1),
            1,
            "This looks like f and o swapped, i, o, g, f.",
        ),
        "last-block-first": Mistake(
            _picked(3, 0, 1, 2), 1, "This looks like o moved to the first place, o, i, f, g; i stays first."
        ),
        "reversed": Mistake(_picked(3, 2, 1, 0), 1, "This looks like the blocks from last to first."),
    },
)

LSTM_PARAMETERS = numeric(
    "lstm-parameters",
    "Count the parameters of torch.nn.LSTM",
    chapter=7,
    statement="""
    How many parameters has `torch.nn.LSTM(input_size=10, hidden_size=16)`? It has the four gates of this chapter, and
    for historical reasons two biases for each gate, one beside the input weights and one beside the recurrent
    weights.
    """,
    lines=("each of 4 gates: W of H rows and H + D columns, and 2 biases of H numbers",),
    hints=(
        "How many weights has one row of one gate, and how many rows are there?",
        "4 · 16 rows of 26 weights. And the biases?",
    ),
    working="4 * (16 * (16 + 10) + 2 * 16)",
    tolerance=0,
    right="1,664 weights and 128 biases, half of which would do: the two biases add up.",
    mistakes={
        "one-bias": Mistake(
            4 * (16 * 26 + 16), 1, "This is the count with one bias for each gate, as in this course; torch has two."
        ),
        "no-bias": Mistake(4 * 16 * 26, 1, "This looks like the weights without the biases."),
        "one-gate": Mistake(16 * 26 + 32, 1, "This looks like one gate; there are four."),
        "three-gates": Mistake(
            3 * (16 * 26 + 32), 1, "This looks like three gates, as in a GRU; the candidate g has weights too."
        ),
        "input-only": Mistake(
            4 * (16 * 10 + 32), 1, "This looks like weights on the event only; each gate reads [h, x], 26 numbers."
        ),
        "input-weights": Mistake(
            4 * 16 * 10,
            1,
            "This looks like the weights on the event alone; each gate reads [h, x], 26 numbers, and has biases.",
        ),
        "state-weights": Mistake(
            4 * 16 * 16,
            1,
            "This looks like the weights on the state alone; each gate reads [h, x], 26 numbers, and has biases.",
        ),
        "state-only": Mistake(
            4 * (16 * 16 + 32), 1, "This looks like weights on the state only; each gate reads [h, x], 26 numbers."
        ),
        "rows-and-columns": Mistake(
            4 * (10 * 26 + 20), 1, "This looks like H and D swapped: there is a row for each of the 16 units."
        ),
    },
)

WHICH_GATE_BROKE = judgement(
    "which-gate-broke",
    "Tell from its errors which gate is broken",
    chapter=7,
    statement="""
    A trained LSTM answers questions in the stream of boxes. One of its gates is then held at 1. Most of its wrong
    answers now name the symbol that the asked box held before it was overwritten (a stale answer). Which gate was
    held?
    """,
    lines=("c = f · c_prev + i · g", "h = o · tanh(c)"),
    hints=(
        "What does an overwritten box need: something let in, something let go, or something held back?",
        "With i = 1, distractors come in. With o = 1, boxes that were not asked for are heard. What is left?",
    ),
    options={
        "the-forget-gate": "f, the forget gate (forget factor)",
        "the-input-gate": "i, the input gate (ignore factor)",
        "the-output-gate": "o, the output gate (V, the use factor)",
        "no-gate": "None: the sum has run full by itself.",
    },
    solution="the-forget-gate",
    right="with f = 1 the old symbol is never let go, and stays in the sum beside the new one.",
    mistakes={
        "input-for-forget": Mistake(
            "the-input-gate",
            1,
            "This takes what comes in for what should go: with i = 1 distractors intrude, and a stale symbol was let "
            "in rightly, long ago.",
        ),
        "output-for-forget": Mistake(
            "the-output-gate",
            2,
            "This takes what is said for what is kept: with o = 1 other boxes are heard as well, and the old symbol is "
            "still let go.",
        ),
        "sum-blamed": Mistake(
            "no-gate",
            1,
            "This blames the sum, which only adds: letting go is the work of a factor, and one of them is held.",
        ),
    },
)

SPLIT_STATE = judgement(
    "split-state",
    "Cut a sequence in two",
    chapter=7,
    statement="""
    You run an LSTM over the first half of a sequence and then, in a second call, over the second half. What has to be
    handed over, so that the result is the same as in one call?
    """,
    lines=("i, f, g, o read [h, x]", "c = f · c_prev + i · g"),
    hints=("Which numbers of step t - 1 stand on the right side of the equations of step t?",),
    options={
        "h-and-c": "The last h and the last c: short-term and long-term memory.",
        "only-h": "The last h (short-term memory, hidden state): it is the output.",
        "only-c": "The last c (long-term memory, cell state): it holds everything.",
        "all-outputs": "All outputs h of the first half.",
        "no-state": "Nothing: the weights have learned what is needed.",
    },
    solution="h-and-c",
    right="two memories, two numbers a unit: the gates read h, and the sum goes on from c.",
    mistakes={
        "output-for-state": Mistake(
            "only-h",
            2,
            "This takes the output for the whole state: h is what c let out, and the sum goes on from c itself.",
        ),
        "gates-read-h": Mistake(
            "only-c", 1, "This leaves out the short-term memory, which all four gates read at the next step."
        ),
        "history-for-state": Mistake(
            "all-outputs",
            2,
            "This hands over a history that no equation reads: each step needs the step before it only, and it needs c "
            "as well.",
        ),
        "weights-for-state": Mistake(
            "no-state",
            1,
            "This takes weights for memory: the weights are the same for every sequence, and what happened in this one "
            "is in h and c.",
        ),
    },
)

EXERCISES = (LSTM_STEP, TO_ONNX, LSTM_PARAMETERS, WHICH_GATE_BROKE, SPLIT_STATE)
