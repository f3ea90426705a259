"""A2 and A3: every cell of the tables and every point of the curves, against the reference with the same arguments."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest

from grader import (
    Failure,
    Submission,
    Table,
    check_curves,
    compare_columns,
    compare_curves,
    fail,
    is_number,
    show,
)

from .draws import ACCURACY_TOLERANCE
from .lab_runs import check_runs
from .questions import CALL, CALLS, EXPERIMENTS, Question, ask_for_experiment
from .reference_runs import References
from .sensitivity import TABLES, list_accuracies

POINTS = {"A2.1": 0.5, "A2.2": 0.5, "A3.1": 0.25, "A3.2": 0.5, "A3.3": 0.5}

TABLE = "a DataFrame of numbers and names, with the handout's columns"
CURVES = (
    "a dict with the handout's keys, each with the list of a run's accuracies (the RunResult's test_accuracy)"
)

OTHER_ALGORITHM = " It is the value of the other algorithm."

CASES = [
    pytest.param(
        function, call, id=f"{function}-{call}", marks=pytest.mark.exercise(exercise, points=POINTS[exercise])
    )
    for function, exercise in EXPERIMENTS.items()
    for call in CALLS
]


@pytest.mark.parametrize(("function", "call"), CASES)
def test_experiment(
    submission: Submission, references: References, grading_seed: int, function: str, call: str
) -> None:
    """The function gives the reference's values."""
    if call == "defaults":
        check_defaults(submission, references, function)
    question = ask_for_experiment(function, grading_seed, call)
    arguments = question.arguments["arguments"]
    kind = TABLE if function in TABLES else CURVES
    answer = submission.call(question.tag, function, arguments, expected=kind, probe=("experiments", CALL))
    answer = answer if isinstance(answer, dict) else {}
    seen = answer.get("value")
    right = references.ask(question.function, question.arguments)
    try:
        compare(_describe(question), question.tag, seen, right["value"])
    except Failure as failure:
        ignored = _find_ignored(question, seen, references)
        if ignored is None:
            raise
        fail(  # both algorithms may be near guessing: what explains all values says more than what one of them is like
            f"{failure.seen.removesuffix(OTHER_ALGORITHM)} It gives what {ignored}={read_defaults(references, function)[ignored]!r} gives.",
            f"a result that depends on the argument {ignored!r}",
            f"pass {ignored!r} on, where the function in the cell tagged {question.tag!r} uses a fixed value.",
        )
    check_runs(_describe(question), question.tag, answer, right)


def read_defaults(references: References, function: str) -> dict[str, Any]:
    """The handout's parameters and their defaults, which the reference has too."""
    parameters = references.ask("describe_function", {"name": function})["parameters"]
    return {name: parameter["default"] for name, parameter in parameters.items()}


def check_defaults(submission: Submission, references: References, function: str) -> None:
    """The function's own defaults must be the handout's."""
    found = submission.describe_function(function, function).get("parameters", {})
    for name, default in read_defaults(references, function).items():
        if name in found and "default" in found[name] and found[name]["default"] != default:
            fail(
                f"The parameter {name!r} of {function} has the default {found[name]['default']!r}.",
                f"{name}={default!r}",
                "keep the handout's signature; pass other values when you call the function.",
            )


def _describe(question: Question) -> str:
    return f"{question.name}({', '.join(f'{key}={value!r}' for key, value in question.arguments['arguments'].items())})"


def compare(what: str, tag: str, seen: Any, expected: Any) -> None:
    """Fail with a sentence unless a table or curves agree with the reference's."""
    advice = f"compare the run behind it with the handout's description, in the cell tagged {tag!r}."
    if isinstance(expected, Table):
        compare_tables(what, seen, expected, advice)
    else:
        check_curves(what, seen, list(expected), {len(curve) for curve in expected.values()}, advice)
        compare_curves(what, seen, expected, ACCURACY_TOLERANCE, advice)


def compare_tables(what: str, seen: Any, expected: Table, advice: str) -> None:
    if not isinstance(seen, Table):
        fail(
            f"{what} gives {show(seen)}.",
            f"a DataFrame with the columns {', '.join(expected.columns)}",
            advice,
        )
    compare_columns(what, seen.columns, expected.columns, advice)
    if len(seen.rows) != len(expected.rows):
        fail(
            f"{what} has {len(seen.rows)} rows.",
            f"{len(expected.rows)} rows: FedSGD, then FedAvg, for each setting",
            advice,
        )
    rows = [dict(zip(seen.columns, row, strict=True)) for row in seen.rows]
    right_rows = [dict(zip(expected.columns, row, strict=True)) for row in expected.rows]
    for number, (row, right) in enumerate(zip(rows, right_rows, strict=True), start=1):
        where = f"Row {number} of {what}"
        _compare_labels(where, row, right, advice)
        _compare_messages(where, row["Message count"], right["Message count"], advice)
        _compare_accuracy(where, number, rows, right_rows, advice)


def _compare_labels(where: str, row: Mapping[str, Any], right: Mapping[str, Any], advice: str) -> None:
    if _normalize(row["Algorithm"])[:6] != _normalize(right["Algorithm"]):
        fail(
            f"{where} is labelled {show(row['Algorithm'])}.",
            f"{right['Algorithm']}: FedSGD, then FedAvg, for each setting",
            advice,
        )
    for column in ("N", "C"):
        if not is_number(row[column]) or not math.isclose(row[column], right[column], abs_tol=1e-9):
            fail(f"{where} has {column} = {show(row[column])}.", f"{column} = {right[column]}", advice)


def _normalize(label: Any) -> str:
    return "".join(filter(str.isalpha, str(label))).lower()


def _compare_messages(where: str, seen: Any, right: int, advice: str) -> None:
    if not is_number(seen) or not math.isfinite(seen):
        fail(f"{where} has the message count {show(seen)}.", "a number", advice)
    if seen != right:
        fail(
            f"{where} has the message count {show(seen)}.",
            "the count after the last round: two messages for each of max(1, round(C·N)) clients, over all rounds (RunResult counts "
            "cumulatively, so it is the last value, not a sum)",
            advice,
        )


def _compare_accuracy(
    where: str, number: int, rows: list[dict[str, Any]], right_rows: list[dict[str, Any]], advice: str
) -> None:
    seen, right = rows[number - 1]["Test accuracy"], right_rows[number - 1]["Test accuracy"]
    if not is_number(seen) or not math.isfinite(seen):
        fail(f"{where} has the test accuracy {show(seen)}.", "a finite number", advice)
    if abs(seen - right) <= ACCURACY_TOLERANCE:
        return
    if abs(100 * seen - right) <= ACCURACY_TOLERANCE:
        fail(
            f"{where} has the test accuracy {show(seen)}.",
            "a value in percent",
            "keep the percent that RunResult holds.",
        )
    hint = OTHER_ALGORITHM if _is_of_the_other(number, rows, right_rows) else ""
    fail(
        f"{where} has the test accuracy {show(seen)}.{hint}",
        "the accuracy after the last round, in percent, of the run that the row names, with exactly the given arguments",
        advice,
    )


def _is_of_the_other(number: int, rows: list[dict[str, Any]], right_rows: list[dict[str, Any]]) -> bool:
    """Whether all rows of this row's algorithm have the other's accuracy: a single one may come close by chance."""
    mine = 1 - number % 2
    pairs = zip(rows[mine::2], right_rows[1 - mine :: 2], strict=True)
    accuracies = [(row["Test accuracy"], other["Test accuracy"]) for row, other in pairs]
    return all(is_number(seen) and abs(seen - other) <= ACCURACY_TOLERANCE for seen, other in accuracies)


def _find_ignored(question: Question, seen: Any, references: References) -> str | None:
    """The argument without which the reference gives what was seen: the function does not use it. The nearest, if several come close."""
    if not isinstance(seen, Table | dict):
        return None  # the reference, asked once for each argument, would take longer than all other checks
    defaults = read_defaults(references, question.name)
    arguments = question.arguments["arguments"]
    distances: dict[str, float] = {}
    for name in map(str, arguments):
        if name == "nr_rounds" or arguments[name] == defaults[name]:
            continue
        changed = {**question.arguments, "arguments": {**arguments, name: defaults[name]}}
        expected = _relabel(references.ask(question.function, changed)["value"], seen)
        try:
            compare("", "", seen, expected)
        except Failure:
            continue
        distances[name] = _measure_distance(seen, expected)
        if distances[name] == 0:
            break
    return min(distances, key=distances.__getitem__, default=None)


def _measure_distance(seen: Any, expected: Any) -> float:
    """Points by which the accuracies of tables or curves differ, all added up."""
    ordered = {key: seen[key] for key in expected} if isinstance(expected, dict) else seen
    pairs = zip(list_accuracies(ordered), list_accuracies(expected), strict=True)
    return sum(abs(a - b) for a, b in pairs)


def _relabel(expected: Any, seen: Any) -> Any:
    """A table with the N and C that were seen: who ignores an argument may name it all the same."""
    if not isinstance(expected, Table) or not isinstance(seen, Table):
        return expected
    if len(expected.rows) != len(seen.rows) or set(expected.columns) != set(seen.columns):
        return expected
    rows = [
        [
            row[seen.columns.index(name)] if name in ("N", "C") else value
            for name, value in zip(expected.columns, right, strict=True)
        ]
        for right, row in zip(expected.rows, seen.rows, strict=True)
    ]
    return Table(expected.columns, rows)
