"""What of a submission is graded: its notebook, its scripts, or both."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest
from homeworks import write_homework
from markupsafe import escape

from grader.__main__ import find_parts
from grader.homework import read_homework
from grader.intake import IntakeError, read_hand_in
from grader.options import OptionError, leave_out_absent

KIT = Path(__file__).parents[2]
HOMEWORK = read_homework(KIT)
CELL = {
    "cell_type": "code",
    "id": "a",
    "source": "x = 1",
    "metadata": {"tags": ["setup"]},
    "outputs": [],
    "execution_count": None,
}
EXERCISE = """
[[exercise]]
id = "X1"
title = "A number"
points = 1
tags = ["setup"]
"""
CHECK = """
import pytest

@pytest.mark.exercise("X1")
def test_number(submission):
    assert submission.read_value("setup", "x") == 1
"""
NOTEBOOK = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [CELL]}


@pytest.fixture
def hand_in(tmp_path: Path):
    """Writes a submission: a notebook, scripts, or both."""

    def hand_in(*names: str) -> Path:
        folder = tmp_path / "submission"
        folder.mkdir()
        for name in names:
            text = json.dumps(NOTEBOOK) if name.endswith(".ipynb") else "python b1.py 0\n"
            (folder / name).write_text(text)
        return folder

    return hand_in


@pytest.mark.parametrize(
    ("names", "part", "options"),
    [
        (("homework_1.ipynb",), None, ["--fpath"]),
        (("b1.sh",), None, ["--scripts"]),
        (("homework_1.ipynb", "b1.sh"), None, ["--fpath", "--scripts"]),
        (("homework_1.ipynb", "b1.sh"), "a", ["--fpath"]),
        (("homework_1.ipynb", "b1.sh"), "b", ["--scripts"]),
        (("homework_1.ipynb",), "b", ["--scripts"]),
    ],
)
def test_what_is_there_or_asked_for_is_graded(hand_in, tmp_path, names, part, options):
    given = find_parts(hand_in(*names), tmp_path / "work", part, HOMEWORK)
    assert [argument.partition("=")[0] for argument in given] == [*options, "--hand-in"]


def test_scripts_alone_are_no_part_a(hand_in, tmp_path):
    with pytest.raises(IntakeError, match="no notebook"):
        find_parts(hand_in("b1.sh"), tmp_path / "work", "a", HOMEWORK)


def test_one_file_has_no_scripts(hand_in, tmp_path):
    folder = hand_in("homework_1.ipynb")
    with pytest.raises(OptionError, match="part b is graded from a folder"):
        find_parts(folder / "homework_1.ipynb", tmp_path / "work", "b", HOMEWORK)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("b1.sh", "Only the scripts are graded: There is no notebook in it"),
        ("homework_1.ipynb", "Only the notebook is graded: there is no b1.py or other script in it."),
    ],
)
def test_that_a_whole_part_is_missing_is_said(hand_in, tmp_path, name, said):
    *_, noted = find_parts(hand_in(name), tmp_path / "work", None, HOMEWORK)
    (note,) = read_hand_in(Path(noted.partition("=")[2])).notes
    assert note.startswith(said)


@pytest.mark.parametrize("option", ["--scripts", "--fpath"])
def test_checks_of_what_was_not_given_are_left_out(hand_in, option):
    folder = hand_in("homework_1.ipynb", "b1.sh")
    path = folder / "homework_1.ipynb" if option == "--fpath" else folder
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--collect-only",
        "-q",
        "--isolation=none",
        f"{option}={path}",
        "private_tests",
    ]
    listed = subprocess.run(command, cwd=KIT, capture_output=True, text=True, check=False).stdout
    parts = {"part_b" in line for line in listed.splitlines() if "::" in line}
    assert parts == {option == "--scripts"}, listed


def test_what_became_of_other_files_stands_in_every_report(tmp_path):
    homework = write_homework(tmp_path / "homework", EXERCISE)
    (homework / "public_tests" / "test_small.py").write_text(CHECK)
    submission = tmp_path / "submission"
    submission.mkdir()
    (submission / "homework_1.ipynb").write_text(json.dumps(NOTEBOOK))
    (submission / "notes <b>.docx").write_text("")
    with ZipFile(submission / "more.zip", "w") as archive:
        archive.writestr("data.csv", "")
    results, page = tmp_path / "results.json", tmp_path / "page.html"
    command = [
        sys.executable,
        "-m",
        "grader",
        "grade",
        submission,
        "--public",
        "--json",
        results,
        "--html",
        page,
    ]
    ended = subprocess.run([*map(str, command)], cwd=homework, capture_output=True, text=True, check=False)

    said = ["more.zip was unpacked.", 'Not used: "notes _b_.docx" and more.zip/data.csv.']
    assert json.loads(results.read_text())["extra_data"]["handed_in"] == said, ended
    assert [line for line in ended.stdout.splitlines() if "Handed in" in line] == [
        f"Handed in: {line}" for line in said
    ]
    assert all(f"Handed in: {escape(line)}" in page.read_text() for line in said)


@pytest.mark.parametrize(
    ("asked", "notebook", "scripts", "left"),
    [
        (None, True, False, None),
        ("A1.1,B1", True, True, "A1.1,B1"),
        ("B1,A1.1", True, False, "A1.1"),
        ("A1.1,B2,B1", False, True, "B1,B2"),
        ("B1", True, False, "B1"),  # refused later, with a sentence
    ],
)
def test_a_part_that_was_not_handed_in_does_not_keep_the_other_from_being_graded(
    asked: str | None, notebook: bool, scripts: bool, left: str | None
) -> None:
    assert leave_out_absent(asked, HOMEWORK, notebook, scripts) == left
