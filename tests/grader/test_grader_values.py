"""The comparisons, and the sentence that each mistake gets. No sentence tells the expected value."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from grader.failure import Failure, fail
from grader.observation import Odd, Table
from grader.values import (
    check_curves,
    check_option,
    compare_columns,
    compare_curves,
    is_number,
    show,
)


@pytest.mark.parametrize(
    ("value", "number"),
    [(1, True), (0.5, True), (math.nan, True), (True, False), ("1", False), (None, False)],
)
def test_a_bool_is_no_number(value: Any, number: bool) -> None:
    assert is_number(value) is number


def test_a_failure_says_what_was_seen_what_was_expected_and_what_to_do() -> None:
    with pytest.raises(Failure, match=r"^Seen\.\n  Expected: that\n  Next: do this\.$") as failure:
        fail("Seen.", "that", "do this.")

    assert (failure.value.seen, failure.value.expected, failure.value.advice) == ("Seen.", "that", "do this.")


def get_seen(check: Callable[[], None]) -> str:
    """What a check saw, or nothing if it passed."""
    try:
        check()
    except Failure as failure:
        return failure.seen
    return ""


CURVES = {"a": [10.0, 20.0], "b": [30.0, 40.0]}

CURVE_MISTAKES: dict[str, tuple[Any, str]] = {
    "equal": (CURVES, ""),
    "within tolerance": ({"a": [10.4, 19.6], "b": [30, 40]}, ""),
    "in another order": ({"b": CURVES["b"], "a": CURVES["a"]}, ""),
    "None": (None, "f() is None (is a return missing?)."),
    "a list": ([1, 2], "f() is a list of 2."),
    "a missing key": ({"a": [10.0, 20.0]}, "f() lacks the key 'b'."),
    "an extra key": ({**CURVES, "c": []}, "f() has the key 'c' in addition."),
    "another key": (
        {"a": [10.0, 20.0], "B": [30.0, 40.0]},
        "f() lacks the key 'b' and has the key 'B' in addition.",
    ),
    "several keys missing": ({}, "f() lacks the keys 'a', 'b'."),
    "a number for a curve": ({**CURVES, "a": 20.0}, "f()['a'] is 20.0."),
    "too few values": ({**CURVES, "a": [20.0]}, "f()['a'] has 1 value."),
    "too many values": ({**CURVES, "a": [1.0, 2.0, 3.0]}, "f()['a'] has 3 values."),
    "an ellipsis for a curve": ({**CURVES, "a": Odd("...")}, "f()['a'] is `...`."),
    "a giant integer": (
        {**CURVES, "a": [Odd("a giant integer"), 1.0]},
        "f()['a'] has a giant integer in round 1.",
    ),
    "a table for a curve": ({**CURVES, "a": Table(["x"], [[1]])}, "f()['a'] is a DataFrame with 1 row."),
    "NaN": ({**CURVES, "a": [10.0, math.nan]}, "f()['a'] has nan in round 2."),
    "infinity": ({**CURVES, "a": [math.inf, 20.0]}, "f()['a'] has inf in round 1."),
    "a text for a value": ({**CURVES, "a": [10.0, "20"]}, "f()['a'] has '20' in round 2."),
    "a bool for a value": ({**CURVES, "a": [10.0, True]}, "f()['a'] has True in round 2."),
    "a wrong value": ({**CURVES, "a": [10.0, 22.0]}, "f()['a'] is wrong from round 2 on (22.0)."),
    "exchanged": (
        {"a": CURVES["b"], "b": CURVES["a"]},
        "f()['a'] is wrong from round 1 on (30.0). These are the values of 'b'.",
    ),
}


@pytest.mark.parametrize(("seen", "sentence"), CURVE_MISTAKES.values(), ids=CURVE_MISTAKES)
def test_curves(seen: Any, sentence: str) -> None:
    assert get_seen(lambda: compare_curves("f()", seen, CURVES, 0.5, "look again.")) == sentence


@pytest.mark.parametrize(
    ("others", "named"),
    [
        ({"b": [30.0, 40.0], "c": [30.3, 40.3]}, "'b'"),
        ({"c": [30.3, 40.3], "b": [30.0, 40.0]}, "'b'"),
        ({"b": [30.0, 40.0], "c": [30.0, 40.0]}, "'b' and 'c'"),
    ],
    ids=["the first is nearest", "the second is nearest", "both are as near"],
)
def test_a_wrong_curve_is_told_by_the_nearest(others: dict[str, list[float]], named: str) -> None:
    seen = {"a": [30.0, 40.0], **others}
    expected = {"a": [10.0, 20.0], **others}

    sentence = get_seen(lambda: compare_curves("f()", seen, expected, 0.5, "look again."))

    assert sentence.endswith(f"These are the values of {named}.")


@pytest.mark.parametrize(
    ("value", "options", "sentence"),
    [
        ("no", ("no", "yes"), ""),
        (True, (False, True), ""),
        ("No", ("no", "yes"), "q is 'No', which is not one of the options (capitals count)."),
        (" no", ("no", "yes"), "q is ' no', which is not one of the options (spaces count)."),
        (" NO ", ("no", "yes"), "q is ' NO ', which is not one of the options (spaces count, capitals count)."),
        ("maybe", ("no", "yes"), "q is 'maybe', which is not one of the options."),
        ("True", (False, True), "q is 'True', which is not one of the options (it is text)."),
        (1, (False, True), "q is 1, which is not one of the options."),
    ],
)
def test_an_answer_is_one_of_its_options(value: Any, options: Any, sentence: str) -> None:
    assert get_seen(lambda: check_option("q", value, options)) == sentence


def test_curves_may_have_one_of_several_lengths() -> None:
    with pytest.raises(Failure, match="Expected: a list of length 2 or 3"):
        check_curves("f()", {"a": [1.0]}, ["a"], {3, 2}, "look again.")


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        (["a", "b"], ""),
        (["b", "a"], ""),
        (["a"], "f() lacks 'b'."),
        (["a", "b", "c"], "f() has 'c' in addition."),
        (["a", "B"], "f() lacks 'b' and has 'B' in addition."),
        (["a", "b", "b"], "f() has a column twice: 'a', 'b', 'b'."),
    ],
)
def test_columns(columns: list[str], sentence: str) -> None:
    assert get_seen(lambda: compare_columns("f()", columns, ["a", "b"], "look again.")) == sentence


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1 / 3, "0.333333"),
        (2.0, "2.0"),
        ({"a": 1}, "a dict with 1 keys"),
        ([1, 2], "a list of 2"),
        ("x" * 200, "'" + "x" * 76 + "…"),
        (None, "None (is a return missing?)"),
    ],
)
def test_values_in_messages_are_short(value: Any, text: str) -> None:
    assert show(value) == text
