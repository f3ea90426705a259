"""What `grader doctor` says about packages and the data set."""

from __future__ import annotations

import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from grader import packages
from grader.doctor import format_bytecode, format_data, format_packages
from grader.homework import DataSource, Homework, Suite
from grader.packages import find_missing, list_usual

KIT = Path(__file__).parents[2]


def test_missing_packages_are_named_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "is_installed", lambda name: name not in ("seaborn", "nest_asyncio"))

    assert format_packages().startswith("Packages: seaborn, nest_asyncio missing")
    assert format_packages().endswith("to have them: pip install seaborn nest-asyncio")


def test_nothing_is_named_if_all_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "is_installed", lambda _: True)

    assert "missing" not in format_packages()


def test_the_extra_has_what_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "is_installed", lambda _: False)
    project = tomllib.loads((KIT / "pyproject.toml").read_text())["project"]
    offered = " ".join([*project["dependencies"], *project["optional-dependencies"]["submissions"]])
    usual = [found.distribution for name in list_usual() if (found := find_missing(name)) is not None]

    assert [name for name in usual if name not in offered] == []
    assert len(usual) == len(list_usual())


def test_libraries_without_bytecode_are_named_with_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "site packages"
    (place / "lib_of_x").mkdir(parents=True)
    (place / "lib_of_x" / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(place)
    suite = Suite("checks")
    homework = Homework(
        tmp_path, "Small", "", "setup", suite, suite, (), libraries=("lib_of_x", "no_such_library")
    )

    said = format_bytecode(homework)
    assert said.startswith("Bytecode: none of lib_of_x; ")
    assert said.endswith(f"to have it: python -m compileall -qq -j 0 '{place}'")
    command = [sys.executable, *shlex.split(said.rpartition("python ")[2])]
    subprocess.run(command, check=True, timeout=100)
    assert format_bytecode(homework) == ""


def test_a_homework_s_data_set_is_named(tmp_path: Path) -> None:
    (tmp_path / "facts.py").write_text("def data(_, name): return {'dataset': 'digits', 'folder': '/data'}")
    suite, source = Suite("checks"), DataSource("DATA", "FOLDER", "facts.data")
    homework = Homework(tmp_path, "Small", "", "setup", suite, suite, (), ("facts.py",), data=source)

    assert format_data(homework) == "Data set: digits in /data (chosen by DATA)"


def test_a_data_set_that_is_not_there_is_explained(tmp_path: Path) -> None:
    (tmp_path / "facts.py").write_text("def data(_, name): raise ValueError('no such data set')")
    suite, source = Suite("checks"), DataSource("DATA", "FOLDER", "facts.data")
    homework = Homework(tmp_path, "Small", "", "setup", suite, suite, (), ("facts.py",), data=source)

    assert format_data(homework).startswith("Data set: none (no such data set)")


def test_a_homework_without_data_needs_none(tmp_path: Path) -> None:
    suite = Suite("checks")

    assert format_data(Homework(tmp_path, "Small", "", "setup", suite, suite, ())) == ""
