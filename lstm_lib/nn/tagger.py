"""``Tagger``: an LSTM and a linear readout, the network that most tasks of the course train.

Shapes: T steps, B batch, D features, H hidden units, K classes.
"""

from typing import Any

from torch import Tensor, nn

from lstm_lib.nn.lstm import LSTM
from lstm_lib.nn.tokens import ONE_HOT, spelled

Pair = tuple[Tensor, Tensor]


class Tagger(nn.Module):
    """Give one score for each class at every step of a sequence: scores = W h + b.

    Args:
        input_size: D, features of x; for token numbers, how many there are.
        hidden_size: H, units of each layer.
        classes: K; 1 for a task whose answer is a number.
        options: What ``lstm_lib.nn.LSTM`` takes beyond the sizes, but for ``bidirectional`` and ``batch_first``.

    Raises:
        ValueError: If ``classes`` is below 1, or an option does not fit.

    Example:
        >>> import torch
        >>> model = Tagger(6, 24, 4, cell="drawn")
        >>> scores, (h, c) = model(torch.ones(5, 3, 6))
        >>> scores.shape, c.shape
        (torch.Size([5, 3, 4]), torch.Size([1, 3, 24]))
    """

    def __init__(self, input_size: int, hidden_size: int, classes: int, **options: Any) -> None:
        """Make the LSTM and the readout."""
        super().__init__()
        if not isinstance(classes, int) or classes < 1:
            raise ValueError(f"got classes {classes!r}, expected a whole number of at least 1")
        unfit = {"bidirectional", "batch_first"} & options.keys()
        if unfit:
            only = "expected one direction, time first: a tagger answers at each step, from what came before"
            raise ValueError(f"got {', '.join(sorted(unfit))}, {only}")
        self.lstm = LSTM(input_size, hidden_size, **options)
        like: dict[str, Any] = {"device": options.get("device"), "dtype": options.get("dtype")}
        self.readout = nn.Linear(options.get("proj_size") or hidden_size, classes, **like)

    def forward(self, xs: Tensor, state: Pair | None = None) -> tuple[Tensor, Pair]:
        """Run over a batch.

        Args:
            xs: Inputs (T, B, D), or token numbers (T, B) of an integer dtype, which stand for one-hot rows.
            state: Initial state (h, c); zeros if None.

        Returns:
            Scores (T, B, K) and the last state.

        Raises:
            ValueError: If a token number is not one of 0 to D - 1.
        """
        if xs.is_floating_point():
            hs, state = self.lstm(xs, state)
        elif isinstance(self.lstm, LSTM):
            hs, state = self.lstm(xs.long(), state, embedding=ONE_HOT)
        else:  # torch's own was put in its place
            hs, state = self.lstm(spelled(xs.long(), ONE_HOT, self.lstm.weight_ih_l0), state)
        return self.readout(hs), state
