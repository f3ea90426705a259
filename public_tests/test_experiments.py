"""A2 and A3: the experiment functions take the handout's parameters and return the right kind of thing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from grader import Failure, Figure, Submission, explain, fail, make_figure, read_homework

from . import curve_format, table_format
from .curve_format import CurveEvidence
from .reading import read_usage
from .table_format import ALGORITHMS, COLUMNS, RowSetting, TableEvidence

HOMEWORK = read_homework(Path(__file__).parents[1])
EXPERIMENTS = [tag for tag in HOMEWORK.tags if tag.endswith("_experiments")]  # the functions' names, too
TABLE = f"a DataFrame of numbers and names, with the columns {', '.join(COLUMNS)}"

# What stands in the handout's prose: the column that each table varies, and its values; for each of them there is a row per algorithm.
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


Call = Callable[[str, int, str], Any]


@pytest.fixture(scope="module")
def call(submission: Submission) -> Call:
    """What a function returns for a number of rounds; each is called once, for all checks."""

    @cache
    def call(name: str, nr_rounds: int, expected: str) -> Any:
        return submission.call(name, name, {"nr_rounds": nr_rounds}, expected=expected)

    return call


def list_settings(name: str) -> list[RowSetting]:
    """The rows of the handout's table: the column that it varies, and the default of the other parameter."""
    varied, values = TABLES[name]
    defaults = HOMEWORK.handout.parameters(name, name)
    pairs = [(value, defaults["c"]) if varied == "N" else (defaults["n"], value) for value in values]
    return [RowSetting(algorithm, int(n), c) for n, c in pairs for algorithm in ALGORITHMS]


@pytest.mark.parametrize("name", mark(TABLES))
def test_table(call: Call, name: str, illustrate: Callable[[Figure | None], None]) -> None:
    """The function returns a table with the right rows and columns."""
    table = call(name, 1, TABLE)
    illustrate(make_figure(table, f"What {name}(nr_rounds=1) gives in a small run"))
    explain(TableEvidence(name, list_settings(name), 1, table), table_format.FORMAT)


@pytest.mark.needs("test_table")
@pytest.mark.parametrize("name", mark(TABLES))
def test_table_of_two_rounds(call: Call, name: str) -> None:
    """The table has the values after as many rounds as were asked for."""
    once, twice = call(name, 1, TABLE), call(name, 2, TABLE)
    explain(TableEvidence(name, list_settings(name), 2, twice, once), table_format.FORMAT)


@pytest.mark.parametrize("name", mark(CURVES))
def test_curves(submission: Submission, call: Call, name: str) -> None:
    """The function returns a curve for each key."""
    seen = call(name, 1, describe_curves(name))
    usage = read_usage(submission.require_cell(name).source, name)
    explain(CurveEvidence(name, CURVES[name], 1, seen, usage=usage), curve_format.FORMAT)


@pytest.mark.needs("test_curves")
@pytest.mark.parametrize("name", mark(CURVES))
def test_curves_of_two_rounds(
    submission: Submission, call: Call, name: str, illustrate: Callable[[Figure | None], None]
) -> None:
    """Each curve has a value for each round that was asked for."""
    once, twice = (call(name, nr_rounds, describe_curves(name)) for nr_rounds in (1, 2))
    what = f"What {name}(nr_rounds=2) gives in a small run"
    illustrate(make_figure(twice, what, x="round", y="test accuracy in %"))
    usage = read_usage(submission.require_cell(name).source, name)
    explain(CurveEvidence(name, CURVES[name], 2, twice, once, usage), curve_format.FORMAT)


def describe_curves(name: str) -> str:
    keys = ", ".join(map(repr, CURVES[name]))
    return f"a dict with the keys {keys}, each with the list of a run's accuracies (the RunResult's test_accuracy)"
