"""Checks whose need has failed are not reached, which is told once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from grader.dependence import NotReached
from grader.failure import Failure

CHECKS = """
import pytest
from grader import fail

@pytest.mark.parametrize("server", ["a", "b"])
def test_made(server):
    if server == "a":
        fail("A can't be made.", "a server", "make one.")

@pytest.mark.needs("test_made")
@pytest.mark.parametrize(("server", "kind"), [("a", 1), ("b", 1)])
def test_runs(server, kind):
    assert server == "b"

@pytest.mark.needs("test_runs")
@pytest.mark.parametrize(("server", "kind"), [("a", 1), ("a", 2), ("b", 1)])
def test_result(server, kind):
    assert server == "b" or kind == 2

def test_other():
    pass
"""


def run_checks(folder: Path, checks: str) -> tuple[int, str]:
    file = folder / "test_checks.py"
    file.write_text(checks)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(file)],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout


def test_what_needs_a_failed_check_with_the_same_parameters_is_not_reached(tmp_path: Path) -> None:
    status, output = run_checks(tmp_path, CHECKS)

    # The other kind of a server's run is another check.
    assert "1 failed, 5 passed, 2 not reached" in output
    assert "A can't be made." in output
    assert "Not reached" not in output
    assert status == pytest.ExitCode.TESTS_FAILED


def test_a_need_that_no_check_meets_is_a_bug(tmp_path: Path) -> None:
    _, output = run_checks(
        tmp_path, "import pytest\n@pytest.mark.needs('test_typo')\ndef test_it():\n    pass"
    )

    assert "LookupError: test_checks has no check test_typo" in output


def test_it_is_told_by_the_first_cause() -> None:
    first = NotReached(Failure("A can't be made.", "a server", "make one."))

    assert str(NotReached(first)) == str(first) == "Not reached: A can't be made."
    assert NotReached(first).advice == "make one."
