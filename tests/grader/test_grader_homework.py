"""The homework as data."""

from __future__ import annotations

from pathlib import Path

import pytest
from homeworks import HEAD, write_homework

from grader.homework import HomeworkError, KernelLimits, ManualItem, find_homework, read_homework

SMALL = (
    HEAD
    + """
[kernel]
memory_mib = 512
packages = ["lab"]
[[exercise]]
id = "X1"
title = "First"
points = 1.5
tags = ["one", "two"]
manual = [{ name = "Why", points = 0.5, tag = "two" }]
[[exercise]]
id = "X2"
title = "Second"
points = 2
files = ["x.py"]
"""
)


def test_a_homework_is_read(tmp_path: Path) -> None:
    homework = read_homework(write_homework(tmp_path, SMALL))
    first, second = homework.exercises

    assert homework.tags == ("setup", "one", "two")
    assert homework.kernel == KernelLimits(memory_mib=512, packages=("lab",))
    assert (first.points, first.manual) == (1.5, (ManualItem("Why", 0.5, "two"),))
    assert (homework.find_exercise("X2"), second.files) == (second, ("x.py",))
    assert homework.find_by_tag("two") == first
    assert homework.locate(homework.hidden) == tmp_path / "private_tests"


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('title = "Small homework"', "", "`title`"),
        ("memory_mib", "memory_gib", "`memory_gib`"),
        ("points = 2", "point = 2", "`point`"),
        ("points = 2", 'points = "2"', "$.exercise[1].points"),
        ("setup =", "colour = 1\nsetup =", "`colour`"),
        ("setup =", "folder = 'x'\nsetup =", "`folder`"),
        ("[kernel]", "[kernel", "Expected"),
        ('handout = "handout.ipynb"', 'handout = "none.ipynb"', "names none.ipynb, which does not exist"),
    ],
    ids=[
        "no title",
        "unknown limit",
        "unknown key",
        "text for a number",
        "unknown at the top",
        "own folder",
        "not TOML",
        "no handout",
    ],
)
def test_a_mistake_in_the_file_is_named(tmp_path: Path, old: str, new: str, named: str) -> None:
    folder = write_homework(tmp_path, SMALL.replace(old, new, 1))
    with pytest.raises(HomeworkError) as error:
        read_homework(folder)

    assert named in str(error.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(HomeworkError, match=r"homework\.toml can't be read"):
        read_homework(tmp_path)


def test_an_unknown_exercise_is_named_with_those_that_there_are(tmp_path: Path) -> None:
    homework = read_homework(write_homework(tmp_path, SMALL))
    with pytest.raises(HomeworkError, match=r"'X3'\. homework\.toml has X1, X2\."):
        homework.find_exercise("X3")


def test_the_homework_is_the_named_one_or_the_next_above(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = (write_homework(tmp_path / name, SMALL) for name in ("here", "there"))
    monkeypatch.chdir(here / "public_tests")

    assert (find_homework(), find_homework(there)) == (here, there)
    with pytest.raises(HomeworkError, match=r"has no homework\.toml"):
        find_homework(tmp_path)
