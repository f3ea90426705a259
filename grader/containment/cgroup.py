"""A cgroup of version 2 for a container, where this user may make one: exact memory, process and end.

The kernel then counts what the watchdog cannot see, such as socket buffers and pipes.
Kernel documentation: Documentation/admin-guide/cgroup-v2.rst.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .limits import Limits

MOUNT = Path("/sys/fs/cgroup")
_NEEDED = frozenset({"memory", "pids"})
_END_TRIES = 100


def find_parent(mount: Path = MOUNT, membership: Path = Path("/proc/self/cgroup")) -> Path | None:
    """Return the nearest folder where a cgroup with limits on memory and processes can be made, if any.

    A cgroup that holds processes cannot hand its controllers on, so one looks above the own one.
    """
    with suppress(OSError):
        for line in membership.read_text().splitlines():
            number, _, path = line.partition("::")
            if number == "0" and path:
                own = mount / path.lstrip("/")
                return next((folder for folder in _upwards(own, mount) if _takes_children(folder)), None)
    return None


def _upwards(folder: Path, mount: Path) -> Iterator[Path]:
    while folder.is_relative_to(mount):
        yield folder
        folder = folder.parent


def _takes_children(folder: Path) -> bool:
    with suppress(OSError):
        handed_on = set((folder / "cgroup.subtree_control").read_text().split())
        writable = os.access(folder, os.W_OK) and os.access(folder / "cgroup.procs", os.W_OK)
        return handed_on >= _NEEDED and writable
    return False


@dataclass(frozen=True, slots=True)
class Cgroup:
    """One container's cgroup."""

    folder: Path

    @classmethod
    def make(cls, parent: Path, limits: Limits) -> Cgroup:
        """Make a cgroup with these limits. Raises OSError if the kernel does not let it."""
        cgroup = cls(parent / f"grader-{os.getpid()}-{secrets.token_hex(4)}")
        cgroup.folder.mkdir()
        try:
            # Above the watchdog's limit, so that the watchdog, which gives the reason, is usually first.
            for name, value in (
                ("memory.max", limits.resident_bytes + limits.resident_bytes // 8),
                ("memory.oom.group", 1),
                ("pids.max", limits.processes + 16),
            ):
                (cgroup.folder / name).write_text(f"{value}")
            with suppress(FileNotFoundError):  # a machine without swap accounting
                (cgroup.folder / "memory.swap.max").write_text("0")
        except OSError:
            cgroup.remove()
            raise
        return cgroup

    def add(self, pid: int) -> None:
        """Put a process, and with it all that it will start, into this cgroup."""
        (self.folder / "cgroup.procs").write_text(f"{pid}")

    def ran_out_of_memory(self) -> bool:
        """Say whether the kernel killed for memory in here."""
        with suppress(OSError):
            events = dict(line.split() for line in (self.folder / "memory.events").read_text().splitlines())
            return int(events.get("oom_kill", 0)) > 0
        return False

    def remove(self) -> None:
        """Kill whatever is left inside and remove the cgroup."""
        with suppress(OSError):
            (self.folder / "cgroup.kill").write_text("1")
        for _ in range(_END_TRIES):
            try:
                self.folder.rmdir()
            except FileNotFoundError:
                return
            except OSError:  # busy until the last of them is reaped
                time.sleep(0.01)
            else:
                return


def remove_all_of(pid: int) -> None:
    """Remove what a process that has ended made here, which it does itself unless it was killed."""
    parent = find_parent()
    if parent is not None:
        for folder in parent.glob(f"grader-{pid}-*"):
            Cgroup(folder).remove()
