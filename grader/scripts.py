"""The scripts of a submission, and what their author wrote beside the code: for exercises that are graded from files."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .homework import Exercise, Homework
from .intake import Expected, HandIn, list_unused, listed

TEXT_SUFFIXES = (".md", ".txt", ".rst")
TEXT_CHARACTERS = 20_000  # of an explanation; the rest is cut off, and a note says so
_MOST_NAMED = 20  # files that were not used


@dataclass(frozen=True)
class Scripts:
    """The scripts of what was handed in."""

    hand_in: HandIn

    @property
    def folder(self) -> Path:
        """The clean folder that holds everything."""
        return self.hand_in.folder

    @property
    def files(self) -> Mapping[str, Path]:
        """By the names that the homework gives them."""
        return self.hand_in.scripts

    def describe_absence(self, name: str) -> str:
        """Why there is no such script, as a clause."""
        return self.hand_in.problems.get(name) or f"there is no {name}"

    def read_explanation(self, exercise: Exercise) -> str:
        """The comments and docstrings in the exercise's files, then every text file beside them."""
        found = [self.files[name] for name in exercise.files if name in self.files]
        parts = [(path, _read_comments(path)) for path in found]
        parts += [(path, _read(path)) for path in list_texts(self.folder)]
        text = "\n\n".join(
            f"{path.relative_to(self.folder)}\n{words}" for path, words in parts if words.strip()
        )
        return text if len(text) <= TEXT_CHARACTERS else f"{text[:TEXT_CHARACTERS]}\n[cut here]"


def list_texts(folder: Path) -> list[Path]:
    """The text files of a submission, in which an explanation may stand."""
    return [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in TEXT_SUFFIXES]


def expect(homework: Homework) -> Expected:
    """What to look for in a submission: tags of cells, names of scripts, and how to know a script by its content."""
    scripts = [name for exercise in homework.exercises for name in exercise.files]
    marks = {name: mark for exercise in homework.exercises for name, mark in exercise.marks.items()}
    return Expected(homework.tags, scripts, homework.handout.cells, marks, homework.reserved)


def describe_unused(hand_in: HandIn, graded: Sequence[Exercise]) -> list[str]:
    """A sentence that names the files of a submission that no exercise was graded from, if there are any."""
    by_hand = any(item.tag is None for exercise in graded for item in exercise.manual)
    texts = list_texts(hand_in.folder) if by_hand else []
    unused = list_unused(hand_in.folder, [*hand_in.list_graded(), *texts])
    return [f"Not used: {listed(unused, _MOST_NAMED)}."] if unused else []


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
