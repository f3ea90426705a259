"""Which level of containment a grading gets, and what is said where the machine does not give it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from homeworks import write_homework

from grader.containment import Container, ContainmentLayer, Level, Machine, View, probe
from grader.containment.bubblewrap import Bubblewrap
from grader.isolation import CACHE, IsolationError, choose_level, make_view

MISSING = ContainmentLayer(
    "bubblewrap", False, "the program bwrap is not installed", "sudo apt-get install bubblewrap"
)
MACHINES = {
    "full": Machine(bubblewrap=Bubblewrap("/usr/bin/bwrap", "0.8", True, True), landlock=6),
    "reduced": Machine((MISSING,), landlock=6),
    "none": Machine((MISSING,)),
}
KIT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("machine", "asked", "hidden", "level"),
    [
        ("full", None, True, "full"),
        ("full", None, False, "none"),
        ("none", None, False, "none"),
        ("full", "reduced", True, "reduced"),
        ("reduced", "reduced", True, "reduced"),
        ("none", "none", True, "none"),
        ("full", "full", False, "full"),
    ],
)
def test_a_level_that_the_machine_gives(machine: str, asked: str | None, hidden: bool, level: str) -> None:
    assert choose_level(asked, hidden=hidden, machine=MACHINES[machine]) == level


@pytest.mark.parametrize(
    ("machine", "asked", "hidden", "instead"),
    [
        ("reduced", None, True, "--isolation reduced or --isolation none accepts less"),
        ("reduced", "full", False, "--isolation reduced or --isolation none accepts less"),
        ("none", None, True, "--isolation none accepts less"),
        ("none", "reduced", True, "--isolation none accepts less"),
    ],
)
def test_less_is_refused_with_the_command_that_would_install_it(
    machine: str, asked: str | None, hidden: bool, instead: str
) -> None:
    with pytest.raises(IsolationError) as refused:
        choose_level(asked, hidden=hidden, machine=MACHINES[machine])
    line = str(refused.value)
    assert (
        "bubblewrap: the program bwrap is not installed. To have it: sudo apt-get install bubblewrap." in line
    )
    assert instead in line
    assert "\n" not in line


def test_no_package_of_the_kit_is_shown_but_those_named() -> None:
    view = make_view(["lab_2_hfl"], KIT, [KIT / "docs"])

    assert {KIT / "lab_2_hfl", KIT / "docs"} <= set(view.readable)
    assert {KIT / name for name in ("grader", "launch", "solutions", "lab_1_parallelism")} <= set(view.hidden)
    assert not {KIT, *(KIT / name for name in ("private_tests", "tests", "solutions"))} & set(view.readable)


@pytest.mark.skipif(probe().level is not Level.FULL, reason="this machine does not contain fully")
def test_the_kit_is_hidden_also_where_it_lies_in_a_readable_folder() -> None:
    view = make_view(["lab_2_hfl"], KIT) + View((KIT.parent,))
    program = "import lab_2_hfl, os, sys; print(sorted(os.listdir(sys.argv[1])))"
    container = Container(view=view, level=Level.FULL)
    with container.start([sys.executable, "-c", program, str(KIT)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        said = process.stdout.read().decode().strip()

    # Where Python's own environment lies in the kit's folder, that is shown too.
    shown = {path.relative_to(KIT).parts[0] for path in view.readable if KIT in path.parents}
    assert said == str(sorted(shown))
    assert shown >= {"lab_2_hfl"}
    assert not shown & {"grader", "private_tests", "solutions", "tests"}


@pytest.mark.skipif(probe().level is not Level.FULL, reason="this machine does not contain fully")
def test_the_reference_s_answers_are_hidden_also_where_they_lie_in_a_readable_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in (*tmp_path.parents[:2], tmp_path):
        path.chmod(0o755)  # what hides them is not the mode of a folder above
    answers = tmp_path / "results" / "references"
    answers.mkdir(parents=True)
    (answers / "1.json").write_text("[1.5]")
    monkeypatch.setenv(CACHE, str(answers))
    view = make_view(["lab_2_hfl"], KIT, [tmp_path])
    program = "import os, sys; print(os.listdir(sys.argv[1]), os.listdir(os.path.dirname(sys.argv[1])))"
    container = Container(view=view, level=Level.FULL)
    with container.start([sys.executable, "-c", program, str(answers)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        said = process.stdout.read().decode().strip()

    assert said == "[] ['references']"


def test_the_kit_s_packages_are_hidden_although_the_homework_has_others_of_these_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("solutions", "launch"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    view = make_view(["launch"], tmp_path)

    assert tmp_path / "launch" in view.readable
    assert {KIT / "solutions", tmp_path} <= set(view.hidden)


def test_an_unknown_package_is_said() -> None:
    with pytest.raises(IsolationError, match="lab_9 is not installed"):
        make_view(["lab_9"], KIT)


# --- the command line -------------------------------------------------------------------------------------------------------------------

EXERCISE = """
[[exercise]]
id = "X1"
title = "A secret"
points = 1
tags = ["answer"]
"""
CHECKS = '''
import pathlib, pytest
from grader import fail

@pytest.mark.exercise("X1", points=1)
def test_answer(submission):
    """The answer is the key's."""
    if submission.read_value("answer", "answer") != pathlib.Path(__file__).with_name("key").read_text():
        fail("No.", "the key", "find it.")
'''
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run_pytest(tmp_path: Path) -> Run:
    """Runs a homework's hidden or public check on a notebook that tries to read the key beside the hidden ones."""
    for name in ("public_tests", "private_tests"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "test_answer.py").write_text(CHECKS)
        (tmp_path / name / "key").write_text("swordfish")
    write_homework(tmp_path, EXERCISE)
    (tmp_path / "tox.ini").write_text("[pytest]\n")
    source = f"answer = open({str(tmp_path / 'private_tests' / 'key')!r}).read()"
    cells = [
        nbformat.v4.new_code_cell("", metadata={"tags": ["setup"]}),
        nbformat.v4.new_code_cell(source, metadata={"tags": ["answer"]}),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "a.ipynb")

    def run(*arguments: str, path: str = os.environ["PATH"]) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--fpath=a.ipynb", *arguments]
        return subprocess.run(
            command,
            cwd=tmp_path,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return run


def read_results(path: Path) -> dict[str, Any]:
    results: dict[str, Any] = json.loads(path.read_text())
    return results


def test_public_checks_run_uncontained_and_say_so(run_pytest: Run, tmp_path: Path) -> None:
    ended = run_pytest("public_tests", f"--json={tmp_path / 'a.json'}", path=os.defpath)

    assert ended.returncode == 0, ended.stdout
    assert "Isolation: none" in ended.stdout
    assert read_results(tmp_path / "a.json")["extra_data"]["isolation"] == "none"


@pytest.mark.skipif(probe().level is not Level.FULL, reason="this machine does not contain fully")
def test_hidden_checks_contain_a_notebook_that_then_finds_no_key(run_pytest: Run, tmp_path: Path) -> None:
    ended = run_pytest("private_tests", f"--json={tmp_path / 'a.json'}")
    results = read_results(tmp_path / "a.json")

    assert ended.returncode == 1
    assert (results["score"], results["extra_data"]["isolation"]) == (0, "full")
    assert "No such file" in results["tests"][0]["output"]


def test_hidden_checks_are_refused_where_nothing_contains(run_pytest: Run) -> None:
    ended = run_pytest("private_tests", path="/nowhere")

    assert ended.returncode == pytest.ExitCode.USAGE_ERROR
    assert "ERROR: Isolation 'full' is needed to run submissions under the hidden checks" in ended.stderr
    assert "bwrap is not installed. To have it: " in ended.stderr


def test_hidden_checks_run_uncontained_when_told_to(run_pytest: Run) -> None:
    assert run_pytest("private_tests", "--isolation=none", path="/nowhere").returncode == 0


def test_grade_refuses_with_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.ipynb").write_text("{}")
    command = [sys.executable, "-m", "grader", "grade", str(tmp_path / "a.ipynb")]
    environment = {**os.environ, "PATH": "/nowhere"}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)

    assert (ended.returncode, len(ended.stderr.splitlines()), ended.stdout) == (2, 1, "")
    assert ended.stderr.startswith("grader: Isolation 'full' is needed")
