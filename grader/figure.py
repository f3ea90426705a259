"""Figures that a check adds to the report of its exercise: plain data, which a page draws.

Labels and numbers may come from a submission: a page shows them as text. Only the kit itself makes a `Picture`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from .observation import Table
from .values import is_number

MOST_SERIES = 12
MOST_POINTS = 400
_LABEL = 60  # characters
_LARGEST = 1e12  # that a chart can be scaled to


class _Figure(msgspec.Struct, frozen=True, kw_only=True):
    """What all figures have.

    only_instructor: whether it shows what a student may not see, such as drawn arguments
    """

    title: str
    only_instructor: bool = False


class Picture(_Figure, frozen=True, kw_only=True, tag="picture"):
    """An SVG document, complete in itself; `description` says in words what it shows."""

    svg: str
    description: str


class Curves(_Figure, frozen=True, kw_only=True, tag="curves"):
    """Values by their number, 1 for the first of each series; `reference` are those of the reference, for the instructor alone."""

    x: str
    y: str
    series: dict[str, list[float]]
    reference: dict[str, list[float]] = {}


class Rows(_Figure, frozen=True, kw_only=True, tag="rows"):
    """A table; `reference` are the reference's rows, for the instructor alone."""

    columns: list[str]
    rows: list[list[str | float]]
    reference: list[list[str | float]] = []


Figure = Picture | Curves | Rows


def make_figure(
    value: Any, title: str, *, x: str = "", y: str = "", reference: Any = None, only_instructor: bool = False
) -> Figure | None:
    """What a submission gave, beside what the reference gives: curves if it is lists by their names, a table if it is one; None if neither."""
    columns, rows = read_rows(value)
    if rows:
        right = read_rows(reference)[1]
        return Rows(title=title, columns=columns, rows=rows, reference=right, only_instructor=only_instructor)
    if series := read_curves(value):
        right_curves = read_curves(reference)
        return Curves(
            title=title, x=x, y=y, series=series, reference=right_curves, only_instructor=only_instructor
        )
    return None


def read_curves(value: Any) -> dict[str, list[float]]:
    """What a submission gave, as far as it is lists of finite numbers by their names."""
    if not isinstance(value, Mapping):
        return {}
    curves = {
        str(name)[:_LABEL]: [float(number) for number in numbers[:MOST_POINTS]]
        for name, numbers in value.items()
        if isinstance(numbers, list) and numbers and all(map(_is_finite, numbers[:MOST_POINTS]))
    }
    return dict(list(curves.items())[:MOST_SERIES])


def read_rows(value: Any) -> tuple[list[str], list[list[str | float]]]:
    """The columns and rows of a table that a submission gave; none of anything else."""
    if not isinstance(value, Table):
        return [], []
    rows = [[_read_cell(cell) for cell in row[:MOST_SERIES]] for row in value.rows[:MOST_POINTS]]
    return [str(name)[:_LABEL] for name in value.columns[:MOST_SERIES]], rows


def _is_finite(value: Any) -> bool:
    return is_number(value) and abs(value) <= _LARGEST  # false for NaN, too


def _read_cell(value: Any) -> str | float:
    return value if _is_finite(value) else str(value)[:_LABEL]
