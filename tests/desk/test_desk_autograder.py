"""Gradescope's autograder: its two scripts are run in a folder tree like Gradescope's; only apt-get, venv and pip are stood in for."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from grader.__main__ import main
from grader.desk.autograder.autograder_run import finish, refuse
from grader.new import TEMPLATE

STAND_IN = """#!/bin/sh
echo "$(basename "$0") $*" >>"{log}"
if [ "$1 $2" = "-m venv" ]; then
    mkdir -p "$3/bin"
    sed 's/"-m venv"/never/; s/"never"/"-m pip"/' "$0" >"$3/bin/python"
    chmod +x "$3/bin/python"
elif [ "$1 $2" = "never" ]; then
    exit 0
else
    exec "{python}" "$@"
fi
"""


@pytest.fixture(scope="module")
def homework(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("homework") / "ring"
    shutil.copytree(TEMPLATE, folder)
    return folder


def build(homework: Path, out: Path, *more: str) -> list[str]:
    assert main(["gradescope", "--out", str(out), "--homework", str(homework), *more]) == 0
    with zipfile.ZipFile(out) as archive:
        return archive.namelist()


def read_settings(out: Path) -> dict[str, Any]:
    with zipfile.ZipFile(out) as archive:
        settings: dict[str, Any] = json.loads(archive.read("autograder.json"))
    return settings


def write_program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.mark.skipif(sys.platform == "win32", reason="Gradescope's scripts are shell scripts")
def test_both_scripts_run_in_a_tree_like_gradescopes(homework: Path, tmp_path: Path) -> None:
    build(homework, tmp_path / "autograder.zip")
    root, log = tmp_path / "autograder", tmp_path / "log"
    with zipfile.ZipFile(tmp_path / "autograder.zip") as archive:
        archive.extractall(root / "source")
    write_program(tmp_path / "bin/apt-get", f'#!/bin/sh\necho "apt-get $*" >>"{log}"\n')
    write_program(tmp_path / "bin/python3", STAND_IN.format(log=log, python=sys.executable))
    environment = {**os.environ, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
    subprocess.run(
        ["bash", root / "source/setup.sh"], env=environment, check=True, timeout=60, capture_output=True
    )
    shutil.copy(root / "source/run_autograder", root / "run_autograder")
    (root / "submission").mkdir()
    shutil.copy(homework / "notebooks/handout.ipynb", root / "submission/mine.ipynb")
    subprocess.run(
        ["bash", root / "run_autograder"], env=environment, check=True, timeout=300, capture_output=True
    )
    results = json.loads((root / "results/results.json").read_text())

    assert "pip install -e" in log.read_text()
    assert log.read_text().startswith("apt-get update")
    assert results["score"] == 0
    assert {test["number"] for test in results["tests"]} == {"R1", "R2"}
    assert all(test["visibility"] == "visible" for test in results["tests"])


def test_by_default_nothing_secret_is_in_it(homework: Path, tmp_path: Path) -> None:
    names = build(homework, tmp_path / "a.zip")

    assert names[:2] == ["setup.sh", "run_autograder"]
    assert not [name for name in names if "solution" in name or "private" in name]
    assert "--public" in read_settings(tmp_path / "a.zip")["arguments"]


def test_hidden_checks_run_only_where_submissions_are_contained(homework: Path, tmp_path: Path) -> None:
    names = build(homework, tmp_path / "a.zip", "--hidden", "--minutes", "40", "--grading-seed", "7")
    settings = read_settings(tmp_path / "a.zip")

    assert {"kit/solution.py", "kit/private_tests/test_all_reduce.py"} <= set(names)
    assert settings["arguments"] == ["--grading-seed=7"]  # neither --public nor a lower --isolation
    assert (settings["visibility"], settings["timeout_s"]) == ("after_published", 40 * 60 - 30)


def test_limits_are_said_before_the_upload(
    homework: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    build(homework, tmp_path / "a.zip")
    told = capsys.readouterr().out

    assert "2,048 MiB" in told
    assert "768 MB" in told
    assert "ended after 10" in told


def test_a_homework_without_a_release_has_no_autograder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(TEMPLATE, tmp_path / "ring")
    path = tmp_path / "ring" / "homework.toml"
    said = path.read_text(encoding="utf-8")
    path.write_text(said[: said.index("[release]")] + said[said.index("[[exercise]]") :], encoding="utf-8")
    status = main(["gradescope", "--out", str(tmp_path / "a.zip"), "--homework", str(path.parent)])

    assert (status, (tmp_path / "a.zip").exists()) == (2, False)
    assert "[release]" in capsys.readouterr().err


@pytest.mark.parametrize("minutes", ["0", "41", "x"])
def test_minutes_that_gradescope_does_not_give_are_refused(minutes: str, tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        main(["gradescope", "--out", str(tmp_path / "a.zip"), "--minutes", minutes])


@pytest.mark.parametrize("visibility", ["hidden", "after_due_date", "after_published"])
def test_checks_are_shown_when_it_was_said(visibility: str) -> None:
    results = finish({"score": 1, "tests": [{"visibility": "visible"}], "extra_data": {}}, visibility)

    assert results["tests"][0]["visibility"] == visibility


def test_what_could_not_be_graded_scores_zero_only_if_nobody_else_is_to_blame() -> None:
    unreadable = finish({"output": "x", "tests": [], "extra_data": {"outcome": "refused"}}, "visible")
    machine = finish({"output": "x", "tests": [], "extra_data": {"outcome": "machine"}}, "visible")

    assert unreadable["score"] == 0
    assert "score" not in machine
    assert "score" not in finish(refuse("x"), "visible")
