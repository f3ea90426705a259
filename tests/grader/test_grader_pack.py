"""`grader pack`: one archive with what is graded, and what is missing before it is handed in."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from grader import pack as packing
from grader.__main__ import main
from grader.homework import read_homework
from grader.intake import open_hand_in
from grader.scripts import expect

HOMEWORK = """
title = "Small"
handout = "work/rings.ipynb"
setup = "setup"
starters = "work/scripts"
reserved = ["lab"]
[public]
checks = "public_tests"
[hidden]
checks = "private_tests"
[[exercise]]
id = "X1"
title = "A ring"
points = 1
tags = ["ring", "why"]
[[exercise]]
id = "X2"
title = "Many processes"
points = 1
files = ["x2.py", "x2.sh"]
manual = [{ name = "Explanation", points = 0.5 }]
"""
RING = "import steps\ndef ring(n):\n    return n\n"
GIVEN = {"setup": "import os", "ring": "def ring(n): ...", "why": "Because:"}
WRITTEN = {"setup": "import os", "ring": RING, "why": "Because it goes round."}
STARTER = {"x2.py": "raise SystemExit('not written yet')\n", "x2.sh": "python x2.py 0 &\nwait\n"}
SOLVED = {"x2.py": "print('round and round')\n", "x2.sh": STARTER["x2.sh"]}


def notebook(cells: dict[str, str]) -> str:
    made = [
        {
            "cell_type": "code",
            "source": source,
            "metadata": {"tags": [tag]},
            "outputs": [],
            "execution_count": None,
        }
        for tag, source in cells.items()
    ]
    return json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 4})


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def homework(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = write(tmp_path / "small", {"homework.toml": HOMEWORK, "work/rings.ipynb": notebook(GIVEN)})
    write(folder / "work" / "scripts", STARTER)
    (folder / "public_tests").mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a student would hand in, beside what they would not."""
    files = {
        "rings.ipynb": notebook(WRITTEN),
        "steps.py": "STEP = 1\n",
        "why.md": "It goes round in three steps.",
    }
    files |= SOLVED | {"results.json": "{}", "launch-output/x2/report.json": "{}", "lab/ring.py": "own copy"}
    files |= {".ipynb_checkpoints/rings-checkpoint.ipynb": notebook(GIVEN)}
    folder = write(tmp_path / "my work", files)
    monkeypatch.chdir(folder)
    return folder


def run(homework: Path, *arguments: str) -> int:
    return main(["pack", *arguments, "--homework", str(homework)])


def list_names(archive: Path) -> list[str]:
    return zipfile.ZipFile(archive).namelist()


GOOD = ["rings.ipynb", "steps.py", "why.md", "x2.py", "x2.sh"]


def test_what_is_graded_is_packed_with_what_it_uses(
    homework: Path, work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(homework) == 0
    shown = capsys.readouterr().out
    assert list_names(work / "rings.zip") == GOOD
    assert "rings.ipynb  X1\n" in shown
    assert "x2.sh        X2\n" in shown
    assert "nothing that is graded uses it: results.json and launch-output/." in shown
    assert "lab was set aside: grading uses the course's own." in shown
    assert "Look at this" not in shown
    assert shown.rstrip().endswith(f"{work / 'rings.zip'} is ready: hand it in as the handout says.")


def test_grading_finds_in_it_what_was_packed(homework: Path, work: Path, tmp_path: Path) -> None:
    assert run(homework) == 0
    found = open_hand_in(work / "rings.zip", tmp_path / "taken", expected=expect(read_homework(homework)))
    assert found.notebook is not None
    assert found.notebook.read_text() == (work / "rings.ipynb").read_text()
    assert sorted(found.scripts) == ["x2.py", "x2.sh"]
    assert found.problems == {}


def test_the_same_files_make_the_same_archive(homework: Path, work: Path) -> None:
    for name in ("one.zip", "two.zip"):
        assert run(homework, "--out", name) == 0
        (work / "rings.ipynb").touch()
    assert (work / "one.zip").read_bytes() == (work / "two.zip").read_bytes()


def test_an_archive_that_was_packed_before_is_replaced_and_never_packed(
    homework: Path, work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        assert run(homework) == 0
    assert "in place of the one packed before" in capsys.readouterr().out
    assert list_names(work / "rings.zip") == GOOD


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param(["--out", "mine.zip"], "exists already, and was not packed", id="taken"),
        pytest.param(["--out", "rings.tar"], "name a file that ends in .zip", id="no zip"),
        pytest.param(["--out", "nowhere/rings.zip"], "There is no folder", id="no folder"),
        pytest.param(["--with", "nothing.csv"], "there is no such file", id="no file"),
        pytest.param(["nowhere"], "cannot be read", id="nothing there"),
    ],
)
def test_what_can_not_be_packed(
    homework: Path, work: Path, arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (work / "mine.zip").write_text("mine")
    assert run(homework, *arguments) == 2
    errors = capsys.readouterr().err
    assert says in errors
    assert len(errors.splitlines()) == 1
    assert (work / "mine.zip").read_text() == "mine"
    assert not (work / "rings.zip").exists()


def test_it_says_where_to_hand_in(homework: Path, work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    release = '[release]\nname = "small"\nfiles = []\nsecret = []\nplatform = "ILIAS"\n'
    write(homework, {"homework.toml": f"{HOMEWORK}{release}"})
    assert run(homework) == 0
    assert f"{work / 'rings.zip'} is ready: hand it in through ILIAS." in capsys.readouterr().out


def test_a_file_that_nothing_uses_can_be_added(homework: Path, work: Path) -> None:
    assert run(homework, "--with", "lab/../results.json") == 0
    assert "results.json" in list_names(work / "rings.zip")


@pytest.mark.parametrize("named", [[], ["."]])
def test_in_the_homework_s_own_folder_that_of_the_notebook_is_packed(
    homework: Path, named: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(homework, *named) == 0
    assert list_names(homework / "rings.zip") == ["rings.ipynb", "scripts/x2.py", "scripts/x2.sh"]
    shown = capsys.readouterr().out
    assert "Still empty: X1, X2." in shown


@pytest.mark.parametrize(
    ("files", "says"),
    [
        pytest.param(SOLVED, "There is no notebook in it.", id="no notebook"),
        pytest.param({"rings.ipynb": notebook(WRITTEN)}, "X2: there is none of x2.py and x2.sh.", id="no scripts"),
        pytest.param({"rings.ipynb": notebook(WRITTEN), "x2.py": "1"}, "X2: there is no x2.sh.", id="one script"),
        pytest.param(
            {"rings.ipynb": notebook({**WRITTEN, "why": "Because:"}), **SOLVED}, "X1: still empty is 'why'.", id="one empty cell"
        ),
        pytest.param(
            {"rings.ipynb": notebook({"setup": "1", "ring": RING}), **SOLVED}, "X1: no cell has the tag 'why'.", id="a lost tag"
        ),
    ],
)  # fmt: skip
def test_what_is_missing_is_said(
    homework: Path, tmp_path: Path, files: dict[str, str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(homework, str(write(tmp_path / "work", files))) == 0
    assert f"  {says}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("files", "says"),
    [
        pytest.param({"notes.txt": "soon"}, "There is no notebook in it", id="nothing"),
        pytest.param({"rings.ipynb": "{", **SOLVED}, "rings.ipynb", id="no notebook's text"),
        pytest.param(
            {"one.ipynb": notebook(WRITTEN), "two.ipynb": notebook({**WRITTEN, "ring": "ring = 1"})},
            "2 notebooks could be the one to grade",
            id="two notebooks",
        ),
        pytest.param(
            {"rings.ipynb": notebook(WRITTEN), "a/x2.py": "1", "b/x2.py": "2"},
            "2 different files x2.py",
            id="two scripts",
        ),
    ],
)
def test_what_is_open_is_not_packed(
    homework: Path, tmp_path: Path, files: dict[str, str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(homework, str(write(tmp_path / "work", files))) == 2
    assert says in capsys.readouterr().err
    assert not (homework / "rings.zip").exists()


def test_links_and_large_files_are_left_out_and_named(
    homework: Path, work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(packing, "LARGE_BYTES", 100_000)
    (work / "model.pt").write_bytes(bytes(200_000))
    (work / "data.csv").symlink_to(work / "results.json")
    assert run(homework) == 0
    shown = capsys.readouterr().out
    assert "model.pt was left out: it has" in shown
    assert "data.csv was left out: it is a link." in shown
