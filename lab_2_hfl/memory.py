"""How this process manages its memory while it trains."""

from __future__ import annotations

import ctypes
import sys

# Parameters of glibc's mallopt (malloc.h). A TOP_PAD is how much more is asked for than is needed.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4
_KEPT_BYTES = 1 << 30
_ASKED_BYTES = 64 << 20


def keep_freed_memory() -> None:
    """Let glibc keep up to 1 GiB of freed memory.

    Each training step frees its activations and gradients, and needs as much again a moment later. By default large blocks go back to the
    system, which then has to clear every page anew: up to a sixth of a step. Other C libraries are left as they are.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(_M_MMAP_MAX, 0)
        mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)
        mallopt(_M_TOP_PAD, _ASKED_BYTES)
