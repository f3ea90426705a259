"""The gradebook's tables. Scores stand in none of them: they are computed from results and marks (`standing.py`).

    student ──< member >── party ──< handin ──< run ──< result
                             ├────< mark
                             └────< flag

What was graded is only ever added to: a run, its results and a mark are never changed or removed. Which one counts is decided by order of
entry, never by a clock, which can be set back. Times are in UTC.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sql
from sqlalchemy.engine import Dialect

from ..outcome import STATUSES

VERSION = 1
"""Of these tables; a gradebook says which one it has."""


_ESCAPED = "\ue000"  # of no meaning in Unicode; what follows is JSON
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


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


class AnyText(sql.types.TypeDecorator[str]):
    """Text that may hold what no database takes: bytes of a name that are no characters, and characters 0."""

    impl = sql.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, _: Dialect) -> str | None:
        if value is None or not (value.startswith(_ESCAPED) or _UNSTORABLE.search(value)):
            return value
        return _ESCAPED + json.dumps(value)

    def process_result_value(self, value: Any | None, _: Dialect) -> str | None:
        return json.loads(value[1:]) if value is not None and value.startswith(_ESCAPED) else value


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
    sql.Column("name", AnyText, primary_key=True),
    sql.Column("value", AnyText, nullable=False),
)
student = sql.Table(
    "student",
    tables,
    _key(),
    sql.Column("platform", AnyText, nullable=False),
    sql.Column("key", AnyText, nullable=False),  # the platform's, never a name: two students can share one
    sql.Column("name", AnyText, nullable=False, default=""),
    sql.Column("login", AnyText, nullable=False, default=""),
    sql.Column("email", AnyText, nullable=False, default=""),
    sql.UniqueConstraint("platform", "key"),
)
party = sql.Table(
    "party",  # who hands in: a student or a team
    tables,
    _key(),
    sql.Column("platform", AnyText, nullable=False),
    sql.Column("key", AnyText, nullable=False),
    sql.Column("label", AnyText, nullable=False),
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
    sql.Column("hash", AnyText, nullable=False),  # SHA-256 of its bytes, which lie under this name
    sql.Column(
        "origin", AnyText, nullable=False
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
    sql.Column("status", AnyText, nullable=False),
    sql.Column("reason", AnyText, nullable=False, default=""),
    sql.Column("exercises", sql.JSON),  # those that were asked for; null for all
    sql.Column("suite", AnyText, nullable=False),
    sql.Column("grading_seed", sql.BigInteger),
    sql.Column("folder", AnyText, nullable=False),  # results.json and log, below the results' folder
    sql.Column("host", AnyText, nullable=False),
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
    sql.Column("exercise", AnyText, nullable=False),
    sql.Column("check_id", AnyText, nullable=False),
    sql.Column("name", AnyText, nullable=False),
    sql.Column("outcome", AnyText, nullable=False),
    sql.Column("score", sql.Float, nullable=False),
    sql.Column("max_score", sql.Float, nullable=False),
    sql.Column("output", AnyText, nullable=False),
    sql.Column("facts", sql.JSON, nullable=False),  # `extra_data` of the test
)
mark = sql.Table(
    "mark",  # a person's decision; the last one on the same item counts
    tables,
    _key(),
    _refer("party"),
    _refer("handin", nullable=True),  # the one that the person looked at
    sql.Column("exercise", AnyText, nullable=False),
    sql.Column(
        "item", AnyText, nullable=False
    ),  # an item that is graded by hand; empty: all that checks give
    sql.Column("points", sql.Float),  # null takes the mark back
    sql.Column("comment", AnyText, nullable=False, default=""),
    sql.Column("author", AnyText, nullable=False, default=""),
    sql.Column("made_at", UtcTime, nullable=False, default=now),
)
flag = sql.Table(
    "flag",  # what a person should look at
    tables,
    _key(),
    _refer("party"),
    _refer("handin", nullable=True),
    _refer("run", nullable=True),
    sql.Column("kind", AnyText, nullable=False),
    sql.Column("text", AnyText, nullable=False),
    sql.Column("raised_at", UtcTime, nullable=False, default=now),
    sql.Column("settled_at", UtcTime),
)
export = sql.Table(
    "export",  # what was given to a platform, and when
    tables,
    _key(),
    sql.Column("platform", AnyText, nullable=False),
    sql.Column("path", AnyText, nullable=False),
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
