"""Reads 7z archives with py7zr, an optional dependency: import this only for such an archive."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import py7zr
from py7zr.exceptions import PasswordRequired
from py7zr.io import Py7zIO, WriterFactory

from .names import DAMAGED, ENCRYPTED, IntakeError
from .sink import Sink


class _Writer(Py7zIO):
    """Counts what is unpacked, and writes it to a file unless the member is left out."""

    def __init__(self, target: Path | None, sink: Sink) -> None:
        self._file = target.open("xb") if target else None
        self._sink = sink
        self._size = 0

    def write(self, s: bytes | bytearray) -> int:
        self._sink.count_bytes(len(s))
        self._size += len(s)
        return self._file.write(s) if self._file else len(s)

    def read(self, size: int | None = None) -> bytes:  # noqa: ARG002
        return b""

    def seek(self, offset: int, whence: int = 0) -> int:  # noqa: ARG002
        return 0

    def flush(self) -> None:
        if self._file:
            self._file.flush()

    def size(self) -> int:
        return self._size

    def close(self) -> None:
        if self._file:
            self._file.close()


class _Writers(WriterFactory):
    """Decides for each member where it goes."""

    def __init__(self, targets: Mapping[str, Path | None], sink: Sink) -> None:
        self._targets = targets
        self._sink = sink

    def create(self, filename: str) -> Any:
        return _Writer(self._targets.get(filename), self._sink)


def read(path: Path, sink: Sink) -> None:
    """Put the members of a 7z archive into the sink. Raises IntakeError."""
    try:
        with py7zr.SevenZipFile(path) as archive:
            if archive.needs_password():
                raise IntakeError(ENCRYPTED)
            targets = _choose_targets(archive, sink)
            archive.extract(targets=list(targets), factory=_Writers(targets, sink))
            for target in targets.values():
                if target is not None:
                    target.touch()  # an empty file is never written
    except (IntakeError, OSError, MemoryError):
        raise
    except PasswordRequired as error:
        raise IntakeError(ENCRYPTED) from error
    except Exception as error:  # py7zr raises whatever its parsers stumble over
        raise IntakeError(DAMAGED.format(type(error).__name__)) from error


def _choose_targets(archive: py7zr.SevenZipFile, sink: Sink) -> dict[str, Path | None]:
    """Where each file of the archive goes; None for one that is read but not kept."""
    targets: dict[str, Path | None] = {}
    for member in archive.files:
        if member.is_directory:
            sink.count_member()
        elif member.is_symlink or member.is_junction or member.is_socket:
            sink.leave_out(member.filename, "a link")
        else:
            targets[member.filename] = sink.target(member.filename)
    return targets
