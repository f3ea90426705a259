"""Moodle's assignments: `Anna Muster_7770000_assignsubmission_file/…`.

The last number before `_assignsubmission_` is the id: a participant's, or in team assignments a group's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

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
    find_decimal_mark,
    format_points,
    name_entries,
    pack_zip,
    refuse_teams,
)
from ..tree import Tree

TITLE = "Moodle"
LOOK = "folders or files such as `Anna Muster_7770000_assignsubmission_file`"
_ENTRY = re.compile(
    r"(?P<name>.*?)(?:_(?P<id>\d+))?_assignsubmission_(?P<kind>[a-z]+)(?:_(?P<file>.*))?", re.DOTALL
)


def recognise(tree: Tree) -> bool:
    """Whether a source is Moodle's, by its structure."""
    return any(_ENTRY.fullmatch(top) for top in _inner(tree).tops)


def read(tree: Tree, configuration: Configuration) -> Cohort:
    """Read who handed in what."""
    tree = _inner(tree)
    gathering = Gathering("moodle", tree)
    entries = {top: match for top in tree.tops if (match := _ENTRY.fullmatch(top))}
    is_team = configuration.teams or any(match["id"] is None for match in entries.values())
    for top, match in entries.items():
        label = match["name"]
        key = match["id"] or f"group {label}"  # the group of those who are in none has no id
        gathering.add_party(Party(key, () if is_team else (Member(key, label),), label, is_team))
        gathering.claim(tree, top, key)
        if top in tree.unread:
            continue
        if match["kind"] != "file":
            names = [top] if top in tree.files else tree.list_below(top)
            for name in names:
                gathering.tell(
                    name,
                    f"{gathering.name(key)} wrote a text online, which is not graded: read it on Moodle.",
                    key,
                )
        elif top in tree.files:
            gathering.add_file(key, match["file"] or top, tree.files[top], tree.restore(top))
        else:
            for name in tree.list_below(top):
                gathering.add_file(key, name[len(top) + 1 :], tree.files[name], tree.restore(top))
    others = [top for top in tree.tops if top not in entries]
    gathering.leave_unmatched(others, "its name has no `_assignsubmission_`")
    return gathering.finish()


def _inner(tree: Tree) -> Tree:
    """Without the folder into which somebody unpacked it; the folder of a single participant is none."""
    return tree if any(_ENTRY.fullmatch(top) for top in tree.tops) else tree.enter()


def write_grades(entries: Sequence[GradeEntry], request: ExportRequest) -> Outgoing:
    """The table of grades that Moodle gave, filled in, and the zip of feedback under Moodle's own names. Raises ExportError."""
    refuse_teams(
        entries, "Moodle", "takes neither grades nor feedback of groups from a file; enter by hand those of"
    )
    table = request.require_template("Moodle", "download the grading worksheet of the assignment")
    rows = table.rows
    ids = _find_ids(rows, {entry.key for entry in entries})
    place, maximum = _find_grade(table, request.column)
    by_key = {entry.key: entry for entry in entries}
    mark = find_decimal_mark([cell for row in rows for cell in row])
    cells = {}
    for number, row in enumerate(rows):
        entry = by_key.get(_read_id(row, ids))
        if entry is not None and entry.points is not None and len(row) > place:
            cells[number, place] = format_points(entry.points, mark)
    known = {_read_id(row, ids) for row in rows}
    files = {"grades.csv": table.fill(cells).encode()}
    feedback: dict[str, bytes] = {}
    for entry in entries:
        if entry.origin:
            feedback |= entry.read_pages(_name_folder(entry.origin))
    if feedback:
        files["feedback.zip"] = pack_zip(feedback)
    unmatched = tuple(entry.key for entry in entries if entry.key not in known)
    return Outgoing(files, tuple(_list_warnings(entries, rows, maximum)), unmatched)


def _list_warnings(
    entries: Sequence[GradeEntry], rows: Sequence[Sequence[str]], maximum: int | None
) -> Iterator[str]:
    zeros = [entry for entry in entries if entry.points == 0]
    if zeros:
        yield f"Moodle does not import a grade of 0: enter {'it' if len(zeros) == 1 else f'these {len(zeros)}'} by hand: {name_entries(zeros)}."
    yield (
        "Moodle skips those who were graded there since the worksheet was downloaded: use a fresh one, "
        "or tick that modified records are to be updated."
    )
    if maximum is not None and rows and entries:
        told = rows[0][maximum].replace(",", ".")
        if _is_number(told) and float(told) != entries[0].max_points:
            yield f"Moodle's maximum is {told}, that of the homework {format_points(entries[0].max_points)}: points are written as they are."
    odd = [
        entry
        for entry in entries
        if entry.origin and not re.match(r"[^_]*_\d+_", entry.origin) and entry.pages
    ]
    if odd:
        yield f"Moodle will not find whose feedback this is, since the name holds `_`: {name_entries(odd)}."


def _name_folder(origin: str) -> str:
    """The folder's name, of a file that was downloaded without folders, too."""
    return (
        re.sub(r"(_assignsubmission_file).*", r"\1", origin, flags=re.DOTALL)
        if "_file_" in origin.rstrip("_")
        else origin
    )


def _find_ids(rows: Sequence[Sequence[str]], keys: set[str]) -> int:
    """The column with ids, whatever it is called: `Participant 7770000`."""
    width = max((len(row) for row in rows), default=0)
    hits = [sum(_read_id(row, place) in keys for row in rows) for place in range(width)]
    if not hits or max(hits) == 0:
        raise ExportError(
            "No column of the template names a participant of this cohort, as `Participant 7770000` does. "
            "Is it another assignment's?"
        )
    return hits.index(max(hits))


def _read_id(row: Sequence[str], place: int) -> str:
    match = re.fullmatch(r"[^\d]*?(\d+)", row[place].strip()) if place < len(row) else None
    return match[1] if match else ""


def _find_grade(table: CsvTable, wanted: str | None) -> tuple[int, int | None]:
    """The columns of the grade and of the maximum, which follows it and is the same number in each row."""
    if wanted is not None:
        if wanted not in table.header:
            raise ExportError(f"The template has no column {show(wanted)}; it has {', '.join(table.header)}.")
        return table.header.index(wanted), None
    constant = [
        place
        for place in range(1, len(table.header))
        if len(values := {row[place] for row in table.rows if place < len(row)}) == 1
        and _is_number(values.pop().replace(",", "."))
        and table.header[place - 1].strip()
    ]
    if len(constant) == 2 and constant[0] + 1 == constant[1]:
        constant = constant[1:]  # everybody has the same grade so far
    if len(constant) != 1:
        raise ExportError(
            f"Which column takes the grade can't be seen: name it with --column. There are {', '.join(table.header)}."
        )
    return constant[0] - 1, constant[0]


def _is_number(text: str) -> bool:
    return re.fullmatch(r"\d+(\.\d+)?", text.strip()) is not None
