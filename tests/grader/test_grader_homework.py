"""The homework as data."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.homework import HomeworkError, KernelLimits, ManualItem, read_homework

SMALL = """
title = "Homework"
setup = "setup"
[kernel]
memory_mib = 512
packages = ["lab"]
[[exercise]]
id = "X1"
part = "a"
title = "First"
points = 1.5
tags = ["one", "two"]
manual = [{ name = "Why", points = 0.5, tag = "two" }]
[[exercise]]
id = "X2"
part = "b"
title = "Second"
points = 2
files = ["x.py"]
"""


def write(folder: Path, content: str) -> Path:
    path = folder / "homework.toml"
    path.write_text(content)
    return path


def test_what_contained_code_can_import_is_read(tmp_path: Path) -> None:
    assert read_homework(write(tmp_path, SMALL)).kernel.packages == ("lab",)


def test_a_homework_is_read(tmp_path: Path) -> None:
    homework = read_homework(write(tmp_path, SMALL))
    first, second = homework.exercises

    assert homework.tags == ("setup", "one", "two")
    assert homework.kernel == KernelLimits(memory_mib=512, packages=("lab",))
    assert (first.points, first.manual) == (1.5, (ManualItem("Why", 0.5, "two"),))
    assert (homework.find_exercise("X2"), second.files) == (second, ("x.py",))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('title = "Homework"', ""),
        ("memory_mib", "memory_gib"),
        ('part = "a"', ""),
        ("points = 2", "point = 2"),
        ("[kernel]", "[kernel"),
    ],
    ids=["no title", "unknown limit", "no part", "unknown key", "no TOML"],
)
def test_a_mistake_in_the_file_is_named(tmp_path: Path, old: str, new: str) -> None:
    path = write(tmp_path, SMALL.replace(old, new, 1))
    with pytest.raises(HomeworkError, match="can't be read as a homework"):
        read_homework(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(HomeworkError, match=r"none\.toml can't be read"):
        read_homework(tmp_path / "none.toml")


def test_an_unknown_exercise_is_named_with_those_that_there_are(tmp_path: Path) -> None:
    homework = read_homework(write(tmp_path, SMALL))
    with pytest.raises(HomeworkError, match=r"'X3'\. homework\.toml has X1, X2\."):
        homework.find_exercise("X3")
