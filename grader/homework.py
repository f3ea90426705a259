"""The homework as data: exercises, points, tags and limits, read from `homework.toml`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


class HomeworkError(ValueError):
    """`homework.toml` is not as it must be; a bug of the kit, not of a submission."""


@dataclass(frozen=True)
class ManualItem:
    """Points that a person gives: for the text of the cell tagged `tag`, or for an answer that a check collects."""

    name: str
    points: float
    tag: str | None = None


@dataclass(frozen=True)
class Exercise:
    id: str
    part: str
    title: str
    points: float
    tags: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    manual: tuple[ManualItem, ...] = ()
    marks: dict[str, str] = field(default_factory=dict)
    """By file name, a regular expression that finds something in a file which is that one under a wrong name."""


@dataclass(frozen=True)
class KernelLimits:
    """What a submission's kernel may take and use."""

    cell_timeout_s: float = 60.0
    submission_timeout_s: float = 900.0
    memory_mib: int = 4096
    environment: dict[str, str] = field(default_factory=dict)
    packages: tuple[str, ...] = ()
    """Packages of the kit that a contained submission can import."""


@dataclass(frozen=True)
class ScriptLimits:
    """What all processes of a script together may take and use."""

    memory_mib: int = 8192
    packages: tuple[str, ...] = ()
    """Packages of the kit that contained scripts can import."""


@dataclass(frozen=True)
class Homework:
    title: str
    setup: str
    exercises: tuple[Exercise, ...]
    kernel: KernelLimits
    scripts: ScriptLimits = field(default_factory=ScriptLimits)
    libraries: tuple[str, ...] = ()
    """Packages whose versions every report names."""

    @property
    def tags(self) -> tuple[str, ...]:
        """All tags that a notebook should have, in order."""
        return (self.setup, *(tag for exercise in self.exercises for tag in exercise.tags))

    def find_exercise(self, exercise_id: str) -> Exercise:
        """Raises HomeworkError if there is no such exercise."""
        for exercise in self.exercises:
            if exercise.id == exercise_id:
                return exercise
        known = ", ".join(exercise.id for exercise in self.exercises)
        raise HomeworkError(f"No exercise is called {exercise_id!r}. homework.toml has {known}.")


def read_homework(path: Path) -> Homework:
    """Raises HomeworkError if the file has unknown or missing keys."""
    try:
        content: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        return Homework(
            title=content["title"],
            setup=content["setup"],
            exercises=tuple(_read_exercise(entry) for entry in content["exercise"]),
            kernel=_read_kernel(content.get("kernel", {})),
            scripts=_read_script_limits(content.get("scripts", {})),
            libraries=tuple(content.get("libraries", ())),
        )
    except (OSError, KeyError, TypeError, tomllib.TOMLDecodeError) as error:
        raise HomeworkError(f"{path} can't be read as a homework: {error!r}") from error


def _read_kernel(entry: dict[str, Any]) -> KernelLimits:
    return KernelLimits(packages=tuple(entry.pop("packages", ())), **entry)


def _read_script_limits(entry: dict[str, Any]) -> ScriptLimits:
    return ScriptLimits(packages=tuple(entry.pop("packages", ())), **entry)


def _read_exercise(entry: dict[str, Any]) -> Exercise:
    tags, files = (tuple(entry.pop(key, ())) for key in ("tags", "files"))
    manual = tuple(ManualItem(**item) for item in entry.pop("manual", ()))
    return Exercise(**entry, tags=tags, files=files, manual=manual)
