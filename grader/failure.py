"""A check's "no": a sentence that a student can act on."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple, NoReturn

# Around what is withheld, and what stands in its place: characters without a meaning, which `display` never lets through.
_BEGIN, _INSTEAD, _END = "\ue000", "\ue001", "\ue002"
_WITHHELD = re.compile(f"{_BEGIN}([^{_BEGIN}-{_END}]*){_INSTEAD}([^{_BEGIN}-{_END}]*){_END}")
_MARK = re.compile(f"[{_BEGIN}-{_END}]")


def withhold(text: str, instead: str = "") -> str:
    """A part of a message that the instructor alone may read, such as a drawn argument or an expected value.

    A student reads `instead` in its place. It can be put together with other text, and given to a Failure.
    """
    return f"{_BEGIN}{_MARK.sub('', text)}{_INSTEAD}{_MARK.sub('', instead)}{_END}"


def withhold_numbers(text: str, numbers: Iterable[float]) -> str:
    """A text that may quote these numbers, such as an exception's message: those of several digits are for the instructor alone.

    A single digit in an exception is mostly an index or a shape, and an exception without any can't be understood.
    """
    forms = {form for number in numbers for form in (str(number), f"{number:g}") if len(form.lstrip("-")) > 1}
    if not forms:
        return text
    listed = "|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True))
    return re.sub(rf"(?<![\w.])({listed})(?!\w|\.\d)", lambda found: withhold(found[1], "…"), text)


class Wording(NamedTuple):
    """The three parts of a message, as one reader gets to see them."""

    seen: str
    expected: str
    advice: str

    @property
    def text(self) -> str:
        return f"{_inset(self.seen)}\n  Expected: {_inset(self.expected)}\n  Next: {_inset(self.advice)}"


class Failure(AssertionError):
    """A check found a mistake of the submission. Any other exception in a check is a bug in the kit.

    The three parts are texts in which something may be withheld; as a string it is what the instructor reads.
    """

    is_mistake = True
    """Whether the submission is to blame."""
    kind: str
    """What went wrong, in a few words joined by hyphens, such as `plain-mean`: mistakes are counted by it. Nothing secret stands in it."""

    def __init__(self, seen: str, expected: str, advice: str, kind: str = "") -> None:
        self.kind = kind
        self.parts = (seen, expected, advice)
        self.for_instructor, self.for_student = (
            Wording(*(_MARK.sub("", _WITHHELD.sub(replacement, part)) for part in self.parts))
            for replacement in (r"\1", r"\2")
        )
        self.seen, self.expected, self.advice = self.for_instructor
        super().__init__(self.text)

    @property
    def text(self) -> str:
        """What the instructor reads."""
        return self.for_instructor.text

    @property
    def student_text(self) -> str:
        return self.for_student.text


def _inset(text: str) -> str:
    """Further lines of a text, which may quote a submission, so that they look like nothing else in a report."""
    return text.replace("\n", "\n    | ")


class MachineFailure(Failure):
    """What a check needs is not on this machine, though the submission may well rely on it: no mistake, but for a person to look at."""

    is_mistake = False


class NotReached(Failure):
    """What a check needs has failed; `cause` says why."""

    def __init__(self, cause: Failure) -> None:
        self.cause: Failure = cause.cause if isinstance(cause, NotReached) else cause
        seen, expected, advice = self.cause.parts
        super().__init__(f"Not reached: {seen}", expected, advice)
        self.is_mistake, self.kind = self.cause.is_mistake, self.cause.kind

    @property
    def text(self) -> str:
        return self.for_instructor.seen

    @property
    def student_text(self) -> str:
        return self.for_student.seen


def fail(seen: str, expected: str, advice: str, kind: str = "") -> NoReturn:
    """End a check with what was seen, what was expected and what to do next, and with what to count the mistake by."""
    raise Failure(seen, expected, advice, kind)
