"""A question: a probe function with arguments about a tagged cell, put to the submission and to the reference alike.

The submission answers in its kernel, the reference in a process of its own, at the same time; a check compares the two.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Protocol

import pytest

from .failure import Failure, fail, withhold

PLAIN = "numbers, strings, lists, a dict with strings as keys, or a DataFrame, as the handout says"
_AHEAD = 3  # for so many further questions the reference is computed while the submission answers one


@dataclass(frozen=True)
class Question:
    """What is asked about the cell with `tag`.

    probe: a homework's probe function, such as `servers.run_server`, or one of the engine's own: `call`, `read_value`, `read_class`,
        `describe_function`
    arguments: for the probe function, by name; `name` among them is the global that the cell defines
    shown: how a message names the code that runs, such as `my_function(n=3)`
    on_error: by the name of an exception that the probe function may raise, what was expected and what to do next
    timeout_s: how long the submission may take; None for the limit of a cell
    expected: what the code should give, for the message about an answer that has no plain form
    right: arguments that differ for the reference
    is_drawn: whether a student is not to read the arguments in a message
    """

    tag: str
    probe: str
    arguments: Mapping[str, Any]
    shown: str
    on_error: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    timeout_s: float | None = None
    expected: str = PLAIN
    right: Mapping[str, Any] = field(default_factory=dict)
    is_drawn: bool = False

    @classmethod
    def calling(
        cls, tag: str, name: str, arguments: Mapping[str, Any], *, is_drawn: bool = True, **more: Any
    ) -> Question:
        """What the function `name` of the cell returns for keyword `arguments`; `more` are fields of the question."""
        shown = ", ".join(f"{key}={value!r}" for key, value in arguments.items())
        if is_drawn:
            shown = withhold(shown, ", ".join(f"{key}=…" for key in arguments))
        asked = {"name": name, "arguments": dict(arguments)}
        return cls(tag, "call", asked, f"{name}({shown})", is_drawn=is_drawn, **more)

    @property
    def name(self) -> str:
        """The global that the question is about."""
        return str(self.arguments["name"])

    @property
    def withheld(self) -> list[float]:
        """The numbers among its arguments, if a student is not to read them."""
        return list(_list_numbers(self.arguments)) if self.is_drawn else []

    @property
    def key(self) -> str:
        """Equal for two questions that have the same answers."""
        return json.dumps([self.tag, self.probe, self.arguments, self.right], sort_keys=True)

    def for_reference(self) -> tuple[str, dict[str, Any]]:
        """The probe function and the arguments that the reference is asked with."""
        return self.probe, {**self.arguments, **self.right}


def _list_numbers(value: Any) -> Iterator[float]:
    """Of plain data, however deep they lie in it."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for part in value:
            yield from _list_numbers(part)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield value


Draw = Callable[[int], Question]
"""Makes a question from the grading seed."""


def asks(*draws: Draw) -> pytest.MarkDecorator:
    """Marks a check with the questions that it puts, so that their references are computed ahead."""
    return pytest.mark.asks.with_args(*draws)  # called plainly, it would take a single draw for the check


class Respondent(Protocol):
    """What is needed of a submission."""

    def observe(self, question: Question) -> Any:
        """The answer; fails the check if it has no plain form."""

    def is_worth_asking(self, tag: str) -> bool:
        """Whether there is a cell with `tag` that differs from the handout's."""


class Solution(Protocol):
    """What is needed of the reference."""

    def start(self, probe: str, arguments: Mapping[str, Any]) -> Future[Any]:
        """Start computing an answer, unless it is known."""

    def answer(self, probe: str, arguments: Mapping[str, Any]) -> Any:
        """The answer, decoded like a submission's."""

    def forget(self, probe: str, arguments: Mapping[str, Any]) -> None:
        """Don't compute an answer that nobody is waiting for."""


class Ask:
    """Puts questions: `seen, right = ask(question)`. Each is put once, for all checks.

    The reference is asked only if the submission has an answer: nothing is computed about an untouched cell.
    """

    def __init__(
        self, submission: Respondent, reference: Solution, foreseen: Sequence[Question] = ()
    ) -> None:
        self._submission, self._reference = submission, reference
        self._foreseen = {question.key: question for question in foreseen}
        self._order = list(self._foreseen)
        self._seen: dict[str, Any] = {}  # a Failure where there is no plain answer

    def __call__(self, question: Question) -> tuple[Any, Any]:
        """What the submission answers, and what is right. Raises Failure if the submission has no plain answer."""
        if question.key not in self._seen:
            for each in self._look_ahead(question):
                if each.key not in self._seen and self._submission.is_worth_asking(each.tag):
                    self._reference.start(*each.for_reference())
            self._seen[question.key] = self._observe(question)
        seen = self._seen[question.key]
        if isinstance(seen, Failure):
            raise seen
        return seen, self._reference.answer(*question.for_reference())

    def _observe(self, question: Question) -> Any:
        try:
            seen = self._submission.observe(question)
            if _is_void(seen) and not self._submission.is_worth_asking(question.tag):
                fail(
                    f"{question.shown} gives nothing: the cell tagged {question.tag!r} is as in the handout.",
                    question.expected,
                    "write your answer in place of the `...` in that cell.",
                    f"{question.shown.split('(')[0]}-is-still-empty",
                )
        except Failure as failure:
            self._reference.forget(*question.for_reference())
            return failure
        return seen

    def _look_ahead(self, question: Question) -> list[Question]:
        """The question and those that come soon."""
        if question.key not in self._foreseen:
            return [question]
        place = self._order.index(question.key)
        return [self._foreseen[key] for key in self._order[place : place + 1 + _AHEAD]]


def _is_void(answer: Any) -> bool:
    """Whether there is nothing in an answer, as in that of a function without a body: None, or lists and dicts of nothing else."""
    parts = answer.values() if isinstance(answer, dict) else answer if isinstance(answer, list) else None
    return answer is None if parts is None else all(map(_is_void, parts))
