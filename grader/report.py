"""The outcome of grading, for machines (Gradescope's `results.json`) and for people (a closing table, a page)."""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

from . import display
from .figure import Figure
from .homework import Exercise
from .whole_file import write_whole

MOST_NOTES = 20  # of what was handed in, on a screen or a page
_NOTES = ("tampering", "to_judge", "handed_in", "passed_over")
PASSED, FAILED, BROKEN, MACHINE, MANUAL = "passed", "failed", "broken", "machine", "manual"


@dataclass(frozen=True)
class CheckResult:
    """One check: whether it passed, and if not, what to do.

    status: `passed`, `failed` (the submission's mistake), `broken` (a bug in the kit), `machine` (this machine lacks what the submission
        relies on), `manual` (a person decides)
    check: the name of the function that checks; `is_withheld`: it passed, but the exercise's gate did not
    remarks: what it saw that costs nothing, in the three parts of a message
    """

    exercise: str
    name: str
    points: float
    status: str
    message: str = ""
    extra: dict[str, Any] = field(default_factory=dict)
    check: str = ""
    remarks: tuple[str, ...] = ()
    is_withheld: bool = False

    @property
    def text(self) -> str:
        """The message, and below it the remarks."""
        return "\n\n".join([*filter(None, [self.message]), *(f"Remark: {each}" for each in self.remarks)])

    @property
    def score(self) -> float:
        return self.points if self.status == PASSED and not self.is_withheld else 0.0


@dataclass
class Report:
    """All results of one submission.

    figures: by exercise; code: by exercise, the name and the source of each cell or file that it is graded from
    """

    title: str
    exercises: Sequence[Exercise]
    results: list[CheckResult] = field(default_factory=list)
    context: dict[str, Any] = field(default_factory=dict)
    figures: dict[str, list[Figure]] = field(default_factory=dict)
    code: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    untouched: Collection[str] = ()
    """The exercises that are as in the handout."""

    def list_of(self, exercise: Exercise) -> list[CheckResult]:
        return [result for result in self.results if result.exercise == exercise.id]

    def apply_gates(self) -> None:
        """Withhold an exercise's other points if the check of what it is about has failed; not if it was not reached."""
        closed = {
            exercise.id: result.name
            for exercise in self.exercises
            for result in self.list_of(exercise)
            if exercise.gate and result.check == exercise.gate and result.status == FAILED
            if not result.extra.get("not_reached")
        }
        self.results = [
            replace(
                result, is_withheld=True, message=f"This passed, but earns points only together with: {gate}."
            )
            if (gate := closed.get(result.exercise)) is not None and result.status == PASSED and result.points
            else result
            for result in self.results
        ]

    @property
    def graded(self) -> list[Exercise]:
        """The exercises that have results."""
        return [exercise for exercise in self.exercises if self.list_of(exercise)]

    @property
    def score(self) -> float:
        return _add(result.score for result in self.results)

    def is_open(self, exercise: Exercise | None = None) -> bool:
        """Whether a check of the exercise, or of any, could not be made here, so that a person has to see to it that its points are given."""
        results = self.results if exercise is None else self.list_of(exercise)
        return any(result.status == MACHINE and result.points for result in results)

    @property
    def is_broken(self) -> bool:
        """Whether a check could not be made: a bug in the kit, after which no score is final."""
        return any(result.status == BROKEN for result in self.results)

    @property
    def max_score(self) -> float:
        return _add(result.points for result in self.results)

    def to_results(self) -> dict[str, Any]:
        """Gradescope's format; `status` there knows `passed` and `failed` only, so what a person decides is marked in `extra_data`."""
        open_exercises = [exercise.id for exercise in self.exercises if self.is_open(exercise)]
        return {
            "score": self.score,
            "max_score": self.max_score,
            "output": self.title,
            "output_format": "text",
            "visibility": "visible",
            "tests": [_to_test(result) for result in self.results],
            "extra_data": {
                **self.context,
                **({"needs_instructor": open_exercises} if open_exercises else {}),
                **({"untouched": sorted(self.untouched)} if self.untouched else {}),
                **({"figures": msgspec.to_builtins(self.figures)} if self.figures else {}),
                **({"code": self.code} if self.code else {}),
            },
        }


def _to_test(result: CheckResult) -> dict[str, Any]:
    test: dict[str, Any] = {
        "number": result.exercise,
        "name": result.name,
        "score": result.score,
        "max_score": result.points,
        "output": display.plain(result.text),
        "output_format": "text",
        "visibility": "visible",
        "extra_data": {
            **result.extra,
            **({"check": result.check} if result.check else {}),
            **({"remarks": list(map(display.plain, result.remarks))} if result.remarks else {}),
            "outcome": result.status,
        },
    }
    if result.status not in (MACHINE, MANUAL):
        test["status"] = PASSED if result.status == PASSED else FAILED
    return test


def _add(values: Any) -> float:
    """A sum in which three thirds are one."""
    return round(math.fsum(values), 6)


def format_points(points: float) -> str:
    return f"{round(points, 2):g}"


def _format_score(score: float, possible: float, is_open: bool) -> str:
    """`5 / 12`, or `5+? / 12` where points are still to be given by a person, since this machine lacks something."""
    return f"{format_points(score)}{'+?' if is_open else ''} / {format_points(possible)}"


COMPLETE = "complete"
EMPTY = "still empty"
_COMPLETE_MEANS = "Complete: the work is there, runs, and has the form that was asked for. Whether it is right is graded after you hand in."
_MIN_ADVICE = 25  # a narrower column would not help


def format_table(report: Report, width: int = 100) -> list[str]:
    """The closing table: each exercise, its points, and what to do next."""
    head = ("Exercise", "Points" if report.max_score > 0 else "Checks", "What to do next")
    rows = [
        (f"{exercise.id}  {exercise.title}", format_figure(report, exercise), advise(report, exercise))
        for exercise in report.graded
    ]
    total = ("Total", _format_total(report), "")
    label, figure = (max(len(row[column]) for row in (head, *rows, total)) for column in (0, 1))
    margin = label + figure + 4
    column = max(_MIN_ADVICE, width - margin)
    lines = [_join_row(head, label, figure), "-" * min(width, margin + 40)]
    for name, points, advice in rows:
        # Names are not broken, so that one can search for them.
        first, *more = textwrap.wrap(advice, column, break_long_words=False, break_on_hyphens=False) or [""]
        lines += [_join_row((name, points, first), label, figure), *(" " * margin + line for line in more)]
    lines.append(_join_row(total, label, figure))
    if any(advice == COMPLETE for *_, advice in rows):
        lines += textwrap.wrap(_COMPLETE_MEANS, width)
    return lines


def _join_row(cells: tuple[str, str, str], label: int, figure: int) -> str:
    return f"{cells[0]:{label}}  {cells[1]:>{figure}}  {cells[2]}".rstrip()


def format_notes(report: Report, isolation: str = "") -> list[str]:
    """What stands above the table: how the submission was contained, what it was graded with, and what an instructor should look at.

    isolation: empty to leave out how it was graded, which tells students nothing about their work
    """
    facts = [f"{key} {value}" for key, value in _list_facts(report) if key not in ("submission", "isolation")]
    how = [f"Isolation: {isolation}"] + [
        f"Graded with {display.plain(', '.join(facts), one_line=True)}"
    ] * bool(facts)
    return [
        *(how if isolation else []),
        *_list_remarks(report),
        *_list_signs(report),
        *_list_other_notes(report),
        *_list_handed_in(report),
        *_list_passed_over(report),
    ]


def _list_other_notes(report: Report) -> list[str]:
    """Notes that have no words of their own before them, such as those on how the scripts of an exercise were run."""
    return [
        f"{key}: {display.plain(str(note), one_line=True)}"
        for key, value in report.context.items()
        if isinstance(value, (list, tuple)) and key not in _NOTES
        for note in value
    ]


def _list_remarks(report: Report) -> list[str]:
    """What was seen that costs nothing; where nothing has points, this goes without saying."""
    cost = ", which costs nothing" if report.max_score > 0 else ""
    return [
        line
        for result in report.results
        if result.exercise not in report.untouched
        for remark in result.remarks
        for line in f"Remark on {result.exercise}{cost}: {display.plain(remark)}".split("\n")
    ]


def _list_facts(report: Report) -> list[tuple[str, Any]]:
    """What is known about the grading, apart from notes, which have lines of their own."""
    return [
        (key, value)
        for key, value in report.context.items()
        if key not in _NOTES and not isinstance(value, (list, tuple))
    ]


def _list_handed_in(report: Report) -> list[str]:
    """What became of the files that were handed in, apart from those that are graded as a matter of course."""
    notes = list(report.context.get("handed_in", ()))
    left = len(notes) - MOST_NOTES
    more = [f"Handed in: {left} more notes stand in extra_data.handed_in of the results."] if left > 0 else []
    return [f"Handed in: {display.plain(str(note), one_line=True)}" for note in notes[:MOST_NOTES]] + more


def _list_passed_over(report: Report) -> list[str]:
    """What of the notebook was not run because this machine does not have what it needs."""
    return [
        f"Passed over: {display.plain(str(note), one_line=True)}"
        for note in report.context.get("passed_over", ())
    ]


def _list_signs(report: Report) -> list[str]:
    """What is for the instructor to look at."""
    signs, judgements = (report.context.get(key, ()) for key in ("tampering", "to_judge"))
    return [
        *(f"For the instructor, a sign of tampering: {display.quote(str(sign))}." for sign in signs),
        *(f"For a person to judge: {display.plain(str(each), one_line=True)}" for each in judgements),
    ]


def format_figure(report: Report, exercise: Exercise) -> str:
    """The points of an exercise; without points, how many of its checks passed."""
    results = report.list_of(exercise)
    if report.max_score > 0:
        score, possible = _add(r.score for r in results), _add(r.points for r in results)
        return _format_score(score, possible, report.is_open(exercise))
    passed, made = _count(report, exercise)
    return f"{passed} / {made}"


def _format_total(report: Report) -> str:
    if report.max_score > 0:
        return _format_score(report.score, report.max_score, report.is_open())
    counts = [_count(report, exercise) for exercise in report.graded]
    return f"{sum(passed for passed, _ in counts)} / {sum(made for _, made in counts)}"


def _count(report: Report, exercise: Exercise) -> tuple[int, int]:
    """How many of an exercise's checks passed, and how many there are."""
    made = [result for result in report.list_of(exercise) if result.status != MANUAL]
    return sum(result.status == PASSED for result in made), len(made)


def advise(report: Report, exercise: Exercise) -> str:
    """What to do next about an exercise, in one line."""
    results, counts_points = report.list_of(exercise), report.max_score > 0
    broken = [result for result in results if result.status == BROKEN]
    if broken:
        return f"a bug in the kit ({broken[0].name}): please report it"
    if exercise.id in report.untouched:
        return EMPTY
    lacking = [result for result in results if result.status == MACHINE]
    if lacking:  # who checks their own work can see to it themselves
        return ("needs the instructor: " if counts_points else "") + _say_next(lacking[0])
    failed = [result for result in results if result.status == FAILED]
    if failed:
        return _say_next(failed[0])
    manual = [result for result in results if result.status == MANUAL]
    if manual:
        is_missing = manual[0].extra.get("is_missing")
        return f"{manual[0].name.lower()} {'was not written' if is_missing else 'is graded by hand'}"
    return "done" if counts_points else COMPLETE


def _say_next(result: CheckResult) -> str:
    return display.plain(result.extra.get("next") or result.message.split("\n")[0], one_line=True)


def write_json(report: Report, path: Path) -> None:
    """Write `results.json`, whole or not at all. Raises OSError."""
    _write(path, json.dumps(report.to_results(), indent=1, ensure_ascii=True) + "\n")


def name_refusal(error: Exception) -> str:
    """The outcome of a grading that did not begin: `machine` or `broken` if that is not the submission's fault, else `refused`."""
    return str(getattr(error, "outcome", "refused"))


def write_refusal(sentence: str, path: Path | None, outcome: str = "refused") -> str:
    """Write results without a score that say why nothing was graded, if they are asked for; what to add if they can't be written."""
    if path is None:
        return ""
    results = {
        "output": display.plain(sentence),
        "output_format": "text",
        "visibility": "visible",
        "tests": [],
    }
    try:
        _write(path, json.dumps({**results, "extra_data": {"outcome": outcome}}, indent=1) + "\n")
    except OSError as error:
        return f" ({path} could not be written: {error.strerror or error}.)"
    return ""


def write_html(report: Report, path: Path) -> None:
    """Write a page for people, whole or not at all. Raises OSError."""
    _write(path, format_page(report))


def format_page(report: Report) -> str:
    """The page on a submission: the instructor's if hidden checks were run, which give points; else the student's own."""
    from .pages import Audience, format_submission  # templates, which a table does not need

    audience: Audience = "instructor" if report.max_score > 0 else "student"
    return format_submission(report.to_results(), report.exercises, audience)


def _write(path: Path, text: str) -> None:
    write_whole(path, text.encode())
