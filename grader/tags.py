"""Cells that have lost their tags, as some editors make them: found by the names that they define, and their texts by what lies around them.

The handout says which names the cell with each tag defines. A tag is restored only where one cell fits; what is ambiguous is told, not guessed.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from itertools import takewhile

from .handout import Handout, list_definitions, squeeze
from .notebook import Cell, Notebook


def restore_tags(notebook: Notebook, handout: Handout, tags: Collection[str]) -> tuple[Notebook, list[str]]:
    """A notebook in which no cell has any of `tags`, with those that can be restored, and a note on them; another one as it is."""
    if any(set(cell.tags) & set(tags) for cell in notebook.cells):
        return notebook, []
    codes = {tag: cell.source for cell in handout.notebook.cells if cell.is_code for tag in cell.tags}
    found = find_by_names(notebook, {tag: source for tag, source in codes.items() if tag in tags})
    for tag in tags:
        if tag not in found and (text := find_text(notebook, handout, tag)):
            found[tag] = text
    cells = {cell.index: cell for cell in notebook.cells}
    for tag, chosen in found.items():
        for cell in chosen:
            cells[cell.index] = replace(cells[cell.index], tags=(*cells[cell.index].tags, tag))
    restored = replace(notebook, cells=tuple(cells.values()))
    return restored, [_describe(found, [tag for tag in tags if tag not in found])]


def find_by_names(notebook: Notebook, sources: Mapping[str, str]) -> dict[str, list[Cell]]:
    """For each tag that one cell of the notebook fits, that cell.

    sources: the handout's cells by tag
    """
    found: dict[str, list[Cell]] = {}
    for tag, source in sources.items():
        fitting = notebook.list_defining(list_definitions(source)) or _list_importing(notebook, source)
        changed = [cell for cell in fitting if squeeze(cell.source) != squeeze(source)]
        if len(fitting) == 1 or len(changed) == 1:
            found[tag] = changed or fitting
    return found


def _list_importing(notebook: Notebook, source: str) -> list[Cell]:
    """The first code cell that imports of most of the packages that the handout's cell does; for one that only imports."""
    packages = _list_packages(source)
    shared = {cell: len(packages & _list_packages(cell.source)) for cell in notebook.cells if cell.is_code}
    most = max(shared.values(), default=0)
    return [cell for cell, count in shared.items() if count == most > 0][:1]


def _list_packages(source: str) -> set[str]:
    """The packages that are imported, without those that come with Python."""
    found = re.findall(r"^(?:from|import) +(\w+)", source, re.MULTILINE)
    return set(found) - sys.stdlib_module_names


def find_text(notebook: Notebook, handout: Handout, tag: str) -> list[Cell]:
    """The cells that stand where the handout has a text: below the same cell, and above the next one that is the handout's."""
    place = next((cell.index for cell in handout.notebook.cells if tag in cell.tags and not cell.is_code), 0)
    above = squeeze(handout.notebook.cells[place - 1].source) if place else ""
    starts = [cell.index + 1 for cell in notebook.cells if above and squeeze(cell.source) == above]
    if len(starts) != 1:
        return []
    placeholder = squeeze(handout.cells[tag])
    found = list(
        takewhile(
            lambda cell: not cell.is_code and (not handout.has(cell) or squeeze(cell.source) == placeholder),
            notebook.cells[starts[0] :],
        )
    )
    return [cell for cell in found if cell.source.strip()]


def _describe(found: Mapping[str, Sequence[Cell]], missing: Sequence[str]) -> str:
    if not found:
        return "No cell has a tag, and none defines what the handout's cells do."
    cells = ", ".join(f"{tag} ({', '.join(map(str, cells))})" for tag, cells in found.items())
    return f"No cell has a tag. By the names that they define, these were found: {cells}." + (
        f" Not found, or more than once: {', '.join(missing)}." if missing else ""
    )
