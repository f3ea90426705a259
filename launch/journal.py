"""Reads what workers write, as they write it: only plain files, only so many, only so much."""

from __future__ import annotations

import contextlib
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
EVENT_LIMIT = 40_000_000  # events taken in of one run
READ_SIZE = 1 << 20
FAULT_LIMIT = 8_000  # bytes kept of what a fatal signal wrote
_NAME = re.compile(r"(\d{1,10}-\d{1,20})\.jsonl", re.ASCII)


@dataclass
class _Source:
    """One process's file, open for as long as it is the last one; a long one is continued in another."""

    descriptor: int
    number: int = 0  # of files before
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
            yield from ((key, event) for event in self._events(source))
            while self._go_on(key, source):
                yield from ((key, event) for event in self._events(source))

    def _events(self, source: _Source) -> Iterator[Event]:
        for line in self._lines(source):
            try:
                event = parse(line)
            except ValueError:
                self.rejected += 1
                continue
            if self.taken < EVENT_LIMIT:
                self.taken += 1
                yield event

    def _discover(self) -> None:
        with os.scandir(self.folder) as entries:
            looked_at = itertools.islice(entries, ENTRY_LIMIT)
            found = sorted(match[1] for entry in looked_at if (match := _NAME.fullmatch(entry.name)))
        for key in found:
            if key in self._sources or key in self._refused or len(self._sources) >= PROCESS_LIMIT:
                continue
            descriptor = open_plain(self.folder / f"{key}.jsonl")
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

    def _go_on(self, key: str, source: _Source) -> bool:
        """Whether the process has gone on in another file, which `source` then stands for; the file before has been read."""
        following = self._name(key, source.number + 1)
        if not (self.folder / following).exists() or not _is_free(source.descriptor):
            return False
        # 1. What was written between the last reading and the change.
        if os.fstat(source.descriptor).st_size > os.lseek(source.descriptor, 0, os.SEEK_CUR) and (
            source.bytes_read < self.bytes_limit
        ):
            return True
        # 2. The next file, in place of this one. The first steps stay on the disk; what came after them need not.
        descriptor = open_plain(self.folder / following)
        if descriptor is None:
            return False
        os.close(source.descriptor)
        if source.number > 0:
            with contextlib.suppress(OSError):  # a script may have put something else in its place
                (self.folder / self._name(key, source.number)).unlink()
        source.descriptor, source.rest, source.number = descriptor, b"", source.number + 1
        return True

    def _name(self, key: str, number: int) -> str:
        return f"{key}.{number}.jsonl" if number else f"{key}.jsonl"

    def ended(self, key: str) -> bool:
        """Whether the process is gone: the lock on its last file, which it holds while it lives, is free."""
        source = self._sources[key]
        if not source.ended:
            following = self.folder / self._name(key, source.number + 1)
            source.ended = _is_free(source.descriptor) and not following.exists()
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


def _is_free(descriptor: int) -> bool:
    """Whether nobody holds the lock on a file."""
    import fcntl  # which Windows does not have: what only imports the launcher works there

    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return True


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
