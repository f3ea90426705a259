"""What of a submission is graded: its notebook, its scripts, or both."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from grader.__main__ import find_parts
from grader.homework import read_homework
from grader.intake import IntakeError
from grader.options import OptionError

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
    assert [argument.partition("=")[0] for argument in given] == options


def test_scripts_alone_are_no_part_a(hand_in, tmp_path):
    with pytest.raises(IntakeError, match="no notebook"):
        find_parts(hand_in("b1.sh"), tmp_path / "work", "a", HOMEWORK)


def test_one_file_has_no_scripts(hand_in, tmp_path):
    folder = hand_in("homework_1.ipynb")
    with pytest.raises(OptionError, match="part b is graded from a folder"):
        find_parts(folder / "homework_1.ipynb", tmp_path / "work", "b", HOMEWORK)


def test_that_only_scripts_are_graded_is_said(hand_in, tmp_path, capsys):
    find_parts(hand_in("b1.sh"), tmp_path / "work", None, HOMEWORK)
    assert "Only the scripts are graded" in capsys.readouterr().err


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
