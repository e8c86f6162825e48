"""The steps of ``fused`` in C++, for a processor: an extra that nothing needs, without Python between the steps.

It is compiled on this machine when it is asked for by name, and from then on "auto" takes it too.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from lstm_lib.nn.backends import _normed, fused
from lstm_lib.nn.backends._compiled import build, is_built
from lstm_lib.nn.backends._order import Steps
from lstm_lib.nn.backends._scan import Kind, Scan
from lstm_lib.nn.backends.interface import Backend, Call, Settings, autocast_dtype, is_followed
from lstm_lib.nn.steps import State

DTYPES = (torch.float32, torch.float64)


def scan(
    shares: Tensor, W_hh: Tensor, kind: Kind, start: State, steps: Steps, *, saves: bool = True
) -> tuple[Tensor, Tensor, Tensor, State]:
    """Run the cell over all steps, as ``_scan.scan``."""
    given = (_whole(W_hh), *_own(kind), kind.b_u, *start, steps.sizes, steps.reverse)
    hs, cs, *last = torch.ops.lstm_lib_steps.forward(shares, *given)
    return hs, cs, shares, State(*last)


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
    """Run the gradient back over all steps, as ``_scan.scan_back``."""
    H, said = cs.shape[1], None
    if kind.W_u is not None:
        said = F.linear(gates[:, H : 2 * H] * steps.earlier(start.c, cs), kind.W_u, kind.b_u).tanh_()
    saved = (said, _whole(start.c), _whole(cs), _whole(gates))
    given = (_whole(d_hs), *d_last, _whole(W_hh), *_own(kind), *saved, steps.sizes, steps.reverse)
    d_shares, heard, *d_start = torch.ops.lstm_lib_steps.backward(*given)
    return d_shares, heard, State(*d_start)


def normed_scan(
    shares: Tensor, W_hh: Tensor, norms: _normed.Norms, start: State, steps: Steps
) -> tuple[Tensor, Tensor, Tensor, Tensor, State]:
    """Run the layer-normalised cell over all steps, as ``_normed.scan``."""
    gates = shares.clone(memory_format=torch.contiguous_format)
    given = (_whole(W_hh), *_gains(norms), *start, steps.sizes, steps.reverse)
    hs, cs, zs, *last = torch.ops.lstm_lib_steps.normed_forward(gates, *given)
    return hs, cs, zs, gates, State(*last)


def normed_scan_back(
    d_hs: Tensor,
    d_last: State,
    W_hh: Tensor,
    norms: _normed.Norms,
    start: State,
    kept: tuple[Tensor, Tensor, Tensor],
    steps: Steps,
) -> tuple[Tensor, Tensor, Tensor, State]:
    """Run its gradient back over all steps, as ``_normed.scan_back``."""
    gain_z, _, gain_c, shift_c = _gains(norms)
    given = (_whole(d_hs), *d_last, _whole(W_hh), gain_z, gain_c, shift_c, _whole(start.c), *map(_whole, kept))
    d_shares, d_zs, d_ns, *d_start = torch.ops.lstm_lib_steps.normed_backward(*given, steps.sizes, steps.reverse)
    return d_shares, d_zs, d_ns, State(*d_start)


def _whole(x: Tensor) -> Tensor:
    return x.contiguous()


def _wholes(*parts: Tensor | None) -> list[Tensor | None]:
    return [None if x is None else _whole(x) for x in parts]


def _gains(norms: _normed.Norms) -> list[Tensor | None]:
    return _wholes(*(norms.get(name) for name in _normed.NAMES[1:]))


def _own(kind: Kind) -> tuple[Tensor | None, bool, Tensor | None, Tensor | None]:
    peep, W_hr, W_u = _wholes(kind.peep, kind.W_hr, kind.W_u)
    return peep, kind.says_all, W_hr, W_u


def run(call: Call) -> tuple[Tensor, State]:
    """Run a stack of layers; the first call compiles. What is followed goes the way of "fused"."""
    if is_followed(call):
        return fused.run(call)
    build()
    return fused.run(call, Scan(scan, scan_back), _normed.NormedScan(normed_scan, normed_scan_back))


# ---------------------------------------------------------------- when


def lacks(settings: Settings) -> str:
    """Say why there are no such steps in C++.

    Example:
        >>> from lstm_lib.nn.noise import Noise
        >>> lacks(Settings("drawn")), lacks(Settings(noise=Noise(zoneout_c=0.1)))
        ('', 'zoneout inside the layer: the steps in C++ have none')
    """
    if settings.cell not in fused.ABLE:
        return f"cell {settings.cell!r} has no steps in C++"
    acting = settings.noise.acting()
    return f"{' and '.join(acting)} inside the layer: the steps in C++ have none" if acting else ""


def refuses(call: Call) -> str:
    """Say why this call is beyond them."""
    if call.xs.device.type != "cpu":
        return "the steps in C++ are for a processor"
    dtype = autocast_dtype(call.xs) or call.xs.dtype
    return "" if dtype in DTYPES else f"{dtype} has no steps in C++".replace("torch.", "")


def yields(call: Call) -> str:
    """Say why another path computes this call, even where "cpp" is asked for by name."""
    followed = "something follows torch's operations one by one, which the steps in C++ are not"
    return fused.yields(call) or (followed if is_followed(call) else "")


ABOUT = "a backward pass derived by hand, its steps in C++"
BACKEND = Backend(
    "cpp",
    ABOUT,
    run,
    lacks,
    refuses,
    yields,
    is_traced=False,
    while_compiling=False,
    devices=("cpu",),
    is_there=is_built,
)
