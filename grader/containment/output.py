"""Reads what a process writes, keeps no more of it than agreed, and never lets the writer wait."""

from __future__ import annotations

import threading
from typing import IO

_CHUNK_BYTES = 65536


class Drain:
    """A thread that empties a pipe and keeps its first ``limit_bytes``."""

    def __init__(self, stream: IO[bytes], limit_bytes: int) -> None:
        self._stream, self._limit_bytes = stream, limit_bytes
        self._kept = bytearray()
        self.total_bytes = 0
        self._thread = threading.Thread(target=self._empty, name="output drain", daemon=True)
        self._thread.start()

    @property
    def kept(self) -> bytes:
        """What was kept so far."""
        return bytes(self._kept)

    @property
    def was_cut(self) -> bool:
        """Whether more came than was kept."""
        return self.total_bytes > self._limit_bytes

    def join(self, timeout_s: float | None = None) -> bytes:
        """Wait until the writers have closed their end, and return what was kept."""
        self._thread.join(timeout_s)
        return self.kept

    def _empty(self) -> None:
        while chunk := self._stream.read1(_CHUNK_BYTES):  # type: ignore[attr-defined]
            self.total_bytes += len(chunk)
            self._kept += chunk[: max(0, self._limit_bytes - len(self._kept))]
        self._stream.close()
