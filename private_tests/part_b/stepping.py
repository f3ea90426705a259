"""Optimizer steps within a batch: one after each micro-batch, where one per batch was asked for."""

from __future__ import annotations

from grader import Failure
from launch.events import Backward, Forward, SourceLine, Tokens
from launch.run_report import RankReport

from .trial import Trial, optimizer_steps


def find_steps_within_batch(trial: Trial) -> Failure | None:
    """The first rank that steps several times per batch."""
    for number, rank in sorted(trial.ranks.items()):
        times = _count_by_passes(rank) or _count_by_tokens(rank)
        if times > 1:
            return Failure(
                f"Rank {number} calls optimizer.step(){_place(rank)} {times} times per batch, after each micro-batch.",
                "one step per batch, along the sum of its micro-batches' gradients",
                "move optimizer.step() behind the loop over micro-batches, and zero_grad() before it.",
            )
    return None


def _count_by_passes(rank: RankReport) -> int:
    """Steps per batch where all micro-batches go forward before the first step: the next one has backward passes alone."""
    forwards: list[int] = [event.step for event in rank.of(Forward) if event.gradients and not event.repeated]
    backwards: list[int] = [event.step for event in rank.of(Backward)]
    if forwards.count(1) > 1 and 2 not in forwards and 2 in backwards:
        return forwards.count(1) // max(1, backwards.count(1))
    return 0


def _count_by_tokens(rank: RankReport) -> int:
    """Steps per batch where the second one reads on in the batch that the first one began with."""
    read = {
        step: [e for e in rank.of(Tokens) if e.step == step and e.place in ("input", "embedding") and e.rows]
        for step in (1, 2)
    }
    if not read[1] or not read[2]:
        return 0
    begun = max(event.position + len(event.rows) for event in read[1])
    batch, going_on = read[1][-1].cut_from, read[2][0]
    if begun < batch == going_on.cut_from and going_on.position == begun:
        return -(-batch // begun)
    return 0


def _place(rank: RankReport) -> str:
    steps = optimizer_steps(rank)
    at: SourceLine | None = steps[0].at if steps else None
    return f" {at}" if at else ""
