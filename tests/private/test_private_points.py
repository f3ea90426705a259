"""The checks of both parts and what is graded by hand are worth what the homework says."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from grader.homework import Exercise, read_homework

KIT = Path(__file__).parents[2]
EXERCISES = read_homework(KIT).exercises

COLLECT = """
import json, pytest

class Noting:
    def pytest_collection_finish(self, session):
        markers = [item.get_closest_marker("exercise") for item in session.items]
        print("MARKERS" + json.dumps([marker and [marker.args[0], marker.kwargs.get("points", 0)] for marker in markers]))

raise SystemExit(pytest.main(["--collect-only", "-q", "-p", "no:cacheprovider", FOLDER], plugins=[Noting()]))
"""


def list_markers(folder: str) -> list[tuple[str, float] | None]:
    """The exercise and the points of each check of a folder."""
    command = [sys.executable, "-c", COLLECT.replace("FOLDER", repr(folder))]
    ended = subprocess.run(command, cwd=KIT, capture_output=True, text=True, timeout=300, check=False)
    line = next((line for line in ended.stdout.splitlines() if line.startswith("MARKERS")), None)
    assert line is not None, ended.stdout + ended.stderr
    return [tuple(marker) if marker else None for marker in json.loads(line.removeprefix("MARKERS"))]


@pytest.fixture(scope="module")
def points() -> dict[str, float]:
    """For each exercise the points of its hidden checks."""
    total: defaultdict[str, float] = defaultdict(float)
    for marker in list_markers("private_tests"):
        assert marker is not None, "a hidden check belongs to no exercise"
        exercise, worth = marker
        assert worth > 0, f"a hidden check of {exercise} is worth nothing"
        total[exercise] += worth
    return total


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.id)
def test_checks_and_manual_items_add_up_to_the_exercise_s_points(
    points: dict[str, float], exercise: Exercise
) -> None:
    by_hand = sum(item.points for item in exercise.manual)

    assert points[exercise.id] + by_hand == pytest.approx(exercise.points, abs=1e-9)


def test_public_checks_give_no_points_and_belong_to_exercises() -> None:
    markers = list_markers("public_tests")

    assert {exercise.id for exercise in EXERCISES} <= {marker[0] for marker in markers if marker}
    assert all(marker is not None and marker[1] == 0 for marker in markers)
