"""Exercises of chapter 12, language generation: a temperature, bits a character, and a text that goes wrong."""

# mypy: disable-error-code="no-untyped-def"

import math

from lstm_lib.exercises._exercise import Mistake
from lstm_lib.exercises._make import code, judgement, numeric
from lstm_lib.exercises._probes import LIST, Kind

TEMPERATURE = Kind("", "", 0.4, 2.5)


def temperature_shares(scores, temperature):
    """Return the shares of chance, from scores and a temperature."""
    import math

    powers = [math.exp(score / temperature) for score in scores]
    return [power / sum(powers) for power in powers]


def _shares(change, power=math.exp, divide=sum):
    def temperature_shares(scores, temperature):
        powers = [power(change(score, temperature)) for score in scores]
        return [p / divide(powers) for p in powers]

    return temperature_shares


def _cool(score, temperature):
    return score / temperature


def _tempered_afterwards(scores, temperature):
    powers = [math.exp(score) for score in scores]
    return [power / sum(powers) / temperature for power in powers]


def _likeliest(scores, temperature):
    return [1.0 if score == max(scores) else 0.0 for score in scores]


TEMPERATURE_SHARES = code(
    "temperature-shares",
    "Make a network bolder or more careful",
    chapter=12,
    statement=r"""
    A network gives each character $k$ a score $s_k$; `scores` is the list of them. To write, it draws the next
    character with the shares of chance $p_k = e^{s_k/\tau} \,/ \sum_j e^{s_j/\tau}$, where $\tau$ is the
    temperature. Write `temperature_shares(scores, temperature)`, which returns the list of the shares. (`import
    math` gives `math.exp`.)
    """,
    lines=("power = e^(score / τ)", "share = power / sum of all powers"),
    hints=(
        "First a list of powers, one for each score; then each of them divided by the sum of all.",
        "The temperature divides the score before the power is taken: a low one makes differences larger.",
        "powers = [math.exp(score / temperature) for score in scores]",
    ),
    inputs={"scores": LIST, "temperature": TEMPERATURE},
    returns=("the shares",),
    solution=temperature_shares,
    also=(
        """
        def temperature_shares(scores, temperature):
            return [
                math.exp(score / temperature) / sum([math.exp(other / temperature) for other in scores])
                for score in scores
            ]
        """,
        """
        def temperature_shares(scores, temperature):
            powers = [math.exp(score) for score in scores]
            shares = [power / sum(powers) for power in powers]
            again = [math.exp(math.log(share) / temperature) for share in shares]
            return [power / sum(again) for power in again]
        """,
    ),
    right="near 0 the likeliest character takes all, and at a high temperature all become alike.",
    mistakes={
        "multiplied": Mistake(
            _shares(lambda score, temperature: score * temperature),
            1,
            "This looks like a score times τ: then a high temperature would make the network more careful, not bolder.",
        ),
        "no-temperature": Mistake(
            _shares(lambda score, temperature: score), 1,
            "This looks like a softmax without the temperature, or with one outside the power, where it cancels out.",
        ),
        "not-divided": Mistake(
            _shares(_cool, divide=lambda powers: 1.0),
            2,
            "This looks like the powers alone: shares of chance add up to 1, so divide by their sum.",
        ),
        "no-power": Mistake(
            _shares(_cool, power=lambda score: score),
            1,
            "This looks like the scores themselves divided by their sum: a score may be negative, a share may not.",
        ),
        "afterwards": Mistake(
            _tempered_afterwards,
            1,
            "This looks like a division by τ after the softmax: the shares no longer add up to 1.",
        ),
        "largest-for-sum": Mistake(
            _shares(_cool, divide=max),
            2,
            "This looks like a division by the largest power: the likeliest gets share 1, and all together more.",
        ),
        "mean-for-sum": Mistake(
            _shares(_cool, divide=lambda powers: sum(powers) / len(powers)),
            2,
            "This looks like a division by the mean of the powers: the shares add up to their number.",
        ),
        "base-two": Mistake(
            _shares(_cool, power=lambda score: 2.0**score), 1, "This looks like powers of 2; the base is e."
        ),
        "short-e": Mistake(
            _shares(_cool, power=lambda score: 2.718**score), 1, "This looks like 2.718 for e; math.exp has all digits."
        ),
        "sign": Mistake(
            _shares(lambda score, temperature: -score / temperature),
            1,
            "This looks like a minus in the power: the least likely character would be drawn most often.",
        ),
        "likeliest-only": Mistake(
            _likeliest, 1, "This looks like temperature 0: the likeliest takes all, whatever the temperature."
        ),
        "logarithms": Mistake(
            lambda scores, temperature: [
                score / temperature - math.log(sum(math.exp(other / temperature) for other in scores))
                for score in scores
            ],
            2,
            "This looks like the logarithms of the shares; draw with the shares themselves.",
        ),
    },
)

PAGE_IN_BITS = numeric(
    "page-in-bits",
    "Turn a loss into bits",
    chapter=12,
    statement="""
    A network foretells a page of 3,000 characters with a loss of 1.4 nats a character. In how many bits could the page
    be sent to someone who has the same network? (1 nat is 1/ln 2 bits.)
    """,
    lines=("bits a character = nats / ln 2", "bits = characters · bits a character"),
    hints=(
        "First the bits for one character, then for all of them.",
        "ln 2 is 0.693, and a bit is the smaller unit: the number of bits is the larger one.",
    ),
    working="3000 * 1.4 / math.log(2)",
    right="about 2 bits a character. The same page as a file has 8 bits a character.",
    mistakes={
        "nats-for-bits": Mistake(3000 * 1.4, 1, "This is the number of nats: divide by ln 2."),
        "times-ln-2": Mistake(
            3000 * 1.4 * math.log(2), 1, "This multiplies by ln 2: a nat is more than a bit, so there are more bits."
        ),
        "one-character": Mistake(1.4 / math.log(2), 2, "This is what one character takes."),
        "eight-bits": Mistake(
            3000 * 8.0, 1, "This is the page as a file, 8 bits a character; the network needs fewer."
        ),
        "power": Mistake(
            3000 * math.exp(1.4),
            1,
            "This uses e^1.4, the perplexity: among how many equally likely characters it chooses.",
        ),
        "common-logarithm": Mistake(3000 * 1.4 / math.log10(2), 1, "This divides by log10 of 2; nats want ln 2."),
        "bytes": Mistake(3000 * 1.4 / math.log(2) / 8, 2, "This is the number of bytes; the question is for bits."),
    },
)

GOES_ROUND = judgement(
    "goes-round",
    "Find out why a text goes round in circles",
    chapter=12,
    statement="""
    A network has a good loss on held-out text. Asked to write, it says “and the king and the king and the king”, for
    ever, the same each time it is asked. What is the likeliest cause?
    """,
    lines=("temperature 0: always the likeliest character",),
    hints=(
        "It writes the same each time. Where in writing does chance come in?",
        "Nothing is wrong with what it foretells of real text. So what differs between foretelling and writing?",
    ),
    options={
        "over-fitted": "It has learned the training text by heart.",
        "temperature-zero": "The likeliest character is taken at each step: the temperature is 0, or close to it.",
        "too-hot": "The temperature is too high.",
        "state-lost": "The state is emptied after each character.",
    },
    solution="temperature-zero",
    right="the likeliest next character of the likeliest text leads back to where it was. Draw by chance instead.",
    mistakes={
        "memory-blamed": Mistake(
            "over-fitted",
            1,
            "This blames training, but the loss on held-out text is good; and learned by heart it "
            "would go on with the next line of the play.",
        ),
        "heat-blamed": Mistake(
            "too-hot", 1, "This turns it round: heat makes unlikely characters likelier, and words fall apart."
        ),
        "state-blamed": Mistake(
            "state-lost",
            1,
            "This would show in foretelling too, and a network without a state could not finish “the king”: after “e” "
            "it would not know whether a word ends here or begins.",
        ),
    },
)

EXERCISES = (TEMPERATURE_SHARES, PAGE_IN_BITS, GOES_ROUND)
