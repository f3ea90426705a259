"""A student's own modules and other files that were handed in beside the notebook and that it uses: they are there when it runs.

A module never takes the name of one that grading uses: not of the standard library, of what is installed, or of the homework's packages.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from importlib.machinery import all_suffixes
from importlib.metadata import packages_distributions
from itertools import chain, islice
from pathlib import Path

from .intake import list_used, listed, show

_MAX_BYTES = 64 << 20
_MAX_FILES = 1_000
_MAX_LOOKED_AT = 5_000  # in a folder that nobody packed for handing in


@dataclass(frozen=True)
class OwnFiles:
    """Where each file lies, by its path below the folder that was handed in, and the notebook's own folder below that.

    notes: what is not used, and why, in sentences
    """

    files: Mapping[str, Path] = field(default_factory=dict)
    place: str = "."
    notes: tuple[str, ...] = ()


def collect_files(
    notebook: Path, folder: Path, reserved: Collection[str], among: Iterable[Path] | None = None
) -> OwnFiles:
    """The files below `folder` that the notebook uses.

    reserved: names of modules that the homework has
    among: the only files to look at; None for all
    """
    used = [path for path in list_used(folder, [notebook], among) if path != notebook]
    names = {path: path.relative_to(folder).as_posix() for path in used}
    taken = [path for path in used if _is_taken(path, notebook, folder, reserved)]
    kept: dict[str, Path] = {}
    left, size = _MAX_FILES, _MAX_BYTES
    for path in used:
        size -= path.stat().st_size
        left -= 1
        if path not in taken and min(left, size) >= 0:
            kept[names[path]] = path
    large = [name for path, name in names.items() if path not in taken and name not in kept]
    notes = []
    if taken:
        notes.append(
            f"Not used: {listed([show(names[path]) for path in taken])}. The standard library, an installed package or the homework has a "
            "module of this name."
        )
    if large:
        notes.append(
            f"Too large to be there when the notebook runs: {listed([show(name) for name in large])}."
        )
    return OwnFiles(kept, notebook.parent.relative_to(folder).as_posix(), tuple(notes))


def list_beside(notebook: Path) -> list[Path]:
    """The files beside a notebook that was not handed in with a folder, and the modules in the folders there."""
    place = notebook.parent
    found = chain([notebook], place.iterdir(), place.glob("*/*.py"))
    return [path for path in islice(found, _MAX_LOOKED_AT) if path.is_file()]


def _is_taken(path: Path, notebook: Path, folder: Path, reserved: Collection[str]) -> bool:
    if not path.name.endswith(tuple(all_suffixes())):
        return False
    bases = [base for base in (notebook.parent, folder) if path.is_relative_to(base)]
    names = {path.relative_to(base).parts[0].partition(".")[0] for base in bases}
    return path.suffix != ".py" or bool(
        names & {*sys.stdlib_module_names, *packages_distributions(), *reserved}
    )
