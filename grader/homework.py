"""A homework as data: what `homework.toml` says. Everything that the engine knows about a homework, it reads here."""

from __future__ import annotations

import tomllib
from functools import cached_property
from pathlib import Path

import msgspec

from .handout import Handout, read_handout
from .isolation import KIT

FILE = "homework.toml"
HANDED_OUT = "handed_out"
"""The folder in which what students get keeps the handout and the starters as they were."""


class HomeworkError(ValueError):
    """`homework.toml` is not as it has to be; a bug in the kit, not a submission's mistake."""

    outcome = "broken"


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of the file. An unknown key is an error, and so is a value of another type."""


class RubricLine(_Entry, frozen=True):
    """What a person looks for, and the points that it is worth."""

    text: str
    points: float


class ManualItem(_Entry, frozen=True):
    """Points that a person gives: for the text of the cell tagged `tag`, or, without one, for what is written beside the scripts' code.

    rubric: for whoever gives them; students don't see it
    """

    name: str
    points: float
    tag: str | None = None
    rubric: tuple[RubricLine, ...] = ()


class Exercise(_Entry, frozen=True):
    """What earns points, graded from the cells with `tags` or from the scripts `files`."""

    id: str
    title: str
    points: float
    tags: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    manual: tuple[ManualItem, ...] = ()
    marks: dict[str, str] = {}
    """By file name, a regular expression that matches something in a file that is this one under a wrong name."""
    gate: str = ""
    """The check of what the exercise is about: a submission that fails it gets none of the exercise's other automatic points."""


class Suite(_Entry, frozen=True):
    """Checks, and what gives the right answers to their questions.

    checks: the folder of tests; reference: modules that define what a submission should; environment: of kernel and reference alike
    """

    checks: str
    reference: tuple[str, ...] = ()
    environment: dict[str, str] = {}


class DataSource(_Entry, frozen=True):
    """The environment variables with the data set's name and folder, and the probe function that says what they are.

    describe: a probe function whose answer has a `dataset` and a `folder`, and further facts for the report
    """

    variable: str
    folder_variable: str
    describe: str


class KernelLimits(_Entry, frozen=True):
    """What a submission's kernel may use.

    packages: those of the kit that a contained submission can import
    """

    cell_timeout_s: float = 60.0
    submission_timeout_s: float = 900.0
    memory_mib: int = 4096
    environment: dict[str, str] = {}
    packages: tuple[str, ...] = ()


class ScriptLimits(_Entry, frozen=True):
    """What all processes of a script together may use; `packages` as in `KernelLimits`.

    processes: how many a script starts; the more there are, the fewer hand-ins a batch grades at the same time
    comparison: the module that tells students how a run compares with what it should come to; empty if they are not to know
    """

    memory_mib: int = 8192
    processes: int = 1
    packages: tuple[str, ...] = ()
    comparison: str = ""


class Release(_Entry, frozen=True):
    """What students get, as paths below the homework's folder.

    files: files and folders, whole; without: what of them is left out; placed: the name in the bundle -> the file that becomes it;
    secret: files and folders of which nothing may be in it, not even a passage; withheld: those that may not be in it as they are;
    answers: a folder with right answers, as TAG.py or TAG.md, with which the bundle is tried; scripts: one with right scripts;
    platform: where they hand in, which the handout must name
    """

    name: str
    files: tuple[str, ...]
    secret: tuple[str, ...]
    withheld: tuple[str, ...] = ()
    answers: str = ""
    scripts: str = ""
    platform: str = ""
    without: tuple[str, ...] = ()
    placed: dict[str, str] = {}


class Homework(
    _Entry,
    frozen=True,
    dict=True,
    rename={"exercises": "exercise", "handout_file": "handout", "probe_files": "probes"},
):
    """The whole file, and the folder in which it lies."""

    folder: Path
    title: str
    handout_file: str
    setup: str
    public: Suite
    hidden: Suite
    exercises: tuple[Exercise, ...]
    probe_files: tuple[str, ...] = ()
    starters: str = ""
    libraries: tuple[str, ...] = ()
    reserved: tuple[str, ...] = ()
    data: DataSource | None = None
    kernel: KernelLimits = KernelLimits()
    scripts: ScriptLimits = ScriptLimits()
    release: Release | None = None

    @cached_property
    def handout(self) -> Handout:
        """The notebook that students start from. Raises HomeworkError if it can't be read."""
        try:
            return read_handout(self.find_given(self.handout_file))
        except ValueError as error:
            raise HomeworkError(f"The handout of {self.folder / FILE} can't be read: {error}") from error

    def find_given(self, name: str) -> Path:
        """The handout, or the folder of starters, as it was given: students write into the files that they get, so that these are kept twice."""
        kept = self.folder / HANDED_OUT / name
        return kept if kept.exists() else self.folder / name

    @property
    def tags(self) -> tuple[str, ...]:
        """All tags that a notebook should have, in order."""
        return (self.setup, *(tag for exercise in self.exercises for tag in exercise.tags))

    @cached_property
    def probes(self) -> dict[str, str]:
        """The source of each probe module by its name, in the order in which they are loaded."""
        paths = [self.folder / path for path in self.probe_files]
        return {path.stem: path.read_text(encoding="utf-8") for path in paths}

    def find_exercise(self, exercise_id: str) -> Exercise:
        """Raises HomeworkError if there is no such exercise."""
        for exercise in self.exercises:
            if exercise.id == exercise_id:
                return exercise
        known = ", ".join(exercise.id for exercise in self.exercises)
        raise HomeworkError(f"No exercise is called {exercise_id!r}. homework.toml has {known}.")

    def find_by_tag(self, tag: str) -> Exercise:
        """The exercise that the cell tagged `tag` belongs to. Raises HomeworkError if there is none."""
        for exercise in self.exercises:
            if tag in exercise.tags:
                return exercise
        raise HomeworkError(f"No exercise of homework.toml has the tag {tag!r}.")

    @property
    def settings(self) -> Path:
        """The file that pytest takes its settings from: the homework's own, else the kit's."""
        own = self.folder / "tox.ini"
        return own if own.is_file() else KIT / "tox.ini"

    def locate(self, suite: Suite) -> Path:
        """The folder of a suite's checks, which need not be there: students don't get the hidden ones."""
        return self.folder / suite.checks


def find_homework(folder: Path | None = None) -> Path:
    """The folder of the homework: `folder` if it is given, else the current one or the next above that is a homework's, else the kit's own.

    Raises HomeworkError if there is none.
    """
    for place in [folder] if folder is not None else [Path.cwd(), *Path.cwd().parents, KIT]:
        if (place / FILE).is_file():
            return place.resolve()
    if folder is not None:
        raise HomeworkError(f"{folder} has no {FILE}; name a homework's folder.")
    raise HomeworkError(
        f"There is no {FILE} in {Path.cwd()}; go to the homework's folder, or name it with --homework."
    )


def read_homework(folder: Path) -> Homework:
    """The homework in `folder`. Raises HomeworkError if its file has unknown or missing keys, or names something that does not exist."""
    path = folder / FILE
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        if "folder" in content:
            raise ValueError("Object contains unknown field `folder`")
        homework = msgspec.convert({**content, "folder": folder.resolve()}, Homework)
    except (OSError, ValueError) as error:
        raise HomeworkError(f"{path} can't be read as a homework: {error}.") from error
    named = [homework.handout_file, homework.public.checks, homework.starters, *homework.probe_files]
    if missing := [name for name in named if not (folder / name).exists()]:
        raise HomeworkError(f"{path} names {missing[0]}, which does not exist.")
    return homework
