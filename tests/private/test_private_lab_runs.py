"""Rows and curves that agree with the reference's are refused where the lab's runs behind them had other parameters."""

from __future__ import annotations

from typing import Any

import pytest

from grader import Failure, Table
from private_tests.lab_runs import check_runs

RUN = {
    "server": "FedAvgServer",
    "n": 10,
    "data": "d",
    "clients a round": 3,
    "lr": 0.1,
    "b": 5,
    "e": 2,
    "seed": 7,
}
OLD, NEW = {**RUN, "accuracies": [20.0, 30.0]}, {**RUN, "lr": 0.05, "accuracies": [22.0, 40.0]}
CURVES = {"Old": [20.0, 30.0], "New": [22.0, 40.0]}
TABLE = Table(["N", "Test accuracy"], [[10, 30.0], [10, 40.0]])


def check(runs: Any, value: Any = CURVES, others: Any = False) -> str:
    """What was seen to be wrong."""
    answer = {"value": value, "runs": runs, "others": others}
    try:
        check_runs("f()", "tag", answer, {"value": value, "runs": [OLD, NEW], "others": False})
    except Failure as failure:
        return failure.seen
    return ""


@pytest.mark.parametrize(
    ("parameter", "value", "words"),
    [
        ("n", 9, "9 clients"),
        ("data", "other", "other samples at its clients"),
        ("clients a round", 1, "1 clients a round"),
        ("lr", 0.01, "the learning rate 0.01"),
        ("b", -1, "the batch size -1"),
        ("e", 1, "1 local epochs"),
        ("seed", 10, "the server's seed 10"),
    ],
)
def test_a_run_with_another_parameter_is_named(parameter: str, value: Any, words: str) -> None:
    runs = [OLD, {**NEW, parameter: value}]

    assert check(runs) == f"The curve 'New' of f() comes from a run with {words}."
    assert check(runs, TABLE) == f"Row 2 of f() comes from a run with {words}."


@pytest.mark.parametrize(
    "runs",
    [
        [OLD, NEW],
        [NEW, OLD],
        [{**OLD, "lr": 0.01}, OLD, NEW],
        [{**OLD, "lr": 0.1 + 1e-17}, NEW],
        [{**OLD, "lr": 0.01}],
        [{**OLD, "lr": 0.01}, {**NEW, "server": "FedSgdServer"}],
        [{**OLD, "lr": 0.01}, {**NEW, "accuracies": [22.0, 41.0]}],
        [{**OLD, "lr": 0.01}, {**NEW, "accuracies": [5.0, 22.0, 40.0]}],
        [{**OLD, "lr": 0.01}, {**NEW, "accuracies": ["22", 40.0]}, "run"],
        [],
        None,
        7,
    ],
    ids=[
        *["right", "in another order", "one more with the same accuracies", "rounding", "too few"],
        *[
            "too few of the algorithm",
            "a curve of none",
            "a longer run",
            "forged",
            "none",
            "nothing",
            "no list",
        ],
    ],
)
def test_what_the_runs_do_not_contradict_passes(runs: Any) -> None:
    assert check(runs) == ""


@pytest.mark.parametrize("others", [True, None])
def test_where_other_servers_ran_accuracies_alone_decide(others: Any) -> None:
    assert check([{**OLD, "e": 3}, NEW], others=others) == ""


def test_rounded_accuracies_are_found() -> None:
    runs = [{**OLD, "accuracies": [20.03, 29.96], "e": 3}, NEW]

    assert check(runs) == "The curve 'Old' of f() comes from a run with 3 local epochs."
