"""Pure comparisons of what a submission gave with what the reference gave, value by value, each failing with a sentence of its own."""

from __future__ import annotations

import difflib
import math
from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import Any, TypeGuard

from .failure import fail
from .observation import Odd, Table


def is_number(value: Any) -> TypeGuard[float]:
    """Whether `value` is an int or a float; a bool does not count as a number here."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def compare_columns(what: str, seen: Sequence[str], expected: Sequence[str], advice: str) -> None:
    """Fail unless all expected columns are there, and no others. Their order does not matter."""
    missing = [name for name in expected if name not in seen]
    extra = [name for name in seen if name not in expected]
    if len(seen) != len(set(seen)):
        fail(f"{what} has a column twice: {show_list(seen)}.", f"the columns {show_list(expected)}", advice)
    if missing or extra:
        parts = [f"lacks {show_list(missing)}"] * bool(missing) + [
            f"has {show_list(extra)} in addition"
        ] * bool(extra)
        fail(f"{what} {' and '.join(parts)}.", f"exactly the columns {show_list(expected)}", advice)


def check_lists(
    what: str, seen: Any, keys: Sequence[str], lengths: Collection[int], values: str, advice: str
) -> None:
    """Fail unless `seen` is a dict with exactly `keys`, each a list of finite numbers with one of `lengths`.

    values: what each list has, such as "the accuracy after each round"
    """
    if not isinstance(seen, dict):
        fail(f"{what} is {show(seen)}.", f"a dict with the keys {show_list(keys)}", advice)
    missing = [key for key in keys if key not in seen]
    extra = [key for key in seen if key not in keys]
    if missing or extra:
        parts = [f"lacks the {_count('key', missing)} {show_list(missing)}"] * bool(missing) + [
            f"has the {_count('key', extra)} {show_list(extra)} in addition"
        ] * bool(extra)
        fail(
            f"{what} {' and '.join(parts)}.",
            f"exactly the keys {show_list(keys)}, spelt like this",
            f"correct the keys, and {advice}",
        )
    expected = f"a list of length {' or '.join(map(str, sorted(lengths)))}: {values}"
    for key in keys:
        where, found = f"{what}[{key!r}]", seen[key]
        if not isinstance(found, list):
            fail(f"{where} is {show(found)}.", expected, advice)
        if len(found) not in lengths:
            fail(f"{where} has {len(found)} {_count('value', found)}.", expected, advice)
        for index, value in enumerate(found):
            if not is_number(value) or not math.isfinite(value):
                fail(f"{where}[{index}] is {show(value)}.", "finite numbers", advice)


def share_points(points: float, count: int) -> list[float]:
    """The points of each of `count` checks that are worth `points` together: about equal, with two decimals at most."""
    hundredths = round(100 * points)
    ends = [round(hundredths * number / count) for number in range(count + 1)]
    return [(end - begin) / 100 for begin, end in pairwise(ends)]


def show(value: Any) -> str:
    """A value in a message: short, and its kind if it is large."""
    if isinstance(value, float):
        text = f"{value:.6g}"
        return (
            f"{text}.0" if text.lstrip("-").isdigit() else text
        )  # 2.0 is not 2 where a whole number is asked for
    if isinstance(value, dict):
        return f"a dict with {len(value)} {_count('key', list(value))}"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, Table):
        return f"a DataFrame with {len(value.rows)} {_count('row', value.rows)}"
    if isinstance(value, Odd):
        return "`...`" if value.what == "..." else value.what
    if value is None:
        return "None (is a return missing?)"
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}…"


def _count(noun: str, things: Sequence[Any]) -> str:
    return noun if len(things) == 1 else f"{noun}s"


def check_option(what: str, value: Any, options: Sequence[str | bool]) -> None:
    """Fail unless `value` is exactly one of `options`. If it nearly is one, say what keeps it from that, or ask whether it is meant."""
    if any(type(value) is type(option) and value == option for option in options):
        return
    kind = f"{what}-is-not-one-of-the-options"
    seen = f"{what} is {value!r}, which is not one of the options"
    expected = "one of " + ", ".join(map(repr, options))
    near = next((option for option in options if str(option).lower() == str(value).strip().lower()), None)
    if near is None:
        similar = _find_similar(value, options)
        advice = f"did you mean {similar!r}? Write" if similar is not None else "choose"
        fail(f"{seen}.", expected, f"{advice} one of the options, spelt exactly like that.", kind)
    text = str(value)
    reasons = {
        "it is text": isinstance(near, bool),
        "spaces count": text != text.strip(),
        "capitals count": isinstance(near, str) and text.strip() != near,
    }
    why = ", ".join(reason for reason, applies in reasons.items() if applies)
    exactly = "without quotes" if isinstance(near, bool) else "spelt exactly like this"
    fail(f"{seen}{f' ({why})' if why else ''}.", expected, f"write {near!r}, {exactly}.", kind)


def _find_similar(value: Any, options: Sequence[str | bool]) -> str | bool | None:
    """The option that a misspelt answer is most like, if it is like one at all."""
    by_text = {str(option).lower(): option for option in options}
    found = (
        difflib.get_close_matches(str(value).strip().lower(), list(by_text), n=1)
        if isinstance(value, str)
        else []
    )
    return by_text[found[0]] if found else None


def show_list(names: Sequence[str]) -> str:
    """Names in a message."""
    return ", ".join(repr(name)[:60] for name in names)
