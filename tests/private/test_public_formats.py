"""The public checks of experiments: what a format fixes, and that each slip gets advice of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from grader.diagnosis import explain
from grader.failure import Failure
from grader.observation import Table
from public_tests import curve_format, table_format
from public_tests.curve_format import CurveEvidence
from public_tests.table_format import COLUMNS, RowSetting, TableEvidence
from public_tests.test_experiments import list_settings

SETTINGS = [RowSetting(algorithm, n, 0.1) for n in (10, 50) for algorithm in ("FedSGD", "FedAvg")]


def make_table(
    rounds: int, change: Callable[[list[Any]], list[Any]] = list, columns: tuple[str, ...] = COLUMNS
) -> Table:
    """The right table after so many rounds, each row changed."""
    rows = [
        [algorithm, n, c, rounds * setting.messages, 10.0 + rounds]
        for setting in SETTINGS
        for algorithm, n, c in [setting]
    ]
    return Table(list(columns), [change(row) for row in rows])


def put(place: int, value: Any) -> Callable[[list[Any]], list[Any]]:
    """Sets a cell; to what a function makes of it if `value` is one."""
    return lambda row: [
        *row[:place],
        value(row[place]) if callable(value) else value,
        *row[place + 1 :],
    ]


def judge(seen: Any, rounds: int = 1, before: Any = None) -> Failure | None:
    try:
        explain(TableEvidence("f", SETTINGS, rounds, seen, before), table_format.FORMAT)
    except Failure as failure:
        return failure
    return None


# What was returned, and for how many rounds; a part of what is told; a part of the advice.
TABLE_SLIPS: dict[str, tuple[Any, int, str, str]] = {
    "nothing": (None, 1, "f(nr_rounds=1) gives None", "to print or to show it is not enough"),
    "rows": ([[1, 2]], 1, "gives a list of 1", "make a DataFrame of the rows"),
    "a dict": ({"a": [1]}, 1, "gives a dict", "make a DataFrame of the dict"),
    "a column renamed": (
        make_table(1, columns=(*COLUMNS[:3], "Messages", "Test accuracy")),
        1,
        "lacks 'Message count' and has 'Messages' in addition",
        "rename 'Messages' to 'Message count'",
    ),
    "a column missing": (
        Table(list(COLUMNS[:4]), [row[:4] for row in make_table(1).rows]),
        1,
        "lacks 'Test accuracy'",
        "add a value for 'Test accuracy' to every row",
    ),
    "a column more": (
        make_table(1, lambda row: [*row, 1], (*COLUMNS, "B")),
        1,
        "has 'B' in addition",
        "leave 'B' out",
    ),
    "columns in another order": (
        make_table(1, lambda row: [row[0], row[2], row[1], *row[3:]], ("Algorithm", "C", "N", *COLUMNS[3:])),
        1,
        "has its columns in another order",
        "put them into this order",
    ),
    "a row per round": (
        Table(list(COLUMNS), make_table(1).rows * 2),
        1,
        "has 8 rows",
        "keep one row per run instead of 2",
    ),
    "one algorithm": (
        Table(list(COLUMNS), make_table(1).rows[::2]),
        1,
        "has 2 rows",
        "run both algorithms for each setting",
    ),
    "the last row": (
        Table(list(COLUMNS), make_table(1).rows[-1:]),
        1,
        "has 1 row.",
        "append a row for every setting, inside of the loop",
    ),
    "rows in another order": (
        Table(list(COLUMNS), sorted(make_table(1).rows)),
        1,
        "has the right rows in another order: row 1 is FedAvg with N = 10",
        "run FedSGD before FedAvg",
    ),
    "another name": (
        make_table(1, put(0, "SGD")),
        1,
        "has the algorithm 'SGD'",
        "a name that begins like that",
    ),
    "another setting": (make_table(1, put(2, 0.2)), 1, "has C = 0.2", "write the C that the run was made"),
    "a list of counts": (
        make_table(1, put(3, [2])),
        1,
        "Message count = a list of 1",
        "the last of the run's message_count, and not the whole list",
    ),
    "accuracies added up": (make_table(1, put(4, 310.0)), 1, "Test accuracy = 310", "not to be added up"),
    "no accuracy": (make_table(1, put(4, None)), 1, "Test accuracy = None", "take the last value"),
    "fractions": (
        make_table(1, put(4, 0.31)),
        1,
        "are fractions, such as 0.31",
        "leave the accuracy as RunResult holds it, in percent",
    ),
    "messages one way": (
        make_table(1, put(3, lambda count: count / 2)),
        1,
        "has the message count 1",
        "one to it, and one back",
    ),
    "ten rounds": (make_table(10), 1, "has the message count 20", "this is the count of 10 rounds"),
    "a sum of counts": (
        make_table(2, put(3, lambda count: 1.5 * count)),
        2,
        "has the message count 6",
        "instead of a sum",
    ),
    "the count of one round": (
        make_table(2, put(3, lambda count: count // 2)),
        2,
        "has the message count 2",
        "this is the count of one round",
    ),
    "the same for any number of rounds": (
        make_table(1),
        2,
        "has the message count 2",
        "pass the parameter `nr_rounds` on to run()",
    ),
}


@pytest.mark.parametrize(("seen", "rounds", "told", "advice"), TABLE_SLIPS.values(), ids=TABLE_SLIPS)
def test_each_slip_in_a_table_gets_its_own_advice(seen: Any, rounds: int, told: str, advice: str) -> None:
    failure = judge(seen, rounds, make_table(1))

    assert failure is not None
    assert told in failure.seen
    assert advice in failure.advice
    assert "in the cell tagged 'f'" in failure.advice


def test_no_two_slips_in_a_table_get_the_same_advice() -> None:
    told = [failure.advice for seen, rounds, *_ in TABLE_SLIPS.values() if (failure := judge(seen, rounds))]

    assert len(set(told)) >= len(told) - 1  # without an earlier table, two of them can't be told apart


@pytest.mark.parametrize("rounds", [1, 2])
def test_a_right_table_passes(rounds: int) -> None:
    assert judge(make_table(rounds), rounds, make_table(1)) is None
    assert judge(make_table(rounds, put(0, lambda name: f"{name} (lr 0.01)")), rounds) is None


def test_settings_are_the_handout_s() -> None:
    assert [tuple(each) for each in list_settings("client_fraction_experiments")[:3]] == [
        ("FedSGD", 100, 0.01),
        ("FedAvg", 100, 0.01),
        ("FedSGD", 100, 0.1),
    ]
    assert [each.messages for each in list_settings("client_number_experiments")] == [2, 2, 10, 10, 20, 20]


KEYS = ("FedSGD iid", "FedAvg iid")


def make_curves(values: Any, keys: tuple[str, ...] = KEYS) -> dict[str, Any]:
    return dict.fromkeys(keys, values)


def judge_curves(seen: Any, rounds: int, before: Any = None) -> Failure | None:
    try:
        explain(CurveEvidence("f", KEYS, rounds, seen, before), curve_format.FORMAT)
    except Failure as failure:
        return failure
    return None


CURVE_SLIPS: dict[str, tuple[Any, int, str, str]] = {
    "nothing": (None, 1, "f(nr_rounds=1) is None", "to plot or to print it is not enough"),
    "a table": (make_table(1), 1, "is a DataFrame", "return a dict of lists instead of a table"),
    "a list": ([[10.0], [20.0]], 1, "is a list of 2", "into a dict under its key"),
    "keys spelt otherwise": (
        make_curves([10.0], ("FedSGD IID", "FedAvg iid")),
        1,
        "lacks the key 'FedSGD iid'",
        "rename 'FedSGD IID' to 'FedSGD iid'",
    ),
    "a key missing": (make_curves([10.0], KEYS[:1]), 1, "lacks the key", "add the run under 'FedAvg iid'"),
    "a key more": (make_curves([10.0], (*KEYS, "x")), 1, "has the key 'x' in addition", "leave 'x' out"),
    "a number": (make_curves(10.0), 1, "is 10.0", "not only its last value"),
    "the last value": (make_curves([10.0]), 2, "has 1 value", "not only its last value"),
    "the first round missing": (make_curves([]), 1, "has 0 values", "also that of the first round"),
    "one before the first": (make_curves([1.0, 2.0]), 1, "has 2 values", "from before the first round"),
    "fifteen rounds": (make_curves([10.0] * 15), 1, "has 15 values", "pass the parameter `nr_rounds` on"),
    "messages": (make_curves([200]), 1, "[0] is 200", "not its message_count"),
    "text": (make_curves(["10 %"]), 1, "[0] is '10 %'", "return the whole list test_accuracy"),
    "fractions": (make_curves([0.1]), 1, "are fractions, such as 0.1", "in percent"),
}


@pytest.mark.parametrize(("seen", "rounds", "told", "advice"), CURVE_SLIPS.values(), ids=CURVE_SLIPS)
def test_each_slip_in_curves_gets_its_own_advice(seen: Any, rounds: int, told: str, advice: str) -> None:
    failure = judge_curves(seen, rounds)

    assert failure is not None
    assert told in failure.seen
    assert advice in failure.advice


@pytest.mark.parametrize("rounds", [1, 2])
def test_right_curves_pass(rounds: int) -> None:
    assert judge_curves(make_curves([10.0] * rounds), rounds, make_curves([10.0])) is None
