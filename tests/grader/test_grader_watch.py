"""`grader watch`: what a save makes it check, and how it takes what editors do to a file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import nbformat
import pytest
from homeworks import write_homework

from grader.homework import Homework, read_homework
from grader.report import FAILED, PASSED, CheckResult, Report
from grader.watch import Watcher, format_outcome

EXERCISES = """
[[exercise]]
id = "X1"
title = "One"
points = 1
tags = ["one"]
[[exercise]]
id = "X2"
title = "Two"
points = 1
tags = ["two", "why"]
manual = [{ name = "Reason", points = 0.5, tag = "why" }]
"""
CHECKS = '''
import pytest
from grader import fail

@pytest.mark.exercise("X1")
def test_one(submission):
    """It is one."""
    value = submission.read_value("one", "one")
    if value != 1:
        fail(f"one is {value}.", "1", "count again.")

@pytest.mark.exercise("X2")
def test_two(submission):
    """It is there."""
    submission.read_value("two", "two")
'''
CELLS = {"setup": "", "one": "one = ...", "": "half = 1", "two": "two = half + half", "why": "# Because."}


@pytest.fixture
def homework(tmp_path: Path) -> Homework:
    folder = write_homework(tmp_path / "kit", EXERCISES, {"setup": "", "one": "one = ..."})
    (folder / "public_tests" / "test_small.py").write_text(CHECKS)
    (folder / "tox.ini").write_text("[pytest]\n")
    return read_homework(folder)


def save(path: Path, **changes: str) -> None:
    """Save a notebook as many editors do: a new file takes the old one's place."""
    cells = []
    for tag, source in {**CELLS, **changes}.items():
        make = nbformat.v4.new_markdown_cell if tag == "why" else nbformat.v4.new_code_cell
        cells.append(make(source, metadata={"tags": [tag] if tag else []}))
    draft = path.with_suffix(".tmp")
    nbformat.write(nbformat.v4.new_notebook(cells=cells), draft)
    draft.replace(path)


class Watched:
    """A watcher of a notebook, and what it did: which exercises it checked, and what it said."""

    def __init__(self, path: Path, homework: Homework, wanted: set[str] | None = None) -> None:
        self.checked: list[list[str]] = []
        self.said: list[str] = []
        self._watcher = Watcher(path, homework, wanted, self._check, self.said.append)

    def _check(self, exercises: Sequence[str]) -> None:
        self.checked.append(list(exercises))

    def look(self) -> list[list[str]]:
        """What was checked by one more look."""
        self.checked.clear()
        self._watcher.look()
        return self.checked


def test_the_first_look_checks_everything_and_the_next_one_nothing(
    tmp_path: Path, homework: Homework
) -> None:
    save(tmp_path / "a.ipynb")
    watched = Watched(tmp_path / "a.ipynb", homework)

    assert watched.look() == [["X1", "X2"]]
    assert watched.look() == []


@pytest.mark.parametrize(
    ("tag", "source", "checked"),
    [
        ("one", "one = 1", [["X1"]]),
        ("", "half = 2", [["X2"]]),
        ("why", "# Since.", [["X2"]]),
        ("setup", "import os", [["X1", "X2"]]),
        ("plot", "print(2)", []),
    ],
    ids=["a cell", "what it uses", "prose", "the setup", "a plot of the student's own"],
)
def test_a_save_checks_the_exercises_whose_cells_have_changed(
    tmp_path: Path, homework: Homework, tag: str, source: str, checked: list[list[str]]
) -> None:
    save(tmp_path / "a.ipynb")
    watched = Watched(tmp_path / "a.ipynb", homework)
    watched.look()
    save(tmp_path / "a.ipynb", **{tag: source})

    assert watched.look() == checked


def test_only_the_exercises_that_were_asked_for_are_checked(tmp_path: Path, homework: Homework) -> None:
    save(tmp_path / "a.ipynb")

    assert Watched(tmp_path / "a.ipynb", homework, {"X2"}).look() == [["X2"]]


def test_a_half_written_file_is_read_again_before_anything_is_said(
    tmp_path: Path, homework: Homework
) -> None:
    path = tmp_path / "a.ipynb"
    path.write_text('{"cells": [')
    watched = Watched(path, homework)

    assert (watched.look(), watched.said) == ([], [])
    save(path)
    assert watched.look() == [["X1", "X2"]]


def test_a_damaged_file_is_told_once(tmp_path: Path, homework: Homework) -> None:
    (tmp_path / "a.ipynb").write_text('{"cells": [')
    watched = Watched(tmp_path / "a.ipynb", homework)
    for _ in range(4):
        watched.look()

    [line] = watched.said
    assert "a.ipynb is not a notebook: it ends in the middle" in line
    assert line.endswith("Waiting until it is saved again; Ctrl-C ends.")


def test_a_removed_file_is_told_once_and_checked_when_it_is_back(tmp_path: Path, homework: Homework) -> None:
    path = tmp_path / "a.ipynb"
    save(path)
    watched = Watched(path, homework)
    watched.look()
    watched.said.clear()
    path.unlink()

    assert (watched.look(), watched.look()) == ([], [])
    assert watched.said == ["a.ipynb is not there any more. Waiting until it is saved again; Ctrl-C ends."]
    save(path, one="one = 1")
    assert watched.look() == [["X1"]]


def test_an_exercise_has_a_line_and_the_first_failure_is_whole(homework: Homework) -> None:
    failures = [
        CheckResult(name, "n", 0, FAILED, f"Seen {name}.", {"next": f"mend {name}."}) for name in ("X1", "X2")
    ]
    report = Report("", homework.exercises, [CheckResult("X1", "n", 0, PASSED), *failures])

    assert list(format_outcome(report)) == [
        "X1      1 / 2  mend X1.",
        "X2      0 / 1  mend X2.",
        "",
        "X1 (One)",
        "Seen X1.",
    ]


@pytest.mark.skipif(os.name != "posix", reason="sends signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_checks_after_each_save_and_ends_cleanly(tmp_path: Path, homework: Homework, number: int) -> None:
    path = tmp_path / "a.ipynb"
    save(path)
    command = [sys.executable, "-P", "-m", "grader", "watch", str(path), f"--homework={homework.folder}"]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        first = [process.stdout.readline().strip() for _ in range(4)]
        save(path, one="one = 2")
        second = [process.stdout.readline().strip() for _ in range(8)]
        process.send_signal(number)
        rest, errors = process.communicate(timeout=100)

    assert first[1].endswith("a.ipynb: checking X1, X2")
    assert first[2:] == ["X1      0 / 1  still empty", "X2      1 / 1  complete"]
    assert second[1].endswith("a.ipynb: checking X1")
    assert second[2:] == [
        "X1      0 / 1  count again.",
        "",
        "X1 (One)",
        "one is 2.",
        "Expected: 1",
        "Next: count again.",
    ]
    assert (process.returncode, rest.strip(), errors) == (0, "", "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["none.ipynb"], "none.ipynb does not exist"),
        (["a.ipynb", "--exercise=X9"], "No exercise is called 'X9'"),
    ],
)
def test_what_can_t_be_watched_is_said_in_a_line(
    tmp_path: Path, homework: Homework, arguments: list[str], said: str
) -> None:
    save(tmp_path / "a.ipynb")
    command = [sys.executable, "-P", "-m", "grader", "watch", *arguments, f"--homework={homework.folder}"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)

    assert (ended.returncode, ended.stdout, len(ended.stderr.splitlines())) == (2, "", 1)
    assert said in ended.stderr
