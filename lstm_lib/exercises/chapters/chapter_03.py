"""Exercises of chapter 3, the remember gate: the sum, the gradient along it, and how long it keeps."""

# mypy: disable-error-code="no-untyped-def"

import math

from lstm_lib.exercises._exercise import Mistake
from lstm_lib.exercises._make import code, judgement, numeric
from lstm_lib.exercises._probes import CONTENT, GATE, STATE
from lstm_lib.exercises._tools import tanh


def remember(f, c_prev, i, g):
    """Return the new long-term memory: what was kept and learned, added."""
    kept = f * c_prev
    learned = i * g
    return kept + learned



REMEMBER = code(
    "remember-sum",
    "Add what was kept and what was learned",
    chapter=3,
    statement="""
    The remember gate makes the new long-term memory (LTM; the field says cell state, $c$): of the old memory
    $c_{prev}$ the share $f$ is kept, of the candidate $g$ (the article's $N$) the share $i$ is learned, and both
    are added, $c = f\\,c_{prev} + i\\,g$. Where $f$ and $i$ come from is the matter of chapters 4 and 5; here they
    are given. Write `remember(f, c_prev, i, g)`.
    """,
    lines=("kept = f · c_prev", "learned = i · g", "c = kept + learned"),
    hints=(
        "Two products and one sum.",
        "Which of the two shares belongs to the old memory, and which to the candidate?",
        "The last line is: return kept + learned",
    ),
    inputs={"f": GATE, "c_prev": STATE, "i": GATE, "g": CONTENT},
    returns=("c",),
    solution=remember,
    right="two products and one sum, with no weights and nothing squashed: the remember gate is a sum and not a gate.",
    mistakes={
        "product-for-sum": Mistake(
            lambda f, c_prev, i, g: f * c_prev * i * g,
            3,
            "This looks like kept and learned multiplied; they are added.",
        ),
        "kept-only": Mistake(
            lambda f, c_prev, i, g: f * c_prev, 3, "This looks like the kept part alone; nothing new comes in."
        ),
        "learned-only": Mistake(
            lambda f, c_prev, i, g: i * g,
            3,
            "This looks like the learned part alone, which is right from an empty memory only.",
        ),
        "nothing-forgotten": Mistake(
            lambda f, c_prev, i, g: c_prev + i * g,
            1,
            "This looks like the memory of 1997, which keeps everything: the forget factor f is missing.",
        ),
        "everything-learned": Mistake(
            lambda f, c_prev, i, g: f * c_prev + g, 2, "This looks like all of g taken in: the factor i is missing."
        ),
        "shares-swapped": Mistake(
            lambda f, c_prev, i, g: i * c_prev + f * g,
            1,
            "This looks like the two shares swapped: f belongs to the old memory, i to the candidate.",
        ),
        "coupled": Mistake(
            lambda f, c_prev, i, g: f * c_prev + (1 - f) * g,
            2,
            "This looks like 1 - f for the share of the candidate; that is a GRU's choice, and an LSTM has an i of "
            "its own.",
        ),
        "forget-and-one-minus": Mistake(
            lambda f, c_prev, i, g: (1 - f) * c_prev + i * g,
            1,
            "This looks like 1 - f where f is the share that is kept: f = 1 forgets nothing.",
        ),
        "squashed-memory": Mistake(
            lambda f, c_prev, i, g: tanh(f * c_prev + i * g),
            3,
            "This looks like a tanh around the sum; the long-term memory is not squashed, and may grow beyond 1.",
        ),
        "average": Mistake(
            lambda f, c_prev, i, g: (f * c_prev + i * g) / 2,
            3,
            "This looks like the average of kept and learned; they are added.",
        ),
        "minus-for-plus": Mistake(
            lambda f, c_prev, i, g: f * c_prev - i * g, 3, "This looks like a minus where kept and learned are added."
        ),
    },
)


def remember_backward(dc, f, c_prev, i, g):
    """Return the gradients (df, dc_prev, di, dg) of c = f c_prev + i g."""
    return dc * c_prev, dc * f, dc * g, dc * i


REMEMBER_BACKWARD = code(
    "remember-backward",
    "Send a gradient back through the sum",
    chapter=3,
    statement="""
    The remember gate made $c = f\\,c_{prev} + i\\,g$, the new long-term memory (cell state). Its gradient `dc`
    arrives. Write `remember_backward(dc, f, c_prev, i, g)`, which returns the gradients of $f$, $c_{prev}$, $i$ and
    $g$, in this order.
    """,
    lines=("∂f = ∂c · c_prev", "∂c_prev = ∂c · f", "∂i = ∂c · g", "∂g = ∂c · i"),
    hints=(
        "A sum hands its gradient to both terms unchanged.",
        "In a product, the gradient of each factor is the incoming gradient times the other factor.",
        "The gradient of c_prev is dc * f. Write the other three in the same way.",
    ),
    inputs={"dc": STATE, "f": GATE, "c_prev": STATE, "i": GATE, "g": CONTENT},
    returns=("df", "dc_prev", "di", "dg"),
    solution=remember_backward,
    right="along c, one step back multiplies by f and by nothing else: no weight, no tanh.",
    mistakes={
        "own-factor": Mistake(
            lambda dc, f, c_prev, i, g: (dc * f, dc * c_prev, dc * i, dc * g),
            1,
            "This looks like each factor multiplied by itself; its gradient holds the other factor.",
        ),
        "sum-only": Mistake(
            lambda dc, f, c_prev, i, g: (dc, dc, dc, dc),
            1,
            "This looks like a way back that stops at the sum; each term is a product, and one more step is needed.",
        ),
        "no-incoming-gradient": Mistake(
            lambda dc, f, c_prev, i, g: (c_prev, f, g, i),
            1,
            "This looks like the slopes alone; the incoming gradient dc multiplies all of them.",
        ),
        "forget-factor-missing": Mistake(
            lambda dc, f, c_prev, i, g: (dc * c_prev, dc, dc * g, dc * i),
            2,
            "This looks like the carousel of 1997, where the gradient passes along c whole; here it is multiplied by "
            "f.",
        ),
        "through-sigma": Mistake(
            lambda dc, f, c_prev, i, g: (dc * c_prev * f * (1 - f), dc * f, dc * g * i * (1 - i), dc * i * (1 - g * g)),
            1,
            "This looks like the way back through σ and tanh as well; f, i and g themselves are asked for.",
        ),
        "new-memory-for-old": Mistake(
            lambda dc, f, c_prev, i, g: (dc * (f * c_prev + i * g), dc * f, dc * g, dc * i),
            1,
            "This looks like the new memory c where f met the old one, c_prev.",
        ),
        "terms-mixed": Mistake(
            lambda dc, f, c_prev, i, g: (dc * g, dc * i, dc * c_prev, dc * f),
            1,
            "This looks like the two products mixed up: f and c_prev are partners, and so are i and g.",
        ),
        "order-i-first": Mistake(
            lambda dc, f, c_prev, i, g: (dc * g, dc * c_prev, dc * i, dc * f),
            1,
            "This looks like the right numbers in the order i, f, g, c_prev; the order asked for is f, c_prev, i, g.",
        ),
    },
)

HALF_LIFE = numeric(
    "half-life",
    "Predict how long the sum keeps",
    chapter=3,
    statement="""
    Nothing new comes in, and at every step the long-term memory (LTM, cell state $c$) is multiplied by the same
    forget factor $f = 0.95$. After how many steps is half of it left? Fractions of a step count.
    """,
    lines=("c_n = f · f · … · f · c_0 = f^n · c_0",),
    hints=("After n steps the share f · f · … · f = f^n is left.", "Solve f^n = 0.5 for n with a logarithm."),
    working="math.log(2) / -math.log(0.95)",
    right="a memory that keeps 95 % a step is at half after 13.5 steps, and at a quarter after 27.",
    mistakes={
        "straight-line": Mistake(
            0.5 / 0.05,
            1,
            "This looks like 5 % of the first value lost at every step; each step takes 5 % of what is left.",
        ),
        "to-zero": Mistake(
            1 / 0.05, 1, "This looks like 1/(1 - f), the step at which a straight line would reach zero."
        ),
        "share-for-logarithm": Mistake(
            math.log(2) / 0.05, 1, "This looks like 1 - f where -ln f belongs; for f near 1 they are close, not equal."
        ),
        "half-by-the-factor": Mistake(
            0.5 / 0.95, 1, "This looks like 0.5 divided by f; f is met at every step, so look for the n of f^n = 0.5."
        ),
        "to-one-e-th": Mistake(
            1 / -math.log(0.95),
            1,
            "This looks like the time to 1/e, 37 %; a half is reached earlier, by the factor ln 2.",
        ),
        "share-left": Mistake(0.95**2, 1, "This looks like a share of the memory; a number of steps is asked for."),
        "sign": Mistake(
            math.log(2) / math.log(0.95),
            1,
            "This looks like the right size with the wrong sign: ln f is negative, so a minus makes n positive.",
        ),
        "logarithms-mixed": Mistake(
            math.log10(2) / -math.log(0.95),
            1,
            "This looks like two kinds of logarithm in one quotient: take log or log10 in both places.",
        ),
    },
)

WHAT_VANISHES = judgement(
    "what-vanishes",
    "Say what vanishes",
    chapter=3,
    statement="""
    The article says that training an LSTM removes “the problem of Vanishing Gradient (weights become too small that
    under-fits the model)”. Which sentence is right about a plain recurrent network and about the sum?
    """,
    lines=("RNN: ∂h_{t-1} = ∂h_t · w_h (1 - h²)", "sum: ∂c_{t-1} = ∂c_t · f"),
    hints=(
        "Compare what travels back through time with what stays the same at every step of it.",
        "How large can f be? Is there any growth along c? Which way back does not run along c?",
    ),
    options={
        "gradients-vanish-on-the-way-back": (
            "Gradients shrink on their way back; along c they are multiplied by f "
            "alone, and hardly shrink while f is near 1."
        ),
        "weights-become-small": "The weights of a plain network become too small, and the sum keeps them large.",
        "nothing-explodes-either": (
            "The sum removes both problems: gradients in an LSTM neither vanish nor explode, so clipping can go."
        ),
        "underfitting-is-cured": "Vanishing is a kind of underfitting, and the sum cures it by having more weights.",
    },
    solution="gradients-vanish-on-the-way-back",
    right=(
        "gradients vanish, weights stay what they are; other paths, through W_h, can still explode, so clipping stays."
    ),
    mistakes={
        "weights-for-gradients": Mistake(
            "weights-become-small",
            1,
            "This takes weights for gradients: one and the same w_h is used at every step, and it is the product of "
            "slopes that shrinks.",
        ),
        "all-problems-solved": Mistake(
            "nothing-explodes-either",
            2,
            "Along c nothing explodes while f is at most 1, but it vanishes where f stays below; through h and its "
            "weights both happen.",
        ),
        "fit-for-gradient": Mistake(
            "underfitting-is-cured",
            2,
            "This takes the gradient for the fit: the sum has no weights at all, and what changes is the factor on the "
            "way back.",
        ),
    },
)

EXERCISES = (REMEMBER, REMEMBER_BACKWARD, HALF_LIFE, WHAT_VANISHES)
