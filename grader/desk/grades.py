"""What goes back to a platform, as plain records: the points of each party, or why there are none, and files as the platform takes them."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..intake import listed, show
from .cohort import Member
from .csv_table import CsvTable

_ZIP_DATE = (1980, 1, 1, 0, 0, 0)
_IS_UTF_8 = 0x800
_MOST_CHARACTERS = 120
_MOST_NAMED = 20
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


class ExportError(Exception):
    """Nothing can be exported in this form; the message is one line."""


@dataclass(frozen=True)
class GradeEntry:
    """What a party gets.

    points: None if they are not known, and then `reason` says why; origin: the platform's name for the hand-in, empty if there is none
    files: the names of what was handed in; exercises: the points by exercise; deduction: what lateness costs, already taken off the
    points, and `lateness` says why; pages: the feedback for the party, as a page and perhaps as a PDF
    outdated: what points by hand were given for on another text than the present one
    """

    key: str
    label: str
    points: float | None
    max_points: float
    is_team: bool = False
    members: tuple[Member, ...] = ()
    origin: str = ""
    files: tuple[str, ...] = ()
    exercises: Mapping[str, float | None] = field(default_factory=dict)
    deduction: float = 0
    lateness: str = ""
    status: str = "graded"
    reason: str = ""
    pages: tuple[Path, ...] = ()
    outdated: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{show(self.label)} ({self.key})" if self.label != self.key else show(self.key)

    def read_pages(self, folder: str) -> dict[str, bytes]:
        """The feedback as files in a folder."""
        return {f"{folder}/{self.name_feedback(page.suffix)}": page.read_bytes() for page in self.pages}

    def name_feedback(self, suffix: str = ".html") -> str:
        """A name for a page that nothing handed in has: platforms drop what is called like it."""
        taken = {name.rpartition("/")[2].lower() for name in self.files}
        names = [f"feedback{suffix}", *(f"feedback-{number}{suffix}" for number in range(2, len(taken) + 3))]
        return next(name for name in names if name not in taken)


@dataclass(frozen=True)
class ExportRequest:
    """What is asked for. template: the platform's own table; column: the one to fill in; pass_percent: from which on one has passed"""

    title: str
    template: CsvTable | None = None
    column: str | None = None
    pass_percent: float | None = None

    def require_template(self, platform: str, where: str) -> CsvTable:
        """Raises ExportError if there is none."""
        if self.template is None:
            raise ExportError(
                f"{platform} takes only its own table, filled in: {where}, and name it with --template FILE."
            )
        return self.template


@dataclass(frozen=True)
class Outgoing:
    """Files to give to a platform, by name, and what it would do to them in silence.

    unmatched: the keys of those whom the platform's table does not name
    strangers: what its rows say of those who are nobody here, and whose rows stay as they are
    """

    files: Mapping[str, bytes]
    warnings: tuple[str, ...] = ()
    unmatched: tuple[str, ...] = ()
    strangers: tuple[str, ...] = ()


def name_feedback_page(key: str) -> str:
    """The name of a party's page in the folder of feedback: from its key, and its own on every system, whatever the key holds."""
    name = re.sub(r"[^a-z0-9@+-]", "_", key)[:_MOST_CHARACTERS]
    return f"{name}.html" if name == key else f"{name}-{zlib.crc32(key.encode()):08x}.html"


class _AnyName(zipfile.ZipInfo):
    """A member whose name may hold bytes that are no characters, as those of a folder that was unpacked with another encoding."""

    def _encodeFilenameFlags(
        self,
    ) -> tuple[bytes, int]:  # the only place where the library asks for the bytes of a name
        try:
            return self.filename.encode("ascii"), self.flag_bits
        except UnicodeEncodeError:
            content = self.filename.encode("utf-8", "surrogateescape")
        is_text = not any("\udc80" <= character <= "\udcff" for character in self.filename)
        return content, self.flag_bits | (_IS_UTF_8 if is_text else 0)


def pack_zip(files: Mapping[str, bytes]) -> bytes:
    """A zip with these names, byte for byte."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            info = _AnyName("placeholder", _ZIP_DATE)
            info.filename, info.create_system, info.external_attr = name, 3, 0o644 << 16
            archive.writestr(info, content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def format_points(points: float | None, decimal_mark: str = ".") -> str:
    """Points as text without needless zeros; empty if they are not known."""
    return "" if points is None else f"{points:.4f}".rstrip("0").rstrip(".").replace(".", decimal_mark)


def find_decimal_mark(cells: Sequence[str]) -> str:
    """The decimal mark of numbers such as `12,00`; a point if none tells."""
    return "," if any("," in cell and cell.replace(",", "", 1).strip().isdigit() for cell in cells) else "."


def defuse(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def name_row(cells: Sequence[str]) -> str:
    """What a row of a platform's table says of whose it is: its first cells with something in them."""
    return " ".join(show(cell.strip()) for cell in cells if cell.strip())[:_MOST_CHARACTERS]


def name_all(entries: Sequence[GradeEntry]) -> str:
    """All of them, where a person has to see to each."""
    return listed([str(entry) for entry in entries], len(entries))


def name_entries(entries: Sequence[GradeEntry]) -> str:
    """Parties within a sentence."""
    return listed([str(entry) for entry in entries], _MOST_NAMED)


def refuse_teams(entries: Sequence[GradeEntry], platform: str, reason: str) -> None:
    """Raises ExportError if a team is among them."""
    teams = [entry for entry in entries if entry.is_team]
    if teams:
        raise ExportError(f"{platform} {reason}: {name_entries(teams)}.")
