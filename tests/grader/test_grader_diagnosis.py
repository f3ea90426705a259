"""The first diagnosis that recognises a mistake says it."""

from __future__ import annotations

import pytest

from grader import Failure, explain


def negative(number: float) -> Failure | None:
    return Failure("It is negative.", "a positive number", "check the sign.") if number < 0 else None


def small(number: float) -> Failure | None:
    return Failure("It is below 1.", "1 or more", "add more.") if number < 1 else None


def test_the_first_that_recognises_the_mistake_says_it() -> None:
    with pytest.raises(Failure, match="It is negative"):
        explain(-1.0, (negative, small))
    with pytest.raises(Failure, match="It is below 1"):
        explain(0.5, (negative, small))


def test_what_none_recognises_passes() -> None:
    explain(2.0, (negative, small))
