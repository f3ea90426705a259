"""The reference's answers: computed in a process of their own, shared by a cohort, and ended with the grader."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import connection, get_context
from pathlib import Path

import psutil
import pytest
from homeworks import HEAD, write_homework

from grader import reference
from grader.homework import Homework, read_homework
from grader.isolation import CACHE
from grader.reference import AnswerCache, ReferenceProcess

CONTENT = (
    HEAD.replace(
        'checks = "private_tests"',
        'checks = "private_tests"\nreference = ["solution"]\nenvironment = { SIZE = "3" }',
    )
    + """
[data]
variable = "DATA_SET"
folder_variable = "DATA_FOLDER"
describe = "probe.describe"
[[exercise]]
id = "X1"
title = "Doubling"
points = 1
tags = ["double"]
"""
)
SOLUTION = "import os\n\ndef double(n):\n    return 2 * n * int(os.environ['SIZE'])\n"
PROBE = "def apply(namespace, name, n):\n    return {'value': namespace[name](n)}\n"
ASKED = {"name": "double", "n": 2}


@pytest.fixture
def homework(tmp_path: Path) -> Homework:
    content = CONTENT.replace("setup =", 'probes = ["probe.py"]\nsetup =')
    (tmp_path / "probe.py").write_text(PROBE)
    (tmp_path / "solution.py").write_text(SOLUTION)
    return read_homework(write_homework(tmp_path, content))


@pytest.fixture
def process(homework: Homework) -> Iterator[ReferenceProcess]:
    process = ReferenceProcess(homework, homework.hidden)
    yield process
    process.close()


def test_a_probe_of_the_homework_and_one_of_the_engine_answer(process: ReferenceProcess) -> None:
    called = {"name": "double", "arguments": {"n": 2}}

    assert process.answer("probe.apply", ASKED) == {"value": 12}
    assert process.answer("call", called) == 12


def test_what_nobody_waits_for_is_not_begun(process: ReferenceProcess) -> None:
    answers = [process.start("probe.apply", {"name": "double", "n": n}) for n in range(50)]
    process.forget("probe.apply", {"name": "double", "n": 49})

    assert answers[49].cancelled()
    assert process.answer("probe.apply", {"name": "double", "n": 49}) == {"value": 294}


def test_a_process_that_was_killed_is_replaced(process: ReferenceProcess, tmp_path: Path) -> None:
    killed = tmp_path / "killed"
    (tmp_path / "solution.py").write_text(
        f"import os, pathlib\n\ndef double(n):\n    if n == 7 and not pathlib.Path({str(killed)!r}).exists():\n"
        f"        pathlib.Path({str(killed)!r}).touch()\n        os.kill(os.getpid(), 9)\n    return n\n"
    )
    process.start("probe.apply", {"name": "double", "n": 7})
    process.start("probe.apply", ASKED)

    assert process.answer("probe.apply", ASKED) == {"value": 2}
    assert process.answer("probe.apply", {"name": "double", "n": 7}) == {"value": 7}


def test_a_cohort_shares_answers_without_a_process(
    homework: Homework, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE, str(tmp_path / "cache"))
    monkeypatch.setenv("DATA_SET", "small")
    first = ReferenceProcess(homework, homework.hidden)
    assert first.answer("probe.apply", ASKED) == {"value": 12}
    first.close()
    monkeypatch.setattr(reference, "ProcessPoolExecutor", None)  # no process is needed, or this fails

    assert ReferenceProcess(homework, homework.hidden).answer("probe.apply", ASKED) == {"value": 12}


def test_two_graders_at_once_compute_an_answer_once(
    homework: Homework, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE, str(tmp_path / "cache"))
    monkeypatch.setenv("DATA_SET", "small")
    computed = tmp_path / "computed"
    computed.touch()
    (tmp_path / "solution.py").write_text(
        f"def double(n):\n    with open({str(computed)!r}, 'a') as file:\n        file.write('x')\n    return n"
    )
    graders = [ReferenceProcess(homework, homework.hidden) for _ in range(2)]
    try:
        answers = [grader.start("probe.apply", ASKED) for grader in graders]

        assert [answer.result(60) for answer in answers] == [{"value": 2}, {"value": 2}]
        assert computed.read_text() == "x"
    finally:
        for grader in graders:
            grader.close()


def make_cache(homework: Homework, folder: Path, data: str = "small", size: str = "3") -> AnswerCache:
    return AnswerCache(str(folder), homework, homework.hidden, {"DATA_SET": data, "SIZE": size})


@pytest.mark.parametrize("change", ["data", "size", "question", "solution", "probe"])
def test_another_question_has_another_answer(homework: Homework, tmp_path: Path, change: str) -> None:
    path = make_cache(homework, tmp_path / "cache").find("probe.apply", ASKED)
    assert path is not None
    path.parent.mkdir()
    path.write_text("[1.5]")
    assert make_cache(homework, tmp_path / "cache").read("probe.apply", ASKED) == [1.5]

    if change == "solution":
        (tmp_path / "solution.py").write_text(SOLUTION + "# another\n")
    if change == "probe":
        (tmp_path / "probe.py").write_text(PROBE + "# another\n")
    cache = make_cache(
        read_homework(tmp_path),
        tmp_path / "cache",
        data="other" if change == "data" else "small",
        size="4" if change == "size" else "3",
    )
    assert cache.read("probe.apply", {**ASKED, "n": 3} if change == "question" else ASKED) is None


def test_what_auto_stood_for_is_not_kept(homework: Homework, tmp_path: Path) -> None:
    assert make_cache(homework, tmp_path / "cache", data="auto").find("probe.apply", ASKED) is None


@pytest.mark.skipif(not hasattr(signal, "pause"), reason="needs something that waits for ever")
def test_an_answer_under_way_does_not_keep_the_grader_waiting(homework: Homework) -> None:
    pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"))
    pool.submit(signal.pause)
    [process] = pool._processes.values()
    asked = ReferenceProcess(homework, homework.hidden)
    asked._pool = pool

    asked.close()

    # Not by `join`: the pool joins it too, and only one of the two is told the exit code.
    assert connection.wait([process.sentinel], timeout=20) == [process.sentinel]


GRADER_THAT_IS_KILLED = """
import os, pathlib, signal, sys
from grader.homework import read_homework
from grader.reference import ReferenceProcess

if __name__ == "__main__":
    homework = read_homework(pathlib.Path(sys.argv[1]))
    process = ReferenceProcess(homework, homework.hidden)
    process.answer("describe_function", {"name": "double"})
    [child] = process._pool._processes.values()
    open(sys.argv[2], "w").write(str(child.pid))
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs a way to kill")
def test_the_process_ends_with_a_grader_that_is_killed(homework: Homework, tmp_path: Path) -> None:
    script, noted = tmp_path / "killed.py", tmp_path / "process"
    script.write_text(GRADER_THAT_IS_KILLED)
    subprocess.run([sys.executable, script, homework.folder, noted], env=os.environ, check=False)

    _, alive = psutil.wait_procs(find_process(int(noted.read_text())), timeout=20)
    assert alive == []


def find_process(pid: int) -> list[psutil.Process]:
    """The process, unless it has ended already."""
    return [psutil.Process(pid)] if psutil.pid_exists(pid) else []
