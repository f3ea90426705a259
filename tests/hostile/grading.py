"""Grades a notebook on the small homework, and looks at everything that comes of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import nbformat
from cases import FOLDER, Case
from homework.checks import CHECKS, KEY
from msgspec.structs import replace

from grader import Failure, Submission
from grader.containment import Level
from grader.homework import read_homework
from grader.isolation import make_view
from grader.notebook import read_notebook
from grader.report import FAILED, PASSED, CheckResult, Report, format_notes, format_page, format_table

HOMEWORK = read_homework(FOLDER / "homework")
SEED = 11


@dataclass(frozen=True)
class Graded:
    """A report in all its forms, and what else came out of the kernel."""

    earned: tuple[str, ...]
    messages: tuple[str, ...]
    signs: tuple[str, ...]
    loot: str
    shown: str
    """All that a person or a machine gets to see: in the terminal, in results.json, on the page."""
    page: str
    printed: str

    @property
    def leaks(self) -> bool:
        return KEY["canary"] in self.shown + self.loot + self.printed


def grade(case: Case, targets: dict[str, str], folder: Path, level: Level) -> Graded:
    path = folder / "submission.ipynb"
    nbformat.write(case.make_notebook(targets), path)
    return grade_notebook(path, level, case.limits)


def grade_notebook(path: Path, level: Level, limits: dict[str, object] | None = None) -> Graded:
    homework = replace(HOMEWORK, kernel=replace(HOMEWORK.kernel, **(limits or {})))
    submission = Submission(
        read_notebook(path), homework, {}, execute_all=True, level=level, view=make_view((), HOMEWORK.folder)
    )
    report = Report(homework.title, homework.exercises, context={"isolation": level.value})
    try:
        for name, check in CHECKS.items():
            report.results.append(_decide(name, check, submission))
        loot = _read_loot(submission)
    finally:
        submission.close()
    report.context["tampering"] = submission.tampering
    printed = "".join(run.output + str(run.error or "") for run in submission._session.runs.values())
    return Graded(
        tuple(result.exercise for result in report.results if result.status == PASSED),
        tuple(result.message for result in report.results if result.status == FAILED),
        tuple(submission.tampering),
        loot,
        _show(report, level),
        format_page(report),
        printed,
    )


def _decide(name: str, check: Callable[[Submission, int], None], submission: Submission) -> CheckResult:
    try:
        check(submission, SEED)
    except Failure as failure:
        return CheckResult(name, check.__name__, 1.0, FAILED, str(failure), {"next": failure.advice})
    return CheckResult(name, check.__name__, 1.0, PASSED)


def _read_loot(submission: Submission) -> str:
    """What the submission says it got hold of; empty where it says nothing."""
    answer = submission._session.observe("read_value", {"name": "loot"}, 10.0)
    return str(answer.value) if answer.outcome == "ok" and answer.value else ""


def _show(report: Report, level: Level) -> str:
    results = json.dumps(report.to_results(), ensure_ascii=False)
    return "\n".join(
        [results, *format_table(report), *format_notes(report, level.value), format_page(report)]
    )
