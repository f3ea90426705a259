"""Which files of a submission are used: those that are graded, and what they import, start or read. The others are named in the report.

It is read from the text. What looks used is not named, so this errs in one direction only:

1. A module is used if it lies beside the file that imports it, or above, under its own name or in a package of that name.
2. A program is used if its path stands in the text; by a shell script, which may go to its folder first, if its name does.
3. Another file is used if all parts of its path stand in the text. A document, a notebook or an archive never is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ..notebook import NotebookError, read_notebook
from .archives import is_archive
from .names import show

_MAX_BYTES = 1 << 20
_PROGRAMS = (".py", ".sh", ".bash", ".bat", ".cmd", ".ps1")
_DOCUMENTS = (".ipynb", ".pdf", ".doc", ".docx", ".odt", ".rtf", ".html", ".htm", ".tex", ".pages", ".pptx")
_IMPORT = re.compile(r"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+)?import\b([^\n#]*)", re.MULTILINE)
_QUOTED = re.compile(r"""["']([\w.]+)["']""")  # as for importlib
_WORD = re.compile(r"[\w.-]+")


def list_unused(folder: Path, used: Iterable[Path]) -> list[str]:
    """The names of the files below a clean folder that nothing uses, safe to show, those of the upper folders first."""
    unused = set(_list_files(folder)) - set(list_used(folder, used))
    ordered = sorted(unused, key=lambda path: (len(path.parts), path))
    return [show(path.relative_to(folder).as_posix()) for path in ordered]


def list_used(folder: Path, given: Iterable[Path], among: Iterable[Path] | None = None) -> list[Path]:
    """Files below a folder, and all that these use, each after what uses it; only those `among` these, if they are told."""
    others = _list_files(folder) if among is None else sorted(among)
    used = [path for path in dict.fromkeys(given) if path in others]
    for path in used:  # which grows
        user = _User(path, folder)
        others = [other for other in others if other not in used]
        used += [other for other in others if user.uses(other)]
    return used


def _list_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


@dataclass(frozen=True)
class _User:
    """A file that is used, and may use others."""

    path: Path
    folder: Path

    def uses(self, path: Path) -> bool:
        """Whether this file imports, starts or reads another one."""
        place = self.path.parent
        own = path.relative_to(place) if path.is_relative_to(place) else None
        if path.suffix == ".py" and self._imports(path):
            return True
        if path.suffix in _PROGRAMS and own is not None and len(own.parts) > 1:
            is_known = path.name in self._words and not (place / path.name).exists()
            return own.as_posix() in self._text or (is_known and self.path.suffix in (".sh", ".bash"))
        if path.suffix.lower() in _DOCUMENTS or is_archive(path.name):
            return False
        return own is not None and self._words.issuperset(own.parts)

    def _imports(self, path: Path) -> bool:
        places = [place for place in self.path.parents if place.is_relative_to(self.folder)]
        below = [path.relative_to(place).parts[0] for place in places if path.is_relative_to(place)]
        return any(name.removesuffix(".py") in self._modules for name in below) or (
            path.parent in places and path.stem in _QUOTED.findall(self._text)
        )

    @cached_property
    def _modules(self) -> set[str]:
        """The parts of all names in imports."""
        lines = [" ".join(each) for each in _IMPORT.findall(self._text)]
        return {part for line in lines for name in _WORD.findall(line) for part in name.split(".")}

    @cached_property
    def _words(self) -> set[str]:
        return set(_WORD.findall(self._text))

    @cached_property
    def _text(self) -> str:
        if self.path.suffix != ".ipynb":
            return self.path.read_bytes()[:_MAX_BYTES].decode(errors="replace")
        try:
            return "\n".join(cell.source for cell in read_notebook(self.path).cells if cell.is_code)
        except NotebookError:
            return ""
