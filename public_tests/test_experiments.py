"""A2 and A3: the experiment functions take the handout's parameters and return the right kind of thing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from grader import (
    Failure,
    Figure,
    Submission,
    Table,
    check_lists,
    compare_columns,
    fail,
    is_number,
    make_figure,
    read_homework,
    show,
)

from .batches import count
from .reading import read_usage

HOMEWORK = read_homework(Path(__file__).parents[1])
EXPERIMENTS = [tag for tag in HOMEWORK.tags if tag.endswith("_experiments")]  # the functions' names, too
QUICK = {"nr_rounds": 1}

# What stands in the handout's prose.
COLUMNS = ["Algorithm", "N", "C", "Message count", "Test accuracy"]
ALGORITHMS = ("FedSGD", "FedAvg")
# The column that each table varies, and its values; for each of them there is a row per algorithm.
TABLES: dict[str, tuple[str, tuple[float, ...]]] = {
    "client_number_experiments": ("N", (10, 50, 100)),
    "client_fraction_experiments": ("C", (0.01, 0.1, 0.2)),
}
CURVES = {
    "local_epoch_experiments": ("FedSGD E=1", "FedAvg E=1", "FedAvg E=2", "FedAvg E=4"),
    "iid_noniid_experiments": ("FedSGD iid", "FedSGD non-iid", "FedAvg iid", "FedAvg non-iid"),
    "noniid_parameter_experiments": ("FedSGD Old", "FedSGD New", "FedAvg Old", "FedAvg New"),
}


def mark(functions: Iterable[str]) -> list[Any]:
    return [
        pytest.param(name, id=name, marks=pytest.mark.exercise(HOMEWORK.find_by_tag(name).id))
        for name in functions
    ]


@pytest.mark.parametrize("name", mark(EXPERIMENTS))
def test_signature(submission: Submission, name: str, remark: Callable[[Failure], None]) -> None:
    """The function has the handout's parameters and defaults."""
    description = submission.describe_function(name, name)
    parameters = HOMEWORK.handout.parameters(name, name)
    expected = f"a function with the parameters {', '.join(parameters)}"
    advice = f"keep the handout's signature in the cell tagged {name!r}"
    if description.get("kind") != "function":
        kind = (
            "a class" if description.get("kind") == "class" else f"a value of type {description.get('type')}"
        )
        fail(f"{name} is {kind}.", expected, f"{advice}.")
    found = description.get("parameters", {})
    for parameter, default in parameters.items():
        if parameter not in found:
            takes_any = any(each["kind"] == "VAR_KEYWORD" for each in found.values())
            hint = (
                " If a decorator wraps the function, put functools.wraps on its wrapper." if takes_any else ""
            )
            fail(f"{name} has no parameter {parameter!r}.", expected, f"{advice}.{hint}")
        if found[parameter].get("default") != default:
            fail(
                f"The parameter {parameter!r} of {name} has the default {found[parameter].get('default')!r}.",
                f"{parameter}={default!r}",
                f"{advice}; pass other values when you call the function.",
            )
    if reason := read_usage(submission.require_cell(name).source, name).explain(*parameters):
        remark(
            Failure(
                f"In {name} {reason[0]}.",
                "a function that uses all its parameters: it is also called with other values than the defaults",
                f"{reason[1]}, in the cell tagged {name!r}.",
            )
        )


@pytest.mark.parametrize("name", mark(TABLES))
def test_table(submission: Submission, name: str, illustrate: Callable[[Figure | None], None]) -> None:
    """The function returns a table with the right rows and columns."""
    what = f"{name}(nr_rounds=1)"
    kind = f"a DataFrame of numbers and names, with the columns {', '.join(COLUMNS)}"
    table = submission.call(name, name, QUICK, expected=kind)
    illustrate(make_figure(table, f"What {what} gives in a small run"))
    advice = f"build the DataFrame in the cell tagged {name!r} as the handout shows it."
    if not isinstance(table, Table):
        fail(f"{what} gives {show(table)}.", f"a DataFrame with the columns {', '.join(COLUMNS)}", advice)
    compare_columns(what, table.columns, COLUMNS, advice)
    varied, values = TABLES[name]
    settings = [(algorithm, value) for value in values for algorithm in ALGORITHMS]
    if len(table.rows) != len(settings):
        fail(
            f"{what} has {count(len(table.rows), 'row')}.",
            f"{len(settings)} rows: one for each algorithm and setting, with its final values",
            advice,
        )
    for number, (cells, (algorithm, value)) in enumerate(zip(table.rows, settings, strict=True), start=1):
        row = dict(zip(table.columns, cells, strict=True))
        check_row(f"Row {number} of {what}", row, algorithm, varied, value, advice)


def check_row(
    where: str, row: dict[str, Any], algorithm: str, varied: str, value: float, advice: str
) -> None:
    if not str(row["Algorithm"]).lower().startswith(algorithm.lower()):
        fail(
            f"{where} has the algorithm {row['Algorithm']!r}.",
            f"{algorithm}: FedSGD, then FedAvg, for each setting",
            advice,
        )
    if row[varied] != value:
        fail(f"{where} has {varied} = {show(row[varied])}.", f"{varied} = {value}", advice)
    for column, most in (("Message count", 10**6), ("Test accuracy", 100)):
        if not is_number(row[column]) or not 0 <= row[column] <= most:
            fail(f"{where} has {column} = {show(row[column])}.", f"a number from 0 to {most}", advice)


@pytest.mark.parametrize("name", mark(CURVES))
def test_curves(submission: Submission, name: str, illustrate: Callable[[Figure | None], None]) -> None:
    """The function returns a curve for each key."""
    what, keys = f"{name}(nr_rounds=1)", CURVES[name]
    kind = f"a dict with the keys {', '.join(map(repr, keys))}, each with the list of a run's accuracies (the RunResult's test_accuracy)"
    curves = submission.call(name, name, QUICK, expected=kind)
    illustrate(make_figure(curves, f"What {what} gives in a small run", x="round", y="test accuracy in %"))
    reason = read_usage(submission.require_cell(name).source, name).explain("nr_rounds")
    advice = (
        f"{reason[1] if reason else 'return the test accuracies of each run'}, in the cell tagged {name!r}."
    )
    check_lists(what, curves, keys, {1}, "the test accuracy after each round", advice)
    for key in keys:
        if not 0 <= curves[key][0] <= 100:
            fail(
                f"{what}[{key!r}] has {show(curves[key][0])}.", "accuracies in percent, from 0 to 100", advice
            )
