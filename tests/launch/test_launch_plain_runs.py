"""Scripts of every clumsy kind, run for real but without torch, so that each takes a moment only."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from starting import run, shell, write

import launch
from launch.descendants import TOKEN_VARIABLE
from launch.run_report import FailureKind, Outcome, RankState

NOTHING = "pass\n"


def states(report: launch.RunReport) -> list[RankState]:
    return [rank.state for rank in report.ranks]


def test_ranks_that_train_nothing(tmp_path):
    report = shell(tmp_path, NOTHING)
    assert report.outcome is Outcome.WRONG_STEPS
    assert states(report) == [RankState.ENDED, RankState.ENDED]
    assert report.script_waited
    assert report.exit_status == 0


@pytest.mark.parametrize(
    ("program", "kind", "words"),
    [
        (
            "import no_such_module\n",
            FailureKind.RAISED,
            "ModuleNotFoundError: No module named 'no_such_module'",
        ),
        ("input('name? ')\n", FailureKind.RAISED, "Nobody answers"),
        ("open('/home/anna/data.txt')\n", FailureKind.RAISED, "relative to the script"),
        ("def f(:\n", FailureKind.RAISED, "SyntaxError"),
        ("import sys; sys.exit(3)\n", FailureKind.EXITED, "exit status 3"),
        ("import os; os._exit(4)\n", FailureKind.EXITED, "exit status 4"),
        ("import ctypes; ctypes.string_at(0)\n", FailureKind.KILLED, "Segmentation fault"),
        ("import os; os.kill(os.getpid(), 9)\n", FailureKind.KILLED, "killed by a signal"),
    ],
    ids=["missing import", "input", "absolute path", "syntax", "sys.exit", "os._exit", "segfault", "killed"],
)
def test_a_rank_that_fails(tmp_path, program, kind, words):
    other = "import time; time.sleep(60)\n"
    write(tmp_path, "other.py", other)
    report = shell(tmp_path, program, "python other.py 0 &\npython b1.py 1 &\nwait\n")
    assert report.outcome is Outcome.CRASHED
    assert report.failure is not None
    assert (report.failure.rank, report.failure.kind) == (1, kind)
    assert words in report.sentence
    assert report.duration_s < 30  # the sleeping rank was not waited for


def test_an_exception_that_is_printed_again_and_again(tmp_path):
    program = (
        "import time, traceback\n"
        "while True:\n"
        "    try:\n"
        "        raise ValueError('no')\n"
        "    except ValueError:\n"
        "        traceback.print_exc()\n"
        "        time.sleep(0.1)\n"
    )
    report = shell(tmp_path, program)
    assert report.outcome is Outcome.CRASHED
    assert "fails with ValueError: no again and again, and catches it each time at b1.py:4" in report.sentence


@pytest.mark.parametrize("say", ["print('failed:', error)", "import logging; logging.exception('failed')"])
def test_an_exception_that_was_caught_is_told_with_what_came_of_it(tmp_path, say):
    program = f"import time\ntry:\n    open('gone')\nexcept OSError as error:\n    {say}\ntime.sleep(600)\n"
    report = shell(tmp_path, program, timeout_s=4.0)
    assert report.outcome is Outcome.TOO_SLOW
    assert (
        "had caught FileNotFoundError: \"[Errno 2] No such file or directory: 'gone'\" at b1.py:3"
        in report.sentence
    )


def test_a_failure_shows_the_students_line_and_none_of_the_launchers(tmp_path):
    report = shell(tmp_path, "def train():\n    raise ValueError('no')\ntrain()\n")
    assert report.failure is not None
    assert str(report.failure.at) == "b1.py:2"
    assert "launch" not in report.failure.traceback


def test_a_run_s_folder_is_not_told(tmp_path):
    report = shell(tmp_path, "import os\nopen(os.path.abspath('stories.txt'))\n")
    assert "No such file or directory: 'stories.txt'" in report.sentence


def test_a_script_that_starts_nothing(tmp_path):
    report = run(write(tmp_path, "b1.sh", "no-such-command\n"))
    assert report.outcome is Outcome.CRASHED
    assert report.failure is not None
    assert report.failure.kind is FailureKind.SCRIPT
    assert "no-such-command" in report.sentence


def test_windows_line_ends_no_run_bit_and_a_name_with_spaces(tmp_path):
    folder = tmp_path / "Abgabe von Jörg"
    folder.mkdir()
    lines = 'cd "$(dirname "$0")"\r\nfor r in 0 1; do\r\n  python b1.py $r &\r\ndone\r\nwait\r\n'
    report = shell(folder, NOTHING, lines, name="b 1.sh")
    assert states(report) == [RankState.ENDED, RankState.ENDED]
    assert any("Windows line ends" in note for note in report.notes)


def test_a_script_that_does_not_wait(tmp_path):
    report = shell(tmp_path, "import time; time.sleep(1.5)\n", "python b1.py 0 &\npython b1.py 1 &\n")
    assert states(report) == [RankState.ENDED, RankState.ENDED]
    assert not report.script_waited
    assert any("does not wait" in note for note in report.notes)


def test_output_is_read_to_the_end_and_kept_in_part(tmp_path):
    program = "import sys\nfor _ in range(1000): sys.stdout.write('x' * 99_999 + '\\n')\nprint('the end')\n"
    report = shell(tmp_path, program)
    assert states(report) == [RankState.ENDED, RankState.ENDED]
    assert report.output.dropped_bytes > 190_000_000
    assert len(report.output.text) < 1_000_000
    assert report.output.text.rstrip().endswith("the end")


def test_escape_sequences_do_not_reach_the_report(tmp_path):
    report = shell(tmp_path, "print('\\x1b[2J')\nraise ValueError('\\x1b[31mred')\n")
    assert "\x1b" not in report.output.text + report.sentence


def test_nothing_survives_a_run(tmp_path):
    daemon = (
        "import os, sys, time\n"
        "if sys.argv[1] == '0' and os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0:\n"
        "        time.sleep(600)\n"
    )
    report = shell(tmp_path, daemon)
    assert report.survivors == ()
    token = run_token(report)
    assert [process for process in psutil.process_iter() if carries(process, token)] == []


def run_token(report: launch.RunReport) -> str:
    """The folder of the run marks its processes too: a process of it has the folder in its environment."""
    return str(report.events_dir)


def carries(process: psutil.Process, text: str) -> bool:
    try:
        return text in process.environ().get("LAUNCH_EVENTS", "") or text in process.environ().get(
            TOKEN_VARIABLE, ""
        )
    except psutil.Error:
        return False


def test_time_is_up_for_a_rank_that_sleeps(tmp_path):
    report = shell(tmp_path, "import time\ntime.sleep(600)\n", timeout_s=2.0)
    assert report.outcome is Outcome.TOO_SLOW
    assert states(report) == [RankState.ASLEEP, RankState.ASLEEP]
    assert "time.sleep(600) b1.py:2" in report.sentence


def test_python_that_hides_from_the_launcher(tmp_path):
    report = shell(tmp_path, NOTHING, "python -I b1.py 0 &\npython -S b1.py 1 &\nwait\n")
    assert report.outcome is Outcome.WRONG_STEPS
    assert states(report)[0] is RankState.MISSING
    assert "python -I" in report.sentence


def test_a_script_that_sets_the_path_anew_is_watched_all_the_same(tmp_path):
    report = shell(tmp_path, NOTHING, "export PYTHONPATH=.\npython b1.py 0 &\npython3 b1.py 1 &\nwait\n")
    assert states(report) == [RankState.ENDED, RankState.ENDED]


def test_a_sitecustomize_of_the_environment_still_runs(tmp_path):
    write(tmp_path, "sitecustomize.py", "import builtins\nbuiltins.greeting = 'hello'\n")
    report = shell(tmp_path, "print(greeting)\n", environment={"PYTHONPATH": str(tmp_path)})
    assert report.output.text.count("hello") == 2


def test_an_alias_stands_in_for_a_missing_module(tmp_path):
    library = tmp_path / "elsewhere" / "lab_of_ours"
    library.mkdir(parents=True)
    write(library, "__init__.py", "")
    write(library, "llama.py", "class Stage: pass\n")
    program = "from simplellm.llama import Stage\nimport simplellm.llama, sys\nprint(Stage.__module__)\n"
    sys.path.insert(0, str(library.parent))
    try:
        report = shell(tmp_path, program, alias={"simplellm": "lab_of_ours"})
    finally:
        sys.path.remove(str(library.parent))
    assert report.output.text.split() == ["lab_of_ours.llama"] * 2
    assert "`import simplellm` was given the module lab_of_ours." in report.notes


def test_what_the_alias_has_not_is_stood_in_for(tmp_path, monkeypatch):
    library = tmp_path / "elsewhere" / "lab_of_ours"
    library.mkdir(parents=True)
    write(library, "__init__.py", "")
    write(library, "llama.py", "class Stage: pass\n")
    program = (
        "from simplellm.llama.llama import Stage, Other\n"
        "from simplellm.utils import State\n"
        "import simplellm.gpt.base\n"
        "State.set_seed(42)\n"
        "print(Stage.__module__)\n"
    )
    monkeypatch.syspath_prepend(str(library.parent))
    report = shell(tmp_path, program, alias={"simplellm": "lab_of_ours"})
    assert report.output.text.split() == ["lab_of_ours.llama"] * 2
    assert any("nothing like simplellm.utils.State" in note for note in report.notes)
    assert any("nothing like simplellm.llama.Other" in note for note in report.notes)


def test_a_module_that_stands_in_finds_its_own_parts(tmp_path, monkeypatch):
    """`from . import size` looks for the part among the names of its package before it imports it."""
    library = tmp_path / "elsewhere" / "lab_of_ours"
    library.mkdir(parents=True)
    write(library, "__init__.py", "")
    write(library, "size.py", "WIDTH = 288\n")
    write(library, "llama.py", "from . import size\n")
    monkeypatch.syspath_prepend(str(library.parent))
    program = "from simplellm.llama import size\nprint(size.WIDTH + 0)\n"
    assert shell(tmp_path, program, alias={"simplellm": "lab_of_ours"}).output.text.split() == ["288"] * 2


def test_a_module_beside_the_script_wins_over_its_alias(tmp_path):
    write(tmp_path, "simplellm.py", "name = 'mine'\n")
    report = shell(tmp_path, "import simplellm\nprint(simplellm.name)\n", alias={"simplellm": "json"})
    assert report.output.text.split() == ["mine", "mine"]


def test_a_python_file_is_started_once_for_each_rank(tmp_path):
    report = run(write(tmp_path, "b1.py", "import sys\nprint('rank', sys.argv[1])\n"))
    assert sorted(report.output.text.split()) == ["0", "1", "rank", "rank"]


def test_a_later_run_replaces_an_earlier_one(tmp_path):
    shell(tmp_path, NOTHING)
    report = shell(tmp_path, NOTHING)
    assert len(list(report.events_dir.glob("*.jsonl"))) == 2


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path):
    precious = write(tmp_path, "thesis.tex", "")
    with pytest.raises(launch.ScriptError, match=r"thesis\.tex"):
        shell(tmp_path, NOTHING, output_dir=tmp_path)
    assert precious.exists()


def test_a_sandbox_can_wrap_the_command(tmp_path):
    seen: list[list[str]] = []

    def start(arguments, *, env, cwd, stdout):
        seen.append(arguments)
        return launch.start_plainly(["env", "WRAPPED=yes", *arguments], env=env, cwd=cwd, stdout=stdout)

    report = shell(tmp_path, "import os\nprint(os.environ['WRAPPED'])\n", start=start)
    assert seen == [report_command(tmp_path)]
    assert report.output.text.split() == ["yes", "yes"]


def report_command(folder: Path) -> list[str]:
    return ["/usr/bin/bash" if Path("/usr/bin/bash").exists() else "/bin/bash", str(folder / "b1.sh")]


def test_the_files_of_a_run(tmp_path):
    report = shell(tmp_path, "raise ValueError('no')\n")
    summary = json.loads((report.output_dir / "report.json").read_text(encoding="utf-8"))
    assert summary["outcome"] == "crashed"
    assert summary["failure"]["message"] == "no"
    assert {path.name for path in report.output_dir.iterdir()} == {
        "control",
        "events",
        "output.txt",
        "picture.svg",
        "report.json",
        "trace.json",
    }


@pytest.mark.parametrize(
    "number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=["Ctrl-C", "SIGTERM", "SIGHUP"]
)
def test_an_interrupted_run_ends_everything_and_reports(tmp_path, number):
    script = write(tmp_path, "b1.sh", "python b1.py 0 &\npython b1.py 1 &\nwait\n")
    write(tmp_path, "b1.py", "import time\nprint('up', flush=True)\ntime.sleep(600)\n")
    command = [
        sys.executable,
        "-m",
        "launch",
        str(script),
        "--ranks",
        "2",
        "--steps",
        "1",
        "--output",
        str(tmp_path / "out"),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as launcher:
        ranks = wait_for(lambda: len(list((tmp_path / "out" / "events").glob("*.jsonl"))) == 2)
        assert ranks
        launcher.send_signal(number)
        launcher.send_signal(number)  # as somebody does who is impatient
        text, _ = launcher.communicate(timeout=30)
    assert launcher.returncode == 130
    assert text.startswith("INTERRUPTED")
    assert (tmp_path / "out" / "report.json").exists()
    token = str(tmp_path / "out" / "events")
    assert [process for process in psutil.process_iter() if carries(process, token)] == []


def wait_for(condition) -> bool:
    """Poll for something that another process is about to do."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if condition():
            return True
        os.sched_yield()
    return False


def test_what_a_worker_forges_is_counted_and_harms_nothing(tmp_path):
    program = (
        "import os, glob\n"
        "folder = os.environ['LAUNCH_EVENTS']\n"
        "open(folder + '/7-7.jsonl', 'wb').write(b'{}\\n[[[\\n\\xff\\n')\n"
        "os.symlink('/etc/passwd', folder + '/8-8.jsonl')\n"
        "os.mkfifo(folder + '/9-9.jsonl')\n"
    )
    write(tmp_path, "b1.py", program)
    report = run(write(tmp_path, "b1.sh", "python b1.py 0\n"))
    assert report.outcome is Outcome.WRONG_STEPS
    assert report.rejected_lines == 5
