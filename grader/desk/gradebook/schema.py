"""The gradebook's tables. Scores stand in none of them: they are computed from results and marks (`standing.py`).

    student ──< member >── party ──< handin ──< run ──< result
                             ├────< mark
                             └────< flag

What was graded is only ever added to: a run, its results and a mark are never changed or removed. Which one counts is decided by order of
entry, never by a clock, which can be set back. Times are in UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sql
from sqlalchemy.engine import Dialect

from ..outcome import STATUSES

VERSION = 1
"""Of these tables; a gradebook says which one it has."""


class UtcTime(sql.types.TypeDecorator[datetime]):
    """A moment, kept in UTC by every database."""

    impl = sql.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: Any | None, _: Dialect) -> datetime | None:
        return (
            None
            if value is None
            else value.replace(tzinfo=UTC)
            if value.tzinfo is None
            else value.astimezone(UTC)
        )


def now() -> datetime:
    return datetime.now(UTC)


LARGE = ("figures", "code")
"""Of `extra_data`: read them from results.json."""
tables = sql.MetaData()


def _key() -> sql.Column[int]:
    return sql.Column("id", sql.Integer, primary_key=True)


def _refer(table: str, *, nullable: bool = False) -> sql.Column[int]:
    return sql.Column(f"{table}_id", sql.ForeignKey(f"{table}.id"), nullable=nullable, index=True)


fact = sql.Table(
    "fact",  # what holds for the whole gradebook, such as its grading seed
    tables,
    sql.Column("name", sql.Text, primary_key=True),
    sql.Column("value", sql.Text, nullable=False),
)
student = sql.Table(
    "student",
    tables,
    _key(),
    sql.Column("platform", sql.Text, nullable=False),
    sql.Column("key", sql.Text, nullable=False),  # the platform's, never a name: two students can share one
    sql.Column("name", sql.Text, nullable=False, default=""),
    sql.Column("login", sql.Text, nullable=False, default=""),
    sql.Column("email", sql.Text, nullable=False, default=""),
    sql.UniqueConstraint("platform", "key"),
)
party = sql.Table(
    "party",  # who hands in: a student or a team
    tables,
    _key(),
    sql.Column("platform", sql.Text, nullable=False),
    sql.Column("key", sql.Text, nullable=False),
    sql.Column("label", sql.Text, nullable=False),
    sql.Column("is_team", sql.Boolean, nullable=False),
    sql.UniqueConstraint("platform", "key"),
)
member = sql.Table(
    "member",
    tables,
    sql.Column("party_id", sql.ForeignKey("party.id"), primary_key=True),
    sql.Column("student_id", sql.ForeignKey("student.id"), primary_key=True),
)
handin = sql.Table(
    "handin",  # a party's last one counts
    tables,
    _key(),
    _refer("party"),
    sql.Column("hash", sql.Text, nullable=False),  # SHA-256 of its bytes, which lie under this name
    sql.Column(
        "origin", sql.Text, nullable=False
    ),  # the platform's name for it, under which feedback goes back
    sql.Column("files", sql.JSON, nullable=False),  # the names of its files
    sql.Column("notes", sql.JSON, nullable=False),  # what was decided when it was read
    sql.Column("handed_in_at", UtcTime),
    sql.Column("is_late", sql.Boolean),
    sql.Column("read_at", UtcTime, nullable=False, default=now),
)
run = sql.Table(
    "run",  # one grading of some exercises of a hand-in
    tables,
    _key(),
    _refer("handin"),
    sql.Column("status", sql.Text, nullable=False),
    sql.Column("reason", sql.Text, nullable=False, default=""),
    sql.Column("exercises", sql.JSON),  # those that were asked for; null for all
    sql.Column("suite", sql.Text, nullable=False),
    sql.Column("grading_seed", sql.BigInteger),
    sql.Column("folder", sql.Text, nullable=False),  # results.json and log, below the results' folder
    sql.Column("host", sql.Text, nullable=False),
    sql.Column("started_at", UtcTime, nullable=False),
    sql.Column("ended_at", UtcTime, nullable=False),
    sql.Column("seconds", sql.Float, nullable=False),
    sql.Column("facts", sql.JSON, nullable=False),  # `extra_data` of results.json, without LARGE
    sql.CheckConstraint(sql.text(f"status IN {STATUSES}"), name="status_is_known"),
)
result = sql.Table(
    "result",  # what a check gave
    tables,
    _key(),
    _refer("run"),
    sql.Column("exercise", sql.Text, nullable=False),
    sql.Column("check_id", sql.Text, nullable=False),
    sql.Column("name", sql.Text, nullable=False),
    sql.Column("outcome", sql.Text, nullable=False),
    sql.Column("score", sql.Float, nullable=False),
    sql.Column("max_score", sql.Float, nullable=False),
    sql.Column("output", sql.Text, nullable=False),
    sql.Column("facts", sql.JSON, nullable=False),  # `extra_data` of the test
)
mark = sql.Table(
    "mark",  # a person's decision; the last one on the same item counts
    tables,
    _key(),
    _refer("party"),
    _refer("handin", nullable=True),  # the one that the person looked at
    sql.Column("exercise", sql.Text, nullable=False),
    sql.Column(
        "item", sql.Text, nullable=False
    ),  # an item that is graded by hand; empty: all that checks give
    sql.Column("points", sql.Float),  # null takes the mark back
    sql.Column("comment", sql.Text, nullable=False, default=""),
    sql.Column("author", sql.Text, nullable=False, default=""),
    sql.Column("made_at", UtcTime, nullable=False, default=now),
)
flag = sql.Table(
    "flag",  # what a person should look at
    tables,
    _key(),
    _refer("party"),
    _refer("handin", nullable=True),
    _refer("run", nullable=True),
    sql.Column("kind", sql.Text, nullable=False),
    sql.Column("text", sql.Text, nullable=False),
    sql.Column("raised_at", UtcTime, nullable=False, default=now),
    sql.Column("settled_at", UtcTime),
)
export = sql.Table(
    "export",  # what was given to a platform, and when
    tables,
    _key(),
    sql.Column("platform", sql.Text, nullable=False),
    sql.Column("path", sql.Text, nullable=False),
    sql.Column("scores", sql.JSON, nullable=False),  # by the party's key
    sql.Column("made_at", UtcTime, nullable=False, default=now),
)


for kept in (run, result, mark):
    for change in ("UPDATE", "DELETE"):
        sql.event.listen(
            kept,
            "after_create",
            sql.DDL(
                f"CREATE TRIGGER {kept.name}_no_{change.lower()} BEFORE {change} ON {kept.name} "
                f"BEGIN SELECT RAISE(ABORT, '{kept.name} is only added to'); END"
            ).execute_if(dialect="sqlite"),
        )
