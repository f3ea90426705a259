"""A cohort as plain records: who hands in, and what was handed in. Whatever platform it came from, this is what the rest of the desk sees."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import zipfile
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import IO

from ..intake import show

_ZIP_DATE = (1980, 1, 1, 0, 0, 0)
_CHUNK_BYTES = 1 << 18


@dataclass(frozen=True)
class Member:
    """A person.

    key: the platform's id, else the login or address under which it knows them; never a name, which two may share
    """

    key: str
    name: str = ""
    login: str = ""
    email: str = ""


@dataclass(frozen=True)
class Party:
    """Who hands in: a student or a team.

    key: the platform's id; of a team `team-` and its id
    label: what people call them, as text that may hold anything; two parties may have the same one
    members: of a team those that the platform names, which may be none
    """

    key: str
    members: tuple[Member, ...]
    label: str
    is_team: bool = False


@dataclass(frozen=True)
class Upload:
    """One hand-in of a party.

    files: name within the hand-in -> where it lies, as long as the cohort is open
    origin: the folder or the file as the platform calls it, byte for byte: feedback goes back under this name
    handed_in_at: UTC; None where the platform does not tell
    is_late: what the platform says; None where it says nothing
    notes: what was chosen and what was left out, one sentence each, safe to show
    """

    party: str
    files: tuple[tuple[str, Path], ...]
    origin: str
    handed_in_at: datetime | None = None
    is_late: bool | None = None
    notes: tuple[str, ...] = ()

    @cached_property
    def digest(self) -> str:
        """The hash of `pack`'s bytes: of names and contents alone."""
        with tempfile.TemporaryFile() as file:
            return self.pack(file)

    def pack(self, file: IO[bytes]) -> str:
        """Write a zip of the files, and return its SHA-256: the same bytes on every machine for the same names and contents, since nothing
        is compressed. Nothing is in memory as a whole.

        file: an empty one that can be read, too
        """
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            for name, path in sorted(self.files):
                info = zipfile.ZipInfo(name, _ZIP_DATE)
                info.create_system = 3
                info.external_attr = 0o644 << 16
                info.file_size = path.stat().st_size  # tells whether the format for large files is needed
                with path.open("rb") as source, archive.open(info, "w") as member:
                    shutil.copyfileobj(source, member, _CHUNK_BYTES)
        file.seek(0)
        found = hashlib.sha256()
        while chunk := file.read(_CHUNK_BYTES):
            found.update(chunk)
        return found.hexdigest()


@dataclass(frozen=True)
class Problem:
    """What could not be read or matched; nothing is ever left out without one.

    place: the file or folder, safe to show
    party: whose it is, where that is known
    """

    place: str
    sentence: str
    party: str = ""


@dataclass(frozen=True)
class Cohort:
    """All that a platform handed out.

    uploads: at most one of each party, the one that counts
    choices: the rules by which it was chosen, and what was chosen by them, one sentence each
    """

    platform: str
    parties: tuple[Party, ...]
    uploads: tuple[Upload, ...]
    problems: tuple[Problem, ...] = ()
    choices: tuple[str, ...] = ()

    def name(self, key: str) -> str:
        """A party in a sentence."""
        label = next((party.label for party in self.parties if party.key == key), key)
        return f"{show(label)} ({key})" if label != key else show(key)
