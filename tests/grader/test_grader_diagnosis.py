"""The first diagnosis that recognises a mistake says it."""

from __future__ import annotations

from functools import partial

import pytest

from grader import Failure, explain, recognise


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


def find_plain_mean(number: float, *, least: float = 0) -> Failure | None:
    return Failure("It is a plain mean.", "a weighted one", "weight it.") if number < least else None


def test_a_mistake_is_counted_by_the_diagnosis_unless_that_is_narrower() -> None:
    def narrow(_: float) -> Failure:
        return Failure("It is 7.", "another number", "count.", "seven")

    found = [recognise(-1.0, [each]) for each in (find_plain_mean, partial(find_plain_mean, least=1), narrow)]

    assert [each and each.kind for each in found] == ["plain-mean", "plain-mean", "seven"]
