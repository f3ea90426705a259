"""A tag on several code cells: splitting a cell in Jupyter copies its tags to both halves, and copying a cell copies them, too.

Where it is plain which of them is the answer, or that they are one in pieces, one cell keeps the tag; what is ambiguous is told, not guessed.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from .handout import Handout, list_definitions, squeeze
from .notebook import Cell, Notebook, defines


def settle_copies(notebook: Notebook, handout: Handout, tags: Collection[str]) -> tuple[Notebook, list[str]]:
    """A notebook in which each of `tags` that can be settled is on one code cell, and a note for each."""
    notes = []
    for tag in tags:
        copies = [cell for cell in notebook.cells if cell.is_code and tag in cell.tags]
        if len(copies) > 1 and (chosen := _choose(copies, handout.cells.get(tag, ""))):
            notebook = _join(notebook, tag, copies, chosen)
            notes.append(_describe(tag, copies, chosen))
    return notebook, notes


def _choose(copies: Sequence[Cell], given: str) -> list[Cell]:
    """Those of the cells that are the answer together; none if that is ambiguous.

    given: the handout's cell
    """
    written = [cell for cell in copies if squeeze(cell.source) not in ("", squeeze(given))] or copies[-1:]
    # Of the same cell twice, the last one decides what its names mean.
    different = list({squeeze(cell.source): cell for cell in written}.values())
    names = list_definitions(given)
    defining = [cell for cell in different if any(defines(cell.source, name) for name in names)]
    chosen = sorted(defining or different, key=lambda cell: cell.index)
    is_in_pieces = all(sum(defines(cell.source, name) for cell in chosen) <= 1 for name in names)
    has_magic = any(cell.source.lstrip().startswith("%%") for cell in chosen)
    return chosen if len(chosen) == 1 or (is_in_pieces and not has_magic) else []


def _join(notebook: Notebook, tag: str, copies: Sequence[Cell], chosen: Sequence[Cell]) -> Notebook:
    """The notebook with the chosen cells as one, in the place of the last; the others go on without the tag."""
    source = "\n\n".join(cell.source for cell in chosen)
    cells = {cell.index: cell for cell in notebook.cells}
    for cell in copies:
        cells[cell.index] = replace(cell, tags=tuple(other for other in cell.tags if other != tag))
    cells[chosen[-1].index] = replace(chosen[-1], source=source)
    return replace(notebook, cells=tuple(cells.values()))


def _describe(tag: str, copies: Sequence[Cell], chosen: Sequence[Cell]) -> str:
    where = ", ".join(map(str, copies))
    taken = ", ".join(map(str, chosen))
    what = (
        f"{taken} together are taken for the answer"
        if len(chosen) > 1
        else f"{taken} is taken for the answer"
    )
    return f"The tag {tag!r} is on {where}, as after a cell was split or copied; {what}."
