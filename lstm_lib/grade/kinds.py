"""What learners get wrong, in kinds: the catalogue of mistakes, ordered by how often each kind was met.

Each exercise has mistakes of its own, so one alone is met once or twice. What repeats over the chapters is their kind,
which the key of a mistake tells, or the words of the smallest change that a check has found.
"""

import re
from typing import NamedTuple

from lstm_lib import recorded
from lstm_lib.exercises import EXERCISES

EDIT = "edit: "  # how a change that the check has found begins
ERROR = "error: "  # how an error begins that Python raised


class Kind(NamedTuple):
    """One kind of mistake: what it is, what to ask a learner who makes it, and which keys and changes belong to it."""

    name: str
    ask: str
    keys: str
    changes: str = "(?!)"


KINDS = (
    Kind(
        "the other S-curve (σ, tanh), none at all, or one around the wrong thing",
        "Between which two numbers must this lie? A share is between 0 and 1, news between −1 and 1.",
        r"(missing-(tanh|sigmoid)|sigmoid-|tanh-(for-sigmoid|outside|twice)|squashe|softmax|through-sigma|content-only"
        r"|(factor-|g-)?not-squashed|(bias|gate)-for-(factor|bias)|gate-for-bias)",
        r"inside tanh|σ is missing|tanh is missing|tanh around|σ stands|tanh stands|made a switch|2\.0 stands for",
    ),
    Kind(
        "one weight, bias, gate or memory where another belongs",
        "Say the line aloud: which letter is it, and is it the old one or the new one?",
        r"(old-memory|new-(state|memory)-for-old|h-for-c|state-for-gradient"
        r"|reads-|kept-memory|state-swapped|(gates|partners|weights)-swapped|terms-mixed"
        r"|.*-order|order-|other-direction|reversed|unchanged|last-block-first|f-and-o|transposed|rows-and-columns"
        r"|weights-on-joined|standard-gate|one-(table|row)|first-worker|second-worker"
        r"|(chances|gates)-exchanged|zoneout|articles-words|labels-read"
        r"|exchanged|memory-not-empty"
        r"|lightest-for|of-the-(first|second)|divided-by-(ground|darkest)|from-the-(lightest|top))",
        r"b_\w+ stands where|changed places|in another order|stands where [a-z]\w* belongs|stands instead|in h \* h",
    ),
    Kind(
        "a share for its rest",
        "If this number is 1, what happens? Try 0 and 1 before you compute.",
        r"(one-minus-|share-(left|right|forgotten)|shares-swapped|coupled|forget-and-one-minus|mask-turned"
        r"|turned-round|upside-down"
        r"|dropped-each|share-of-zeros|lag-for-rest|what-is-left|what-it-was|minus-for-plus|sign$)",
        r"the factor -1|1 - \w+ belongs",
    ),
    Kind(
        "a factor or a road of the gradient left out, or taken twice",
        "Where was this number used? Each use sends something back, with its own slope.",
        r"(slope|no-slope|no-square|square-missing|(no-)?incoming|no-incoming|road-|forget-factor-missing|own-factor"
        r"|product-only|sum-only|weight-only|weight-once|one-slope|output-gate-|forget-on-one|subtracted|powers-of"
        r"|tanh-for-its)",
        r"dh|dc|the factors? [\w -]+ (is|are) (missing|one too many)|the power stands|\* \(1 - g \* g\)|the sign of",
    ),
    Kind(
        "a step of time forgotten, or one too many or too few",
        "How many steps are there between these two? Count them on your fingers.",
        r"(state-not-carried|starts-from-zero|last-(state|step)|first-step|one-step|one-late|backwards"
        r"|forgets-the-state|not-carried|counted-exclusive"
        r"|ignores-the-event|half-a-step|ten-steps|one-tenth|counted-inclusive|zero-state|keeps-adding|with-initial"
        r"|last-only|from-the-first|frame-forgotten|state-clock|nothing-reaches"
        r"|half-and-half|one-epoch|(one|five|seven)-pass|last-not-dropped|dropped-once|memory-not-returned)",
        r"inside the loop|is carried on|overwritten before|starts as|a second try|of all turns|backwards"
        r"|the last of|hs|len\(z\)|xs\[",
    ),
    Kind(
        "a sum for a product, a product for a sum, other brackets",
        "Name what is multiplied and what is added, in words, before you write it.",
        r"((forget|ignore)-on-both|sum-for-product|product-for-sum|added|multiplied|sum-of-|dot-for-times|average|power$|no-root"
        r"|no-power|product$"
        r"|percent|squares?d?$|union|afterwards|mask-twice|divided-twice)",
        r"torn apart|product of sums|[+·-] stands where [+·-] belongs|is added to|in per cent"
        r"|· stands where \*\*|a division by \w+ \+|is halved|multiplied by its count",
    ),
    Kind(
        "a bias left out, in the wrong place, or counted wrongly",
        "Which letters of the equation have you written, and which not yet?",
        r"(missing-bias|bias-(outside|missing|only|ignored|twice|minus|on-)|no-bias|one-bias|two-biases)",
        r"b_\w+ stands outside",
    ),
    Kind(
        "a straight line where a share is kept at each step, or another logarithm",
        "What is left after two steps? After three? By what is it multiplied each time?",
        r"(straight-line|linear|to-zero|to-one-e-th|log|common-log|nats-for|times-ln"
        r"|base-two|short-e|share-for-logarithm|half-(life|by|to)-)",
        r"exponential decay|rounded to a whole|log of|formula stands .*log",
    ),
    Kind(
        "not divided, or divided by the wrong number",
        "What should all of these add up to? Add them up.",
        r"(mean-|plain-mean|geometric-mean|no-division|not-divided|no-correction|corrected-once|by-workers|counts-of"
        r"|scaled|always-scaled|never-clipped|cut-above"
        r"|unit-length|norm-only|limit-for-each|each-by-itself|largest-|not-rounded|quotient"
        r"|precision$|recall$|of-the-(smaller|larger)|whole-heights|counted-twice|share-of-all|no-temperature"
        r"|likeliest-only|largest-for|squared|whole-gradient|no-two|negative|half-way|believed"
        r"|divided-by-padding|brightness)",
        r"division|max\(|min\(|/ stands where|is divided by|temperature|norm|limit",
    ),
    Kind(
        "a part left out of a count, or of a sum",
        "Draw a box for each part, and write its size into it.",
        r"(one-(flag|gate|direction|layer|character|blank|place)|no-blanks|three-gates|input-"
        r"|state-(only|weights)|flags-only"
        r"|flags?-for|symbols-times|letters-only|last-column|two-symbols"
        r"|all-combinations|nothing-|everything-learned|kept-only|learned-only"
        r"|factor-only|missing-weights|second-(reads|one-way)|columns-only|blanks?-|insertions|deletions|exchanges"
        r"|strings|bytes|eight-bits|use-factor-missing|always-open|best-path|label-|after-cannot|said-again"
        r"|memory-dropped|kept-dropped|no-mask|mask-(on|for))",
        r"stands where -?[\d.]+ belongs|the term|is added twice|only the first|stands for",
    ),
)
CHOICE = Kind("a wrong cause named, where one chooses", "What would you see if that were the cause? Is it there?", "")
ERRORS = Kind(
    "code that ends in an error",
    "Read the last line of the error aloud: what does it name, and where?",
    ERROR,
)
OTHER = Kind("of another kind", "Read what the check says.", "")


def kind_of(exercise: str, mistake: str) -> Kind:
    """Return a mistake's kind.

    Args:
        exercise: Id of the exercise.
        mistake: A key of its catalogue, or what its check says of a change.

    Example:
        >>> kind_of("forget-gate", "one-minus-f").name
        'a share for its rest'
    """
    if EXERCISES[exercise].kind == "judgement":
        return CHOICE
    if mistake.startswith(ERROR):
        return ERRORS
    changed = mistake.startswith(EDIT)
    for kind in KINDS:
        if re.search(kind.changes, mistake.removeprefix(EDIT)) if changed else re.match(kind.keys, mistake):
            return kind
    return OTHER


def met() -> list[tuple[str, str, int]]:
    """Return what the invented answers met: exercise, mistake, and how often."""
    rows = [row for row in recorded.rows("checks") if "met" in row]
    return [(row["exercise"], row["mistake"], row["met"]) for row in rows]
