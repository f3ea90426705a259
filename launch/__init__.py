"""Runs parallel workers under deadlines; says finished, crashed or deadlocked, and why.

    report = launch.run("b1.sh", ranks=3, steps=8, timeout_s=60, output_dir="out")
    print(report.outcome, report.sentence)

docs/launch.md explains the outcomes, the files of a run and the events.
"""

from .command import ScriptError, Style
from .run import HOOK, Start, StartedScript, run, start_plainly
from .run_report import (
    EXIT_STATUS,
    FailureKind,
    Interrupted,
    Outcome,
    RankReport,
    RankState,
    RunFailure,
    RunReport,
)

__all__ = [
    "EXIT_STATUS",
    "HOOK",
    "FailureKind",
    "Interrupted",
    "Outcome",
    "RankReport",
    "RankState",
    "RunFailure",
    "RunReport",
    "ScriptError",
    "Start",
    "StartedScript",
    "Style",
    "run",
    "start_plainly",
]
