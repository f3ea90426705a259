"""What a person sees of a batch: on a terminal a bar, what each job is at, and what has ended; elsewhere one line for each hand-in."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import display
from ..report import format_points
from .outcome import GRADED, MACHINE, RunOutcome

if TYPE_CHECKING:
    from rich.console import Console

_MAX_NAME = 40
_REFRESH_PER_S = 4
_WORDS = {
    "graded": "graded",
    "unreadable": "nothing to grade",
    "machine": "needs you: this machine lacks something",
    "kit_error": "needs you: a bug in the kit",
    "interrupted": "interrupted, and not graded",
}


class Job:
    """A hand-in that is being graded.

    progress: the file that says which exercise is at work
    """

    def __init__(self, name: str, progress: Path | None) -> None:
        self.name, self._progress, self._start_s = (
            display.plain(name, max_characters=_MAX_NAME, one_line=True),
            progress,
            time.monotonic(),
        )

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._start_s

    @property
    def exercise(self) -> str:
        """What it is at; empty if that is not known, as before the first check and on a cluster."""
        try:
            return self._progress.read_text(encoding="utf-8") if self._progress is not None else ""
        except OSError:
            return ""


class Board:
    """How far a batch has come.

    jobs: how many hand-ins are graded at the same time; write: shows a finished line
    """

    def __init__(self, total: int, jobs: int, write: Callable[[str], None]) -> None:
        self.total, self.jobs, self._write = total, jobs, write
        self.at_work: dict[int, Job] = {}
        self.statuses: Counter[str] = Counter()
        self._seconds: list[float] = []

    @property
    def done(self) -> int:
        return self.statuses.total()

    @property
    def left_s(self) -> float | None:
        """How long the rest will take, at the pace so far; None before the first has ended."""
        if not self._seconds:
            return None
        mean_s = math.fsum(self._seconds) / len(self._seconds)
        begun_s = math.fsum(min(job.seconds, mean_s) for job in self.list_jobs())
        return max(0.0, mean_s * (self.total - self.done) - begun_s) / self.jobs

    def list_jobs(self) -> list[Job]:
        """A copy: it is shown by a thread of its own, while jobs end."""
        return list(self.at_work.values())

    def begin(self, handin: int, job: Job) -> None:
        self.at_work[handin] = job

    def again(self, handin: int, reason: str) -> None:
        """A hand-in will be graded once more."""
        job = self.at_work.pop(handin)
        self._write(f"{job.name}: {_plain(reason)} It is graded once more.")

    def end(self, handin: int, outcome: RunOutcome) -> None:
        job = self.at_work.pop(handin)
        self.statuses[outcome.status] += 1
        self._seconds.append(outcome.seconds)
        left = (
            f", {format_seconds(self.left_s)} left"
            if self.done < self.total and self.left_s is not None
            else ""
        )
        self._write(
            f"[{self.done}/{self.total}] {job.name}: {describe_outcome(outcome)} ({format_seconds(outcome.seconds)}{left})"
        )

    def say(self, line: str) -> None:
        self._write(line)

    def __enter__(self) -> Board:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing more will be shown."""


class LiveBoard(Board):
    """The same, above a bar and a line for each job that change in place."""

    def __init__(self, total: int, jobs: int, console: Console) -> None:
        from rich.live import Live

        super().__init__(total, jobs, lambda line: console.print(line, markup=False, highlight=False))
        self._live = Live(self, console=console, refresh_per_second=_REFRESH_PER_S, transient=True)

    def __rich__(self) -> Any:
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        head = Table.grid(padding=(0, 1))
        left = f"about {format_seconds(self.left_s)} left" if self.left_s is not None else ""
        failures = self.done - self.statuses[GRADED]
        head.add_row(
            ProgressBar(total=max(self.total, 1), completed=self.done, width=40),
            f"{self.done} of {self.total}",
            left,
            Text(f"{failures} without a grade", style="red") if failures else "",
        )
        jobs = Table.grid(padding=(0, 2))
        for job in self.list_jobs():
            jobs.add_row(
                Text(job.name), Text(job.exercise or "…", style="cyan"), Text(format_seconds(job.seconds))
            )
        return Group(head, jobs)

    def __enter__(self) -> Board:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()


def make_board(total: int, jobs: int) -> Board:
    """What suits where the output goes."""
    from rich.console import Console

    console = Console()
    if console.is_terminal and total:
        return LiveBoard(total, jobs, console)
    return Board(total, jobs, lambda line: print(line, flush=True))


def describe_outcome(outcome: RunOutcome) -> str:
    """The points that checks gave, or why there are none."""
    results = outcome.results
    if not results.get("tests"):
        return f"{_WORDS[outcome.status]}. {_plain(outcome.reason)}"
    figure = f"{format_points(results.get('score', 0))} of {format_points(results.get('max_score', 0))}"
    if outcome.status == GRADED:
        return figure
    sign = "+?" if outcome.status == MACHINE else ""
    return f"{figure.replace(' of', f'{sign} of')}, {_WORDS[outcome.status]}. {_plain(outcome.reason)}"


def format_statuses(statuses: Counter[str]) -> str:
    """How many ended how."""
    return ", ".join(f"{count} {_WORDS[status]}" for status, count in sorted(statuses.items())) or "none"


def format_seconds(seconds: float | None) -> str:
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def _plain(text: str) -> str:
    return display.plain(text, max_characters=300, one_line=True)
