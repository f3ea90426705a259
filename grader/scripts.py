"""The scripts of a submission, for exercises that are graded from files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .homework import HANDED_OUT, Homework
from .intake import Expected, HandIn


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

    def list_shared(self, name: str) -> list[str]:
        """The exercises that the script of this name starts besides its own, by what their scripts' names begin with."""
        own, path = Path(name).stem, self.files[name]
        return [
            Path(each).stem for each, other in self.files.items() if other == path and Path(each).stem != own
        ]

    def describe_absence(self, name: str) -> str:
        """Why there is no such script, as a clause."""
        return self.hand_in.problems.get(name) or f"there is no {name}"


def expect(homework: Homework) -> Expected:
    """What to look for in a submission: tags of cells, names of scripts, and how to know a script by its content."""
    scripts = [name for exercise in homework.exercises for name in exercise.files]
    marks = {name: mark for exercise in homework.exercises for name, mark in exercise.marks.items()}
    return Expected(homework.tags, scripts, homework.handout.cells, marks, (*homework.reserved, HANDED_OUT))
