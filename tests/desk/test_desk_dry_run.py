"""`grader batch --dry-run`: who handed in which files, what is graded of it, and all problems."""

from __future__ import annotations

from pathlib import Path

import pytest
from platform_sources import MOODLE, NOTEBOOK, write_zip

from grader.__main__ import main


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    status = main(["batch", *map(str, arguments)])
    told = capsys.readouterr()
    return status, told.out, told.err


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_zip(tmp_path / "moodle.zip", MOODLE)


def test_it_tells_who_which_files_and_what_is_graded(
    source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, _ = run(capsys, source, "--dry-run")
    lines = out.splitlines()
    place = next(number for number, line in enumerate(lines) if line.startswith("7770002"))

    assert status == 0
    assert lines[0].startswith("Read as Moodle")
    assert "5 parties, 4 hand-ins" in lines[0]
    assert "Jörg O'Neil" in lines[place]
    assert "home_work_1.ipynb" in lines[place]
    assert "→ home_work_1.ipynb" in lines[place + 1]


def test_it_tells_who_has_nothing_and_every_problem(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, source, "--dry-run")
    handed_in, _, rest = out.partition("Nothing to grade:")

    assert "✗ part_b.zip is neither a notebook nor an archive" in handed_in
    assert "Bo Text (7770004)" in rest
    assert "wrote a text online" in rest.partition("Problems:")[2]


def test_only_some(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, source, "--dry-run", "--only", "7770000")

    assert "7770000" in out
    assert "7770002" not in out


def test_a_name_can_not_change_what_a_terminal_shows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_zip(
        tmp_path / "bad.zip", {"E\x1b[2Jve\u202e_7_assignsubmission_file/h\x1b[31m.ipynb": NOTEBOOK}
    )
    _, out, _ = run(capsys, path, "--dry-run")

    assert "\x1b" not in out
    assert "\u202e" not in out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--platform", "canvas"], "can't be read as Canvas"),
        (["--only", "nobody"], "nobody here has this key"),
        (["--exercise", "C9"], "No exercise is called 'C9'"),
        (["--exercise", ","], "names no exercise"),
    ],
    ids=["platform", "only", "exercise", "no exercise"],
)
def test_what_can_not_be_done_is_one_line(
    arguments: list[str], told: str, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = run(capsys, source, "--dry-run", *arguments)

    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert told in err


def test_without_a_place_for_results_nothing_is_graded(
    source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _, err = run(capsys, source)

    assert status == 2
    assert "--out RESULTS" in err


def test_results_among_the_hand_ins_are_refused(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = run(capsys, source.parent, "--dry-run", "--out", source.parent / "results")

    assert status == 2
    assert "lies among the hand-ins" in err


def test_a_mistake_in_the_settings_is_told(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "grader.toml").write_text("job = 2")
    status, _, err = run(capsys, source, "--dry-run", "--out", tmp_path / "results")

    assert status == 2
    assert "unknown field `job`" in err
