"""The records as Markdown, for the documentation: final accuracies, curves, and the margins of the answer key's rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .key import KEY
from .records import KEPT, read
from .rules import RULES

_EXERCISES = dict(zip(KEY, ("A2.1", "A2.2", "A3.1", "A3.2", "A3.3"), strict=True))
_CURVES = {"local_epoch": "A3.1", "iid_noniid": "A3.2", "noniid_parameter": "A3.3"}


def format_records() -> str:
    """All of them: a column for each data set and seed."""
    columns = {
        f"{dataset}, seed {seed}": stored["experiments"]
        for dataset in dict.fromkeys(dataset for dataset, _ in KEPT)
        for seed, stored in read(dataset)["seeds"].items()
    }
    return "\n\n".join([_format_final_accuracies(columns), _format_curves(columns), _format_margins(columns)])


def _format_final_accuracies(columns: Mapping[str, Any]) -> str:
    rows = []
    for name in ("client_number", "client_fraction"):
        tables = [experiments[name] for experiments in columns.values()]
        rows += [
            [f"{entry[0]['Algorithm']}, N = {entry[0]['N']}, C = {entry[0]['C']}"]
            + [f"{row['Test accuracy']:.1f}" for row in entry]
            for entry in zip(*tables, strict=True)
        ]
    return _format_table(["A2.1, A2.2: after the last round", *columns], rows)


def _format_curves(columns: Mapping[str, Any]) -> str:
    first = next(iter(columns.values()))
    rows = [
        [
            f"{exercise} {label}",
            *(_format_curve(experiments[name][label]) for experiments in columns.values()),
        ]
        for name, exercise in _CURVES.items()
        for label in first[name]
    ]
    return _format_table(["curve: last value (highest)", *columns], rows)


def _format_curve(curve: Sequence[float]) -> str:
    return f"{curve[-1]:.1f} ({max(curve):.1f})"


def _format_margins(columns: Mapping[str, Any]) -> str:
    rows = []
    for name, rules in RULES.items():
        for question, rule in rules.items():
            derived = [rule(experiments) for experiments in columns.values()]
            agrees = [
                "" if found.answer == KEY[name][question] else f"**{found.answer}** " for found in derived
            ]
            rows.append(
                [f"{_EXERCISES[name]} {question}"]
                + [
                    f"{other}{found.margin:.3g} {found.unit}"
                    for other, found in zip(agrees, derived, strict=True)
                ]
            )
    return _format_table(["margin of the key's answer", *columns], rows)


def _format_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


if __name__ == "__main__":
    print(format_records())
