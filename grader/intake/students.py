"""Tells a cohort from one submission: learning platforms hand out a folder or a file for each student, in one archive."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from .names import IntakeError, listed, show

_WORK = re.compile(r"\.(ipynb|py|sh)$", re.IGNORECASE)
# Moodle's `Mueller_1234_assignsubmission_file_`, Blackboard's `hw_am1234_attempt_2026-11-28-…`, Canvas's `muelleranna_1234_56789_hw.ipynb`.
_STUDENT = re.compile(
    r"(?:(.+)_assignsubmission_|(.+)_attempt_\d{4}-|([^_]+_(?:late_)?\d{4,})_\d{4,}_)", re.IGNORECASE
)
# Folders that one student may well have, with a notebook in each.
_OWN_FOLDER = re.compile(
    r"(old|new|backup|drafts?|final|copy|v(ersion)?[ _-]?\d+|part|task|exercise|question|hw|homework|attempt|[ab]\d?|src"
    r"|notebooks?|handout)([\W_\d]|$)"
    r"|.*[\W_](v\d+|old|new|backup|final|copy)$",
    re.IGNORECASE,
)
_MOST_OF_ONE = 2  # other folders with a notebook


def check_is_one(folder: Path, files: Sequence[Path]) -> None:
    """Raises IntakeError if a clean folder holds the submissions of several students."""
    found = _list_students(folder, files)
    if len(found) > 1:
        raise IntakeError(
            f"This holds {len(found)} hand-ins: {listed([show(name) for name in found])}. "
            "Grade all of them with grader batch, or unpack it and grade each by itself: grader grade FOLDER."
        )


def _list_students(folder: Path, files: Sequence[Path]) -> list[str]:
    names = [path.relative_to(folder).parts for path in files]
    while names and len({name[0] for name in names}) == 1 and all(len(name) > 1 for name in names):
        names = [name[1:] for name in names]
    marks = [mark for name in names if (mark := _STUDENT.match(name[0]))]
    students = list(dict.fromkeys(next(filter(None, mark.groups())) for mark in marks))
    if len(students) > 1:
        return students
    if any(len(name) == 1 and _WORK.search(name[0]) for name in names):
        return []
    folders = {name[0] for name in names if len(name) > 1 and name[-1].lower().endswith(".ipynb")}
    others = sorted(folder for folder in folders if not _OWN_FOLDER.match(folder))
    return others if len(others) > _MOST_OF_ONE else []
