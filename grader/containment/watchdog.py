"""Keeps a container within the limits that the kernel does not keep by itself."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .census import Census, Usage, proportional_bytes
from .limits import Breach, Limits

_INTERVAL_S = 0.1


@dataclass(frozen=True, slots=True)
class Watched:
    """What the watchdog looks at."""

    census: Census
    proc_fd: int | None
    """The container's own /proc, where it has one: shared pages can then be counted once."""
    folders: Sequence[int] = ()
    """Open private folders, each a file system of its own; their files are memory."""
    shared: Sequence[Path] = ()
    """Folders of this machine that the container may write to."""


def find_breach(watched: Watched, limits: Limits) -> Breach | None:
    """Return the first limit that is passed at this moment, or None."""
    usages = watched.census()
    if (threads := sum(usage.threads for usage in usages)) > limits.processes:
        return Breach("processes", threads, limits.processes)
    if (cpu_s := int(sum(usage.cpu_s for usage in usages))) > limits.cpu_s:
        return Breach("cpu_s", cpu_s, limits.cpu_s)
    stored_bytes = 0
    for folder in watched.folders:
        state = os.fstatvfs(folder)
        stored_bytes += (state.f_blocks - state.f_bfree) * state.f_frsize
        if (files := state.f_files - state.f_ffree) > limits.files:
            return Breach("files", files, limits.files)
    for path in watched.shared:
        written_bytes, files = _measure(path, limits.files)
        if files > limits.files:
            return Breach("files", files, limits.files)
        if written_bytes > limits.scratch_bytes:
            return Breach("scratch_bytes", written_bytes, limits.scratch_bytes)
    held_bytes = _held(watched, usages, stored_bytes, limits.resident_bytes)
    if held_bytes > limits.resident_bytes:
        return Breach("resident_bytes", held_bytes, limits.resident_bytes)
    return None


def _measure(folder: Path, most_files: int) -> tuple[int, int]:
    """Return the bytes on disk and the number of files below a folder, counting no further than needed."""
    written_bytes = files = 0
    waiting = [os.fspath(folder)]
    while waiting and files <= most_files:
        with suppress(OSError), os.scandir(waiting.pop()) as entries:  # closed, or gone meanwhile
            for entry in itertools.islice(entries, most_files + 1):
                files += 1
                with suppress(OSError):
                    written_bytes += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
    return written_bytes, files


def _held(watched: Watched, usages: list[Usage], stored_bytes: int, allowed: int) -> int:
    """Return the memory held; exactly, which is slow, only where the quick sum is too large."""
    resident_bytes = sum(usage.resident_bytes for usage in usages)
    if resident_bytes + stored_bytes <= allowed or watched.proc_fd is None:
        return resident_bytes + stored_bytes
    try:
        own_bytes, mapped_bytes = proportional_bytes(watched.proc_fd, [usage.pid for usage in usages])
    except PermissionError:
        return resident_bytes + stored_bytes
    return own_bytes + max(0, stored_bytes - mapped_bytes)  # a file that is mapped is in both


class Watchdog:
    """A thread that looks ten times a second and says once when a limit is passed."""

    def __init__(self, watched: Watched, limits: Limits, on_breach: Callable[[Breach], None]) -> None:
        self._watched, self._limits, self._on_breach = watched, limits, on_breach
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="container watchdog", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the watch; when this returns, none of the watched descriptors is in use."""
        self._stopped.set()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _watch(self) -> None:
        while not self._stopped.wait(_INTERVAL_S):
            if breach := find_breach(self._watched, self._limits):
                self._on_breach(breach)
                return
