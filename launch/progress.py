"""A run on a terminal: live while it lasts, a clear report at its end."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from .assembly import rank_reports
from .events import Backward, Raised
from .picture import bubble_words
from .run_report import Outcome, RankReport, RankState, RunReport
from .verdict import Situation, Verdict

BAR = 24
INTERVAL_S = 0.2
MOST_LOSSES = 16
COLOURS = {"good": "32", "bad": "31", "dim": "2", "bold": "1"}
MARKS = {RankState.FAILED: "✗", RankState.BLOCKED: "…", RankState.ASLEEP: "z", RankState.MISSING: "?"}


@dataclass
class Screen:
    """Writes to a stream: colours and a live block on a terminal, plain lines anywhere else."""

    stream: TextIO = field(default_factory=lambda: sys.stderr)
    _lines: int = 0
    _shown_s: float = float("-inf")

    @property
    def live(self) -> bool:
        return self.stream.isatty()

    def watch(self, situation: Situation) -> None:
        """Show where each rank is, in place of what was shown before."""
        if not self.live or situation.now_s - self._shown_s < INTERVAL_S:
            return
        self._shown_s = situation.now_s
        width = shutil.get_terminal_size().columns - 1
        ranks = rank_reports(situation, Verdict(Outcome.INTERRUPTED))
        lines = [line[:width] for line in grid(ranks, situation.steps)]
        lines += [line[:width] for line in loss_lines(ranks)]
        lines.append(f"{situation.now_s:6.1f} s of {situation.timeout_s:g} s"[:width])
        self.clear()
        self.stream.write("\n".join(lines) + "\n")
        self.stream.flush()
        self._lines = len(lines)

    def clear(self) -> None:
        """Take the live block away."""
        if self._lines:
            self.stream.write(f"\x1b[{self._lines}A\x1b[J")
            self._lines = 0

    def paint(self, text: str, colour: str) -> str:
        return f"\x1b[{COLOURS[colour]}m{text}\x1b[0m" if self.live else text


def grid(ranks: tuple[RankReport, ...] | list[RankReport], steps: int) -> list[str]:
    """A line per rank: its steps as a bar, and where it is.

    >>> grid([RankReport(0, RankState.BLOCKED, "waits in recv(src=1, tag=0)", steps=1)], 2)
    ['rank 0  ■□  1/2  … waits in recv(src=1, tag=0)']
    """
    return [_line(rank, steps) for rank in ranks]


def _line(rank: RankReport, steps: int) -> str:
    cells = min(steps, BAR)
    full = cells * min(rank.steps, steps) // max(steps, 1)
    bar = "■" * full + "□" * (cells - full)
    place = f"  {rank.at}" if rank.at else ""
    mark = MARKS.get(rank.state, "✓" if rank.steps >= steps else "▸")
    count = f"{rank.steps}/{steps}"
    return f"rank {rank.rank}  {bar}  {count:>{2 * len(str(steps)) + 1}}  {mark} {rank.where}{place}"


def report_text(report: RunReport, screen: Screen) -> str:
    """The report for a person: outcome, sentence, where each rank ended, evidence, notes and files."""
    colour = "good" if report.outcome is Outcome.FINISHED else "bad"
    parts = [f"{screen.paint(report.outcome.value.upper(), colour)}  {report.sentence}", ""]
    parts += grid(report.ranks, report.asked_steps)
    if report.waits:
        parts += ["", screen.paint("Who waits for whom", "bold")]
        parts += [f"  {wait}{f' ({wait.why})' if wait.why else ''}" for wait in report.waits]
    traceback = _traceback(report)
    if traceback:
        parts += ["", screen.paint("Traceback", "bold"), _indented(traceback)]
    elif report.outcome in (Outcome.CRASHED, Outcome.TOO_SLOW) and report.output.text.strip():
        parts += ["", screen.paint("Last lines of output", "bold"), _indented(report.output.last_lines(15))]
    for pipeline in report.pipelines:
        parts += ["", f"Pipeline of ranks {', '.join(map(str, pipeline.ranks))}: {bubble_words(pipeline)}"]
    parts += ["", *losses] if (losses := list(loss_lines(report.ranks))) else []
    if report.notes:
        parts += ["", *(f"Note: {note}" for note in report.notes)]
    files = "report.json, picture.svg, trace.json, output.txt, events/"
    folder = report.output_dir
    folder = folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder
    parts += ["", screen.paint(f"{folder}: {files}", "dim")]
    return "\n".join(parts)


def loss_lines(ranks: Sequence[RankReport]) -> Iterator[str]:
    """For each rank that went backward from a loss, that of each step that it made: of many the first and the last."""
    for rank in ranks:
        losses = sum_losses(rank)
        shown = [f"{losses[step]:.3f}" for step in sorted(losses)]
        if len(shown) > MOST_LOSSES:
            shown[MOST_LOSSES // 2 : -MOST_LOSSES // 2] = ["…"]
        if shown:
            yield f"Loss per step of rank {rank.rank}: {'  '.join(shown)}  (micro-batches added up)"


def sum_losses(rank: RankReport) -> dict[int, float]:
    """The loss of each step that the rank made and from which it went backward, its micro-batches added up."""
    losses: dict[int, float] = {}
    for event in rank.of(Backward):
        if event.loss is not None and event.step <= rank.steps:
            losses[event.step] = losses.get(event.step, 0.0) + event.loss
    return losses


def _traceback(report: RunReport) -> str:
    """Of the first failure; if that left none, of the first rank that failed with one."""
    if report.failure is None:
        return ""
    found = [raised.traceback for rank in report.ranks for raised in rank.of(Raised) if raised.fatal]
    return report.failure.traceback or next(iter(found), "")


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.rstrip().splitlines())
