"""Why a name is missing: which of a notebook's cells failed before it could define it."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from .execution import Answer
from .notebook import Cell
from .observation import CodeError
from .remainder import EVERYTHING, list_names
from .statements import read_statements

# The message of a NameError.
_MISSING = re.compile(r"name '(\w+)' is not defined")


class Cause(NamedTuple):
    """A cell that failed, and how."""

    cell: Cell
    run: Answer


def find_missing_name(error: CodeError | None) -> str | None:
    """The global that code lacked."""
    found = _MISSING.match(error.message) if error is not None and error.name == "NameError" else None
    return found[1] if found is not None else None


def find_outer_class(source: str, name: str) -> str | None:
    """The class at a cell's top level that has a class of that name in it."""
    for statement in read_statements(source):
        if isinstance(statement.node, ast.ClassDef):
            inner = [node.name for node in statement.node.body if isinstance(node, ast.ClassDef)]
            if name in inner:
                return statement.node.name
    return None


def find_cause(error: CodeError | None, cells: Sequence[Cell], runs: Mapping[int, Answer]) -> Cause | None:
    """The cell that would have defined the name that the code lacked, but failed; or the cell that made that one fail, and so on."""
    seen: set[str] = set()
    cause = None
    while (name := find_missing_name(error)) is not None and name not in seen:
        seen.add(name)
        found = _find_cell(name, cells, runs)
        if found is None:
            break
        cause, error = found, found.run.error
    return cause


def _find_cell(name: str, cells: Sequence[Cell], runs: Mapping[int, Answer]) -> Cause | None:
    """The cell that failed before it could define `name`; of those of which nobody knows what they define, one in which the name occurs."""
    unsure = None
    for cell in cells:
        run = runs.get(cell.index)
        if run is None or run.outcome == "ok":
            continue
        names = run.lost if run.lost is not None else list_names(cell.source)
        if name in names:
            return Cause(cell, run)
        if EVERYTHING in names and (unsure is None or re.search(rf"\b{name}\b", cell.source)):
            unsure = Cause(cell, run)
    return unsure
