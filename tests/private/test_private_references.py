"""The reference's answers: shared by a cohort, and ended with the grader."""

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

from private_tests import reference_runs

SMALL_DIGITS = {reference_runs.DATASET: "digits", "LAB_2_HFL_TEST_SAMPLES": "150"}


def test_a_cohort_shares_the_reference_s_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = {**os.environ, **SMALL_DIGITS}
    reference_runs.AnswerCache(str(tmp_path), environment).write("call", {"n": 1}, [1.5])
    monkeypatch.setenv(reference_runs.CACHE, str(tmp_path))
    monkeypatch.setattr(reference_runs, "ProcessPoolExecutor", None)  # no process is needed, or this fails

    assert reference_runs.References(SMALL_DIGITS).ask("call", {"n": 1}) == [1.5]


@pytest.mark.parametrize(
    ("environment", "arguments"),
    [
        ({**SMALL_DIGITS, "LAB_2_HFL_TEST_SAMPLES": "50"}, {"n": 1}),
        ({**SMALL_DIGITS, reference_runs.DATASET: "mnist"}, {"n": 1}),
        (SMALL_DIGITS, {"n": 2}),
    ],
    ids=["less data", "other data", "another question"],
)
def test_another_question_has_another_answer(
    tmp_path: Path, environment: dict[str, str], arguments: dict[str, int]
) -> None:
    reference_runs.AnswerCache(str(tmp_path), SMALL_DIGITS).write("call", {"n": 1}, [1.5])

    assert reference_runs.AnswerCache(str(tmp_path), environment).read("call", arguments) is None


def test_what_auto_stood_for_is_not_kept(tmp_path: Path) -> None:
    cache = reference_runs.AnswerCache(str(tmp_path), {reference_runs.DATASET: "auto"})
    cache.write("call", {}, [1.5])

    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(signal, "pause"), reason="needs something that waits for ever")
def test_an_answer_under_way_does_not_keep_the_grader_waiting() -> None:
    pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"))
    pool.submit(signal.pause)
    [process] = pool._processes.values()
    asked = reference_runs.References({})
    asked.__dict__.update(_pool=pool, _started=True)

    asked.close()

    # Not by `join`: the pool joins it too, and only one of the two is told the exit code.
    assert connection.wait([process.sentinel], timeout=20) == [process.sentinel]


KIT = Path(__file__).resolve().parents[2]
GRADER_THAT_IS_KILLED = """
import os, signal, sys
from private_tests.reference_runs import References

if __name__ == "__main__":
    references = References({})
    references.ask("describe_function", {"name": "client_number_experiments"})
    [process] = references._pool._processes.values()
    open(sys.argv[1], "w").write(str(process.pid))
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs a way to kill")
def test_the_reference_s_process_ends_with_a_grader_that_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "killed.py"
    script.write_text(GRADER_THAT_IS_KILLED)
    environment = {**os.environ, **SMALL_DIGITS, "PYTHONPATH": str(KIT)}

    noted = tmp_path / "process"
    subprocess.run([sys.executable, script, noted], env=environment, check=False)

    _, alive = psutil.wait_procs(find_process(int(noted.read_text())), timeout=20)
    assert alive == []


def find_process(pid: int) -> list[psutil.Process]:
    """The process, unless it has ended already."""
    return [psutil.Process(pid)] if psutil.pid_exists(pid) else []
