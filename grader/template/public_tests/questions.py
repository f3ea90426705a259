"""What public and hidden checks ask alike."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from grader import Question, Submission, check_option, fail, read_homework

HANDOUT = read_homework(Path(__file__).parents[1]).handout

RUN = "all_reduce"
OBSERVATIONS = "all_reduce_observations"
EXPLANATION = "all_reduce_explanation"
# The class in that cell, and the options of each of its questions.
[(ANSWERS, OPTIONS)] = HANDOUT.options(OBSERVATIONS).items()


def ask_for_run(vectors: Sequence[Sequence[float]]) -> Question:
    """Run the function with one vector per worker."""
    return Question(
        RUN,
        "traffic.run_all_reduce",
        {"name": "all_reduce", "vectors": vectors},
        f"all_reduce(Ring({len(vectors)}), vectors)",
        expected="a list with one list of numbers per worker",
    )


def read_answer(submission: Submission, question: str) -> str | bool:
    """The answer to a question; fails the check if it is not one of the handout's options."""
    found = submission.read_class(OBSERVATIONS, ANSWERS, list(OPTIONS))[question]
    what = f"{ANSWERS}.{question}"
    if "value" not in found:
        seen = "still `...`" if found.get("odd") == "..." else found.get("odd", "not defined")
        fail(
            f"{what} is {seen}.",
            "one of " + ", ".join(map(repr, OPTIONS[question])),
            f"write your answer after `{question}: … =` in the cell tagged {OBSERVATIONS!r}.",
        )
    check_option(what, found["value"], OPTIONS[question])
    answer: str | bool = found["value"]
    return answer
