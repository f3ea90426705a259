"""Optimizer steps within a batch: one after each micro-batch, where one per batch was asked for."""

from __future__ import annotations

from collections.abc import Mapping

from grader import Failure
from launch.events import Tokens
from launch.run_report import RankReport

from .contract import BATCH_SIZE
from .trial import optimizer_steps


def find_steps_within_batch(ranks: Mapping[int, RankReport]) -> Failure | None:
    """The first rank that steps several times per batch."""
    for number, rank in sorted(ranks.items()):
        times = _count_steps_per_batch(rank)
        if times > 1:
            line = optimizer_steps(rank)[0].at
            return Failure(
                f"Rank {number} calls optimizer.step(){f' {line}' if line else ''} {times} times per batch, after each micro-batch.",
                "one step per batch, along the sum of its micro-batches' gradients",
                "move optimizer.step() after the loop over micro-batches, and zero_grad() before it.",
                "a-step-after-each-micro-batch",
            )
    return None


def _count_steps_per_batch(rank: RankReport) -> int:
    """More than one where the second step reads on in the batch that the first one began with."""
    read = {
        step: [e for e in rank.of(Tokens) if e.step == step and e.place in ("input", "embedding") and e.rows]
        for step in (1, 2)
    }
    if not read[1] or not read[2] or not optimizer_steps(rank):
        return 1
    begun = max(event.position + len(event.rows) for event in read[1])
    going_on = read[2][0]
    reads_on = going_on.position == begun and read[1][-1].cut_from == going_on.cut_from == BATCH_SIZE
    return -(-BATCH_SIZE // begun) if reads_on else 1
