"""Which hand-ins of a cohort are to be graded: those that never were, and those that were asked for again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sql

from .cohort import Cohort
from .gradebook import Gradebook, schema
from .gradebook.standing import last_handins
from .outcome import GRADED, INTERRUPTED, UNREADABLE


@dataclass(frozen=True)
class Task:
    """A hand-in to grade.

    name: what people call the party; earlier: the run that it was graded by before, if it was
    """

    handin: int
    hash: str
    name: str
    earlier: int | None


@dataclass(frozen=True)
class _Past:
    """A run as far as it matters here; `exercises` is None for all."""

    id: int
    status: str
    exercises: Sequence[str] | None
    suite: str

    def covers(self, wanted: Iterable[str]) -> set[str]:
        return {each for each in wanted if self.exercises is None or each in self.exercises}


def list_tasks(
    book: Gradebook, cohort: Cohort, wanted: Sequence[str], regrade: str | None, suite: str
) -> list[Task]:
    """In the order of the cohort.

    wanted: the exercises; regrade: None, `failed`, `changed` or `all`; suite: the sources that would grade now
    """
    with book.read() as connection:
        handins = _read_handins(connection, cohort)
        past = _read_past(connection)
    return [
        Task(row.id, row.hash, _name(row), _find_last(past[row.id]))
        for row in handins
        if _is_due(past[row.id], wanted, regrade, suite)
    ]


def _is_due(runs: Sequence[_Past], wanted: Sequence[str], regrade: str | None, suite: str) -> bool:
    ended = [run for run in runs if run.status != INTERRUPTED]
    latest = {each: run for run in ended for each in run.covers(wanted)}
    if regrade == "all" or set(latest) != set(wanted):
        return True
    if regrade == "failed":
        return any(run.status not in (GRADED, UNREADABLE) for run in latest.values())
    return regrade == "changed" and any(run.suite != suite for run in latest.values())


def _find_last(runs: Sequence[_Past]) -> int | None:
    return next((run.id for run in reversed(runs) if run.status != INTERRUPTED), None)


def _name(row: Any) -> str:
    return f"{row.label} ({row.key})" if row.label != row.key else str(row.key)


def _read_handins(connection: sql.Connection, cohort: Cohort) -> list[Any]:
    """The last hand-ins of the cohort's parties."""
    last = last_handins()
    query = (
        sql.select(schema.handin.c.id, schema.handin.c.hash, schema.party.c.key, schema.party.c.label)
        .join(last, last.c.id == schema.handin.c.id)
        .join(schema.party)
        .where(schema.party.c.platform == cohort.platform)
    )
    found = {row.key: row for row in connection.execute(query)}
    return [found[upload.party] for upload in cohort.uploads]


def _read_past(connection: sql.Connection) -> dict[int, list[_Past]]:
    """By hand-in, oldest first."""
    table = schema.run
    query = sql.select(
        table.c.id, table.c.handin_id, table.c.status, table.c.exercises, table.c.suite
    ).order_by(table.c.id)
    past = defaultdict(list)
    for row in connection.execute(query):
        past[row.handin_id].append(_Past(row.id, row.status, row.exercises, row.suite))
    return past
