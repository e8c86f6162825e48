"""Exercises of chapter 1, sequences and memory: a recurrent network by hand, and the stream of boxes."""

# mypy: disable-error-code="no-untyped-def"

from lstm_lib.exercises._exercise import Mistake
from lstm_lib.exercises._make import code, judgement, numeric
from lstm_lib.exercises._probes import NUMBER, SEQUENCE, WEIGHT
from lstm_lib.exercises._tools import sigmoid, tanh


def rnn_step(h, x, w_h, w_x, b):
    """Return the new state of a recurrent network with one unit."""
    return tanh(w_h * h + w_x * x + b)


RNN_STEP = code(
    "rnn-step",
    "Take one step of a recurrent network",
    chapter=1,
    statement="""
    A recurrent network with one unit mixes what it remembers, the state $h$ (the article's short-term memory, STM),
    with what happens now, the input $x$ (the event): $h' = \\tanh(w_h h + w_x x + b)$. Write `rnn_step(h, x, w_h,
    w_x, b)`, which returns the new state $h'$. `tanh` is there for you.
    """,
    lines=("h' = tanh(w_h h + w_x x + b)",),
    hints=(
        "Three things are added before anything is squashed: a share of the old state, a share of the event, a bias.",
        "Name the sum first: a = w_h * h + … and then squash it once.",
        "The last line is: return tanh(a)",
    ),
    inputs={"h": NUMBER, "x": NUMBER, "w_h": WEIGHT, "w_x": WEIGHT, "b": WEIGHT},
    returns=("h'",),
    solution=rnn_step,
    right="old state, event and bias are added, and one tanh keeps the new state between -1 and 1.",
    mistakes={
        "sigmoid-for-tanh": Mistake(
            lambda h, x, w_h, w_x, b: sigmoid(w_h * h + w_x * x + b),
            1,
            "This looks like σ where the state needs tanh: with σ it could never be negative.",
        ),
        "missing-tanh": Mistake(
            lambda h, x, w_h, w_x, b: w_h * h + w_x * x + b, 1, "This looks like the sum before it is squashed by tanh."
        ),
        "missing-bias": Mistake(
            lambda h, x, w_h, w_x, b: tanh(w_h * h + w_x * x), 1, "This looks like the step without its bias b."
        ),
        "bias-outside": Mistake(
            lambda h, x, w_h, w_x, b: tanh(w_h * h + w_x * x) + b,
            1,
            "This looks like the bias added after tanh; it belongs inside, with the other two terms.",
        ),
        "forgets-the-state": Mistake(
            lambda h, x, w_h, w_x, b: tanh(w_x * x + b),
            1,
            "This looks like a step that never reads the old state h, so it has no memory.",
        ),
        "ignores-the-event": Mistake(
            lambda h, x, w_h, w_x, b: tanh(w_h * h + b), 1, "This looks like a step that never reads the event x."
        ),
        "product-for-sum": Mistake(
            lambda h, x, w_h, w_x, b: tanh(w_h * h * w_x * x + b),
            1,
            "This looks like state and event multiplied with each other where they are added.",
        ),
        "weights-swapped": Mistake(
            lambda h, x, w_h, w_x, b: tanh(w_h * x + w_x * h + b),
            1,
            "This looks like the two weights swapped: w_h belongs to the state, w_x to the event.",
        ),
        "tanh-twice": Mistake(
            lambda h, x, w_h, w_x, b: tanh(w_h * tanh(h) + w_x * x + b),
            1,
            "This looks like the old state squashed once more before it is used; it left its own tanh one step ago.",
        ),
        "keeps-adding": Mistake(
            lambda h, x, w_h, w_x, b: h + tanh(w_h * h + w_x * x + b),
            1,
            "This looks like the new state added to the old one; here it replaces the old one (adding comes in chapter "
            "3).",
        ),
    },
)


def rnn_run(xs, h, w_h, w_x, b):
    """Return the list of states, one after each event."""
    hs = []
    for x in xs:
        h = tanh(w_h * h + w_x * x + b)
        hs.append(h)
    return hs


def _run_without_carrying(xs, h, w_h, w_x, b):
    return [tanh(w_h * h + w_x * x + b) for x in xs]


def _run_with_initial_state(xs, h, w_h, w_x, b):
    return [h, *rnn_run(xs, h, w_h, w_x, b)]


def _run_one_late(xs, h, w_h, w_x, b):
    return [h, *rnn_run(xs, h, w_h, w_x, b)][:-1]



RNN_RUN = code(
    "rnn-run",
    "Carry the state through a sequence",
    chapter=1,
    statement="""
    Write `rnn_run(xs, h, w_h, w_x, b)`: start from the state $h_0$ = `h` (short-term memory), go through the events
    in `xs` from first to last, take the step $h_t = \\tanh(w_h h_{t-1} + w_x x_t + b)$ for each, and return the list
    $[h_1, \\dots, h_T]$, one state for each event.
    """,
    lines=("h_t = tanh(w_h h_{t-1} + w_x x_t + b)", "return [h_1, …, h_T]"),
    hints=(
        "A list that grows, and one variable h that is replaced at every step, are all you need.",
        "Inside the loop: compute the new h from the old h, then append it.",
        "for x in xs: h = tanh(…); hs.append(h)",
    ),
    inputs={"xs": SEQUENCE, "h": NUMBER, "w_h": WEIGHT, "w_x": WEIGHT, "b": WEIGHT},
    returns=("the list of states",),
    solution=rnn_run,
    also=(
        """
        def rnn_run(xs, h, w_h, w_x, b):
            hs = [h]
            for x in list(xs):
                hs.append(tanh(w_h * hs[-1] + w_x * x + b))
            return hs[1:]
        """,
    ),
    right="each state is made from the one before it, so the last one can know of the first event.",
    mistakes={
        "state-not-carried": Mistake(
            _run_without_carrying, 1, "This looks like every step starting again from the first state h."
        ),
        "starts-from-zero": Mistake(
            lambda xs, h, w_h, w_x, b: rnn_run(xs, 0 * h, w_h, w_x, b),
            1,
            "This looks like a run from an empty memory; it starts from the given state h.",
        ),
        "last-state-only": Mistake(
            lambda xs, h, w_h, w_x, b: rnn_run(xs, h, w_h, w_x, b)[-1],
            2,
            "This looks like the last state alone; a list with one state for each event is asked for.",
        ),
        "with-initial-state": Mistake(
            _run_with_initial_state, 2, "This looks like a list that begins with the initial state; it begins with h_1."
        ),
        "not-carried-with-initial-state": Mistake(
            lambda xs, h, w_h, w_x, b: [h, *_run_without_carrying(xs, h, w_h, w_x, b)],
            1,
            "This looks like every step starting again from the first state h, and a list that begins with it; the "
            "list begins with h_1, and each step starts from the state before.",
        ),
        "one-step-late": Mistake(
            _run_one_late,
            2,
            "This looks like each state stored before its event is read, so everything is one step late.",
        ),
        "backwards": Mistake(
            lambda xs, h, w_h, w_x, b: rnn_run(xs[::-1], h, w_h, w_x, b),
            1,
            "This looks like a run from the last event to the first.",
        ),
        "sigmoid-for-tanh": Mistake(
            lambda xs, h, w_h, w_x, b: [h := sigmoid(w_h * h + w_x * x + b) for x in xs],
            1,
            "This looks like σ where the state needs tanh.",
        ),
        "missing-bias": Mistake(
            lambda xs, h, w_h, w_x, b: rnn_run(xs, h, w_h, w_x, 0.0), 1, "This looks like the run without its bias b."
        ),
    },
)

STREAM_FEATURES = numeric(
    "stream-features",
    "Count what the network sees at each step",
    chapter=1,
    statement="""
    In the stream of boxes, the input of a step is a symbol as one-hot (as many numbers as there are symbols, one of
    them 1), a write flag for each box, and an ask flag for each box. With 5 symbols and 3 boxes, how many features
    $D$ has the input $x$ (the event)?
    """,
    lines=("x = [symbol, write flags, ask flags]",),
    hints=(
        "Write down the input for “write symbol 2 into box 1”, number by number.",
        "The symbol takes 5 numbers. How many flags are there?",
    ),
    working="5 + 2 * 3",
    tolerance=0,
    right="5 for the symbol, 3 write flags, 3 ask flags.",
    mistakes={
        "one-flag-a-box": Mistake(8, 1, "This looks like one flag for each box; writing and asking have one each."),
        "all-combinations": Mistake(
            30,
            1,
            "This looks like one feature for each combination; symbol and flags stand side by side, so they add up.",
        ),
        "flags-for-all-boxes": Mistake(
            10,
            1,
            "This looks like 5 for the symbol, 3 for the box and one flag each for writing and asking; here each box "
            "has its own write flag and its own ask flag.",
        ),
        "symbols-times-boxes": Mistake(
            15, 1, "This looks like one feature for each symbol in each box; symbol and flags stand side by side."
        ),
        "exchanged": Mistake(
            13, 1, "This looks like symbols and boxes exchanged: there is one symbol of 5, and two flags for each box."
        ),
        "flags-only": Mistake(6, 1, "This looks like the flags without the symbol."),
        "flag-for-distractors": Mistake(
            12, 1, "This looks like one more flag for distractors; they are the steps with no flag at all."
        ),
        "two-symbols": Mistake(16, 1, "This looks like everything doubled; the symbol is shown once."),
    },
)

JOINED_SHAPE = judgement(
    "joined-shape",
    "Find the shape of W",
    chapter=1,
    statement="""
    State and event are joined into one list $[h, x]$ (the article's $[STM, E]$), and one table of weights acts on it:
    $h' = \\tanh(W [h, x] + b)$. With $H = 3$ units and $D = 5$ features, which shape has $W$, in rows and columns?
    """,
    lines=("h' = tanh(W [h, x] + b)",),
    hints=("Each row of W makes one number of h'.", "Each row has one weight for every number in [h, x]."),
    options={
        "3-by-8": "3 rows, 8 columns",
        "8-by-3": "8 rows, 3 columns",
        "3-by-5": "3 rows, 5 columns",
        "8-by-8": "8 rows, 8 columns",
        "3-by-3": "3 rows, 3 columns",
    },
    solution="3-by-8",
    right="3 rows, one for each unit, and 3 + 5 columns, one for each number in [h, x].",
    mistakes={
        "transposed": Mistake(
            "8-by-3", 1, "This is the table turned on its side: each row makes one number of h', so there are 3 rows."
        ),
        "event-only": Mistake("3-by-5", 1, "This table has weights for the event only and cannot read the state."),
        "joined-size-out": Mistake("8-by-8", 1, "This table gives 8 numbers back, and the new state has 3."),
        "state-only": Mistake("3-by-3", 1, "This table has weights for the state only and cannot read the event."),
    },
)

EXERCISES = (RNN_STEP, RNN_RUN, STREAM_FEATURES, JOINED_SHAPE)
