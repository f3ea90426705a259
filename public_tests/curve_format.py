"""The curves of A3: what their format fixes. They are made twice, for one round and for two, so that a fixed number of rounds shows."""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from grader import Diagnosis, Failure, Table, is_number, show, show_list

from .batches import count
from .reading import ParameterUse
from .table_format import are_fractions

_WHOLE = "return the whole list test_accuracy of each run"


@dataclass(frozen=True)
class CurveEvidence:
    """What a function gave for a number of rounds, and before that for one.

    usage: what its code says about its parameters
    """

    name: str
    keys: Sequence[str]
    nr_rounds: int
    seen: Any
    before: Any = None
    usage: ParameterUse = field(default_factory=ParameterUse)

    @property
    def what(self) -> str:
        return f"{self.name}(nr_rounds={self.nr_rounds})"

    @property
    def where(self) -> str:
        return f"in the cell tagged {self.name!r}"


def other_kind(evidence: CurveEvidence) -> Failure | None:
    """Not a dict."""
    seen = evidence.seen
    if isinstance(seen, dict):
        return None
    advice = (
        f"put the test accuracies of each run into a dict under its key, and return it, {evidence.where}."
    )
    if seen is None:
        advice = f"return the dict at the end of the function, {evidence.where}; to plot or to print it is not enough."
    elif isinstance(seen, Table):
        advice = f"return a dict of lists instead of a table, {evidence.where}."
    return Failure(
        f"{evidence.what} is {show(seen)}.", f"a dict with the keys {show_list(evidence.keys)}", advice
    )


def other_keys(evidence: CurveEvidence) -> Failure | None:
    missing = [key for key in evidence.keys if key not in evidence.seen]
    extra = [key for key in evidence.seen if key not in evidence.keys]
    if not missing and not extra:
        return None
    parts = [f"lacks the key{'s' * (len(missing) > 1)} {show_list(missing)}"] * bool(missing)
    parts += [f"has the key{'s' * (len(extra) > 1)} {show_list(extra)} in addition"] * bool(extra)
    near = {key: difflib.get_close_matches(key, extra, n=1, cutoff=0.6) for key in missing}
    if missing and all(near.values()):
        renamed = " and ".join(f"{found[0]!r} to {key!r}" for key, found in near.items())
        advice = f"rename {renamed}; capitals, spaces and signs count"
    elif missing:
        advice = f"add the run{'s' * (len(missing) > 1)} under {show_list(missing)}"
    else:
        advice = f"leave {show_list(extra)} out"
    return Failure(
        f"{evidence.what} {' and '.join(parts)}.",
        f"exactly the keys {show_list(evidence.keys)}, spelt like this",
        f"{advice}, {evidence.where}.",
    )


def no_list(evidence: CurveEvidence) -> Failure | None:
    for key in evidence.keys:
        curve = evidence.seen[key]
        if isinstance(curve, list):
            continue
        advice = f"{_WHOLE}, not only its last value" if is_number(curve) else _WHOLE
        return Failure(
            f"{evidence.what}[{key!r}] is {show(curve)}.",
            "a list: the test accuracy after each round",
            f"{advice}, {evidence.where}.",
        )
    return None


def other_number_of_rounds(evidence: CurveEvidence) -> Failure | None:
    rounds = evidence.nr_rounds
    for key in evidence.keys:
        length = len(evidence.seen[key])
        if length == rounds:
            continue
        advice = f"{_WHOLE}, which has a value for every round"
        if reason := evidence.usage.explain("nr_rounds"):
            advice = reason[1]
        elif length == 1:
            advice = f"{_WHOLE}, not only its last value"
        elif length == _measure_before(evidence, key) or length > rounds + 1:
            advice = "pass the parameter `nr_rounds` on to the run() of every server"
        elif length == rounds - 1:
            advice = f"{_WHOLE}, also that of the first round"
        elif length == rounds + 1:
            advice = f"{_WHOLE}, and nothing from before the first round"
        return Failure(
            f"{evidence.what}[{key!r}] has {count(length, 'value')}.",
            f"a list of length {rounds}: the test accuracy after each round",
            f"{advice}, {evidence.where}.",
        )
    return None


def _measure_before(evidence: CurveEvidence, key: str) -> int | None:
    """The length of the curve for one round, if there is one."""
    before = evidence.before.get(key) if isinstance(evidence.before, dict) else None
    return len(before) if isinstance(before, list) else None


def no_percentage(evidence: CurveEvidence) -> Failure | None:
    """Values that are no numbers, or impossible accuracies."""
    for key in evidence.keys:
        for index, value in enumerate(evidence.seen[key]):
            if is_number(value) and math.isfinite(value) and 0 <= value <= 100:
                continue
            advice = _WHOLE
            if is_number(value) and value > 100:
                advice = f"{_WHOLE}, in percent as it is: not its message_count, and nothing multiplied or added up"
            return Failure(
                f"{evidence.what}[{key!r}][{index}] is {show(value)}.",
                "an accuracy in percent, from 0 to 100",
                f"{advice}, {evidence.where}.",
            )
    return None


def fractions(evidence: CurveEvidence) -> Failure | None:
    values = [value for key in evidence.keys for value in evidence.seen[key]]
    if not are_fractions(values):
        return None
    return Failure(
        f"The accuracies of {evidence.what} are fractions, such as {show(max(values))}.",
        "accuracies in percent, from 0 to 100",
        f"leave the accuracies as RunResult holds them, in percent, {evidence.where}.",
    )


FORMAT: Sequence[Diagnosis[CurveEvidence]] = (
    other_kind,
    other_keys,
    no_list,
    other_number_of_rounds,
    no_percentage,
    fractions,
)
