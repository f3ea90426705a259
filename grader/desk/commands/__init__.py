"""The desk's commands, as `grader` understands them. What they need is imported when they run: `grader grade` must not wait for it."""

from __future__ import annotations

from typing import Any

from .bundles import add_gradescope, add_release
from .cohort_grading import add_batch, add_diff, add_gradebook
from .giving_back import add_export
from .manual_points import add_marks, add_serve
from .overviews import add_report, add_similar


def add_commands(commands: Any) -> None:
    """Declare them below `grader`."""
    for add in (
        add_release,
        add_batch,
        add_serve,
        add_similar,
        add_report,
        add_export,
        add_marks,
        add_gradebook,
        add_diff,
        add_gradescope,
    ):
        add(commands)
