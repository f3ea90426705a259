"""Part A is checked where Python has no modules of POSIX, as on Windows.

Such a system is imitated: a module of the kit, in any process, that imports one of those modules is refused it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from homeworks import write_homework
from test_grader_plugin import CHECKS, HOMEWORK, write_notebook

from grader.homework import KIT

PROGRAM = """
import builtins, signal

del signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGQUIT
POSIX = {"crypt", "fcntl", "grp", "nis", "posix", "pty", "pwd", "readline", "resource", "spwd", "syslog", "termios", "tty"}
OURS = {"grader", "lab_1_parallelism", "lab_2_hfl", "launch", "probes", "public_tests"}
original = builtins.__import__

def refuse(name, globals=None, *more, **named):
    importer = str((globals or {}).get("__name__", "")).partition(".")[0]
    if importer in OURS and name.partition(".")[0] in POSIX:
        raise ModuleNotFoundError(f"No module named {name!r} (for {importer})", name=name)
    return original(name, globals, *more, **named)

builtins.__import__ = refuse
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """In which every Python refuses the kit what Windows does not have."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(PROGRAM)
    return {**os.environ, "PYTHONPATH": str(tmp_path / "site")}


def run(folder: Path, environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


def test_the_imitation_refuses_what_it_should(environment: dict[str, str]) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", "import grader.containment.stage"],
        env=environment,
        cwd=KIT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert "No module named 'fcntl' (for grader)" in ended.stderr


def test_all_public_checks_are_collected(environment: dict[str, str]) -> None:
    notebook = str(KIT / "notebooks" / "homework_1.ipynb")
    ended = run(KIT, environment, "pytest", "-fpath", notebook, "public_tests", "--collect-only", "-q")

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "test_servers.py" in ended.stdout


def test_a_notebook_is_checked(tmp_path: Path, environment: dict[str, str]) -> None:
    kit = write_homework(tmp_path / "kit", HOMEWORK)
    (kit / "public_tests" / "test_small.py").write_text(CHECKS)
    (kit / "tox.ini").write_text("[pytest]\n")
    path = write_notebook(tmp_path / "work", "7")
    ended = run(kit, environment, "pytest", "-fpath", str(path), "public_tests", "--exercise=X1")

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "X1  A number" in ended.stdout
