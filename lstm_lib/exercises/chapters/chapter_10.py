"""Exercises of chapter 10, training well: a running mean, windows and lags, and symptoms with their causes."""

# mypy: disable-error-code="no-untyped-def"

from lstm_lib.exercises._exercise import Mistake
from lstm_lib.exercises._make import code, judgement, numeric
from lstm_lib.exercises._probes import LIST, Kind

BETA = Kind("", "", 0.5, 0.95)


def adam_mean(grads, beta):
    """Return Adam's mean of the gradients, corrected for its start at 0."""
    mean = 0.0
    for g in grads:
        mean = beta * mean + (1 - beta) * g
    return mean / (1 - beta ** len(grads))


def _running(update, finish=lambda mean, beta, n: mean / (1 - beta**n)):
    def adam_mean(grads, beta):
        mean = 0.0
        for g in grads:
            mean = update(mean, g, beta)
        return finish(mean, beta, len(grads))

    return adam_mean


def _usual(mean, g, beta):
    return beta * mean + (1 - beta) * g


def _from_the_first(grads, beta):
    mean = grads[0]
    for g in grads[1:]:
        mean = beta * mean + (1 - beta) * g
    return mean


ADAM_MEAN = code(
    "adam-mean",
    "Mend a training run that starts too slowly",
    chapter=10,
    statement=r"""
    A home-made Adam corrects its mean of the squared gradients and forgets to correct its mean of the gradients, which
    starts at 0 and stays too small for a while: it hardly moves in its first batches. Write `adam_mean(grads,
    beta)`, which does it right: for each gradient, keep the share `beta` of the mean and add the share 1 − `beta`
    of the gradient; at the end, divide by $1 - \beta^n$, where n is the number of gradients. Return that one
    number.
    """,
    lines=("mean = 0", "mean = β · mean + (1 − β) · g", "result = mean / (1 − βⁿ)"),
    hints=(
        "One variable, mean, starts at 0.0 and is replaced once for each gradient.",
        "The division comes once, after the loop. n is len(grads).",
        "for g in grads: mean = beta * mean + (1 - beta) * g; then return mean / (1 - beta ** len(grads))",
    ),
    inputs={"grads": LIST, "beta": BETA},
    returns=("the corrected mean",),
    solution=adam_mean,
    also=(
        """
        def adam_mean(grads, beta):
            mean = 0.0
            weight = 0.0
            for g in grads:
                mean = beta * mean + (1 - beta) * g
                weight = beta * weight + (1 - beta)
            return mean / weight
        """,
        """
        def adam_mean(grads, beta):
            n = len(grads)
            weights = [(1 - beta) * beta ** (n - 1 - k) for k in range(n)]
            return dot(weights, grads) / (1 - beta**n)
        """,
    ),
    right="after one gradient it is that gradient, and with every further one the correction matters less. With "
    "neither mean corrected, the first step would be (1 - 0.9) / sqrt(1 - 0.999) = 3.2 times too long.",
    mistakes={
        "no-correction": Mistake(
            _running(_usual, lambda mean, beta, n: mean),
            3,
            "This looks like the mean without its correction: after one gradient it is 1 − β of it, too small.",
        ),
        "shares-swapped": Mistake(
            _running(lambda mean, g, beta: (1 - beta) * mean + beta * g),
            2,
            "This looks like β and 1 − β swapped: β is the share of the old mean that stays.",
        ),
        "nothing-forgotten": Mistake(
            _running(lambda mean, g, beta: mean + (1 - beta) * g),
            2,
            "This looks like a sum that forgets nothing: the old mean has the factor β.",
        ),
        "whole-gradient": Mistake(
            _running(lambda mean, g, beta: beta * mean + g),
            2,
            "This looks like the whole gradient added; its share is 1 − β.",
        ),
        "one-step-early": Mistake(
            _running(_usual, lambda mean, beta, n: mean / (1 - beta ** (n + 1))),
            3,
            "This looks like the power n + 1 in the correction; after n gradients it is n.",
        ),
        "corrected-once": Mistake(
            _running(_usual, lambda mean, beta, n: mean / (1 - beta)),
            3,
            "This looks like a division by 1 − β: right after the first gradient only.",
        ),
        "multiplied": Mistake(
            _running(_usual, lambda mean, beta, n: mean * (1 - beta**n)),
            3,
            "This looks like a product with the correction: it should make the mean larger, so divide.",
        ),
        "from-the-first": Mistake(
            _from_the_first, 1, "This looks like a mean that starts at the first gradient, which then weighs too much."
        ),
        "plain-mean": Mistake(
            lambda grads, beta: sum(grads) / len(grads),
            2,
            "This looks like the plain mean: old gradients should weigh less than new ones.",
        ),
        "last-only": Mistake(
            lambda grads, beta: 1.0 * grads[-1], 2, "This looks like the last gradient alone."
        ),
        "squares": Mistake(
            _running(lambda mean, g, beta: beta * mean + (1 - beta) * g * g),
            2,
            "This looks like the squares of the gradients: that is Adam's other mean, the one under the root.",
        ),
    },
)

SEEN_LAGS = numeric(
    "seen-lags",
    "Find out why long lags are learned slowly",
    chapter=10,
    statement="""
    A network is trained on one endless stream with windows of 20 steps, the state carried on. Answers whose symbol was
    written 15 steps earlier are learned slowly. In what share of all such questions does the gradient of the answer
    reach the write at all? (A window is as likely to begin at one step as at any other.)
    """,
    lines=("share = (window − lag) / window, and 0 from lag = window on",),
    hints=(
        "Write and question must fall into the same window. At how many of its 20 places may the write stand?",
        "At the places 1 to 5: five of twenty.",
    ),
    working="(20 - 15) / 20",
    right="three of four such questions only teach the end of the way; the gradient of one in four goes all the way.",
    mistakes={
        "state-for-gradient": Mistake(
            1.0, 1, "This is the share of questions that the carried state reaches; the gradient ends at the border."
        ),
        "lag-for-rest": Mistake(15 / 20, 1, "This looks like lag / window, the share that does not reach."),
        "nothing-reaches": Mistake(
            0.0, 1, "This takes the window for too short; a lag of 15 fits into 20 steps, at some places."
        ),
        "counted-inclusive": Mistake(6 / 20, 1, "This looks like six places; at the sixth the answer is one over."),
        "counted-exclusive": Mistake(4 / 20, 1, "This looks like four places; the write may stand at any of five."),
        "one-place": Mistake(
            1 / 20, 1, "This looks like one place of 20; the write may stand at each of the first five, 20 − 15."
        ),
        "half-and-half": Mistake(0.5, 1, "This looks like a guess; count the places at which the write may stand."),
    },
)

STUCK_AT_GUESSING = judgement(
    "stuck-at-guessing",
    "Read a loss that stays below ln 4",
    chapter=10,
    statement="""
    A network chooses one of four labels. In the data their shares are 1/2, 1/4, 1/8 and 1/8. Its loss starts at ln 4 =
    1.386, comes down to 1.213 nats within the first twenty batches, and stays there for a thousand; half of its answers
    are right. What has it learned?
    """,
    lines=("loss of who says the share q_k to label k, when label k comes: −ln q_k",),
    hints=(
        "What would somebody score who never looks at the input, and knows how often each label comes?",
        "Half of the questions cost ln 2, a quarter ln 4, an eighth ln 8, and another eighth ln 8.",
    ),
    options={
        "shares-alone": "How often each label comes, and nothing of its input.",
        "a-part-of-the-rule": "A part of the rule: the loss is below ln 4, and 0.5 is twice the chance of four labels.",
        "half-of-the-inputs": "The rule for half of the inputs; at the others it guesses among four.",
        "one-label-surely": "To say the commonest label and be sure of it.",
    },
    solution="shares-alone",
    right="0.5 · ln 2 + 0.25 · ln 4 + 0.125 · ln 8 + 0.125 · ln 8 = 1.213, and who always names the commonest label is "
    "right in half of the cases. Only where all K labels are equally frequent is guessing ln K and 1/K. Draw this "
    "line into the plot of a loss before you read it.",
    mistakes={
        "chance-of-equal-shares": Mistake(
            "a-part-of-the-rule",
            1,
            "This takes ln 4 and 1/4 for guessing, as if all labels were equally frequent. Work out what knowing the "
            "shares alone is worth.",
        ),
        "accuracy-for-understanding": Mistake(
            "half-of-the-inputs",
            1,
            "This reads the accuracy alone: half of the questions answered for certain cost nothing, the others ln 4 "
            "each, and the mean would be 0.693.",
        ),
        "certain-and-cheap": Mistake(
            "one-label-surely",
            1,
            "This would be right as often, and cost far more: a label to which hardly any share is given costs many "
            "nats at every other question.",
        ),
    },
)

GOOD_THEN_NAN = judgement(
    "good-then-nan",
    "Find out why the loss is NaN after 300 good batches",
    chapter=10,
    statement="""
    The loss falls for 300 batches and is NaN at batch 301. The logged norms of the gradient are around 0.5, and 45 and
    310 in the last two batches. What do you do first?
    """,
    lines=("clipped = g · min(1, limit / ‖g‖)",),
    hints=("Which of the logged numbers changed before the loss did?",),
    options={
        "clip-at-one": "Clip the gradient at 1, and resume from the checkpoint before.",
        "bigger-batch": "Make the batch larger.",
        "skip-nan": "Skip batches whose loss is NaN.",
        "forget-bias": "Raise the forget bias.",
    },
    solution="clip-at-one",
    right="the norm shows the explosion two batches before the loss does, and a limit of 1 would have caught both.",
    mistakes={
        "noise-blamed": Mistake(
            "bigger-batch", 1, "This blames noise: a larger batch makes a cliff no lower, and no step shorter."
        ),
        "symptom-hidden": Mistake(
            "skip-nan", 1, "This hides the symptom: weights that are NaN stay NaN in every batch that follows."
        ),
        "vanishing-treated": Mistake(
            "forget-bias", 1, "This treats vanishing; here the gradient grows, by the way through h, and needs a limit."
        ),
    },
)

EXERCISES = (ADAM_MEAN, SEEN_LAGS, STUCK_AT_GUESSING, GOOD_THEN_NAN)
