"""GitHub Classroom: a folder per repository, `homework-1-submissions/homework-1-amuster/`, and, where it was downloaded, its table of grades.

The repository's name is the party's key: the table tells whose it is, and when they handed in; several rows of one repository are a team.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...intake import show
from ..cohort import Cohort, Member, Party
from ..configuration import Configuration
from ..csv_table import CsvTable, find_table, make_table
from ..gathering import Gathering
from ..grades import (
    ExportError,
    ExportRequest,
    GradeEntry,
    Outgoing,
    defuse,
    format_points,
    name_row,
)
from ..times import read_time
from ..tree import Tree

TITLE = "GitHub Classroom"
LOOK = "a folder such as `homework-1-submissions`, with a folder per repository such as `homework-1-amuster`"
_ENDING = "-submissions"
_REPOSITORY, _USER, _POINTS = "student_repository_name", "github_username", "points_awarded"
_TABLE = (
    *("assignment_name", "assignment_url", "starter_code_url", _USER, "roster_identifier", _REPOSITORY),
    *("student_repository_url", "submission_timestamp", _POINTS, "points_available", "group_name"),
)


def recognise(tree: Tree) -> bool:
    """Whether a source is Classroom's, by its structure."""
    inner, slug = _inner(tree)
    folders = inner.list_folders()
    if find_table([tree, inner], [_REPOSITORY, _USER]) is not None:
        return True
    return bool(slug) and sum(name.startswith(f"{slug}-") for name in folders) * 2 > len(folders)


def read(tree: Tree, configuration: Configuration) -> Cohort:
    """Read who handed in what."""
    inner, slug = _inner(tree)
    gathering = Gathering("github", inner)
    table = find_table([tree, inner], [_REPOSITORY, _USER])
    rows = _group(table) if table else {}
    folders = inner.list_folders()
    for repository in sorted({*folders, *rows}):
        own = rows.get(repository, [])
        gathering.add_party(_read_party(repository, own, slug))
        gathering.claim(inner, repository, repository)
        for name in inner.list_below(repository):
            path = inner.files[name]
            gathering.add_file(repository, name[len(repository) + 1 :], path, inner.restore(repository))
        for row in own:
            time = read_time(row.get("submission_timestamp"))
            gathering.set_time(repository, configuration.to_utc(time) if time is not None else None)
        if rows and not own:
            gathering.tell(
                repository,
                f"Nobody knows whose {show(repository)} is: the table of grades does not name it.",
                repository,
            )
    for row in table.list_records() if table else []:
        if row[_USER] and not row[_REPOSITORY]:
            name = row.get("roster_identifier") or row[_USER]
            gathering.tell("", f"{show(name)} ({show(row[_USER])}) has no repository: nothing was handed in.")
    others = [top for top in inner.tops if top in inner.files and not top.lower().endswith(".csv")]
    gathering.leave_unmatched(others, "it is in no repository")
    return gathering.finish()


def _group(table: CsvTable) -> dict[str, list[Mapping[str, str]]]:
    rows: dict[str, list[Mapping[str, str]]] = {}
    for row in table.list_records():
        if row[_REPOSITORY]:
            rows.setdefault(row[_REPOSITORY], []).append(row)
    return rows


def _read_party(repository: str, rows: Sequence[Mapping[str, str]], slug: str) -> Party:
    members = [Member(row[_USER], row.get("roster_identifier", ""), row[_USER]) for row in rows]
    group = next((row["group_name"] for row in rows if row.get("group_name")), "")
    if len(members) > 1 or group:
        return Party(repository, tuple(members), group or repository, is_team=True)
    user = repository.removeprefix(f"{slug}-")
    members = members or [Member(user, login=user)]
    return Party(repository, tuple(members), members[0].name or members[0].login)


def _inner(tree: Tree) -> tuple[Tree, str]:
    """The folder with the repositories, and what their names begin with."""
    folders = tree.list_folders()
    if len(folders) == 1 and folders[0].endswith(_ENDING):
        return tree.descend(folders[0]), folders[0].removesuffix(_ENDING)
    name = tree.source.name.removesuffix(".zip")
    return tree, name.removesuffix(_ENDING) if name.endswith(_ENDING) else ""


def write_grades(entries: Sequence[GradeEntry], request: ExportRequest) -> Outgoing:
    """Classroom's table of grades with the points, and a folder with feedback per repository. Raises ExportError."""
    if request.template is not None and not {_REPOSITORY, _POINTS}.issubset(request.template.header):
        raise ExportError(
            f"The template is not Classroom's table of grades: it has no columns {_REPOSITORY} and {_POINTS}."
        )
    by_key = {entry.key: entry for entry in entries}
    table = request.template or _make_table(entries, request)
    repository, points = table.header.index(_REPOSITORY), table.header.index(_POINTS)
    cells = {}
    known = set()
    strangers = []
    for number, row in enumerate(table.rows):
        entry = by_key.get(row[repository].strip()) if len(row) > max(repository, points) else None
        if entry is None and any(row):
            told = dict(zip(table.header, row, strict=False))
            strangers.append(name_row((told.get(_USER, ""), told.get("roster_identifier", ""))))
        if entry is not None:
            known.add(entry.key)
            if entry.points is not None:
                cells[number, points] = format_points(entry.points)
    files = {"grades.csv": table.fill(cells).encode()}
    for entry in entries:
        if entry.origin:
            files |= entry.read_pages(f"feedback/{entry.origin}")
    warnings = (
        "GitHub Classroom takes no file back: commit the feedback into the repositories, or pass the table on.",
    )
    unmatched = tuple(entry.key for entry in entries if entry.key not in known)
    return Outgoing(files, warnings, unmatched, tuple(strangers))


def _make_table(entries: Sequence[GradeEntry], request: ExportRequest) -> CsvTable:
    rows: list[tuple[str, ...]] = [_TABLE]
    for entry in entries:
        for member in entry.members or (Member(entry.key, entry.label),):
            told = {
                "assignment_name": request.title,
                _USER: member.login,
                "roster_identifier": member.name,
                _REPOSITORY: entry.key,
                "points_available": format_points(entry.max_points),
                "group_name": entry.label if entry.is_team else "",
            }
            rows.append(tuple(defuse(told.get(name, "")) for name in _TABLE))
    return make_table(rows)
