"""Hostile and clumsy notebooks: what each must and must not bring about. `tox -e hostile` runs all, the default run a few."""

from __future__ import annotations

import re
from pathlib import Path
from time import monotonic

import pytest
from cases import EXERCISES, FOLDER, HONEST_CASE, Case, choose, contained, read_cases, slow
from grading import grade
from targets import State, look

from grader.containment import Level

CASES = [
    case
    for path in sorted((FOLDER / "notebooks").glob("*.toml"))
    for case in read_cases(Case, f"notebooks/{path.name}", family=path.stem)
]
# What drives a terminal or a reader's eye; tabs and line ends do not.
UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

pytestmark = contained


@pytest.mark.parametrize("case", choose(CASES))
def test_case_brings_about_what_it_may_and_no_more(
    case: Case, targets: dict[str, str], work: Path, clean: State, folder: Path
) -> None:
    start = monotonic()
    graded = grade(case, targets, work, Level.FULL)
    seconds = monotonic() - start

    assert not graded.leaks
    assert graded.loot == ""
    assert graded.earned == tuple(case.earns), "\n".join(graded.messages)
    assert not UNSAFE.search(graded.shown)
    assert not re.search("<(script|img)", graded.page)
    assert matches(case.says, graded.messages), graded.messages
    assert matches(case.signs, graded.signs), graded.signs
    assert seconds < case.limit_s
    assert look(folder) == clean


def matches(pattern: str, lines: tuple[str, ...]) -> bool:
    return not pattern or any(re.search(pattern, line) for line in lines)


@slow
@pytest.mark.parametrize("case", choose(case for case in CASES if case.works_uncontained))
def test_without_containment_the_case_gets_at_the_secret(
    case: Case, targets: dict[str, str], work: Path
) -> None:
    """A case that passes on an open machine as well proves nothing."""
    assert grade(case, targets, work, Level.NONE).loot


@slow
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
