"""The scripts of a submission, and what their author wrote beside the code: for exercises that are graded from files."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from .homework import Exercise, Homework
from .intake import Expected, open_hand_in

TEXT_SUFFIXES = (".md", ".txt", ".rst")
TEXT_CHARACTERS = 20_000  # of an explanation; the rest is cut off, and a note says so


@dataclass(frozen=True)
class Scripts:
    """A submission's scripts in a clean folder of their own, by the names that the homework gives them."""

    folder: Path
    files: Mapping[str, Path]
    notes: tuple[str, ...] = ()
    problems: Mapping[str, str] | None = None

    def describe_absence(self, name: str) -> str:
        """Why there is no such script, as a clause."""
        return (self.problems or {}).get(name) or f"there is no {name}"

    def read_explanation(self, exercise: Exercise) -> str:
        """The comments and docstrings in the exercise's files, then every text file beside them."""
        found = [self.files[name] for name in exercise.files if name in self.files]
        parts = [(path, _read_comments(path)) for path in found]
        parts += [(path, _read(path)) for path in self._text_files()]
        text = "\n\n".join(
            f"{path.relative_to(self.folder)}\n{words}" for path, words in parts if words.strip()
        )
        return text if len(text) <= TEXT_CHARACTERS else f"{text[:TEXT_CHARACTERS]}\n[cut here]"

    def _text_files(self) -> Iterable[Path]:
        return (path for path in sorted(self.folder.rglob("*")) if path.suffix.lower() in TEXT_SUFFIXES)


def expect(homework: Homework) -> Expected:
    """What to look for in a submission: tags of cells, names of scripts, and how to know a script by its content."""
    scripts = [name for exercise in homework.exercises for name in exercise.files]
    marks = {name: mark for exercise in homework.exercises for name, mark in exercise.marks.items()}
    return Expected(homework.tags, scripts, homework.handout.cells, marks, homework.reserved)


def open_scripts(path: Path, workdir: Path, homework: Homework) -> Scripts:
    """Take in the scripts of a folder or an archive. Raises IntakeError if there is nothing in it to grade."""
    found = open_hand_in(path, workdir, expected=expect(homework))
    return Scripts(found.folder, found.scripts, found.notes, found.problems)


def _read(path: Path) -> str:
    return path.read_bytes()[: 4 * TEXT_CHARACTERS].decode("utf-8", "replace")


def _read_comments(path: Path) -> str:
    text = _read(path)
    if path.suffix == ".py":
        return "\n".join([*_read_docstrings(text), *_read_python_comments(text)])
    return "\n".join(line[line.index("#") :] for line in text.splitlines() if "#" in line)


def _read_docstrings(text: str) -> list[str]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    found = (ast.get_docstring(node) for node in ast.walk(tree) if isinstance(node, documented))
    return [docstring for docstring in found if docstring]


def _read_python_comments(text: str) -> list[str]:
    found: list[str] = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                found.append(f"{token.start[0]}: {token.string}")
    except (tokenize.TokenError, SyntaxError):
        pass  # what came before the broken place has been found
    return found
