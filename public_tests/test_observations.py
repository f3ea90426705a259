"""A2 and A3: every question has one of its options as an answer. Whether it is the right one is graded elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader import Submission, read_homework

from .answers import read_answer

HOMEWORK = read_homework(Path(__file__).parents[1])

CASES = [
    pytest.param(
        tag,
        name,
        question,
        id=f"{name}.{question}",
        marks=pytest.mark.exercise(HOMEWORK.find_by_tag(tag).id),
    )
    for tag in HOMEWORK.tags
    if tag.endswith("_observations")
    for name, questions in HOMEWORK.handout.options(tag).items()
    for question in questions
]


@pytest.mark.parametrize(("tag", "name", "question"), CASES)
def test_answer_is_an_option(submission: Submission, tag: str, name: str, question: str) -> None:
    """The question is answered with one of its options."""
    read_answer(submission, tag, name, question, HOMEWORK.handout.options(tag)[name])
