"""A2 and A3: the multiple-choice answers, against the key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from grader import Submission, fail, read_homework, share_points
from public_tests.answers import read_answer

from .answer_key.key import KEY

HOMEWORK = read_homework(Path(__file__).parents[1])


def list_cases() -> Iterator[Any]:
    """Each question; those of a class count half of its exercise together."""
    for tag in (tag for tag in HOMEWORK.tags if tag.endswith("_observations")):
        exercise = HOMEWORK.find_by_tag(tag)
        for name, questions in HOMEWORK.handout.options(tag).items():
            shares = share_points(exercise.points / 2, len(questions))
            for question, points in zip(questions, shares, strict=True):
                mark = pytest.mark.exercise(exercise.id, points=points)
                yield pytest.param(tag, name, question, id=f"{name}.{question}", marks=mark)


@pytest.mark.parametrize(("tag", "name", "question"), list(list_cases()))
def test_answer(submission: Submission, tag: str, name: str, question: str) -> None:
    """The answer is right."""
    value = read_answer(submission, tag, name, question, HOMEWORK.handout.options(tag)[name])
    if value != KEY[name][question]:
        fail(
            f"{name}.{question} is {value!r}, which the experiments do not bear out.",
            "the option that the curves and tables with the handout's parameters show",
            "run the experiment with its defaults on all data, and look at the question again.",
            f"{question}-is-answered-{value!r}",
        )
