"""A check's "no": a sentence that a student can act on."""

from __future__ import annotations

from typing import NoReturn


class Failure(AssertionError):
    """A check found a mistake of the submission. Any other exception in a check is a bug of the kit."""

    def __init__(self, seen: str, expected: str, advice: str) -> None:
        self.seen = seen
        self.expected = expected
        self.advice = advice
        super().__init__(f"{seen}\n  Expected: {expected}\n  Next: {advice}")


def fail(seen: str, expected: str, advice: str) -> NoReturn:
    """End a check with what was seen, what was expected and what to do next."""
    raise Failure(seen, expected, advice)
