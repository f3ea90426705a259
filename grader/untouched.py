"""Which exercises are still as in the handout: nobody has begun them, so there is nothing to check."""

from __future__ import annotations

from pathlib import Path

from .explanation import read_cells
from .failure import Failure
from .handout import list_definitions, squeeze
from .homework import Exercise, Homework
from .notebook import Notebook
from .scripts import Scripts

NOT_BEGUN = "not-begun"
"""What it is counted as where everything is as in the handout."""


def find_untouched(homework: Homework, notebook: Notebook | None, scripts: Scripts | None) -> frozenset[str]:
    """The ids of the exercises of which everything is as in the handout."""
    return frozenset(
        exercise.id
        for exercise in homework.exercises
        if (exercise.tags and notebook is not None and _has_untouched_cells(homework, exercise, notebook))
        or (exercise.files and scripts is not None and _has_untouched_files(homework, exercise, scripts))
    )


def describe_untouched(exercise: Exercise) -> Failure:
    """What there is to say about an exercise that nobody has begun."""
    places = ", ".join(map(repr, exercise.tags))
    where = f"the cells tagged {places}" if len(exercise.tags) > 1 else f"the cell tagged {places}"
    if exercise.files:
        where = ", ".join(exercise.files)
    return Failure(
        f"{exercise.id} is still empty: everything in it is as in the handout.",
        f"your answers in {where}",
        f"write them there, save, and check again; the handout says what {exercise.id} asks for.",
        NOT_BEGUN,
    )


def _has_untouched_cells(homework: Homework, exercise: Exercise, notebook: Notebook) -> bool:
    return all(is_untouched(homework, tag, notebook) for tag in exercise.tags)


def is_untouched(homework: Homework, tag: str, notebook: Notebook) -> bool:
    """Whether there is nothing but the handout's cell: no text below it, and no other cell with the answer."""
    handout = homework.handout
    cells = [cell for cell in notebook.cells if tag in cell.tags]
    if not cells or not all(handout.is_untouched(tag, cell.source) for cell in cells):
        return False
    if not cells[0].is_code:
        return not read_cells(notebook, handout, tag).text
    answers = notebook.list_defining(list_definitions(handout.cells[tag]))
    return all(handout.has(cell) for cell in answers)


def _has_untouched_files(homework: Homework, exercise: Exercise, scripts: Scripts) -> bool:
    return all(
        name in scripts.files
        and (starter := homework.find_given(homework.starters) / name).is_file()
        and _read(scripts.files[name]) == _read(starter)
        for name in exercise.files
    )


def _read(path: Path) -> str:
    return squeeze(path.read_bytes().decode("utf-8", "replace"))
