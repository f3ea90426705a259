"""The walk of a student through docs/students.md, from the unpacked bundle to the hand-in, made once; tests look at what was seen on it."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path

import pytest
from record import Record

PLACE = os.environ.get("WALK")  # with an unpacked and installed bundle: `tox -e walk` makes it
if PLACE is None:
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(scope="session")
def record(tmp_path_factory: pytest.TempPathFactory) -> Record:
    # Here: it needs playwright, which only `tox -e walk` installs.
    from student import Student
    from walk import Walk

    assert PLACE is not None
    pictures = Path(PLACE) / "pictures"
    pictures.mkdir(exist_ok=True)
    walk = Walk(Student(Path(PLACE) / "homework_1", tmp_path_factory.mktemp("home")), pictures)
    walk.begin()
    walk.work()
    walk.hand_in(tmp_path_factory.mktemp("graded"))
    (Path(PLACE) / "record.json").write_text(json.dumps(asdict(walk.record), indent=1))
    return walk.record
