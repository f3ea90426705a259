"""The batch goes through the pipeline in micro-batches, on which the stages work at the same time."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from grader import NotReached, fail
from launch.deliveries import is_contained, is_multiple
from launch.events import Backward, Content, Forward, Gradient
from launch.run_report import RankReport
from launch.workers import SENDS, Operation
from public_tests.part_b.contract import BATCH_SIZE
from public_tests.part_b.diagnoses import at
from public_tests.part_b.findings import find_blocking_send
from public_tests.part_b.stepping import find_steps_within_batch
from public_tests.part_b.trial import Trial, list_passes

from .finishing import require_steps
from .stages import count_sequences, find_wrong_batch


def check_micro_batches(trial: Trial) -> None:
    """Batches are cut into micro-batches, and stages work on different ones at the same time."""
    require_steps(trial)
    if within := find_steps_within_batch(trial.ranks):
        raise NotReached(within)  # what happens with a batch is spread over several steps
    for pipeline in trial.pipelines:
        for stage, number in enumerate(pipeline):
            forwards = _of_step(trial.ranks[number], Forward)
            fewest = trial.contract.fewest_micro_batches
            if len(forwards) < fewest:
                _require_sequences(trial, pipeline, fewest)
                whole = (
                    "the whole batch as one micro-batch"
                    if len(forwards) == 1
                    else f"{len(forwards)} micro-batches"
                )
                fail(
                    f"Stage {stage} (rank {number}) works on {whole} per step, so its neighbours wait until it is through.",
                    f"{'at least ' * (fewest < BATCH_SIZE)}{fewest} micro-batches per step",
                    "cut the batch with tokens.chunk(3), and run each part through the stages by itself.",
                    "too-few-micro-batches",
                )
        _check_overlap(trial, pipeline)


def _require_sequences(trial: Trial, pipeline: Sequence[int], fewest: int) -> None:
    """A batch of fewer sequences can't be cut into so many micro-batches."""
    first = trial.ranks[pipeline[0]]
    wrong = find_wrong_batch(trial, pipeline)
    if wrong and count_sequences(first) < fewest:
        raise NotReached(wrong)


Span = Forward | Backward


def _of_step(rank: RankReport, kind: type[Span]) -> list[Span]:
    """The passes of the first step."""
    if kind is Forward:
        return list(list_passes(rank, 1))
    return [event for event in rank.of(kind) if event.step == 1]


def _check_overlap(trial: Trial, pipeline: Sequence[int]) -> None:
    first = trial.ranks[pipeline[0]]
    forwards, backwards = _of_step(first, Forward), _of_step(first, Backward)
    if backwards and sum(span.start < backwards[0].start for span in forwards) < 2:
        fail(
            f"Rank {first.rank} waits for the gradient of its first micro-batch{at(backwards[0].at)} before it goes forward with the next "
            "one, so only one stage works at a time.",
            "a first stage that goes on with the next micro-batch while the others work on the one before",
            "run all micro-batches forward first (GPipe), or as many as there are stages (1F1B).",
            "one-micro-batch-after-the-other",
        )
    for source, destination in itertools.pairwise(pipeline):
        _check_prompt(trial, source, destination, Forward, "activation")
        _check_prompt(trial, destination, source, Backward, "gradient")


def _check_prompt(trial: Trial, source: int, destination: int, kind: type[Span], what: str) -> None:
    """What a stage computes for one micro-batch is under way before the next one is through."""
    rank = trial.ranks[source]
    spans = _of_step(rank, kind)
    sends = [
        each
        for each in rank.operations
        if each.op in SENDS and each.call.peer == destination and each.call.step == 1
    ]
    for span, following in itertools.pairwise(spans):
        number, made = _find_made(rank, span)
        send = next((each for each in sends if _carries(each, made)), None)
        # A thread of its own begins when the processor lets it: its clock says nothing about the order of the program.
        if send and send.call.thread == following.thread and send.start_s > following.end:
            fail(
                f"Rank {source} sends the {what} of micro-batch {number}{at(send.call.at)} only after the next micro-batch is through.",
                f"each {what} sent as soon as it is computed, so that the next stage can begin",
                "put the send into the loop over micro-batches, right after the pass that makes what it sends.",
                f"{what}s-sent-late",
            )


def _find_made(rank: RankReport, span: Span) -> tuple[int, Content | None]:
    """The micro-batch of a pass, and what it made for a neighbour: an output, or the gradient of an input."""
    if isinstance(span, Forward):
        return span.micro_batch, span.output
    number = span.micro_batches[0] if len(span.micro_batches) == 1 else -1
    gradients = [
        e for e in rank.of(Gradient) if (e.place, e.step, e.micro_batch) == ("input", span.step, number)
    ]
    return number, gradients[0].content if gradients else None


def _carries(send: Operation, made: Content | None) -> bool:
    """Whether a message has in it what a pass made."""
    content = send.call.content
    return (
        content is not None
        and made is not None
        and (is_multiple(made, content) or bool(is_contained(made, [content])))
    )


def check_non_blocking(trial: Trial) -> None:
    """Messages to the next stage do not hold up the computation."""
    require_steps(trial)
    if blocking := find_blocking_send(trial.ranks):
        raise blocking
