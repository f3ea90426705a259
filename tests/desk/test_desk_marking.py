"""What a form says, and how it is filled in again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rubrics import with_rubric
from standings import HOMEWORK, make_mark, make_party, make_result, make_run

from grader.desk.mark_sheet import MarkItem, list_items
from grader.desk.marking import FormFilling, fill_form, read_decision


@pytest.fixture
def item() -> MarkItem:
    run = make_run(make_result("R2", "manual", 0, 1, "Explanation", answer="Because."))
    party = make_party(1, run, homework=with_rubric(HOMEWORK))
    return next(each for each in list_items([party]) if each.item == "Explanation")


def test_ticked_lines_add_up_and_stand_in_the_comment(item: MarkItem) -> None:
    decision = read_decision({"comment": "Well put.", "seen": "3"}, ["0", "1"], item)

    assert (decision.points, decision.comment, decision.seen) == (
        0.75,
        "says how many\nsays why\nWell put.",
        3,
    )


def test_a_number_counts_whatever_is_ticked(item: MarkItem) -> None:
    assert read_decision({"points": "0,5"}, ["0"], item).points == 0.5


@pytest.mark.parametrize(
    ("given", "comment", "form"),
    [
        (None, "", FormFilling("", "", ())),
        (0.75, "says how many\nsays why\nWell\r\nput.", FormFilling("", "Well\nput.", ("0", "1"))),
        (0.5, "says how many", FormFilling("0.5", "", ("0",))),
        (1.0, "Good.", FormFilling("1", "Good.", ())),
    ],
    ids=["new", "ticked", "another number", "no line"],
)
def test_a_form_shows_what_was_decided_so_that_a_further_line_counts(
    item: MarkItem, given: float | None, comment: str, form: FormFilling
) -> None:
    filled = fill_form(replace(item, given=given, comment=comment))
    again = read_decision({"points": filled.points, "comment": filled.comment}, filled.ticked, item)

    assert filled == form
    assert (again.points, again.comment.splitlines()) == (given, comment.splitlines())


def test_where_nothing_was_written_nobody_is_awaited() -> None:
    unwritten = make_result("R2", "manual", 0, 1, "Explanation", answer="", is_missing=True)
    party = make_party(1, make_run(make_result("R2", "passed", 1, 1), unwritten))
    items = {each.item: each for each in list_items([party])}

    assert party.exercises[1].awaited == ()
    assert not items["Explanation"].is_awaited
    marked = make_party(1, *party.runs, marks={("R2", "Explanation"): make_mark("R2", "Explanation", 0.5)})
    assert marked.exercises[1].score == 1.5
