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
from .limits import LEVELS, Breach, Limits

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
        written_bytes, files, levels = _measure(path, limits.files, limits.levels)
        if levels > limits.levels:
            return Breach("levels", levels, limits.levels)
        if files > limits.files:
            return Breach("files", files, limits.files)
        if written_bytes > limits.scratch_bytes:
            return Breach("scratch_bytes", written_bytes, limits.scratch_bytes)
    held_bytes = _held(watched, usages, stored_bytes, limits.resident_bytes)
    if held_bytes > limits.resident_bytes:
        return Breach("resident_bytes", held_bytes, limits.resident_bytes)
    return None


def _measure(folder: Path, most_files: int, most_levels: int = LEVELS) -> tuple[int, int, int]:
    """Return the bytes on disk, the number of files and the deepest level below a folder, counting no further than needed."""
    tally = _Tally(most_files, most_levels)
    with suppress(OSError):  # gone meanwhile
        tally.add_folder(folder, None, 1)
    return tally.written_bytes, tally.files, tally.deepest


@dataclass(slots=True)
class _Tally:
    """What was counted so far."""

    most_files: int
    most_levels: int
    written_bytes: int = 0
    files: int = 0
    deepest: int = 0

    def add_folder(self, name: str | Path, parent: int | None, level: int) -> None:
        """Count what is in a folder, which is opened from its parent: a path that is longer than the system allows leads nowhere."""
        handle = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
        try:
            with os.scandir(handle) as entries:
                for entry in itertools.islice(entries, self.most_files + 1):
                    with suppress(OSError):  # closed, or gone meanwhile
                        self._add(entry, handle, level)
                    if self.files > self.most_files or self.deepest > self.most_levels:
                        return
        finally:
            os.close(handle)

    def _add(self, entry: os.DirEntry[str], handle: int, level: int) -> None:
        self.files += 1
        self.written_bytes += entry.stat(follow_symlinks=False).st_blocks * 512
        if entry.is_dir(follow_symlinks=False):
            self.deepest = max(self.deepest, level)
            if level <= self.most_levels:
                self.add_folder(entry.name, handle, level + 1)


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
