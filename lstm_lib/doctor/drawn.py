"""Are the weights of a layer as somebody draws them, or has training moved them?

Training moves each weight by its own amount: some beyond the bounds between which they were drawn, biases of one gate
apart, gates away from each other; and what it adds to a matrix has few directions. Both biases get the same updates.

Shapes: D features, H hidden units.
"""

import math

import torch
from torch import Tensor

from lstm_lib.doctor.layers import Layer
from lstm_lib.nn.steps import CELLS

FEWEST = 8  # units below which a matrix says too little of how it was drawn
CHANCE = 4.0  # deviations by which a drawn number may be off
EDGE = 1.5  # by which a singular value of a drawn matrix may be beyond √m ± √n, in parts of an entry's size


def as_drawn(layer: Layer) -> bool:
    """Say whether nobody has trained a layer.

    Its weights are as torch draws them; or its biases are one number in each gate, as people set them; or its matrices
    are drawn in another way (evenly, from a normal distribution, orthogonal), and so are the biases.

    Example:
        >>> from torch import nn
        >>> from lstm_lib.doctor.layers import layers_of
        >>> lstm = nn.LSTM(3, 20)
        >>> as_drawn(layers_of(lstm)[0])
        True
        >>> _ = nn.init.orthogonal_(lstm.weight_hh_l0)
        >>> as_drawn(layers_of(lstm)[0])
        True
        >>> lstm.weight_hh_l0.detach()[20:40] *= 1.5
        >>> as_drawn(layers_of(lstm)[0])
        False
    """
    alike = [_is_one_number(layer, gate) for gate in CELLS[layer.cell].gates if gate != "f"]
    if alike and all(alike):
        return True
    bound = 1 / math.sqrt(layer.hidden_size)
    matrices = [layer.weights["weight_ih"], layer.weights["weight_hh"]]
    if all(_is_within(weight, bound) for weight in matrices):
        return True
    if layer.hidden_size < FEWEST:
        return False
    gates = len(CELLS[layer.cell].gates)
    return all(_is_random(weight, gates, bound) for weight in matrices) and _has_drawn_biases(layer)


def _is_one_number(layer: Layer, gate: str) -> bool:
    """Say whether the sum of both biases is one number in all units of a gate."""
    rows = [layer.rows(name, gate) for name in ("bias_ih", "bias_hh")]
    if rows[0] is None or rows[1] is None or len(rows[0]) < 3:
        return False
    total = rows[0] + rows[1]
    return bool((total == total[0]).all())


def _is_within(weight: Tensor, bound: float) -> bool:
    """Say whether numbers are spread evenly between two bounds, and none has moved beyond, but for rounding."""
    largest = float(weight.abs().max())
    even = _off(weight, bound) < CHANCE / math.sqrt(weight.numel())  # four deviations of such a mean
    rounding = max(1e-6, torch.finfo(weight.dtype).eps)
    return largest <= bound * (1 + rounding) and largest > bound * (1 - 12 / weight.numel()) and even


def _size(values: Tensor) -> float:
    """Return the root of the mean square."""
    return float(values.double().square().mean().sqrt())


def _off(values: Tensor, bound: float) -> float:
    """Return how far the size of numbers is from that of an even spread between two bounds, in parts of it."""
    return abs(_size(values) / bound * math.sqrt(3) - 1)


# ---------------------------------------------------------------- drawn in another way than torch's


def _is_random(weight: Tensor, gates: int, bound: float) -> bool:
    """Say whether a matrix is orthogonal, whole or gate by gate; or its entries are independent of each other."""
    parts = [weight, *weight.unflatten(0, (gates, -1))]
    if _is_orthogonal(weight) or all(_is_orthogonal(block) for block in parts[1:]):
        return True
    if _has_left(weight, bound):
        return False
    exact = weight.double()
    alike = _are_alike(list(exact.unflatten(0, (gates, -1)))) and _are_alike(list(exact.T))
    return alike and _has_a_usual_form(exact) and all(_has_no_direction(part.double()) for part in parts)


def _products(matrix: Tensor) -> Tensor:
    """Return the products of its columns with each other, or of its rows where there are fewer."""
    narrow = matrix.double() if matrix.shape[0] >= matrix.shape[1] else matrix.double().T
    return narrow.T @ narrow


def _has_left(weight: Tensor, bound: float) -> bool:
    """Say whether numbers are of the size that torch's draw has, and some lie a little beyond its bounds by now."""
    largest, off = float(weight.abs().max()), _off(weight, bound)
    is_near = off < _off(weight, largest) and off < CHANCE / 2 / math.sqrt(weight.numel())
    return bound < largest < 1.3 * bound and is_near


def _is_orthogonal(matrix: Tensor) -> bool:
    """Say whether the rows, or the columns, stand upright on each other and are of one length, but for rounding."""
    products = _products(matrix)
    length = float(products.diagonal().mean())
    off = float((products - length * torch.eye(len(products)).to(products)).abs().max())
    return len(products) > 2 and length > 0 and off < max(1e-4, 2 * torch.finfo(matrix.dtype).eps) * length


def _has_no_direction(matrix: Tensor) -> bool:
    """Say whether the singular values are those of independent entries: from √m - √n to √m + √n, times their size."""
    values, size = torch.linalg.eigvalsh(_products(matrix)).clamp_min(0).sqrt(), _size(matrix)
    m, n = (math.sqrt(count) for count in matrix.shape)
    return float(values[-1]) <= size * (m + n + EDGE) and float(values[0]) <= size * (abs(m - n) + EDGE)


def _has_a_usual_form(values: Tensor) -> bool:
    """Say whether numbers are spread evenly between two bounds, or as a normal distribution has it."""
    n, size, largest = values.numel(), _size(values), float(values.abs().max())
    if size == 0:
        return False
    if _off(values, largest) < CHANCE / math.sqrt(n):
        return True
    tails = float((values.double() / size).pow(4).mean())
    return abs(tails - 3) < CHANCE * math.sqrt(24 / n)


def _are_alike(parts: list[Tensor]) -> bool:
    """Say whether parts of a matrix have one size, and none of them a mean of its own, but for chance."""
    size = _size(torch.cat([part.flatten() for part in parts]))
    for part in parts:
        deviation = size / math.sqrt(part.numel())
        if abs(float(part.mean())) > CHANCE * deviation or abs(_size(part) - size) > CHANCE * deviation:
            return False
    return True


def _has_drawn_biases(layer: Layer) -> bool:
    """Say whether the biases of each gate but the forget gate are one number, or drawn, apart from each other."""
    if "bias_hh" not in layer.weights:
        return True
    ih, hh = [], []
    for gate in CELLS[layer.cell].gates.replace("f", ""):
        one, two = layer.rows("bias_ih", gate), layer.rows("bias_hh", gate)
        if one is not None and two is not None and not _is_one_number(layer, gate) and not _is_turned(layer, gate):
            ih.append(one.double())
            hh.append(two.double())
    if not ih:
        return True
    one, two = torch.cat(ih), torch.cat(hh)
    drawn = [part for part in (one, two) if bool(part.any())]
    if not all(_has_a_usual_form(part) for part in drawn):
        return False
    if not all(_are_alike(parts) for parts in (ih, hh) if bool(torch.cat(parts).any())):
        return False
    if len(drawn) < 2:
        return True
    together = float(torch.corrcoef(torch.stack([one, two]))[0, 1])
    return abs(together) < CHANCE / math.sqrt(len(one))


def _is_turned(layer: Layer, gate: str) -> bool:
    """Say whether the biases of a gate are the forget gate's with the other sign, as a chrono initialisation sets."""
    rows = [layer.rows(name, letter) for letter in (gate, "f") for name in ("bias_ih", "bias_hh")]
    if any(row is None for row in rows):
        return False
    total = sum(row.double() for row in rows if row is not None)
    return bool((torch.as_tensor(total).abs() < 1e-5).all())
