"""The worked example of `docs/adding-an-exercise.md`, followed to the letter in a copy of the kit.

A block goes where the paragraph above it says: `New file`, `At the end of` or `In`, with paths in backquotes. A block below another one
goes where that one went. Blocks of the language `sh` are run.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

KIT = Path(__file__).resolve().parents[1]
PAGE = KIT / "docs" / "adding-an-exercise.md"
PARTS = (
    *("grader", "lab_1_parallelism", "lab_2_hfl", "launch", "solutions", "notebooks"),
    *(
        "probes",
        "public_tests",
        "private_tests",
        "tests",
        "homework.toml",
        "pyproject.toml",
        "tox.ini",
    ),
)

PROOFS = {
    "points": ["tests/private/test_private_points.py"],
    "notebooks": ["tests/notebooks", "--ignore=tests/notebooks/test_notebook_execution.py"],
    "imports": ["tests/test_imports.py"],
    "golden submission": ["tests/test_golden_part_a.py", "-k=enough or a1_4"],
}

BLOCK = re.compile(r"(?P<above>[^\n]*(?:\n[^\n]+)*)\n\n```(?P<language>\w*)\n(?P<code>.*?)^```$", re.M | re.S)
PLACE = re.compile(r"(?P<how>New file|At the end of|[Ii]n) `(?P<path>[\w/.-]+\.\w+)`")


def follow(page: str, kit: Path) -> None:
    """Do in `kit` what the page says."""
    places: list[tuple[str, str]] = []
    for block in BLOCK.finditer(page):
        language, code = block["language"], block["code"]
        if language == "sh":
            finish(["bash", "-ec", code], kit)
        elif language:
            places = PLACE.findall(block["above"]) or places
            for how, path in places:
                enter(kit / path, how, language, code)


def enter(file: Path, how: str, language: str, code: str) -> None:
    if how == "New file":
        assert not file.exists(), file
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(code, encoding="utf-8")
    elif how == "At the end of":
        file.write_text(f"{file.read_text(encoding='utf-8')}\n\n{code}", encoding="utf-8")
    else:
        assert language == "diff", f"A change to {file} is shown as {language!r}."
        file.write_text(change(file.read_text(encoding="utf-8"), code), encoding="utf-8")


def change(text: str, diff: str) -> str:
    """Replace the lines that a diff takes away or leaves by those that it leaves or adds."""
    lines = [(line[:1] or " ", line[1:] + "\n") for line in diff.splitlines()]
    old, new = ("".join(line for sign, line in lines if sign in signs) for signs in (" -", " +"))
    assert f"\n{text}".count(f"\n{old}") == 1, f"These lines are not there, or not once:\n{old}"
    return f"\n{text}".replace(f"\n{old}", f"\n{new}")[1:]


def finish(command: Sequence[str], kit: Path) -> None:
    """Run a command of the copy; its output if it fails."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(kit),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
        "GOLDEN": "all",
    }
    ended = subprocess.run(
        command, cwd=kit, env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the kit with the page's exercise."""
    copy = tmp_path_factory.mktemp("kit")
    for part in PARTS:
        if (KIT / part).is_dir():
            shutil.copytree(KIT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__", ".*"))
        else:
            shutil.copy(KIT / part, copy / part)
    follow(PAGE.read_text(encoding="utf-8"), copy)
    return copy


@pytest.mark.parametrize("tests", PROOFS.values(), ids=PROOFS)
def test_the_kit_s_tests_accept_the_exercise(kit: Path, tests: list[str]) -> None:
    finish([sys.executable, "-m", "pytest", "-q", *tests], kit)


@pytest.mark.parametrize("command", [["check"], ["format", "--check"]], ids=" ".join)
def test_the_exercise_is_clean(kit: Path, command: list[str]) -> None:
    finish([sys.executable, "-m", "ruff", *command, "--no-cache"], kit)


@pytest.mark.parametrize("options", [["--isolation=none"], ["--public"]], ids=["hidden", "public"])
def test_the_solved_notebook_passes(kit: Path, options: list[str]) -> None:
    results = kit / "results.json"
    grade = ["grade", "notebooks/homework_1_solved.ipynb", "--exercise=A1.4", f"--json={results}", *options]
    finish([sys.executable, "-m", "grader", *grade], kit)

    tests = json.loads(results.read_text())["tests"]
    assert {(test["number"], test["status"]) for test in tests} == {("A1.4", "passed")}


def test_a_changed_line_must_be_there_once() -> None:
    with pytest.raises(AssertionError, match="not once"):
        change("a\nb\na\n", "-a\n+c\n")
