"""A2 and A3: every question has one of its options as an answer. Whether it is the right one is graded elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader import Submission, check_option, fail, read_homework

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
    options = HOMEWORK.handout.options(tag)[name]
    expected = "one of " + ", ".join(map(repr, options[question]))
    found = submission.read_class(tag, name, list(options))[question]
    what = f"{name}.{question}"
    if found.get("missing"):
        fail(
            f"{what} is not defined.",
            expected,
            f"copy the class from the handout into the cell tagged {tag!r} and fill it in.",
        )
    if found.get("odd") == "...":
        fail(f"{what} is still `...`.", expected, "replace the `...` by your answer.")
    if "value" not in found:
        fail(f"{what} is a {found.get('odd')}.", expected, f"write the answer itself after `{question} =`.")
    check_option(what, found["value"], options[question])
