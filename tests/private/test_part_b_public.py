"""The students' own checks of part B: the starter fails them with its own words, the solution passes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

KIT = Path(__file__).parents[2]


def check(source: Path, folder: Path) -> dict[str, str]:
    """The message of each public check of B1, empty if it passed."""
    submission, results = folder / "submission", folder / "results.json"
    submission.mkdir()
    for name in ("b1.py", "b1.sh"):
        shutil.copyfile(source / name, submission / name)
    command = [
        sys.executable,
        "-m",
        "grader",
        "grade",
        submission,
        "--public",
        "--exercise",
        "B1",
        "--json",
        results,
    ]
    done = subprocess.run(list(map(str, command)), cwd=KIT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return {
        test["name"]: test["output"]
        for test in json.loads(results.read_text())["tests"]
        if test["max_score"] == 0
    }


def test_the_solution_passes(tmp_path: Path) -> None:
    messages = check(KIT / "solutions", tmp_path)
    assert len(messages) == 7
    assert set(messages.values()) == {""}, messages


def test_the_starter_says_what_is_left_to_write(tmp_path: Path) -> None:
    messages = check(KIT / "notebooks" / "part_b", tmp_path)
    assert "the schedule is not written yet" in "".join(messages.values()), messages
