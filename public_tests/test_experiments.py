"""A2 and A3: the experiment functions take the handout's parameters and return the right kind of thing."""

from __future__ import annotations

from typing import Any

import pytest

from grader import Submission, Table, check_curves, compare_columns, fail, is_number, show

from .handout import EXPERIMENTS, TABLE_COLUMNS, Experiment

QUICK = {"nr_rounds": 1}


def mark(experiment: Experiment) -> Any:
    return pytest.param(experiment, id=experiment.name, marks=pytest.mark.exercise(experiment.exercise))


@pytest.mark.parametrize("experiment", [mark(e) for e in EXPERIMENTS])
def test_signature(submission: Submission, experiment: Experiment) -> None:
    """The function has the handout's parameters and defaults."""
    description = submission.describe_function(experiment.tag, experiment.name)
    expected = f"a function with the parameters {', '.join(experiment.defaults)}"
    advice = f"keep the handout's signature in the cell tagged {experiment.tag!r}"
    if description.get("kind") != "function":
        kind = (
            "a class" if description.get("kind") == "class" else f"a value of type {description.get('type')}"
        )
        fail(f"{experiment.name} is {kind}.", expected, f"{advice}.")
    found = description.get("parameters", {})
    for name, default in experiment.defaults.items():
        if name not in found:
            takes_any = any(parameter["kind"] == "VAR_KEYWORD" for parameter in found.values())
            hint = (
                " If a decorator wraps the function, put functools.wraps on its wrapper." if takes_any else ""
            )
            fail(
                f"{experiment.name} has no parameter {name!r}.",
                expected,
                f"{advice}.{hint}",
            )
        if found[name].get("default") != default:
            fail(
                f"The parameter {name!r} of {experiment.name} has the default {found[name].get('default')!r}.",
                f"{name}={default!r}",
                f"{advice}; pass other values when you call the function.",
            )


@pytest.mark.parametrize("experiment", [mark(e) for e in EXPERIMENTS if e.rows])
def test_table(submission: Submission, experiment: Experiment) -> None:
    """The function returns a table with the right rows and columns."""
    what = f"{experiment.name}(nr_rounds=1)"
    kind = f"a DataFrame of numbers and names, with the columns {', '.join(TABLE_COLUMNS)}"
    table = submission.call(experiment.tag, experiment.name, QUICK, expected=kind)
    advice = f"build the DataFrame in the cell tagged {experiment.tag!r} as the handout shows it."
    if not isinstance(table, Table):
        fail(
            f"{what} gives {show(table)}.", f"a DataFrame with the columns {', '.join(TABLE_COLUMNS)}", advice
        )
    compare_columns(what, table.columns, TABLE_COLUMNS, advice)
    rows = 2 * len(experiment.rows)
    if len(table.rows) != rows:
        fail(
            f"{what} has {len(table.rows)} rows.",
            f"{rows} rows: one for each algorithm and setting, with its final values",
            advice,
        )
    for position, (n, c) in enumerate(row for row in experiment.rows for _ in range(2)):
        check_row(what, table, position, n, c, advice)


def check_row(what: str, table: Table, position: int, n: int | None, c: float | None, advice: str) -> None:
    row = dict(zip(table.columns, table.rows[position], strict=True))
    algorithm = ("FedSGD", "FedAvg")[position % 2]
    where = f"Row {position + 1} of {what}"
    if not str(row["Algorithm"]).lower().startswith(algorithm.lower()):
        fail(
            f"{where} has the algorithm {row['Algorithm']!r}.",
            f"{algorithm}: FedSGD, then FedAvg, for each setting",
            advice,
        )
    for column, expected in (("N", n), ("C", c)):
        if expected is not None and row[column] != expected:
            fail(f"{where} has {column} = {show(row[column])}.", f"{column} = {expected}", advice)
    for column, most in (("Message count", 10**6), ("Test accuracy", 100)):
        if not is_number(row[column]) or not 0 <= row[column] <= most:
            fail(f"{where} has {column} = {show(row[column])}.", f"a number from 0 to {most}", advice)


@pytest.mark.parametrize("experiment", [mark(e) for e in EXPERIMENTS if e.keys])
def test_curves(submission: Submission, experiment: Experiment) -> None:
    """The function returns a curve for each key."""
    what = f"{experiment.name}(nr_rounds=1)"
    keys = ", ".join(map(repr, experiment.keys))
    kind = f"a dict with the keys {keys}, each with the list of a run's accuracies (the RunResult's test_accuracy)"
    curves = submission.call(experiment.tag, experiment.name, QUICK, expected=kind)
    advice = f"return the test accuracies of each run in the cell tagged {experiment.tag!r}."
    check_curves(what, curves, experiment.keys, {1}, advice)
    for key in experiment.keys:
        if not 0 <= curves[key][0] <= 100:
            fail(
                f"{what}[{key!r}] has {show(curves[key][0])}.", "accuracies in percent, from 0 to 100", advice
            )
