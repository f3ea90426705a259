"""One file of JSON lines for each process: a line per event, written at once, so that a kill loses nothing.

A long file is continued in another one, so that the launcher can remove what it has read. The last one stays locked for as
long as its process lives. The launcher can thus tell a dead process from a
silent one, also where the two see different process numbers.
"""

from __future__ import annotations

import fcntl
import itertools
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from .settings import Settings

# Taken before the script runs, so that a script that replaces them changes only itself.
_dumps, _write, _monotonic, _get_ident = json.dumps, os.write, time.monotonic, threading.get_ident

TEXT_LIMIT = 8_000  # characters kept of a message or traceback
FILE_BYTES = 4_000_000  # written to one file, from where another one goes on


class Recorder:
    """Writes this process's events. A full disk or a spent allowance ends the recording, never the script."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._ids = itertools.count(1)
        self._threads: dict[int, int] = {}
        self._sources: dict[str, str | None] = {}
        self.activity = 0  # events that were not heartbeats
        self.step = 1  # the optimizer step that the process works on, counted from 1
        self.beating = False  # whether this process's heartbeat runs
        self.caught: dict[tuple[str, str], int] = {}  # by type and line, how often
        self.look_at_caught: Callable[[], None] = lambda: None
        self.exit_now: Callable[[int], Any] = os._exit  # ends the process at once, leaving an event
        self.dump_bytes_left = settings.dump_bytes
        self._open()

    def _open(self) -> None:
        self.pid = os.getpid()
        self.name = f"{self.pid}-{time.monotonic_ns()}"
        self._file = self._create(f"{self.name}.jsonl")
        self._files = 1
        self._file_left = FILE_BYTES
        self._going_on = threading.Lock()
        self._left = self.settings.event_bytes

    def _create(self, name: str) -> int:
        # Locked under another name first: the launcher takes an unlocked file for that of a dead process.
        draft = self.settings.events / f"{name}.draft"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        file = os.open(draft, flags, 0o644)
        fcntl.flock(file, fcntl.LOCK_EX)
        draft.rename(self.settings.events / name)
        return file

    def _go_on_elsewhere(self) -> None:
        """Continue in the next file. Threads that are writing meanwhile finish their line in either of them."""
        if not self._going_on.acquire(blocking=False):
            return
        try:
            following = self._create(f"{self.name}.{self._files}.jsonl")
            os.dup2(following, self._file, inheritable=False)  # from here on the file before is unlocked
            os.close(following)
            self._files += 1
            self._file_left = FILE_BYTES
        finally:
            self._going_on.release()

    def reopen_after_fork(self) -> None:
        """Give a forked child a file of its own; the parent's keeps the parent's lock."""
        os.close(self._file)
        self._threads.clear()
        self._open()

    def now_s(self) -> float:
        """Seconds since the run began, on the clock that all processes of a machine share."""
        return _monotonic() - self.settings.started_s

    @property
    def detailed(self) -> bool:
        """Whether the content of tensors is recorded in this step: a long run would fill the disk with it."""
        return self.step <= self.settings.detail_steps

    @property
    def measured(self) -> bool:
        """Whether norms are recorded in this step; in a long run in every hundredth, because they take longer than the step."""
        return self.detailed or self.step % 100 == 0

    def next_id(self) -> int:
        return next(self._ids)

    def thread(self) -> int:
        """A small number for the calling thread; the first one seen, normally the main thread, is 0."""
        return self.thread_number(_get_ident())

    def thread_number(self, ident: int) -> int:
        return self._threads.setdefault(ident, len(self._threads))

    def write(self, kind: str, **fields: Any) -> None:
        """Append one event. Fields that are None are left out."""
        self.activity += kind != "heartbeat"
        event = {"kind": kind, "t": round(self.now_s(), 6)}
        event.update((name, value) for name, value in fields.items() if value is not None)
        line = _dumps(event, separators=(",", ":")).encode("ascii") + b"\n"
        if self._left < 0:
            return
        self._left -= len(line)
        if self._left < 0:
            line = _dumps({"kind": "cut", "t": event["t"]}).encode("ascii") + b"\n"
        try:
            if self._file_left < 0:
                self._go_on_elsewhere()
            self._file_left -= len(line)
            _write(self._file, line)
        except OSError:
            self._left = -1  # the disk is full or the file is gone: nowhere left to say so

    @contextmanager
    def guard(self, activity: str) -> Iterator[None]:
        """Keep a fault of the instrumentation from reaching the script; it becomes an event of its own."""
        try:
            yield
        except Exception as error:
            self.write("fault", activity=activity, message=f"{type(error).__name__}: {error}"[:TEXT_LIMIT])

    def student_line(self) -> list[Any] | None:
        """`[file, line, function]` of the student's code that led here."""
        return self.line_of_frame(sys._getframe(1))

    def line_of_frame(self, innermost: FrameType | None) -> list[Any] | None:
        """`[file, line, function]` of the innermost frame that belongs to the script's folder.

        Without such a frame the innermost one outside of torch, the standard library and this package.
        """
        frame, outside = innermost, None
        while frame is not None:
            name = self.source_name(frame.f_code.co_filename)
            if name is not None:
                where = [name, frame.f_lineno, frame.f_code.co_name]
                if not name.startswith("/"):
                    return where
                outside = outside or where
            frame = frame.f_back
        return outside

    def source_name(self, filename: str) -> str | None:
        """What `source_name` below says, remembered."""
        try:
            return self._sources[filename]
        except KeyError:
            return self._sources.setdefault(filename, source_name(filename, self.settings.source))


_LIBRARY = str(Path(os.__file__).resolve().parent)
_HERE = str(Path(__file__).resolve().parent)


def source_name(filename: str, source: Path) -> str | None:
    """A path relative to the script's folder, an absolute path elsewhere, None for libraries and frozen code.

    >>> source_name("/home/anna/hw/b1.py", Path("/home/anna/hw"))
    'b1.py'
    """
    if filename.startswith("<"):
        return None
    path = os.path.abspath(filename)  # noqa: PTH100 - Path.resolve() would follow links
    if path.startswith((_HERE, _LIBRARY)) or "site-packages" in path:
        return None
    return path.removeprefix(f"{source}{os.sep}")


def forked(callback: Callable[[], None]) -> None:
    """Have `callback` run in every forked child."""
    os.register_at_fork(after_in_child=callback)
