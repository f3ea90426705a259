"""The same passes without waiting: what a run would look like if they took equal time and messages none.

rank 0  | F0 | F1 | F2 |         | B0 | B1 | B2 |        measured, with its waits
        |F0|F1|F2|     |B0|B1|B2|                        ideal

Each rank keeps the order of its own passes. A forward pass begins when the stage before is through with the micro-batch, a backward pass
when the stage after it is.
"""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Iterator, Mapping, Sequence

from .timeline import Box, Pipeline, Row

MOST_PASSES = 1000  # of a rank in one step; a script may record any number


def order_stages(rows: Sequence[Row], pipeline: Pipeline) -> tuple[int, ...]:
    """The pipeline's ranks, first stage first: in the order in which they began to go forward."""
    begun = {
        row.rank: min((box.start_s for box in row.boxes if box.kind == "forward"), default=float("inf"))
        for row in rows
    }
    return tuple(sorted(pipeline.ranks, key=lambda rank: (begun.get(rank, float("inf")), rank)))


def schedule_ideally(rows: Sequence[Row], pipeline: Pipeline, step: int) -> dict[int, list[Box]]:
    """The passes of one step by rank, from the moment at which the first of them began. Empty where they can't be brought into an order."""
    # 1. The passes of each stage in their order, and what one of a micro-batch takes: as long as the median one.
    stages = order_stages(rows, pipeline)
    made = {row.rank: [box for box in row.boxes if box.step == step] for row in rows}
    if not all(0 < len(made.get(rank, ())) <= MOST_PASSES for rank in stages):
        return {}
    passes = [deque(sorted(made[rank], key=lambda box: box.start_s)) for rank in stages]
    length_s = {
        kind: _measure([box for boxes in passes for box in boxes if box.kind == kind])
        for kind in ("forward", "backward")
    }
    # 2. Whatever can begin begins, until nothing is left.
    start_s = min(box.start_s for boxes in passes for box in boxes)
    free_s = [start_s] * len(stages)
    done: dict[tuple[str, int, int], float] = {}  # direction, stage, micro-batch -> when it is through
    known = {
        (box.kind, stage, batch)
        for stage, boxes in enumerate(passes)
        for box in boxes
        for batch in box.micro_batches
    }
    ideal: dict[int, list[Box]] = {rank: [] for rank in stages}
    while any(passes):
        moved = False
        for stage, boxes in enumerate(passes):
            needs = (
                [key for key in _list_needs(boxes[0], stage, len(stages)) if key in known] if boxes else []
            )
            if not boxes or not all(key in done for key in needs):
                continue
            box = boxes.popleft()
            begin_s = max([free_s[stage], *(done[key] for key in needs)])
            free_s[stage] = begin_s + length_s[box.kind] * max(1, len(box.micro_batches))
            done |= {(box.kind, stage, batch): free_s[stage] for batch in box.micro_batches}
            ideal[stages[stage]].append(Box(box.kind, begin_s, free_s[stage], step, box.micro_batches))
            moved = True
        if not moved:
            return {}  # one stage goes backward with a micro-batch before the next one does
    return ideal


def _measure(boxes: Sequence[Box]) -> float:
    """The median time of a pass of one micro-batch."""
    return statistics.median(
        [(box.end_s - box.start_s) / max(1, len(box.micro_batches)) for box in boxes] or [0.0]
    )


def _list_needs(box: Box, stage: int, stages: int) -> Iterator[tuple[str, int, int]]:
    """The passes of the neighbouring stage that must be over before this one begins."""
    neighbour = stage - 1 if box.kind == "forward" else stage + 1
    if 0 <= neighbour < stages:
        yield from ((box.kind, neighbour, batch) for batch in box.micro_batches)


def name_ranks(rows: Sequence[Row], pipelines: Sequence[Pipeline]) -> Mapping[int, str]:
    """What each rank is: `stage 1`, or `pipeline 1, stage 1` where there are several pipelines."""
    names = {}
    for number, pipeline in enumerate(pipelines):
        for stage, rank in enumerate(order_stages(rows, pipeline)):
            names[rank] = f"pipeline {number}, stage {stage}" if len(pipelines) > 1 else f"stage {stage}"
    return names
