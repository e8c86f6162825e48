"""Exercises of chapter 6, the use gate: the standard one, and the one that the article draws."""

# mypy: disable-error-code="no-untyped-def"

from lstm_lib.exercises._exercise import Mistake
from lstm_lib.exercises._make import code, judgement, numeric
from lstm_lib.exercises._probes import BIAS, JOINED, ROWS, SQUARE, STATE
from lstm_lib.exercises._tools import dot, sigmoid, tanh


def use_gate(z, c_prev, c, W_o, b_o):
    """Return the new short-term memory.

    c_prev is the long-term memory before this step, c after; z is [h, x].
    """
    o = sigmoid(dot(W_o, z) + b_o)
    return o * tanh(c)


def _state_in(z, c):
    return z[0] if isinstance(z, list) else z[..., : c.shape[-1]]


USE_GATE = code(
    "use-gate",
    "Write the standard use gate",
    chapter=6,
    statement="""
    The use gate (output gate) says which part of the memory is given out as the new short-term memory (STM; hidden
    state): $o = \\sigma(W_o z + b_o)$ with $z = [h, x]$, and $h' = o \\tanh(c)$. Two long-term memories (LTM; cell
    states) are on the table, `c_prev` from before this step and `c` from after it; choose. Write `use_gate(z, c_prev,
    c, W_o, b_o)`.
    """,
    lines=("o = σ(W_o [h, x] + b_o)", "h' = o · tanh(c)"),
    hints=(
        "Two lines: the factor o, then the product.",
        "The standard cell updates its long-term memory first and reads it afterwards.",
        "The last line is: return o * tanh(…)",
    ),
    inputs={"z": JOINED, "c_prev": STATE, "c": STATE, "W_o": ROWS, "b_o": BIAS},
    returns=("h'",),
    solution=use_gate,
    right="the standard gate reads the memory after it was updated, so what is learned can be said in the same step.",
    mistakes={
        "old-memory": Mistake(
            lambda z, c_prev, c, W_o, b_o: sigmoid(dot(W_o, z) + b_o) * tanh(c_prev),
            2,
            "This looks like the old memory c_prev; the standard use gate reads the new one, c.",
        ),
        "missing-tanh": Mistake(
            lambda z, c_prev, c, W_o, b_o: sigmoid(dot(W_o, z) + b_o) * c,
            2,
            "This looks like the memory as it is; it may have grown beyond 1 and goes through tanh before it is given "
            "out.",
        ),
        "sigmoid-of-memory": Mistake(
            lambda z, c_prev, c, W_o, b_o: sigmoid(dot(W_o, z) + b_o) * sigmoid(c),
            2,
            "This looks like σ around the memory, which would lose its sign; it goes through tanh.",
        ),
        "tanh-for-sigmoid": Mistake(
            lambda z, c_prev, c, W_o, b_o: tanh(dot(W_o, z) + b_o) * tanh(c),
            1,
            "This looks like tanh for the factor o, which could then become negative; a factor has a σ.",
        ),
        "tanh-outside": Mistake(
            lambda z, c_prev, c, W_o, b_o: tanh(sigmoid(dot(W_o, z) + b_o) * c),
            2,
            "This looks like tanh around the whole product; only the memory goes into it.",
        ),
        "sum-for-product": Mistake(
            lambda z, c_prev, c, W_o, b_o: sigmoid(dot(W_o, z) + b_o) + tanh(c),
            2,
            "This looks like o and tanh(c) added; they are multiplied.",
        ),
        "missing-bias": Mistake(
            lambda z, c_prev, c, W_o, b_o: sigmoid(dot(W_o, z)) * tanh(c),
            1,
            "This looks like the factor o without its bias b_o.",
        ),
        "h-for-c": Mistake(
            lambda z, c_prev, c, W_o, b_o: sigmoid(dot(W_o, z) + b_o) * tanh(_state_in(z, c)),
            2,
            "This looks like tanh(h), the old short-term memory; the use gate gives out the long-term memory c.",
        ),
        "factor-only": Mistake(
            lambda z, c_prev, c, W_o, b_o: sigmoid(dot(W_o, z) + b_o),
            2,
            "This looks like the factor o alone; it says how much of the memory is given out.",
        ),
        "always-open": Mistake(
            lambda z, c_prev, c, W_o, b_o: tanh(c),
            2,
            "This looks like the whole memory given out; the factor o is missing.",
        ),
        "one-minus-o": Mistake(
            lambda z, c_prev, c, W_o, b_o: (1 - sigmoid(dot(W_o, z) + b_o)) * tanh(c),
            2,
            "This looks like 1 - o; o = 1 gives everything out.",
        ),
        "dot-for-times": Mistake(
            lambda z, c_prev, c, W_o, b_o: dot(sigmoid(dot(W_o, z) + b_o), tanh(c)),
            2,
            "This looks like dot, which adds up over the units, so that one number is left; here each unit is "
            "multiplied with its own.",
        ),
        "one-row-only": Mistake(
            lambda z, c_prev, c, W_o, b_o: use_gate(z[:1] if getattr(z, "ndim", 1) > 1 else z, c_prev, c, W_o, b_o),
            1,
            "Right for the first sequence of a batch, and its o used for all others: each row of z has its own o.",
        ),
    },
)


def drawn_use_gate(z, c_prev, kept, c, W_u, b_u, W_v, b_v):
    """Return the new short-term memory of the drawn cell.

    Of c_prev, kept = f c_prev and c, it reads one.
    """
    U = tanh(dot(W_u, kept) + b_u)
    V = sigmoid(dot(W_v, z) + b_v)
    return U * V


def _turned(W_u):
    return W_u if isinstance(W_u, float) else W_u.T


DRAWN_USE_GATE = code(
    "drawn-use-gate",
    "Write the use gate as the article's figure has it",
    chapter=6,
    statement="""
    The article shows its use gate as a picture; the published formula is $U = \\tanh(W_u\\,(LTM \\cdot f) + b_u)$, $V
    = \\sigma(W_v [STM, E] + b_v)$, $STM' = U \\cdot V$. So U (what the memory offers) reads the memory after
    forgetting and before remembering, `kept`, with weights of its own, and V is the field's output gate. Write
    `drawn_use_gate(z, c_prev, kept, c, W_u, b_u, W_v, b_v)`, with $z = [STM, E]$ (h and x); not every argument is
    needed.
    """,
    lines=("U = tanh(W_u (LTM · f) + b_u)", "V = σ(W_v [STM, E] + b_v)", "STM' = U · V"),
    hints=(
        "Three lines, one for each line of the formula.",
        "LTM · f is what the forget gate kept. Which of the three memories is that?",
        "U = tanh(dot(W_u, kept) + b_u) is the first line.",
    ),
    inputs={
        "z": JOINED,
        "c_prev": STATE,
        "kept": STATE,
        "c": STATE,
        "W_u": SQUARE,
        "b_u": BIAS,
        "W_v": ROWS,
        "b_v": BIAS,
    },
    returns=("STM'",),
    solution=drawn_use_gate,
    right="what N brings at this step is not in kept, so it cannot be given out before the next step.",
    mistakes={
        "reads-new-memory": Mistake(
            lambda z, c_prev, kept, c, W_u, b_u, W_v, b_v: drawn_use_gate(z, c_prev, c, c, W_u, b_u, W_v, b_v),
            1,
            "This looks like U reading the new memory c; the drawn gate reads LTM · f, before anything is remembered.",
        ),
        "reads-old-memory": Mistake(
            lambda z, c_prev, kept, c, W_u, b_u, W_v, b_v: drawn_use_gate(z, c_prev, c_prev, c, W_u, b_u, W_v, b_v),
            1,
            "This looks like U reading the old memory c_prev; the forget factor has acted on it by then.",
        ),
        "standard-gate": Mistake(
            lambda z, c_prev, kept, c, W_u, b_u, W_v, b_v: tanh(c) * sigmoid(dot(W_v, z) + b_v),
            1,
            "This looks like the standard use gate, tanh(c) without weights; the drawn one has W_u and b_u and reads "
            "LTM · f.",
        ),
        "articles-words": Mistake(
            lambda z, c_prev, kept, c, W_u, b_u, W_v, b_v: tanh(c_prev + b_u) * sigmoid(dot(W_v, z) + b_v),
            1,
            "This looks like the article's words, the previous LTM and a bias; the published formula has f and W_u as "
            "well.",
        ),
        "missing-weights": Mistake(
            lambda z, c_prev, kept, c, W_u, b_u, W_v, b_v: tanh(kept + b_u) * sigmoid(dot(W_v, z) + b_v),
            1,
            "This looks like U without its weights W_u.",
        ),
        "transposed-weights": Mistake(
            lambda z, c_prev, kept, c, W_u, b_u, W_v, b_v: (
                tanh(dot(_turned(W_u), kept) + b_u) * sigmoid(dot(W_v, z) + b_v)
            ),
            1,
            "This looks like W_u turned on its side: dot(W_u, kept) takes one row of W_u for each unit.",
        ),
        "missing-bias-u": Mistake(
            lambda z, c_prev, kept, c, W_u, b_u, W_v, b_v: drawn_use_gate(z, c_prev, kept, c, W_u, 0.0, W_v, b_v),
            1,
            "This looks like U without its bias b_u.",
        ),
        "missing-bias-v": Mistake(
            lambda z, c_prev, kept, c, W_u, b_u, W_v, b_v: drawn_use_gate(z, c_prev, kept, c, W_u, b_u, W_v, 0.0),
            2,
            "This looks like V without its bias b_v.",
        ),
        "sigmoid-for-tanh": Mistake(
            lambda z, c_prev, kept, c, W_u, b_u, W_v, b_v: sigmoid(dot(W_u, kept) + b_u) * sigmoid(dot(W_v, z) + b_v),
            1,
            "This looks like σ for U, which could then never be negative; U has a tanh.",
        ),
        "tanh-for-sigmoid": Mistake(
            lambda z, c_prev, kept, c, W_u, b_u, W_v, b_v: tanh(dot(W_u, kept) + b_u) * tanh(dot(W_v, z) + b_v),
            2,
            "This looks like tanh for the factor V, which has a σ.",
        ),
        "sum-for-product": Mistake(
            lambda z, c_prev, kept, c, W_u, b_u, W_v, b_v: tanh(dot(W_u, kept) + b_u) + sigmoid(dot(W_v, z) + b_v),
            3,
            "This looks like U and V added; they are multiplied.",
        ),
    },
)

_U, _V = tanh(0.8), sigmoid(0.6)

DRAWN_FIRST_OUTPUT = numeric(
    "drawn-first-output",
    "Predict the first output from an empty memory",
    chapter=6,
    statement="""
    A drawn cell with one unit starts with an empty long-term memory (LTM, cell state): 0. Its use gate is $U =
    \\tanh(W_u\\,(LTM \\cdot f) + b_u)$ and $STM' = U \\cdot V$ (V is the field's output gate), with $W_u = 2$ and
    $b_u = 0.8$. At the first step the sums, before they are squashed, are 1.2 for $N$ (the candidate), 0 for $i$, 1 for
    $f$ and 0.6 for V; not all are needed. What is the first output, $STM'$?
    """,
    lines=("STM' = tanh(W_u (LTM · f) + b_u) · V, with V = σ(W_v [STM, E] + b_v)",),
    hints=(
        "How much is LTM · f when LTM is 0?",
        "What N and i bring at this step comes into the LTM afterwards. Does U see it?",
    ),
    working="tanh(2 * (0 * sigmoid(1)) + 0.8) * sigmoid(0.6)",
    right="tanh(b_u) · V: whatever the first event brings, the drawn cell cannot say it at the first step.",
    mistakes={
        "nothing-comes-out": Mistake(
            0.0, 1, "This looks like an empty memory that has nothing to say; U has a bias, which speaks all the same."
        ),
        "standard-gate": Mistake(
            tanh(0.5 * tanh(1.2)) * _V,
            1,
            "This looks like the standard gate, o tanh(c) with the new memory; the drawn one reads LTM · f.",
        ),
        "reads-new-memory": Mistake(
            tanh(2 * 0.5 * tanh(1.2) + 0.8) * _V,
            1,
            "This looks like U reading the new memory; it reads LTM · f, before anything is remembered.",
        ),
        "memory-not-empty": Mistake(
            tanh(2 * sigmoid(1) + 0.8) * _V,
            1,
            "This looks like a memory of 1; it is empty, LTM = 0, so that LTM · f is 0 and only the bias is left in U.",
        ),
        "use-factor-missing": Mistake(_U, 1, "This is U; the factor V lets a part of it through."),
        "missing-tanh": Mistake(0.8 * _V, 1, "This looks like the bias itself; U is its tanh."),
        "factor-not-squashed": Mistake(_U * 0.6, 1, "This looks like 0.6 for V; V is σ(0.6)."),
        "sigmoid-for-tanh": Mistake(sigmoid(0.8) * _V, 1, "This looks like σ for U, which has a tanh."),
        "added": Mistake(_U + _V, 1, "This looks like U and V added; they are multiplied."),
    },
)

USE_PARAMETERS = numeric(
    "use-parameters",
    "Count what the drawn use gate costs",
    chapter=6,
    statement="""
    The standard cell gives out $o \\tanh(c)$, the drawn one $U \\cdot V$ with $U = \\tanh(W_u\\,(LTM \\cdot f) +
    b_u)$. V and the output gate $o$ have equally many parameters. With $H = 16$ units, how many parameters has the
    drawn cell more than the standard one?
    """,
    lines=("U = tanh(W_u (LTM · f) + b_u), with W_u: H × H and b_u: H",),
    hints=(
        "What is the length of LTM · f, and what is the length of U?",
        "One weight for each pair of units, one bias for each unit.",
    ),
    working="16 * 16 + 16",
    tolerance=0,
    right="16 · 16 + 16: the standard gate has no weights between the memory and tanh.",
    mistakes={
        "bias-missing": Mistake(256, 1, "This looks like W_u alone; U has a bias for each unit as well."),
        "bias-only": Mistake(
            16,
            1,
            "This looks like the bias alone, as in the article's words; the published formula has weights W_u too.",
        ),
        "weights-on-joined": Mistake(
            16 * 32 + 16, 1, "This looks like weights on STM and LTM · f joined; U reads LTM · f, 16 numbers."
        ),
        "nothing-more": Mistake(
            0, 1, "This looks like the same cell in other words; W_u and b_u have no counterpart in the standard one."
        ),
        "two-biases": Mistake(288, 1, "This looks like two biases; U has one for each unit."),
    },
)

ONE_STEP_DELAY = judgement(
    "one-step-delay",
    "Find when the news gets out",
    chapter=6,
    statement="""
    At step $t$, and only there, you change the new content $N_t$ (the candidate $g_t$). All sums inside the gates of
    step $t$ stay as they are. At which step does the short-term memory (STM, hidden state $h$) change first, in the
    standard cell and in the drawn one?
    """,
    lines=("standard: h = o · tanh(f · c_prev + i · g)", "drawn: STM' = tanh(W_u (LTM · f) + b_u) · V"),
    hints=(
        "Look for g, or N, on the right side of each of the two equations.",
        "Where N is missing: through which memory does it come back in?",
    ),
    options={
        "standard-t-drawn-later": "Standard at t, drawn at t + 1.",
        "both-at-t": "Both at t.",
        "both-later": "Both at t + 1.",
        "drawn-t-standard-later": "Drawn at t, standard at t + 1.",
    },
    solution="standard-t-drawn-later",
    right=(
        "in the drawn cell N_t goes into the LTM of step t, which U reads one step later; the two cells cannot be "
        "equal."
    ),
    mistakes={
        "same-cell": Mistake(
            "both-at-t", 2, "This takes the two gates for one: N is not in LTM · f, which is all that U reads."
        ),
        "delay-in-both": Mistake(
            "both-later",
            1,
            "This gives the delay of the drawn cell to the standard one, whose tanh holds i · g already.",
        ),
        "cells-swapped": Mistake(
            "drawn-t-standard-later",
            2,
            "This has the two cells the wrong way round: the standard one reads the memory after it was updated.",
        ),
    },
)

EXERCISES = (USE_GATE, DRAWN_USE_GATE, DRAWN_FIRST_OUTPUT, USE_PARAMETERS, ONE_STEP_DELAY)
