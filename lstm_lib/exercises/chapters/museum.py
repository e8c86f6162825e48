"""Exercises of the museum of broken LSTMs: a cell to mend, and weights that melt."""

# mypy: disable-error-code="no-untyped-def"

from lstm_lib.exercises._exercise import Mistake
from lstm_lib.exercises._make import code, numeric
from lstm_lib.exercises._probes import STATE
from lstm_lib.exercises._tools import sigmoid, tanh


def imported_memory(a_i, a_f, a_g, c_prev):
    """Return the new long-term memory c from the sums before squashing.

    The forget gate's sum a_f is stored without the 1 that belongs to it.
    """
    i = sigmoid(a_i)
    f = sigmoid(a_f + 1)
    g = tanh(a_g)
    return f * c_prev + i * g


def _wrong(*, inside=1.0, outside=0.0, on_i=0.0, squash_g=True, minus=False, exchanged=False, plus=False):
    """Return the step with something wrong in it."""

    def step(a_i, a_f, a_g, c_prev):
        i, f = sigmoid(a_i + on_i), sigmoid(a_f + inside) + outside
        if minus:
            f = 1 - f
        if exchanged:
            i, f = f, i
        g = tanh(a_g) if squash_g else a_g
        return f * c_prev + (i + g if plus else i * g)

    return step


IMPORTED_MEMORY = code(
    "imported-memory",
    "Mend an imported cell",
    chapter=0,
    statement="""
    This cell was brought from a framework that keeps a constant 1 beside the forget gate (forget factor) and adds it
    at every step. One of its four lines is wrong: `i = sigmoid(a_i)`; `f = sigmoid(a_f) + 1`; `g = tanh(a_g)`;
    `return f * c_prev + i * g`. Mend it: write `imported_memory(a_i, a_f, a_g, c_prev)`, which returns the new
    long-term memory $c$ (cell state). The sums `a_i`, `a_f`, `a_g` come without that 1.
    """,
    lines=("f = σ(a_f + 1)", "c = f · c_prev + i · g", "i = σ(a_i), g = tanh(a_g)"),
    hints=(
        "Between which two numbers does a gate lie? Work out the four lines for a_f = 0.",
        "The second line gives gates between 1 and 2. A bias is added before the squashing.",
        "f = sigmoid(a_f + 1); the other three lines stay.",
    ),
    inputs={"a_i": STATE, "a_f": STATE, "a_g": STATE, "c_prev": STATE},
    returns=("c",),
    solution=imported_memory,
    right="the bias stands inside, and the gate is a share again.",
    mistakes={
        "bias-outside": Mistake(
            _wrong(inside=0.0, outside=1.0),
            1,
            "This looks like the cell as it was: the 1 is added after σ, and f lies between 1 and 2.",
        ),
        "bias-missing": Mistake(
            _wrong(inside=0.0), 1, "This looks like the forget gate without the 1; it starts at 0.5, not at 0.73."
        ),
        "bias-twice": Mistake(_wrong(inside=2.0), 1, "This looks like a forget gate to which the 1 was added twice."),
        "bias-minus": Mistake(_wrong(inside=-1.0), 1, "This looks like the 1 subtracted; it is added."),
        "bias-on-both": Mistake(_wrong(on_i=1.0), 3, "This looks like the 1 added to i too; it belongs to f alone."),
        "bias-on-i": Mistake(
            _wrong(inside=0.0, on_i=1.0), 3, "This looks like the 1 added to i; it belongs to the forget gate f."
        ),
        "one-minus-f": Mistake(
            _wrong(minus=True), 2, "This looks like 1 - f; f itself is the share of the old memory that is kept."
        ),
        "gates-exchanged": Mistake(
            _wrong(exchanged=True), 2, "This looks like i and f exchanged: f keeps c_prev, i takes up g."
        ),
        "sum-for-product": Mistake(
            _wrong(plus=True), 2, "This looks like i + g; a share is taken by multiplying, i · g."
        ),
        "g-not-squashed": Mistake(
            _wrong(squash_g=False), 3, "This looks like the sum a_g where its tanh belongs."
        ),
    },
)

MELTED_WEIGHTS = numeric(
    "melted-weights",
    "Say what is left of the weights",
    chapter=0,
    statement="""
    A layer drops each of its recurrent weights with probability 0.3 at every forward pass of training, and writes the
    result back into the weights. Nothing is learned in between. Which share of the weights is, on average, not yet zero
    after 6 passes?
    """,
    lines=("share left after n passes = (1 - p)^n",),
    hints=(
        "After one pass 0.7 of the weights are left. The second pass drops 0.3 of those.",
        "A weight is left if it was spared 6 times: multiply 0.7 by itself.",
    ),
    working="(1 - 0.3) ** 6",
    right="about an eighth; every further pass takes 0.3 of the rest.",
    mistakes={
        "one-pass": Mistake(0.7, 1, "This is what one pass leaves; there are 6."),
        "dropped-each-time": Mistake(0.000729, 1, "This looks like 0.3^6, a weight that was dropped 6 times."),
        "share-of-zeros": Mistake(0.882351, 1, "This looks like the share that is zero; asked for is what is left."),
        "five-passes": Mistake(0.16807, 1, "This is what 5 passes leave; there is one more."),
        "seven-passes": Mistake(0.0823543, 1, "This is what 7 passes leave; it is one too many."),
        "linear": Mistake(
            -0.8, 1, "This looks like 0.3 of all weights at each pass; it is 0.3 of those that are left."
        ),
    },
)

EXERCISES = (IMPORTED_MEMORY, MELTED_WEIGHTS)
