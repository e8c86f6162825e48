"""An LSTM in torch that takes the place of ``torch.nn.LSTM``: other cells, and a path that can be read.

>>> from lstm_lib import nn
>>> import torch
>>> lstm = nn.LSTM(3, 2, cell="drawn")
>>> hs, (h_n, c_n) = lstm(torch.ones(5, 4, 3))
>>> hs.shape
torch.Size([5, 4, 2])
"""

from lstm_lib.nn.lstm import LSTM
from lstm_lib.nn.steps import CELLS, Cell, State

__all__ = ["CELLS", "LSTM", "Cell", "State"]
