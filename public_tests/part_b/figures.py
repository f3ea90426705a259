"""What a page shows of a trial: the picture of its run and the curve of its losses."""

from __future__ import annotations

from collections.abc import Iterator

from grader import Curves, Figure, Picture, read_curves
from launch import picture
from launch.progress import sum_losses
from launch.run_report import Outcome, RunReport

from .trial import Trial

MOST_CHARACTERS = 600_000  # of a picture; a run of very many short passes has a larger one


def draw_trial(trial: Trial) -> Iterator[Figure]:
    """Figures of the run at full size, or of the other one where only that one went wrong."""
    if not trial.reports:
        return
    wrong = [report for report in trial.reports if report.outcome is not Outcome.FINISHED]
    report = wrong[0] if wrong else trial.report
    svg = picture.draw(report)
    if len(svg) <= MOST_CHARACTERS:
        title = (
            "How the ranks worked together, and where each of them stopped"
            if wrong
            else "How the ranks worked together"
        )
        yield Picture(title=title, svg=svg, description=trial.describe(describe_run(report), report))
    losses = {
        f"rank {rank.rank}": [loss for _, loss in sorted(sum_losses(rank).items())] for rank in report.ranks
    }
    if curves := read_curves(losses):
        yield Curves(title="Loss of each step, as backward() was given it", x="step", y="loss", series=curves)


def describe_run(report: RunReport) -> str:
    """The picture in words."""
    states = [
        f"Rank {rank.rank}: {rank.steps} of {report.asked_steps} steps, {rank.state.value}{f'; {rank.where}' if rank.where else ''}."
        for rank in report.ranks
    ]
    return "\n".join([report.sentence, *map(picture.bubble_words, report.pipelines), *states])
