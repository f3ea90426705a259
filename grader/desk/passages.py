"""Reads what can be compared in hand-ins: cells and scripts, and what everybody was given."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from ..homework import Homework
from ..intake import open_hand_in
from ..notebook import Notebook, read_notebook
from ..scripts import expect
from ..tags import restore_tags
from .similar import Passage
from .work import lay_out

UNTAGGED = "cells without a tag"
_CODE = ("*.py", "*.sh")


def read_passages(party: str, packed: Path, homework: Homework) -> list[Passage]:
    """The cells with a tag that are not as in the handout, the other cells as one, and the scripts. Raises IntakeError or NotebookError."""
    with tempfile.TemporaryDirectory(prefix="similar-") as folder:
        with packed.open("rb") as file:
            path = lay_out(file, Path(folder))
        hand_in = open_hand_in(path, Path(folder), expected=expect(homework))
        passages = [
            Passage(party, name, path.read_text(encoding="utf-8", errors="replace"))
            for name, path in hand_in.scripts.items()
        ]
        if hand_in.notebook is not None:
            notebook, _ = restore_tags(read_notebook(hand_in.notebook), homework.handout, homework.tags)
            passages += _read_cells(party, notebook, homework)
    return passages


def _read_cells(party: str, notebook: Notebook, homework: Homework) -> Iterator[Passage]:
    others = []
    for cell in notebook.cells:
        tags = [tag for tag in cell.tags if tag in homework.tags]
        if homework.handout.has(cell):
            continue
        if tags:
            yield Passage(party, tags[0], cell.source)
        elif cell.is_code:
            others.append(cell.source)
    if others:
        yield Passage(party, UNTAGGED, "\n".join(others))


def read_given(homework: Homework) -> Iterator[str]:
    """What everybody has: the handout's cells, the starters, the class material, and the students' own checks."""
    yield from (cell.source for cell in homework.handout.notebook.cells)
    for name in [homework.starters, homework.public.checks, *homework.reserved]:
        folder = homework.folder / name if name else None
        if folder is not None and folder.is_dir():
            for pattern in _CODE:
                for path in sorted(folder.rglob(pattern)):
                    yield path.read_text(encoding="utf-8", errors="replace")
