"""What the hidden checks say about tables that differ from the reference's."""

from __future__ import annotations

import math
from typing import Any

import pytest

from grader import Failure, Table
from private_tests.questions import CALL, Question
from private_tests.test_3_experiments import _find_ignored, compare

COLUMNS = ["Algorithm", "N", "C", "Message count", "Test accuracy"]
RIGHT = Table(
    COLUMNS,
    [
        ["FedSGD", 10, 0.1, 20, 43.0],
        ["FedAvg", 10, 0.1, 20, 93.0],
        ["FedSGD", 50, 0.1, 100, 44.0],
        ["FedAvg", 50, 0.1, 100, 88.0],
    ],
)


def change(row: int, column: str, value: Any, table: Table = RIGHT) -> Table:
    rows = [list(cells) for cells in table.rows]
    rows[row][COLUMNS.index(column)] = value
    return Table(COLUMNS, rows)


def reorder(table: Table) -> Table:
    return Table(table.columns[::-1], [row[::-1] for row in table.rows])


@pytest.mark.parametrize(
    "table",
    [
        RIGHT,
        reorder(RIGHT),
        change(0, "Algorithm", "fed-sgd"),
        change(1, "Test accuracy", 94.0),
        change(2, "N", 50.0),
    ],
    ids=["equal", "columns in another order", "another spelling", "an image more", "a float for N"],
)
def test_right_tables_pass(table: Table) -> None:
    compare("f()", "tag", table, RIGHT)


MISTAKES: dict[str, tuple[Any, str]] = {
    "nothing": (None, "f() gives None (is a return missing?)."),
    "a row less": (Table(COLUMNS, RIGHT.rows[:3]), "f() has 3 rows."),
    "a column more": (Table([*COLUMNS, "E"], [[*row, 1] for row in RIGHT.rows]), "f() has 'E' in addition."),
    "labels exchanged": (change(0, "Algorithm", "FedAvg"), "Row 1 of f() is labelled 'FedAvg'."),
    "another N": (change(2, "N", 100), "Row 3 of f() has N = 100."),
    "a text for C": (change(0, "C", "0.1"), "Row 1 of f() has C = '0.1'."),
    "messages of one round": (change(1, "Message count", 2), "Row 2 of f() has the message count 2."),
    "NaN messages": (change(1, "Message count", math.nan), "Row 2 of f() has the message count nan."),
    "a share for a percentage": (
        change(1, "Test accuracy", 0.93),
        "Row 2 of f() has the test accuracy 0.93.",
    ),
    "the other algorithm's": (
        change(1, "Test accuracy", 43.0, change(3, "Test accuracy", 44.0)),
        "Row 2 of f() has the test accuracy 43.0. It is the value of the other algorithm.",
    ),
    "the other algorithm's, first of the pair": (
        change(0, "Test accuracy", 93.0, change(2, "Test accuracy", 88.0)),
        "Row 1 of f() has the test accuracy 93.0. It is the value of the other algorithm.",
    ),
    "the other algorithm's in one setting, by chance": (
        change(2, "Test accuracy", 88.0),
        "Row 3 of f() has the test accuracy 88.0.",
    ),
    "another accuracy": (change(3, "Test accuracy", 60.0), "Row 4 of f() has the test accuracy 60.0."),
    "infinity": (change(3, "Test accuracy", math.inf), "Row 4 of f() has the test accuracy inf."),
}


@pytest.mark.parametrize(("table", "sentence"), MISTAKES.values(), ids=MISTAKES)
def test_each_mistake_gets_a_sentence(table: Any, sentence: str) -> None:
    with pytest.raises(Failure) as failure:
        compare("f()", "tag", table, RIGHT)

    assert failure.value.seen == sentence


class MadeUpReferences:
    """The reference's curve depends on `lr` alone, and notes what it was asked."""

    def ask(self, function: str, arguments: dict[str, Any]) -> dict[str, Any]:
        if function == "describe_function":
            return {"parameters": {"lr": {"default": 0.01}, "nr_rounds": {"default": 15}}}
        lr = arguments["arguments"].get("lr", 0.01)
        keys = ("FedSGD iid", "FedSGD non-iid", "FedAvg iid", "FedAvg non-iid")
        return {"value": {key: [1000 * lr] for key in keys}}


class NoReferences:
    def ask(self, function: str, arguments: dict[str, Any]) -> None:
        raise AssertionError(f"the reference was asked for {function}({arguments})")


@pytest.mark.parametrize("seen", [None, 3.0, [10.0]])
def test_what_is_no_result_is_not_compared_with_many(seen: Any) -> None:
    question = Question("A3.2", "tag", CALL, {"name": "f", "arguments": {"lr": 0.08}})

    assert _find_ignored(question, seen, NoReferences()) is None  # type: ignore[arg-type]


@pytest.mark.parametrize(("seen", "ignored"), [(10.0, "lr"), (55.0, None)])
def test_an_ignored_parameter_is_named(seen: float, ignored: str | None) -> None:
    arguments = {"lr": 0.08, "nr_rounds": 1}
    question = Question(
        "A3.2",
        "iid_noniid_experiments",
        CALL,
        {"name": "iid_noniid_experiments", "arguments": arguments},
    )
    curves = {key: [seen] for key in ("FedSGD iid", "FedSGD non-iid", "FedAvg iid", "FedAvg non-iid")}

    assert _find_ignored(question, curves, MadeUpReferences()) == ignored  # type: ignore[arg-type]


class TwoAlike:
    """A reference of which both defaults give about the same, and the later one exactly what was seen; its keys come in their own order."""

    def ask(self, function: str, arguments: dict[str, Any]) -> dict[str, Any]:
        if function == "describe_function":
            return {"parameters": {"b": {"default": 100}, "lr": {"default": 0.01}}}
        first = 11.0 if arguments["arguments"]["b"] == 100 else 10.0
        return {"value": {"FedSGD": [first], "FedAvg": [90.0]}}


def test_of_several_ignored_parameters_the_nearest_is_named() -> None:
    question = Question("A3.2", "tag", CALL, {"name": "f", "arguments": {"b": 8, "lr": 0.08}})

    seen = {"FedAvg": [90.0], "FedSGD": [10.0]}

    assert _find_ignored(question, seen, TwoAlike()) == "lr"  # type: ignore[arg-type]
