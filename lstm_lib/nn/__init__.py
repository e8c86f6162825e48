"""An LSTM in torch that takes the place of ``torch.nn.LSTM``: other cells, a path that can be read, better starts.

>>> from lstm_lib import nn
>>> import torch
>>> lstm = nn.LSTM(3, 2, cell="drawn")
>>> nn.set_forget_bias(lstm, 1.0)
>>> hs, (h_n, c_n) = lstm(torch.ones(5, 4, 3))
>>> hs.shape
torch.Size([5, 4, 2])
>>> nn.explain(lstm, torch.ones(5, 4, 3))
Explanation(backend='fused', reason="cell 'drawn' has no kernel in torch")

The step of each cell, to be read, stands in ``lstm_lib.nn.steps``; ``CELLS`` finds it by name, and ``LSTMCell`` is the
module of one step. The cells from scratch, in NumPy, are ``lstm_lib.cells``.

>>> list(nn.CELLS)
['standard', 'drawn', 'peephole', 'coupled', 'janet', 'no-forget', 'layernorm']
>>> nn.CELLS["drawn"].gates, nn.CELLS["drawn"].step.__name__
('ifgo', 'drawn_step')
"""

from lstm_lib._extras import need

need("torch", "these LSTMs", "torch")

from lstm_lib.nn.backends import BackendName
from lstm_lib.nn.backends._compiled import build as build_cpp
from lstm_lib.nn.cell import LSTMCell
from lstm_lib.nn.explanation import Explanation, explain
from lstm_lib.nn.init import set_chrono, set_forget_bias, set_input_bias, set_orthogonal
from lstm_lib.nn.lstm import LSTM
from lstm_lib.nn.padded import run_padded
from lstm_lib.nn.rows import by_gate
from lstm_lib.nn.steps import CELLS, Cell, CellName, State
from lstm_lib.nn.tagger import Tagger

__all__ = [
    "CELLS",
    "LSTM",
    "LSTMCell",
    "BackendName",
    "Cell",
    "CellName",
    "Explanation",
    "State",
    "Tagger",
    "build_cpp",
    "by_gate",
    "explain",
    "run_padded",
    "set_chrono",
    "set_forget_bias",
    "set_input_bias",
    "set_orthogonal",
]
