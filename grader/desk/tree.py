"""What lies in a source, before anyone knows which platform packed it: a zip or a folder as names and files.

A source is not trusted: students chose the names and the contents. Files of a zip are written under numbers into a folder
of our own, so that no name can lead anywhere; what can't be read is told by name, and the rest is there.
"""

from __future__ import annotations

import errno
import os
import stat
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from ..intake import IntakeError, find_reader, show
from ..intake.archives import ZIP_ERRORS, guess_encoding, read_zip
from ..intake.names import Kind, classify, clean
from .cohort import Problem

MIB = 1 << 20
_CHUNK_BYTES = 1 << 18
_MAX_DEPTH, _MAX_CHARACTERS = 64, 4096  # of a name: far more than a system takes that could have packed it
_COMPRESSIONS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}  # what platforms write; both need little memory


class SourceError(Exception):
    """A source can't be read at all; the message is one line for the person who named it."""


@dataclass(frozen=True, slots=True)
class SourceLimits:
    """How much a source may hold; each hand-in has the limits of a single one besides, when it is graded."""

    members: int = 500_000
    file_bytes: int = 200 * MIB
    """One file: a larger one is left out and named."""
    unpacked_bytes: int = 64 * 1024 * MIB


@dataclass(frozen=True)
class Tree:
    """A source's files.

    source: the path that was named
    files: clean name, with slashes -> where the file lies
    given: the clean name of a file -> the name that the platform gave it, where that differs
    folders: clean names of all folders, empty ones among them
    """

    source: Path
    files: Mapping[str, Path]
    folders: frozenset[str] = frozenset()
    given: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    tables: tuple[Path, ...] = ()
    """Files that were named beside this source, such as a roster."""
    unread: Mapping[str, Problem] = field(default_factory=dict)
    """The clean names of files that were left out, which are still somebody's."""

    @cached_property
    def tops(self) -> list[str]:
        """The first parts of all names, in order."""
        return sorted({name.partition("/")[0] for name in [*self.files, *self.folders, *self.unread]})

    def list_folders(self) -> list[str]:
        """The folders among them."""
        return [top for top in self.tops if top in self.folders]

    def list_below(self, folder: str) -> list[str]:
        """The names of the files in a folder, at any depth."""
        return sorted(
            name for name in self._by_top.get(folder.partition("/")[0], ()) if name.startswith(f"{folder}/")
        )

    @cached_property
    def _by_top(self) -> dict[str, list[str]]:
        """The names of files by their first part: cohorts are large."""
        found: dict[str, list[str]] = {}
        for name in self.files:
            found.setdefault(name.partition("/")[0], []).append(name)
        return found

    def restore(self, name: str) -> str:
        """The name of a file or folder as the platform gave it."""
        if name in self.given:
            return self.given[name]
        depth = name.count("/") + 1
        below = (given for each, given in self.given.items() if each.startswith(f"{name}/"))
        return next(("/".join(given.split("/")[:depth]) for given in below), name)

    def enter(self) -> Tree:
        """The same files without the folder that all of them are in, if there is one."""
        tops = self.tops
        return self.descend(tops[0]) if len(tops) == 1 and tops[0] in self.folders else self

    def descend(self, folder: str) -> Tree:
        """What lies in a folder, under shorter names."""
        start = len(folder) + 1
        return Tree(
            self.source,
            {name[start:]: path for name, path in self.files.items() if name.startswith(f"{folder}/")},
            frozenset(name[start:] for name in self.folders if name.startswith(f"{folder}/")),
            {
                name[start:]: given.partition("/")[2]
                for name, given in self.given.items()
                if name.startswith(f"{folder}/")
            },
            self.problems,
            self.tables,
            {name[start:]: problem for name, problem in self.unread.items() if name.startswith(f"{folder}/")},
        )


def open_tree(source: Path, workdir: Path, limits: SourceLimits | None = None) -> Tree:
    """List a folder, or unpack a zip below `workdir`. Raises SourceError."""
    limits = limits or SourceLimits()
    source = source.resolve()  # `.` has no name
    try:
        mode = source.stat().st_mode
        if stat.S_ISDIR(mode):
            return _Growing(source, workdir, limits).read_folder()
        if stat.S_ISREG(mode) and find_reader(source) is read_zip:
            return _Growing(source, workdir, limits).read_zip()
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise SourceError(
                f"The disk of {workdir.parent} is full: {source.name} can't be unpacked there. Make room, or set TMPDIR to another folder."
            ) from error
        raise SourceError(f"{source} can't be read: {error.strerror}.") from error
    raise SourceError(
        f"{source} is neither a folder nor a zip file. Give what the learning platform hands out, or a folder with a folder per student."
    )


class _Growing:
    """A tree while it is read."""

    def __init__(self, source: Path, workdir: Path, limits: SourceLimits) -> None:
        self._source, self._workdir, self._limits = source, workdir, limits
        self._files: dict[str, Path] = {}
        self._folders: set[str] = set()
        self._given: dict[str, str] = {}
        self._problems: list[Problem] = []
        self._unread: dict[str, Problem] = {}
        self._bytes = 0
        self._members = 0

    def read_folder(self) -> Tree:
        for raw, entry in _walk(self._source, ""):
            if (name := self._take(raw)) is None:
                continue
            if entry.is_symlink():
                self._tell(name, "is a link, which is not followed")
            elif not os.access(entry.path, os.R_OK):
                self._tell(name, "can't be read by you")
            elif entry.is_dir(follow_symlinks=False):
                self._add_folder(name)
            elif not entry.is_file(follow_symlinks=False):
                self._tell(name, "is not a regular file")
            elif entry.stat().st_size > self._limits.file_bytes:
                self._tell(name, self._too_large)
            else:
                self._add_file(name, Path(entry.path))
        return self._finish()

    def read_zip(self) -> Tree:
        self._workdir.mkdir(parents=True, exist_ok=True)
        try:
            with zipfile.ZipFile(self._source) as archive:
                for member in archive.infolist():
                    self._read_member(archive, member)
        except ZIP_ERRORS as error:
            raise SourceError(
                f"{self._source.name} is damaged or was cut off ({error}). Download it from the platform again; nothing of it was read."
            ) from error
        return self._finish()

    def _read_member(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
        raw = member.orig_filename
        if not member.flag_bits & 0x800:
            raw = guess_encoding(raw)
        if (name := self._take(raw)) is None:
            return
        kind = stat.S_IFMT(member.external_attr >> 16)
        if raw.endswith(("/", "\\")) or kind == stat.S_IFDIR:
            self._add_folder(name)
        elif kind not in {0, stat.S_IFREG}:
            self._tell(
                name, "is a link, which is not followed" if kind == stat.S_IFLNK else "is not a regular file"
            )
        elif member.flag_bits & 0x1:
            self._tell(name, "is protected by a password")
        elif member.compress_type not in _COMPRESSIONS:
            self._tell(name, "is compressed in a way that no platform uses")
        elif member.file_size > self._limits.file_bytes:
            self._tell(name, self._too_large)
        else:
            self._unpack(archive, member, name)

    def _unpack(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> None:
        target = self._workdir / f"{self._members:06d}"
        try:
            with archive.open(member) as source, target.open("xb") as file:
                # At most as much is read as the member says, whose size was looked at.
                while chunk := source.read(_CHUNK_BYTES):
                    self._bytes += len(chunk)
                    if self._bytes > self._limits.unpacked_bytes:
                        raise SourceError(
                            f"Unpacked, {self._source.name} is larger than {self._limits.unpacked_bytes // MIB:,} MiB."
                        )
                    file.write(chunk)
        except ZIP_ERRORS as error:
            self._tell(name, f"is damaged in the zip ({error})")
        else:
            self._add_file(name, target)
            return
        target.unlink(missing_ok=True)

    @property
    def _too_large(self) -> str:
        return f"is larger than {self._limits.file_bytes // MIB:,} MiB"

    def _take(self, raw: str) -> str | None:
        """The clean name of a file or folder; None for what is passed over or told as a problem."""
        self._members += 1
        if self._members > self._limits.members:
            raise SourceError(f"There are more than {self._limits.members:,} files in {self._source.name}.")
        try:
            parts = clean(raw)
        except IntakeError:
            self._problems.append(
                Problem(
                    raw, f"{show(_join_lines(raw))} has a name that leads out of its folder and was left out."
                )
            )
            return None
        if not parts or classify(parts, ())[0] is Kind.LITTER:
            return None
        name = "/".join(parts)
        if len(parts) > _MAX_DEPTH or len(name) > _MAX_CHARACTERS:
            self._tell(name, "has a name that is too long or too deeply nested")
            return None
        if (given := raw.replace("\\", "/").strip("/")) != name:
            self._given[name] = given
        return name

    def _add_file(self, name: str, path: Path) -> None:
        if name in self._files:
            sentence = f"{show(_join_lines(name))} is in it twice, and the later one was taken."
            self._problems.append(Problem(name, sentence))
        self._files[name] = path
        self._add_folder(name.rpartition("/")[0])

    def _add_folder(self, name: str) -> None:
        while name and name not in self._folders:
            self._folders.add(name)
            name = name.rpartition("/")[0]

    def _tell(self, name: str, what: str) -> None:
        problem = Problem(name, f"{show(_join_lines(name))} {what} and was left out.")
        self._problems.append(problem)
        self._unread[name] = problem
        self._add_folder(name.rpartition("/")[0])

    def _finish(self) -> Tree:
        return Tree(
            self._source,
            self._files,
            frozenset(self._folders),
            self._given,
            tuple(self._problems),
            unread=self._unread,
        )


def _join_lines(name: str) -> str:
    """A name on one line."""
    return " ".join(name.split())


def _walk(folder: Path, prefix: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Everything below a folder, each folder before what is in it; litter is not entered."""
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            name = f"{prefix}{entry.name}"
            yield name, entry
            if not entry.is_dir(follow_symlinks=False) or not os.access(entry.path, os.R_OK):
                continue
            if classify((entry.name,), ())[0] is not Kind.LITTER:
                yield from _walk(Path(entry.path), f"{name}/")
