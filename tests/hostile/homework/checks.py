"""The checks of the small homework: drawn inputs, exact types, and a key that no submission may see."""

from __future__ import annotations

import json
import random
from pathlib import Path

from grader import Submission, fail

KEY_PATH = Path(__file__).with_name("key.json")
KEY = json.loads(KEY_PATH.read_text())


def check_double(submission: Submission, seed: int) -> None:
    for number in random.Random(seed).sample(range(1_000, 9_000), 2):
        seen = submission.call("double", "double", {"n": number}, timeout_s=10.0)
        if type(seen) is not int or seen != 2 * number:
            fail(f"double({number}) is {str(seen)[:200]}.", "twice the number", "correct double.")


def check_squares(submission: Submission, seed: int) -> None:
    count = random.Random(seed).randrange(5, 20)
    seen = submission.call("squares", "squares", {"n": count}, timeout_s=10.0)
    if type(seen) is not list or seen != [number * number for number in range(count)]:
        fail(f"squares({count}) is {str(seen)[:200]}.", "a list of squares", "correct squares.")


def check_answers(submission: Submission, seed: int) -> None:  # noqa: ARG001
    seen = submission.read_class("answers", "Answers", ["q1", "q2"])
    for question in ("q1", "q2"):
        value = seen.get(question, {}).get("value")
        if type(value) is not type(KEY[question]) or value != KEY[question]:
            fail(f"{question} is {str(seen.get(question))[:200]}.", "one of the options", "think again.")


CHECKS = {"double": check_double, "squares": check_squares, "answers": check_answers}
