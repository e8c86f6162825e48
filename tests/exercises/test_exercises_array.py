"""The array of our own does what numpy's does."""

import operator

import numpy as np
import pytest

from lstm_lib.exercises import _probes, dot, sigmoid, tanh
from lstm_lib.exercises._array import Array

OPERATORS = ("add", "sub", "mul", "truediv", "floordiv", "pow", "eq", "ne", "lt", "le", "gt", "ge")
IN_PLACE = ("iadd", "isub", "imul", "itruediv", "ipow")
PARTS = (slice(1, None), slice(None, -1), slice(None, None, -1), slice(1, 1))
KEYS = (0, -1, *PARTS, ..., (..., 0), (..., None), (None, ...))


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def same(ours, theirs):
    assert isinstance(ours, Array) == (np.ndim(theirs) > 0)
    if isinstance(ours, Array):
        assert ours.shape == theirs.shape
        assert ours.ndim == theirs.ndim
        assert ours.size == theirs.size
        ours = np.array(ours.tolist()).reshape(ours.shape)
    np.testing.assert_allclose(np.array(ours, float), np.array(theirs, float), rtol=1e-12, atol=1e-15)


def drawn(rng, shape):
    numbers = rng.integers(-2, 3, shape) if rng.random() < 0.3 else rng.normal(size=shape)
    numbers = np.asarray(numbers, float)
    return Array.of(numbers.tolist()), numbers


def two_shapes(rng):
    """Return shapes that broadcast: some axes are 1, and some are missing."""
    shape = tuple(int(n) for n in rng.integers(1, 5, rng.integers(1, 4)))
    cut = int(rng.integers(0, len(shape)))
    return shape, tuple(1 if rng.random() < 0.3 else n for n in shape[cut:])


@pytest.mark.parametrize("name", OPERATORS)
def test_operators_broadcast_as_numpy_does(name, rng):
    function = getattr(operator, name)
    for _ in range(60):
        (ours, theirs), (a, b) = (drawn(rng, shape) for shape in two_shapes(rng))
        number = float(rng.integers(-2, 3))
        with np.errstate(all="ignore"):
            same(function(ours, a), function(theirs, b))
            same(function(a, ours), function(b, theirs))
            same(function(ours, number), function(theirs, number))
            same(function(number, ours), function(number, theirs))


@pytest.mark.parametrize("name", IN_PLACE)
def test_in_place_operators_change_what_others_hold(name, rng):
    function = getattr(operator, name)
    for _ in range(40):
        (ours, theirs), (a, b) = (drawn(rng, shape) for shape in two_shapes(rng))
        held, key = ours, KEYS[int(rng.integers(len(KEYS)))]
        with np.errstate(all="ignore"):
            ours, theirs = function(ours, a), function(theirs, b)
            assert ours is held
            ours[key] = function(ours[key], 2.0)
            theirs[key] = function(theirs[key], 2.0)
        same(held, theirs)


def test_a_part_is_a_view():
    ours, theirs = Array.of([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 2.0], [3.0, 4.0]])
    for each in (ours, theirs):
        each[0] += 1
        each.T[1][:1] *= 5
        for row in each:
            row -= 2
        each[..., -1] = [7.0, 8.0]
        each.copy()[0] = 0
    same(ours, theirs)


def test_parts_are_those_of_numpy(rng):
    for _ in range(60):
        ours, theirs = drawn(rng, two_shapes(rng)[0])
        for key in KEYS:
            same(ours[key], theirs[key])
        assert len(ours) == len(theirs)
        same(ours.T, theirs.T)
        same(ours.swapaxes(0, -1), theirs.swapaxes(0, -1))
        same(-ours, -theirs)
        same(abs(ours), abs(theirs))
        for axis in (None, 0, -1):
            for name in ("sum", "max", "mean"):
                for keep in (False, True) if axis is not None else (False,):
                    same(getattr(ours, name)(axis=axis, keepdims=keep), getattr(theirs, name)(axis=axis, keepdims=keep))
        for part, other in zip(ours, theirs, strict=True):
            same(part, other)


@pytest.mark.parametrize(
    ("one", "two"),
    [((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 4)), ((2, 3), (3, 4)), ((2, 3), (5, 3, 4)), ((5, 2, 3), (3, 4))],
)
def test_products_are_those_of_numpy(one, two, rng):
    (ours, theirs), (a, b) = drawn(rng, one), drawn(rng, two)
    same(ours @ a, theirs @ b)
    same(ours @ a.tolist(), theirs @ b)
    same(ours.tolist() @ a, theirs @ b)
    with pytest.raises(ValueError, match="do not fit"):
        ours @ a[:-1] if len(two) == 1 else ours @ a[..., :-1, :]


@pytest.mark.parametrize(
    "shapes", [((3,), (3,)), ((2, 3), (3,)), ((3,), (4, 3)), ((2, 3), (4, 3)), ((4, 2, 3), (5, 3))]
)
def test_the_tools_take_it(shapes, rng):
    (ours, theirs), (a, b) = (drawn(rng, shape) for shape in shapes)
    same(dot(ours, a), dot(theirs, b))
    same(dot(ours.tolist(), a), dot(theirs, b))
    same(dot(2.0, a), dot(2.0, b))
    same(tanh(ours), tanh(theirs))
    same(sigmoid(ours), sigmoid(theirs))
    with pytest.raises(ValueError, match=r"dot got shapes .+, expected "):
        dot(ours, a[..., :-1])


def test_what_numpy_refuses_is_refused():
    table, row = Array.of([[1.0, 2.0], [3.0, 4.0]]), Array.of([1.0, 2.0, 3.0])
    for refused, error in (
        (lambda: table + row, ValueError),
        (lambda: table.__iadd__(Array.of([[[1.0, 1.0]]])), ValueError),
        (lambda: bool(table > 1), ValueError),
        (lambda: max(0, row), ValueError),
        (lambda: float(row), ValueError),
        (lambda: row[3], IndexError),
        (lambda: row[0, 0], IndexError),
        (lambda: row + None, TypeError),
        (lambda: len(Array.of(1.0)), TypeError),
        (lambda: Array.of([[1.0], [1.0, 2.0]]), ValueError),
    ):
        with pytest.raises(error):
            refused()


def test_without_numpy_probes_are_the_same_numbers(monkeypatch):
    kinds = {"z": _probes.JOINED, "W": _probes.FOUR_ROWS, "b": _probes.BIAS}
    with_numpy = _probes.make_probes("some", kinds)
    monkeypatch.setattr(_probes, "has_numpy", lambda: False)
    for ours, theirs in zip(_probes.make_probes("some", kinds), with_numpy, strict=True):
        assert ours.style == theirs.style
        assert ours.describe() == theirs.describe()
        for name, value in ours.inputs.items():
            assert isinstance(value, Array) == isinstance(theirs.inputs[name], np.ndarray)
            assert _probes.read(value) == _probes.read(theirs.inputs[name])
