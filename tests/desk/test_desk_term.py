"""The term in ten commands, as the page on the desk gives them: each is run, in order, in a folder like an instructor's."""

from __future__ import annotations

import re
import shlex
import shutil
import zipfile
from pathlib import Path

import pytest
from platform_sources import write_zip

from grader.__main__ import main
from grader.desk.csv_table import read_csv
from grader.new import TEMPLATE

PAGE = Path(__file__).resolve().parents[2] / "docs" / "desk.md"
WORKSHEET = (
    'Identifier,"Full name",Grade,"Maximum grade","Last modified (grade)"\n'
    '"Participant 7770000","Anna Muster",,4.00,-\n"Participant 7770001","Bo Adler",,4.00,-\n'
)


def list_commands() -> list[list[str]]:
    (block,) = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [shlex.split(line, comments=True) for line in block.splitlines()]


def fill_in(marks: Path) -> None:
    """What a person does between the export and the import."""
    table = read_csv(marks)
    marks.write_bytes(table.fill({(0, table.header.index("points")): "0.5"}).encode())


def test_the_term_in_ten_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "homework"
    shutil.copytree(TEMPLATE, folder)
    handout = (TEMPLATE / "notebooks" / "handout.ipynb").read_bytes()
    write_zip(folder / "moodle.zip", {"Anna Muster_7770000_assignsubmission_file/mine.ipynb": handout})
    (folder / "grades.csv").write_text(WORKSHEET)
    monkeypatch.chdir(folder)
    commands = list_commands()
    told = {}
    for command in commands:
        if "import" in command:
            fill_in(folder / "marks.csv")
        assert main(command[1:]) == 0, command
        told[" ".join(command[1:3])] = capsys.readouterr().out

    assert len(commands) == 10
    assert "1 hand-in" in told["batch moodle.zip"] or "1 graded" in told["batch moodle.zip"]
    assert (
        '"Participant 7770000","Anna Muster",0.5,4.00,-'
        in (folder / "results/exports/moodle-1/grades.csv").read_text()
    )
    with zipfile.ZipFile(folder / "results/exports/moodle-1/feedback.zip") as archive:
        assert archive.namelist() == ["Anna Muster_7770000_assignsubmission_file/feedback.html"]
