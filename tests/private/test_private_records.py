"""Computing the records: runs are shared, kept when interrupted, and compared when checked. Nothing is trained here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lab_2_hfl.results import RunResult
from private_tests.answer_key import records
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
    """Where records go in a test."""
    monkeypatch.setattr(records, "FOLDER", tmp_path)
    monkeypatch.setattr(records, "_describe_provenance", lambda seconds: {"seconds": seconds})
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
    return [s for experiment in experiments.EXPERIMENTS for s in experiment.settings(seed=seed).values()]


def test_runs_that_tables_share_are_trained_once_and_long_enough(
    folder: Path, trained: list[Setting]
) -> None:
    records.compute("digits", 10)
    longest = records.find_longest(list_settings())

    assert sorted(trained, key=str) == sorted(longest.values(), key=str)
    assert (folder / "digits.json").exists()


def test_of_settings_that_differ_in_their_length_the_longest_is_run() -> None:
    shorter, longer, other = (
        Setting("FedSGD", n, 0.1, True, -1, 1, 0.1, 7, r) for n, r in ((5, 2), (5, 3), (6, 2))
    )

    assert list(records.find_longest([longer, shorter, other]).values()) == [longer, other]


@pytest.mark.usefixtures("folder", "trained")
def test_tables_and_curves_have_their_own_number_of_rounds() -> None:
    records.compute("digits", 10)
    stored = records.read("digits")["seeds"]["10"]["experiments"]
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
        records.compute("digits", 10)
    monkeypatch.setattr(experiments, "train", train)
    records.compute("digits", 10)

    assert len(before) == 3
    assert set(before).isdisjoint(trained)
    assert len(before) + len(trained) == len(records.find_longest(list_settings()))
    assert not list((folder / ".partial").iterdir())


def test_a_line_that_was_cut_off_is_dropped(
    folder: Path, trained: list[Setting], monkeypatch: pytest.MonkeyPatch
) -> None:
    train, before = experiments.train, []
    monkeypatch.setattr(experiments, "train", interrupt_after(3, before))
    with pytest.raises(KeyboardInterrupt):
        records.compute("digits", 10)
    [partial] = (folder / ".partial").iterdir()
    partial.write_text(partial.read_text()[:-20])
    monkeypatch.setattr(experiments, "train", train)
    records.compute("digits", 10)

    assert [setting for setting in before if setting in trained] == before[2:]


@pytest.mark.usefixtures("trained")
def test_another_seed_is_added_to_the_file(folder: Path) -> None:
    records.compute("digits", 10)
    records.compute("digits", 11)

    assert records.read("digits")["seeds"].keys() == {"10", "11"}
    assert [path.name for path in folder.iterdir() if path.is_file()] == ["digits.json"]


@pytest.mark.usefixtures("folder", "trained")
def test_a_check_compares_the_first_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    records.compute("digits", 10)

    def drift(setting: Setting) -> RunResult:
        result = make_result(setting)
        result.test_accuracy[-1] += 3.0 if setting.algorithm == "FedAvg" else 0.0
        return result

    monkeypatch.setattr(experiments, "train", drift)
    drifts = records.check("digits", 10)

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
    drift = records.Drift("FedAvg iid", [10.0, 20.0], [10.0, 20.0 + points])
    monkeypatch.setattr(records, "check", lambda *_: [drift])

    assert records.main(["--check", "--dataset", "digits"]) == status
    assert f"{word}: {points:.2f} points" in capsys.readouterr().out


@pytest.mark.usefixtures("command_line")
def test_ctrl_c_says_that_nothing_is_lost(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(records, "compute", interrupt)

    assert records.main(["--dataset", "digits", "--seed", "10"]) == 130
    assert "The finished runs are kept" in capsys.readouterr().err
