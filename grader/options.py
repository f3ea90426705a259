"""What `pytest -fpath` and `grader grade` both understand, refused in one line before anything is graded."""

from __future__ import annotations

import argparse
from pathlib import Path

from .homework import Homework, HomeworkError

MAX_SEED = 2**32 - 1  # what every random generator takes


def read_seed(text: str) -> int:
    """A grading seed, as the type of an option. Raises ArgumentTypeError."""
    if not text.isdecimal() or int(text) > MAX_SEED:
        raise argparse.ArgumentTypeError(f"{text!r} is no seed: give a whole number from 0 to {MAX_SEED}")
    return int(text)


def find_path_problem(path: Path) -> str | None:
    """Why a report can't be written to `path`, which is better said now than after minutes of grading."""
    if path.is_dir() or not path.absolute().parent.is_dir():
        return "name a file in a folder that exists"
    return None


def read_exercises(text: str | None, homework: Homework, notebook: bool, scripts: bool) -> set[str] | None:
    """The exercises that `--exercise` names; None for all of them.

    notebook, scripts: what there is to grade
    Raises HomeworkError if a name is unknown, there is none, or an exercise is graded from what is not there.
    """
    if text is None:
        return None
    wanted = {part.strip() for part in text.split(",") if part.strip()}
    if not wanted:
        raise HomeworkError(
            f"--exercise {text!r} names no exercise; write, for example, --exercise A1.1,A2.1."
        )
    for name in sorted(wanted):
        needs_scripts = bool(homework.find_exercise(name).files)
        if not (scripts if needs_scripts else notebook):
            source = (
                "scripts: give a folder or an archive with them" if needs_scripts else "a notebook: give one"
            )
            raise HomeworkError(f"{name} is graded from {source}.")
    return wanted
