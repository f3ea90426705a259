"""What is reduced among ranks, and whether the replicas of a stage stay equal: found, not judged yet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from grader import Failure
from launch.deliveries import FEW
from launch.run_report import RankReport, RunReport
from launch.sentences import capital, listed
from launch.workers import Operation
from public_tests.part_b.comparison import Comparison
from public_tests.part_b.diagnoses import at, is_finite
from public_tests.part_b.trial import Trial, optimizer_steps

from .exchange import find_reducing_stages

REDUCTIONS = ("all_reduce", "reduce", "reduce_scatter", "reduce_scatter_tensor", "reduce_scatter_single")


def tell_foreign(operation: Operation, rank: int) -> str:
    call = operation.call
    return f"rank {rank} calls {operation.describe()}{at(call.at)} in the group {call.group or 'world'}, to which ranks of other stages belong"


def find_partial_reduction(trial: Trial, comparison: Comparison) -> Failure | None:
    """Some stages reduce their gradients, and others don't."""
    without = list_unreduced_stages(trial, comparison)
    reducing = [stage for stage in range(len(trial.pipelines[0])) if stage not in without]
    if not without or not reducing:
        return None
    return Failure(
        f"Gradients are reduced in {_stages(reducing)}, but not in {_stages(without)}.",
        "a reduction in every stage",
        "call all_reduce on every rank, each in the group of its own stage.",
        "some-stages-not-reduced",
    )


def _stages(numbers: Sequence[int]) -> str:
    return f"stage{'s' * (len(numbers) > 1)} {listed(numbers)}"


def list_unreduced_stages(trial: Trial, comparison: Comparison) -> list[int]:
    reducing = find_reducing_stages(trial, comparison)
    return [stage for stage in range(len(trial.pipelines[0])) if stage not in reducing]


def foreign_reductions(trial: Trial, report: RunReport) -> Iterator[tuple[Operation, int]]:
    """Reductions of more than a few numbers among ranks of different stages."""
    if len(trial.pipelines) == 1:
        return
    allowed = [set(trial.replicas(stage)) for stage in range(len(trial.pipelines[0]))]
    for rank in report.ranks:
        for operation in _reductions(rank):
            group = operation.call.group or "world"
            members = set(range(trial.contract.ranks)) if group == "world" else _members(group)
            if members and not any(members <= replicas for replicas in allowed):
                yield operation, rank.rank


def _members(group: str) -> set[int]:
    numbers = group.partition("#")[0].split(",")
    return {int(number) for number in numbers if number.isdecimal()}


def _reductions(rank: RankReport) -> list[Operation]:
    return [
        each
        for each in rank.operations
        if each.op in REDUCTIONS
        and (each.call.dtype or "").startswith(("float", "bfloat"))
        and (each.call.elements or 0) > FEW
    ]


def find_unequal_replicas(trial: Trial) -> Failure | None:
    """Replicas of a stage that begin with different parameters."""
    for stage, first, other, step in list_differences(trial):
        if step == 1:
            return Failure(
                f"{capital(name_replicas(stage, first, other))} begin with different parameters.",
                "replicas that begin equal",
                "call torch.manual_seed(0) on every rank just before it builds its stage.",
                "replicas-that-begin-different",
            )
    return None


def name_replicas(stage: int, first: int, other: int) -> str:
    return f"ranks {first} and {other}, the replicas of stage {stage},"


def list_differences(trial: Trial) -> Iterator[tuple[int, int, int, int]]:
    """Stage, both ranks and step of replicas whose parameters differ before a step: each pair's first."""
    for stage in range(len(trial.pipelines[0])):
        first, *others = trial.replicas(stage)
        for other in others:
            steps = (optimizer_steps(trial.ranks[rank]) for rank in (first, other))
            differ = (
                one.number
                for one, two in zip(*steps, strict=False)
                if is_finite(one.before) and is_finite(two.before) and one.before != two.before
            )
            if step := next(differ, None):
                yield stage, first, other, step
