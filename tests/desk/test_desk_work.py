"""One grading in a process of its own: what goes in, how it ends, and that nothing is left of it."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from grader.desk import work
from grader.desk.batch import run
from grader.desk.claim import LOCK, claim
from grader.desk.cohort import Cohort, Party, Upload
from grader.desk.configuration import BatchSettings, Configuration
from grader.desk.gradebook import open_gradebook, read_standings
from grader.desk.outcome import GRADED, INTERRUPTED, KIT_ERROR, MACHINE, UNREADABLE
from grader.desk.work import WorkOrder, grade
from grader.homework import read_homework
from grader.new import TEMPLATE, make_homework


def pack(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("files", "name"),
    [
        ({"Übung 1.ipynb": b"{}"}, "Übung 1.ipynb"),
        ({"sub/part_b.zip": b"PK"}, "part_b.zip"),
        ({"../../evil.ipynb": b"{}"}, "evil.ipynb"),
        ({"a.ipynb": b"{}", "b.zip": b"PK"}, "hand-in.zip"),
        ({"x" * 300 + ".ipynb": b"{}"}, "hand-in.zip"),
        ({}, "hand-in.zip"),
    ],
    ids=["notebook", "archive", "leads elsewhere", "several", "long name", "nothing"],
)
def test_a_single_file_is_graded_as_it_was_handed_in(
    tmp_path: Path, files: dict[str, bytes], name: str
) -> None:
    content = pack(files)
    path = work.lay_out(io.BytesIO(content), tmp_path)

    assert (path.name, path.is_relative_to(tmp_path)) == (name, True)
    assert path.read_bytes() == (content if name == "hand-in.zip" else next(iter(files.values())))


TESTS = [
    {
        "number": "R1",
        "name": "Sums",
        "score": 0,
        "output": "A line.\nMore",
        "extra_data": {"outcome": "passed"},
    }
]


def mark(outcome: str, **facts: Any) -> dict[str, Any]:
    return {"tests": [{**TESTS[0], "extra_data": {"outcome": outcome}}], "extra_data": facts}


@pytest.mark.parametrize(
    ("code", "results", "status", "reason"),
    [
        (0, {"tests": TESTS, "extra_data": {}}, GRADED, ""),
        (0, mark("machine", needs_instructor=["R1"]), MACHINE, "R1: A line."),
        (0, {}, KIT_ERROR, "grader grade ended with status 0; its log says why."),
        (1, {}, KIT_ERROR, "grader grade ended with status 1; its log says why."),
        (
            2,
            {"output": "No notebook.", "tests": [], "extra_data": {"outcome": "refused"}},
            UNREADABLE,
            "No notebook.",
        ),
        (2, {"output": "No bwrap.", "tests": [], "extra_data": {"outcome": "machine"}}, MACHINE, "No bwrap."),
        (2, {"output": "No file.", "tests": [], "extra_data": {"outcome": "broken"}}, KIT_ERROR, "No file."),
        (3, mark("broken"), KIT_ERROR, "R1: A line."),
        (
            3,
            {"output": "Killed.", "tests": [], "extra_data": {"outcome": "interrupted"}},
            INTERRUPTED,
            "Killed.",
        ),
        (
            130,
            {"output": "Ctrl-C.", "tests": [], "extra_data": {"outcome": "interrupted"}},
            INTERRUPTED,
            "Ctrl-C.",
        ),
        (-9, {}, INTERRUPTED, "Grading was killed by signal 9."),
        (
            None,
            {},
            MACHINE,
            "Grading was ended after 9 s. Give it more time: limits.hand_in_timeout_s in grader.toml.",
        ),
    ],
)
def test_how_a_grading_ended(code: int | None, results: dict[str, Any], status: str, reason: str) -> None:
    assert work._judge(code, results, WorkOrder("", 1, "s", timeout_s=9)) == (status, reason)


# Ends when its lifeline is cut, as `grader grade` does, and leaves a process that hangs on one of its own, as pytest does.
PROGRAM = """
import os, pathlib, subprocess, sys, tempfile, threading
from grader.interruption import Lifeline, heed_signals
heed_signals()
if len(sys.argv) > 1:
    line = Lifeline()
    command = [sys.executable, "-c", pathlib.Path("program").read_text()]
    child = subprocess.Popen(command, pass_fds=line.handles, env={**os.environ, **line.environment})
    pathlib.Path(sys.argv[1]).write_text(str(child.pid))
tempfile.mkdtemp()
print("begun", flush=True)
try:
    if sys.argv[-1] == "crash":
        while not pathlib.Path(sys.argv[1]).exists(): pass
        os.kill(os.getpid(), 9)
    threading.Event().wait(60)
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., WorkOrder]:
    """Makes `grade` run PROGRAM in place of `grader grade`; its second process's number is in the file `child`."""

    def stand_in(*arguments: str, **settings: Any) -> WorkOrder:
        def make_command(_: bytes, __: WorkOrder, folder: Path) -> list[str]:
            (folder / "program").write_text(PROGRAM)
            return [sys.executable, "-c", PROGRAM, str(tmp_path / "child"), *arguments]

        monkeypatch.setattr(work, "_make_command", make_command)
        (tmp_path / "place").mkdir()
        return WorkOrder("", 1, "s", place=str(tmp_path / "place"), **settings)

    return stand_in


def is_running(pid: int) -> bool:
    """One that has ended may not be reaped yet by whoever inherited it."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def check_nothing_is_left(folder: Path) -> None:
    assert not is_running(int((folder / "child").read_text()))
    assert list((folder / "place").iterdir()) == []


def test_an_interrupted_grading_leaves_nothing(stand_in: Callable[..., WorkOrder], tmp_path: Path) -> None:
    order = stand_in()
    outcomes = []
    thread = threading.Thread(target=lambda: outcomes.append(grade(pack({}), order)))
    thread.start()
    while not (tmp_path / "child").exists() and thread.is_alive():
        thread.join(0.05)
    work.interrupt()
    thread.join(60)

    assert outcomes[0].files["log.txt"].startswith(b"begun")
    check_nothing_is_left(tmp_path)


def test_a_killed_grading_leaves_nothing(stand_in: Callable[..., WorkOrder], tmp_path: Path) -> None:
    outcome = grade(pack({}), stand_in("crash"))

    assert (outcome.status, outcome.reason) == (INTERRUPTED, "Grading was killed by signal 9.")
    check_nothing_is_left(tmp_path)


def test_a_grading_that_takes_too_long_is_ended(stand_in: Callable[..., WorkOrder], tmp_path: Path) -> None:
    outcome = grade(pack({}), stand_in(timeout_s=0.1))

    assert outcome.status == MACHINE
    assert list((tmp_path / "place").iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="ends processes as only such systems do")
def test_what_a_killed_batch_left_is_ended_and_removed_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "_END_S", 0.1)
    left, other = tmp_path / "b-left", tmp_path / "b-left-alone"
    left.mkdir()
    owner = {"pid": 1, "host": socket.gethostname(), "place": str(left)}
    (tmp_path / LOCK).write_text(json.dumps(owner))
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", "input()"],
            stdin=subprocess.PIPE,
            env={**os.environ, "TMPDIR": str(place / "g-1" / "tmp")},
        )
        for place in (left, other)
    ]
    with processes[0] as inside, processes[1] as outside, claim(tmp_path):
        assert not left.exists()
        assert inside.wait(30) == -signal.SIGKILL
        assert outside.poll() is None


def test_a_small_cohort_is_graded_from_end_to_end(tmp_path: Path) -> None:
    make_homework(tmp_path / "homework")
    homework = read_homework(tmp_path / "homework")
    solved = (TEMPLATE / "notebooks" / "solved.ipynb").read_bytes()
    sources = {
        "anna": {"solved.ipynb": solved},
        "ben": {"notes.txt": b"none"},
        "cleo": {"a/hw.ipynb": solved, "b.txt": b"x"},
    }
    uploads = []
    for key, files in sources.items():
        listed = []
        for number, (name, content) in enumerate(files.items()):
            path = tmp_path / f"{key}-{number}"
            path.write_bytes(content)
            listed.append((name, path))
        uploads.append(Upload(key, tuple(listed), key))
    cohort = Cohort("folder", tuple(Party(key, (), key) for key in sources), tuple(uploads))
    settings = BatchSettings(homework, Configuration(jobs=2, isolation="none", grading_seed=7))

    assert run(cohort, tmp_path / "results", settings) == 0
    with open_gradebook(tmp_path / "results") as book:
        anna, ben, cleo = read_standings(book, homework)
    assert [(each.status, each.score) for each in (anna, ben, cleo)] == [
        (GRADED, 3),
        (UNREADABLE, 0),
        (GRADED, 3),
    ]
    assert anna.exercises[1].awaited == ("Explanation",)
    assert anna.latest_run is not None
    assert (
        json.loads((anna.latest_run.folder / "results.json").read_text())["extra_data"]["suite"]
        == anna.latest_run.suite
    )
    assert b"Ring all-reduce" in (anna.latest_run.folder / "log.txt").read_bytes()
    computed = [path.suffix for path in (tmp_path / "results" / "references").iterdir()]
    assert computed.count(".json") == computed.count(".lock") > 0
