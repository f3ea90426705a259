"""The checks of both parts and what is graded by hand are worth what the homework says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from grader.homework import Exercise, read_homework

KIT = Path(__file__).parents[2]
HOMEWORK = read_homework(KIT)
EXERCISES = HOMEWORK.exercises

COLLECT = """
import json, pytest

class Noting:
    def pytest_collection_finish(self, session):
        markers = [(item.get_closest_marker("exercise"), item.originalname) for item in session.items]
        print("MARKERS" + json.dumps([marker and [marker.args[0], marker.kwargs.get("points", 0), name] for marker, name in markers]))

raise SystemExit(pytest.main(["--collect-only", "-q", "-p", "no:cacheprovider", FOLDER], plugins=[Noting()]))
"""


Marker = tuple[str, float, str]


def list_markers(folder: str) -> list[Marker]:
    """The exercise, the points and the function of each check of a folder; every test there is a check."""
    command = [sys.executable, "-c", COLLECT.replace("FOLDER", repr(folder))]
    ended = subprocess.run(command, cwd=KIT, capture_output=True, text=True, timeout=300, check=False)
    line = next((line for line in ended.stdout.splitlines() if line.startswith("MARKERS")), None)
    assert line is not None, ended.stdout + ended.stderr
    markers = json.loads(line.removeprefix("MARKERS"))
    assert None not in markers, f"a check of {folder} belongs to no exercise"
    return [tuple(marker) for marker in markers]


@pytest.fixture(scope="module")
def hidden() -> list[Marker]:
    return list_markers("private_tests")


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.id)
def test_checks_and_manual_items_add_up_to_the_exercise_s_points(
    hidden: list[Marker], exercise: Exercise
) -> None:
    automatic = sum(points for name, points, _ in hidden if name == exercise.id)
    by_hand = sum(item.points for item in exercise.manual)

    assert automatic + by_hand == pytest.approx(exercise.points, abs=1e-9)


@pytest.mark.parametrize(("exercise_id", "column"), [("B1", 1), ("B2", 2)])
def test_the_handout_s_rubric_says_what_each_check_is_worth(
    hidden: list[Marker], exercise_id: str, column: int
) -> None:
    *_, last = HOMEWORK.handout.notebook.cells
    rubric = last.source.partition("| Points for | B1 | B2 |")[2].partition("| **Together**")[0]
    rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in rubric.splitlines()[2:]]
    by_hand = [item.points for item in HOMEWORK.find_exercise(exercise_id).manual]

    assert [float(row[column]) for row in rows if row[column]] == [
        *(points for name, points, _ in hidden if name == exercise_id and points),
        *by_hand,
    ]


def test_points_have_two_decimals_at_most(hidden: list[Marker]) -> None:
    assert [points for _, points, _ in hidden if round(points, 2) != points] == []


@pytest.mark.parametrize("exercise", [e for e in EXERCISES if e.gate], ids=lambda exercise: exercise.id)
def test_a_gate_is_a_check_of_its_exercise(hidden: list[Marker], exercise: Exercise) -> None:
    assert (exercise.id, exercise.gate) in {(name, function) for name, _, function in hidden}


def test_public_checks_give_no_points_and_belong_to_exercises() -> None:
    markers = list_markers("public_tests")

    assert {exercise.id for exercise in EXERCISES} <= {name for name, _, _ in markers}
    assert all(points == 0 for _, points, _ in markers)
