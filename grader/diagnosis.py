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
    for diagnose in diagnoses:
        if failure := diagnose(evidence):
            failure.kind = getattr(diagnose, "__name__", "").replace("_", "-")
            raise failure
