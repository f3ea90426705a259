"""A rank that begins as a copy of a process with torch is, to its script, a process like any other."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

KIT = Path(__file__).parents[2]
PRELOADING = KIT / "launch" / "worker" / "preloading"
SITE = "def watch(): pass\n"
# Speaks of torch, so that it is preloaded.
SHOW = """
import json, os, sys, torch
print(json.dumps({
    "argv": sys.argv, "path": sys.path[0], "folder": os.getcwd(), "name": __name__, "file": __file__,
    "variable": os.environ.get("VARIABLE"), "input": sys.stdin.read(), "parent": os.getppid(), "preloaded": hasattr(torch, "born"),
}))
"""


@pytest.fixture
def start(tmp_path):
    """Starts a script as the launcher's `python` does, with a torch that is quick to import."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(SITE)
    (tmp_path / "site" / "torch.py").write_text("import sys\nif 'server.py' in sys.argv[0]: born = True\n")
    (tmp_path / "events").mkdir()
    started = []

    def start(program: str, *arguments: str, **changes: str) -> subprocess.Popen[str]:
        script = tmp_path / "b1.py"
        script.write_text(program)
        command = [sys.executable, "-I", "-S", PRELOADING / "standin.py", tmp_path / "events", sys.executable]
        environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site"), **changes}
        environment.pop("COVERAGE_PROCESS_START", None)
        process = subprocess.Popen(
            [*map(str, command), "b1.py", *arguments],
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are copied on Linux only")


def test_its_last_words_are_not_those_of_a_script_that_goes_on(start):
    process = start("import builtins, sys, torch\nbuiltins.print = None\nsys.exit('Not written yet.')\n")
    said = process.communicate()[1]

    assert (process.returncode, said) == (1, "Not written yet.\n")


def test_it_is_what_its_stand_in_was_started_as(start, tmp_path):
    process = start(SHOW, "2", "--flag", VARIABLE="of the shell")
    shown = json.loads(process.communicate("line\n")[0])
    assert shown.pop("parent") != process.pid
    assert shown == {
        "argv": ["b1.py", "2", "--flag"],
        "path": str(tmp_path),
        "folder": str(tmp_path),
        "name": "__main__",
        "file": "b1.py",
        "variable": "of the shell",
        "input": "line\n",
        "preloaded": True,
    }


def test_two_share_a_server(start):
    parents = [json.loads(start(SHOW).communicate()[0])["parent"] for _ in range(2)]
    assert parents[0] == parents[1]


@pytest.mark.parametrize(
    ("program", "status"),
    [
        ("import torch, sys; sys.exit(3)", 3),
        ("import torch, sys; sys.exit('no')", 1),
        ("import torch, sys; sys.exit(None)", 0),
        ("import torch; raise ValueError", 1),
        ("import torch, os; os._exit(5)", 5),
        ("import torch, os, signal; os.kill(os.getpid(), signal.SIGSEGV)", -signal.SIGSEGV),
        ("import torch", 0),
        ("torch )", 1),
    ],
)
def test_its_end_is_the_stand_ins(start, program, status):
    process = start(program)
    process.communicate()
    assert process.returncode == status


def test_threads_exit_functions_and_output_come_to_their_end(start):
    program = """
import atexit, threading, torch
go = threading.Event()
atexit.register(lambda: print("exit function"))
threading.Thread(target=lambda: (go.wait(10), print("thread"))).start()
print("script", end=" ")
go.set()
"""
    assert start(program).communicate()[0].split() == ["script", "thread", "exit", "function"]


def test_an_exception_is_shown(start):
    assert start("import torch\nraise ValueError('no')").communicate()[1].endswith("ValueError: no\n")


SLEEP = "import torch, os, time; print(os.getpid(), flush=True); time.sleep(100)"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_it_ends_when_the_stand_in_is_ended(start, number):
    process = start(SLEEP)
    ends = os.pidfd_open(int(process.stdout.readline()))
    process.send_signal(number)
    process.communicate()
    assert process.returncode == -number
    assert select.select([ends], [], [], 30)[0] == [ends]


@pytest.mark.parametrize(
    ("program", "changes"),
    [
        (SHOW.replace(", torch", "").replace('hasattr(torch, "born")', "False"), {}),
        (SHOW, {"OMP_NUM_THREADS": "7"}),
    ],
    ids=["without torch", "with other threads"],
)
def test_what_cannot_be_copied_is_started_afresh(start, program, changes):
    start(SHOW).communicate()
    process = start(program, **changes)
    shown = json.loads(process.communicate()[0])
    assert (shown["parent"], shown["preloaded"]) == (os.getpid(), False)
