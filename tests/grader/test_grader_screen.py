"""What a person at a terminal sees besides the table."""

from __future__ import annotations

import pytest

from grader.homework import Exercise
from grader.report import FAILED, MACHINE, CheckResult, Report
from grader.screen import describe_empty, describe_saving, format_failures

EXERCISE = Exercise("X1", "First", 1)


@pytest.mark.parametrize(
    ("age_s", "said"),
    [
        (-5, "just now."),
        (0.4, "just now."),
        (1, "1 second ago."),
        (59, "59 seconds ago."),
        (119, "1 minute ago."),
        (25 * 60, "25 minutes ago. If you have changed it since then, save it and check again."),
        (7200, "2 hours ago. If"),
        (3 * 86_400, "3 days ago. If"),
    ],
)
def test_it_is_said_when_a_notebook_was_saved(age_s: float, said: str) -> None:
    assert describe_saving("a.ipynb", age_s).startswith(f"a.ipynb, saved {said}")


def test_an_empty_notebook_may_only_not_have_been_saved() -> None:
    assert describe_empty("a.ipynb", is_handout=False).endswith(
        "If you have written some, save it and check again."
    )
    assert describe_empty("a.ipynb", is_handout=True).endswith("Work in a copy of it.")


def test_the_first_failure_is_told_and_the_others_counted() -> None:
    report = Report("", [EXERCISE], [CheckResult("X1", "n", 0, FAILED, f"Seen {n}.") for n in range(3)])

    assert list(format_failures(report, EXERCISE, shows_all=False)) == [
        "X1 (First)",
        "Seen 0.",
        "",
        "2 more checks of X1 failed; -v shows them.",
        "",
    ]
    assert "Seen 2." in list(format_failures(report, EXERCISE, shows_all=True))


def test_what_was_not_reached_and_what_is_empty_is_no_failure() -> None:
    not_reached = CheckResult("X1", "n", 0, MACHINE, "Not reached.", {"not_reached": True})
    report = Report("", [EXERCISE], [not_reached])
    empty = Report("", [EXERCISE], [CheckResult("X1", "n", 0, FAILED, "Empty.")], untouched={"X1"})

    assert list(format_failures(report, EXERCISE, shows_all=True)) == []
    assert list(format_failures(empty, EXERCISE, shows_all=True)) == []
