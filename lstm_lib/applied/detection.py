"""Finding text: anchors of one width in every column, and an LSTM that reads each row of columns in both directions.

After the idea of Tian et al. (2016). The picture is laid out in cells of 4 rows and 8 columns of pixels. Each cell has
K anchors, boxes 8 pixels wide of several heights. The network says of each how surely it is a slice of a line of text,
and where the slice is: how far its centre is from the anchor's, and how much higher it is.

Shapes: B pictures, H rows and W columns of pixels, R = H/4 rows and C = W/8 columns of cells, K anchors a cell.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from lstm_lib.applied.lettering import Numbers
from lstm_lib.applied.scenes import Line, Scene
from lstm_lib.nn import LSTM, set_forget_bias
from lstm_lib.training.losses import Objective

DOWN, ACROSS = 4, 8  # pixels of a cell
HEIGHTS = (9.0, 13.0, 18.0, 26.0)  # pixels, of the anchors
SURE, MAYBE = 0.7, 0.4  # overlap of heights from which an anchor is text, and below which it is not
Grey = NDArray[np.float32]


def prepare(picture: NDArray[Any]) -> Grey:
    """Give a picture mean 0 and spread 1, and sides that are whole cells, by repeating its last row and column.

    Args:
        picture: (H, W), any scale.

    Example:
        >>> prepare(np.eye(30)).shape
        (32, 32)
    """
    grey = np.asarray(picture, np.float32)
    grey = (grey - grey.mean()) / (grey.std() + 0.02 * float(np.abs(grey).max()) + 1e-6)
    height, width = grey.shape
    return np.pad(grey, ((0, -height % DOWN), (0, -width % ACROSS)), mode="edge")


class Detector(nn.Module):
    """Small convolutions, then along each row of cells an LSTM in both directions, then scores and places.

    Args:
        channels: Of the four convolutions.
        hidden: Units of the LSTM in each direction.
        recurrent: Whether there is an LSTM. Without one, two convolutions along the row, of three cells each, take its
            place, with about as many weights.

    Example:
        >>> model = Detector()
        >>> model(torch.zeros(2, 96, 192)).shape
        torch.Size([2, 24, 24, 4, 3])
        >>> with_row, without = (sum(p.numel() for p in Detector(recurrent=r).parameters()) for r in (True, False))
        >>> abs(with_row / without - 1) < 0.01
        True
    """

    def __init__(self, channels: Sequence[int] = (16, 24, 32, 48), hidden: int = 32, *, recurrent: bool = True) -> None:
        """Make the layers."""
        super().__init__()
        self.arguments = {"channels": list(channels), "hidden": hidden, "recurrent": recurrent}
        a, b, c, d = channels
        self.convolutions = nn.ModuleList(
            [
                nn.Conv2d(1, a, 3, stride=2, padding=1),
                nn.Conv2d(a, b, 3, stride=2, padding=1),
                nn.Conv2d(b, c, (5, 3), stride=(1, 2), padding=(2, 1)),
                nn.Conv2d(c, d, (5, 3), padding=(2, 1)),
            ]
        )
        if recurrent:
            self.row = LSTM(d, hidden, bidirectional=True)
            set_forget_bias(self.row, 1.0)
        else:
            # 8h(d + h + 2) weights with the LSTM; here 3dm + m + 6hm + 2h.
            m = round((8 * hidden * (d + hidden + 2) - 2 * hidden) / (3 * d + 1 + 6 * hidden))
            self.along = nn.ModuleList([nn.Conv1d(d, m, 3, padding=1), nn.Conv1d(m, 2 * hidden, 3, padding=1)])
        self.readout = nn.Linear(2 * hidden, 3 * len(HEIGHTS))
        with torch.no_grad():
            self.readout.bias.view(-1, 3)[:, 0] = -2.0  # text is rare

    @property
    def recurrent(self) -> bool:
        """Whether there is an LSTM."""
        return bool(self.arguments["recurrent"])

    def features(self, xs: Tensor, widths: Tensor | None = None) -> Tensor:
        """Return what the convolutions make of pictures (B, H, W): (B, channels, R, C)."""
        maps = _keep(xs[:, None], widths)
        for layer in self.convolutions:
            maps = torch.relu(layer(maps))
            widths = None if widths is None else -(-widths // layer.stride[1])  # type: ignore[index]
            maps = _keep(maps, widths)
        return maps

    def memory(self, maps: Tensor, widths: Tensor | None = None) -> Tensor:
        """Read each row of cells: (B, channels, R, C) to (C, B·R, 2·hidden), forwards first."""
        B, _, R, C = maps.shape
        steps = maps.permute(3, 0, 2, 1).reshape(C, B * R, -1)
        lengths = None if widths is None else (-(-widths // ACROSS)).repeat_interleave(R)
        if not self.recurrent:
            along = steps.permute(1, 2, 0)
            for layer in self.along:
                along = _keep(torch.relu(layer(along)), lengths)
            return along.permute(2, 0, 1)
        if lengths is None:
            hs: Tensor = self.row(steps)[0]
            return hs
        packed = pack_padded_sequence(steps, lengths.cpu(), enforce_sorted=False)
        return pad_packed_sequence(self.row(packed)[0], total_length=C)[0]

    def forward(self, xs: Tensor, widths: Tensor | None = None) -> Tensor:
        """Look at pictures.

        Args:
            xs: (B, H, W) as ``prepare`` makes them, sides of whole cells.
            widths: Columns of each picture (B,) where they differ and are padded; None if they are of one width.

        Returns:
            (B, R, C, K, 3): score, shift of the centre in heights of the anchor, logarithm of height over the anchor's.

        Raises:
            ValueError: If the sides are not whole cells.
        """
        if xs.ndim != 3 or xs.shape[1] % DOWN or xs.shape[2] % ACROSS:
            expected = f"expected (B, H, W), H a multiple of {DOWN} and W of {ACROSS}"
            raise ValueError(f"got pictures of shape {tuple(xs.shape)}, {expected}")
        maps = self.features(xs, widths)
        B, _, R, C = maps.shape
        answers = self.readout(self.memory(maps, widths))
        laid_out: Tensor = answers.reshape(C, B, R, len(HEIGHTS), 3).permute(1, 2, 0, 3, 4)
        return laid_out


def _keep(maps: Tensor, widths: Tensor | None) -> Tensor:
    """Set to zero what lies right of each picture's width."""
    if widths is None:
        return maps
    inside = torch.arange(maps.shape[-1], device=maps.device) < widths[:, None]
    return maps * inside.view(len(widths), *[1] * (maps.ndim - 2), -1)


# ---------------------------------------------------------------- what is to be learned


def slices(line: Line, columns: int) -> tuple[NDArray[np.int64], Numbers, Numbers, Numbers]:
    """Cut a line into slices, one a column of cells.

    Args:
        line: Where it is.
        columns: C.

    Returns:
        Numbers of the columns that it touches, top and bottom of the line in the middle of each, and the share of each
        column's width that it covers.

    Example:
        >>> square = Line("I", np.array([[8, 10], [20, 10], [20, 30], [8, 30.0]]), "")
        >>> [part.tolist() for part in slices(square, 24)]
        [[1, 2], [10.0, 10.0], [30.0, 30.0], [1.0, 0.5]]
    """
    left, right = line.corners[:, 0].min(), line.corners[:, 0].max()
    numbers = np.arange(max(0, int(left // ACROSS)), min(columns, int(np.ceil(right / ACROSS))))
    share = (np.minimum(right, ACROSS * (numbers + 1)) - np.maximum(left, ACROSS * numbers)) / ACROSS
    middles = ACROSS * (numbers + 0.5)
    top_left, top_right, low_right, low_left = line.corners
    top = np.interp(middles, [top_left[0], top_right[0]], [top_left[1], top_right[1]])
    bottom = np.interp(middles, [low_left[0], low_right[0]], [low_left[1], low_right[1]])
    return numbers, top, bottom, share


def overlap(top: Numbers, bottom: Numbers, others_top: Numbers, others_bottom: Numbers) -> Numbers:
    """Divide what two stretches have in common by what they cover together.

    Example:
        >>> overlap(np.array([0.0]), np.array([10.0]), np.array([5.0]), np.array([15.0])).round(3).tolist()
        [0.333]
    """
    common = np.minimum(bottom, others_bottom) - np.maximum(top, others_top)
    together = np.maximum(bottom, others_bottom) - np.minimum(top, others_top)
    shared: Numbers = np.maximum(common, 0) / together
    return shared


def targets(lines: Iterable[Line], rows: int, columns: int) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Say of each anchor what the network ought to answer.

    An anchor is text where it overlaps a slice by ``SURE`` or is the best for its slice; it is not below ``MAYBE``, and
    in a column that a line covers by less than half; in between, nothing is asked.

    Args:
        lines: Of the scene.
        rows: R.
        columns: C.

    Returns:
        Kinds (R, C, K): 1 text, 0 none, -1 not asked; and places (R, C, K, 2).

    Example:
        >>> kinds, places = targets([Line("I", np.array([[8, 20], [24, 20], [24, 33], [8, 33.0]]), "")], 24, 24)
        >>> np.argwhere(kinds[:, 1] == 1).tolist(), bool(places[6, 1, 1, 1] == 0)  # as high as the second anchor
        ([[6, 1], [6, 2]], True)
    """
    heights = np.array(HEIGHTS)
    centres = DOWN * (np.arange(rows) + 0.5)
    low, high = centres[:, None] - heights / 2, centres[:, None] + heights / 2
    kinds = np.zeros((rows, columns, len(HEIGHTS)), np.int8)
    places = np.zeros((rows, columns, len(HEIGHTS), 2), np.float32)
    for line in lines:
        for column, top, bottom, share in zip(*slices(line, columns), strict=True):
            shared = overlap(top, bottom, low, high)
            here = kinds[:, column]
            if share < 0.5:
                continue
            is_text = (shared >= SURE) | (shared == shared.max())
            here[is_text] = 1
            here[(shared >= MAYBE) & (here == 0)] = -1
            shift = ((top + bottom) / 2 - centres[:, None]) / heights
            both = np.stack([shift, np.broadcast_to(np.log((bottom - top) / heights), shift.shape)], axis=-1)
            places[:, column][is_text] = both[is_text]
    return kinds, places


class Batch(NamedTuple):
    """Pictures (B, H, W), kinds (B, R, C, K) and places (B, R, C, K, 2)."""

    pictures: Any
    kinds: Any
    places: Any


def batch(scenes: Sequence[Scene]) -> Batch:
    """Put scenes of one size into a batch.

    Example:
        >>> from lstm_lib.applied import backgrounds, scenes
        >>> rng = np.random.default_rng(0)
        >>> batch([scenes.scene(rng, backgrounds.LOTS["train"]) for _ in range(3)]).kinds.shape
        (3, 24, 24, 4)
    """
    pictures = np.stack([prepare(scene.picture) for scene in scenes])
    R, C = pictures.shape[1] // DOWN, pictures.shape[2] // ACROSS
    kinds, places = zip(*(targets(scene.lines, R, C) for scene in scenes), strict=True)
    return Batch(pictures, np.stack(kinds), np.stack(places))


def loss(answers: Tensor, given: Any) -> Tensor:
    """Add up the loss over the anchors that ask.

    For the score, focal cross-entropy (Lin et al. 2017): -(1 - p)² ln p, where p is the chance that is given to what
    is right, so that the many easy anchors count little. For the place of a slice of text, its distance, squared where
    it is small.

    Args:
        answers: (B, R, C, K, 3).
        given: Batch.
    """
    asked, is_text = given.kinds >= 0, given.kinds == 1
    entropy = F.binary_cross_entropy_with_logits(answers[..., 0], is_text.to(answers.dtype), reduction="none")
    focal = (1 - torch.exp(-entropy)) ** 2 * entropy
    place = F.smooth_l1_loss(answers[..., 1:][is_text], given.places[is_text], reduction="sum", beta=0.1)
    return focal[asked].sum() + 0.5 * place


OBJECTIVE = Objective(
    parts={"pictures": "B H W float", "kinds": "B R C K int", "places": "B R C K 2 float"},
    loss=loss,
    questions=lambda given: max(1, int((given.kinds == 1).sum())),
    score=lambda answers, given: (
        ((answers[..., 0] > 0) == (given.kinds == 1))[given.kinds >= 0].sum(),
        (given.kinds >= 0).sum(),
    ),
)
