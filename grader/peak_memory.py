"""How much memory a grading took."""

from __future__ import annotations

import sys


def read_peak_memory_mib() -> int | None:
    """The most that one process of those that have ended below this one held; None on Windows, which does not tell."""
    try:
        import resource
    except ModuleNotFoundError:
        return None
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return int(peak // (1024**2 if sys.platform == "darwin" else 1024))
