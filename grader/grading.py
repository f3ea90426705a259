"""One grading: what is graded, by which checks, and what has come of it so far."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from .containment import Level
from .explanation import Explanation, list_programs, read_cells, read_scripts
from .failure import Failure, NotReached
from .figure import Figure
from .homework import Exercise, Homework, Suite
from .notebook import Notebook
from .own_files import OwnFiles
from .report import BROKEN, FAILED, MACHINE, MANUAL, PASSED, CheckResult, Report, write_html, write_json
from .scripts import Scripts

MOST_CODE = 40_000  # characters of one cell or program on a page
MOST_PROGRAMS = 10  # of an exercise


@dataclass
class Grading:
    """A submission's notebook, its scripts or both, and the report on it.

    suite: the checks that are run; is_hidden: whether they are those that decide the grade
    wanted: the exercises that are graded; None for all
    unwritten: a sentence for each report that could not be written
    own: files that are there when the notebook runs
    saved: when the notebook was saved, in seconds since the epoch; None if it came with others in a hand-in
    """

    homework: Homework
    suite: Suite
    is_hidden: bool
    level: Level
    report: Report
    notebook: Notebook | None
    scripts: Scripts | None
    wanted: set[str] | None
    unwritten: list[str] = field(default_factory=list)
    own: OwnFiles = field(default_factory=OwnFiles)
    saved: float | None = None

    def is_wanted(self, exercise_id: str | None) -> bool:
        """Whether this exercise's checks are run: it was asked for, and what they look at was given. A test that is not a check always is."""
        if self.wanted is not None and exercise_id not in self.wanted:
            return False
        if exercise_id is None:
            return True
        needs_scripts = bool(self.homework.find_exercise(exercise_id).files)
        return (self.scripts if needs_scripts else self.notebook) is not None

    def is_empty(self, exercise_id: str) -> bool:
        """Whether there is nothing to run, since nobody has begun the exercise. Hidden checks look at everything."""
        return exercise_id in self.report.untouched and not self.is_hidden

    def note(self, item: pytest.Item, exercise_id: str, passed: bool, failure: BaseException | None) -> None:
        """Add a check's result to the report."""
        marker = item.get_closest_marker("exercise")
        assert marker is not None
        points = float(marker.kwargs.get("points", 0))
        extra: dict[str, Any] = {}
        status, message = PASSED, ""
        if isinstance(failure, Failure):
            status = FAILED if failure.is_mistake else MACHINE
            seen, expected, advice = failure.for_student
            message, extra = failure.student_text, {"seen": seen, "expected": expected, "next": advice}
            extra["cause"] = failure.kind or _find_function(item).removeprefix("test_").replace("_", "-")
            if failure.text != message:
                extra["instructor"] = failure.text
            if isinstance(failure, NotReached):
                extra["not_reached"] = True
        elif not passed:
            status, message = BROKEN, "This check could not be made: there is a bug in the kit."
            extra["instructor"] = f"This check could not be made: {failure!r}"[:2_000]
        remarks = tuple(remark.student_text for remark in item.stash.get(REMARKS, ()))
        self.report.results.append(
            CheckResult(
                exercise_id, _name_check(item), points, status, message, extra, _find_function(item), remarks
            )
        )

    def add_manual_items(self) -> None:
        """Add an entry for each answer in prose, with the text that the student wrote; public checks have none."""
        if self.report.max_score > 0:
            self.report.results += list(self._list_manual_items())

    def _list_manual_items(self) -> Iterator[CheckResult]:
        for exercise in self.report.graded:
            for item in exercise.manual:
                written = self._read_explanation(exercise, item.tag)
                extra: dict[str, Any] = {"manual": True, "answer": written.text}
                if written.is_missing:
                    extra["is_missing"] = True
                yield CheckResult(exercise.id, item.name, item.points, MANUAL, written.remark, extra)

    def _read_explanation(self, exercise: Exercise, tag: str | None) -> Explanation:
        if tag is not None:
            assert self.notebook is not None
            return read_cells(self.notebook, self.homework.handout, tag)
        assert self.scripts is not None
        return read_scripts(self.scripts.hand_in, self.homework, exercise)

    def add_code(self) -> None:
        """Add the code that each exercise is graded from, for the pages: cells that differ from the handout's, or programs."""
        for exercise in self.report.graded:
            code = [(name, source[:MOST_CODE]) for name, source in self._list_code(exercise)]
            if code:
                self.report.code[exercise.id] = code

    def _list_code(self, exercise: Exercise) -> Iterator[tuple[str, str]]:
        if self.notebook is not None:
            for tag in exercise.tags:
                cell = self.notebook.find(tag)
                if cell is not None and not self.homework.handout.is_untouched(tag, cell.source):
                    yield f"the cell tagged {tag!r}", cell.source
        if self.scripts is not None and exercise.files:
            hand_in = self.scripts.hand_in
            for path in list_programs(hand_in, self.homework, exercise)[:MOST_PROGRAMS]:
                with path.open(encoding="utf-8", errors="replace") as file:
                    yield path.relative_to(hand_in.folder).as_posix(), file.read(MOST_CODE)

    def write(self, json: Path | None, html: Path | None, was_cut_short: bool, grading_seed: int) -> bool:
        """Write the reports that are asked for. False if one could not be written; `unwritten` says why."""
        is_written = True
        for path, write in ((json, write_json), (html, write_html)):
            if path is None:
                continue
            if was_cut_short:
                self.unwritten.append(f"{path} was not written: not all checks were run. Leave out -x.")
                continue
            try:
                write(self.report, path)
            except OSError as error:  # usually a full disk; the table is printed all the same
                is_written = False
                self.unwritten.append(
                    f"{path} could not be written: {error.strerror or error}. The table below is complete; "
                    f"--grading-seed {grading_seed} gives the same grade again."
                )
        return is_written


GRADING = pytest.StashKey[Grading]()
REMARKS = pytest.StashKey[list[Failure]]()
"""What a check remarked, kept with it."""


def add_context(config: pytest.Config, **facts: Any) -> None:
    """Note facts for the report, such as the data set and versions of libraries. Does nothing if nothing is graded."""
    grading = config.stash.get(GRADING, None)
    if grading is not None:
        grading.report.context.update(facts)


def add_judgement(config: pytest.Config, exercise_id: str, *sentences: str) -> None:
    """Note what no check can decide, such as whether an unusual solution is what was asked for. Does nothing if nothing is graded."""
    grading = config.stash.get(GRADING, None)
    if grading is not None and sentences:
        notes = grading.report.context.setdefault("to_judge", [])
        notes.extend(f"{exercise_id}: {sentence}" for sentence in sentences)


def add_figures(config: pytest.Config, exercise_id: str, *figures: Figure) -> None:
    """Add figures to an exercise's part of the report. Does nothing if nothing is graded."""
    grading = config.stash.get(GRADING, None)
    if grading is not None:
        grading.report.figures.setdefault(exercise_id, []).extend(figures)


def find_exercise_id(item: pytest.Item) -> str | None:
    """The exercise that a check is marked with."""
    marker = item.get_closest_marker("exercise")
    return None if marker is None else str(marker.args[0])


def _find_function(item: pytest.Item) -> str:
    """The name of the function that checks, without parameters."""
    return str(getattr(item, "originalname", item.name))


def _name_check(item: pytest.Item) -> str:
    """The first line of the check's docstring, with its parameters."""
    function = getattr(item, "function", None)
    line = (getattr(function, "__doc__", None) or item.name).strip().splitlines()[0].rstrip(".")
    callspec = getattr(item, "callspec", None)
    return f"{line} [{callspec.id}]" if callspec is not None else line
