"""The labels of a table's rows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from grader import Failure, Table, is_number, show, withhold

from .accuracies import are_close
from .evidence import ExperimentEvidence, list_rows
from .form import ORDER


def find_wrong_label(evidence: ExperimentEvidence) -> Failure | None:
    """A row with another algorithm, N or C."""
    if not isinstance(evidence.right, Table):
        return None
    rows, right_rows = list_rows(evidence.seen), list_rows(evidence.right)
    if failure := _find_other_order(evidence, rows, right_rows):
        return failure
    cell = f"in the cell tagged {evidence.tag!r}"
    for number, (row, right) in enumerate(zip(rows, right_rows, strict=True), start=1):
        where = f"Row {number} of {evidence.what}"
        if _normalize(row["Algorithm"])[:6] != _normalize(right["Algorithm"]):
            return Failure(
                f"{where} is labelled {show(row['Algorithm'])}.",
                f"{right['Algorithm']!r}; the order is {ORDER}",
                f"give each row the name of the algorithm whose run it shows, {cell}.",
                "rows-with-another-algorithm",
            )
        for column in ("N", "C"):
            if not is_number(row[column]) or not math.isclose(row[column], right[column], rel_tol=_SINGLE):
                is_text = isinstance(row[column], str)
                reason = None if is_text else evidence.usage.explain(column.lower())
                form = ", as a number and not as text" if is_text else ""
                return Failure(
                    f"{where} has {_describe_cell(evidence, column, row[column])}{f': {reason[0]}' if reason else ''}.",
                    f"the {column} that the call and the order of the settings ask for",
                    f"{reason[1] if reason else f'write the {column} of each run into its row{form}'}, {cell}.",
                    f"rows-with-another-{column}",
                )
    return None


_SINGLE = 1e-6  # what rounding to single precision changes, as in a column of that type


def _describe_cell(evidence: ExperimentEvidence, column: str, value: Any) -> str:
    """A cell and its value, which a student does not read where it may be an argument that was drawn."""
    text = str(value)
    is_drawn = any(
        isinstance(drawn, int | float) and not isinstance(drawn, bool) and text in (str(drawn), f"{drawn:g}")
        for drawn in evidence.arguments.values()
    )
    shown = f"{column} = {show(value)}"
    return withhold(shown, f"another {column}") if is_drawn else shown


def _find_other_order(
    evidence: ExperimentEvidence, rows: Sequence[Mapping[str, Any]], right_rows: Sequence[Mapping[str, Any]]
) -> Failure | None:
    """The rows are all there, each with the values of its label, in another order."""
    labels, right_labels = [list(map(_name_row, each)) for each in (rows, right_rows)]
    if labels == right_labels or sorted(labels) != sorted(right_labels):
        return None
    right_row = dict(zip(right_labels, right_rows, strict=True))
    if not _have_values_of(rows, [right_row[label] for label in labels]):
        return None
    if _have_values_of(rows, right_rows):  # as where one algorithm gives what the other does
        return Failure(
            f"{evidence.what} has the rows in another order, or under each other's names.",
            ORDER,
            "make the rows in this order, each with the name of the algorithm whose run it shows, in the cell tagged "
            f"{evidence.tag!r}.",
            "rows-in-another-order",
        )
    algorithms = [name for name, _, _ in labels]
    is_grouped = algorithms == sorted(algorithms) or algorithms == sorted(algorithms, reverse=True)
    advice = (
        "let the loop over the settings be the outer one and that over the two algorithms the inner one"
        if is_grouped
        else "go through the settings in the order in which the exercise names them, and in each through FedSGD before FedAvg"
    )
    return Failure(
        f"{evidence.what} has the rows in another order.",
        ORDER,
        f"{advice}, in the cell tagged {evidence.tag!r}.",
        "rows-in-another-order",
    )


def _have_values_of(rows: Sequence[Mapping[str, Any]], right_rows: Sequence[Mapping[str, Any]]) -> bool:
    """Whether rows have the message counts and, within the tolerance, the accuracies of others."""
    counts, accuracies = (
        [[row[column] for row in each] for each in (rows, right_rows)]
        for column in ("Message count", "Test accuracy")
    )
    return counts[0] == counts[1] and are_close(*accuracies)


def _name_row(row: Mapping[str, Any]) -> tuple[str, str, str]:
    """The algorithm, N and C of a row, so that equal ones are alike."""
    n, c = (f"{row[column]:.9g}" if is_number(row[column]) else show(row[column]) for column in ("N", "C"))
    return _normalize(row["Algorithm"])[:6], n, c


def _normalize(label: Any) -> str:
    return "".join(filter(str.isalpha, str(label))).lower()
