"""Reads archives: which kind a file is, by its first bytes, and its members one by one into a `Sink`."""

from __future__ import annotations

import bz2
import errno
import gzip
import io
import lzma
import re
import stat
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from .names import DAMAGED, ENCRYPTED, IntakeError
from .sink import MIB, IntakeLimits, Sink

_CHUNK_BYTES = 1 << 18
_TAR_BLOCK = 512
# A tar's own headers may hold anything up to the size of the archive; honest ones are far shorter.
_MAX_HEADER_BYTES = 1 * MIB
_XZ_MEMORY_BYTES = 256 * MIB
_ZIP_ENTRY_BYTES = 1024  # of the central directory, for one member, generously

# What the standard library's readers raise for a malformed file.
_PARSE_ERRORS = (
    EOFError,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    ValueError,
    OverflowError,
    LookupError,
    RuntimeError,
)
ZIP_ERRORS = (*_PARSE_ERRORS, zipfile.BadZipFile, NotImplementedError)

_ARCHIVE = re.compile(r"\.(zip|7z|rar|tar|tgz|tbz2?|txz|tar\.(gz|bz2|xz))( \(\d+\))?$", re.IGNORECASE)

Reader = Callable[[Path, Sink, IntakeLimits], None]


def is_archive(name: str) -> bool:
    """Whether a file is an archive, by its name: a document or a saved model is one by its content."""
    return bool(_ARCHIVE.search(name))


def find_reader(path: Path) -> Reader | None:
    """Return what reads this file, or None if it is not an archive."""
    with path.open("rb") as file:
        start = file.read(_TAR_BLOCK)
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")):
        return read_zip
    if start.startswith(b"7z\xbc\xaf\x27\x1c"):
        return read_7z
    for magic, opener in _COMPRESSIONS.items():
        if start.startswith(magic):
            return opener
    return read_tar if start[257:262] == b"ustar" else None


def read_zip(path: Path, sink: Sink, limits: IntakeLimits) -> None:
    """Put the members of a zip archive into the sink. Raises IntakeError."""
    try:
        _check_directory_size(path, limits)
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                _read_zip_member(archive, member, sink)
    except NotImplementedError as error:
        raise IntakeError(
            f"The archive uses a compression that cannot be read here ({error}). Pack it as an ordinary zip file "
            "and hand it in again."
        ) from error
    except (*_PARSE_ERRORS, zipfile.BadZipFile) as error:
        raise IntakeError(DAMAGED.format(error)) from error
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise  # of this machine, not of the archive
        raise IntakeError(DAMAGED.format("an offset is out of range")) from error


def _read_zip_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, sink: Sink) -> None:
    name = member.orig_filename
    if not member.flag_bits & 0x800:
        name = guess_encoding(name)
    kind = stat.S_IFMT(member.external_attr >> 16)
    if name.endswith(("/", "\\")) or kind == stat.S_IFDIR:
        sink.count_member()
    elif kind not in {0, stat.S_IFREG}:
        sink.leave_out(name, "a link" if kind == stat.S_IFLNK else "not a regular file")
    elif member.flag_bits & 0x1:
        raise IntakeError(ENCRYPTED)
    elif (target := sink.target(name)) is not None:
        with archive.open(member) as source, target.open("xb") as file:
            _copy(source, file, sink)


def guess_encoding(name: str) -> str:
    """Decode a name whose encoding the archive does not state: as UTF-8 if possible, otherwise as old systems did."""
    try:
        return name.encode("cp437").decode("utf-8")
    except UnicodeError:
        return name


def _check_directory_size(path: Path, limits: IntakeLimits) -> None:
    """Refuse a zip archive whose list of members alone would fill the memory."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - (1 << 16) - 22))
        tail = file.read()
    place = tail.rfind(b"PK\x05\x06")
    if 0 <= place <= len(tail) - 22:
        (directory_bytes,) = struct.unpack_from("<I", tail, place + 12)
        if directory_bytes == 0xFFFFFFFF or directory_bytes > limits.members * _ZIP_ENTRY_BYTES:
            raise IntakeError(
                f"There are more than {limits.members:,} files in it. "
                "Hand in only your notebook and scripts, without virtual environments and data sets."
            )


class _ShortReads(io.FileIO):
    """A file that is never read into memory in one piece: a tar's headers are as long as they claim to be."""

    def read(self, size: int | None = -1) -> bytes:
        if size is None or not 0 <= size <= _MAX_HEADER_BYTES:
            raise IntakeError(DAMAGED.format("a header is far too long"))
        return super().read(size)


def read_tar(path: Path, sink: Sink, limits: IntakeLimits) -> None:  # noqa: ARG001
    """Put the members of a plain tar archive into the sink. Raises IntakeError."""
    with _ShortReads(path) as file:
        _read_tar_members(file, sink)


def _read_tar_members(file: _ShortReads, sink: Sink) -> None:
    try:
        with tarfile.open(fileobj=file, mode="r:", errorlevel=2) as archive:
            for member in archive:
                if member.isreg():
                    source = archive.extractfile(member)
                    assert source is not None
                    sink.add(member.name, source)
                elif member.isdir():
                    sink.count_member()
                else:
                    sink.leave_out(
                        member.name, "a link" if member.islnk() or member.issym() else "not a regular file"
                    )
    except (*_PARSE_ERRORS, tarfile.TarError) as error:
        raise IntakeError(DAMAGED.format(error)) from error


def _read_compressed(opener: Callable[[Path], Any], path: Path, sink: Sink, limits: IntakeLimits) -> None:
    """Unpack a compressed tar archive into a nameless temporary file first, counting, and read that."""
    with tempfile.TemporaryFile(dir=sink.folder) as plain:
        try:
            with opener(path) as source:
                _copy(source, plain, Sink(sink.folder, limits, ()))
        except (*_PARSE_ERRORS, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise  # of this machine, not of the archive
            raise IntakeError(DAMAGED.format(error)) from error
        plain.seek(257)
        if plain.read(5) != b"ustar":
            raise IntakeError(
                "It is a single compressed file, not an archive. Hand in the notebook itself, or a zip file."
            )
        plain.seek(0)
        with _ShortReads(plain.fileno(), closefd=False) as file:
            _read_tar_members(file, sink)


def _open_xz(path: Path) -> IO[bytes]:
    return io.BufferedReader(_Xz(path))


class _Xz(io.RawIOBase):
    """An xz file, read with bounded memory, which the standard library's own reader does not offer."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self._decompressor = lzma.LZMADecompressor(memlimit=_XZ_MEMORY_BYTES)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)
        while not self._decompressor.eof:
            given = self._file.read(_CHUNK_BYTES) if self._decompressor.needs_input else b""
            if self._decompressor.needs_input and not given:
                raise EOFError("the file ends too early")
            data = self._decompressor.decompress(given, len(view))
            if data:
                view[: len(data)] = data
                return len(data)
        return 0

    def close(self) -> None:
        self._file.close()
        super().close()


def read_7z(path: Path, sink: Sink, limits: IntakeLimits) -> None:  # noqa: ARG001
    """Put the members of a 7z archive into the sink. Raises IntakeError."""
    try:
        from . import sevenzip
    except ImportError as error:
        raise IntakeError(
            "It is a 7z archive, and the package that reads these is not installed here. "
            "Hand in a zip file, or install py7zr (1.0 or newer)."
        ) from error
    sevenzip.read(path, sink)


def _copy(source: IO[bytes], file: IO[bytes], sink: Sink) -> None:
    while chunk := source.read(_CHUNK_BYTES):
        sink.count_bytes(len(chunk))
        file.write(chunk)


def _compressed(opener: Callable[[Path], Any]) -> Reader:
    return lambda path, sink, limits: _read_compressed(opener, path, sink, limits)


_COMPRESSIONS: dict[bytes, Reader] = {
    b"\x1f\x8b": _compressed(gzip.GzipFile),
    b"BZh": _compressed(bz2.BZ2File),
    b"\xfd7zXZ\x00": _compressed(_open_xz),
}
