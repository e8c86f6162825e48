"""Exercises of chapter 4, the learn gate: the candidate, the ignore factor, and their product."""

# mypy: disable-error-code="no-untyped-def"

from lstm_lib.exercises._exercise import Mistake
from lstm_lib.exercises._make import code, judgement, numeric
from lstm_lib.exercises._probes import BIAS, CONTENT, GATE, JOINED, ROWS, STATE
from lstm_lib.exercises._tools import dot, sigmoid, tanh


def learn_gate(z, W_i, b_i, W_g, b_g):
    """Return the learned part: candidate g, let through by the factor i.

    z is [h, x], joined.
    """
    i = sigmoid(dot(W_i, z) + b_i)
    g = tanh(dot(W_g, z) + b_g)
    return i * g


def _first_of_batch(z):
    return z if isinstance(z, list) else z[:1] + 0 * z


LEARN_GATE = code(
    "learn-gate",
    "Write the learn gate",
    chapter=4,
    statement="""
    The learn gate looks at short-term memory and event, joined as $z = [h, x]$ (the article's $[STM, E]$). It makes
    a candidate $g = \\tanh(W_g z + b_g)$ (the article's new information, $N$), and a factor $i = \\sigma(W_i z + b_i)$
    (the article's ignore factor; the field's input gate) that says how much of it comes in. What is learned
    is the product $i\\,g$. Write `learn_gate(z, W_i, b_i, W_g, b_g)` with `dot(W, z)`, `sigmoid` and `tanh`.
    """,
    lines=("i = σ(W_i z + b_i)", "g = tanh(W_g z + b_g)", "learned = i · g"),
    hints=(
        "Three lines: the factor i, the candidate g, the product.",
        "dot(W_i, z) is W_i z, for one unit and for many.",
        "i = sigmoid(dot(W_i, z) + b_i) is the first line. g looks alike, with another squashing function.",
    ),
    inputs={"z": JOINED, "W_i": ROWS, "b_i": BIAS, "W_g": ROWS, "b_g": BIAS},
    returns=("learned",),
    solution=learn_gate,
    right="g proposes, i decides how much of it comes in.",
    mistakes={
        "sum-for-product": Mistake(
            lambda z, W_i, b_i, W_g, b_g: sigmoid(dot(W_i, z) + b_i) + tanh(dot(W_g, z) + b_g),
            3,
            "This looks like i and g added; a factor can only shut something out by multiplying it.",
        ),
        "sigmoid-for-tanh": Mistake(
            lambda z, W_i, b_i, W_g, b_g: sigmoid(dot(W_i, z) + b_i) * sigmoid(dot(W_g, z) + b_g),
            2,
            "This looks like σ for the candidate g, which could then never be negative; g has a tanh.",
        ),
        "tanh-for-sigmoid": Mistake(
            lambda z, W_i, b_i, W_g, b_g: tanh(dot(W_i, z) + b_i) * tanh(dot(W_g, z) + b_g),
            1,
            "This looks like tanh for the factor i, which could then become negative; a factor has a σ.",
        ),
        "squashers-swapped": Mistake(
            lambda z, W_i, b_i, W_g, b_g: tanh(dot(W_i, z) + b_i) * sigmoid(dot(W_g, z) + b_g),
            1,
            "This looks like tanh and σ swapped, or the weights of i and g: W_i goes into σ, W_g into tanh.",
        ),
        "missing-bias": Mistake(
            lambda z, W_i, b_i, W_g, b_g: sigmoid(dot(W_i, z)) * tanh(dot(W_g, z)),
            1,
            "This looks like both lines without their bias.",
        ),
        "missing-bias-i": Mistake(
            lambda z, W_i, b_i, W_g, b_g: sigmoid(dot(W_i, z)) * tanh(dot(W_g, z) + b_g),
            1,
            "This looks like the factor i without its bias b_i.",
        ),
        "missing-bias-g": Mistake(
            lambda z, W_i, b_i, W_g, b_g: sigmoid(dot(W_i, z) + b_i) * tanh(dot(W_g, z)),
            2,
            "This looks like the candidate g without its bias b_g.",
        ),
        "one-bias-for-both": Mistake(
            lambda z, W_i, b_i, W_g, b_g: sigmoid(dot(W_i, z) + b_i) * tanh(dot(W_g, z) + b_i),
            2,
            "This looks like b_i used for both lines; g has a bias of its own.",
        ),
        "one-table-for-both": Mistake(
            lambda z, W_i, b_i, W_g, b_g: sigmoid(dot(W_i, z) + b_i) * tanh(dot(W_i, z) + b_g),
            2,
            "This looks like W_i used for both lines; g has weights of its own.",
        ),
        "one-minus-i": Mistake(
            lambda z, W_i, b_i, W_g, b_g: (1 - sigmoid(dot(W_i, z) + b_i)) * tanh(dot(W_g, z) + b_g),
            3,
            "This looks like 1 - i; the name “ignore factor” misleads, since i = 1 ignores nothing.",
        ),
        "content-only": Mistake(
            lambda z, W_i, b_i, W_g, b_g: tanh(dot(W_g, z) + b_g),
            3,
            "This looks like the candidate g alone; nothing is ignored without i.",
        ),
        "missing-tanh": Mistake(
            lambda z, W_i, b_i, W_g, b_g: sigmoid(dot(W_i, z) + b_i) * (dot(W_g, z) + b_g),
            2,
            "This looks like the candidate g before its tanh.",
        ),
        "dot-for-times": Mistake(
            lambda z, W_i, b_i, W_g, b_g: dot(sigmoid(dot(W_i, z) + b_i), tanh(dot(W_g, z) + b_g)),
            3,
            "This looks like dot, which adds up over the units, so that one number is left; here each unit is "
            "multiplied with its own.",
        ),
        "one-row-only": Mistake(
            lambda z, W_i, b_i, W_g, b_g: learn_gate(_first_of_batch(z), W_i, b_i, W_g, b_g),
            1,
            "Right for the first sequence of a batch, and the same result for all others: each row of z has its own.",
        ),
    },
)


def learn_backward(dlearned, i, g):
    """Return the gradients (da_i, da_g) before σ and tanh.

    learned = i g, with i = σ(a_i) and g = tanh(a_g).
    """
    di, dg = dlearned * g, dlearned * i
    return di * i * (1 - i), dg * (1 - g * g)


LEARN_BACKWARD = code(
    "learn-backward",
    "Send a gradient back through the learn gate",
    chapter=4,
    statement="""
    The learn gate made $i = \\sigma(a_i)$ (input gate; ignore factor), $g = \\tanh(a_g)$ (candidate; $N$), and their
    product. The gradient `dlearned` of the product arrives. Write `learn_backward(dlearned, i, g)`, which returns the
    gradients of $a_i$ and $a_g$, the numbers before squashing. The slopes can be read off the values: $\\sigma' = i
    (1 - i)$ and $\\tanh' = 1 - g^2$.
    """,
    lines=("∂i = ∂learned · g", "∂g = ∂learned · i", "∂a_i = ∂i · i (1 - i)", "∂a_g = ∂g · (1 - g²)"),
    hints=(
        "Two stages: back through the product to i and g, then back through σ and tanh.",
        "In a product, the gradient of each factor holds the other factor.",
        "da_i is dlearned * g * i * (1 - i). Write da_g in the same way, with the slope of tanh.",
    ),
    inputs={"dlearned": STATE, "i": GATE, "g": CONTENT},
    returns=("da_i", "da_g"),
    solution=learn_backward,
    right="a gate that is shut (i near 0) or wide open (i near 1) has a slope near 0, and hardly learns to move.",
    mistakes={
        "own-factor": Mistake(
            lambda d, i, g: (d * i * i * (1 - i), d * g * (1 - g * g)),
            1,
            "This looks like each factor multiplied by itself on the way through the product; its gradient holds the "
            "other one.",
        ),
        "product-only": Mistake(
            lambda d, i, g: (d * g, d * i),
            3,
            "This looks like the gradients of i and g; one more stage leads through σ and tanh.",
        ),
        "slopes-only": Mistake(
            lambda d, i, g: (d * i * (1 - i), d * (1 - g * g)),
            1,
            "This looks like the slopes without the way through the product.",
        ),
        "slopes-swapped": Mistake(
            lambda d, i, g: (d * g * (1 - i * i), d * i * g * (1 - g)),
            3,
            "This looks like the two slopes swapped: i (1 - i) belongs to σ, 1 - g² to tanh.",
        ),
        "slope-of-sigmoid-twice": Mistake(
            lambda d, i, g: (d * g * i * (1 - i), d * i * g * (1 - g)),
            4,
            "This looks like the slope of σ for g, which left a tanh.",
        ),
        "slope-of-tanh-twice": Mistake(
            lambda d, i, g: (d * g * (1 - i * i), d * i * (1 - g * g)),
            3,
            "This looks like the slope of tanh for i, which left a σ.",
        ),
        "no-incoming-gradient": Mistake(
            lambda d, i, g: learn_backward(1.0, i, g),
            1,
            "This looks like the slopes alone, without the gradient dlearned that arrives.",
        ),
        "order-g-first": Mistake(
            lambda d, i, g: learn_backward(d, i, g)[::-1],
            3,
            "This looks like the right numbers in the order a_g, a_i; a_i comes first.",
        ),
    },
)

_I, _G = sigmoid(1.5), tanh(1.0)

LEARN_BY_HAND = numeric(
    "learn-by-hand",
    "Work out one learn gate by hand",
    chapter=4,
    statement="""
    One unit, one feature: the short-term memory is $h = 0.5$, the event $x = -1$. The weights on $[h, x]$ are $W_i =
    [1, 1]$ with $b_i = 2$ and $W_g = [1, -1]$ with $b_g = -0.5$. What does the learn gate let through, $i\\,g$?
    """,
    lines=("learned = σ(W_i [h, x] + b_i) · tanh(W_g [h, x] + b_g)",),
    hints=(
        "First the two sums: 1 · 0.5 + 1 · (-1) + 2, and the same for g.",
        "The sums are 1.5 and 1. Now squash each one, then multiply.",
    ),
    working="sigmoid(1 * 0.5 + 1 * -1 + 2) * tanh(1 * 0.5 - 1 * -1 - 0.5)",
    right="σ(1.5) = 0.818 of tanh(1) = 0.762 comes in.",
    mistakes={
        "added": Mistake(_I + _G, 1, "This looks like i and g added; they are multiplied."),
        "sigmoid-for-tanh": Mistake(_I * sigmoid(1.0), 1, "This looks like σ for the candidate g, which has a tanh."),
        "tanh-for-sigmoid": Mistake(tanh(1.5) * _G, 1, "This looks like tanh for the factor i, which has a σ."),
        "squashers-swapped": Mistake(
            tanh(1.5) * sigmoid(1.0), 1, "This looks like tanh and σ swapped: i has the σ, g the tanh."
        ),
        "one-minus-i": Mistake((1 - _I) * _G, 1, "This looks like 1 - i; a factor of 1 lets everything through."),
        "missing-bias": Mistake(sigmoid(-0.5) * tanh(1.5), 1, "This looks like both sums without their bias."),
        "content-only": Mistake(_G, 1, "This is the candidate g; the factor i lets a part of it through."),
        "not-squashed": Mistake(1.5 * 1.0, 1, "This looks like the product of the two sums before they are squashed."),
    },
)

IGNORE_FACTOR = judgement(
    "ignore-factor",
    "Read an ignore factor of 1",
    chapter=4,
    statement="""
    At some step, the ignore factor (the field's input gate) of a unit is $i_t = 1$ to many digits. What happens with
    the candidate $g_t$ (the article's $N_t$) at this step?
    """,
    lines=("c = f · c_prev + i · g",),
    hints=("Put i = 1 into learned = i · g.", "Which gate decides about the old memory?"),
    options={
        "comes-in-whole": "All of it is added to the long-term memory.",
        "is-ignored": "It is ignored, and nothing is added.",
        "replaces-the-memory": "It takes the place of the long-term memory.",
        "goes-out-at-once": "It is given out as the short-term memory.",
    },
    solution="comes-in-whole",
    right="the name misleads: at 1 nothing is ignored, at 0 everything is.",
    mistakes={
        "name-taken-literally": Mistake(
            "is-ignored", 1, "This follows the name and not the equation: i multiplies g, so i = 1 lets it all through."
        ),
        "sum-for-replacement": Mistake(
            "replaces-the-memory",
            1,
            "This forgets the other term: the old memory stays as far as f keeps it, and i has no say in that.",
        ),
        "learn-for-use": Mistake(
            "goes-out-at-once",
            1,
            "This takes the learn gate for the use gate: i decides what enters the long-term memory, o what is given "
            "out.",
        ),
    },
)

EXERCISES = (LEARN_GATE, LEARN_BACKWARD, LEARN_BY_HAND, IGNORE_FACTOR)
