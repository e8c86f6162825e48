"""Words that mean the same, for the search: what a reader may call a thing, and what the pages call it."""

import site_assets  # noqa: F401  (it makes lstm_lib known)

from lstm_lib.notation import SYMBOLS

# Each row: names of one thing. A search for one of them finds the others too.
GATES = {  # what the gates and memories are called beside the names in notation.py
    "i": ("learn gate", "write gate"),
    "g": ("candidate value", "cell input", "modulation gate"),
    "f": ("keep gate",),
    "c": ("memory cell", "LTM"),
    "o": ("use gate", "read gate"),
    "h": ("hidden unit", "STM", "output state"),
}

OTHERS = [
    ("BPTT", "backpropagation through time", "backprop through time", "send the gradient back through time"),
    ("TBPTT", "truncated BPTT", "truncated backpropagation through time", "where the gradient is cut", "truncation"),
    ("backprop", "backpropagation", "backward pass", "backwards"),
    ("CTC", "connectionist temporal classification", "all ways to say it"),
    ("teacher forcing", "foretell the next character", "scheduled sampling"),
    ("vanishing", "vanish", "vanishing gradient", "vanishing gradients"),
    ("exploding", "explode", "exploding gradient", "exploding gradients"),
    ("gradient clipping", "clipping", "clip", "clip what explodes"),
    ("CEC", "constant error carousel"),
    ("LSTM", "long short-term memory"),
    ("RNN", "recurrent neural network", "recurrent network", "elman network"),
    ("cross-entropy", "measure the surprise"),
    ("BiLSTM", "bidirectional", "both directions", "two directions"),
    ("OCR", "reading text", "read a line", "text recognition"),
    ("ASR", "speech recognition", "voice recognition", "speech to text"),
    ("text detection", "scene text", "object detection", "where is the text"),
    ("bounding box", "anchors", "when is a box right"),
    ("text generation", "language generation", "language model", "character model"),
    ("overfitting", "over-fitting", "regularisation", "regularization"),
    ("mixed precision", "float16", "half precision", "AMP", "use shorter numbers"),
    ("multi-GPU", "DDP", "data parallel", "share the work"),
    ("initialisation", "initialization", "init", "starting bias"),
    ("padding", "packed sequence", "pack_padded_sequence", "the padding lab"),
    ("dropout", "zoneout", "the dropout lab"),
    ("greedy", "decoding", "beam search", "greedy decoding"),
    ("temperature", "sampling", "nucleus", "top-k"),
    ("debugging", "does not learn", "blind clinic", "museum of broken LSTMs"),
    ("gradient check", "finite differences", "nudging", "numerical gradient"),
    ("stacked", "multi-layer", "layers", "depth"),
    ("ONNX", "export", "frameworks"),
    ("TensorFlow", "Keras"),
    ("CSV", "time series", "forecasting", "your own data", "own dataset", "Read a table"),
    ("stateful", "state carried on", "carry the state"),
    ("checkpoint", "resume", "stop, and go on"),
    ("IoU", "intersection over union"),
    ("receptive field", "what its memory does"),
    ("GPU", "CUDA", "graphics card"),
    ("peephole", "coupled", "GRU", "variants"),
    ("sigmoid", "logistic", "σ"),
]


def rows() -> list[list[str]]:
    """Return the table: names from the notation first, then the others, none of a single letter.

    Example:
        >>> next(row for row in rows() if "cell state" in row)
        ['long-term memory', 'cell state', 'memory cell', 'LTM']
    """
    table = []
    for symbol, names in GATES.items():
        s = SYMBOLS[symbol]
        known = [name.partition(" (")[0].partition(", the ")[2] or name.partition(" (")[0] for name in (s.everyday,)]
        table.append(list(dict.fromkeys([*known, s.standard, *names])))
    return table + [list(row) for row in OTHERS]
