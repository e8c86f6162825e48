"""A batch from an .npz: inputs, and what else there is."""

from pathlib import Path
from typing import Any, NamedTuple

from lstm_lib._array import read_npz

INPUTS, TARGETS = ("xs", "inputs", "x", "input"), ("targets", "ys", "y", "labels", "target")


class Data(NamedTuple):
    """What an .npz holds: inputs, and what else there is."""

    inputs: Any
    targets: Any
    mask: Any
    lengths: Any

    @property
    def batch(self) -> Any:
        """The parts that there are, as ``examine`` takes them."""
        if self.targets is None:
            return (self.inputs,)
        return (self.inputs, self.targets) if self.mask is None else (self.inputs, self.targets, self.mask)


def read_data(path: Path) -> Data:
    """Read a batch from an .npz.

    Raises:
        ValueError: If it is not there, or another kind of file, or has no inputs.
    """
    if not path.exists():
        raise ValueError("there is no such file")
    arrays = read_npz(path)
    inputs = next((arrays[name] for name in INPUTS if name in arrays), None)
    if inputs is None:
        have = ", ".join(arrays) or "nothing"
        raise ValueError(f"got {have}, expected an array called xs, and perhaps targets, mask and lengths")
    targets = next((arrays[name] for name in TARGETS if name in arrays), None)
    return Data(inputs, targets, arrays.get("mask"), arrays.get("lengths"))
