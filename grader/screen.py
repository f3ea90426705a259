"""What a person at a terminal sees of a grading: failures first, then notes, and the closing table last, where the eye is."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from time import time

from . import display
from .grading import Grading
from .homework import Exercise
from .report import FAILED, MACHINE, CheckResult, Report, format_notes, format_table

_OLD_S = 600  # whoever checks a notebook that was saved before that may have forgotten to save it
_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


def format_screen(grading: Grading, width: int, shows_all: bool) -> Iterator[str]:
    """The lines to show.

    shows_all: also an exercise's further failures, and how it was graded; both are shown in any case where points are counted
    """
    report = grading.report
    shows_all |= report.max_score > 0
    for exercise in report.graded:
        yield from format_failures(report, exercise, shows_all)
    notes = [*format_notes(report, grading.level.value if shows_all else ""), *grading.unwritten]
    yield from [*notes, ""] if notes else notes
    yield f" {display.plain(report.title, one_line=True)} ".center(width, "=")
    if grading.saved is not None:
        name = report.context["submission"]
        if all(exercise.id in report.untouched for exercise in report.graded):
            told = describe_empty(name, is_handout=_is_handout(grading))
        else:
            told = describe_saving(name, time() - grading.saved)
        yield from textwrap.wrap(told, width)
    yield from format_table(report, width)


def format_failures(report: Report, exercise: Exercise, shows_all: bool) -> Iterator[str]:
    """An exercise's failures, each below the exercise's name: the first one and how many more there are, or all of them."""
    failures = list_failures(report, exercise)
    told = failures if shows_all else failures[:1]
    for failure in told:
        yield from (
            f"{exercise.id} ({exercise.title})",
            *display.plain(failure.extra.get("instructor", failure.message)).split("\n"),
            "",
        )
    if more := len(failures) - len(told):
        yield (
            f"{more} more checks of {exercise.id} failed; -v shows them."
            if more > 1
            else (f"1 more check of {exercise.id} failed; -v shows it.")
        )
        yield ""


def list_failures(report: Report, exercise: Exercise) -> list[CheckResult]:
    """An exercise's checks that failed, without those that were not reached, and none of one that nobody has begun."""
    if exercise.id in report.untouched:
        return []
    return [
        result
        for result in report.list_of(exercise)
        if result.status in (FAILED, MACHINE) and not result.extra.get("not_reached")
    ]


def _is_handout(grading: Grading) -> bool:
    """Whether the notebook is the very file that answers are compared with, as in the kit, where students' bundles have two."""
    given = grading.homework.find_given(grading.homework.handout_file)
    return grading.notebook is not None and grading.notebook.path.samefile(given)


def describe_empty(name: str, *, is_handout: bool) -> str:
    """Why no answer may have been found in a notebook."""
    shown = display.plain(name, one_line=True)
    if is_handout:
        return f"{shown} is the handout itself, with which answers are compared. Work in a copy of it."
    return f"{shown}, as it is saved, has no answers yet. If you have written some, save it and check again."


def describe_saving(name: str, age_s: float) -> str:
    """When what is checked was saved, and what to do if that is long ago."""
    unit, size = next(((unit, size) for unit, size in _UNITS if age_s >= size), _UNITS[-1])
    count = int(age_s // size)
    ago = f"{count} {unit}{'s' * (count != 1)} ago" if count > 0 else "just now"
    advice = " If you have changed it since then, save it and check again." if age_s >= _OLD_S else ""
    return f"{display.plain(name, one_line=True)}, saved {ago}.{advice}"
