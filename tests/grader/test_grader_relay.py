"""A process that pytest runs in has time to clean up after Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from grader import relay
from grader.__main__ import main
from grader.new import TEMPLATE

pytestmark = pytest.mark.skipif(os.name != "posix", reason="sends signals")

# Cleans up when it is interrupted, and takes longer for it than the quarter of a second of subprocess.run.
CHILD = """
import pathlib, sys, time
try:
    print("ready", flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    time.sleep(1)
    pathlib.Path(sys.argv[1]).write_text("clean")
"""
PARENT = """
import signal, sys
from grader import relay
from grader.interruption import heed_signals
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # who runs these tests may ignore it
heed_signals()
try:
    relay.run(sys.argv[1:])
except KeyboardInterrupt:
    sys.exit(130)
"""


def test_the_exit_status_is_passed_on() -> None:
    assert relay.run([sys.executable, "-c", "raise SystemExit(3)"]) == 3


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_an_interrupted_process_cleans_up(tmp_path: Path, name: str) -> None:
    sign = tmp_path / "sign"
    command = [sys.executable, "-c", PARENT, sys.executable, "-c", CHILD, str(sign)]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    assert parent.stdout.readline() == "ready\n"
    parent.send_signal(getattr(signal, name))

    try:
        assert parent.wait(30) == 130
    finally:
        parent.kill()
    assert sign.read_text() == "clean"


# As pytest is: it heeds what asks it to end, says which process it is, and takes its time.
HEEDFUL = """
import os, pathlib, sys, threading
from grader.interruption import heed_signals
heed_signals()
print(os.getpid(), os.environ.get("GRADER_LIFELINE"), flush=True)
try:
    threading.Event().wait(60)
except KeyboardInterrupt:
    pathlib.Path(sys.argv[1]).write_text("clean")
"""


def test_a_process_whose_parent_was_killed_cleans_up(tmp_path: Path) -> None:
    sign = tmp_path / "sign"
    command = [sys.executable, "-c", PARENT, sys.executable, "-c", HEEDFUL, str(sign)]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    number, lifeline = parent.stdout.readline().split()
    child = psutil.Process(int(number))
    parent.kill()

    try:
        parent.stdout.read()  # until the child, which holds the other end, has ended
        assert sign.read_text() == "clean"
        assert lifeline == "None"  # what it starts does not take the number for a pipe of its own
    finally:
        with suppress(psutil.NoSuchProcess):
            child.kill()
        parent.wait()


def test_what_is_ignored_stays_ignored() -> None:
    program = (
        "import signal; from grader.interruption import heed_signals; "
        "signal.signal(signal.SIGHUP, signal.SIG_IGN); heed_signals(); signal.raise_signal(signal.SIGHUP)"
    )

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize("has_written", [True, False], ids=["after its results", "before"])
def test_a_pytest_that_was_killed_gives_no_score(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_written: bool
) -> None:
    results = tmp_path / "results.json"

    def run(*_: object) -> int:
        if has_written:
            results.write_text('{"tests": [{"score": 1}]}')
        return -9

    monkeypatch.setattr(relay, "run", run)
    notebook, homework = str(TEMPLATE / "notebooks" / "solved.ipynb"), f"--homework={TEMPLATE}"

    assert main(["grade", notebook, homework, "--isolation=none", f"--json={results}"]) == 3
    found = json.loads(results.read_text())
    assert (found["tests"], found["extra_data"]["outcome"]) == ([], "interrupted")
