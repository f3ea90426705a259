"""A check's "no": a sentence that a student can act on."""

from __future__ import annotations

from typing import NoReturn


class Failure(AssertionError):
    """A check found a mistake of the submission. Any other exception in a check is a bug in the kit."""

    is_mistake = True
    """Whether the submission is to blame."""

    def __init__(self, seen: str, expected: str, advice: str) -> None:
        self.seen = seen
        self.expected = expected
        self.advice = advice
        parts = f"{_inset(seen)}\n  Expected: {_inset(expected)}\n  Next: {_inset(advice)}"
        super().__init__(parts)


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
        super().__init__(f"Not reached: {self.cause.seen}", self.cause.expected, self.cause.advice)
        self.args = (self.seen,)
        self.is_mistake = self.cause.is_mistake


def fail(seen: str, expected: str, advice: str) -> NoReturn:
    """End a check with what was seen, what was expected and what to do next."""
    raise Failure(seen, expected, advice)
