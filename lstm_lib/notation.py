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

# The three films that are guessed from faces: none of the gates' colours, and apart in lightness too.
FILMS = {
    "Bat": Family("#26264D", "#26264D", "#9C9CD9"),
    "Amazon": Family("#B88A00", "#806000", "#D9A81F"),
    "Alliance": Family("#7A52B3", "#7A52B3", "#B394E0"),
}

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


class Framework(NamedTuple):
    """How a framework keeps one LSTM layer of D features and H units: the order of its blocks, and its arrays."""

    order: tuple[str, ...]  # in our letters
    letters: str  # the same in its own
    input: str  # weights of x
    state: str  # weights of h
    biases: str
    forget: str  # what b_f is before training


# Keras and ONNX write c for the candidate g, TensorFlow 1 j. N directions; [x, h] is one after the other.
FRAMEWORKS = {
    "lstm_lib": Framework(
        ("i", "f", "g", "o"), "i f g o", "W (4, H, H+D) of [h, x]", "in W", "b (4, H)", "1, set by init_lstm"
    ),
    "PyTorch": Framework(
        ("i", "f", "g", "o"),
        "i f g o",
        "weight_ih_l0 (4H, D)",
        "weight_hh_l0 (4H, H)",
        "bias_ih_l0, bias_hh_l0 (4H)",
        "drawn, between -1/√H and 1/√H, twice",
    ),
    "cuDNN": Framework(
        ("i", "f", "g", "o"),
        "linLayerID 0 1 2 3",
        "W of 0 to 3 (H, D)",
        "R of 4 to 7 (H, H)",
        "two each (H)",
        "no start of its own",
    ),
    "Keras": Framework(
        ("i", "f", "g", "o"),
        "i f c o",
        "kernel (D, 4H)",
        "recurrent_kernel (H, 4H)",
        "bias (4H)",
        "1, set by unit_forget_bias",
    ),
    "ONNX": Framework(
        ("i", "o", "f", "g"), "i o f c", "W (N, 4H, D)", "R (N, 4H, H)", "B (N, 8H): Wb, Rb", "no start of its own"
    ),
    "Flax": Framework(
        ("i", "f", "g", "o"),
        "i f g o",
        "kernels ii, if, ig, io (D, H)",
        "kernels hi, hf, hg, ho (H, H)",
        "one each, with h's kernel (H)",
        "0",
    ),
    "Haiku": Framework(
        ("i", "g", "f", "o"), "i g f o", "w (D+H, 4H) of [x, h]", "in w", "b (4H)", "0, and 1 added at each step"
    ),
    "TensorFlow 1 BasicLSTMCell": Framework(
        ("i", "g", "f", "o"),
        "i j f o",
        "kernel (D+H, 4H) of [x, h]",
        "in kernel",
        "bias (4H)",
        "0, and 1 added at each step",
    ),
    "CS231n": Framework(("i", "f", "o", "g"), "i f o g", "Wx (D, 4H)", "Wh (H, 4H)", "b (4H)", "0"),
}

# The order in which each framework stacks its four blocks of rows.
GATE_ORDER = ("i", "f", "g", "o")
GATE_ORDERS = {name: framework.order for name, framework in FRAMEWORKS.items()}


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
