"""What another run of the same hand-in changed: whose score, by what, and by which check."""

from __future__ import annotations

import math
from collections.abc import Iterator

import sqlalchemy as sql

from .. import display
from ..report import format_points
from .gradebook import Gradebook, GradebookError, ResultEntry, RunEntry, read_run, schema
from .outcome import INTERRUPTED


def describe_changes(name: str, before: RunEntry, after: RunEntry) -> Iterator[str]:
    """Lines for a person; none if nothing changed in the exercises that both runs graded."""
    shared = [each for each in _list_exercises(before, after) if before.covers(each) and after.covers(each)]
    lines = [line for each in shared for line in _describe_exercise(each, before, after)]
    if before.status != after.status:
        lines.insert(
            0, f"  {before.status} → {after.status}. {display.plain(after.reason, one_line=True)}".rstrip()
        )
    if lines:
        old, new = (_add(run, shared) for run in (before, after))
        yield f"{display.plain(name, one_line=True)}: {_format_step(old, new)}"
        yield from lines


def _list_exercises(before: RunEntry, after: RunEntry) -> list[str]:
    return list(dict.fromkeys(result.exercise for run in (before, after) for result in run.results))


def _describe_exercise(exercise: str, before: RunEntry, after: RunEntry) -> Iterator[str]:
    old, new = ({(each.check, each.name): each for each in run.list_of(exercise)} for run in (before, after))
    changed = [key for key in dict.fromkeys([*old, *new]) if _differ(old.get(key), new.get(key))]
    if not changed:
        return
    yield f"  {exercise}: {_format_step(_add(before, [exercise]), _add(after, [exercise]))}"
    for key in changed:
        yield f"    {display.plain(key[1], one_line=True)}: {_describe_end(old.get(key))} → {_describe_end(new.get(key))}"


def _differ(old: ResultEntry | None, new: ResultEntry | None) -> bool:
    return old is None or new is None or (old.outcome, old.score) != (new.outcome, new.score)


def _describe_end(result: ResultEntry | None) -> str:
    return (
        "not there"
        if result is None
        else f"{result.outcome} ({format_points(result.score)} of {format_points(result.max_score)})"
    )


def _add(run: RunEntry, exercises: list[str]) -> float:
    return math.fsum(each.score for each in run.results if each.exercise in exercises)


def _format_step(old: float, new: float) -> str:
    if math.isclose(old, new, abs_tol=1e-6):
        return f"{format_points(new)} as before"
    sign = "+" if new > old else "−"
    return f"{format_points(old)} → {format_points(new)} ({sign}{format_points(abs(new - old))})"


def describe_pair(book: Gradebook, first: int, second: int) -> list[str]:
    """What differs between two runs. Raises GradebookError if there is no such run, or they are of different hand-ins."""
    runs = []
    for number in (first, second):
        run = read_run(book, number)
        if run is None:
            raise GradebookError(
                f"There is no run {number}; without numbers, the last two of each hand-in are compared."
            )
        runs.append(run)
    if runs[0].handin != runs[1].handin:
        raise GradebookError(f"Runs {first} and {second} are of different hand-ins; name two of the same.")
    [(_, name)] = [each for each in _list_handins(book) if each[0] == runs[0].handin]
    return list(describe_changes(name, *runs)) or [f"{name}: nothing changed."]


def describe_last_changes(book: Gradebook) -> list[str]:
    """What the latest run of each hand-in changed against the one before."""
    lines: list[str] = []
    compared = 0
    for handin, name in _list_handins(book):
        with book.read() as connection:
            query = (
                sql.select(schema.run.c.id)
                .where(schema.run.c.handin_id == handin, schema.run.c.status != INTERRUPTED)
                .order_by(schema.run.c.id.desc())
                .limit(2)
            )
            found = list(connection.scalars(query))
        if len(found) == 2:
            after, before = (read_run(book, each) for each in found)
            assert before is not None
            assert after is not None
            compared += 1
            lines += describe_changes(name, before, after)
    changed = sum(not line.startswith(" ") for line in lines)
    noun = "hand-in was" if compared == 1 else "hand-ins were"
    return [*lines, f"{compared} {noun} graded more than once; {changed} changed."]


def _list_handins(book: Gradebook) -> list[tuple[int, str]]:
    query = (
        sql.select(schema.handin.c.id, schema.party.c.label, schema.party.c.key)
        .join(schema.party)
        .order_by(schema.handin.c.id)
    )
    with book.read() as connection:
        return [(row.id, f"{row.label} ({row.key})") for row in connection.execute(query)]
