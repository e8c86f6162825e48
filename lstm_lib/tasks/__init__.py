"""The games that test a memory, as seeded NumPy batches; the film; and what an answer can be.

>>> import numpy as np
>>> from lstm_lib import tasks
>>> tasks.delay(np.random.default_rng(0), 32, 10).xs.shape
(12, 32, 6)
"""

from lstm_lib._array import Array
from lstm_lib.tasks.games import (
    NO_TARGET,
    REBER_GRAPH,
    REBER_SYMBOLS,
    Batch,
    StreamParts,
    adding,
    copy,
    delay,
    embedded_reber,
    reber_string,
    recall_stream,
    stream_parts,
    temporal_order,
)

__all__ = [
    "Array",
    "Batch",
    "NO_TARGET",
    "REBER_GRAPH",
    "REBER_SYMBOLS",
    "StreamParts",
    "adding",
    "copy",
    "delay",
    "embedded_reber",
    "reber_string",
    "recall_stream",
    "stream_parts",
    "temporal_order",
]
