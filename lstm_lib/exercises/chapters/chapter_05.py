"""Exercises of chapter 5, the forget gate: what of the old memory may go, and how long the rest lasts."""

# mypy: disable-error-code="no-untyped-def"

import math

from lstm_lib.exercises._exercise import Mistake
from lstm_lib.exercises._make import code, judgement, numeric
from lstm_lib.exercises._probes import BIAS, JOINED, ROWS, STATE
from lstm_lib.exercises._tools import dot, sigmoid, tanh


def forget_gate(z, c_prev, W_f, b_f):
    """Return what is kept of the old long-term memory c_prev.

    z is [h, x], joined.
    """
    f = sigmoid(dot(W_f, z) + b_f)
    return f * c_prev


def _state_in(z, c_prev):
    return z[0] if isinstance(z, list) else z[..., : c_prev.shape[-1]]


def _softmax(a):
    if isinstance(a, float):
        return 1.0
    e = math.e ** (a - a.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)



FORGET_GATE = code(
    "forget-gate",
    "Keep part of the long-term memory",
    chapter=5,
    statement="""
    The forget gate looks at short-term memory and event, joined as $z = [h, x]$ (the article's $[STM, E]$), and
    decides for each unit which share of the old long-term memory $c_{prev}$ (LTM; cell state) is kept: $f =
    \\sigma(W_f z + b_f)$, the forget factor, and then $f\\,c_{prev}$. Write `forget_gate(z, c_prev, W_f, b_f)`, which
    returns what is kept, with `dot(W, z)` and `sigmoid`.
    """,
    lines=("f = σ(W_f [h, x] + b_f)", "kept = f · c_prev"),
    hints=(
        "Two lines are enough: first the forget factor f, a number between 0 and 1 for each unit, then what it keeps.",
        "dot(W_f, z) is W_f z, for one unit and for many. Which function makes a number between 0 and 1 of it?",
        "The last line is: return f * c_prev",
    ),
    inputs={"z": JOINED, "c_prev": STATE, "W_f": ROWS, "b_f": BIAS},
    returns=("kept",),
    solution=forget_gate,
    right="f near 1 keeps, f near 0 lets go; what to forget is decided by short-term memory and event.",
    mistakes={
        "tanh-for-sigmoid": Mistake(
            lambda z, c_prev, W_f, b_f: tanh(dot(W_f, z) + b_f) * c_prev,
            1,
            "This looks like tanh where f needs σ: a share lies between 0 and 1, and tanh also gives negative numbers.",
        ),
        "missing-sigmoid": Mistake(
            lambda z, c_prev, W_f, b_f: (dot(W_f, z) + b_f) * c_prev,
            1,
            "This looks like the sum before it is squashed by σ; it can be any number, and a share lies between 0 and "
            "1.",
        ),
        "missing-bias": Mistake(
            lambda z, c_prev, W_f, b_f: sigmoid(dot(W_f, z)) * c_prev,
            1,
            "This looks like the forget factor without its bias b_f.",
        ),
        "bias-outside": Mistake(
            lambda z, c_prev, W_f, b_f: (sigmoid(dot(W_f, z)) + b_f) * c_prev,
            1,
            "This looks like the bias added after σ; it belongs inside.",
        ),
        "sum-for-product": Mistake(
            lambda z, c_prev, W_f, b_f: sigmoid(dot(W_f, z) + b_f) + c_prev,
            2,
            "This looks like f added to the memory; a share is taken by multiplying.",
        ),
        "one-minus-f": Mistake(
            lambda z, c_prev, W_f, b_f: (1 - sigmoid(dot(W_f, z) + b_f)) * c_prev,
            2,
            "This looks like 1 - f; the name “forget gate” misleads, since f is the share that is kept.",
        ),
        "factor-only": Mistake(
            lambda z, c_prev, W_f, b_f: sigmoid(dot(W_f, z) + b_f),
            2,
            "This looks like the forget factor f itself; what it keeps of the memory is asked for.",
        ),
        "h-for-c": Mistake(
            lambda z, c_prev, W_f, b_f: sigmoid(dot(W_f, z) + b_f) * _state_in(z, c_prev),
            2,
            "This looks like f times h, the short-term memory; the forget gate acts on the long-term memory c_prev.",
        ),
        "squashed-memory": Mistake(
            lambda z, c_prev, W_f, b_f: sigmoid(dot(W_f, z) + b_f) * tanh(c_prev),
            2,
            "This looks like the memory squashed by tanh before it is kept; along c nothing is squashed.",
        ),
        "squashed-late": Mistake(
            lambda z, c_prev, W_f, b_f: sigmoid((dot(W_f, z) + b_f) * c_prev),
            1,
            "This looks like σ around everything; only the sum W_f [h, x] + b_f goes into it.",
        ),
        "softmax": Mistake(
            lambda z, c_prev, W_f, b_f: _softmax(dot(W_f, z) + b_f) * c_prev,
            1,
            "This looks like a softmax, where the units share one whole; with σ each unit keeps or lets go by itself.",
        ),
        "dot-for-times": Mistake(
            lambda z, c_prev, W_f, b_f: dot(sigmoid(dot(W_f, z) + b_f), c_prev),
            2,
            "This looks like dot, which adds up over the units, so that one number is left; here each unit is "
            "multiplied with its own.",
        ),
        "one-row-only": Mistake(
            lambda z, c_prev, W_f, b_f: sigmoid(dot(W_f, z[0] if getattr(z, "ndim", 1) > 1 else z) + b_f) * c_prev,
            1,
            "Right for the first sequence of a batch, and its f used for all others: each row of z has its own f.",
        ),
    },
)

_F = sigmoid(2.0)

BIAS_HALF_LIFE = numeric(
    "bias-half-life",
    "Find the half-life when one step is different",
    chapter=5,
    statement="""
    A forget gate rests at $f = \\sigma(b_f)$, with a forget bias of $b_f = 2$. At the first step it hears something and
    closes a little, to $f = 0.6$; from then on it rests again, and nothing new comes in at any step. After how many
    steps, the first one counted, is half of the long-term memory (LTM, cell state) left? Fractions of a step count.
    """,
    lines=("f = σ(b_f)", "c_n = f_n · … · f_2 · f_1 · c_0"),
    hints=(
        "The factors of all steps are multiplied: 0.6 once, then σ(2) = 1/(1 + e^-2) at every further step.",
        "After the first step 0.6 is left. From 0.6 to 0.5 it is the share 0.5 / 0.6: solve σ(2)^m = 0.5 / 0.6.",
        "The first step counts too: n = 1 + m.",
    ),
    working="1 + math.log(0.5 / 0.6) / math.log(sigmoid(2.0))",
    right="with σ(2) from the start it would be 5.5. In a product the smallest factor weighs most: the one step at 0.6 "
    "costs as much as four at 0.88.",
    mistakes={
        "one-step-ignored": Mistake(
            math.log(0.5) / math.log(_F), 2, "This looks like σ(2) at every step; at the first one f is 0.6."
        ),
        "one-step-uncounted": Mistake(
            math.log(0.5 / 0.6) / math.log(_F), 1, "This counts the steps after the first; the first one counts too."
        ),
        "one-step-added": Mistake(
            1 + math.log(0.5) / math.log(_F),
            2,
            "This looks like a half-life of its own after the first step; only 0.6 is left then, and 0.5 is not far.",
        ),
        "average": Mistake(
            math.log(0.5) / math.log((0.6 + _F) / 2),
            2,
            "This looks like the mean of the two factors, at every step; 0.6 is met once.",
        ),
        "closed-for-good": Mistake(
            math.log(0.5) / math.log(0.6), 2, "This looks like f = 0.6 at every step; it is met once, then f is σ(2)."
        ),
        "closed-every-time": Mistake(
            math.log(0.5) / math.log(0.6 * _F),
            2,
            "This looks like both factors at every step; each step has one: 0.6 the first, σ(2) the others.",
        ),
        "multiplied": Mistake(
            1 + math.log(0.5 * 0.6) / math.log(_F),
            2,
            "This goes on until 0.5 · 0.6 is left of what the first step leaves; from 0.6 to 0.5 it is 0.5 / 0.6.",
        ),
        "straight-line": Mistake(
            1 + (0.6 - 0.5) / (1 - _F),
            2,
            "This looks like the same amount lost at every step; each step takes a share of what is left.",
        ),
        "share-left": Mistake(
            1 + math.log(0.5 / 0.4) / math.log(_F),
            2,
            "This looks like 0.4 left after the first step; that is the share that goes; f is what stays.",
        ),
        "tanh-for-sigmoid": Mistake(
            1 + math.log(0.5 / 0.6) / math.log(math.tanh(2)),
            1,
            "This looks like tanh(2) for the forget factor, which has a σ.",
        ),
        "bias-ignored": Mistake(
            1 + math.log(0.5 / 0.6) / math.log(0.5), 1, "This looks like f = σ(0) = 0.5; the bias moves f up."
        ),
        "to-one-e-th": Mistake(
            1 + (-1 - math.log(0.6)) / math.log(_F),
            2,
            "This looks like the time to 1/e, 37 %; a half is reached earlier.",
        ),
    },
)

THIRTY_STEPS = numeric(
    "thirty-steps",
    "See what a bias of 2 leaves after 30 steps",
    chapter=5,
    statement="""
    A forget bias of $b_f = 2$ is above the usual advice, and makes $f = \\sigma(2)$. Nothing new comes in. Which share
    of the long-term memory (LTM, cell state) is left 30 steps later?
    """,
    lines=("c_t = f · c_{t-1}, with f = σ(b_f)",),
    hints=("σ(2) = 0.881.", "Each step multiplies by f once more."),
    working="sigmoid(2.0) ** 30",
    tolerance=0.02,  # 0.022 is right
    right=(
        "2 in 100 are left, of the memory and of its gradient; with the usual bias of 1 it would be 8 in 100,000."
    ),
    mistakes={
        "multiplied": Mistake(
            30 * _F, 1, "This looks like 30 times f; the memory is multiplied by f again and again."
        ),
        "straight-line": Mistake(
            1 - 30 * (1 - _F),
            1,
            "This looks like the same amount lost at every step; each step takes a share of what is left.",
        ),
        "share-forgotten": Mistake(
            (1 - _F) ** 30, 1, "This looks like 1 - f, the share that goes; f is the share that stays."
        ),
        "one-step": Mistake(_F, 1, "This is what is left after one step."),
        "one-step-more": Mistake(_F**31, 1, "This looks like 31 steps."),
        "one-step-less": Mistake(_F**29, 1, "This looks like 29 steps."),
        "percent": Mistake(
            100 * _F**30, 1, "This looks like the share in percent; the share itself is asked for."
        ),
        "tanh-for-sigmoid": Mistake(
            math.tanh(2) ** 30, 1, "This looks like tanh(2) for the forget factor, which has a σ."
        ),
        "bias-for-factor": Mistake(
            2.0**30, 1, "This looks like f = 2, which is the bias; f is σ(2)."
        ),
    },
)

FORGET_SHORTENS = judgement(
    "forget-shortens",
    "Say what the forget gate does to the half-life",
    chapter=5,
    statement="""
    The LSTM of 1997 had no forget gate: its long-term memory (cell state) was $c = c_{prev} + i\\,g$. The forget gate
    came in 2000 and made it $c = f\\,c_{prev} + i\\,g$. What did that do to the half-life of the state?
    """,
    lines=("1997: c = 1 · c_prev + i · g", "2000: c = f · c_prev + i · g, with f below 1"),
    hints=("Which f would make the two equations the same?", "Can f be larger than that?"),
    options={
        "made-it-shorter": "It made it shorter, and gave the cell a way to let go.",
        "made-it-longer": "It made it longer: that is how an LSTM remembers for so long.",
        "left-it-alone": "Nothing: f changes the gradient, and the state is kept either way.",
        "made-it-infinite": "It made it infinite: without f the memory faded by itself.",
    },
    solution="made-it-shorter",
    right=(
        "1997's memory keeps for ever, f = 1; what the gate buys is selectivity, the freedom to let go of what is "
        "not needed."
    ),
    mistakes={
        "gate-for-reach": Mistake(
            "made-it-longer",
            2,
            "This gives the gate what belongs to the sum: f is at most 1, so it can only shorten what 1997 kept for "
            "ever.",
        ),
        "gradient-for-state": Mistake(
            "left-it-alone",
            2,
            "This sees one clock of two: f multiplies the state at every step, and its gradient too.",
        ),
        "fading-without-gate": Mistake(
            "made-it-infinite", 1, "This has it the wrong way round: without f the factor is 1, and nothing fades."
        ),
    },
)

EXERCISES = (FORGET_GATE, BIAS_HALF_LIFE, THIRTY_STEPS, FORGET_SHORTENS)
