"""Bounds what this process itself may hold while it handles what a submission made. Where the system has no such limit, nothing is bounded."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psutil


def bound_memory(most_bytes: int) -> int | None:
    """Let this process hold no more data from now on; returns the limit before, None where there are none."""
    if sys.platform != "linux":
        return None
    import resource

    before, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most = most_bytes if hard == resource.RLIM_INFINITY else min(most_bytes, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (most, hard))
    return before


@contextmanager
def bounded_memory(more_bytes: int) -> Iterator[None]:
    """Meanwhile this process may take so much more than it has. Whatever asks for more raises MemoryError, or what a library makes of it."""
    held: int = getattr(psutil.Process().memory_info(), "data", 0)
    before = bound_memory(held + more_bytes)
    try:
        yield
    finally:
        if before is not None:
            import resource

            resource.setrlimit(resource.RLIMIT_DATA, (before, resource.getrlimit(resource.RLIMIT_DATA)[1]))
