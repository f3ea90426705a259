"""Runs parallel workers under deadlines; says finished, crashed or deadlocked, and why.

    report = launch.run("b1.sh", ranks=3, steps=8, timeout_s=60, output_dir="out")
    print(report.outcome, report.sentence)

docs/launch.md explains the outcomes, the files of a run and the events.
"""

from .command import ScriptError, Style
from .report import (
    EXIT_STATUS,
    Failure,
    FailureKind,
    Interrupted,
    Outcome,
    RankReport,
    RankState,
    Report,
)
from .run import HOOK, Process, Start, run, start_plainly

__all__ = [
    "EXIT_STATUS",
    "HOOK",
    "Failure",
    "FailureKind",
    "Interrupted",
    "Outcome",
    "Process",
    "RankReport",
    "RankState",
    "Report",
    "ScriptError",
    "Start",
    "Style",
    "run",
    "start_plainly",
]
