"""The tables of A2: what their format fixes. Whether the values are right is not looked at here.

A table is made twice, for one round and for two: so a sum of cumulative counts, or a number of rounds that is always the same, shows.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from grader import Diagnosis, Failure, Table, is_number, show, show_list

from .batches import count

# What stands in the handout's prose.
COLUMNS = ("Algorithm", "N", "C", "Message count", "Test accuracy")
ALGORITHMS = ("FedSGD", "FedAvg")
_MOST_MESSAGES = 10**6


class RowSetting(NamedTuple):
    """What a row is about: n clients, of which the share c takes part in a round."""

    algorithm: str
    n: int
    c: float

    @property
    def messages(self) -> int:
        """Per round: one to each client that takes part, and one back."""
        return 2 * max(1, round(self.c * self.n))


@dataclass(frozen=True)
class TableEvidence:
    """What a function gave for a number of rounds, and before that for one.

    settings: of the rows, in order
    """

    name: str
    settings: Sequence[RowSetting]
    nr_rounds: int
    seen: Any
    before: Any = None

    @property
    def what(self) -> str:
        return f"{self.name}(nr_rounds={self.nr_rounds})"

    @property
    def where(self) -> str:
        return f"in the cell tagged {self.name!r}"

    @property
    def rows(self) -> list[dict[str, Any]]:
        return _read_rows(self.seen)

    def walk(self) -> Iterator[tuple[str, dict[str, Any], RowSetting]]:
        """Each row with what it is called and what it is about."""
        for number, (row, setting) in enumerate(zip(self.rows, self.settings, strict=True), start=1):
            yield f"Row {number} of {self.what}", row, setting


def _read_rows(table: Any) -> list[dict[str, Any]]:
    return [dict(zip(table.columns, cells, strict=True)) for cells in table.rows]


def other_kind(evidence: TableEvidence) -> Failure | None:
    """Not a table."""
    seen = evidence.seen
    if isinstance(seen, Table):
        return None
    advice = f"build a DataFrame with these columns, and return it, {evidence.where}."
    if seen is None:
        advice = f"return the DataFrame at the end of the function, {evidence.where}; to print or to show it is not enough."
    elif isinstance(seen, list):
        advice = f"make a DataFrame of the rows before you return them, {evidence.where}: DataFrame(rows, columns=[…])."
    elif isinstance(seen, dict):
        advice = (
            f"make a DataFrame of the dict before you return it, {evidence.where}, with a row for each run."
        )
    return Failure(
        f"{evidence.what} gives {show(seen)}.", f"a DataFrame with the columns {show_list(COLUMNS)}", advice
    )


def other_columns(evidence: TableEvidence) -> Failure | None:
    seen: Sequence[str] = evidence.seen.columns
    if tuple(seen) == COLUMNS:
        return None
    missing, extra = [name for name in COLUMNS if name not in seen], [n for n in seen if n not in COLUMNS]
    parts = [f"lacks {show_list(missing)}"] * bool(missing) + [f"has {show_list(extra)} in addition"] * bool(
        extra
    )
    what = " and ".join(parts)
    if len(seen) != len(set(seen)):
        what, advice = f"has a column twice: {show_list(seen)}", "keep one of them"
    elif missing and extra and (renamed := _find_near(missing, extra)):
        advice = f"rename {renamed}; capitals and spaces count"
    elif missing:
        advice = f"add a value for {show_list(missing)} to every row"
    elif extra:
        advice = f"leave {show_list(extra)} out"
    else:
        what, advice = f"has its columns in another order: {show_list(seen)}", "put them into this order"
    return Failure(
        f"{evidence.what} {what}.",
        f"the columns {show_list(COLUMNS)}, in this order",
        f"{advice}, {evidence.where}.",
    )


def _find_near(missing: Sequence[str], extra: Sequence[str]) -> str:
    """Which columns to rename, if each that is missing is nearly there."""
    lowered = {name.lower().replace("_", " "): name for name in extra}
    near = {name: difflib.get_close_matches(name.lower(), list(lowered), n=1, cutoff=0.6) for name in missing}
    return (
        " and ".join(f"{lowered[found[0]]!r} to {name!r}" for name, found in near.items() if found)
        if all(near.values())
        else ""
    )


def other_number_of_rows(evidence: TableEvidence) -> Failure | None:
    rows, expected = len(evidence.rows), len(evidence.settings)
    if rows == expected:
        return None
    several, rest = divmod(rows, expected)
    advice = "append one row per run, with the values after its last round"
    if several > 1 and not rest:
        advice = f"keep one row per run instead of {several}: the one after its last round"
    elif rows * len(ALGORITHMS) == expected:
        advice = (
            f"run both algorithms for each setting, and append a row for each: {' and '.join(ALGORITHMS)}"
        )
    elif rows in (1, len(ALGORITHMS)):
        advice = "append a row for every setting, inside of the loop, and make the DataFrame and return it after the loop"
    return Failure(
        f"{evidence.what} has {count(rows, 'row')}.",
        f"{expected} rows: one for each setting and algorithm, with its final values",
        f"{advice}, {evidence.where}.",
    )


def other_order_of_rows(evidence: TableEvidence) -> Failure | None:
    """The right rows, but not in the handout's order."""
    labels = [(_find_algorithm(row["Algorithm"]), row["N"], row["C"]) for row in evidence.rows]
    if not all(tuple(setting) in labels for setting in evidence.settings):
        return None
    place = next(
        (
            place
            for place, (a, b) in enumerate(zip(labels, evidence.settings, strict=True), 1)
            if a != tuple(b)
        ),
        None,
    )
    if place is None:
        return None
    algorithm, n, c = labels[place - 1]
    expected = evidence.settings[place - 1]
    return Failure(
        f"{evidence.what} has the right rows in another order: row {place} is {algorithm} with N = {n} and C = {c}.",
        f"the handout's order: row {place} is {expected.algorithm} with N = {expected.n} and C = {expected.c}",
        f"go through the settings in the handout's order, and for each one run {ALGORITHMS[0]} before {ALGORITHMS[1]}, {evidence.where}.",
    )


def _find_algorithm(name: Any) -> str:
    return next((each for each in ALGORITHMS if str(name).lower().startswith(each.lower())), "")


def other_algorithm(evidence: TableEvidence) -> Failure | None:
    for where, row, setting in evidence.walk():
        if _find_algorithm(row["Algorithm"]) != setting.algorithm:
            return Failure(
                f"{where} has the algorithm {show(row['Algorithm'])}.",
                f"{setting.algorithm}: {' and then '.join(ALGORITHMS)} for each setting",
                f"let the first column hold {' or '.join(ALGORITHMS)}, or a name that begins like that, {evidence.where}.",
            )
    return None


def other_setting(evidence: TableEvidence) -> Failure | None:
    for where, row, setting in evidence.walk():
        for column, value in (("N", setting.n), ("C", setting.c)):
            if not is_number(row[column]) or row[column] != value:
                return Failure(
                    f"{where} has {column} = {show(row[column])}.",
                    f"{column} = {value}",
                    f"write the {column} that the run was made with into its row, {evidence.where}.",
                )
    return None


def no_number(evidence: TableEvidence) -> Failure | None:
    """Message counts or accuracies that are no numbers, or impossible ones."""
    for where, row, _ in evidence.walk():
        for column, most, field in (
            ("Message count", _MOST_MESSAGES, "message_count"),
            ("Test accuracy", 100, "test_accuracy"),
        ):
            value = row[column]
            if is_number(value) and math.isfinite(value) and 0 <= value <= most:
                continue
            advice = f"take the last value of the run's {field}"
            if isinstance(value, list):
                advice = f"take one value, the last of the run's {field}, and not the whole list"
            elif is_number(value) and column == "Test accuracy" and value > most:
                advice = "leave the accuracy as RunResult holds it: it is in percent already, and not to be added up"
            return Failure(
                f"{where} has {column} = {show(value)}.",
                f"a number from 0 to {most}",
                f"{advice}, {evidence.where}.",
            )
    return None


def fractions(evidence: TableEvidence) -> Failure | None:
    values = [row["Test accuracy"] for row in evidence.rows]
    if not are_fractions(values):
        return None
    return Failure(
        f"The accuracies of {evidence.what} are fractions, such as {show(max(values))}.",
        "accuracies in percent, from 0 to 100",
        f"leave the accuracy as RunResult holds it, in percent, {evidence.where}.",
    )


def are_fractions(values: Sequence[float]) -> bool:
    """Whether accuracies are shares of 1: even guesses are right in more than one percent of the cases."""
    return all(0 <= value <= 1 for value in values) and any(0 < value < 1 for value in values)


def wrong_count(evidence: TableEvidence) -> Failure | None:
    """Message counts that are not those of as many rounds as were asked for."""
    rounds = evidence.nr_rounds
    is_same = isinstance(evidence.before, Table) and evidence.rows == _read_rows(evidence.before)
    for where, row, setting in evidence.walk():
        seen, per_round = row["Message count"], setting.messages
        if seen == rounds * per_round:
            continue
        ratio = seen / per_round
        advice = "take the last value of the run's message_count, which counts on from round to round"
        if rounds == 1 and ratio == 0.5:
            advice = "count two messages for each client that takes part: one to it, and one back"
        elif rounds > 1 and ratio == 1 and not is_same:
            advice = f"{advice}; this is the count of one round"
        elif is_same:
            advice = (
                "pass the parameter `nr_rounds` on to run(): here the number of rounds makes no difference"
            )
        elif ratio == rounds * (rounds + 1) / 2:
            advice = "take the last value of message_count instead of a sum: it counts all messages since the start"
        elif ratio == int(ratio):
            advice = (
                f"run each server for `nr_rounds` rounds: this is the count of {count(int(ratio), 'round')}"
            )
        return Failure(
            f"{where} has the message count {show(seen)}.",
            f"{rounds * per_round} after {count(rounds, 'round')}: two messages per round for each of {count(per_round // 2, 'client')}",
            f"{advice}, {evidence.where}.",
        )
    return None


FORMAT: Sequence[Diagnosis[TableEvidence]] = (
    other_kind,
    other_columns,
    other_number_of_rows,
    other_order_of_rows,
    other_algorithm,
    other_setting,
    no_number,
    fractions,
    wrong_count,
)
