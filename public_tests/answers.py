"""Reads the answer to a question of multiple choice. Whether it is the right one is not looked at here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from grader import Failure, Submission, check_option

_CONTAINERS = ("tuple", "list", "set", "frozenset", "dict")


def read_answer(
    submission: Submission, tag: str, name: str, question: str, options: Mapping[str, Sequence[Any]]
) -> Any:
    """The answer that the class `name` gives to `question`; fails if it is not one of the options."""
    found = submission.read_class(tag, name, list(options))[question]
    what, where = f"{name}.{question}", f"in the cell tagged {tag!r}"
    if "value" not in found:
        expected = "one of " + ", ".join(map(repr, options[question]))
        seen, advice = _describe(question, found)
        raise Failure(f"{what} is {seen}.", expected, f"{advice}, {where}.", f"{question}-has-no-answer")
    check_option(what, found["value"], options[question])
    return found["value"]


def _describe(question: str, found: Mapping[str, Any]) -> tuple[str, str]:
    """What is there instead of an answer, and what to do."""
    odd = found.get("odd")
    if found.get("missing"):
        return (
            "not defined",
            f"write `{question} = …` into the class itself (what follows a colon is a type, not an answer)",
        )
    if odd == "...":
        return "still `...`", "put the answer in place of the `...`"
    if odd in _CONTAINERS:
        return (
            f"a {odd}",
            f"write a single answer after `{question} =`, without a bracket around it or a comma behind it",
        )
    return f"of type {odd}", f"write the answer itself after `{question} =`"
