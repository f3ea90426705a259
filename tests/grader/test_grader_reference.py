"""The reference's answers: computed in a process that ends with the grader, and shared by a cohort."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import connection, get_context
from pathlib import Path

import psutil
import pytest
from homeworks import write_homework

from grader import reference
from grader.homework import Homework, read_homework
from grader.reference import CACHE, AnswerCache, ReferenceProcess

CONTENT = """
title = "Small homework"
handout = "handout.ipynb"
setup = "setup"
exercise = []
probes = ["data.py"]
[public]
checks = "public_tests"
reference = ["solution"]
environment = { SIZE = "5" }
[hidden]
checks = "private_tests"
[data]
variable = "DATASET"
folder_variable = "DATA"
describe = "data.describe"
"""
NAMED = {"DATASET": "small", "SIZE": "5"}
ASKED = ("call", {"name": "double", "arguments": {"x": 2}})


@pytest.fixture
def homework(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Homework:
    monkeypatch.delenv(CACHE, raising=False)
    folder = tmp_path / "homework"
    folder.mkdir()
    (folder / "data.py").write_text("")
    (folder / "solution.py").write_text("def double(x): return 2 * x")
    return read_homework(write_homework(folder, CONTENT))


def make_cache(homework: Homework, folder: Path, **environment: str) -> AnswerCache:
    return AnswerCache(str(folder), homework, homework.public, {**NAMED, **environment})


def test_the_reference_answers(homework: Homework) -> None:
    process = ReferenceProcess(homework, homework.public)

    assert process.answer(*ASKED) == 4
    process.close()


def test_a_cohort_shares_the_answers(
    homework: Homework, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_cache(homework, tmp_path / "kept").write(*ASKED, [1.5])
    monkeypatch.setenv(CACHE, str(tmp_path / "kept"))
    monkeypatch.setenv("DATASET", "small")
    monkeypatch.setattr(reference, "ProcessPoolExecutor", None)  # no process is needed, or this fails

    assert ReferenceProcess(homework, homework.public).answer(*ASKED) == [1.5]


@pytest.mark.parametrize(
    ("environment", "x"),
    [({"SIZE": "6"}, 2), ({"DATASET": "large"}, 2), ({}, 3)],
    ids=["less data", "other data", "another question"],
)
def test_another_question_has_another_answer(
    homework: Homework, tmp_path: Path, environment: dict[str, str], x: int
) -> None:
    make_cache(homework, tmp_path / "kept").write(*ASKED, [1.5])
    cache = make_cache(homework, tmp_path / "kept", **environment)

    assert cache.read("call", {"name": "double", "arguments": {"x": x}}) is None


def test_another_solution_has_other_answers(homework: Homework, tmp_path: Path) -> None:
    make_cache(homework, tmp_path / "kept").write(*ASKED, [1.5])
    (homework.folder / "solution.py").write_text("def double(x): return x + x")

    assert make_cache(homework, tmp_path / "kept").read(*ASKED) is None


def test_what_auto_stood_for_is_not_kept(homework: Homework, tmp_path: Path) -> None:
    make_cache(homework, tmp_path / "kept", DATASET="auto").write(*ASKED, [1.5])

    assert not (tmp_path / "kept").exists()


@pytest.mark.skipif(not hasattr(signal, "pause"), reason="needs something that waits for ever")
def test_an_answer_under_way_does_not_keep_the_grader_waiting(homework: Homework) -> None:
    pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"))
    pool.submit(signal.pause)
    [worker] = pool._processes.values()
    asked = ReferenceProcess(homework, homework.public)
    asked._pool = pool

    asked.close()

    # Not by `join`: the pool joins it too, and only one of the two is told the exit code.
    assert connection.wait([worker.sentinel], timeout=20) == [worker.sentinel]


GRADER_THAT_IS_KILLED = """
import os, signal, sys
from pathlib import Path
from grader.homework import read_homework
from grader.reference import ReferenceProcess

if __name__ == "__main__":
    homework = read_homework(Path(sys.argv[1]))
    process = ReferenceProcess(homework, homework.public)
    process.answer("call", {"name": "double", "arguments": {"x": 2}})
    [worker] = process._pool._processes.values()
    open(sys.argv[2], "w").write(str(worker.pid))
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs a way to kill")
def test_the_process_ends_with_a_grader_that_is_killed(homework: Homework, tmp_path: Path) -> None:
    script, noted = tmp_path / "killed.py", tmp_path / "process"
    script.write_text(GRADER_THAT_IS_KILLED)

    subprocess.run([sys.executable, script, homework.folder, noted], env={**os.environ, **NAMED}, check=False)

    _, alive = psutil.wait_procs(find_process(int(noted.read_text())), timeout=20)
    assert alive == []


def find_process(pid: int) -> list[psutil.Process]:
    """The process, unless it has ended already."""
    return [psutil.Process(pid)] if psutil.pid_exists(pid) else []
