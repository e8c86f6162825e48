"""Exercises of chapter 2, memory loss: three clocks, backpropagation through time, clipping."""

# mypy: disable-error-code="no-untyped-def"

from lstm_lib.exercises._exercise import Mistake
from lstm_lib.exercises._make import code, judgement, numeric
from lstm_lib.exercises._probes import CONTENT, LIST, NUMBER, STATE, STATES, WEIGHT, Kind
from lstm_lib.exercises._tools import dot, tanh


def tanh_backward(dh, h, h_prev, w_h):
    """Return the gradients (dh_prev, dw_h, db) of one step.

    The step made h = tanh(w_h h_prev + w_x x + b).
    """
    da = dh * (1 - h * h)
    return da * w_h, da * h_prev, da


TANH_BACKWARD = code(
    "tanh-backward",
    "Send a gradient back through one step",
    chapter=2,
    statement="""
    One step made $h = \\tanh(a)$ with $a = w_h h_{prev} + w_x x + b$ (h is the hidden state, the article's short-term
    memory). From later steps comes `dh`, the gradient of the loss with respect to $h$. The slope of tanh can be read
    off its value: $\\partial a = \\partial h\\,(1 - h^2)$. Write `tanh_backward(dh, h, h_prev, w_h)`, which returns
    the gradients of $h_{prev}$, $w_h$ and $b$, in this order.
    """,
    lines=("∂a = ∂h (1 - h²)", "∂h_prev = ∂a w_h", "∂w_h = ∂a h_prev", "∂b = ∂a"),
    hints=(
        "Go backwards through the step: first through tanh to its argument a, then from a to everything that is in it.",
        "In a = w_h h_prev + w_x x + b, how fast does a change when h_prev changes? And when w_h changes?",
        "With da = dh * (1 - h * h), each of the three gradients is da times something.",
    ),
    inputs={"dh": STATE, "h": CONTENT, "h_prev": CONTENT, "w_h": WEIGHT},
    returns=("dh_prev", "dw_h", "db"),
    solution=tanh_backward,
    right="each step back multiplies the gradient by w_h (1 - h²): that product is what vanishes or explodes.",
    mistakes={
        "slope-of-sigmoid": Mistake(
            lambda dh, h, h_prev, w_h: (dh * h * (1 - h) * w_h, dh * h * (1 - h) * h_prev, dh * h * (1 - h)),
            1,
            "This looks like the slope of σ, h (1 - h), where tanh was used.",
        ),
        "squashed-twice": Mistake(
            lambda dh, h, h_prev, w_h: tanh_backward(dh, tanh(h), h_prev, w_h),
            1,
            "This looks like 1 - tanh(h)²; h has been through tanh already, so its own square is enough.",
        ),
        "no-square": Mistake(
            lambda dh, h, h_prev, w_h: (dh * (1 - h) * w_h, dh * (1 - h) * h_prev, dh * (1 - h)),
            1,
            "This looks like 1 - h; the slope of tanh is 1 - h².",
        ),
        "no-slope": Mistake(
            lambda dh, h, h_prev, w_h: (dh * w_h, dh * h_prev, dh),
            1,
            "This looks like a way back that leaves out tanh.",
        ),
        "no-incoming-gradient": Mistake(
            lambda dh, h, h_prev, w_h: tanh_backward(1.0, h, h_prev, w_h),
            1,
            "This looks like the slopes alone; the gradient dh that comes from later steps multiplies all of them.",
        ),
        "partners-swapped": Mistake(
            lambda dh, h, h_prev, w_h: (dh * (1 - h * h) * h_prev, dh * (1 - h * h) * w_h, dh * (1 - h * h)),
            2,
            "This looks like the first two gradients swapped: in a product, each factor's gradient holds the other "
            "factor.",
        ),
        "new-state-for-old": Mistake(
            lambda dh, h, h_prev, w_h: tanh_backward(dh, h, h, w_h)[:1] + (dh * (1 - h * h) * h, dh * (1 - h * h)),
            3,
            "This looks like the new state h where the weight met the old one, h_prev.",
        ),
    },
)


def gradient_to_start(dh, hs, w_h):
    """Return the gradient with respect to h_0.

    dh is the gradient with respect to the last of the states hs.
    """
    for h in reversed(hs):
        dh = dh * w_h * (1 - h * h)
    return dh


def _gradient_sum(dh, hs, w_h):
    return dh * sum(w_h * (1 - h * h) for h in hs)


def _gradient_no_square(dh, hs, w_h):
    for h in reversed(hs):
        dh = dh * w_h * (1 - h)
    return dh



BPTT = code(
    "gradient-through-time",
    "Follow a gradient back through time",
    chapter=2,
    statement="""
    A one-unit network went through the states `hs` = $[h_1, \\dots, h_T]$ (hidden states; short-term memories), each
    made by $h_t = \\tanh(w_h h_{t-1} + w_x x_t + b)$. The loss reads the last state only, and `dh` is its gradient
    there. Write `gradient_to_start(dh, hs, w_h)`, which returns the gradient with respect to the initial state:
    $\\partial h_0 = \\partial h_T \\prod_{t=1}^{T} w_h (1 - h_t^2)$. This product of slopes is the product of
    Jacobians for one unit.
    """,
    lines=("∂h_{t-1} = ∂h_t · w_h (1 - h_t²)", "∂h_0 = ∂h_T · w_h (1 - h_1²) · … · w_h (1 - h_T²)"),
    hints=(
        "One step back multiplies the gradient by w_h (1 - h²), with the h that this step made.",
        "There are as many factors as states. Which state comes first on the way back?",
        "for h in reversed(hs): dh = dh * …",
    ),
    inputs={"dh": NUMBER, "hs": STATES, "w_h": Kind("", "", 0.6, 1.6)},
    returns=("dh_0",),
    solution=gradient_to_start,
    also=(
        """
        def gradient_to_start(dh, hs, w_h):
            slope = 1.0
            for h in hs:
                slope = slope * (1 - h * h)
            return dh * w_h ** len(hs) * slope
        """,
    ),
    right="T factors are multiplied, so the gradient shrinks or grows like a T-th power.",
    mistakes={
        "sum-for-product": Mistake(
            _gradient_sum,
            2,
            "This looks like the factors added; a gradient passes through them one after the other, so they multiply.",
        ),
        "last-step-skipped": Mistake(
            lambda dh, hs, w_h: gradient_to_start(dh, hs[:-1], w_h),
            2,
            "This looks like one factor too few: the last state was made by a tanh too, and the way back starts there.",
        ),
        "first-step-skipped": Mistake(
            lambda dh, hs, w_h: gradient_to_start(dh, hs[1:], w_h),
            2,
            "This looks like a way back that ends at h_1; one more factor leads to h_0.",
        ),
        "weight-only": Mistake(
            lambda dh, hs, w_h: dh * w_h ** len(hs),
            1,
            "This looks like the weight alone, w_h to the power T; each step has the slope of its tanh as well.",
        ),
        "slope-only": Mistake(
            lambda dh, hs, w_h: gradient_to_start(dh, hs, 1.0),
            1,
            "This looks like the slopes of tanh without the weight.",
        ),
        "weight-once": Mistake(
            lambda dh, hs, w_h: gradient_to_start(dh, hs, 1.0) * w_h,
            2,
            "This looks like the weight multiplied in once; it is met at every step.",
        ),
        "no-square": Mistake(_gradient_no_square, 1, "This looks like 1 - h; the slope of tanh is 1 - h²."),
        "squashed-twice": Mistake(
            lambda dh, hs, w_h: gradient_to_start(dh, [tanh(h) for h in hs], w_h),
            1,
            "This looks like 1 - tanh(h)²; the states have been through tanh already.",
        ),
        "no-incoming-gradient": Mistake(
            lambda dh, hs, w_h: gradient_to_start(1.0, hs, w_h),
            2,
            "This looks like the factors alone, without the gradient dh that arrives.",
        ),
    },
)


def clip_by_norm(gradients, limit):
    """Return the gradients, scaled down together above the limit."""
    norm = dot(gradients, gradients) ** 0.5
    scale = limit / max(norm, limit)
    return [scale * gradient for gradient in gradients]


def _scaled(gradients, scale):
    return [scale * gradient for gradient in gradients]


def _clip_with(norm_of):
    return lambda gradients, limit: _scaled(gradients, limit / max(norm_of(gradients), limit))



CLIP = code(
    "clip-by-norm",
    "Clip a gradient without turning it",
    chapter=2,
    statement="""
    Gradients that explode are clipped: if the norm of all gradients together, $\\sqrt{\\sum_k g_k^2}$, is above a
    limit, all of them are multiplied by the same number, so that the norm becomes the limit. Otherwise they stay as
    they are, also where all of them are zero. Write `clip_by_norm(gradients, limit)`, which returns the new list.
    `dot` is there for you: `dot(a, b)` of two lists is $\\sum_k a_k b_k$.
    """,
    lines=("norm = √(g_1² + … + g_N²)", "scale = limit / max(norm, limit)", "g_k' = scale · g_k"),
    hints=(
        "One number, the scale, is found first; then every gradient is multiplied by it.",
        "dot(gradients, gradients) is the sum of the squares, and ** 0.5 takes the root.",
        "Below the limit, limit / norm is above 1, and for zeros there is none. What should the scale be then?",
    ),
    inputs={"gradients": LIST._replace(edge=0.0), "limit": Kind("", "", 0.8, 3.0)},
    returns=("the clipped gradients",),
    solution=clip_by_norm,
    also=(
        """
        def clip_by_norm(gradients, limit):
            norm = dot(gradients, gradients) ** 0.5
            return [gradient * limit / norm if norm > limit else gradient for gradient in gradients]
        """,
    ),
    right="the direction stays, only the length is limited.",
    mistakes={
        "each-by-itself": Mistake(
            lambda gradients, limit: [max(-limit, min(limit, gradient)) for gradient in gradients],
            3,
            "This looks like each gradient clipped by itself, which turns the direction; one scale for all of them "
            "keeps it.",
        ),
        "cut-above": Mistake(
            lambda gradients, limit: [min(limit, gradient) for gradient in gradients],
            3,
            "This looks like each gradient cut off by itself, above the limit only; one scale for all of them keeps "
            "the direction, and a long step down is as long as one up.",
        ),
        "always-scaled": Mistake(
            lambda gradients, limit: _scaled(gradients, limit / (dot(gradients, gradients) ** 0.5 or limit)),
            2,
            "This looks like a scale that also stretches short gradients; below the limit they stay as they are.",
        ),
        "no-root": Mistake(
            _clip_with(lambda gradients: dot(gradients, gradients)),
            1,
            "This looks like the norm without its square root.",
        ),
        "sum-of-sizes": Mistake(
            _clip_with(lambda gradients: sum(abs(gradient) for gradient in gradients)),
            1,
            "This looks like the sum of the sizes |g|; the norm is the root of the sum of squares.",
        ),
        "largest-only": Mistake(
            _clip_with(lambda gradients: max(abs(gradient) for gradient in gradients)),
            1,
            "This looks like the largest gradient taken for the norm; all of them count together.",
        ),
        "unit-length": Mistake(
            lambda gradients, limit: (
                _scaled(gradients, 1 / dot(gradients, gradients) ** 0.5)
                if dot(gradients, gradients) ** 0.5 > limit
                else list(gradients)
            ),
            2,
            "This looks like long gradients scaled to norm 1; their norm becomes the limit.",
        ),
        "never-clipped": Mistake(
            lambda gradients, limit: list(gradients),
            2,
            "This looks like the gradients as they came, however long they are.",
        ),
        "upside-down": Mistake(
            lambda gradients, limit: _scaled(gradients, max(1.0, limit / (dot(gradients, gradients) ** 0.5 or limit))),
            2,
            "This looks like max where min is needed: short gradients are stretched and long ones pass.",
        ),
        "limit-for-each": Mistake(
            lambda gradients, limit: (
                [limit] * len(gradients) if dot(gradients, gradients) ** 0.5 > limit else list(gradients)
            ),
            3,
            "This looks like the limit in the place of each gradient; the limit is for their length: each keeps "
            "its share of it.",
        ),
        "norm-only": Mistake(
            lambda gradients, limit: min(limit, dot(gradients, gradients) ** 0.5),
            3,
            "This looks like the new norm; the list of gradients is asked for.",
        ),
    },
)

LATCH_GRADIENT = numeric(
    "latch-gradient",
    "Predict what arrives five steps back",
    chapter=2,
    statement="""
    A tanh unit with $w_h = 1.5$ has latched: its state (short-term memory) stays at $h = 0.8586$ for ever. A gradient
    of 1 arrives at the state of one step. How much of it arrives at the state five steps before?
    """,
    lines=("∂h_{t-1} = ∂h_t · w_h (1 - h²)",),
    hints=(
        "First find the factor of one step back, w_h (1 - h²).",
        "Five steps back multiply by this factor five times.",
    ),
    working="(1.5 * (1 - 0.8586**2)) ** 5",
    tolerance=0.03,
    right="the state keeps for ever while its gradient halves every 0.74 steps: storing is not learning to store.",
    mistakes={
        "state-clock": Mistake(
            1.0, 1, "This looks like the clock of the state, which loses nothing; the gradient has a clock of its own."
        ),
        "weight-only": Mistake(
            1.5**5,
            1,
            "This looks like the weight alone, 1.5 to the power 5; the slope of tanh, 1 - h², is met at every step "
            "too.",
        ),
        "slope-only": Mistake(
            (1 - 0.8586**2) ** 5, 1, "This looks like the slope of tanh alone; the weight 1.5 is met at every step too."
        ),
        "one-step": Mistake(
            1.5 * (1 - 0.8586**2), 1, "This is the factor of one step; five steps multiply it five times."
        ),
        "half-life-for-factor": Mistake(
            0.74**5,
            1,
            "This raises 0.74 to the power 5, the half-life of such a gradient; the factor of a step is w_h (1 - h²).",
        ),
        "added-up": Mistake(
            5 * 1.5 * (1 - 0.8586**2),
            1,
            "This looks like five factors added; a gradient passes through one after the other.",
        ),
        "no-square": Mistake((1.5 * (1 - 0.8586)) ** 5, 1, "This looks like 1 - h; the slope of tanh is 1 - h²."),
        "powers-of-the-state": Mistake(
            0.8586**5, 1, "This looks like the state to the power 5; the factor of a step is w_h (1 - h²)."
        ),
    },
)

WHICH_CLOCK = judgement(
    "which-clock",
    "Tell the three clocks apart",
    chapter=2,
    statement="""
    A tanh unit holds 0.859 for as long as you like (the state clock). On its way back, its gradient halves every
    0.74 steps (the gradient clock). What follows for training it to remember over 30 steps?
    """,
    lines=("state: h stays at 0.859", "gradient: (1/2)^(30 / 0.74) ≈ 6e-13 of it arrives 30 steps back"),
    hints=("Two of the clocks are given. Which one does the network live by, and which one does training live by?",),
    options={
        "stores-but-hard-to-train": "It can hold a bit that long, and training hears almost nothing of why it should.",
        "gradient-lasts-too": "What the state keeps, the gradient keeps too, so training works.",
        "state-fades-too": "The state fades as fast as its gradient, so it cannot hold anything for 30 steps.",
        "weights-shrink": "Its weight shrinks a little at every step until nothing is left.",
    },
    solution="stores-but-hard-to-train",
    right=(
        "holding a bit and learning to hold it are two things, with a clock each; the third clock is what a trained "
        "network recalls."
    ),
    mistakes={
        "one-clock-state": Mistake(
            "gradient-lasts-too",
            2,
            "This takes the clock of the state for the clock of the gradient; they differ here as much as they can.",
        ),
        "one-clock-gradient": Mistake(
            "state-fades-too",
            1,
            "This takes the clock of the gradient for the clock of the state; the state does not fade at all.",
        ),
        "weights-for-gradients": Mistake(
            "weights-shrink",
            2,
            "This takes weights for gradients: the weight is 1.5 at every step, and what shrinks is the gradient that "
            "travels back.",
        ),
    },
)

EXERCISES = (TANH_BACKWARD, BPTT, CLIP, LATCH_GRADIENT, WHICH_CLOCK)
