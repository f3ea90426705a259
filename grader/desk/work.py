"""Grades one hand-in in a process of its own. It is all that a pool of threads or processes or a cluster sees, and knows no gradebook."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import psutil

from ..containment import remove_folder
from ..interruption import Lifeline
from ..surroundings import PROGRESS
from .outcome import GRADED, INTERRUPTED, KIT_ERROR, MACHINE, UNREADABLE, RunOutcome

_END_S = 90.0  # for a grading that is interrupted to remove what it made
_MAX_LOG_BYTES = 1 << 20
_MAX_REASON = 500

_at_work: set[Lifeline] = set()
_lock = threading.Lock()


@dataclass(frozen=True)
class WorkOrder:
    """How a hand-in is graded; plain data, which can be sent to another machine.

    homework: its folder; exercises: None for all; suite: the digest of the sources that are expected to grade
    environment: of the grading, such as the data set and the number of threads
    place: a folder for what is temporary; progress: a file that says which exercise is being graded. None where nobody looks at them
    """

    homework: str
    grading_seed: int
    suite: str
    exercises: tuple[str, ...] | None = None
    isolation: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float = 7200.0
    place: str | None = None
    progress: str | None = None


def grade(content: bytes, order: WorkOrder) -> RunOutcome:
    """Grade a hand-in, given as `Upload.pack` makes it. Never raises for what is in it; raises OSError if this machine can't even begin."""
    started_at, start_s = datetime.now(UTC), time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="g-", dir=order.place))  # short: Unix sockets lie below it
    try:
        (folder / "tmp").mkdir()
        command = _make_command(content, order, folder)
        del content  # it may be large, and grading takes long
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = None
            code = _run(command, order, folder)
        results = _read_results(folder / "results.json")
        status, reason = _judge(code, results, order)
        facts = results.get("extra_data", {})
        return RunOutcome(
            status=status,
            reason=reason[:_MAX_REASON],
            results=results,
            files=dict(_collect(folder)),
            host=socket.gethostname(),
            started_at=started_at,
            ended_at=datetime.now(UTC),
            seconds=time.monotonic() - start_s,
            exercises=order.exercises,
            suite=facts.get("suite", order.suite),
            grading_seed=order.grading_seed,
        )
    finally:
        end_processes(folder)
        remove_folder(folder)


def interrupt() -> None:
    """Interrupt all gradings that this process has under way; each then returns what came of it."""
    with _lock:
        for lifeline in _at_work:
            lifeline.cut()


# --- the process --------------------------------------------------------------------------------------------------------------------------


def _make_command(content: bytes, order: WorkOrder, folder: Path) -> list[str]:
    command = [sys.executable, "-P", "-m", "grader", "grade", str(lay_out(io.BytesIO(content), folder))]
    command += [f"--homework={order.homework}", f"--json={folder / 'results.json'}"]
    command += [f"--grading-seed={order.grading_seed}"]
    if order.exercises is not None:
        command.append(f"--exercise={','.join(order.exercises)}")
    if order.isolation is not None:
        command.append(f"--isolation={order.isolation}")
    return command


def lay_out(packed: IO[bytes], folder: Path) -> Path:
    """The submission as `grader grade` takes it: a single file as it was handed in, perhaps an archive of its own, else all as one archive.

    packed: what `Upload.pack` has written
    """
    with zipfile.ZipFile(packed) as archive:
        names = archive.namelist()
        if len(names) == 1:
            path = folder / "hand-in" / Path(names[0]).name
            with contextlib.suppress(OSError, ValueError):  # a name that this system does not take
                path.parent.mkdir()
                with archive.open(names[0]) as source, path.open("wb") as target:
                    shutil.copyfileobj(source, target)
                return path
    path = folder / "hand-in.zip"
    packed.seek(0)
    with path.open("wb") as file:
        shutil.copyfileobj(packed, file)
    return path


def _run(command: list[str], order: WorkOrder, folder: Path) -> int:
    """The command's exit status. Raises subprocess.TimeoutExpired if it took too long, and was ended."""
    environment = {**os.environ, **order.environment, "TMPDIR": str(folder / "tmp")}
    if order.progress is not None:
        environment[PROGRESS] = order.progress
    with _hold() as lifeline, (folder / "log.txt").open("wb") as log:
        process = subprocess.Popen(
            command,
            env={**environment, **lifeline.environment},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            process_group=0 if os.name == "posix" else None,  # the terminal's Ctrl-C is for who started us
            pass_fds=lifeline.handles,
        )
        try:
            return process.wait(order.timeout_s)
        finally:
            lifeline.cut()
            try:
                process.wait(_END_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextlib.contextmanager
def _hold() -> Iterator[Lifeline]:
    """A lifeline that `interrupt` cuts."""
    with Lifeline() as lifeline:
        with _lock:
            _at_work.add(lifeline)
        try:
            yield lifeline
        finally:
            with _lock:
                _at_work.remove(lifeline)


def end_processes(folder: Path) -> None:
    """End what works below a folder and outlived a grading that was killed: such processes hang on a lifeline, and need a moment."""
    left = [each for each in psutil.process_iter() if _read_temporary(each).is_relative_to(folder)]
    for each in psutil.wait_procs(left, timeout=_END_S)[1]:
        with contextlib.suppress(psutil.Error):
            each.send_signal(signal.SIGKILL)


def _read_temporary(process: psutil.Process) -> Path:
    """The folder in which a process puts what is temporary; an empty path if that is not ours to know."""
    try:
        return Path(process.environ().get("TMPDIR", ""))
    except (psutil.Error, OSError):
        return Path()


# --- what came of it ----------------------------------------------------------------------------------------------------------------------


def _read_results(path: Path) -> dict[str, Any]:
    """Empty if there are none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _judge(code: int | None, results: Mapping[str, Any], order: WorkOrder) -> tuple[str, str]:
    """The status, and a sentence on it; `code` is None after too long a time."""
    if code is None:
        return (
            MACHINE,
            f"Grading was ended after {order.timeout_s:.0f} s. Give it more time: limits.hand_in_timeout_s in grader.toml.",
        )
    said, facts = str(results.get("output", "")), results.get("extra_data", {})
    outcome = facts.get("outcome")
    if code < 0:
        return INTERRUPTED, f"Grading was killed by signal {-code}."
    if outcome == "interrupted":
        return INTERRUPTED, said
    if code == 0 and results.get("tests"):
        lacking = _find_first(results, "machine")
        return (MACHINE, lacking) if facts.get("needs_instructor") else (GRADED, "")
    if outcome == "refused" and code == 2:
        return UNREADABLE, said
    if outcome == "machine":
        return MACHINE, said
    return KIT_ERROR, _find_first(
        results, "broken"
    ) or said or f"grader grade ended with status {code}; its log says why."


def _find_first(results: Mapping[str, Any], outcome: str) -> str:
    """What is said of the first check that ended so."""
    for test in results.get("tests", ()):
        if test.get("extra_data", {}).get("outcome") == outcome:
            return f"{test.get('number')}: {test.get('output', '').splitlines()[0] if test.get('output') else test.get('name')}"
    return ""


def _collect(folder: Path) -> Iterator[tuple[str, bytes]]:
    """What is kept of a run: its results, with what pictures are drawn from, and the end of its log."""
    log = folder / "log.txt"
    if log.is_file():
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _MAX_LOG_BYTES))
            yield "log.txt", file.read()
    if (folder / "results.json").is_file():
        yield "results.json", (folder / "results.json").read_bytes()
