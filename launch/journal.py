"""Reads what workers write, as they write it: only plain files, only so many, only so much."""

from __future__ import annotations

import fcntl
import itertools
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from .events import LINE_LIMIT, Event, parse, printable

PROCESS_LIMIT = 512  # processes followed in one run
ENTRY_LIMIT = 100_000  # files looked at in one look
EVENT_LIMIT = 4_000_000  # events taken in of one run
READ_SIZE = 1 << 20
FAULT_LIMIT = 8_000  # bytes kept of what a fatal signal wrote
_NAME = re.compile(r"\d{1,10}-\d{1,20}\.jsonl", re.ASCII)


@dataclass
class _Source:
    """One process's file, open for as long as the run is watched."""

    descriptor: int
    rest: bytes = b""
    bytes_read: int = 0
    ended: bool = False


@dataclass
class Journal:
    """The events folder of a run. `bytes_limit` bounds what is read of one process."""

    folder: Path
    bytes_limit: int
    taken: int = 0
    rejected: int = 0  # lines that were not events, files that were not plain files
    _sources: dict[str, _Source] = field(default_factory=dict)
    _refused: set[str] = field(default_factory=set)

    def poll(self) -> Iterator[tuple[str, Event]]:
        """New events of all processes since the last call, each with the key of its process."""
        self._discover()
        for key, source in self._sources.items():
            for line in self._lines(source):
                try:
                    event = parse(line)
                except ValueError:
                    self.rejected += 1
                    continue
                if self.taken < EVENT_LIMIT:
                    self.taken += 1
                    yield key, event

    def _discover(self) -> None:
        with os.scandir(self.folder) as entries:
            looked_at = itertools.islice(entries, ENTRY_LIMIT)
            names = sorted(entry.name for entry in looked_at if _NAME.fullmatch(entry.name))
        for name in names:
            key = name.removesuffix(".jsonl")
            if key in self._sources or key in self._refused or len(self._sources) >= PROCESS_LIMIT:
                continue
            descriptor = open_plain(self.folder / name)
            if descriptor is None:
                self.rejected += 1
                self._refused.add(key)
            else:
                self._sources[key] = _Source(descriptor)

    def _lines(self, source: _Source) -> Iterator[bytes]:
        while source.bytes_read < self.bytes_limit:
            chunk = os.read(source.descriptor, READ_SIZE)
            if not chunk:
                return
            source.bytes_read += len(chunk)
            *lines, source.rest = (source.rest + chunk).split(b"\n")
            yield from lines
            if len(source.rest) > LINE_LIMIT:
                self.rejected += 1
                source.rest = b""

    def ended(self, key: str) -> bool:
        """Whether the process is gone: the lock on its file, which it holds while it lives, is free."""
        source = self._sources[key]
        if not source.ended:
            try:
                fcntl.flock(source.descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            fcntl.flock(source.descriptor, fcntl.LOCK_UN)
            source.ended = True
        return source.ended

    def fatal_signal(self, key: str) -> str:
        """What Python's fault handler wrote as the process died of a signal; empty for any other end."""
        descriptor = open_plain(self.folder / f"{key}.fault")
        if descriptor is None:
            return ""
        with os.fdopen(descriptor, "rb") as file:
            return printable(file.read(FAULT_LIMIT).decode("utf-8", "replace"))

    def close(self) -> None:
        for source in self._sources.values():
            os.close(source.descriptor)
        self._sources.clear()


def open_plain(path: Path) -> int | None:
    """A descriptor for reading a plain file, None for a link, a pipe, a device or nothing."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return None
    return descriptor
