"""What this processor has, and which kernels NumPy's OpenBLAS takes on it."""

import ctypes
import platform
import signal
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

# The names that OPENBLAS_CORETYPE knows: what OpenBLAS then uses without asking whether the processor has it.
NEEDS = {
    "SkylakeX": ("AVX512F", "AVX512CD", "AVX512BW", "AVX512DQ", "AVX512VL"),
    "Haswell": ("AVX2", "FMA3"),
    "Prescott": ("SSE3",),
}


def features() -> set[str]:
    """Return the names of the instructions that NumPy finds in this processor.

    Example:
        >>> isinstance(features(), set)
        True
    """
    from numpy._core import _multiarray_umath  # NumPy has no public name for it

    return {name for name, there in _multiarray_umath.__cpu_features__.items() if there}


def lacks(kernels: str, there: Collection[str] | None = None) -> str:
    """Say why these OpenBLAS kernels would die here with SIGILL; the text is empty where they run.

    Args:
        kernels: A value of OPENBLAS_CORETYPE, or nothing for the choice of OpenBLAS itself.
        there: Names of instructions; None asks this processor.

    Example:
        >>> lacks("SkylakeX", {"AVX2", "FMA3"})
        'the processor has no AVX512F'
        >>> lacks("", set())
        ''
    """
    there = features() if there is None else there
    missing = [name for name in NEEDS.get(kernels, ()) if name not in there]
    return f"the processor has no {missing[0]}" if missing else ""


def is_x86() -> bool:
    """Say whether this is an x86 processor, whatever the system calls it."""
    return platform.machine().lower() in {"x86_64", "amd64", "i386", "i686"}


def openblas(question: str, answer: Any) -> Any:
    """Ask NumPy's own OpenBLAS by the name of one of its functions; None where there is none to be asked."""
    for path in (Path(np.__file__).resolve().parent.parent / "numpy.libs").glob("*openblas*"):
        library = ctypes.CDLL(str(path))
        for prefix in ("scipy_", ""):  # NumPy 2 and later; NumPy 1
            if function := getattr(library, f"{prefix}openblas_{question}64_", None):
                function.restype = answer
                return function()
    return None


def openblas_kernels() -> str:
    """Name the kernels that NumPy's own OpenBLAS has chosen, if it is there to be asked."""
    name = openblas("get_corename", ctypes.c_char_p)
    return "unknown" if name is None else str(name.decode())


def openblas_threads() -> int | None:
    """Return the number of threads of NumPy's own OpenBLAS, if it is there to be asked."""
    count = openblas("get_num_threads", ctypes.c_int)
    return None if count is None else int(count)


def ending(status: int) -> str:
    """Name the signal that ended a process, or the status with which it ended.

    Example:
        >>> ending(-4), ending(1)
        ('SIGILL (an instruction that this processor does not have)', 'status 1')
    """
    if status >= 0:
        return f"status {status}"
    name = signal.Signals(-status).name
    return f"{name} (an instruction that this processor does not have)" if name == "SIGILL" else name
