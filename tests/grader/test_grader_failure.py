"""A failed check has a text for the student and one for the instructor."""

from __future__ import annotations

import pytest

from grader import Failure, NotReached, explain, fail, withhold
from grader.failure import withhold_numbers
from grader.question import Question


def test_what_is_withheld_stands_in_the_instructor_s_text_alone() -> None:
    failure = Failure(f"f({withhold('lr=0.3', 'lr=…')}) is 1.", withhold("2", "another value"), "look.")

    assert str(failure) == failure.text == "f(lr=0.3) is 1.\n  Expected: 2\n  Next: look."
    assert failure.student_text == "f(lr=…) is 1.\n  Expected: another value\n  Next: look."


def test_what_is_not_reached_withholds_the_same() -> None:
    failure = NotReached(NotReached(Failure(f"It is {withhold('3', 'wrong')}.", "2", "look.")))

    assert (str(failure), failure.student_text) == ("Not reached: It is 3.", "Not reached: It is wrong.")


def test_numbers_that_were_drawn_are_withheld_where_they_are_quoted() -> None:
    question = Question.calling("cell", "f", {"n": 57, "lr": 0.03, "of": [{"e": 2, "b": -1}]})
    quoted = withhold_numbers("60 samples: 57, at 0.03, in 2 of 570 or 0.035, not -1", question.withheld)

    assert Failure(quoted, "", "").for_student.seen == "60 samples: …, at …, in 2 of 570 or 0.035, not -1"
    assert (
        Failure(quoted, "", "").for_instructor.seen == "60 samples: 57, at 0.03, in 2 of 570 or 0.035, not -1"
    )
    assert Question.calling("cell", "f", {"n": 57}, is_drawn=False).withheld == []


@pytest.mark.parametrize("stray", ["\ue000", "\ue001", "\ue002", "\ue000\ue001", "\ue002\ue000"])
def test_a_submission_s_own_marks_reveal_nothing(stray: str) -> None:
    failure = Failure(f"{stray}{withhold(f'{stray}3', f'{stray}wrong')}{stray}", stray, stray)

    assert failure.for_student == ("wrong", "", "")
    assert failure.for_instructor == ("3", "", "")


def test_a_mistake_is_counted_by_the_diagnosis_that_recognised_it() -> None:
    def plain_mean(evidence: str) -> Failure:
        return Failure(evidence, "another mean", "weight each client.")

    with pytest.raises(Failure) as failure:
        explain("It took the mean.", (plain_mean,))
    assert failure.value.kind == NotReached(failure.value).kind == "plain-mean"
    with pytest.raises(Failure) as failure:
        fail("It is 3.", "2", "look.")
    assert failure.value.kind == ""
