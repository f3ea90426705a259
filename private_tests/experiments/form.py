"""The form of an experiment's result: a table with its columns and rows, or curves with their keys and lengths, all of finite numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from grader import Failure, Table, check_lists, compare_columns, is_number, show, withhold
from public_tests.batches import count

from .evidence import ExperimentEvidence, list_rows

ORDER = "FedSGD, then FedAvg, for each setting"


def _catch(check: Callable[..., None], *arguments: Any) -> Failure | None:
    """The failure with which a check ends."""
    try:
        check(*arguments)
    except Failure as failure:
        return failure
    return None


def find_wrong_form(evidence: ExperimentEvidence) -> Failure | None:
    """Another kind of value, or columns, rows, keys or lengths that are not the reference's."""
    if not isinstance(evidence.right, Table):
        return _find_wrong_lengths(evidence) or _find_wrong_curves(evidence)
    what, seen, right = evidence.what, evidence.seen, evidence.right
    cell = f"in the cell tagged {evidence.tag!r}"
    if not isinstance(seen, Table):
        given = show(seen)
        if evidence.arguments and isinstance(seen, str):  # in which the drawn arguments may stand
            given = withhold(given, "a string")
        return Failure(
            f"{what} gives {given}.",
            f"a DataFrame with the columns {', '.join(right.columns)}",
            f"return the DataFrame at the end of the function, {cell}; to print or to show it is not enough.",
            "no-table",
        )
    advice = _advise_columns(set(seen.columns), right.columns, cell)
    if failure := _catch(compare_columns, what, seen.columns, right.columns, advice):
        failure.kind = "other-columns"
        return failure
    return _find_wrong_rows(evidence) or _find_other_cells(evidence)


def _advise_columns(seen: set[str], right: Sequence[str], cell: str) -> str:
    if seen > set(right):
        return f"leave out the other columns, as in `table[[{', '.join(map(repr, right))}]]`, {cell}."
    if seen < set(right):
        return f"add what is missing to every row, {cell}. If it is the table's index, `reset_index()` makes columns of it."
    if not seen & {*right, *map(str.lower, right)}:
        return f"return the table with these columns and a row per run, before it is pivoted, {cell}."
    return f"name the columns exactly like this, {cell}: capitals and spaces count."


def _find_wrong_curves(evidence: ExperimentEvidence) -> Failure | None:
    seen, lengths = evidence.seen, {len(curve) for curve in evidence.right.values()}
    keys, values = list(evidence.right), "the test accuracy after each round"
    advice = "return the list test_accuracy of each run"
    if isinstance(seen, Table):
        advice = "return a dict of lists in place of the DataFrame, as `table.to_dict('list')` makes one of columns"
    elif isinstance(seen, dict) and any(isinstance(seen[key], dict) for key in seen.keys() - set(keys)):
        advice = "put all curves into one dict, each under its own key"
    elif isinstance(seen, dict) and all(isinstance(seen.get(key), list) for key in keys):
        advice = _advise_length(evidence) or advice
    where = f"{advice}, in the cell tagged {evidence.tag!r}."
    return _catch(check_lists, evidence.what, seen, keys, lengths, values, where)


def _advise_length(evidence: ExperimentEvidence) -> str:
    """What to do about a curve of another length, as far as the runs tell."""
    lasted = {len(run["accuracies"]) for run in evidence.runs if isinstance(run.get("accuracies"), list)}
    if lasted == {evidence.nr_rounds}:
        return "return the list test_accuracy of each run as it is, with a value for each round and no others"
    return "run every server for nr_rounds rounds" if lasted else ""


def _find_wrong_lengths(evidence: ExperimentEvidence) -> Failure | None:
    """Curves that all have another number of rounds, as of servers that run for the same number in any case."""
    seen, right = evidence.seen, evidence.right
    if not isinstance(seen, dict) or seen.keys() != right.keys():
        return None
    lengths = {len(curve) if isinstance(curve, list) else -1 for curve in seen.values()}
    if len(lengths) != 1 or min(lengths) in (-1, evidence.nr_rounds):
        return None
    if lengths == {1}:
        return Failure(
            f"Each curve of {evidence.what} has 1 value.",
            "the test accuracy after each round: as many values as nr_rounds says",
            f"return the whole list test_accuracy of each run, in the cell tagged {evidence.tag!r}.",
            "curves-of-one-value",
        )
    reason = evidence.usage.explain("nr_rounds")
    return Failure(
        f"Each curve of {evidence.what} has {lengths.pop()} values{f': {reason[0]}' if reason else ''}.",
        "as many values as nr_rounds says, one per round",
        f"{reason[1] if reason else _advise_length(evidence) or 'pass nr_rounds on to run()'}, in the cell tagged {evidence.tag!r}.",
        "curves-of-another-length",
    )


def _find_wrong_rows(evidence: ExperimentEvidence) -> Failure | None:
    """Another number of rows."""
    found, right = len(evidence.seen.rows), len(evidence.right.rows)
    if found == right:
        return None
    rows = count(found, "row")
    expected = f"{right} rows: {ORDER}"
    rounds = sum(len(run["accuracies"]) for run in evidence.runs if isinstance(run.get("accuracies"), list))
    if found in (rounds, right * evidence.nr_rounds):
        return Failure(
            f"{evidence.what} has {rows}: one for each round of each run.",
            expected,
            f"keep only the last row of each run, as `result.as_df().tail(1)` does, in the cell tagged {evidence.tag!r}.",
            "a-row-for-each-round",
        )
    return Failure(
        f"{evidence.what} has {rows}.",
        expected,
        f"add one row per run, with its final values, in the cell tagged {evidence.tag!r}.",
        "another-number-of-rows",
    )


def _find_other_cells(evidence: ExperimentEvidence) -> Failure | None:
    """A count or an accuracy that is no finite number."""
    for number, row in enumerate(list_rows(evidence.seen), start=1):
        for column in ("Message count", "Test accuracy"):
            value, name = row[column], column.lower().replace(" ", "_")
            if not is_number(value) or not math.isfinite(value):
                advice = (
                    f"take the last value of the list, as in `result.{name}[-1]`"
                    if isinstance(value, list)
                    else f"put the last value of the RunResult's {name} there"
                )
                return Failure(
                    f"Row {number} of {evidence.what} has the {column.lower()} {show(value)}.",
                    "a finite number",
                    f"{advice}, in the cell tagged {evidence.tag!r}.",
                    f"{column.lower()}-is-not-a-number",
                )
    return None
