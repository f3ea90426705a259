"""The page on one submission, from its results as they are written to `results.json`.

Two readers: a student sees what was seen, what was expected and what to do next; an instructor also what the results keep from students,
set apart on the page. What a student's page shows of the grading is listed here by name, so that nothing new gets on it unnoticed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import msgspec
from markupsafe import Markup

from .. import display
from ..figure import Curves, Figure, Picture, Rows
from ..homework import Exercise
from .chart import draw_curves, draw_key
from .excerpt import Excerpt, mark_lines
from .rendering import embed, format_points, render

Audience = Literal["student", "instructor"]

STUDENT_FACTS = ("submission", "dataset", "python")
INSTRUCTOR_NOTES = {"to_judge": "For a person to judge"}
NOTES = {
    "handed_in": "Handed in",
    "passed_over": "Passed over",
}  # a student's page has these notes, and no others
MOST_NOTES = 20
_OWN_PLACE = (
    "tampering",
    "needs_instructor",
    "notices",
    "set_by_hand",
    "untouched",
    "figures",
    "code",
    "outcome",
)


@dataclass(frozen=True)
class State:
    """How a check or an exercise ended: a class of the style sheet, a sign that does without colour, and words."""

    kind: str
    sign: str
    words: str


PASSED = State("passed", "✓", "passed")
REMARKED = State("passed", "✓", "passed, with a remark")
WITHHELD = State("manual", "✓", "passed, without points")
FAILED = State("failed", "✗", "to correct")
UNREACHED = State("unreached", "–", "not reached")
BROKEN = State("broken", "!", "could not be checked")
MACHINE = State("machine", "?", "needs the instructor")
MANUAL = State("manual", "✎", "graded by hand")
UNWRITTEN = State("unreached", "○", "not written")
COMPLETE = State("passed", "✓", "complete")
EMPTY = State("unreached", "○", "still empty")


@dataclass(frozen=True)
class Parts:
    """A message; one without its three parts has all of its text in `seen`."""

    seen: str
    expected: str = ""
    advice: str = ""


@dataclass(frozen=True)
class CheckView:
    name: str
    state: State
    points: str
    message: Parts | None
    remarks: Sequence[str]
    answer: str
    comment: str
    instructor: Parts | None
    is_by_hand: bool = False
    is_decided: bool = False  # by a person


@dataclass(frozen=True)
class FigureView:
    title: str
    html: Markup  # the drawing
    description: str
    keys: Sequence[tuple[Markup, str]] = ()
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[Any]] = ()
    reference: Sequence[Sequence[Any]] = ()
    is_table: bool = False
    only_instructor: bool = False


@dataclass(frozen=True)
class Section:
    """An exercise."""

    id: str
    title: str
    points: str
    by_hand: str
    state: State
    advice: str
    checks: Sequence[CheckView]
    figures: Sequence[FigureView]
    code: Sequence[Excerpt]

    @property
    def anchor(self) -> str:
        return f"exercise-{self.id}"


def format_submission(
    results: Mapping[str, Any], exercises: Sequence[Exercise], audience: Audience = "student"
) -> str:
    """A self-contained page. Exercises without results are left out."""
    return render("submission.html", **describe_submission(results, exercises, audience))


def describe_submission(
    results: Mapping[str, Any], exercises: Sequence[Exercise], audience: Audience
) -> dict[str, Any]:
    """What the page's template is filled in with.

    Besides what `results.json` has, a person's decisions may be in the results: the `comment` on a test, and for the whole `set_by_hand`, by
    exercise the points that replace those of its checks and why, and `notices`. The score is None where nobody knows it.
    """
    tests = results.get("tests", [])
    extra = results.get("extra_data", {})
    open_exercises = extra.get("needs_instructor", ())
    sections = [
        _make_section(exercise, own, extra, audience, is_open=exercise.id in open_exercises)
        for exercise in exercises
        if (own := [test for test in tests if test.get("number") == exercise.id])
    ]
    most = results.get("max_score", 0) or 0
    score = results.get("score", 0)
    outcomes = [test.get("extra_data", {}).get("outcome") for test in tests]
    passed, automatic = outcomes.count("passed"), len(outcomes) - outcomes.count("manual")
    return {
        "title": str(results.get("output", "")),
        "submission": str(extra.get("submission", "")),
        "score": _format_score(score, most, is_open=bool(open_exercises)) if most else "",
        "share": min(1.0, (score or 0) / most) if most else passed / max(1, automatic),
        "passed": f"{passed} of {automatic}",
        "notices": list(map(str, extra.get("notices", ()))),
        "counts": _count_states(section.state for section in sections),
        "first": next(
            (section for state in (_TO_DO, (EMPTY,)) for section in sections if section.state in state), None
        ),
        "sections": sections,
        "signs": list(extra.get("tampering", ())) if audience == "instructor" else [],
        "notes": list(_list_notes(extra, audience)),
        "facts": list(_list_facts(extra, audience)),
        "is_public": not most,
        "audience": audience,
    }


_TO_DO = (BROKEN, MACHINE, FAILED)


def _make_section(
    exercise: Exercise,
    tests: Sequence[Mapping[str, Any]],
    extra: Mapping[str, Any],
    audience: Audience,
    *,
    is_open: bool,
) -> Section:
    is_empty = exercise.id in extra.get("untouched", ())
    checks = _shorten([_make_check(test, audience) for test in tests])
    score, most = (sum(test.get(key) or 0 for test in tests) for key in ("score", "max_score"))
    by_hand = extra.get("set_by_hand", {}).get(exercise.id)
    if by_hand is not None:
        manual = [
            test.get("score") or 0 for test, check in zip(tests, checks, strict=True) if check.is_by_hand
        ]
        score = by_hand["points"] + sum(manual)
    automatic = [check for check in checks if not check.is_by_hand]
    passed = sum(check.state.sign == PASSED.sign for check in automatic)
    points = _format_score(score, most, is_open=is_open) if most else f"{passed} of {len(automatic)} checks"
    return Section(
        exercise.id,
        exercise.title,
        points,
        str(by_hand["comment"]) if by_hand is not None else "",
        EMPTY if is_empty else _judge(checks),
        "" if is_empty else _advise(checks),
        [] if is_empty else checks,
        list(_list_figures(extra, exercise.id, audience)),
        list(_list_code(extra, exercise.id, checks)),
    )


def _shorten(checks: Sequence[CheckView]) -> list[CheckView]:
    """Checks that were not reached refer to the message of the one that failed instead of repeating it."""
    told = {f"Not reached: {check.message.seen}": check for check in checks if check.message}
    return [
        replace(check, message=Parts(f"Not reached, because of: {cause.name}."), instructor=None)
        if check.message and (cause := told.get(check.message.seen)) and check.state == UNREACHED
        else check
        for check in checks
    ]


def _judge(checks: Iterable[CheckView]) -> State:
    """The state of an exercise: that of its checks which comes first here."""
    states = {check.state for check in checks}
    for state in (BROKEN, MACHINE, FAILED, UNREACHED, UNWRITTEN, MANUAL):
        if state in states:
            return FAILED if state is UNREACHED else state
    return COMPLETE


def _advise(checks: Sequence[CheckView]) -> str:
    for state in (BROKEN, MACHINE, FAILED, UNREACHED):
        for check in checks:
            if check.state == state and check.message is not None:
                return check.message.advice or check.message.seen.split("\n")[0]
    by_hand = [check.name for check in checks if check.state == MANUAL and not check.is_decided]
    unwritten = [check.name for check in checks if check.state == UNWRITTEN]
    if unwritten:
        return f"{unwritten[0]} was not written"
    return f"{by_hand[0]} is graded by hand" if by_hand else ""


def _make_check(test: Mapping[str, Any], audience: Audience) -> CheckView:
    extra = test.get("extra_data", {})
    state = _find_state(test, extra)
    kept = extra.get("instructor") if audience == "instructor" else None
    most = test.get("max_score") or 0
    remarks = list(extra.get("remarks", ()))
    return CheckView(
        str(test.get("name", "")),
        state,
        f"{format_points(test.get('score') or 0)} / {format_points(most)}" if most else "",
        _read_parts(extra, _cut_remarks(str(test.get("output", "")), remarks)),
        remarks,
        str(extra.get("answer", "")).strip(),
        str(extra.get("comment", "")).strip(),
        _split(str(kept)) if kept else None,
        extra.get("outcome") == "manual",
        "comment" in extra,
    )


def _find_state(test: Mapping[str, Any], extra: Mapping[str, Any]) -> State:
    outcome = extra.get("outcome", test.get("status", "failed"))
    if extra.get("not_reached"):
        return UNREACHED
    if extra.get("is_missing") and "comment" not in extra:
        return UNWRITTEN
    if outcome == "passed":
        if test.get("max_score") and not test.get("score"):
            return WITHHELD
        return REMARKED if extra.get("remarks") else PASSED
    return {"broken": BROKEN, "machine": MACHINE, "manual": MANUAL}.get(str(outcome), FAILED)


def _cut_remarks(text: str, remarks: Sequence[str]) -> str:
    """A message without the remarks below it, which have a place of their own."""
    for remark in reversed(remarks):
        text = text.removesuffix(f"Remark: {remark}").rstrip()
    return text


def _read_parts(extra: Mapping[str, Any], text: str) -> Parts | None:
    """The three parts of a message, else all of its text; None if there is nothing to say."""
    seen, expected, advice = (str(extra.get(part) or "") for part in ("seen", "expected", "next"))
    if seen and not extra.get("not_reached"):
        return Parts(seen, expected, advice)
    return Parts(text.strip()) if text.strip() else None


def _split(text: str) -> Parts:
    """A message as its three parts; further lines of each are set in, so that nothing quoted in one looks like the next."""
    seen, _, rest = text.partition("\n  Expected: ")
    expected, _, advice = rest.partition("\n  Next: ")
    return Parts(seen, expected, advice) if advice else Parts(text)


def _list_figures(extra: Mapping[str, Any], exercise: str, audience: Audience) -> Iterator[FigureView]:
    for given in extra.get("figures", {}).get(exercise, ()):
        figure: Figure = msgspec.convert(given, Figure)
        if figure.only_instructor and audience != "instructor":
            continue
        yield _draw(figure, with_reference=audience == "instructor")


def _draw(figure: Figure, *, with_reference: bool) -> FigureView:
    if isinstance(figure, Picture):
        source = Markup('<img src="{}" alt="{}">').format(
            embed(figure.svg), display.plain(figure.description)
        )
        return FigureView(figure.title, source, figure.description, only_instructor=figure.only_instructor)
    if isinstance(figure, Rows):
        return FigureView(
            figure.title,
            Markup(),
            "",
            columns=figure.columns,
            rows=figure.rows,
            reference=figure.reference if with_reference else (),
            is_table=True,
            only_instructor=figure.only_instructor,
        )
    return _draw_curves(figure, figure.reference if with_reference else {})


def _draw_curves(figure: Curves, reference: Mapping[str, Sequence[float]]) -> FigureView:
    keys = [(draw_key(look), name) for look, name in enumerate(figure.series)]
    keys += [(draw_key(None), "reference")] * bool(reference)
    length = max(map(len, figure.series.values()), default=0)
    everything = [
        *figure.series.items(),
        *((f"reference: {name}", curve) for name, curve in reference.items()),
    ]
    return FigureView(
        figure.title,
        draw_curves(figure.series, reference, x=figure.x, y=figure.y, title=figure.title),
        "",
        keys,
        [figure.x, *map(str, range(1, length + 1))],
        [[name, *curve] for name, curve in everything],
        only_instructor=figure.only_instructor,
    )


def _list_code(extra: Mapping[str, Any], exercise: str, checks: Sequence[CheckView]) -> Iterator[Excerpt]:
    told = [*map(str, extra.get("passed_over", ()))]
    told += [message.seen for check in checks for message in (check.message, check.instructor) if message]
    for name, source in extra.get("code", {}).get(exercise, ()):
        yield mark_lines(str(name), str(source), told)


def _list_notes(extra: Mapping[str, Any], audience: Audience) -> Iterator[str]:
    for key, value in extra.items():
        if not isinstance(value, list | tuple) or key in _OWN_PLACE:
            continue
        if key not in NOTES and audience != "instructor":
            continue
        label = NOTES.get(key) or INSTRUCTOR_NOTES.get(key) or key
        for note in value[:MOST_NOTES]:
            yield f"{label}: {note}"
        if len(value) > MOST_NOTES:
            yield f"{label}: {len(value) - MOST_NOTES} more notes stand in extra_data.{key} of the results."


def _list_facts(extra: Mapping[str, Any], audience: Audience) -> Iterator[tuple[str, str]]:
    for key, value in extra.items():
        is_plain = isinstance(value, str | int | float) and key not in _OWN_PLACE
        if is_plain and (audience == "instructor" or key in STUDENT_FACTS):
            yield key.replace("_", " "), str(value)


def _count_states(states: Iterable[State]) -> list[tuple[State, int]]:
    """How many exercises there are of each state, those to work on first."""
    given = list(states)
    return [
        (state, count)
        for state in (*_TO_DO, EMPTY, UNWRITTEN, MANUAL, COMPLETE)
        if (count := given.count(state))
    ]


def _format_score(score: float | None, most: float, *, is_open: bool) -> str:
    """`5 / 12`, or `5+? / 12` where points are still to be given by a person, since this machine lacks something."""
    return f"{format_points(score)}{'+?' if is_open else ''} / {format_points(most)}"
