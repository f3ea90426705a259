"""The cohort's points as a table of our own, for people and spreadsheets."""

from __future__ import annotations

import codecs
from collections.abc import Sequence

from .csv_table import make_table
from .grades import ExportRequest, GradeEntry, Outgoing, defuse, format_points
from .spreadsheet import make_sheet


def write_csv(entries: Sequence[GradeEntry], request: ExportRequest) -> Outgoing:  # noqa: ARG001
    """A text file; with a byte order mark, without which spreadsheets take umlauts for something else."""
    cells = [
        [defuse(cell) if isinstance(cell, str) else format_points(cell) for cell in row]
        for row in _list_rows(entries)
    ]
    return Outgoing({"grades.csv": make_table(cells, line_end="\r\n", mark=codecs.BOM_UTF8).encode()})


def write_xlsx(entries: Sequence[GradeEntry], request: ExportRequest) -> Outgoing:  # noqa: ARG001
    """A spreadsheet, in which text stays text."""
    return Outgoing({"grades.xlsx": make_sheet(_list_rows(entries))})


def _list_rows(entries: Sequence[GradeEntry]) -> list[list[str | float | None]]:
    exercises = list(dict.fromkeys(name for entry in entries for name in entry.exercises))
    rows: list[list[str | float | None]] = [
        [
            *("key", "name", "members", "login", "email", "status"),
            *exercises,
            *("late", "points", "max_points", "blank because", "why late"),
        ]
    ]
    for entry in entries:
        points = [entry.exercises.get(name) for name in exercises]
        late = -entry.deduction if entry.deduction else None
        rows.append(
            [*_identify(entry), *points, late, entry.points, entry.max_points, entry.reason, entry.lateness]
        )
    return rows


def _identify(entry: GradeEntry) -> list[str]:
    told = ("name", "login", "email") if entry.is_team else ("", "login", "email")
    joined = [
        ", ".join(filter(None, (getattr(member, name) for member in entry.members))) if name else ""
        for name in told
    ]
    return [entry.key, entry.label, *joined, entry.status]
