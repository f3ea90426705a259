"""The comparisons, and the sentence that each mistake gets. No sentence tells the expected value."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from grader.failure import Failure, fail
from grader.observation import Odd, Table
from grader.values import (
    check_lists,
    check_option,
    compare_columns,
    is_number,
    share_points,
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


LISTS = {"a": [10.0, 20.0], "b": [30.0, 40.0]}

LIST_MISTAKES: dict[str, tuple[Any, str]] = {
    "right": (LISTS, ""),
    "in another order": ({"b": LISTS["b"], "a": LISTS["a"]}, ""),
    "None": (None, "f() is None (is a return missing?)."),
    "a list": ([1, 2], "f() is a list of 2."),
    "a missing key": ({"a": [10.0, 20.0]}, "f() lacks the key 'b'."),
    "an extra key": ({**LISTS, "c": []}, "f() has the key 'c' in addition."),
    "another key": (
        {"a": [10.0, 20.0], "B": [30.0, 40.0]},
        "f() lacks the key 'b' and has the key 'B' in addition.",
    ),
    "several keys missing": ({}, "f() lacks the keys 'a', 'b'."),
    "a number for a list": ({**LISTS, "a": 20.0}, "f()['a'] is 20.0."),
    "too few values": ({**LISTS, "a": [20.0]}, "f()['a'] has 1 value."),
    "too many values": ({**LISTS, "a": [1.0, 2.0, 3.0, 4.0]}, "f()['a'] has 4 values."),
    "an ellipsis for a list": ({**LISTS, "a": Odd("...")}, "f()['a'] is `...`."),
    "a giant integer": ({**LISTS, "a": [Odd("a giant integer"), 1.0]}, "f()['a'][0] is a giant integer."),
    "a table for a list": ({**LISTS, "a": Table(["x"], [[1]])}, "f()['a'] is a DataFrame with 1 row."),
    "NaN": ({**LISTS, "a": [10.0, math.nan]}, "f()['a'][1] is nan."),
    "infinity": ({**LISTS, "a": [math.inf, 20.0]}, "f()['a'][0] is inf."),
    "a text for a value": ({**LISTS, "a": [10.0, "20"]}, "f()['a'][1] is '20'."),
    "a bool for a value": ({**LISTS, "a": [10.0, True]}, "f()['a'][1] is True."),
}


@pytest.mark.parametrize(("seen", "sentence"), LIST_MISTAKES.values(), ids=LIST_MISTAKES)
def test_lists(seen: Any, sentence: str) -> None:
    assert (
        get_seen(lambda: check_lists("f()", seen, list(LISTS), {2, 3}, "numbers", "look again.")) == sentence
    )


@pytest.mark.parametrize(
    ("value", "options", "sentence"),
    [
        ("no", ("no", "yes"), ""),
        (True, (False, True), ""),
        ("No", ("no", "yes"), "q is 'No', which is not one of the options (capitals count)."),
        (" no", ("no", "yes"), "q is ' no', which is not one of the options (spaces count)."),
        (
            " NO ",
            ("no", "yes"),
            "q is ' NO ', which is not one of the options (spaces count, capitals count).",
        ),
        ("maybe", ("no", "yes"), "q is 'maybe', which is not one of the options."),
        ("True", (False, True), "q is 'True', which is not one of the options (it is text)."),
        (1, (False, True), "q is 1, which is not one of the options."),
    ],
)
def test_an_answer_is_one_of_its_options(value: Any, options: Any, sentence: str) -> None:
    assert get_seen(lambda: check_option("q", value, options)) == sentence


def test_lists_may_have_one_of_several_lengths() -> None:
    with pytest.raises(Failure, match="Expected: a list of length 2 or 3: one number per day"):
        check_lists("f()", {"a": [1.0]}, ["a"], {3, 2}, "one number per day", "look again.")


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
        ({"a": 1}, "a dict with 1 key"),
        ([1, 2], "a list of 2"),
        ("x" * 200, "'" + "x" * 76 + "…"),
        (None, "None (is a return missing?)"),
    ],
)
def test_values_in_messages_are_short(value: Any, text: str) -> None:
    assert show(value) == text


@pytest.mark.parametrize(
    ("points", "count", "shares"),
    [(1.0, 3, [0.33, 0.34, 0.33]), (0.5, 3, [0.17, 0.16, 0.17]), (1, 2, [0.5, 0.5]), (0.5, 1, [0.5])],
)
def test_shares_of_points_add_up(points: float, count: int, shares: list[float]) -> None:
    assert share_points(points, count) == shares
    assert round(sum(shares), 2) == points


@pytest.mark.parametrize(
    ("value", "advice"),
    [
        ("negativ", "did you mean 'negative'? Write one of the options, spelt exactly like that."),
        ("Postive", "did you mean 'positive'? Write one of the options, spelt exactly like that."),
        ("perhaps", "choose one of the options, spelt exactly like that."),
        (3, "choose one of the options, spelt exactly like that."),
        ("Negative", "write 'negative', spelt exactly like this."),
    ],
)
def test_what_was_probably_meant_is_said(value: Any, advice: str) -> None:
    with pytest.raises(Failure) as failure:
        check_option("q", value, ("negative", "positive"))

    assert failure.value.advice == advice
