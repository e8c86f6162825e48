"""Exercises of chapter 8, learning to remember: the backward step, a bias for a delay, broken roads back."""

# mypy: disable-error-code="no-untyped-def"

from lstm_lib.exercises._exercise import Mistake
from lstm_lib.exercises._make import code, judgement, numeric
from lstm_lib.exercises._probes import CONTENT, GATE, STATE
from lstm_lib.exercises._tools import tanh


def memory_gradient(dh, dc, o, c, f):
    """Return the gradient of the old memory c_prev, along the memory.

    dh and dc are the gradients that arrive at h and c.
    """
    u = tanh(c)
    dc_all = dc + dh * o * (1 - u * u)
    return dc_all * f


MEMORY_GRADIENT = code(
    "memory-gradient",
    "Send a gradient back along the memory",
    chapter=8,
    statement="""
    One step of the standard cell ended with $c = f c_{t-1} + i g$ and $h = o \\tanh(c)$. From the right arrive `dh`,
    the gradient of the loss with respect to $h$ (short-term memory), and `dc`, the gradient that comes back along
    $c$ (long-term memory), as the next step hands it over. Write `memory_gradient(dh, dc, o, c, f)`, which returns
    the gradient that goes on to $c_{t-1}$ along the memory.
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
    },
)

def lstm_backward(dh, dc, i, f, g, o, c_prev, c):
    """Return (da_i, da_f, da_g, da_o, dc_prev) of one step.

    dh and dc arrive at h and c; a_i to a_o are the sums before squashing.
    """
    u = tanh(c)
    dc_all = dc + dh * o * (1 - u * u)
    da_i = dc_all * g * i * (1 - i)
    da_f = dc_all * c_prev * f * (1 - f)
    da_g = dc_all * i * (1 - g * g)
    da_o = dh * u * o * (1 - o)
    return da_i, da_f, da_g, da_o, dc_all * f


def _backward(*, through_h=1.0, along_c=1.0, slopes=1.0, tanh_slope=0.0, old=0.0, late=0.0):
    """Return a backward step with some part of it left out or exchanged."""

    def wrong(dh, dc, i, f, g, o, c_prev, c):
        u = tanh(c)
        dc_all = along_c * dc + through_h * dh * o * (1 - u * u)
        of_g = tanh_slope * (g * (1 - g)) + (1 - tanh_slope) * (1 - g * g)
        parts = (dc_all * g, dc_all * (old * c + (1 - old) * c_prev), dc_all * i, dh * u)
        sizes = (i * (1 - i), f * (1 - f), of_g, o * (1 - o))
        sums = [part * (slopes * size + 1 - slopes) for part, size in zip(parts, sizes, strict=True)]
        return *sums, dc_all * f * (1 - late) + late * dc_all

    return wrong


LSTM_BACKWARD = code(
    "lstm-backward",
    "Write the whole backward step",
    chapter=8,
    statement="""
    Now all of it. One step of the standard cell squashed four sums, $i = \\sigma(a_i)$, $f = \\sigma(a_f)$, $g =
    \\tanh(a_g)$, $o = \\sigma(a_o)$, and went on with $c = f c_{prev} + i g$ and $h = o \\tanh(c)$. `dh` and `dc`
    arrive from the right, at $h$ and along $c$. Write `lstm_backward(dh, dc, i, f, g, o, c_prev, c)`, which
    returns the gradients of the four sums and of the old memory, in the order $a_i, a_f, a_g, a_o, c_{prev}$. The
    check is a gradient check: the right answers are what the forward step does when it is nudged.
    """,
    lines=(
        "h = o · tanh(c)",
        "c = f · c_prev + i · g",
        "i = σ(a_i), f = σ(a_f), g = tanh(a_g), o = σ(a_o)",
    ),
    hints=(
        "Start with what arrives at c in all: dc, and through h another dh · o · (1 - tanh(c)²).",
        "Then each factor of a product gets the other one: di = dc · g, df = dc · c_prev, dg = dc · i, and do = dh · "
        "tanh(c).",
        "Last the slopes, by what came out: x · (1 - x) for σ, 1 - x² for tanh.",
    ),
    inputs={
        "dh": STATE,
        "dc": STATE,
        "i": GATE,
        "f": GATE,
        "g": CONTENT,
        "o": GATE,
        "c_prev": STATE,
        "c": STATE,
    },
    returns=("da_i", "da_f", "da_g", "da_o", "dc_prev"),
    solution=lstm_backward,
    right="this is the backward pass of torch.nn.LSTM, one step of it; the rest is one product with the weights.",
    mistakes={
        "road-through-h-missing": Mistake(
            _backward(through_h=0.0), 1, "This looks like a step without the road through h: c is read by h too."
        ),
        "road-along-c-missing": Mistake(
            _backward(along_c=0.0), 2, "This looks like the road through h alone; dc, which comes along c, is missing."
        ),
        "slopes-missing": Mistake(
            _backward(slopes=0.0),
            3,
            "This looks like the gradients of i, f, g and o themselves; one slope more leads to the sums inside.",
        ),
        "one-slope-for-all": Mistake(
            _backward(tanh_slope=1.0), 3, "This looks like the slope of σ for g as well; g left a tanh: 1 - g²."
        ),
        "new-memory-for-old": Mistake(
            _backward(old=1.0), 2, "This looks like f paired with the new memory c; in f · c_prev it meets the old one."
        ),
        "forget-factor-missing": Mistake(
            _backward(late=1.0), 2, "This looks like the gradient of c in the last place; c_prev gets f times that."
        ),
    },
)

BIAS_FOR_DELAY = numeric(
    "bias-for-delay",
    "Choose a forget bias for a delay",
    chapter=8,
    statement="""
    At the start of training, half of a gradient shall be left after 100 steps back along the long-term memory $c$. Take
    the forget gate (forget factor) as constant, $f = \\sigma(b_f)$. Which forget bias $b_f$ does that?
    """,
    lines=("f^100 = 1/2", "f = σ(b_f), so b_f = ln(f / (1 - f))"),
    hints=(
        "First the gate: which f, taken to the power of 100, is one half?",
        "f = 0.5 to the power of 1/100, about 0.993. Then the bias: σ backwards is ln(f / (1 - f)).",
    ),
    working="math.log(0.5 ** (1 / 100) / (1 - 0.5 ** (1 / 100)))",
    right="close to 5: a bias of 1, the usual start, would leave 2e-14.",
    mistakes={
        "gate-for-bias": Mistake(0.9930925, 2, "This is the gate f; asked for is the bias b_f, whose σ it is."),
        "log-for-bias": Mistake(
            -0.0069314718, 2, "This is ln f, the logarithm of the gate; the bias is ln(f / (1 - f))."
        ),
        "half-a-step": Mistake(0.0, 1, "This keeps half at every step; half shall be left after 100 of them."),
        "one-tenth": Mistake(3.7596027, 1, "This leaves one tenth after 100 steps; it shall be one half."),
        "tanh-for-sigmoid": Mistake(2.8324171, 2, "This looks like tanh for the gate; a gate is a σ."),
        "ten-steps": Mistake(2.6342405, 1, "This leaves half after 10 steps; here there are 100."),
        "log-of-delay": Mistake(
            4.6051702, 1, "This looks like ln 100, which leaves 0.37, about 1/e; one half needs a little more."
        ),
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
    right="0.73 to the power of 100 is 2e-14: the event that matters is not heard at the start.",
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

EXERCISES = (MEMORY_GRADIENT, LSTM_BACKWARD, BIAS_FOR_DELAY, FLAT_LOSS, GROWING_ROAD, WRONG_FROM_TWO)
