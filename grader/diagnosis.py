"""From what a check saw to the mistake, in a sentence: one form for every kind of exercise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from .failure import Failure

E = TypeVar("E")
# Pure: from a check's evidence to the mistake, or None where it does not recognise it.
Diagnosis = Callable[[E], Failure | None]


def explain(evidence: E, diagnoses: Sequence[Diagnosis[E]]) -> None:
    """End the check with the first diagnosis that recognises the mistake; return if none does.

    Where something is certainly wrong, the last diagnosis recognises everything and says what was observed.
    """
    if failure := recognise(evidence, diagnoses):
        raise failure


def recognise(evidence: E, diagnoses: Sequence[Diagnosis[E]]) -> Failure | None:
    """What the first diagnosis says that recognises the mistake. It is counted by the diagnosis's name, unless that says something narrower."""
    for diagnose in diagnoses:
        if failure := diagnose(evidence):
            failure.kind = failure.kind or _name_kind(diagnose)
            return failure
    return None


def _name_kind(diagnose: Diagnosis[E]) -> str:
    """
    >>> def find_plain_mean(evidence): ...
    >>> _name_kind(find_plain_mean)
    'plain-mean'
    """
    name = getattr(getattr(diagnose, "func", diagnose), "__name__", "")  # of a partial function its own
    return name.removeprefix("find_").replace("_", "-") if name.isidentifier() else ""
