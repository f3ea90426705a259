"""Which exercises a change of a notebook concerns: those whose cells, or what these use, are no longer the same."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from .cells import select_cells
from .homework import Exercise, Homework
from .notebook import Notebook


def digest_exercises(homework: Homework, notebook: Notebook) -> dict[str, str]:
    """For each exercise that is graded from cells, a digest of all that its checks run and read."""
    return {
        exercise.id: _digest(homework, exercise, notebook) for exercise in homework.exercises if exercise.tags
    }


def _digest(homework: Homework, exercise: Exercise, notebook: Notebook) -> str:
    code = [cell.source for cell in select_cells(notebook, (homework.setup, *exercise.tags))]
    # What is written in prose may stand in a cell without a tag, below its own; and a tag may have moved.
    prose = [cell.source for cell in notebook.cells if not cell.is_code]
    has_prose = any(item.tag for item in exercise.manual)
    tags = [(tag, cell.kind) for cell in notebook.cells for tag in cell.tags if tag in exercise.tags]
    parts = repr([code, prose if has_prose else [], tags])
    return hashlib.sha256(parts.encode("utf-8", "surrogatepass")).hexdigest()


def list_changed(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """The exercises whose digest is another one, in the homework's order."""
    return [name for name, digest in now.items() if before.get(name) != digest]
