"""A2 and A3: every question has one of its options as an answer. Whether it is the right one is graded elsewhere."""

from __future__ import annotations

import pytest

from grader import Submission, check_option, fail

from .handout import OBSERVATIONS, Observations

CASES = [
    pytest.param(entry, question, id=f"{entry.name}.{question}", marks=pytest.mark.exercise(entry.exercise))
    for entry in OBSERVATIONS
    for question in entry.options
]


@pytest.mark.parametrize(("entry", "question"), CASES)
def test_answer_is_an_option(submission: Submission, entry: Observations, question: str) -> None:
    """The question is answered with one of its options."""
    options = entry.options[question]
    expected = "one of " + ", ".join(map(repr, options))
    found = submission.read_class(entry.tag, entry.name, list(entry.options))[question]
    what = f"{entry.name}.{question}"
    if found.get("missing"):
        fail(
            f"{what} is not defined.",
            expected,
            f"copy the class from the handout into the cell tagged {entry.tag!r} and fill it in.",
        )
    if found.get("odd") == "...":
        fail(f"{what} is still `...`.", expected, "replace the `...` by your answer.")
    if "value" not in found:
        fail(f"{what} is a {found.get('odd')}.", expected, f"write the answer itself after `{question} =`.")
    check_option(what, found["value"], options)
