"""The tool that says whether a grading seed shows every argument that a function ignores."""

from __future__ import annotations

from typing import Any

import pytest

from grader import Table
from private_tests import sensitivity
from private_tests.draws import ACCURACY_TOLERANCE, draw_arguments
from private_tests.sensitivity import Difference, list_accuracies, measure, show

FUNCTION = "local_epoch_experiments"


def test_a_table_s_accuracies_are_its_column() -> None:
    assert list_accuracies(Table(["N", "Test accuracy"], [[10, 31.5], [50, 20.0]])) == [31.5, 20.0]


def test_an_argument_that_changes_nothing_is_not_seen() -> None:
    drawn = draw_arguments(7, FUNCTION)

    def ask(function: str, arguments: dict[str, Any]) -> Any:
        """A function that ignores `b`."""
        if function == "describe_function":
            return {"parameters": {name: {"default": "its own"} for name in drawn}}
        given = {**arguments["arguments"], "b": None}
        return {"FedSGD": [50.0], "FedAvg": [50.0 if given == {**drawn, "b": None} else 80.0]}

    found = {d.argument: d.is_seen for d in measure(ask, 7, FUNCTION)}

    assert found == {name: name != "b" for name in drawn if name != "nr_rounds"}


def test_rounding_is_no_difference() -> None:
    assert not Difference(7, FUNCTION, "lr", ACCURACY_TOLERANCE).is_seen


def test_what_is_not_seen_is_marked() -> None:
    lines = show([Difference(7, FUNCTION, "lr", 9.0), Difference(7, FUNCTION, "b", 0.5)]).splitlines()

    assert lines[1].split() == ["7", FUNCTION, "lr", "9.0", "b", "0.5", "NOT", "SEEN"]


@pytest.mark.parametrize(("points", "status"), [(9.0, 0), (0.5, 1)])
def test_the_exit_status_says_whether_all_is_seen(
    points: float, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        sensitivity, "measure", lambda _, seed, function: [Difference(seed, function, "lr", points)]
    )

    assert sensitivity.main(["--grading-seed", "7", "--function", FUNCTION]) == status
    assert ("grade with another seed" in capsys.readouterr().out) == bool(status)
