"""A cohort's gradebook: what was handed in, what was graded, and what people decided. `standing.py` says what that comes to."""

from ..outcome import GRADED, INTERRUPTED, KIT_ERROR, MACHINE, STATUSES, UNREADABLE, RunOutcome
from .ledger import FILE, PROBLEM, Gradebook, GradebookError, open_gradebook
from .standing import (
    WHOLE,
    ExerciseStanding,
    FlagEntry,
    HandInEntry,
    MarkEntry,
    PartyStanding,
    ResultEntry,
    RunEntry,
    read_run,
    read_standings,
)

__all__ = [
    "FILE",
    "GRADED",
    "INTERRUPTED",
    "KIT_ERROR",
    "MACHINE",
    "PROBLEM",
    "STATUSES",
    "UNREADABLE",
    "WHOLE",
    "ExerciseStanding",
    "FlagEntry",
    "Gradebook",
    "GradebookError",
    "HandInEntry",
    "MarkEntry",
    "PartyStanding",
    "ResultEntry",
    "RunEntry",
    "RunOutcome",
    "open_gradebook",
    "read_run",
    "read_standings",
]
