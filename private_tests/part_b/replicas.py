"""Two pipelines train replicas of one model: on different data, with gradients reduced stage by stage."""

from __future__ import annotations

from grader import NotReached, fail
from launch.events import Tokens
from launch.run_report import Outcome
from launch.sentences import capital
from public_tests.part_b.comparison import Comparison, have_unlike_gradients
from public_tests.part_b.findings import find_wrong_gradients
from public_tests.part_b.trial import Trial

from .exchange import find_missing_reduction
from .finishing import require, require_script, require_steps
from .reductions import (
    find_partial_reduction,
    find_unequal_replicas,
    foreign_reductions,
    list_differences,
    list_unreduced_stages,
    name_replicas,
    tell_foreign,
)


def check_different_data(trial: Trial) -> None:
    """The two pipelines read different stories."""
    require_steps(trial)
    read = [
        {row for event in trial.ranks[pipeline[0]].of(Tokens) for row in event.rows}
        for pipeline in trial.pipelines
    ]
    if not all(read):
        fail(
            "No tokens were seen in the first stage of a pipeline.",
            "first stages that read tokens",
            "give the tokens to the first stage of each pipeline.",
            "a-first-stage-without-tokens",
        )
    common = read[0] & read[1]
    if common:
        first, other = trial.pipelines[0][0], trial.pipelines[1][0]
        fail(
            f"Both pipelines read the same data: ranks {first} and {other} were given the same sequences, {len(common)} of {len(read[0])}.",
            "different stories in each pipeline, so that a step learns from twice as many",
            "skip far enough in the second pipeline: TinyStories(…, skip=100_000) on all of its ranks.",
        )


def check_reductions(trial: Trial, comparison: Comparison) -> None:
    """Gradients are reduced within the group of each stage, and groups are made by all ranks."""
    require_script(trial)
    uneven = trial.report.uneven_groups
    foreign = next(foreign_reductions(trial, trial.report), None)
    # Of a run that did not finish for this reason, check_finishes tells it.
    require(trial, trial.report.outcome is Outcome.FINISHED or not (uneven or foreign))
    if uneven is not None:
        fail(
            f"{capital(str(uneven))}.",
            "new_group called by every rank for every group, also for those it is not in, in the same order",
            "make all groups in one loop that every rank runs, and keep the one that the rank belongs to.",
            "groups-not-made-by-all-ranks",
        )
    if foreign is not None:
        fail(
            f"{capital(tell_foreign(*foreign))}.",
            "reductions among the replicas of one stage only: other stages have other parameters",
            "make a group for each stage with new_group, and pass it as group= to all_reduce.",
            "a-reduction-among-different-stages",
        )
    require_steps(trial)
    if missing := find_missing_reduction(trial, comparison):
        raise NotReached(missing)
    if partly := find_partial_reduction(trial, comparison):
        raise partly


def check_replicas(trial: Trial, comparison: Comparison) -> None:
    """The replicas of a stage have the same parameters after every step."""
    require_steps(trial)
    if unequal := find_unequal_replicas(trial):
        raise unequal
    missing = find_missing_reduction(trial, comparison) or find_partial_reduction(trial, comparison)
    unreduced = list_unreduced_stages(trial, comparison)
    for stage, first, other, step in list_differences(trial):
        if missing and stage in unreduced:
            raise NotReached(missing)
        wrong = find_wrong_gradients(trial, comparison)
        if wrong and have_unlike_gradients(comparison, (first, other), step - 1):
            raise NotReached(wrong)
        fail(
            f"After step {step - 1} {name_replicas(stage, first, other)} have different parameters.",
            "replicas that stay identical, because they take the same gradient in every step",
            "reduce the gradient of every parameter of the stage before optimizer.step(), on both ranks.",
            "replicas-that-drift-apart",
        )
