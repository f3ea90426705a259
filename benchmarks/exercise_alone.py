"""What grading one trivial exercise takes beyond what no grading can do without: `python benchmarks/exercise_alone.py [REPEATS]`.

The baseline starts a contained kernel that imports the lab, with the data at hand. Both sides take turns, and the fastest of each counts, since
everything else on the machine can only add to it. The reference's answers are kept from a first grading.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from time import perf_counter

from cohort import write_hand_ins

from grader.execution import Session
from grader.homework import Homework, read_homework
from grader.isolation import CACHE, choose_level, make_view
from grader.reference import ReferenceProcess

KIT = Path(__file__).resolve().parent.parent
LAB = "from lab_2_hfl.hfl_complete import *"
EXERCISE = "A1.2"
GOAL = 1.6


def find_data(homework: Homework) -> dict[str, str]:
    """The variables that name the data set and its folder."""
    assert homework.data is not None
    with closing(ReferenceProcess(homework, homework.hidden)) as reference:
        facts = reference.answer(homework.data.describe, {"name": ""})
    return {
        homework.data.variable: facts["dataset"],
        homework.data.folder_variable: os.path.realpath(facts["folder"]),
    }


def time_kernel(homework: Homework, data: dict[str, str]) -> float:
    """Seconds until a contained kernel has imported the lab."""
    assert homework.data is not None
    view = make_view(homework.kernel.packages, homework.folder, [Path(data[homework.data.folder_variable])])
    environment = {**homework.hidden.environment, **data, "PYTHONPATH": str(homework.folder)}
    level = choose_level(None, hidden=True)
    start = perf_counter()
    with Session([], homework.kernel, environment, homework.probes, level, view) as session:
        session.warm_up([])
        session.set_environment({})
        if (answer := session._execute(LAB, 600.0)).outcome != "ok":
            sys.exit(f"The lab can't be imported: {answer.error}")
        return perf_counter() - start


def time_grading(path: Path, cache: Path) -> float:
    """Seconds of the whole command."""
    command = [sys.executable, "-P", "-m", "grader", "grade", str(path), "--grading-seed=6"]
    start = perf_counter()
    run = subprocess.run(
        [*command, f"--exercise={EXERCISE}", f"--homework={KIT}"],
        env={**os.environ, CACHE: str(cache)},
        stdout=subprocess.DEVNULL,
        check=False,
    )
    if run.returncode != 0:
        sys.exit(f"grader grade ended with status {run.returncode}")
    return perf_counter() - start


def main() -> None:
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    os.environ.setdefault("LAB_2_HFL_DATASET", "digits")
    homework = read_homework(KIT)
    with tempfile.TemporaryDirectory(prefix="exercise-") as workdir:
        path = write_hand_ins(homework, Path(workdir, "source"), 1)[0]
        cache = Path(workdir, "cache")
        time_grading(path, cache)
        data = find_data(homework)
        pairs = [(time_kernel(homework, data), time_grading(path, cache)) for _ in range(repeats)]
    kernel_s, grading_s = (min(side) for side in zip(*pairs, strict=True))
    ratio = grading_s / kernel_s
    print(
        f"{EXERCISE} graded: {ratio:.2f} times a contained kernel with the lab ({kernel_s:.1f} s)    "
        f"goal ≤ {GOAL}: {'reached' if ratio <= GOAL else 'MISSED'}"
    )


if __name__ == "__main__":
    main()
