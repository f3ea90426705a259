"""What a script prints: always read, so that it never blocks, and kept only in part."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass

from .events import printable

HEAD_BYTES = 200_000
TAIL_BYTES = 200_000
CHUNK = 1 << 16


@dataclass(frozen=True)
class Output:
    """Standard output and error, mixed as they came: beginning, end, and how much lies between."""

    head: str
    tail: str
    dropped_bytes: int

    @property
    def text(self) -> str:
        """Both parts, with a line that says what is missing."""
        if not self.dropped_bytes:
            return self.head + self.tail
        return f"{self.head}\n[{self.dropped_bytes:,} bytes of output left out]\n{self.tail}"

    def last_lines(self, count: int) -> str:
        """The last lines that are not blank."""
        lines = [line for line in self.text.splitlines() if line.strip()]
        return "\n".join(lines[-count:])


class Drain:
    """Reads a pipe to its end in a thread of its own."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._head = bytearray()
        self._tail = bytearray()
        self._total = 0
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._read, name="launch output", daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while chunk := os.read(self._descriptor, CHUNK):
            with self._lock:
                self._total += len(chunk)
                room = HEAD_BYTES - len(self._head)
                self._head += chunk[:room]
                self._tail += chunk[room:]
                if len(self._tail) > 2 * TAIL_BYTES:
                    del self._tail[:-TAIL_BYTES]
        os.close(self._descriptor)

    def result(self, timeout_s: float) -> Output:
        """What was printed, once nobody should be left to print. Waits at most `timeout_s` for the end."""
        self._thread.join(timeout_s)
        with self._lock:
            head, tail = bytes(self._head), bytes(self._tail[-TAIL_BYTES:])
            dropped = self._total - len(head) - len(tail)
        return Output(_text(head), _text(tail), dropped)


def _text(raw: bytes) -> str:
    return printable(raw.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n"))
