"""The work is complete and runs. Whether it is right is graded elsewhere."""

from __future__ import annotations

from typing import Any

import pytest
from grader import Submission, fail, is_number, show

from .questions import EXPLANATION, HANDOUT, OPTIONS, RUN, ask_for_run, read_answer

VECTORS = [[1, 2, 3, 4], [10, 20, 30, 40]]
FEWEST_WORDS = 15


@pytest.mark.exercise("R1")
def test_every_worker_ends_with_a_vector(submission: Submission) -> None:
    """The function gives one vector per worker."""
    question = ask_for_run(VECTORS)
    seen = submission.observe(question)
    value: Any = seen.get("value") if isinstance(seen, dict) else None
    if not isinstance(value, list) or len(value) != len(VECTORS):
        fail(
            f"{question.shown} gives {show(value)}.",
            question.expected,
            f"return it in the cell tagged {RUN!r}.",
        )
    for worker, vector in enumerate(value):
        is_whole = isinstance(vector, list) and len(vector) == len(VECTORS[0])
        if not is_whole or not all(map(is_number, vector)):
            fail(
                f"{question.shown} gives worker {worker} {show(vector)}.",
                f"{len(VECTORS[0])} numbers, as many as it had",
                "put the worker's chunks together again.",
            )


@pytest.mark.exercise("R2")
@pytest.mark.parametrize("question", OPTIONS)
def test_answer_is_an_option(submission: Submission, question: str) -> None:
    """The question is answered with one of its options."""
    read_answer(submission, question)


@pytest.mark.exercise("R2")
def test_explanation_is_written(submission: Submission) -> None:
    """The explanation is written."""
    text = submission.read_text(EXPLANATION) or ""
    if HANDOUT.is_untouched(EXPLANATION, text) or len(text.split()) < FEWEST_WORDS:
        fail(
            f"The explanation has {len(text.split())} words, or is still the handout's.",
            "a few sentences that say why",
            f"write it in the cell tagged {EXPLANATION!r}; a person will read it.",
        )
