"""The homework as data."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from homeworks import HEAD, write_homework

from grader.homework import (
    Homework,
    HomeworkError,
    KernelLimits,
    ManualItem,
    find_homework,
    read_homework,
)
from grader.isolation import KIT

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


def find_entry(kind: Any) -> type[msgspec.Struct] | None:
    """The kind of table that a field holds: one, several or none."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return kind
    return next((entry for part in get_args(kind) if (entry := find_entry(part)) is not None), None)


def list_keys(kind: type[msgspec.Struct], above: str = "") -> Iterator[tuple[str, str]]:
    """Each key that a table and the tables in it may have, with its default as the page shows it."""
    for field in msgspec.structs.fields(kind):
        key = above + field.encode_name
        if (entry := find_entry(field.type)) is not None:
            yield from list_keys(entry, f"{key}.")
        elif field.required:
            yield key, "required"
        else:
            has_plain = field.default is not msgspec.NODEFAULT
            default = field.default if has_plain else field.default_factory()  # type: ignore[operator]
            yield key, "none" if default is None else f"`{json.dumps(default)}`"


def test_the_page_has_a_row_for_every_key_of_the_file() -> None:
    page = (KIT / "docs" / "adding-a-homework.md").read_text()
    section = page.partition("## What homework.toml may say")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`[^|]*`) \| ([^|]*) \|", section, re.MULTILINE)
    shown = {(key, default) for keys, default in rows for key in re.findall(r"`([\w.]+)`", keys)}

    assert shown == set(list_keys(Homework)) - {("folder", "required")}  # where the file lies is not in it
