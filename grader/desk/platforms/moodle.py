"""Moodle's assignments: `Anna Muster_7770000_assignsubmission_file/…`.

The last number before `_assignsubmission_` is the id: a participant's, or in team assignments a group's.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

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
    name_all,
    name_entries,
    name_row,
    pack_zip,
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
    """The table of grades that Moodle gave, filled in, and the zip of feedback under Moodle's own names. Raises ExportError.

    A group's points go to the rows that name it. Feedback of groups is not imported from a zip, and so is not written.
    """
    table = request.require_template("Moodle", "download the grading worksheet of the assignment")
    rows = table.rows
    owners = (
        _match_groups(rows, entries) if any(entry.is_team for entry in entries) else _match(rows, entries)
    )
    place, maximum = _find_grade(table, request.column)
    owners = {number: entry for number, entry in owners.items() if len(rows[number]) > place}
    mark = find_decimal_mark([cell for row in rows for cell in row])
    cells = {
        (number, place): format_points(entry.points, mark)
        for number, entry in owners.items()
        if entry.points is not None
    }
    files = {"grades.csv": table.fill(cells).encode()}
    feedback: dict[str, bytes] = {}
    for entry in entries:
        if entry.origin and not entry.is_team:
            feedback |= entry.read_pages(_name_folder(entry.origin))
    if feedback:
        files["feedback.zip"] = pack_zip(feedback)
    known = {entry.key for entry in owners.values()}
    unmatched = tuple(entry.key for entry in entries if entry.key not in known)
    strangers = tuple(
        name_row(row[:2]) for number, row in enumerate(rows) if number not in owners and any(row)
    )
    return Outgoing(files, tuple(_list_warnings(entries, rows, maximum)), unmatched, strangers)


def _match(rows: Sequence[Sequence[str]], entries: Sequence[GradeEntry]) -> dict[int, GradeEntry]:
    """Whose each row is, by the column with ids, whatever it is called: `Participant 7770000`. Raises ExportError if there is none."""
    by_key = {entry.key: entry for entry in entries}
    found = _find_fullest(rows, lambda cell: by_key.get(_read_id(cell)))
    if not found:
        raise ExportError(
            "No column of the template names a participant of this cohort, as `Participant 7770000` does. "
            "Is it another assignment's?"
        )
    return found


def _match_groups(rows: Sequence[Sequence[str]], entries: Sequence[GradeEntry]) -> dict[int, GradeEntry]:
    """The group of each row, by its name, which is all that the worksheet tells. Raises ExportError if that is not enough."""
    labels = Counter(entry.label for entry in entries)
    shared = [entry for entry in entries if labels[entry.label] > 1]
    if shared:
        raise ExportError(
            f"Moodle's worksheet tells groups by their names alone, and these share one: {name_entries(shared)}."
        )
    by_label = {entry.label: entry for entry in entries}
    found = _find_fullest(rows, lambda cell: by_label.get(cell.strip()))
    if not found:
        raise ExportError(
            f"No column of the template names a group of this cohort, such as {show(entries[0].label)}. Is it another assignment's?"
        )
    return found


def _find_fullest(
    rows: Sequence[Sequence[str]], find: Callable[[str], GradeEntry | None]
) -> dict[int, GradeEntry]:
    """By row, whom the cells of one column stand for: of the column that names most of them. One of points may well name the same one always."""
    width = max((len(row) for row in rows), default=0)
    columns: list[dict[int, GradeEntry]] = [
        {
            number: entry
            for number, row in enumerate(rows)
            if place < len(row) and (entry := find(row[place])) is not None
        }
        for place in range(width)
    ]
    return max(columns, key=lambda column: len({entry.key for entry in column.values()}), default={})


def _list_warnings(
    entries: Sequence[GradeEntry], rows: Sequence[Sequence[str]], maximum: int | None
) -> Iterator[str]:
    zeros = [entry for entry in entries if entry.points == 0]
    if zeros:
        yield f"Moodle does not import a grade of 0: enter {'it' if len(zeros) == 1 else f'these {len(zeros)}'} by hand: {name_all(zeros)}."
    yield (
        "Moodle skips those who were graded there since the worksheet was downloaded: use a fresh one, "
        "or tick that modified records are to be updated."
    )
    if maximum is not None and rows and entries:
        told = next((row[maximum] for row in rows if len(row) > maximum), "").replace(",", ".")
        if _is_number(told) and float(told) != entries[0].max_points:
            yield f"Moodle's maximum is {told}, that of the homework {format_points(entries[0].max_points)}: points are written as they are."
    teams = [entry for entry in entries if entry.is_team and entry.pages]
    if teams:
        yield f"Moodle takes no feedback of groups from a zip: give it by hand to {name_all(teams)}."
    odd = [
        entry
        for entry in entries
        if entry.origin and not entry.is_team and not re.match(r"[^_]*_\d+_", entry.origin) and entry.pages
    ]
    if odd:
        yield f"Moodle will not find whose feedback this is, since the name holds `_`: {name_all(odd)}."


def _name_folder(origin: str) -> str:
    """The folder's name, of a file that was downloaded without folders, too."""
    return (
        re.sub(r"(_assignsubmission_file).*", r"\1", origin, flags=re.DOTALL)
        if "_file_" in origin.rstrip("_")
        else origin
    )


def _read_id(cell: str) -> str:
    match = re.fullmatch(r"[^\d]*?(\d+)", cell.strip())
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
