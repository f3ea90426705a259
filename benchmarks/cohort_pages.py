"""How the time of building a cohort's pages grows with the cohort: `python benchmarks/cohort_pages.py [PARTIES]`.

Twenty times as many parties should take at most twenty times as long, and the page with all of them should stay within 1.5 MB.
"""

from __future__ import annotations

import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

from grader.desk.cohort import Member
from grader.desk.gradebook import GRADED, ExerciseStanding, HandInEntry, PartyStanding, ResultEntry, RunEntry
from grader.desk.pages import build_site
from grader.homework import Exercise, Homework, read_homework

BASELINE = 25  # parties
GOAL_MB = 1.5
CHECKS = 6  # of an exercise
NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
MESSAGE = {
    "seen": "After round 2 the weights of the server differ from what the clients' messages give.",
    "expected": "the mean of the clients' weights, each by its number of samples",
    "next": "divide by the number of all samples in the cell that is tagged for it.",
    "cause": "samples-ignored",
}


def make_results(exercise: Exercise, number: int) -> list[ResultEntry]:
    points = exercise.points / CHECKS
    return [
        ResultEntry(exercise.id, "test_it", f"check {check}", "failed", 0.0, points, "", MESSAGE)
        if (check + number) % 3 == 0
        else ResultEntry(exercise.id, "test_it", f"check {check}", "passed", points, points, "", {})
        for check in range(CHECKS)
    ]


def make_party(homework: Homework, number: int) -> PartyStanding:
    results = [each for exercise in homework.exercises for each in make_results(exercise, number)]
    code = {
        each.id: [("the cell tagged 'x'", "weights = mean(weights)\n" * 60)] for each in homework.exercises
    }
    run = RunEntry(
        number, number, GRADED, "", None, "0", 1, Path(), NOON, 60.0, {"code": code}, tuple(results)
    )
    handin = HandInEntry(number, "0", f"origin-{number}", ("homework_1.ipynb",), (), NOON, None, Path())
    exercises = tuple(ExerciseStanding(each, run, {}) for each in homework.exercises)
    name = f"Student with the number {number}"
    members = (Member(str(number), name),)
    return PartyStanding(number, "folder", str(number), name, False, members, handin, (run,), exercises, ())


def measure(homework: Homework, count: int) -> tuple[float, float]:
    """Seconds, and the size in MB of the page with all parties."""
    parties = [make_party(homework, number) for number in range(1, count + 1)]
    with tempfile.TemporaryDirectory() as folder:
        start = perf_counter()
        build_site(parties, homework, Path(folder))
        seconds = perf_counter() - start
        return seconds, (Path(folder) / "report" / "index.html").stat().st_size / 1e6


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    homework = read_homework(Path(__file__).parents[1])
    measure(homework, 2)  # templates are compiled once
    (few_s, _), (many_s, size_mb) = measure(homework, BASELINE), measure(homework, count)
    ratio, goal = many_s / few_s, count / BASELINE
    print(
        f"{BASELINE} parties {few_s:.2f} s, {count} parties {many_s:.2f} s: {ratio:.1f} times, goal {goal:g}"
    )
    print(f"the page with all parties {size_mb:.2f} MB, goal {GOAL_MB}")
    sys.exit(ratio > goal or size_mb > GOAL_MB)


if __name__ == "__main__":
    main()
