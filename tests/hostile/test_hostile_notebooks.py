"""Hostile and clumsy notebooks: what each must and must not bring about. `tox -e hostile` runs all, the default run a few."""

from __future__ import annotations

import os
import re
from pathlib import Path
from time import monotonic

import pytest
from cases import EXERCISES, HONEST_CASE, Case, read_cases
from grading import Graded, grade
from targets import State, look

from grader.containment import Level, probe

CASES = read_cases()
ALL = os.environ.get("HOSTILE", "") == "all"
# What drives a terminal or a reader's eye; tabs and line ends do not.
UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

pytestmark = pytest.mark.skipif(probe().level is not Level.FULL, reason="this machine does not contain fully")


def choose(cases: list[Case]) -> list[object]:
    skipped = pytest.mark.skip(reason="run by `tox -e hostile` (HOSTILE=all)")
    return [
        pytest.param(case, id=f"{case.family}: {case.name}", marks=[] if ALL or case.quick else [skipped])
        for case in cases
    ]


@pytest.mark.parametrize("case", choose(CASES))
def test_case_brings_about_what_it_may_and_no_more(
    case: Case, targets: dict[str, str], work: Path, clean: State, folder: Path
) -> None:
    start = monotonic()
    graded = grade(case, targets, work, Level.FULL)
    seconds = monotonic() - start

    assert not graded.leaks
    assert graded.loot == ""
    assert graded.earned == case.earns, "\n".join(graded.messages)
    assert not UNSAFE.search(graded.shown)
    assert not re.search("<(script|img)", graded.page)
    assert matches(case.says, graded.messages), graded.messages
    assert matches(case.signs, graded.signs), graded.signs
    assert seconds < case.limit_s
    assert look(folder) == clean


def matches(pattern: str, lines: tuple[str, ...]) -> bool:
    return not pattern or any(re.search(pattern, line) for line in lines)


@pytest.mark.parametrize("case", choose([case for case in CASES if case.works_uncontained]))
def test_without_containment_the_case_gets_at_the_secret(
    case: Case, targets: dict[str, str], work: Path
) -> None:
    """A case that passes on an open machine as well proves nothing."""
    if not ALL:
        pytest.skip("run by `tox -e hostile` (HOSTILE=all)")
    graded: Graded = grade(case, targets, work, Level.NONE)

    assert graded.loot


@pytest.mark.skipif(not ALL, reason="run by `tox -e hostile` (HOSTILE=all)")
@pytest.mark.parametrize("family", sorted({case.family for case in CASES}))
def test_an_honest_submission_gets_its_points_in_between(
    family: str, targets: dict[str, str], work: Path
) -> None:
    """The same points after the worst of each family."""
    worst = [case for case in CASES if case.family == family][-1]
    grade(worst, targets, work, Level.FULL)

    assert grade(HONEST_CASE, targets, work, Level.FULL).earned == EXERCISES


def test_cases_are_well_formed() -> None:
    assert len({(case.family, case.name) for case in CASES}) == len(CASES)
    for case in CASES:
        assert case.what.endswith("."), case.name
        assert set(case.earns) <= set(EXERCISES), case.name
