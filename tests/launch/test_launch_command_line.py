"""`python -m launch SCRIPT`: what it asks for, and what it says."""

from __future__ import annotations

import os
import subprocess
import sys
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import pytest
from recorded import Rank, situation
from starting import write

from launch import __main__
from launch.command import ScriptError
from launch.events import Backward
from launch.progress import Screen, loss_lines
from launch.run_report import EXIT_STATUS, Outcome, RankReport, RankState
from launch.yardstick import RunComparison, find_yardstick, load_comparison

KIT = Path(__file__).parents[2]
YARDSTICK = "STEPS = 2\ndef describe(report):\n    return f'compared: {report.outcome}'\n"


def start(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(KIT)}
    command = [sys.executable, "-m", "launch", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("script", "says"),
    [
        pytest.param("nowhere.sh", "nowhere.sh is not there", id="missing"),
        pytest.param("idle.sh", "idle.sh does not say how many ranks it starts", id="without workers"),
    ],
)
def test_a_script_that_can_not_be_started(tmp_path: Path, script: str, says: str) -> None:
    write(tmp_path, "idle.sh", "echo nothing to do\n")
    done = start(tmp_path, script)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_number_of_ranks_is_the_script_s(tmp_path: Path) -> None:
    write(tmp_path, "b1.py", "raise ValueError('not today')\n")
    script = write(tmp_path, "b1.sh", "for r in 0 1 2; do python b1.py $r & done; wait\n")
    script.chmod(0o600)  # no run bit is needed
    done = start(tmp_path, "b1.sh")
    assert done.returncode == 1
    assert "rank 2" in done.stdout
    assert "0/8" in done.stdout
    assert "not yet right" not in done.stdout


def test_comparing_is_refused_where_the_homework_switches_it_off(tmp_path: Path) -> None:
    write(tmp_path, "homework.toml", "[scripts]\nmemory_mib = 1\n")
    write(tmp_path, "b1.sh", "python b1.py 0\n")
    done = start(tmp_path, "b1.sh", "--compare")
    assert done.returncode == 2
    assert "names no `comparison`" in done.stderr
    assert not (tmp_path / "launch-output").exists()


def test_a_homework_names_its_yardstick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    write(tmp_path, "homework.toml", '[scripts]\ncomparison = "own_yardstick"\n')
    write(tmp_path, "own_yardstick.py", YARDSTICK)
    (tmp_path / "part_b").mkdir()
    assert load_comparison(find_yardstick(tmp_path / "part_b")).steps == 2


@pytest.mark.parametrize(
    ("text", "says"),
    [("[scripts", "can't be read"), ('[scripts]\ncomparison = "no_such_module"\n', "can't be imported")],
)
def test_a_homework_file_that_is_wrong(tmp_path: Path, text: str, says: str) -> None:
    write(tmp_path, "homework.toml", text)
    with pytest.raises(ScriptError, match=says):
        load_comparison(find_yardstick(tmp_path))


class Recorded:
    def __init__(self, events_dir: Path) -> None:
        self.events_dir = events_dir


@pytest.mark.parametrize("keep", [True, False])
def test_whole_tensors_are_kept_only_where_they_were_asked_for(tmp_path: Path, keep: bool) -> None:
    write(tmp_path, "1-step.safetensors", "numbers")
    write(tmp_path, "1.jsonl", "events")
    assert RunComparison(2, lambda _: "said").tell(Recorded(tmp_path), keep=keep) == "said"
    assert (tmp_path / "1-step.safetensors").exists() is keep
    assert (tmp_path / "1.jsonl").exists()


@pytest.mark.parametrize(
    ("outcome", "homework", "says"),
    [
        pytest.param(Outcome.FINISHED, 'comparison = "own"', "--compare says", id="it can be compared"),
        pytest.param(Outcome.FINISHED, "", "when you have handed in", id="it can't be compared"),
        pytest.param(Outcome.DEADLOCKED, "", "", id="not finished"),
    ],
)
def test_finished_is_not_yet_right(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    outcome: Outcome,
    homework: str,
    says: str,
) -> None:
    write(tmp_path, "homework.toml", f"[scripts]\n{homework}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(__main__, "ENDING", ())
    monkeypatch.setattr(__main__, "report_text", lambda *_: "")
    monkeypatch.setattr(__main__, "run", lambda *_, **given: SimpleNamespace(outcome=outcome, **given))
    assert __main__.main(["b1.sh", "--ranks", "3"]) == EXIT_STATUS[outcome]
    shown = capsys.readouterr().out
    assert shown.count("Finished is not yet right") == bool(says)
    assert says in shown


def test_a_comparison_can_be_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(_: object) -> str:
        raise KeyboardInterrupt

    write(tmp_path, "1-step.safetensors", "numbers")
    report = SimpleNamespace(outcome=Outcome.FINISHED, events_dir=tmp_path)
    monkeypatch.setattr(__main__, "ENDING", ())
    monkeypatch.setattr(__main__, "load_comparison", lambda _: RunComparison(2, interrupt))
    monkeypatch.setattr(__main__, "report_text", lambda *_: "")
    monkeypatch.setattr(__main__, "run", lambda *_, **__: report)
    assert __main__.main(["b1.sh", "--ranks", "3", "--compare"]) == 130
    assert capsys.readouterr().out.rstrip().endswith("Not compared: it was interrupted.")
    assert list(tmp_path.iterdir()) == []


def backward(step: int, loss: float | None) -> Backward:
    return Backward(1.0, step, 0.0, 1.0, 0, (0,), (), loss)


def test_losses_of_a_step_are_added_up() -> None:
    events = (backward(1, 2.0), backward(1, 1.5), backward(2, 3.0))
    (line,) = loss_lines([RankReport(2, RankState.ENDED, "", steps=100, events=events)])
    assert ": 3.500  3.000 " in line


def test_a_rank_without_a_loss_has_no_line() -> None:
    assert list(loss_lines([RankReport(0, RankState.ENDED, "", steps=1, events=(backward(1, None),))])) == []


def test_a_step_that_is_not_made_yet_has_no_loss() -> None:
    events = (backward(1, 2.0), backward(2, 1.0))
    (line,) = loss_lines([RankReport(2, RankState.COMPUTING, "", steps=1, events=events)])
    assert ": 2.000  (" in line


def test_losses_are_shown_while_they_come() -> None:
    class Terminal(StringIO):
        def isatty(self) -> bool:
            return True

    rank = Rank(0, 1).steps(1)
    rank.event("backward", step=1, start=0.0, end=1.0, thread=0, micro_batches=[0], shape=[], loss=7.5)
    screen = Screen(Terminal())
    screen.watch(situation([rank.worker()], ranks=1, steps=8))
    assert "Loss per step of rank 0: 7.500" in screen.stream.getvalue()


def test_of_many_losses_the_middle_is_left_out() -> None:
    events = tuple(backward(step, float(step)) for step in range(1, 101))
    (line,) = loss_lines([RankReport(2, RankState.ENDED, "", steps=100, events=events)])
    assert "8.000  …  93.000" in line
