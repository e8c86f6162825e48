"""What ``run_padded`` refuses; that it is right, its example and chapter 9 show."""

import pytest
import torch

from lstm_lib.nn import LSTM, run_padded


@pytest.mark.parametrize(
    ("lengths", "words"),
    [
        ([5, 8], "got lengths [5, 8], expected whole numbers from 1 to 7"),
        ([0, 7], "got lengths [0, 7], expected whole numbers from 1 to 7"),
        ([3.0, 2.5], "got lengths [3.0, 2.5], expected whole numbers from 1 to 7"),
        ([3], "got lengths of shape (1,), expected one for each of 2 sequences"),
    ],
)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_lengths_that_do_not_fit_are_refused(lengths: list[float], words: str, bidirectional: bool) -> None:
    lstm = LSTM(3, 4, bidirectional=bidirectional)
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        run_padded(lstm, torch.ones(7, 2, 3), torch.tensor(lengths))
    assert words in str(caught.value)
