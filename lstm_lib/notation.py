"""The one table of symbols, names, colours and line styles; every figure, page and explorable reads it."""

from typing import NamedTuple


class Symbol(NamedTuple):
    """One quantity of the cell: what it is called and how it is drawn."""

    symbol: str
    everyday: str  # the article's word
    standard: str  # the field's word
    family: str  # which gate's colour it carries
    line: str  # what kind of number it is: "gate", "content", "memory" or "event"
    code: str  # its name in lstm_lib


class Family(NamedTuple):
    """The three tones of one colour: lines and fills, words on light pages, words on dark pages."""

    hue: str
    on_light: str
    on_dark: str


class LineStyle(NamedTuple):
    """How one kind of number is drawn: matplotlib line style, width in points, and its range."""

    style: str
    width: float
    limits: tuple[float, float] | None


FAMILIES = {
    "learn": Family("#009E73", "#00755A", "#00B886"),
    "forget": Family("#D55E00", "#A84A00", "#F0803C"),
    "remember": Family("#0072B2", "#00609A", "#4CA8E0"),
    "use": Family("#CC79A7", "#9B4475", "#DB93BC"),
    "event": Family("#555555", "#555555", "#D0D0D0"),
}

INK = Family("#1A1A1A", "#1A1A1A", "#E6E6E6")
GRID = Family("#DDDDDD", "#DDDDDD", "#333A44")
PAGE = Family("#FFFFFF", "#FFFFFF", "#14181E")

LINES = {
    "gate": LineStyle("-", 1.8, (0.0, 1.0)),
    "content": LineStyle("--", 1.8, (-1.0, 1.0)),
    "memory": LineStyle("-", 3.0, None),
    "gradient": LineStyle(":", 2.2, None),
    "event": LineStyle("-", 1.2, None),
}

SYMBOLS = {
    s.symbol: s
    for s in (
        Symbol("x", "event", "input", "event", "event", "x"),
        Symbol("i", "ignore factor", "input gate", "learn", "gate", "i"),
        Symbol("g", "N, the new information", "candidate", "learn", "content", "g"),
        Symbol("f", "forget factor", "forget gate", "forget", "gate", "f"),
        Symbol("c", "long-term memory (LTM)", "cell state", "remember", "memory", "c"),
        Symbol("o", "V, the use factor", "output gate", "use", "gate", "o"),
        Symbol("u", "what the memory offers (drawn cell: U)", "tanh of c (standard cell)", "use", "content", "u"),
        Symbol("h", "short-term memory (STM)", "hidden state", "use", "memory", "h"),
    )
}

# The four everyday verbs and the four lines of code that they name.
VERBS = {
    "learn": "learned = i * g",
    "forget": "kept = f * c_prev",
    "remember": "c = kept + learned",
    "use": "h = o * np.tanh(c)",
}

# The order in which each framework stacks its four blocks of rows (Keras writes c for the candidate g).
GATE_ORDER = ("i", "f", "g", "o")
GATE_ORDERS = {
    "lstm_lib": ("i", "f", "g", "o"),
    "PyTorch": ("i", "f", "g", "o"),
    "Keras": ("i", "f", "g", "o"),
    "ONNX": ("i", "o", "f", "g"),
    "TensorFlow 1 BasicLSTMCell": ("i", "g", "f", "o"),
    "Haiku": ("i", "g", "f", "o"),
}


def colour(symbol: str) -> str:
    """Return the line colour of a symbol.

    Args:
        symbol: One of the keys of ``SYMBOLS``.

    Raises:
        ValueError: If the symbol is not in the table.

    Example:
        >>> colour("f")
        '#D55E00'
    """
    if symbol not in SYMBOLS:
        raise ValueError(f"got symbol {symbol!r}, expected one of {', '.join(SYMBOLS)}")
    return FAMILIES[SYMBOLS[symbol].family].hue
