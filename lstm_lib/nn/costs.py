"""What one forward and backward pass of a layer costs, counted: calls of operators, multiplications, bytes.

The counts are those of the usual loop, ``ladder.per_step``, with gradients of weights and inputs, in float32. Three
measured constants make times of them (``benchmarks.where_time_goes``). Shapes: T steps, B batch, D features, H hidden
units.
"""

from typing import NamedTuple

BYTES = 4  # of a float32


class Machine(NamedTuple):
    """Three measured constants: seconds for a call with nothing to compute, bytes and FLOP in a second."""

    seconds_a_call: float
    bytes_a_second: float
    flops_a_second: float


class Milliseconds(NamedTuple):
    """A predicted time in three parts, which add up: calls, memory, arithmetic."""

    calls: float
    memory: float
    arithmetic: float


class Ceilings(NamedTuple):
    """FLOP a second that the loop cannot exceed at a size, if calls, memory or arithmetic were all that takes time."""

    calls: float
    memory: float
    arithmetic: float


def calls(T: int) -> int:
    """Count the operators that move numbers: 12 a step forward and 24 backward, less at the ends.

    Example:
        >>> calls(100)
        3595
    """
    return 36 * T - 5


def flops(T: int, B: int, D: int, H: int) -> int:
    """Count multiplications and additions of all products: 2·B·4H·(D + H) a step, and twice that backward.

    Example:
        >>> flops(1, 1, 1, 1)
        48
    """
    return 24 * T * B * H * (D + H)


def bytes_of_products(T: int, B: int, D: int, H: int) -> int:
    """Count the bytes that the loop's products read and write, every operand once a product.

    The gradient of the first state is asked for by nobody: 5·B·H + 4·H² numbers less.
    """
    numbers = 3 * T * B * (D + H) + 12 * T * H * (D + H) + 24 * T * B * H + 8 * T * H
    return BYTES * (numbers - 5 * B * H - 4 * H * H)


def bytes_of_the_rest(T: int, B: int, D: int, H: int) -> int:
    """Count the bytes that all other operators of the loop read and write.

    91·B·H numbers a step pass through gates and memories, forward and backward. And each step but one adds its gradient
    of the weights to what there is: 12·H·(D + H) numbers.
    """
    numbers = 91 * T * B * H - 8 * B * H + 12 * (T - 1) * H * (D + H) + 32 * T * H - 24 * H + 2 * T * B * D
    return BYTES * numbers


def intensity(T: int, B: int, D: int, H: int) -> float:
    """Return the FLOP that the loop does for each byte that it moves.

    Example:
        >>> intensity(100, 1, 16, 16) < 1 < intensity(100, 128, 512, 512)
        True
    """
    return flops(T, B, D, H) / (bytes_of_products(T, B, D, H) + bytes_of_the_rest(T, B, D, H))


def predict(machine: Machine, T: int, B: int, D: int, H: int) -> Milliseconds:
    """Predict the time of the loop: every call, every byte and every FLOP at its price, one after the other.

    Example:
        >>> parts = predict(Machine(2e-6, 3e10, 1.8e11), 100, 1, 16, 16)
        >>> parts.calls > 5 * (parts.memory + parts.arithmetic)
        True
    """
    moved = bytes_of_products(T, B, D, H) + bytes_of_the_rest(T, B, D, H)
    called = calls(T) * machine.seconds_a_call
    computed = flops(T, B, D, H) / machine.flops_a_second
    return Milliseconds(1e3 * called, 1e3 * moved / machine.bytes_a_second, 1e3 * computed)


def ceilings(machine: Machine, T: int, B: int, D: int, H: int) -> Ceilings:
    """Return the roof over a size: its arithmetic, its memory at this intensity, and the calls that it needs.

    Example:
        >>> low = ceilings(Machine(2e-6, 3e10, 1.8e11), 100, 1, 16, 16)
        >>> min(low) == low.calls
        True
    """
    called = calls(T) * machine.seconds_a_call
    by_memory = intensity(T, B, D, H) * machine.bytes_a_second
    return Ceilings(flops(T, B, D, H) / called, by_memory, machine.flops_a_second)
