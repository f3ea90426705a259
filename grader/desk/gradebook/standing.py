"""What the gradebook comes to: for each party and exercise the run that counts, what checks gave, what people gave, and the score.

The score of an exercise is what the latest complete run of the party's last hand-in gave, plus marks. It is computed here, whenever it is asked
for. It is None, never 0, while nobody knows it: before the first run, and after runs that failed through no fault of the party.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sql

from ...homework import Exercise, Homework
from ..cohort import Member
from ..configuration import read_configuration
from ..late import Lateness, judge_lateness
from ..outcome import GRADED, INTERRUPTED, UNREADABLE
from . import schema
from .ledger import Gradebook

WHOLE = ""
"""The item of a mark that stands for all that the checks of an exercise give."""
_UNDECIDED = ("machine", "broken")  # outcomes of a check that say nothing of the submission


@dataclass(frozen=True)
class ResultEntry:
    """What one check gave; `facts` is the `extra_data` of results.json's entry."""

    exercise: str
    check: str
    name: str
    outcome: str
    score: float
    max_score: float
    output: str
    facts: Mapping[str, Any]

    @property
    def answer(self) -> str:
        """The text that a person grades."""
        return str(self.facts.get("answer", ""))

    @property
    def is_awaited(self) -> bool:
        """Whether only a person can say what it is worth; where nothing was written, that is known."""
        return self.outcome == "manual" and self.max_score > 0 and not self.facts.get("is_missing")

    @property
    def is_undecided(self) -> bool:
        """Whether it could not be checked here, and points depend on it."""
        return self.outcome in _UNDECIDED and self.max_score > 0


@dataclass(frozen=True)
class RunEntry:
    """One grading of a hand-in.

    folder: of its results.json and log; exercises: None for all
    facts: the `extra_data` of results.json as a whole, without figures and code, which stand in the file
    """

    id: int
    handin: int
    status: str
    reason: str
    exercises: tuple[str, ...] | None
    suite: str
    grading_seed: int | None
    folder: Path
    started_at: datetime
    seconds: float
    facts: Mapping[str, Any]
    results: tuple[ResultEntry, ...]

    def covers(self, exercise: str) -> bool:
        """Whether this exercise was to be graded."""
        return self.exercises is None or exercise in self.exercises

    def list_of(self, exercise: str) -> tuple[ResultEntry, ...]:
        return tuple(each for each in self.results if each.exercise == exercise)

    def decides(self, exercise: str) -> bool:
        """Whether it says what this exercise is worth; without results it does so only if nothing of the exercise was handed in."""
        if not self.covers(exercise) or self.status == INTERRUPTED:
            return False
        results = self.list_of(exercise)
        if any(each.is_undecided for each in results):
            return False
        return bool(results) or self.status in (GRADED, UNREADABLE)


@dataclass(frozen=True)
class MarkEntry:
    """A person's decision on an item of an exercise that is graded by hand, or, if `item` is empty, on all that its checks give."""

    id: int
    exercise: str
    item: str
    points: float
    comment: str
    author: str
    made_at: datetime
    handin: int | None


@dataclass(frozen=True)
class FlagEntry:
    """What a person should look at, or has."""

    id: int
    kind: str
    text: str
    raised_at: datetime
    settled_at: datetime | None
    handin: int | None


@dataclass(frozen=True)
class HandInEntry:
    """What a party handed in last; `path` is where it lies, as a zip."""

    id: int
    hash: str
    origin: str
    files: tuple[str, ...]
    notes: tuple[str, ...]
    handed_in_at: datetime | None
    is_late: bool | None
    path: Path


@dataclass(frozen=True)
class ExerciseStanding:
    """What a party has for an exercise.

    run: the latest run that says what it is worth; marks: by item, the last one
    outdated: the items of marks that were given on another text than the present one, or on the checks of another hand-in
    """

    exercise: Exercise
    run: RunEntry | None
    marks: Mapping[str, MarkEntry]
    outdated: tuple[str, ...] = ()

    @property
    def results(self) -> tuple[ResultEntry, ...]:
        """All entries of the report, those that are graded by hand included."""
        return self.run.list_of(self.exercise.id) if self.run is not None else ()

    @property
    def automatic(self) -> float | None:
        """The points that checks gave, or a person in their place; None if nobody knows."""
        if WHOLE in self.marks:
            return self.marks[WHOLE].points
        return None if self.run is None else _add(each.score for each in self.results)

    @property
    def by_hand(self) -> float:
        """The points that people gave so far for what is graded by hand."""
        items = {item.name for item in self.exercise.manual}
        return _add(mark.points for item, mark in self.marks.items() if item in items)

    @property
    def score(self) -> float | None:
        return None if self.automatic is None else _add([self.automatic, self.by_hand])

    @property
    def max_score(self) -> float:
        return self.exercise.points

    @property
    def awaited(self) -> tuple[str, ...]:
        """The items that are still to be graded by hand: of what was handed in, those without a mark."""
        return tuple(each.name for each in self.results if each.is_awaited and each.name not in self.marks)


@dataclass(frozen=True)
class PartyStanding:
    """A party, what it handed in last, and what that is worth.

    runs: of that hand-in, oldest first; lateness: what it costs that it was late
    """

    id: int
    platform: str
    key: str
    label: str
    is_team: bool
    members: tuple[Member, ...]
    handin: HandInEntry | None
    runs: tuple[RunEntry, ...]
    exercises: tuple[ExerciseStanding, ...]
    flags: tuple[FlagEntry, ...]
    lateness: Lateness | None = None

    @property
    def latest_run(self) -> RunEntry | None:
        return self.runs[-1] if self.runs else None

    @property
    def status(self) -> str:
        """`absent` if nothing was handed in, `waiting` before the first run, else how the latest run ended."""
        if self.handin is None:
            return "absent"
        return self.runs[-1].status if self.runs else "waiting"

    @property
    def earned(self) -> float | None:
        """The sum of the exercises; None if what any of them is worth is not known."""
        scores = [each.score for each in self.exercises]
        known = [score for score in scores if score is not None]
        return _add(known) if len(known) == len(scores) else None

    @property
    def deduction(self) -> float:
        """The points that are taken because the hand-in was late."""
        return (
            self.lateness.deduct(self.earned) if self.lateness is not None and self.earned is not None else 0
        )

    @property
    def score(self) -> float | None:
        """What was earned, less what lateness costs."""
        return None if self.earned is None else _add([self.earned, -self.deduction])

    @property
    def max_score(self) -> float:
        return _add(each.max_score for each in self.exercises)


def read_standings(book: Gradebook, homework: Homework) -> list[PartyStanding]:
    """All parties in the order in which they were enrolled, each with its last hand-in, that one's runs, marks, flags and scores.

    The rule about late hand-ins is that of `grader.toml`. Raises ConfigurationError if that can't be read.

    For example, the points of everyone:

        with open_gradebook(folder) as book:
            for party in read_standings(book, read_homework(find_homework())):
                print(party.label, party.status, party.score, [(each.exercise.id, each.score) for each in party.exercises])
    """
    configuration = read_configuration(book.folder)
    with book.read() as connection:
        parties = connection.execute(sql.select(schema.party).order_by(schema.party.c.id)).all()
        members = _read_members(connection)
        handins = _read_hand_ins(connection, book)
        runs = _read_runs(connection, book, [each.id for each in handins.values()])
        marks = _read_marks(connection)
        flags = _read_flags(connection)
        earlier = _read_earlier_answers(connection)
    return [
        PartyStanding(
            id=row.id,
            platform=row.platform,
            key=row.key,
            label=row.label,
            is_team=row.is_team,
            members=tuple(members[row.id]),
            handin=(handin := handins.get(row.id)),
            runs=tuple(own := runs[handin.id] if handin is not None else []),
            exercises=tuple(
                _stand(each, own, marks[row.id, each.id], handin, earlier) for each in homework.exercises
            ),
            flags=tuple(flags[row.id]),
            lateness=None
            if handin is None
            else judge_lateness(row.key, handin.handed_in_at, handin.is_late, configuration),
        )
        for row in parties
    ]


Answers = Mapping[tuple[int, str, str], str]
"""By hand-in, exercise and item."""


def _stand(
    exercise: Exercise,
    runs: Sequence[RunEntry],
    marks: Mapping[str, MarkEntry],
    handin: HandInEntry | None,
    earlier: Answers,
) -> ExerciseStanding:
    run = next((run for run in reversed(runs) if run.decides(exercise.id)), None)
    standing = ExerciseStanding(exercise, run, marks)
    present = {each.name: each.answer for each in standing.results}
    outdated = tuple(
        item
        for item, mark in marks.items()
        if run is not None
        and handin is not None
        and mark.handin not in (None, handin.id)
        and (item == WHOLE or earlier.get((mark.handin, exercise.id, item)) != present.get(item))
    )
    return replace(standing, outdated=outdated)


def _read_earlier_answers(connection: sql.Connection) -> Answers:
    """The texts of hand-ins that were replaced after somebody had given points for them."""
    result, run = schema.result, schema.run
    marked = sql.select(schema.mark.c.handin_id).where(
        schema.mark.c.handin_id.not_in(sql.select(last_handins()))
    )
    query = (
        sql.select(run.c.handin_id, result.c.exercise, result.c.name, result.c.facts)
        .join(run)
        .where(run.c.handin_id.in_(marked), result.c.outcome == "manual")
        .order_by(result.c.id)
    )
    return {
        (handin, exercise, name): str(facts.get("answer", ""))
        for handin, exercise, name, facts in connection.execute(query)
    }


def _read_members(connection: sql.Connection) -> dict[int, list[Member]]:
    query = (
        sql.select(schema.member.c.party_id, schema.student)
        .join(schema.student)
        .order_by(schema.member.c.party_id, schema.student.c.id)
    )
    members = defaultdict(list)
    for row in connection.execute(query):
        members[row.party_id].append(Member(row.key, row.name, row.login, row.email))
    return members


def last_handins() -> sql.Subquery:
    """The last hand-in of each party, as `id`."""
    table = schema.handin
    return sql.select(sql.func.max(table.c.id).label("id")).group_by(table.c.party_id).subquery()


def _read_hand_ins(connection: sql.Connection, book: Gradebook) -> dict[int, HandInEntry]:
    """By party, the last one."""
    last = last_handins()
    rows = connection.execute(sql.select(schema.handin).join(last, last.c.id == schema.handin.c.id))
    return {
        row.party_id: HandInEntry(
            row.id,
            row.hash,
            row.origin,
            tuple(row.files),
            tuple(row.notes),
            row.handed_in_at,
            row.is_late,
            book.vault.find(row.hash),
        )
        for row in rows
    }


def _read_runs(
    connection: sql.Connection, book: Gradebook, handins: Sequence[int]
) -> dict[int, list[RunEntry]]:
    """By hand-in, oldest first."""
    last = last_handins()
    wanted = set(handins)
    results = defaultdict(list)
    query = (
        sql.select(schema.result)
        .join(schema.run)
        .join(last, last.c.id == schema.run.c.handin_id)
        .order_by(schema.result.c.id)
    )
    for row in connection.execute(query):
        results[row.run_id].append(_to_result(row))
    runs = defaultdict(list)
    for row in connection.execute(
        sql.select(schema.run).join(last, last.c.id == schema.run.c.handin_id).order_by(schema.run.c.id)
    ):
        if row.handin_id in wanted:
            runs[row.handin_id].append(_to_run(row, book.folder, results[row.id]))
    return runs


def read_run(book: Gradebook, run_id: int) -> RunEntry | None:
    """One run with its results."""
    with book.read() as connection:
        row = connection.execute(sql.select(schema.run).where(schema.run.c.id == run_id)).one_or_none()
        query = sql.select(schema.result).where(schema.result.c.run_id == run_id).order_by(schema.result.c.id)
        results = [_to_result(each) for each in connection.execute(query)]
    return None if row is None else _to_run(row, book.folder, results)


def _to_result(row: Any) -> ResultEntry:
    return ResultEntry(
        row.exercise,
        row.check_id,
        row.name,
        row.outcome,
        row.score,
        row.max_score,
        row.output,
        row.facts,
    )


def _to_run(row: Any, folder: Path, results: Iterable[ResultEntry]) -> RunEntry:
    return RunEntry(
        id=row.id,
        handin=row.handin_id,
        status=row.status,
        reason=row.reason,
        exercises=None if row.exercises is None else tuple(row.exercises),
        suite=row.suite,
        grading_seed=row.grading_seed,
        folder=folder / row.folder,
        started_at=row.started_at,
        seconds=row.seconds,
        facts=row.facts,
        results=tuple(results),
    )


def _read_marks(connection: sql.Connection) -> dict[tuple[int, str], dict[str, MarkEntry]]:
    """By party and exercise, the last mark on each item, unless it was taken back."""
    marks: dict[tuple[int, str], dict[str, MarkEntry]] = defaultdict(dict)
    for row in connection.execute(sql.select(schema.mark).order_by(schema.mark.c.id)):
        items = marks[row.party_id, row.exercise]
        items.pop(row.item, None)
        if row.points is not None:
            items[row.item] = MarkEntry(
                row.id,
                row.exercise,
                row.item,
                row.points,
                row.comment,
                row.author,
                row.made_at,
                row.handin_id,
            )
    return marks


def _read_flags(connection: sql.Connection) -> dict[int, list[FlagEntry]]:
    flags = defaultdict(list)
    for row in connection.execute(sql.select(schema.flag).order_by(schema.flag.c.id)):
        flags[row.party_id].append(
            FlagEntry(row.id, row.kind, row.text, row.raised_at, row.settled_at, row.handin_id)
        )
    return flags


def _add(values: Iterable[float]) -> float:
    """A sum in which three thirds are one."""
    return round(math.fsum(values), 6)
