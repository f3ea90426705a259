"""How a grading of one hand-in ended, as it travels from whoever graded it to the gradebook."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

GRADED, UNREADABLE, MACHINE, KIT_ERROR, INTERRUPTED = (
    "graded",
    "unreadable",
    "machine",
    "kit_error",
    "interrupted",
)
STATUSES = (GRADED, UNREADABLE, MACHINE, KIT_ERROR, INTERRUPTED)
"""`unreadable` is the party's: there was nothing to grade. After the last three nobody knows what the hand-in is worth, or not all of it."""


@dataclass(frozen=True)
class RunOutcome:
    """What `work.grade` returns.

    status: one of STATUSES; reason: one sentence where it is not `graded`
    results: `results.json`, perhaps without tests; files: what is kept of the run, by name
    """

    status: str
    reason: str
    results: dict[str, Any]
    files: dict[str, bytes]
    host: str
    started_at: datetime
    ended_at: datetime
    seconds: float
    exercises: tuple[str, ...] | None = None
    suite: str = ""
    grading_seed: int | None = None
