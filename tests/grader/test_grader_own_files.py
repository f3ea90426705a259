"""Which files handed in beside a notebook are there when it runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from grader import own_files
from grader.own_files import collect_files, list_beside


def hand_in(folder: Path, source: str, **files: str) -> Path:
    """A notebook in `part_a/` and files below the folder, their names written with two underscores for a slash."""
    for name, content in files.items():
        path = folder / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    notebook = folder / "part_a" / "homework.ipynb"
    notebook.parent.mkdir(exist_ok=True)
    cell = {"cell_type": "code", "source": source, "metadata": {}, "outputs": [], "execution_count": None}
    notebook.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]}))
    return notebook


def test_modules_that_the_notebook_imports_are_there_with_those_that_they_import(tmp_path: Path) -> None:
    notebook = hand_in(
        tmp_path,
        "import tools",
        part_a__tools="import more",
        part_a__more="",
        part_a__unused="",
        other__b1="",
    )
    own = collect_files(notebook, tmp_path, ())

    assert own.files.keys() == {"part_a/tools.py", "part_a/more.py"}
    assert own.place == "part_a"
    assert own.notes == ()


@pytest.mark.parametrize("name", ["random", "torch", "pytest", "lab_2_hfl"])
def test_a_module_never_takes_the_name_of_another(tmp_path: Path, name: str) -> None:
    notebook = hand_in(tmp_path, f"import {name}", **{f"part_a__{name}": "fooled = True"})
    own = collect_files(notebook, tmp_path, ["lab_2_hfl"])

    assert own.files == {}
    assert own.notes[0].startswith(f"Not used: part_a/{name}.py.")


def test_what_is_too_large_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_files, "_MAX_BYTES", 100)
    notebook = hand_in(tmp_path, "import small, tools", part_a__tools="#" * 101, part_a__small="")
    own = collect_files(notebook, tmp_path, ())

    assert own.files.keys() == {"part_a/small.py"}
    assert own.notes == ("Too large to be there when the notebook runs: part_a/tools.py.",)


def test_beside_a_notebook_of_one_s_own_only_the_nearest_files_are_looked_at(tmp_path: Path) -> None:
    notebook = hand_in(
        tmp_path,
        "import tools, parts.more",
        part_a__tools="",
        part_a__parts__more="",
        part_a__a__b__c__tools="",
    )
    own = collect_files(notebook, notebook.parent, (), list_beside(notebook))

    assert (own.files.keys(), own.place) == ({"tools.py", "parts/more.py"}, ".")
