"""An answer in a cell of one's own below the tagged cell, which is still as in the handout: run from top to bottom, it counts."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace

from .handout import Handout, list_definitions
from .notebook import Cell, Notebook, defines


def settle_answers_below(
    notebook: Notebook, handout: Handout, tags: Collection[str]
) -> tuple[Notebook, list[str]]:
    """A notebook in which such answers are part of the tagged cells, where one cell alone can be meant, and a note for each."""
    notes = []
    for tag in tags:
        cell = notebook.find(tag)
        if cell is None or not handout.is_untouched(tag, cell.source):
            continue
        answers = _find_answers(notebook, handout, cell, list_definitions(cell.source))
        if len(answers) == 1:
            notebook = _join(notebook, tag, cell, answers[0])
            notes.append(
                f"The cell tagged {tag!r} is as in the handout; {answers[0]} has what it asks for, and is taken for the answer."
            )
    return notebook, notes


def _find_answers(notebook: Notebook, handout: Handout, tagged: Cell, names: Collection[str]) -> list[Cell]:
    return [
        cell
        for cell in notebook.cells
        if cell.is_code
        and cell.index > tagged.index
        and not cell.tags
        and not handout.has(cell)
        and not cell.source.lstrip().startswith("%%")
        and names
        and all(_gives(cell.source, name) for name in names)
    ]


def _gives(source: str, name: str) -> bool:
    """Whether code defines a name, or gives an attribute to what has it."""
    attribute = rf"^(?:{name}\.\w+ *(?::[^=\n]+)?=(?!=)|[ \t]*setattr\( *{name}\b)"
    return defines(source, name) or re.search(attribute, source, re.MULTILINE) is not None


def _join(notebook: Notebook, tag: str, tagged: Cell, answer: Cell) -> Notebook:
    """The notebook with both as one cell, in the place of the lower one."""
    cells = {cell.index: cell for cell in notebook.cells}
    cells[tagged.index] = replace(tagged, tags=tuple(other for other in tagged.tags if other != tag))
    cells[answer.index] = replace(answer, source=f"{tagged.source}\n\n{answer.source}", tags=(tag,))
    return replace(notebook, cells=tuple(cells.values()))
