"""Standings of a made-up cohort, as the gradebook gives them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from grader.desk.cohort import Member
from grader.desk.gradebook import (
    GRADED,
    ExerciseStanding,
    FlagEntry,
    HandInEntry,
    MarkEntry,
    PartyStanding,
    ResultEntry,
    RunEntry,
)
from grader.homework import Homework, read_homework
from grader.new import TEMPLATE

HOMEWORK: Homework = read_homework(TEMPLATE)  # R1: 2 points; R2: 2 points, 1 of them by hand
NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
PARTS = {"seen": "A mean is 3.", "expected": "the mean of all values", "next": "divide by their number."}


def make_result(
    exercise: str,
    outcome: str = "passed",
    score: float = 1,
    most: float = 1,
    name: str = "it works",
    **facts: Any,
) -> ResultEntry:
    message = PARTS if outcome in ("failed", "machine") else {}
    return ResultEntry(
        exercise, "test_it", name, outcome, score, most, "", {**message, "outcome": outcome, **facts}
    )


def make_run(
    *results: ResultEntry, number: int = 1, status: str = GRADED, reason: str = "", **facts: Any
) -> RunEntry:
    started = NOON + timedelta(hours=number)
    return RunEntry(
        number, 1, status, reason, None, "f00d", 99887766, Path("run"), started, 41.5, facts, results
    )


def make_party(
    number: int = 1,
    *runs: RunEntry,
    marks: dict[tuple[str, str], MarkEntry] | None = None,
    flags: tuple[FlagEntry, ...] = (),
    label: str = "",
    homework: Homework = HOMEWORK,
) -> PartyStanding:
    exercises = tuple(
        ExerciseStanding(
            each,
            next((run for run in reversed(runs) if run.decides(each.id)), None),
            {item: mark for (exercise, item), mark in (marks or {}).items() if exercise == each.id},
        )
        for each in homework.exercises
    )
    handin = HandInEntry(number, "ab" * 32, f"origin-{number}", ("hw.ipynb",), (), NOON, None, Path("hw.zip"))
    name = label or f"Student {number}"
    members = (Member(str(number), name, f"login{number}"),)
    return PartyStanding(
        number, "folder", str(number), name, False, members, handin if runs else None, runs, exercises, flags
    )


def make_mark(exercise: str, item: str, points: float, comment: str = "Well put.") -> MarkEntry:
    return MarkEntry(1, exercise, item, points, comment, "grader-anna", NOON, 1)


def make_flag(kind: str, text: str, settled: bool = False) -> FlagEntry:
    return FlagEntry(1, kind, text, NOON, NOON if settled else None, 1)


def make_cohort(count: int, homework: Homework = HOMEWORK) -> list[PartyStanding]:
    """Parties of which every second fails a check, as a grading of this homework gives them."""
    parties = []
    for number in range(1, count + 1):
        results = [
            result
            for exercise in homework.exercises
            for result in (
                *(
                    make_result(
                        exercise.id,
                        "failed" if (number + index) % 2 else "passed",
                        0 if (number + index) % 2 else 0.25,
                        0.25,
                        name=f"check {index}",
                        cause="means-summed",
                    )
                    for index in range(4)
                ),
                *(
                    make_result(exercise.id, "manual", 0, item.points, item.name, answer="Because.")
                    for item in exercise.manual
                ),
            )
        ]
        code = {exercise.id: [("the cell tagged 'x'", "x = 1\n" * 30)] for exercise in homework.exercises}
        parties.append(make_party(number, make_run(*results, code=code), homework=homework))
    return parties
