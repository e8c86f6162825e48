"""All time steps of the standard cell in one launch on an NVIDIA GPU, in Triton; products as in ``fused``.

Shapes: T steps, B batch, D features, H hidden units. Importing this needs neither Triton nor a GPU.
"""

import functools
import os
from typing import Any, NamedTuple

import torch
from torch import Tensor

from lstm_lib.nn.backends import fused
from lstm_lib.nn.backends.interface import Backend, Call, Settings, autocast_dtype
from lstm_lib.nn.steps import State

SHARED = 227 * 1024  # bytes of shared memory that a program may have on a Hopper GPU
DTYPES = (torch.float32, torch.bfloat16, torch.float16)


class Tiles(NamedTuple):
    """How the work is cut: BB sequences by BH units a program, in so many warps; inner is H, padded.

    alone: whether a program has all units of its sequences, and waits for nobody.
    """

    BB: int
    BH: int
    inner: int
    alone: bool
    warps: int

    def programs(self, B: int, H: int) -> tuple[int, int]:
        """Return how many programs there are, for the sequences and for the units."""
        return -(-B // self.BB), -(-H // self.BH)


@functools.cache
def cut(B: int, H: int, itemsize: int, processors: int, shared: int = SHARED) -> Tiles | None:
    """Choose the tiles of a layer, or None if no cut fits.

    All programs must run at the same time, so there are at most as many as the GPU has processors; and the weights of
    a program's units, and what it hears at a step, must fit its shared memory.

    Example:
        >>> cut(32, 128, 2, 132)  # the weights of 128 units fit one processor
        Tiles(BB=16, BH=128, inner=128, alone=True, warps=8)
        >>> cut(64, 512, 2, 132).programs(64, 512)
        (4, 32)
        >>> cut(64, 4096, 2, 132) is None
        True
    """
    inner = max(16, 1 << (H - 1).bit_length())
    if 4 * inner * inner * itemsize + 2 * 4 * 16 * inner * itemsize <= shared:
        return Tiles(16, inner, inner, True, 8 if inner > 32 else 4)
    for BH in (16, 32):
        for BB in (16, 32, 64):
            needed = (4 * BH * inner + max(BB * inner, 2 * BB * inner)) * itemsize
            tiles = Tiles(BB, BH, inner, False, 8)
            for_sequences, for_units = tiles.programs(B, H)
            if needed <= shared and for_sequences * for_units <= processors:
                return tiles
    return None


def scan(shares: Tensor, W_hh: Tensor, start: State, steps: fused.Steps) -> tuple[Tensor, Tensor, Tensor, State]:
    """Run the cell over all steps in one launch; as ``fused.scan``, but c is float32."""
    from lstm_lib.nn.backends import _kernels

    T, (B, H) = len(steps.sizes), start.h.shape
    tiles = _tiles(W_hh, B)
    hs = shares.new_empty(T * B, H)
    cs = shares.new_empty(T * B, H, dtype=torch.float32)
    gates = torch.empty_like(shares)
    counters = torch.zeros(tiles.programs(B, H)[0], dtype=torch.int32, device=shares.device)
    _kernels.forward_kernel[tiles.programs(B, H)](
        shares, W_hh.contiguous(), start.h.contiguous(), start.c.contiguous(), hs, cs, gates, counters, T, B, H,
        **_options(tiles, steps), SAVE=True,
    )
    last = slice(0, B) if steps.reverse else slice((T - 1) * B, T * B)
    return hs, cs, gates, State(hs[last], cs[last].to(start.c.dtype))


def scan_back(
    d_hs: Tensor, d_last: State, W_hh: Tensor, start: State, cs: Tensor, gates: Tensor, steps: fused.Steps
) -> tuple[Tensor, State]:
    """Run the gradient back over all steps in one launch, as ``fused.scan_back``."""
    from lstm_lib.nn.backends import _kernels

    T, (B, H) = len(steps.sizes), start.h.shape
    tiles = _tiles(W_hh, B)
    d_shares = torch.empty_like(gates)
    d_h, d_c = (gates.new_empty(B, H, dtype=torch.float32) for _ in range(2))
    counters = torch.zeros(tiles.programs(B, H)[0], dtype=torch.int32, device=gates.device)
    _kernels.backward_kernel[tiles.programs(B, H)](
        d_hs.contiguous(), d_last.h.contiguous(), d_last.c.contiguous(), W_hh.contiguous(), start.c.contiguous(), cs,
        gates, d_shares, d_h, d_c, counters, T, B, H, **_options(tiles, steps),
    )
    return d_shares, State(d_h.to(start.h.dtype), d_c.to(start.c.dtype))


def _tiles(W_hh: Tensor, B: int) -> Tiles:
    tiles = cut(B, W_hh.shape[1], W_hh.element_size(), _processors(W_hh.device))
    if tiles is None:
        raise RuntimeError(f"got H {W_hh.shape[1]} and B {B}, expected a layer whose weights fit this GPU's processors")
    return tiles


@functools.cache
def _processors(device: torch.device) -> int:
    return torch.cuda.get_device_properties(device).multi_processor_count if device.type == "cuda" else 1


def _options(tiles: Tiles, steps: fused.Steps) -> dict[str, Any]:
    options: dict[str, Any] = {"BB": tiles.BB, "BH": tiles.BH, "HK": tiles.inner, "ALONE": tiles.alone}
    options |= {"REVERSE": steps.reverse, "PRECISION": "tf32", "num_warps": tiles.warps, "num_stages": 1}
    return options if tiles.alone else options | {"launch_cooperative_grid": True}


def run(call: Call) -> tuple[Tensor, State]:
    """Run a stack of standard LSTM layers."""
    return fused.run(call, fused.Scan(scan, scan_back))


def lacks(settings: Settings) -> str:
    """Say why there is no kernel for such a module."""
    return fused.lacks(settings)


def refuses(call: Call) -> str:
    """Say why this call is beyond it."""
    dtype = autocast_dtype(call.xs) or call.xs.dtype
    H, B = call.weights[0]["weight_hh"].shape[1], call.state.h.shape[1]
    if call.xs.device.type != "cuda" and os.environ.get("TRITON_INTERPRET") != "1":
        return "Triton computes on NVIDIA GPUs"
    if dtype not in DTYPES:
        return f"no kernel for {dtype}".replace("torch.", "")
    if call.batch_sizes is not None:
        return "packed sequences have no kernel yet"
    if cut(B, H, dtype.itemsize, _processors(call.xs.device)) is None:
        return f"the weights of {H} units and {B} sequences do not fit this GPU's processors"
    return fused.refuses(call)


BACKEND = Backend("triton", "all steps in one launch", run, lacks, refuses, is_traced=False)
