"""ILIAS' exercises: a spreadsheet with the only hand-in times, and a folder per student, `Muster_Anna_amuster_10231`, or per team, `Team 17`.

1. Names are ASCII, and logins and names may hold `_`: only the last number of a folder's name is sure, the user's id. The spreadsheet's rows are
   found again by writing them as ILIAS writes a folder's name, else by the login.
2. A file that is uploaded again gets ` (2)` before its ending. File times are those of packing, so that the highest number counts.
3. The name of a late file begins with words in the platform's language.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ...intake import show
from ..cohort import Cohort, Member, Party
from ..configuration import Configuration
from ..csv_table import CsvTable
from ..gathering import Gathering
from ..grades import (
    ExportError,
    ExportRequest,
    GradeEntry,
    Outgoing,
    format_points,
    name_row,
    pack_zip,
    refuse_teams,
)
from ..spreadsheet import SpreadsheetError, make_sheet, read_rows
from ..times import read_time
from ..tree import Tree

TITLE = "ILIAS"
LOOK = "folders such as `Muster_Anna_amuster_10231`"
_USER = re.compile(r"(?P<name>.+_.+_.+)_(?P<id>\d+)")
_TEAM = re.compile(r".+[ _](?P<id>\d+)")
_VERSION = re.compile(r"(?P<stem>.*?)(?: \((?P<number>\d+)\))?(?P<suffix>\.[^./]*)?", re.DOTALL)
_FEW = 5  # files and folders beside the one with the hand-ins
_STUDENT_COLUMNS = (
    *("update", "usr_id", "login", "lastname", "firstname"),
    *("status", "mark", "notice", "comment", "plagiarism", "plag_comment"),
)
_TEAM_COLUMNS = ("update", "team_id", "logins", *_STUDENT_COLUMNS[5:])
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss"})


@dataclass(frozen=True)
class IliasRow:
    """A row of the spreadsheet."""

    last_name: str
    first_name: str
    login: str
    handed_in_at: datetime | None
    team: str = ""

    @property
    def folder(self) -> str:
        """What the name of this student's folder begins with."""
        return "_".join(to_ascii(part) for part in (self.last_name, self.first_name, self.login))

    def to_member(self, key: str = "") -> Member:
        """The person; under the login where no folder tells the id."""
        return Member(key or self.login, f"{self.first_name} {self.last_name}".strip(), self.login)


@dataclass(frozen=True)
class _Version:
    """A file as ILIAS names it. plain: without what ILIAS adds; at: when its owner handed in last"""

    plain: str
    number: int
    is_late: bool
    name: str
    whole: str
    at: datetime | None

    def rank(self) -> tuple[int, float, str]:
        """The version that counts has the highest."""
        return self.number, self.at.timestamp() if self.at is not None else 0.0, self.whole


def to_ascii(name: str) -> str:
    """A name as ILIAS writes it into the name of a folder."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFC", name).translate(_UMLAUTS))
    kept = "".join(character for character in plain if not unicodedata.combining(character))
    return re.sub(r'[^\x20-\x7e]|[\\/:*?"<>|]', "_", kept)


def recognise(tree: Tree) -> bool:
    """Whether a source is ILIAS', by its structure."""
    return _find(tree) is not None


def read(tree: Tree, configuration: Configuration) -> Cohort:
    """Read who handed in what."""
    found = _find(tree)
    if found is None:
        return Gathering("ilias", tree).finish()
    around, handed_in = found
    gathering = Gathering("ilias", around)
    rows = _read_table(around, configuration, gathering)
    reading = _Reading(handed_in, configuration, gathering, rows)
    for top in handed_in.tops:
        reading.read(top)
    reading.tell_missing()
    return gathering.finish()


def _find(tree: Tree) -> tuple[Tree, Tree] | None:
    """The folder with the spreadsheet, and the one with the hand-ins."""
    for _ in range(3):
        if _holds_hand_ins(tree):
            return tree, tree
        tops = tree.list_folders()
        if len(tops) <= _FEW:
            for inner in (tree.descend(top) for top in tops):
                if _holds_hand_ins(inner):
                    return tree, inner
        tree = tree.enter()
    return None


def _holds_hand_ins(tree: Tree) -> bool:
    folders = tree.list_folders()
    teams = {
        name.partition("/")[0]
        for name in tree.folders
        if name.count("/") == 1 and _USER.fullmatch(name.rpartition("/")[2])
    }
    fitting = [top for top in folders if _USER.fullmatch(top) or (top in teams and _TEAM.fullmatch(top))]
    return len(fitting) * 2 > len(folders)


def _read_table(tree: Tree, configuration: Configuration, gathering: Gathering) -> list[IliasRow]:
    names = [name for name in tree.files if "/" not in name and name.lower().endswith(".xlsx")]
    if len(names) != 1:
        gathering.tell(
            "", "There is no spreadsheet beside the hand-ins, so nothing tells when they were handed in."
        )
        return []
    try:
        cells = read_rows(tree.files[names[0]])[1:]
    except SpreadsheetError as error:
        gathering.tell(
            names[0],
            f"{show(names[0])} can't be read, so nothing tells when hand-ins were handed in: {error}",
        )
        return []
    cells = [[*row, "", "", "", "", ""] for row in cells if len(row) > 2 and row[2] not in (None, "")]
    has_teams = all(str(row[4] or "0").strip().isdigit() for row in cells)  # else it is the name of a file
    if not configuration.time_zone:
        gathering.add_rule(
            "Hand-in times are taken for this machine's time zone; name another one as `time_zone` in grader.toml."
        )
    rows = []
    for row in cells:
        last, first, login = (str(cell or "").strip() for cell in row[:3])
        time = read_time(row[3])
        if time is None and row[3] not in (None, ""):
            gathering.tell(
                names[0], f"The hand-in time of {show(login)}, {show(str(row[3]))}, can't be read."
            )
        at = configuration.to_utc(time) if time is not None else None
        rows.append(IliasRow(last, first, login, at, str(row[4] or "").strip() if has_teams else ""))
    return rows


@dataclass
class _Reading:
    tree: Tree
    configuration: Configuration
    gathering: Gathering
    rows: Sequence[IliasRow]

    def __post_init__(self) -> None:
        self._met: set[str] = set()

    def read(self, top: str) -> None:
        """Read a folder, or tell that it belongs to nobody."""
        if (user := _USER.fullmatch(top)) and top in self.tree.folders:
            row = self._match(top)
            member = row.to_member(user["id"]) if row else Member(user["id"], user["name"].replace("_", " "))
            self.gathering.add_party(Party(member.key, (member,), member.name))
            self.gathering.claim(self.tree, top, member.key)
            at = row.handed_in_at if row else None
            self._add_files(member.key, self.tree.restore(top), {top: at})
            self.gathering.set_time(member.key, at)
        elif (team := _TEAM.fullmatch(top)) and top in self.tree.folders:
            self._read_team(top, team["id"])
        elif not top.lower().endswith(".xlsx"):
            self.gathering.leave_unmatched([top], "its name has no id of a user")

    def tell_missing(self) -> None:
        """Tell who of the spreadsheet has no folder: they have no id that would be known here, so they are no parties yet."""
        teams = {row.team for row in self.rows if row.login in self._met}
        for row in self.rows:
            if row.login not in self._met and not (row.team and row.team in teams):
                name = show(row.to_member().name)
                self.gathering.tell("", f"{name} ({show(row.login)}) has handed in nothing.")

    def _read_team(self, top: str, number: str) -> None:
        key = f"team-{number}"
        folders = sorted({name.split("/")[1] for name in self.tree.folders if name.startswith(f"{top}/")})
        ids = {}
        places: dict[str, datetime | None] = {}
        for folder in folders:
            row = None
            if user := _USER.fullmatch(folder):
                row = self._match(folder)
                ids[row.login if row else folder] = user["id"]
            places[f"{top}/{folder}"] = row.handed_in_at if row else None
        own = [row for row in self.rows if row.team == number]
        members = [row.to_member(ids.pop(row.login, "")) for row in own]
        self._met.update(row.login for row in own)
        members += [Member(user, folder.rpartition("_")[0].replace("_", " ")) for folder, user in ids.items()]
        self.gathering.add_party(Party(key, tuple(members), top, is_team=True))
        self.gathering.claim(self.tree, top, key)
        self._add_files(key, self.tree.restore(top), places or {top: None})
        for row in own:
            self.gathering.set_time(key, row.handed_in_at)

    def _add_files(self, key: str, origin: str, folders: Mapping[str, datetime | None]) -> None:
        """Add the files of a hand-in, of each the version that counts. folders: with the time at which their owner handed in"""
        versions: dict[str, list[_Version]] = {}
        for folder, at in folders.items():
            for whole in self.tree.list_below(folder):
                version = self._read_version(whole, folder, at)
                versions.setdefault(version.plain, []).append(version)
        for plain, found in versions.items():
            chosen = max(found, key=_Version.rank)
            kept = plain if len(found) > 1 or chosen.is_late else chosen.name
            self.gathering.add_file(key, kept, self.tree.files[chosen.whole], origin)
            self.gathering.set_late(key, chosen.is_late)
            if others := [each for each in found if each is not chosen]:
                self.gathering.choose(key, _explain_choice(chosen, others))

    def _read_version(self, whole: str, folder: str, at: datetime | None) -> _Version:
        name = whole[len(folder) + 1 :]
        prefix = next((each for each in self.configuration.late_prefixes if name.startswith(each)), "")
        match = _VERSION.fullmatch(name[len(prefix) :])
        assert match is not None  # every text is a stem
        plain = match["stem"] + (match["suffix"] or "")
        return _Version(plain, int(match["number"] or 1), bool(prefix), name, whole, at)

    def _match(self, folder: str) -> IliasRow | None:
        """The spreadsheet's row of a student's folder: by the whole name, else by the longest login that fits."""
        start = folder.rpartition("_")[0]
        exact = [row for row in self.rows if row.folder == start]
        fitting = exact or [row for row in self.rows if start.endswith(f"_{to_ascii(row.login)}")]
        longest = max((len(row.login) for row in fitting), default=0)
        fitting = [row for row in fitting if len(row.login) == longest]
        if len(fitting) != 1:
            return None
        self._met.add(fitting[0].login)
        return fitting[0]


def _explain_choice(chosen: _Version, others: Sequence[_Version]) -> str:
    if all(chosen.number > each.number for each in others):
        rest = ", ".join(show(each.name) for each in others)
        return f"{show(chosen.name)} counts, the highest number, and not {rest}."
    rest = ", ".join(show(each.whole) for each in others)
    why = (
        "whose owner handed in last" if chosen.at is not None else "the last by name, since no times are told"
    )
    return f"{show(chosen.whole)} counts, {why}, and not {rest}."


def write_feedback(entries: Sequence[GradeEntry], request: ExportRequest) -> Outgoing:
    """The core's zip of feedback, one folder per student. Raises ExportError for teams, for which the core does not offer it."""
    refuse_teams(entries, "ILIAS", "takes feedback for several at once only from students, not from teams")
    if not any(entry.pages for entry in entries):
        raise ExportError(
            "There are no pages in RESULTS/feedback to give back; `grader report RESULTS` makes them."
        )
    root = f"multi_feedback_{to_ascii(request.title).replace(' ', '_')}_0"
    files: dict[str, bytes] = {}
    for entry in entries:
        if _USER.fullmatch(entry.origin):
            files |= entry.read_pages(f"{root}/{entry.origin}")
    warnings = [
        "ILIAS itself takes no points from a file: enter them by hand, or export with --to ilias-status if the plugin is installed."
    ]
    return Outgoing({f"{root}.zip": pack_zip(files)}, tuple(warnings))


def write_status(entries: Sequence[GradeEntry], request: ExportRequest) -> Outgoing:
    """The zip of the plugin ExerciseStatusFile: its table, read by position, and feedback. Raises ExportError."""
    teams = [entry for entry in entries if entry.is_team]
    if teams and len(teams) < len(entries):
        raise ExportError("These are students and teams; ILIAS' assignments have either.")
    rows, strangers = [], list[str]()
    if request.template is None:
        rows = [
            [1, *_identify(entry), _judge(entry, request), format_points(entry.points), "", "", "", ""]
            for entry in entries
            if entry.points is not None
        ]
    else:
        rows, strangers = _fill(request.template, entries, request)
    header = _TEAM_COLUMNS if teams else _STUDENT_COLUMNS
    root = f"Multi_Feedback_{'' if teams else 'Individual_'}{to_ascii(request.title).replace(' ', '_')}_0"
    files = {"status.xlsx": make_sheet([header, *rows])}
    for entry in entries:
        if entry.origin:
            folder = entry.key.replace("team-", "Team_") if entry.is_team else entry.origin
            files |= entry.read_pages(f"{root}/{folder}")
    warnings = []
    if request.pass_percent is None:
        warnings.append(
            "The status of everybody stays `notgraded`: `pass_percent` in grader.toml says from which share of the points on "
            "one has passed."
        )
    named = {str(row[1]) for row in rows}
    unmatched = [entry.key for entry in entries if request.template and _find_number(entry) not in named]
    return Outgoing({f"{root}.zip": pack_zip(files)}, tuple(warnings), tuple(unmatched), tuple(strangers))


def _fill(
    template: CsvTable, entries: Sequence[GradeEntry], request: ExportRequest
) -> tuple[list[list[object]], list[str]]:
    """The rows of the plugin's own table with status and mark, and those of nobody here. It is read by position, and so is this.

    Raises ExportError if no row is of this cohort.
    """
    by_number = {_find_number(entry): entry for entry in entries}
    columns = _TEAM_COLUMNS if any(entry.is_team for entry in entries) else _STUDENT_COLUMNS
    status = columns.index("status")
    rows: list[list[object]] = []
    strangers = []
    for cells in filter(any, template.rows):
        number = cells[1].strip() if len(cells) > 1 else ""
        entry = by_number.get(number)
        row: list[object] = [*cells, *[""] * (len(columns) - len(cells))]
        row[1] = int(number) if number.isdecimal() else number
        if entry is None:
            strangers.append(f"{name_row(cells[2:status])} ({number})")
        elif entry.points is not None:
            row[0], row[status], row[status + 1] = 1, _judge(entry, request), format_points(entry.points)
        rows.append(row)
    if len(strangers) == len(rows):
        raise ExportError(
            f"No row of the template has the id of one of this cohort in its second column, {columns[1]}. "
            "Is it another assignment's, or not the table that the plugin gives?"
        )
    return rows, strangers


def _find_number(entry: GradeEntry) -> str:
    """The id by which ILIAS knows a student or a team."""
    return entry.key.removeprefix("team-")


def _identify(entry: GradeEntry) -> list[object]:
    if entry.is_team:
        return [int(_find_number(entry)), ", ".join(member.login for member in entry.members)]
    member = entry.members[0] if entry.members else Member(entry.key, entry.label)
    first, last = _split_name(member.name, entry.origin)
    return [int(entry.key) if entry.key.isdecimal() else entry.key, member.login, last, first]


def _split_name(name: str, folder: str) -> tuple[str, str]:
    """First and last name, as the folder's name `Cruz_Jose_…` tells them apart; else the last word is the last name."""
    words = name.split(" ")
    for place in range(1, len(words)):
        first, last = " ".join(words[:place]), " ".join(words[place:])
        if folder.startswith(f"{to_ascii(last)}_{to_ascii(first)}_"):
            return first, last
    return " ".join(words[:-1]), words[-1]


def _judge(entry: GradeEntry, request: ExportRequest) -> str:
    if request.pass_percent is None or entry.points is None:
        return "notgraded"
    return "passed" if entry.points >= entry.max_points * request.pass_percent / 100 else "failed"
