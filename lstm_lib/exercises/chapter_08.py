"""Exercises of chapter 8, learning to remember: the backward step, what is left of a gradient, broken roads back."""

# mypy: disable-error-code="no-untyped-def"

from lstm_lib.exercises._core import Mistake, code, judgement, numeric
from lstm_lib.exercises._probes import GATE, STATE
from lstm_lib.exercises._tools import tanh


def memory_gradient(dh, dc, o, c, f):
    """Return the gradient of the old memory c_prev, given dh and dc, the gradients that arrive at h and c."""
    u = tanh(c)
    dc_all = dc + dh * o * (1 - u * u)
    return dc_all * f


def _in_place(dh, dc, o, c, f):
    result = memory_gradient(dh, dc, o, c, f)
    if not isinstance(dc, float):
        dc *= 0.5
    return result


MEMORY_GRADIENT = code(
    "memory-gradient",
    "Send a gradient back along the memory",
    chapter=8,
    statement="""
    One step of the standard cell ended with $c = f c_{t-1} + i g$ and $h = o \\tanh(c)$. From the right arrive `dh`,
    the gradient of the loss with respect to $h$ (short-term memory), and `dc`, the gradient along $c$ (long-term
    memory) from the next step. Write `memory_gradient(dh, dc, o, c, f)`, which returns the gradient that goes on to
    $c_{t-1}$ along the memory.
    """,
    lines=("c = f · c_prev + i · g", "h = o · tanh(c)"),
    hints=(
        "Two roads lead into c: along the memory, and through h. Their gradients add up.",
        "Through h: dh times o times the slope of tanh at c, which is 1 - tanh(c)².",
        "Then one factor takes the sum from c to c_prev: the forget gate f.",
    ),
    inputs={"dh": STATE, "dc": STATE, "o": GATE, "c": STATE, "f": GATE},
    returns=("dc_prev",),
    solution=memory_gradient,
    right="two roads into c, added, and one factor f on the way out.",
    mistakes={
        "road-through-h-missing": Mistake(
            lambda dh, dc, o, c, f: dc * f,
            2,
            "This looks like dc · f: what arrives through h = o · tanh(c) is missing.",
        ),
        "road-along-c-missing": Mistake(
            lambda dh, dc, o, c, f: dh * o * (1 - tanh(c) ** 2) * f,
            1,
            "This looks like the road through h alone; what comes along c from the next step, dc, is missing.",
        ),
        "forget-factor-missing": Mistake(
            lambda dh, dc, o, c, f: dc + dh * o * (1 - tanh(c) ** 2),
            1,
            "This looks like the gradient of c, not yet of c_prev: the factor f is missing.",
        ),
        "slope-of-c": Mistake(
            lambda dh, dc, o, c, f: (dc + dh * o * (1 - c * c)) * f,
            2,
            "This looks like a slope of 1 - c²; it is 1 - tanh(c)²: the short form needs what came out of the tanh.",
        ),
        "tanh-for-its-slope": Mistake(
            lambda dh, dc, o, c, f: (dc + dh * o * tanh(c)) * f,
            2,
            "This looks like tanh(c) where its slope, 1 - tanh(c)², belongs.",
        ),
        "slope-missing": Mistake(
            lambda dh, dc, o, c, f: (dc + dh * o) * f,
            2,
            "This looks like dh · o without the slope of the tanh.",
        ),
        "square-missing": Mistake(
            lambda dh, dc, o, c, f: (dc + dh * o * (1 - tanh(c))) * f,
            2,
            "This looks like 1 - tanh(c); the slope is 1 - tanh(c)², with a square.",
        ),
        "output-gate-missing": Mistake(
            lambda dh, dc, o, c, f: (dc + dh * (1 - tanh(c) ** 2)) * f,
            2,
            "This looks like the road through h without the output gate o.",
        ),
        "gates-swapped": Mistake(
            lambda dh, dc, o, c, f: (dc + dh * f * (1 - tanh(c) ** 2)) * o,
            1,
            "This looks like o and f swapped: o stands on the road through h, f on the road along c.",
        ),
        "forget-on-one-road": Mistake(
            lambda dh, dc, o, c, f: dc * f + dh * o * (1 - tanh(c) ** 2),
            1,
            "This looks like f on the road along c only; both gradients meet in c, and their sum is multiplied by f.",
        ),
        "output-gate-on-both": Mistake(
            lambda dh, dc, o, c, f: (dc + dh) * o * (1 - tanh(c) ** 2) * f,
            2,
            "This looks like o and the slope of tanh on both roads; what comes along c passes neither.",
        ),
        "subtracted": Mistake(
            lambda dh, dc, o, c, f: (dc - dh * o * (1 - tanh(c) ** 2)) * f,
            2,
            "This looks like a difference; gradients that meet are added.",
        ),
        "changes-input": Mistake(
            _in_place,
            1,
            "The result is right, but your function changes one of its inputs in place (dc += … does so): make a new "
            "value.",
        ),
    },
)

SHARE_LEFT = numeric(
    "share-left",
    "Say what is left of a gradient after 30 steps",
    chapter=8,
    statement="""
    A fresh LSTM starts with the forget bias $b_f = 3$ (the bias of the forget factor). Take its forget gate as
    constant, $f = \\sigma(3)$. Which share of a gradient is left after 30 steps back along the long-term memory $c$?
    """,
    lines=("f = σ(b_f)", "c = f · c_prev + i · g"),
    hints=(
        "First the gate: σ(3) is close to 0.95.",
        "Each step back multiplies by f once more: a power with 30 steps.",
    ),
    working="sigmoid(3) ** 30",
    right="about 23 of 100; with b_f = 1 it would be 8 of 100,000.",
    mistakes={
        "one-step": Mistake(0.9525741268, 2, "This is what one step leaves; there are 30, and each multiplies by f."),
        "lost-share": Mistake(0.7672264, 2, "This is the share that is lost; what is left is 1 minus it."),
        "bias-one": Mistake(0.0000829133, 1, "This looks like b_f = 1, the usual start; here it is 3."),
        "tanh-for-sigmoid": Mistake(0.8619537, 1, "This looks like tanh(3) for the gate; a gate is a σ."),
        "subtracted": Mistake(
            -0.4227762, 2, "This looks like 0.05 taken away 30 times; each step takes a share of what is left."
        ),
        "times-30": Mistake(28.577224, 2, "This looks like 30 · f; the factors multiply: f to the power of 30."),
    },
)

FLAT_LOSS = judgement(
    "flat-loss",
    "Find out why the loss stays flat",
    chapter=8,
    statement="""
    An LSTM with $b_f = 1$ and $b_i = 0$ is trained on the delay task with four symbols at delay 100. After 600 batches
    the loss is still ln 4 = 1.39 nats. There is no NaN, and the same program with delay 10 solves its task. Backwards
    from the question, the gradient becomes shorter by nearly the same factor at every step. What is the cause?
    """,
    lines=("f = σ(b_f)", "c = f · c_prev + i · g"),
    hints=(
        "ln 4 is the loss of guessing: nothing about the symbol has been learned.",
        "What is σ(1) to the power of 100?",
    ),
    options={
        "rate-too-high": "The learning rate is too high: the steps jump over the solution.",
        "short-gradient": "Next to nothing of the gradient reaches the step at which the symbol was shown.",
        "too-few-units": "The network has too few units to hold one of four symbols.",
        "wrong-backward": "The backward pass has a mistake.",
    },
    solution="short-gradient",
    right="0.73 to the power of 100 is 3e-14: the event that matters is not heard at the start.",
    mistakes={
        "rate-blamed": Mistake(
            "rate-too-high",
            2,
            "This blames the step length: the loss would jump or grow. Here it stays at the value of guessing.",
        ),
        "size-blamed": Mistake(
            "too-few-units",
            1,
            "This blames the size: one of four symbols needs two bits, at delay 100 as at delay 10.",
        ),
        "program-blamed": Mistake(
            "wrong-backward",
            1,
            "This blames the program, which solves delay 10; and a constant factor below 1 a step is what f makes.",
        ),
    },
)

GROWING_ROAD = judgement(
    "growing-road",
    "Find the road on which a gradient grows",
    chapter=8,
    statement="""
    Backwards through a trained LSTM you measure at steps 40, 30, 20, 10 the length of the gradient of the loss with
    respect to the state: 1, 14, 190, 2,600. All forget gates (forget factors) lie between 0.6 and 0.9. On which road
    does the gradient grow?
    """,
    lines=("∂c_prev = f · ∂c, along the memory", "∂h_prev = sum of Wᵀ ∂a over the four gates"),
    hints=("Which of the two roads multiplies by numbers that are all below 1?",),
    options={
        "along-c": "Along the long-term memory c, where contributions are added up.",
        "at-the-tanh": "At tanh(c), whose slope multiplies the gradient.",
        "nowhere": "Nowhere: in an LSTM gradients cannot explode, so the measurement is wrong.",
        "through-h": "Through the short-term memory h: by the recurrent weights of the gates.",
    },
    solution="through-h",
    right="only there are factors above 1 possible; clipping the gradient is the usual remedy.",
    mistakes={
        "memory-blamed": Mistake(
            "along-c",
            2,
            "This blames the memory: along c each step multiplies by f, here at most 0.9, and nothing grows there.",
        ),
        "tanh-blamed": Mistake("at-the-tanh", 1, "This blames the tanh: its slope is never above 1."),
        "myth-of-no-explosion": Mistake(
            "nowhere",
            2,
            "This trusts a saying: the road along c cannot make a gradient grow, the road through h can.",
        ),
    },
)

WRONG_FROM_TWO = judgement(
    "wrong-from-two-steps",
    "Find the mistake in a backward pass",
    chapter=8,
    statement="""
    A hand-written backward pass is compared with autograd. The loss reads the last $h$ only. With sequences of one step
    all gradients of weights agree; with two steps they differ, and the gradient of the first long-term memory $c_0$
    agrees only if all recurrent weights (those on $h$) are zero. What has been forgotten?
    """,
    lines=("∂c = ∂c' + ∂h · o · (1 - tanh²(c))", "∂h_prev = sum of Wᵀ ∂a over the four gates"),
    hints=(
        "Which number leaves one backward step and enters the next one only where there are two steps?",
        "If the recurrent weights are zero, which road back is closed anyway?",
    ),
    options={
        "no-factor-f": "The factor f between ∂c and ∂c_prev.",
        "no-dh-carried": "∂h_prev, which has to be handed to the step before.",
        "no-tanh-slope": "The slope of the tanh in h = o · tanh(c).",
        "no-sum-over-time": "The sum over time: the gradients of the weights at all steps add up.",
    },
    solution="no-dh-carried",
    right="with one step nothing is handed on, and without recurrent weights there is nothing to hand on.",
    mistakes={
        "factor-blamed": Mistake(
            "no-factor-f",
            1,
            "This blames the road along c: without f the gradient of c_0 is wrong with zero recurrent weights too.",
        ),
        "slope-blamed": Mistake(
            "no-tanh-slope",
            1,
            "This blames a factor inside one step: without it, sequences of one step would disagree already.",
        ),
        "sum-blamed": Mistake(
            "no-sum-over-time",
            1,
            "This blames the sum, which concerns the weights alone: the gradient of c_0 would be right without it.",
        ),
    },
)

EXERCISES = (MEMORY_GRADIENT, SHARE_LEFT, FLAT_LOSS, GROWING_ROAD, WRONG_FROM_TWO)
