"""The pages on one party: the instructor's, with all that is known, and the one that goes back to the party.

Both are made of the results that count. The page that goes back takes from them only what `grader.pages` shows to students; facts of a run are
chosen here by name, so that nothing of the grading reaches it unnoticed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...homework import Homework
from ...pages import Audience, describe_submission, format_submission, render
from ..gradebook import (
    GRADED,
    UNREADABLE,
    WHOLE,
    ExerciseStanding,
    MarkEntry,
    PartyStanding,
    ResultEntry,
    RunEntry,
)
from .cohort_statistics import list_shown

STUDENT_FACTS = ("dataset", "python", "handed_in", "passed_over", "untouched")
UNFINISHED = "Grading is not finished: what is missing is not your work, and you need not do anything."


@dataclass(frozen=True)
class Menu:
    """Where a page stands among the others: titles and addresses of the parties before and after this one.

    forms: those of the pages on which points are given, where there is somebody to take them
    """

    before: tuple[str, str] | None = None
    after: tuple[str, str] | None = None
    forms: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class HistoryLine:
    """A run of the hand-in, and what it changed."""

    run: RunEntry
    score: float
    changes: Sequence[str]


def format_feedback(party: PartyStanding, homework: Homework) -> str:
    """What the party gets to read."""
    return format_submission(to_results(party, homework, "student"), homework.exercises, "student")


def format_party(party: PartyStanding, homework: Homework, menu: Menu) -> str:
    """What instructors read."""
    values = describe_submission(to_results(party, homework, "instructor"), homework.exercises, "instructor")
    more = {"party": party, "menu": menu, "history": list_history(party), "here": ""}
    return render("party.html", package=__package__, **values, **more)


def to_results(party: PartyStanding, homework: Homework, audience: Audience) -> dict[str, Any]:
    """The results that count, with people's decisions, in the form of `results.json`."""
    run = party.latest_run
    facts = dict(run.facts) if run is not None else {}
    if audience == "student":
        facts = {name: facts[name] for name in STUDENT_FACTS if name in facts}
    runs = {each.exercise.id: own for each in party.exercises if (own := each.run or run) is not None}
    tests = [
        _to_test(result, each, audience) for each in party.exercises for result in list_shown(party, each)
    ]
    return {
        "output": homework.title,
        "score": party.score if party.score is not None else sum(each.score or 0 for each in party.exercises),
        "max_score": party.max_score,
        "tests": tests,
        "extra_data": {
            **facts,
            "submission": party.label,
            "notices": list(_list_notices(party, audience)),
            "set_by_hand": {
                each.exercise.id: {"points": mark.points, "comment": _describe_mark(mark, audience)}
                for each in party.exercises
                if (mark := each.marks.get(WHOLE)) is not None
            },
            "needs_instructor": [
                each.exercise.id
                for each in party.exercises
                if each.score is None or any(result.is_undecided for result in list_shown(party, each))
            ],
            **{
                name: {
                    exercise: own
                    for exercise, run in runs.items()
                    if (own := run.facts.get(name, {}).get(exercise))
                }
                for name in ("figures", "code")
            },
        },
    }


def _to_test(result: ResultEntry, standing: ExerciseStanding, audience: Audience) -> dict[str, Any]:
    mark = standing.marks.get(result.name) if result.outcome == "manual" else None
    comment = {"comment": _describe_mark(mark, audience)} if mark is not None else {}
    return {
        "number": result.exercise,
        "name": result.name,
        "score": mark.points if mark is not None else result.score,
        "max_score": result.max_score,
        "output": result.output,
        "extra_data": {**result.facts, "outcome": result.outcome, **comment},
    }


def _describe_mark(mark: MarkEntry, audience: Audience) -> str:
    """A person's comment; for instructors with who has written it and when."""
    words = mark.comment if mark.item != WHOLE else f"The points were set by hand. {mark.comment}".strip()
    return (
        words
        if audience == "student"
        else f"{words} ({mark.author or 'unknown'}, {mark.made_at:%Y-%m-%d %H:%M} UTC)".strip()
    )


def _list_notices(party: PartyStanding, audience: Audience) -> list[str]:
    run, notices = party.latest_run, []
    if party.lateness is not None:
        notices.append(
            f"{party.lateness.sentence} Taken off: {party.deduction:g} points."
            if party.deduction
            else party.lateness.sentence
        )
    if run is not None and run.status == UNREADABLE:
        notices.append(run.reason)
    elif run is None or run.status != GRADED:
        notices.append(
            UNFINISHED
            if audience == "student"
            else f"{party.status}: {run.reason if run else 'not graded yet'}"
        )
    awaited = [f"{each.exercise.id} {item}" for each in party.exercises for item in each.awaited]
    if awaited:
        notices.append(f"Still to be graded by hand, and not in the points yet: {', '.join(awaited)}.")
    return [notice for notice in notices if notice]


def list_history(party: PartyStanding) -> list[HistoryLine]:
    """The runs of the hand-in, the latest first, each with what has changed since the one before."""
    known: dict[tuple[str, str], ResultEntry] = {}
    lines = []
    for run in party.runs:
        changes = []
        for result in run.results:
            before = known.get((result.exercise, result.name))
            if before is not None and (before.outcome, before.score) != (result.outcome, result.score):
                was, now = (f"{each.outcome}, {each.score:g} points" for each in (before, result))
                changes.append(f"{result.exercise} {result.name}: {was}, became {now}")
            known[result.exercise, result.name] = result
        lines.append(HistoryLine(run, round(sum(each.score for each in run.results), 6), changes))
    return lines[::-1]
