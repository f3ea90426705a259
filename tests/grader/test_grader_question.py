"""Questions put to a submission and to the reference. What both answer is made up here."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

import pytest

from grader.failure import Failure, fail
from grader.question import Ask, Question

UNTOUCHED, BROKEN = "untouched", "broken"


class MadeUpSubmission:
    """Answers with each question's own arguments; has a cell as in the handout, and one that fails every question."""

    def __init__(self, untouched: Any = None) -> None:
        self.asked: list[str] = []
        self._untouched = untouched

    def observe(self, question: Question) -> Any:
        self.asked.append(question.name)
        if question.tag == BROKEN:
            fail("It broke.", "an answer", "mend it.")
        return self._untouched if question.tag == UNTOUCHED else dict(question.arguments)

    def is_worth_asking(self, tag: str) -> bool:
        return tag != UNTOUCHED


class MadeUpReference:
    """Answers with the arguments that it gets, and notes what was started, answered and forgotten, by name."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.answered: list[str] = []
        self.forgotten: list[str] = []

    def start(self, _: str, arguments: Mapping[str, Any]) -> Future[Any]:
        self.started.append(arguments["name"])
        return Future()

    def answer(self, _: str, arguments: Mapping[str, Any]) -> Any:
        self.answered.append(arguments["name"])
        return dict(arguments)

    def forget(self, _: str, arguments: Mapping[str, Any]) -> None:
        self.forgotten.append(arguments["name"])


def make_question(name: str, tag: str = "answer", **right: Any) -> Question:
    return Question(tag, "call", {"name": name}, f"{name}()", right=right)


@pytest.fixture
def reference() -> MadeUpReference:
    return MadeUpReference()


def test_both_answers_are_given(reference: MadeUpReference) -> None:
    ask = Ask(MadeUpSubmission(), reference)

    assert ask(make_question("f", unusable=[])) == ({"name": "f"}, {"name": "f", "unusable": []})


def test_a_question_is_put_once(reference: MadeUpReference) -> None:
    submission = MadeUpSubmission()
    ask = Ask(submission, reference)

    assert ask(make_question("f")) == ask(make_question("f"))
    assert (submission.asked, reference.started) == (["f"], ["f"])


def test_a_question_without_an_answer_is_put_once_and_its_reference_forgotten(
    reference: MadeUpReference,
) -> None:
    submission = MadeUpSubmission()
    ask = Ask(submission, reference)
    for _ in range(2):
        with pytest.raises(Failure, match="It broke"):
            ask(make_question("f", BROKEN))

    assert submission.asked == reference.started == reference.forgotten == ["f"]
    assert reference.answered == []


@pytest.mark.parametrize("answer", [None, {"value": None, "runs": []}], ids=["None", "nothing noted"])
def test_an_untouched_cell_starts_no_reference(reference: MadeUpReference, answer: Any) -> None:
    ask = Ask(MadeUpSubmission(untouched=answer), reference, [make_question("f", UNTOUCHED)])
    with pytest.raises(Failure) as failure:
        ask(make_question("f", UNTOUCHED))

    assert failure.value.seen == "f() gives nothing: the cell tagged 'untouched' is as in the handout."
    assert reference.started == reference.answered == []


@pytest.mark.parametrize("answer", [0, {"value": 0.0}, [False]])
def test_an_answer_from_elsewhere_is_compared_although_the_cell_is_untouched(
    reference: MadeUpReference, answer: Any
) -> None:
    assert Ask(MadeUpSubmission(untouched=answer), reference)(make_question("f", UNTOUCHED))[0] == answer
    assert reference.answered == ["f"]


def test_three_questions_are_foreseen(reference: MadeUpReference) -> None:
    foreseen = [make_question(name) for name in "abcdef"]
    ask = Ask(MadeUpSubmission(), reference, foreseen)
    ask(foreseen[1])

    assert reference.started == ["b", "c", "d", "e"]


def test_nothing_is_foreseen_about_an_untouched_cell_or_after_its_failure(reference: MadeUpReference) -> None:
    foreseen = [make_question("a"), make_question("b", UNTOUCHED), make_question("c", BROKEN)]
    ask = Ask(MadeUpSubmission(), reference, foreseen)
    with pytest.raises(Failure):
        ask(foreseen[2])
    ask(foreseen[0])

    assert reference.started == ["c", "a"]
    assert reference.forgotten == ["c"]
