"""The memory of a batch: `python benchmarks/cohort_memory.py`.

Only the gradings are stand-ins, which take no time: cohorts are read, kept, laid out for grading and entered as ever, with results as large as
those of a whole notebook. Each cohort is graded by a process of its own; what counts is the most memory that it ever had.
"""

from __future__ import annotations

import io
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from grader.desk import batch, work
from grader.desk.configuration import BatchSettings, Configuration
from grader.desk.sources import open_cohort
from grader.homework import read_homework
from grader.new import TEMPLATE

MIB = 1 << 20
_MOST_MIB = 300
_COHORTS = ((60, 1 / 4), (600, 1 / 4), (20, 50.0))  # hand-ins, and MiB of each
_JOBS = 4


def make_results() -> str:
    """40 checks with sentences, and half a MiB of figures and code."""
    tests = [
        {"number": "R1", "name": f"Check {number}", "score": 0, "max_score": 0.1, "output": "x" * 1000,
         "extra_data": {"outcome": "failed", "check": f"test_{number}", "seen": "x" * 1000}}
        for number in range(40)
    ]  # fmt: skip
    return json.dumps({"score": 0, "tests": tests, "extra_data": {"figures": ["x" * (MIB // 2)]}})


def grade_cohort(folder: Path) -> None:
    """In the process that is measured."""
    results = str(folder / "results.json")

    def make_command(content: bytes, order: work.WorkOrder, folder: Path) -> list[str]:  # noqa: ARG001
        work.lay_out(io.BytesIO(content), folder)
        return ["cp", results, str(folder)]

    work._make_command = make_command
    settings = BatchSettings(read_homework(TEMPLATE), Configuration(jobs=_JOBS))
    with open_cohort([folder / "source"], settings.configuration) as cohort:
        batch.run(cohort, folder / "out", settings)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, file=sys.stderr)


def measure(count: int, size_mib: float) -> float:
    """The most memory in MiB."""
    with tempfile.TemporaryDirectory(prefix="cohort-") as name:
        folder = Path(name)
        (folder / "results.json").write_text(make_results())
        for number in range(count):
            path = folder / "source" / f"student-{number:03}" / "homework.ipynb"
            path.parent.mkdir(parents=True)
            path.write_bytes(b'{"cells": []}' + os.urandom(round(size_mib * MIB)))
        told = subprocess.run(
            [sys.executable, __file__, name], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        return float(told.stderr.split()[-1])


def main() -> None:
    for count, size_mib in _COHORTS:
        most = measure(count, size_mib)
        verdict = "reached" if most <= _MOST_MIB else "MISSED"
        print(
            f"{count} hand-ins of {size_mib:g} MiB, {_JOBS} jobs: {most:.0f} MiB    goal ≤ {_MOST_MIB}: {verdict}"
        )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        grade_cohort(Path(sys.argv[1]))
    else:
        main()
