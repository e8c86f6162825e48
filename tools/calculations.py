"""Numbers and equations in prose: read them, and calculate whether they are so."""

import math
import re
from collections.abc import Iterator

from lstm_lib import cells

NUMBER = re.compile(
    r"(?<![\w.^{\\])[-−]?(?:\d{1,3}(?:[, ]\d{3})+|\d+)(?:\.\d+)?(?:e[-−]?\d+)?(?![\w]|\.\d)|(?<![\w.])\.\d+"
)
POWER = re.compile(r"(\d+(?:\.\d+)?)\s*(?:\\cdot|\\times|·|×)\s*10\^\{?([-−]?\d+)\}?|(?<![\w.])10\^\{?([-−]?\d+)\}?")
# Numbers that name something and claim nothing.
NAMES = re.compile(
    r"\b[Cc]hapters? \d+(?:(?:,| and| to|–|-) ?\d+)*|\b(?:[Hh]int|[Ff]igure|[Ss]tep|Python|PyTorch|torch) \d[\d.]*"
    r"|\b\d+ minutes to read\b|\b(?:float|bfloat|int|TF)\d+\b|\b(?:18|19|20)\d\d\b|\b[A-Z]\d+\b|\d+(?:\.\d+){2,}"
)


def numbers(text: str) -> list[tuple[str, float, float]]:
    r"""List the numbers that a sentence gives: as it writes them, their value, and half a unit of the last digit.

    Names (Chapter 5, float32, a year) and whole numbers below ten are left out, and so are subscripts and exponents.

    Example:
        >>> [written for written, _, _ in numbers("Chapter 5: after 30 steps 8 % are left, 0.73 a step")]
        ['30', '8 %', '0.73']
        >>> numbers(r"about $8 \cdot 10^{-5}$")[0][1:]
        (8e-05, 5e-06)
    """
    found = []
    text = NAMES.sub(" ", text)
    for match in POWER.finditer(text):
        mantissa, power = match[1] or "1", int((match[2] or match[3]).replace("−", "-"))
        unit = 10.0 ** -len(mantissa.partition(".")[2])
        found.append((match[0], float(f"{mantissa}e{power}"), float(f"{unit / 2}e{power}")))
    text = POWER.sub(" ", text)
    text = re.sub(r"\\[a-zA-Z]+|[_^]\{[^{}]*\}|[_^]-?\w", " ", text)
    for match in NUMBER.finditer(text):
        digits = match[0].replace("−", "-").replace(",", "").replace(" ", "")
        value, mantissa = float(digits), digits.partition("e")[0]
        percent = re.match(r"\s*\\?(?:%|per ?cent)", text[match.end() :])
        whole = "." not in digits and "e" not in digits
        if whole and abs(value) < 10 and not percent:
            continue
        power = float(f"1{digits[len(mantissa) :]}")
        half = 0.5 * power * 10.0 ** -len(mantissa.partition(".")[2])
        found.append((match[0].strip() + (" %" if percent else ""), value, half))
    return found


SPELLED = [  # LaTeX and signs to Python
    (r"\\textcolor\{\w+\}\{([^{}]*)\}", r"\1"),
    (r"\\(?:text|mathrm)\{[^{}]*\}", "?"),
    (r"\\t?frac\{([^{}]*)\}\{([^{}]*)\}", r"((\1)/(\2))"),
    (r"\\sqrt\{([^{}]*)\}", r"sqrt(\1)"),
    (r"\\(?:left|right|,|;|:|!|quad|qquad|bigg?)|&|\$|\*", " "),
    (r"\\(?:cdot|times)|·|×|⋅", "*"),
    (r"\\sigma|σ", "sigmoid"),
    (r"\\(tanh|ln|exp|log)", r"\1"),
    (r"\bln (\d[\d.]*)", r"ln(\1)"),
    (r"\^\{([^{}]*)\}", r"**(\1)"),
    (r"\^(-?\w)", r"**\1"),
    (r"²", "**2"),
    ("−", "-"),
    (r"\be\*\*", "exp(1)**"),
]
CALCULATION = re.compile(r"(?:[-+*/().\d\s]|sigmoid|tanh|exp|ln|log|sqrt)+")
CLAUSES = re.compile(r"\\\\|\n|;|,\s|[.:](?:\s|$)|\b(?:and|gives?|with)\b|[“”]|\\(?:begin|end)\{\w+\}")
EQUALS = re.compile(r"=|\\approx|≈")


NAMESPACE = {"tanh": math.tanh, "exp": math.exp, "ln": math.log, "log": math.log, "sqrt": math.sqrt}
NAMESPACE |= {"sigmoid": cells.sigmoid}


def value_of(text: str) -> float | None:
    r"""Calculate what a formula of numbers says; None where it is none.

    Example:
        >>> round(value_of(r"\tanh(0.5 \cdot 0.5 + 1)"), 3)
        0.848
    """
    for old, new in SPELLED:
        text = re.sub(old, new, text)
    found = CALCULATION.fullmatch(text.strip())
    if not found or not re.search(r"\d", text):
        return None
    try:
        return float(eval(re.sub(r"(\d)\s*\(", r"\1*(", text.strip()), {"__builtins__": {}}, NAMESPACE))
    except (SyntaxError, TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None


def equations(text: str) -> Iterator[tuple[str, str, bool]]:
    r"""Yield each pair of neighbours in a chain of equal signs that can both be calculated, and whether they agree.

    The left side of a chain may end a sentence of words: its longest end that can be calculated counts.

    Example:
        >>> [holds for *_, holds in equations(r"so $\sigma(1) = 0.731$, and 0.731 · 0.848 = 0.621")]
        [True, False]
    """
    for clause in CLAUSES.split(text):
        members = EQUALS.split(clause)
        for left, right in zip(members[:-1], members[1:], strict=True):
            left, right = longest(left.split(), ends=True), longest(right.split(), ends=False)
            if left and right and not re.fullmatch(r"[\d.]+", left):
                a, b = value_of(left), value_of(right)
                if a is not None and b is not None:
                    yield left, right, abs(a - b) <= 1.02 * rounding(right, b)


def rounding(written: str, value: float) -> float:
    """Return by how much a number may be off that is written so: half a unit of its last digit."""
    if re.search(r"10|e", written):  # a power: its mantissa has one digit or two
        return abs(value) * 0.06
    decimals = re.search(r"\.(\d+)", written)
    return 0.5 * 10.0 ** -len(decimals[1] if decimals else "")


def calculated(text: str, value: float) -> str | None:
    """Say in which equation of a sentence a number stands; None where it stands in none that can be calculated."""
    for left, right, holds in equations(text):
        if holds and any(math.isclose(abs(seen), abs(value)) for _, seen, _ in numbers(f"{left} = {right}")):
            return f"calculated: {left} = {right}"
    return None


def longest(words: list[str], *, ends: bool) -> str:
    """Return the longest run of words, at the end or at the beginning, that can be calculated."""
    for n in range(len(words), 0, -1):
        text = " ".join(words[-n:] if ends else words[:n]).strip()
        if value_of(text) is not None:
            return text
    return ""
