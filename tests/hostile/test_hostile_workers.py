"""Scripts of part B by strangers, all ranks in one container, under the launcher's eyes."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import pytest
from cases import aim, choose, contained, read_cases
from targets import CANARY, State, look

import launch
from grader.containment import ContainedWorkers, Level, Limits, View, remove_folder
from grader.containment.limits import MIB
from grader.isolation import KIT, make_view
from launch.run import HOOK

pytestmark = contained
LIMITS = Limits(resident_bytes=400 * MIB, scratch_bytes=50 * MIB, files=2_000, processes=200)
SCRIPT = "python b1.py 0 &\npython b1.py 1 &\nwait\n"
LIMIT_S = 60.0


@dataclass(frozen=True)
class WorkerCase:
    name: str
    program: str
    script: str = SCRIPT
    files: dict[str, str] = field(default_factory=dict)
    outcome: str = ""
    breach: str = ""
    timeout_s: float = 30.0
    then_port_is_free: bool = False
    quick: bool = False


def run(
    case: WorkerCase, targets: dict[str, str], folder: Path
) -> tuple[launch.RunReport, ContainedWorkers, str]:
    """Run a case's script; returns what the launcher says, and all that the run wrote for people."""
    submission = folder / "submission"
    submission.mkdir(parents=True)
    for name, text in (("b1.sh", case.script), ("b1.py", f"import os, sys, time\n{case.program}\n")):
        (submission / name).write_text(aim(text, targets))
    with ContainedWorkers(make_view((), KIT) + View((HOOK,)), Level.FULL, LIMITS) as workers:
        report = launch.run(
            submission / "b1.sh",
            ranks=2,
            steps=1,
            timeout_s=case.timeout_s,
            output_dir=folder / "out",
            start=workers.start,
        )
    written = [path for path in (folder / "out").iterdir() if path.is_file()]
    return report, workers, "".join(path.read_text(errors="replace") for path in written)


@pytest.mark.parametrize("case", choose(read_cases(WorkerCase, "workers.toml")))
def test_script_brings_about_what_it_may_and_no_more(
    case: WorkerCase, targets: dict[str, str], work: Path, clean: State, folder: Path
) -> None:
    start = monotonic()
    report, workers, shown = run(case, targets, work / "run")
    seconds = monotonic() - start

    for name, content in case.files.items():
        assert (work / "run" / "submission" / name).read_text() == content
    assert re.fullmatch(case.breach, workers.breach.limit if workers.breach else "")
    assert report.outcome != launch.Outcome.FINISHED
    assert CANARY not in shown
    assert report.survivors == ()
    assert seconds < LIMIT_S
    if case.then_port_is_free:
        with socket.create_server(("127.0.0.1", 29500)):
            pass
    assert report.outcome.value == (case.outcome or report.outcome.value)
    remove_folder(work / "run")
    assert look(folder) == clean


@pytest.fixture(autouse=True)
def _run_is_removed(work: Path) -> Iterator[None]:
    yield
    remove_folder(work / "run")
