"""The tool that says whether a grading seed shows every argument that a function ignores."""

from __future__ import annotations

from typing import Any

import pytest

from grader import Table
from private_tests import sensitivity
from private_tests.draws import ACCURACY_TOLERANCE, draw_arguments
from private_tests.sensitivity import EXCHANGED, IN_BATCHES, Difference, list_accuracies, measure, show

CURVES, TABLE = "local_epoch_experiments", "client_number_experiments"


def test_a_table_s_accuracies_are_its_column() -> None:
    assert list_accuracies(Table(["N", "Test accuracy"], [[10, 31.5], [50, 20.0]])) == [31.5, 20.0]


def answer_without_b(function: str, arguments: dict[str, Any]) -> Any:
    """A function that ignores `b`; with the default of any other argument, FedAvg's accuracy is another."""
    if function == "describe_function":
        return {"parameters": {key: {"default": "its own"} for key in draw_arguments(7, CURVES)}}
    given = {**arguments["arguments"], "b": None}
    return {"value": {"FedSGD": [50.0], "FedAvg": [80.0 if "its own" in given.values() else 50.0]}}


def test_an_argument_that_changes_nothing_is_not_seen() -> None:
    drawn = draw_arguments(7, CURVES)

    found = dict(measure(answer_without_b, CURVES, drawn))

    assert {name: found[name] for name in drawn if name != "nr_rounds"} == {
        name: 0.0 if name == "b" else 30.0 for name in drawn if name != "nr_rounds"
    }


def test_curves_that_are_much_alike_may_be_exchanged() -> None:
    def ask(function: str, _: dict[str, Any]) -> Any:
        if function == "describe_function":
            return {"parameters": {}}
        return {"value": {"E=1": [20.0, 30.0], "E=2": [21.5, 32.0], "E=4": [40.0, 31.0]}}

    assert list(measure(ask, CURVES, {})) == [(EXCHANGED, 2.0)]


@pytest.mark.parametrize(("last", "fall"), [(30.0, 10.0), (45.0, -5.0)])
def test_the_best_round_is_told_from_the_last_by_a_fall(last: float, fall: float) -> None:
    def ask(function: str, arguments: dict[str, Any]) -> Any:
        if function == "describe_function":
            return {"parameters": {}}
        accuracy = last if arguments["arguments"]["nr_rounds"] == 2 else 40.0
        return {"value": Table(["Test accuracy"], [[accuracy]])}

    assert list(measure(ask, TABLE, {"nr_rounds": 2})) == [("nr_rounds", fall)]


def test_fedsgd_in_batches_is_fedavg_of_one_epoch() -> None:
    def ask(function: str, arguments: dict[str, Any]) -> Any:
        if function == "describe_function":
            return {"parameters": {"e": {"default": 1}}}
        fedavg = 40.0 if arguments["arguments"]["e"] == 1 else 60.0
        return {"value": Table(["Test accuracy"], [[25.0], [fedavg]])}

    assert list(measure(ask, TABLE, {"e": 2})) == [("e", 20.0), (IN_BATCHES, 15.0)]


def test_rounding_is_no_difference() -> None:
    assert not Difference(7, CURVES, "lr", ACCURACY_TOLERANCE).is_seen


def test_what_is_not_seen_is_marked() -> None:
    lines = show([Difference(7, CURVES, "lr", 9.0), Difference(7, CURVES, "b", 0.5)]).splitlines()

    assert lines[1].split() == ["7", CURVES, "lr", "9.0", "b", "0.5", "NOT", "SEEN"]


@pytest.mark.parametrize(("points", "status"), [(9.0, 0), (0.5, 1)])
def test_the_exit_status_says_whether_all_is_seen(
    points: float, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sensitivity, "measure", lambda *_: [("lr", points)])

    assert sensitivity.main(["--grading-seed", "7", "--function", CURVES]) == status
    assert ("grade with another seed" in capsys.readouterr().out) == bool(status)
