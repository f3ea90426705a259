"""Computing the references: runs are shared, kept when interrupted, and compared when checked. Nothing is trained here."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import connection, get_context
from pathlib import Path
from typing import Any

import psutil
import pytest

from lab_2_hfl.results import RunResult
from private_tests import reference_runs, references
from solutions import experiments
from solutions.experiments import Setting


def make_result(setting: Setting) -> RunResult:
    """A run whose accuracies tell its number of clients and the round."""
    rounds = range(1, setting.nr_rounds + 1)
    a_round = max(1, round(setting.c * setting.n))
    parameters = (setting.algorithm, setting.n, setting.c, setting.b, setting.e, setting.lr, setting.seed)
    return RunResult(
        *parameters,
        wall_time=[float(number) for number in rounds],
        message_count=[2 * a_round * number for number in rounds],
        test_accuracy=[setting.n + number / 100 for number in rounds],
    )


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where references go in a test."""
    monkeypatch.setattr(references, "FOLDER", tmp_path)
    monkeypatch.setattr(references, "_describe_provenance", lambda seconds: {"seconds": seconds})
    return tmp_path


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[Setting]:
    """The settings that were trained."""
    settings: list[Setting] = []

    def train(setting: Setting) -> RunResult:
        settings.append(setting)
        return make_result(setting)

    monkeypatch.setattr(experiments, "train", train)
    return settings


def list_settings(seed: int = 10) -> list[Setting]:
    tables = (experiments.list_client_number_settings, experiments.list_client_fraction_settings)
    curves = (
        experiments.list_local_epoch_settings,
        experiments.list_iid_noniid_settings,
        experiments.list_noniid_parameter_settings,
    )
    return [s for table in tables for s in table(seed=seed)] + [
        s for curve in curves for s in curve(seed=seed).values()
    ]


def test_runs_that_tables_share_are_trained_once_and_long_enough(
    folder: Path, trained: list[Setting]
) -> None:
    references.compute("digits", 10)
    longest: dict[Setting, int] = {}
    for setting in list_settings():
        key = experiments.without_rounds(setting)
        longest[key] = max(longest.get(key, 0), setting.nr_rounds)

    assert {experiments.without_rounds(s): s.nr_rounds for s in trained} == longest
    assert len(trained) == len(longest) < len(list_settings())
    assert (folder / "digits.json").exists()


@pytest.mark.usefixtures("folder", "trained")
def test_tables_and_curves_have_their_own_number_of_rounds() -> None:
    references.compute("digits", 10)
    stored = references.read("digits")["seeds"]["10"]["experiments"]
    number, iid = stored["client_number"], stored["iid_noniid"]["FedAvg iid"]

    assert [(row["Algorithm"], row["N"]) for row in number[-2:]] == [("FedSGD", 100), ("FedAvg", 100)]
    assert (number[-1]["Message count"], number[-1]["Test accuracy"]) == (200, 100.10)
    assert (len(iid), iid[-1]) == (15, 100.15)


def interrupt_after(runs: int, settings: list[Setting]) -> Callable[[Setting], RunResult]:
    def train(setting: Setting) -> RunResult:
        if len(settings) == runs:
            raise KeyboardInterrupt
        settings.append(setting)
        return make_result(setting)

    return train


def test_an_interrupted_computation_goes_on_where_it_stopped(
    folder: Path, trained: list[Setting], monkeypatch: pytest.MonkeyPatch
) -> None:
    train, before = experiments.train, []
    monkeypatch.setattr(experiments, "train", interrupt_after(3, before))
    with pytest.raises(KeyboardInterrupt):
        references.compute("digits", 10)
    monkeypatch.setattr(experiments, "train", train)
    references.compute("digits", 10)

    assert len(before) == 3
    assert set(before).isdisjoint(trained)
    assert len(before) + len(trained) == len({experiments.without_rounds(s) for s in list_settings()})
    assert not list((folder / ".partial").iterdir())


def test_a_line_that_was_cut_off_is_dropped(
    folder: Path, trained: list[Setting], monkeypatch: pytest.MonkeyPatch
) -> None:
    train, before = experiments.train, []
    monkeypatch.setattr(experiments, "train", interrupt_after(3, before))
    with pytest.raises(KeyboardInterrupt):
        references.compute("digits", 10)
    [partial] = (folder / ".partial").iterdir()
    partial.write_text(partial.read_text()[:-20])
    monkeypatch.setattr(experiments, "train", train)
    references.compute("digits", 10)

    assert [setting for setting in before if setting in trained] == before[2:]


@pytest.mark.usefixtures("trained")
def test_another_seed_is_added_to_the_file(folder: Path) -> None:
    references.compute("digits", 10)
    references.compute("digits", 11)

    assert references.read("digits")["seeds"].keys() == {"10", "11"}
    assert [path.name for path in folder.iterdir() if path.is_file()] == ["digits.json"]


@pytest.mark.usefixtures("folder", "trained")
def test_a_check_compares_the_first_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    references.compute("digits", 10)

    def drift(setting: Setting) -> RunResult:
        result = make_result(setting)
        result.test_accuracy[-1] += 3.0 if setting.algorithm == "FedAvg" else 0.0
        return result

    monkeypatch.setattr(experiments, "train", drift)
    drifts = references.check("digits", 10)

    assert [(found.curve, round(found.points, 6)) for found in drifts] == [
        ("FedSGD iid", 0.0),
        ("FedSGD non-iid", 0.0),
        ("FedAvg iid", 3.0),
        ("FedAvg non-iid", 3.0),
    ]


@pytest.fixture
def command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command sets these variables for its own process."""
    for variable in ("LAB_2_HFL_DATASET", "LAB_2_HFL_TRAIN_SAMPLES", "LAB_2_HFL_TEST_SAMPLES"):
        monkeypatch.setenv(variable, "")


@pytest.mark.usefixtures("command_line")
@pytest.mark.parametrize(("points", "status", "word"), [(1.9, 0, "ok"), (2.1, 1, "DRIFTS")])
def test_drift_beyond_tolerance_is_an_exit_status(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], points: float, status: int, word: str
) -> None:
    drift = references.Drift("FedAvg iid", [10.0, 20.0], [10.0, 20.0 + points])
    monkeypatch.setattr(references, "check", lambda *_: [drift])

    assert references.main(["--check", "--dataset", "digits"]) == status
    assert f"{word}: {points:.2f} points" in capsys.readouterr().out


@pytest.mark.usefixtures("command_line")
def test_ctrl_c_says_that_nothing_is_lost(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(references, "compute", interrupt)

    assert references.main(["--dataset", "digits", "--seed", "10"]) == 130
    assert "The finished runs are kept" in capsys.readouterr().err


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
