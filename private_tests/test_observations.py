"""A2 and A3: the multiple-choice answers, against the key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from grader import Submission, check_option, fail, read_homework, share_points

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
    options = HOMEWORK.handout.options(tag)[name]
    found = submission.read_class(tag, name, list(options))[question]
    what, expected = f"{name}.{question}", "one of " + ", ".join(map(repr, options[question]))
    if "value" not in found:
        state = (
            "not defined"
            if found.get("missing")
            else "still `...`"
            if found.get("odd") == "..."
            else f"a {found.get('odd')}"
        )
        fail(
            f"{what} is {state}.",
            expected,
            f"assign the answer itself in the cell tagged {tag!r}.",
            f"{question}-has-no-answer",
        )
    value = found["value"]
    check_option(what, value, options[question])
    if value != KEY[name][question]:
        fail(
            f"{what} is {value!r}, which the experiments do not bear out.",
            "the option that the curves and tables with the handout's parameters show",
            "run the experiment with its defaults on all data, and look at the question again.",
            f"{question}-is-answered-{value!r}",
        )
