"""All time steps of the standard cell in one launch on an NVIDIA GPU, in Triton; products as in ``fused``.

Shapes: T steps, B batch, D features, H hidden units. Importing this needs neither Triton nor a GPU.
"""

import functools
import importlib
import importlib.util
import os
from typing import Any, NamedTuple

import torch
from torch import Tensor

from lstm_lib.nn.backends import fused
from lstm_lib.nn.backends._measured import PRECISIONS, measured
from lstm_lib.nn.backends._order import Steps
from lstm_lib.nn.backends._scan import Kind, Scan
from lstm_lib.nn.backends.interface import Backend, Call, Settings, autocast_dtype
from lstm_lib.nn.steps import State

SHARED = 227 * 1024  # bytes of shared memory that a program may have on a Hopper GPU
CELLS = ("standard", "peephole", "coupled", "janet", "no-forget")
PARTS = 4  # pieces of each gate that are multiplied side by side on the way back, in warps of their own
DTYPES = tuple(PRECISIONS)
MARGIN = 1.03  # how many times faster a measurement must be to count as faster


class Tiles(NamedTuple):
    """How the work is cut: BB sequences by BH units a program, in so many warps; inner is H, padded.

    alone: whether a program has all units of its sequences, and waits for nobody. group: how many gates' gradients it
    multiplies at once on the way back.
    """

    BB: int
    BH: int
    inner: int
    alone: bool
    warps: int
    group: int = 2

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
        Tiles(BB=16, BH=128, inner=128, alone=True, warps=8, group=2)
        >>> cut(64, 512, 2, 132).programs(64, 512)
        (4, 32)
        >>> cut(64, 4096, 2, 132) is None
        True
    """
    inner = max(16, 1 << (H - 1).bit_length())
    if 4 * inner * inner * itemsize + 2 * 4 * 16 * inner * itemsize <= shared:
        return Tiles(16, inner, inner, True, 8 if inner > 32 else 4)
    for BH in (16, 32):
        warps = 4 if 4 * BH * inner * itemsize <= 1 << 16 else 8
        for BB in (16, 32, 64):
            for group in (2, 1):
                tiles = Tiles(BB, BH, inner, False, warps, group)
                for_sequences, for_units = tiles.programs(B, H)
                needed = (4 * BH * inner + group * BB * inner) * itemsize
                if needed <= shared and for_sequences * for_units <= processors:
                    return tiles
    return None


def scan(
    shares: Tensor, W_hh: Tensor, kind: Kind, start: State, steps: Steps, *, saves: bool = True
) -> tuple[Tensor, Tensor, Tensor, State]:
    """Run the cell over all steps in one launch; as ``_scan.scan``, but c is float32."""
    from lstm_lib.nn.backends import _kernels

    T, (B, H) = len(steps.sizes), start.h.shape
    tiles = _tiles(W_hh, B)
    hs = shares.new_empty(len(shares), H)
    cs = shares.new_empty(len(shares), H, dtype=torch.float32) if saves else shares
    gates = torch.empty_like(shares) if saves else shares
    last = State(torch.empty_like(start.h), torch.empty_like(start.c))
    _kernels.forward_kernel[tiles.programs(B, H)](
        shares, W_hh.contiguous(), _peep(kind, shares), start.h.contiguous(), start.c.contiguous(), hs, cs, gates,
        *last, *_places(steps, tiles, shares), T, B, H, **_options(tiles, steps, kind), SAVE=saves,
    )
    return hs, cs, gates, last


def scan_back(
    d_hs: Tensor,
    d_last: State,
    W_hh: Tensor,
    kind: Kind,
    start: State,
    cs: Tensor,
    gates: Tensor,
    steps: Steps,
) -> tuple[Tensor, Tensor, State]:
    """Run the gradient back over all steps in one launch, as ``_scan.scan_back``."""
    from lstm_lib.nn.backends import _kernels

    T, (B, H) = len(steps.sizes), start.h.shape
    tiles = _tiles(W_hh, B)
    d_shares = torch.empty_like(gates)
    d_start = State(torch.empty_like(start.h), torch.empty_like(start.c))
    _kernels.backward_kernel[tiles.programs(B, H)](
        d_hs.contiguous(), d_last.h.contiguous(), d_last.c.contiguous(), W_hh.contiguous(), _peep(kind, gates),
        start.c.contiguous(), cs, gates, d_shares, *d_start, *_places(steps, tiles, gates), T, B, H,
        **_options(tiles, steps, kind), GROUP=tiles.group, PARTS=PARTS * 2 // tiles.group,
    )
    return d_shares, d_hs, d_start


def _places(steps: Steps, tiles: Tiles, like: Tensor) -> tuple[Tensor, Tensor]:
    """Return the first row of every step, and counters for programs that wait for each other; else anything."""
    firsts = like if steps.before is None else steps.firsts
    B, H = steps.sizes[0], like.shape[1] // 4
    if tiles.alone:
        return firsts, like
    return firsts, torch.zeros(tiles.programs(B, H)[0], dtype=torch.int32, device=like.device)


def _tiles(W_hh: Tensor, B: int) -> Tiles:
    tiles = cut(B, W_hh.shape[1], W_hh.element_size(), _processors(W_hh.device))
    if tiles is None:
        raise RuntimeError(f"got H {W_hh.shape[1]} and B {B}, expected a layer whose weights fit this GPU's processors")
    return tiles


@functools.cache
def _processors(device: torch.device) -> int:
    return torch.cuda.get_device_properties(device).multi_processor_count if device.type == "cuda" else 1


def _peep(kind: Kind, like: Tensor) -> Tensor:
    return like if kind.peep is None else kind.peep.contiguous()


def _options(tiles: Tiles, steps: Steps, kind: Kind) -> dict[str, Any]:
    options: dict[str, Any] = {"BB": tiles.BB, "BH": tiles.BH, "HK": tiles.inner, "ALONE": tiles.alone}
    options |= {"REVERSE": steps.reverse, "PACKED": steps.before is not None, "PRECISION": "tf32"}
    options |= {"num_warps": tiles.warps, "num_stages": 1}
    options |= {"PEEP": kind.peep is not None, "SAYS_ALL": kind.says_all}
    return options if tiles.alone else options | {"launch_cooperative_grid": True}


def run(call: Call) -> tuple[Tensor, State]:
    """Run a stack of layers."""
    return fused.run(call, Scan(scan, scan_back))


# ---------------------------------------------------------------- when


def lacks(settings: Settings) -> str:
    """Say why there is no kernel for such a module.

    Example:
        >>> lacks(Settings("janet")), lacks(Settings("drawn"))
        ('', "cell 'drawn' has no kernel in Triton")
    """
    if settings.cell not in CELLS:
        return f"cell {settings.cell!r} has no kernel in Triton"
    acting = settings.noise.acting()
    return f"{' and '.join(acting)} inside the layer: Triton's kernels have none" if acting else ""


def refuses(call: Call) -> str:
    """Say why this call is beyond it."""
    device, dtype = call.xs.device, autocast_dtype(call.xs) or call.xs.dtype
    H, B = call.weights[0]["weight_hh"].shape[1], call.state.h.shape[1]
    if device.type != "cuda" and not _interprets():
        return "Triton computes on NVIDIA GPUs"
    if not _has_triton():
        return "Triton 3.3 or newer is not installed"
    if "weight_hr" in call.weights[0]:
        return "a projection has no kernel in Triton"
    if dtype not in DTYPES:
        return f"{dtype} has no kernel in Triton".replace("torch.", "")
    if dtype == torch.float32 and not (_interprets() or torch.backends.cudnn.allow_tf32):
        return "float32 without TF32 has no kernel in Triton"
    if device.type == "cuda" and torch.cuda.get_device_capability(device) < (9, 0):
        return "the kernels need a GPU of compute capability 9.0 at least"
    if B == 0 or cut(B, H, dtype.itemsize, _processors(device)) is None:
        return f"the weights of {H} units and {B} sequences do not fit this GPU's processors"
    return ""


def yields(call: Call) -> str:
    """Say why "auto" had better ask the next: no measurement on this kind of GPU says that this would be faster."""
    if why := fused.yields(call):
        return why
    found = measured(call)
    if found is None:
        return "nothing was measured near this size on this kind of GPU"
    return "" if found.gain > MARGIN else f"Triton would be slower: {found}"


def evidence(call: Call) -> str:
    """Give the measurement, in words."""
    found = measured(call)
    return "" if found is None else f"measured: {found}"


@functools.cache
def _has_triton() -> bool:
    """Say whether there is a Triton that launches programs which wait for one another: 3.3, which torch 2.7 brings."""
    if importlib.util.find_spec("triton") is None:
        return False
    version: str = importlib.import_module("triton").__version__
    return tuple(int(number) for number in version.split(".")[:2]) >= (3, 3)


def _interprets() -> bool:
    """Say whether Triton's interpreter computes, on any device."""
    return os.environ.get("TRITON_INTERPRET") == "1"


BACKEND = Backend(
    "triton",
    "all steps in one launch",
    run,
    lacks,
    refuses,
    yields,
    is_traced=False,
    while_compiling=False,
    devices=("cuda",),
    evidence=evidence,
)
