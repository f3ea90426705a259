"""Draws the pictures of `docs/desk.md` anew: `python tests/desk/pictures.py`. They show a made-up cohort; needs Chromium."""

from __future__ import annotations

import random
import sys
import tempfile
from pathlib import Path

KIT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(KIT), str(KIT / "tests"), str(KIT / "tests" / "desk")]

from browser import open_browser  # noqa: E402
from standings import make_flag, make_mark, make_party, make_result, make_run  # noqa: E402

from grader.desk.gradebook import PartyStanding, ResultEntry  # noqa: E402
from grader.desk.pages import build_site  # noqa: E402
from grader.homework import Exercise, Homework, read_homework  # noqa: E402

FOLDER = KIT / "docs" / "desk"
FIRST, LAST = ("Anna", "Ole", "Eva", "Dörte", "José"), ("Muster", "Rossi", "Müller", "Okafor")
NAMES = [f"{first} {last}" for first in FIRST for last in LAST]
# A check, and the mistake that fails it.
CHECKS = {
    "The messages are counted": {
        "cause": "messages-summed",
        "seen": "Row 2 has the message count 220.",
        "expected": "the count after the last round: RunResult counts cumulatively",
        "next": "take the last value of the list, `result.message_count[-1]`, in place of the sum of all.",
    },
    "The runs have the parameters of the call": {
        "cause": "runs-with-another-learning-rate",
        "seen": "Row 4 comes from a run with the learning rate 0.01.",
        "expected": "a run with the learning rate of the call",
        "next": "pass lr on to the servers.",
    },
    "There is a value for each round": {
        "cause": "curves-of-another-length",
        "seen": "Each curve has 10 values.",
        "expected": "as many values as nr_rounds says",
        "next": "pass nr_rounds on to run().",
    },
}


def make_results(exercise: Exercise, skill: float, rng: random.Random) -> list[ResultEntry]:
    points = (exercise.points - sum(item.points for item in exercise.manual)) / len(CHECKS)
    checks = [
        make_result(exercise.id, "passed", points, points, name)
        if rng.random() < skill
        else make_result(exercise.id, "failed", 0, points, name, **mistake)
        for name, mistake in CHECKS.items()
    ]
    answers = [
        make_result(exercise.id, "manual", 0, item.points, item.name, answer="Because η plays no part.")
        for item in exercise.manual
    ]
    return checks + answers


def make_cohort(homework: Homework) -> list[PartyStanding]:
    """Some are stronger than others, and of a few the explanations are still to be graded."""
    rng, parties = random.Random(3), []
    for number, name in enumerate(NAMES, start=1):
        skill = rng.uniform(0.4, 1)
        results = [each for exercise in homework.exercises for each in make_results(exercise, skill, rng)]
        marks = {
            (exercise.id, item.name): make_mark(exercise.id, item.name, item.points)
            for exercise in homework.exercises
            for item in exercise.manual
            if number % 4
        }
        flags = (make_flag("similar", "Similar to Ole Rossi (6): local_epoch_experiments"),) * (number == 9)
        run = make_run(*results, peak_memory_mib=rng.randrange(600, 900))
        parties.append(make_party(number, run, marks=marks, flags=flags, label=name, homework=homework))
    return parties


def main() -> None:
    homework = read_homework(KIT)
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, open_browser(Path(folder) / "profile") as browser:
        build_site(make_cohort(homework), homework, Path(folder))
        for name, height in (("index", 900), ("exercises", 760)):
            browser.open(Path(folder) / "report" / f"{name}.html", (1240, height))
            browser.take_picture(FOLDER / f"{name}.png", whole=False)


if __name__ == "__main__":
    main()
