"""`grader new FOLDER`: what it makes is graded at once, outside of the kit."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

from grader.containment import Level, probe
from grader.homework import read_homework
from grader.new import TEMPLATE, make_homework
from grader.notebook import read_notebook

POINTS, BY_HAND = 4, 1

# Put into the solution, which the checks import too, but in no process of their own.
NOTE = """
import multiprocessing, pathlib
if multiprocessing.parent_process() is not None:
    pathlib.Path(__file__).with_name("reference-was-started").touch()
"""


def run(*command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a module's command in `folder`, as in a terminal in which nothing else runs."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("TOX_", "PYTEST_"))}
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment["PATH"]])
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture
def homework(tmp_path: Path) -> Path:
    """A new homework in a folder whose name a shell would split."""
    folder = tmp_path / "new homework"
    make_homework(folder)
    return folder


def grade(homework: Path, notebook: str, *options: str, folder: Path | None = None) -> dict[str, Any]:
    results = homework.parent / "results.json"
    given = [str(homework / notebook), f"--homework={homework}", f"--json={results}", *options]
    ended = run("grader", "grade", *given, folder=folder or homework)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    found: dict[str, Any] = json.loads(results.read_text())
    return found


def write_answers(homework: Path, **changed: str) -> str:
    """The solved notebook with the solution's answers written out, or others in place of some of them, by tag."""
    source = (homework / "solution.py").read_text()
    parts = [ast.get_source_segment(source, node) for node in ast.parse(source).body[-2:]]
    answers = dict(zip(("all_reduce", "all_reduce_observations"), parts, strict=True)) | changed
    notebook = nbformat.read(homework / "notebooks" / "solved.ipynb", as_version=4)
    for cell in notebook.cells:
        cell.source = next(
            (answers[tag] for tag in cell.metadata.get("tags", ()) if tag in answers), cell.source
        )
    nbformat.write(notebook, homework / "answers.ipynb")
    return "answers.ipynb"


def list_files(folder: Path) -> set[str]:
    """Files at any depth, without what Python keeps of those that it imported."""
    found = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return {str(path.relative_to(folder)) for path in found}


# --- what is made -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["handout", "solved"])
def test_the_pairs_are_in_step(name: str) -> None:
    script, notebook = (
        read_notebook(TEMPLATE / "notebooks" / f"{name}.{kind}").cells for kind in ("py", "ipynb")
    )

    assert script == notebook


@pytest.mark.parametrize("name", ["handout", "solved"])
def test_marked_cells_can_not_be_deleted_and_jupyter_takes_no_script_for_the_notebook(name: str) -> None:
    notebook = nbformat.read(TEMPLATE / "notebooks" / f"{name}.ipynb", as_version=4)

    assert [cell.metadata.get("deletable", True) for cell in notebook.cells] == [
        "tags" not in cell.metadata for cell in notebook.cells
    ]
    assert set(notebook.metadata) == {"kernelspec"}
    assert not list(TEMPLATE.glob("*jupytext*"))


def test_the_points_are_those_of_the_homework() -> None:
    assert sum(exercise.points for exercise in read_homework(TEMPLATE).exercises) == POINTS


def test_what_is_made_is_said_with_commands_to_run_next(tmp_path: Path) -> None:
    ended = run("grader", "new", "a b", folder=tmp_path)

    assert ended.returncode == 0
    assert "  cd 'a b'\n" in ended.stdout
    assert list_files(tmp_path / "a b") == list_files(TEMPLATE)


def test_a_folder_with_something_in_it_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    ended = run("grader", "new", ".", folder=tmp_path)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == "grader: . is not empty; name a folder that is, or a new one.\n"
    assert list_files(tmp_path) == {"mine"}


def test_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    ended = run("grader", "new", "mine", folder=tmp_path)

    assert (ended.returncode, ended.stderr) == (2, "grader: mine can't be made: Not a directory.\n")


# --- how it is graded -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("notebook", "score", "is_started"),
    [("solved.ipynb", POINTS - BY_HAND, True), ("handout.ipynb", 0, False)],
)
def test_the_solved_notebook_earns_all_but_what_is_graded_by_hand_and_the_empty_one_starts_no_reference(
    homework: Path, notebook: str, score: float, is_started: bool
) -> None:
    with (homework / "solution.py").open("a") as solution:
        solution.write(NOTE)
    results = grade(homework, f"notebooks/{notebook}", "--isolation=none")

    assert (results["score"], results["max_score"]) == (score, POINTS)
    assert (homework / "reference-was-started").exists() == is_started


@pytest.mark.skipif(probe().level is not Level.FULL, reason="this machine does not contain fully")
def test_answers_that_are_written_out_are_graded_contained_and_from_elsewhere(
    homework: Path, tmp_path: Path
) -> None:
    results = grade(homework, write_answers(homework), folder=tmp_path)

    assert results["score"] == POINTS - BY_HAND
    assert results["extra_data"]["isolation"] == "full"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("def all_reduce(ring, vectors): return [[sum(c) for c in zip(*vectors)]] * ring.workers", "sends no message"),
        (
            """
def all_reduce(ring, vectors):
    passed = vectors[0]
    for worker, vector in enumerate(vectors[1:]):
        passed = [a + b for a, b in zip(ring.send(worker, passed), vector)]
    return [*vectors[:-1], passed]
""",
            "Some workers end with the sum, and some do not.",
        ),
        (
            """
def all_reduce(ring, vectors):
    sums = [list(vector) for vector in vectors]
    for worker in range(ring.workers):
        passed = vectors[worker]
        for step in range(ring.workers - 1):
            passed = ring.send((worker + step) % ring.workers, passed)
            right = (worker + step + 1) % ring.workers
            sums[right] = [a + b for a, b in zip(sums[right], passed)]
    return sums
""",
            "A worker sends its whole vector in one message.",
        ),
    ],
    ids=["no message", "not gathered", "whole vectors"],
)  # fmt: skip
def test_a_usual_mistake_is_named(homework: Path, answer: str, said: str) -> None:
    notebook = write_answers(homework, all_reduce=answer)
    tests = grade(homework, notebook, "--isolation=none", "--exercise=R1")["tests"]

    assert said in next(test["output"] for test in tests if test["status"] == "failed")


def test_public_checks_run_where_students_work(homework: Path) -> None:
    write_answers(homework)
    level = Level.FULL if probe().level is Level.FULL else Level.NONE
    given = ["-fpath", "../answers.ipynb", f"--isolation={level}"]
    ended = run("pytest", *given, folder=homework / "notebooks")

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert re.search(r"^R1  Ring all-reduce +1 / 1  complete$", ended.stdout, re.MULTILINE)


def test_public_checks_of_an_empty_notebook_say_what_to_do(homework: Path) -> None:
    ended = run("pytest", "-fpath", "notebooks/handout.ipynb", folder=homework)

    assert ended.returncode == 1
    assert re.search(r"^R1  Ring all-reduce +0 / 1  still empty$", ended.stdout, re.MULTILINE)
    assert re.search(r"^R2  What it costs +0 / 3  still empty$", ended.stdout, re.MULTILINE)


def test_tox_runs_the_hidden_checks(homework: Path) -> None:
    ended = run("tox", "-e", "hidden", folder=homework)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert re.search(r"^Total +3 / 4$", ended.stdout, re.MULTILINE)


def test_what_students_get_is_built_and_holds_nothing_secret(homework: Path) -> None:
    bundle = homework.parent / "bundle"
    ended = run("grader", "release", "--out", str(bundle), folder=homework)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    [given] = bundle.rglob("homework.toml")
    names = {path.relative_to(given.parent).as_posix() for path in given.parent.rglob("*") if path.is_file()}
    assert {"notebooks/handout.ipynb", "public_tests/test_all_reduce.py", "probes/traffic.py"} <= names
    assert not [name for name in names if "solution" in name or "private" in name or "solved" in name]
    answer = write_answers(homework)
    ended = run("pytest", "-fpath", str(homework / answer), folder=given.parent)
    assert re.search(r"^R1  Ring all-reduce +1 / 1  complete$", ended.stdout, re.MULTILINE), ended.stdout


def test_what_is_secret_is_not_given_away(homework: Path) -> None:
    listed = homework / "homework.toml"
    listed.write_text(listed.read_text().replace('"ring.py", ', '"ring.py", "solution.py", '))
    ended = run("grader", "release", "--out", str(homework.parent / "bundle"), folder=homework)

    assert ended.returncode == 2
    assert "solution.py is to be kept back" in ended.stderr
    assert not (homework.parent / "bundle").exists()


def test_a_homework_that_was_handed_in_is_not_believed(homework: Path) -> None:
    """A folder that a student filled may have a `homework.toml` and checks of its own."""
    ended = run("grader", "grade", "--isolation=none", ".", folder=homework / "notebooks")

    assert (ended.returncode, ended.stdout, len(ended.stderr.splitlines())) == (2, "", 1)
    assert f"was not handed in, say so with --homework {homework}" in ended.stderr


def test_a_submission_that_lies_elsewhere_needs_no_named_homework(homework: Path, tmp_path: Path) -> None:
    elsewhere = (homework / write_answers(homework)).rename(tmp_path / "answers.ipynb")

    assert run("grader", "grade", str(elsewhere), "--isolation=none", folder=homework).returncode == 0


def test_an_unknown_key_is_one_line(homework: Path) -> None:
    with (homework / "homework.toml").open("a") as settings:
        settings.write("colour = 1\n")
    ended = run("grader", "grade", "notebooks/solved.ipynb", folder=homework)

    assert (ended.returncode, ended.stdout, len(ended.stderr.splitlines())) == (2, "", 1)
    assert "unknown field `colour`" in ended.stderr
