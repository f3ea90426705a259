"""What students get: what is listed and nothing secret, whatever somebody has pasted where."""

from __future__ import annotations

import json
import zipfile
from datetime import date
from pathlib import Path

import pytest

from grader.__main__ import main
from grader.desk.fingerprints import fingerprint, read_tokens
from grader.desk.release import ReleaseError, build, find_leaks
from grader.homework import read_homework

KIT = Path(__file__).resolve().parents[2]

SOLUTION = """
def reduce_in_a_ring(rank, size, values, send, receive):
    total = list(values)
    for step in range(size - 1):
        send((rank + 1) % size, total[(rank - step) % size])
        total[(rank - step - 1) % size] += receive((rank - 1) % size)
    for step in range(size - 1):
        send((rank + 1) % size, total[(rank + 1 - step) % size])
        total[(rank - step) % size] = receive((rank - 1) % size)
    return total
"""
FIGURES = "| N | accuracy |\n| 10 | 93.17 |\n| 50 | 87.25 |\n| 100 | 77.93 |\n| 200 | 61.04 |\n| 400 | 45.51 |\n| 800 | 33.02 |\n"

CELL = {"cell_type": "code", "source": SOLUTION, "metadata": {}, "outputs": [], "execution_count": None}

HOMEWORK = """
title = "Small"
handout = "handout.ipynb"
setup = "setup"
[public]
checks = "public_tests"
[hidden]
checks = "private_tests"
[[exercise]]
id = "X1"
title = "A ring"
points = 1
tags = ["ring"]
[release]
name = "small"
files = ["homework.toml", "handout.ipynb", "public_tests", "lab"]
without = ["lab/notes.md"]
placed = { "README.md" = "docs/for-students.md" }
secret = ["solution.py", "private_tests", "results.md"]
withheld = ["docs"]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "small"
    files = {
        "homework.toml": HOMEWORK.replace('withheld = ["docs"]', 'withheld = ["docs/marking.md"]'),
        "handout.ipynb": '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}',
        "public_tests/test_ring.py": "def test_ring():\n    pass\n",
        "private_tests/test_hidden.py": "def test_hidden():\n    pass\n",
        "lab/ring.py": "SIZE = 4\n",
        "lab/notes.md": "not for students",
        "docs/for-students.md": "Start here.",
        "docs/marking.md": "How to mark.",
        "solution.py": SOLUTION,
        "results.md": FIGURES,
    }
    for name, text in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)
    return place


def test_a_bundle_holds_what_is_listed(folder: Path, tmp_path: Path) -> None:
    built = build(read_homework(folder), tmp_path / "out")
    expected = [
        "README.md",
        "handed_out/handout.ipynb",
        "handout.ipynb",
        "homework.toml",
        "lab/ring.py",
        "public_tests/test_ring.py",
    ]
    assert sorted(map(str, built)) == expected
    assert (
        sorted(
            path.relative_to(tmp_path / "out").as_posix()
            for path in (tmp_path / "out").rglob("*")
            if path.is_file()
        )
        == expected
    )
    assert (tmp_path / "out" / "README.md").read_text() == "Start here."


def test_a_zip_has_one_folder_and_is_the_same_each_time(folder: Path, tmp_path: Path) -> None:
    for name in ("one.zip", "two.zip"):
        build(read_homework(folder), tmp_path / name, date(2031, 5, 6))
    entries = zipfile.ZipFile(tmp_path / "one.zip").infolist()
    assert {entry.filename.partition("/")[0] for entry in entries} == {"small"}
    assert {entry.date_time for entry in entries} == {(2031, 5, 6, 0, 0, 0)}
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        pytest.param(
            "lab/ring.py",
            f"SIZE = 4\n{SOLUTION}",
            "lab/ring.py:3 holds what stands in solution.py:2",
            id="code",
        ),
        pytest.param(
            "lab/ring.py",
            SOLUTION.replace("    ", "  ").replace("return", "# the whole sum\n  return"),
            "holds what stands in solution.py:2",
            id="code laid out anew",
        ),
        pytest.param(
            "lab/table.csv",
            FIGURES.replace("|", ";"),
            "lab/table.csv:2 holds what stands in results.md:2",
            id="figures",
        ),
        pytest.param(
            "handout.ipynb",
            json.dumps({"cells": [CELL], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}),
            "handout.ipynb:2 holds what stands in solution.py:2",
            id="notebook",
        ),
    ],
)
def test_what_is_secret_is_found_wherever_it_was_pasted(
    folder: Path, tmp_path: Path, file: str, text: str, said: str
) -> None:
    (folder / file).write_text(text)
    with pytest.raises(ReleaseError, match="would give away") as refused:
        build(read_homework(folder), tmp_path / "out.zip")
    assert said in str(refused.value)
    assert not (tmp_path / "out.zip").exists()


@pytest.mark.parametrize("listed", ["solution.py", "private_tests", "docs"])
def test_what_is_to_be_kept_back_can_not_be_listed(folder: Path, tmp_path: Path, listed: str) -> None:
    settings = folder / "homework.toml"
    settings.write_text(settings.read_text().replace("files = [", f'files = ["{listed}", '))
    with pytest.raises(ReleaseError, match="is to be kept back"):
        build(read_homework(folder), tmp_path / "out")


def test_what_does_not_exist_is_named(folder: Path, tmp_path: Path) -> None:
    (folder / "lab" / "notes.md").unlink()
    with pytest.raises(ReleaseError, match=r"names lab/notes\.md, which does not exist"):
        build(read_homework(folder), tmp_path / "out")


def test_the_handout_must_name_where_students_hand_in(folder: Path, tmp_path: Path) -> None:
    settings = folder / "homework.toml"
    settings.write_text(settings.read_text().replace('name = "small"', 'name = "small"\nplatform = "Moodle"'))
    with pytest.raises(ReleaseError, match=r"handout\.ipynb does not name Moodle"):
        build(read_homework(folder), tmp_path / "out")
    handout = folder / "handout.ipynb"
    cell = {**CELL, "source": "# Hand in through Moodle."}
    handout.write_text(json.dumps({**json.loads(handout.read_text()), "cells": [cell]}))
    assert build(read_homework(folder), tmp_path / "out")


def test_nothing_is_overwritten(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "out.zip").write_text("mine")
    with pytest.raises(ReleaseError, match="exists already"):
        build(read_homework(folder), tmp_path / "out.zip")
    assert (tmp_path / "out.zip").read_text() == "mine"


def test_code_that_is_written_alike_is_no_leak(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.py"
    other.write_text(SOLUTION.replace("total", "sums").replace("step", "turn"))
    assert find_leaks({"other.py": other}, [("solution.py", folder / "solution.py")]) == []


def test_two_texts_that_share_a_passage_share_a_fingerprint() -> None:
    one = fingerprint(read_tokens("before = 1\n" * 9 + SOLUTION))
    other = fingerprint(read_tokens(SOLUTION + "after(2)\n" * 9))
    assert len(one.keys() & other.keys()) > 15


def test_the_kit_s_own_bundle_holds_nothing_secret(tmp_path: Path) -> None:
    names = [str(name) for name in build(read_homework(KIT), tmp_path / "bundle.zip")]
    assert {
        "README.md",
        "notebooks/homework_1.ipynb",
        "notebooks/part_b/b1.sh",
        "handed_out/notebooks/homework_1.ipynb",
        "handed_out/notebooks/part_b/b1.sh",
        "public_tests/test_servers.py",
    } <= set(names)
    secret = (
        "solutions/",
        "private_tests/",
        "tests/",
        "grader/desk/",
        "docs/data.md",
        "docs/instructors.md",
        "jupytext.toml",
    )
    assert [name for name in names if name.startswith(secret) or "solved" in name] == []
    # Jupyter could take a notebook's script for the notebook: students have neither it nor what would pair them.
    assert "notebooks/homework_1.py" not in names
    assert "jupytext" not in (KIT / "docs" / "bundle" / "pyproject.toml").read_text()


def test_the_students_page_says_where_to_hand_in() -> None:
    release = read_homework(KIT).release
    assert release is not None
    assert f"through {release.platform}" in (KIT / "docs" / "students.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "source",
    [
        "solutions/federated.py",
        "solutions/experiments.py",
        "private_tests/answer_key/rules.py",
        "private_tests/part_b/finishing.py",
    ],
)
def test_the_kit_s_secrets_would_be_found(tmp_path: Path, source: str) -> None:
    pasted = tmp_path / "pasted.py"
    pasted.write_text("import torch\n" + (KIT / source).read_text())
    assert find_leaks({"pasted.py": pasted}, [(source, KIT / source)])


def test_the_command_lists_what_it_built(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["release", "--homework", str(folder), "--out", str(tmp_path / "out.zip")]) == 0
    assert "lab/ring.py" in capsys.readouterr().out.splitlines()


def test_the_command_says_why_it_built_nothing(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "lab" / "ring.py").write_text(SOLUTION)
    assert main(["release", "--homework", str(folder), "--out", str(tmp_path / "out.zip")]) == 2
    assert "lab/ring.py:2 holds what stands in solution.py:2" in capsys.readouterr().err
