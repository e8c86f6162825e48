"""The steps in C++ (``_scan.cpp`` and what it includes): compiled when they are asked for, and loaded.

Importing this needs no compiler.
"""

import functools
import subprocess
import sys
from pathlib import Path

import torch

SOURCE = Path(__file__).with_name("_scan.cpp")
# The instructions for which torch itself chose its kernels here, as torch's headers name them.
INSTRUCTIONS = {
    "AVX2": ["-mavx2", "-mfma", "-mf16c", "-DCPU_CAPABILITY_AVX2"],
    "AVX512": ["-mavx512f", "-mavx512dq", "-mavx512vl", "-mavx512bw", "-mfma", "-DCPU_CAPABILITY_AVX512"],
}


@functools.cache
def build() -> None:
    """Compile the steps, or load them where this machine has compiled them before; then "auto" takes them too.

    The first time takes about half a minute. torch keeps the result in its folder of extensions
    (``TORCH_EXTENSIONS_DIR``).

    Raises:
        RuntimeError: If there is no compiler, or it fails; the message says what is needed.
    """
    needed = "expected a C++ compiler and ninja (pip install ninja); backend 'fused' computes the same without"
    if sys.platform == "win32":
        raise RuntimeError("got Windows, where the steps in C++ were never compiled; backend 'fused' computes the same")
    flags = ["-O3", "-fopenmp", "-fno-math-errno", "-fno-trapping-math"]
    flags += INSTRUCTIONS.get(torch.backends.cpu.get_cpu_capability(), [])
    if sys.platform == "darwin":
        flags.remove("-fopenmp")  # Apple's compiler has none; one thread computes
    try:
        from torch.utils import cpp_extension  # here, because it takes long to import

        cpp_extension.load("lstm_lib_steps", str(SOURCE), extra_cflags=flags, is_python_module=False)
    except (ImportError, OSError, RuntimeError, subprocess.SubprocessError) as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise RuntimeError(f"the steps in C++ could not be compiled ({first}), {needed}") from error


def is_built() -> bool:
    """Say whether this process has loaded them.

    Example:
        >>> is_built() in (True, False)
        True
    """
    return build.cache_info().currsize > 0
