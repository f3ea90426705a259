"""What part B is about, and the gate of its points: stages work on what their neighbours sent them, and replicas on each other's gradients."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby, pairwise

from grader import Failure
from launch.deliveries import Delivery, came_from, find_deliveries, is_sum
from launch.events import Forward, Gradient, Model, Tokens
from launch.sentences import listed
from public_tests.part_b.arrivals import EXPECTED, Arrival, find_misdirected, tell_source
from public_tests.part_b.comparison import Comparison, count_layers
from public_tests.part_b.trial import Trial, largest_model

ADVICE = (
    "let each rank compute its own stage alone: send each output to the next rank and each input's gradient to the one before, "
    "and work on what was received."
)
NOTICEABLE = 0.1  # weight of another pipeline's micro-batch in a gradient; share of it that replicas exchange
PARALLEL = "DistributedDataParallel"  # reduces inside C++, where no call is seen


def find_missing_messages(trial: Trial, arrivals: Sequence[Arrival]) -> Failure | None:
    """The first thing that a stage worked on and that no message brought, unless messages brought enough besides.

    A library may send a pass through the stages first, to learn the shapes: with numbers that mean nothing.
    """
    deliveries: dict[tuple[int, int], list[Delivery]] = {}
    for (rank, neighbour, *_), alike in groupby(sorted(arrivals, key=_channel), key=_channel):
        pair, found = (rank, neighbour), list(alike)
        if pair not in deliveries:
            deliveries[pair] = list(find_deliveries(trial.ranks[rank], neighbour, trial.contract.ranks))
        strange = [each for each in found if not _may_have_come(each, deliveries[pair])]
        enough = min(len(found), trial.contract.fewest_micro_batches)
        if len(found) - len(strange) < enough:
            return _miss(trial, strange[0], deliveries[pair])
    return None


def _may_have_come(arrival: Arrival, deliveries: Sequence[Delivery]) -> bool:
    """Whether messages brought it, or what it was added up from: then only the gradients are wrong."""
    if came_from(arrival.content, deliveries) is not False:
        return True
    of_step = [
        each.content for each in deliveries if each.content and each.operation.call.step == arrival.step
    ]
    return is_sum(arrival.content, of_step)


def _channel(arrival: Arrival) -> tuple[int, int, str, int]:
    return arrival.rank, arrival.neighbour, arrival.what, arrival.step


def _miss(trial: Trial, arrival: Arrival, deliveries: Sequence[Delivery]) -> Failure:
    misdirected = find_misdirected(arrival, trial.ranks, trial.contract.ranks)
    return misdirected or Failure(
        f"{arrival} that no message brought: {tell_source(arrival, deliveries)}.", EXPECTED, ADVICE
    )


def find_foreign_stages(trial: Trial) -> Failure | None:
    """A rank that computes the stages of others too, so that it needs no messages."""
    for number, rank in sorted(trial.ranks.items()):
        ran = {event.model for event in rank.of(Forward) if event.gradients}
        layers = [
            (model.name, count_layers([shape for _, shape in model.parameters]))
            for model in rank.of(Model)
            if model.name in ran
        ]
        stages = [name for name, count in layers if count]
        if len(stages) > 1 and sum(count for _, count in layers) > trial.contract.layers_per_stage:
            return Failure(
                f"Rank {number} computes {len(stages)} stages by itself: {listed(stages)}.{_tell_silence(trial, number)}",
                EXPECTED,
                ADVICE,
            )
    return None


def _tell_silence(trial: Trial, rank: int) -> str:
    others = [other for other in range(trial.contract.ranks) if other != rank]
    heard = any(any(find_deliveries(trial.ranks[rank], other, trial.contract.ranks)) for other in others)
    return "" if heard else " It gets nothing from other ranks."


def find_missing_input(trial: Trial) -> Failure | None:
    """A stage after the first that never works on an activation, but on tokens or on nothing."""
    for pipeline in trial.pipelines:
        for before, number in pairwise(pipeline):
            rank = trial.ranks.get(number)
            passes = [event for event in rank.of(Forward) if event.gradients] if rank else []
            if passes and not any(event.input is not None for event in passes):
                return Failure(
                    f"Rank {number} calls {passes[0].model} without an activation from rank {before}.",
                    EXPECTED,
                    ADVICE,
                )
    return None


def find_missing_gradient(trial: Trial) -> Failure | None:
    """A stage that steps although no gradient ever came back to it."""
    for pipeline in trial.pipelines:
        for rank, following in pairwise(pipeline):
            report = trial.ranks.get(rank)
            if report is None:
                continue
            known = any(event.output is not None for event in report.of(Forward) if event.gradients)
            if report.steps and known and not any(event.place == "output" for event in report.of(Gradient)):
                return Failure(
                    f"Rank {rank} makes optimizer steps, but never goes backward with a gradient from rank {following}.",
                    EXPECTED,
                    f"send the gradient of the input from rank {following} to rank {rank}, and call backward() there on the output with it.",
                )
    return None


def find_reducing_stages(trial: Trial, comparison: Comparison) -> list[int]:
    """Stages whose replicas have each other's gradients, by the numbers or by what passes between them."""
    return [
        stage
        for stage in range(len(trial.pipelines[0]))
        if _has_others_gradients(trial, comparison, stage) or _replicas_exchange(trial, stage)
    ]


def find_missing_reduction(trial: Trial, comparison: Comparison) -> Failure | None:
    """Pipelines that learn nothing of each other's gradients."""
    if len(trial.pipelines) == 1 or find_reducing_stages(trial, comparison):
        return None
    if any(model.name == PARALLEL for rank in trial.ranks.values() for model in rank.of(Model)):
        return None
    return Failure(
        "No rank reduces its gradients: nothing passes between the replicas of a stage.",
        "in each stage the mean of its replicas' gradients, in every step",
        "call all_reduce on the gradients in the group of the stage, after the last backward pass and before optimizer.step().",
    )


def _has_others_gradients(trial: Trial, comparison: Comparison, stage: int) -> bool:
    """Whether the stage's gradients have the other pipeline's part in them, whatever brought it there."""
    if comparison.problem or _read_alike(trial):
        return False  # the numbers can't tell
    return all(
        mismatch.fit.explains and any(abs(weight) > NOTICEABLE for weight in weights)
        for mismatch in comparison.mismatches
        if mismatch.stage == stage
        for pipeline, weights in enumerate(mismatch.fit.weights)
        if pipeline != mismatch.pipeline
    )


def _read_alike(trial: Trial) -> bool:
    """Whether the pipelines read the same sequences, so that their gradients are the same."""
    read = [
        {row for event in trial.ranks[pipeline[0]].of(Tokens) for row in event.rows}
        for pipeline in trial.pipelines
    ]
    return bool(set.intersection(*read))


def _replicas_exchange(trial: Trial, stage: int) -> bool:
    """Whether so many numbers as a part of the gradient has pass between the replicas of a stage per step."""
    one, *others = trial.replicas(stage)
    model = largest_model(trial.ranks[one])
    return model is not None and any(
        _count_numbers(trial, rank, source) > model.count * NOTICEABLE
        for other in others
        for rank, source in ((one, other), (other, one))
    )


def _count_numbers(trial: Trial, rank: int, source: int) -> float:
    """Numbers that a rank gets from another one per step."""
    calls = [each.operation.call for each in find_deliveries(trial.ranks[rank], source, trial.contract.ranks)]
    if any(call.op.endswith("_coalesced") for call in calls):
        return float("inf")  # lists of tensors, whose sizes are not recorded
    return sum(call.elements or 0 for call in calls) / max(1, trial.ranks[rank].steps)
