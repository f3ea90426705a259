"""Golden submissions of part B: each folder of `tests/cases/part_b` is one, with the report that it must get.

A case is data. `case.toml` says what is changed in the solution's scripts and what grading must give:

    what = "The loss is not divided by the number of micro-batches."
    exercise = "B1"
    fails = ["gradients"]                       # the checks that fail, by the names of their tests; all others pass or aren't reached
    says = ["3 times that of the whole batch"]  # each stands in the message of a failed check
    [[change]]
    old = " / MICRO_BATCHES"                    # stands once in the exercise's scripts
    new = ""

Files beside `case.toml` take the place of the solution's. Further keys are the fields of `Case`. Stages are made
small, for which LAB_PART_B names another table of limits.

GOLDEN=all grades every case, which takes an hour on two cores; else the quick ones are graded.
"""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import pytest
from golden import KIT, GoldenCase, make_changes, read_cases

import launch
from grader import Failure, NotReached
from grader.homework import read_homework
from grader.intake import open_hand_in
from grader.scripts import Scripts, expect
from private_tests.part_b import test_b1, test_b2
from public_tests.part_b.comparison import compare
from public_tests.part_b.contract import read_contract
from public_tests.part_b.trial import run_trial

TESTS = {"B1": test_b1, "B2": test_b2}
SMALL = {
    "SEQ_L = 256": "SEQ_L = 16",
    "DMODEL = 288": "DMODEL = 24",
    "NUM_HEADS = 6": "NUM_HEADS = 2",
    "LAYERS_PER_STAGE = 2": "LAYERS_PER_STAGE = 1",
}
EXTENT = os.environ.get("GOLDEN", "")


@dataclass(frozen=True, kw_only=True)
class Case(GoldenCase):
    """A submission, and what grading it must give.

    others: whether checks besides `fails` may fail too, where a race decides what becomes of the run
    steps: asked of the script, in one run; 0 has grading draw two numbers and run it twice
    without: files that are not handed in
    like: the folder of the scripts that the case changes
    """

    exercise: str
    fails: Sequence[str] = ()
    without: Sequence[str] = ()
    like: str = "solutions"
    others: bool = False
    steps: int = 3


ALL = read_cases(Case, "part_b")
GRADED = [case for case in ALL if case.quick or EXTENT == "all"]


def make_submission(case: Case, folder: Path) -> None:
    """Write the exercise's scripts, small and with the case's mistake."""
    solution = [KIT / "solutions" / f"{case.exercise.lower()}{suffix}" for suffix in (".py", ".sh")]
    base = (KIT / case.like).glob(f"{case.exercise.lower()}.*")
    own = [file for file in case.folder.iterdir() if file.name != "case.toml"]
    texts = {file.name: file.read_text(encoding="utf-8") for file in [*solution, *base, *own]}
    for name, text in make_changes(texts, case.change).items():
        for old, new in SMALL.items():
            text = text.replace(old, new)
        if name not in case.without:
            (folder / name).write_text(text, encoding="utf-8")


def grade(case: Case, folder: Path) -> tuple[dict[str, str], tuple[str, ...]]:
    """The message of each failed check by its test's name, and the notes; checks are called as pytest would, in this process."""
    (folder / "submission").mkdir()
    make_submission(case, folder / "submission")
    expected = expect(read_homework(KIT))
    scripts = Scripts(open_hand_in(folder / "submission", folder / "taken", expected=expected))
    contract, steps = read_contract(case.exercise), case.steps or None
    trial = run_trial(scripts, contract, 1, steps, folder / "runs", lambda: nullcontext(launch.start_plainly))
    given = {"trial": trial, "comparison": compare(trial)}
    failed = {}
    for name, test in vars(TESTS[case.exercise]).items():
        if name.startswith("test_"):
            try:
                test(**{key: given[key] for key in inspect.signature(test).parameters})
            except NotReached:
                continue
            except Failure as failure:
                failed[name.removeprefix("test_")] = str(failure)
    return failed, (*trial.judgement, *trial.notes)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("LAB_PART_B", "small")
    read_contract.cache_clear()
    yield
    read_contract.cache_clear()


@pytest.mark.parametrize("case", GRADED, ids=lambda case: case.name)
def test_a_submission_fails_the_checks_that_it_must(case: Case, tmp_path: Path) -> None:
    failed, notes = grade(case, tmp_path)
    expected, shown = set(case.fails), json.dumps(failed, indent=1)
    assert expected <= set(failed) if case.others else expected == set(failed), shown
    assert case.find_unsaid([*failed.values(), *notes]) == [], shown + str(notes)


def test_the_command_gives_the_points(tmp_path: Path) -> None:
    """A missing scale loses the points of the gradients, and not all."""
    case = next(case for case in ALL if case.name == "b1-unscaled")
    make_submission(case, tmp_path)
    results = tmp_path / "results.json"
    command = [sys.executable, "-m", "grader", "grade", tmp_path, "--exercise", "B1", "--steps", "2"]
    command += ["--isolation", "none"]
    done = subprocess.run([*map(str, command), "--json", results], cwd=KIT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(results.read_text())
    assert (report["score"], report["max_score"]) == (4, 7)
    (manual,) = (test for test in report["tests"] if test["extra_data"].get("manual"))
    assert "Huang et al. 2019" in manual["extra_data"]["answer"]


def test_every_change_fits_the_solution(tmp_path: Path) -> None:
    for case in ALL:
        make_submission(case, tmp_path)


def test_there_are_cases_of_both_kinds() -> None:
    assert sum(bool(case.fails) for case in ALL) >= 25
    assert sum(not case.fails for case in ALL) >= 6
