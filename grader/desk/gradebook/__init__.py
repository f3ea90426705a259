"""A cohort's gradebook: what was handed in, what was graded, and what people decided. `standing.py` says what that comes to."""

from .ledger import FILE, Gradebook, GradebookError, open_gradebook
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
    "open_gradebook",
    "read_run",
    "read_standings",
]
