"""Each step works on what came in messages, has the gradients of the whole batch, and makes of them what the optimizer does."""

from __future__ import annotations

from functools import partial

from grader import Failure, NotReached, explain, fail
from public_tests.part_b.arrivals import list_arrivals
from public_tests.part_b.comparison import Comparison
from public_tests.part_b.contract import LEARNING_RATE, OPTIMIZER
from public_tests.part_b.diagnoses import changed_between_steps, not_finite
from public_tests.part_b.findings import (
    find_averaged_weights,
    find_incomparable,
    find_misdirected_messages,
    find_unwaited_reduction,
    find_wrong_gradients,
    gather_evidence,
)
from public_tests.part_b.stepping import find_steps_within_batch
from public_tests.part_b.trial import FEWEST_STEPS, Trial

from .exchange import (
    find_foreign_stages,
    find_missing_gradient,
    find_missing_input,
    find_missing_messages,
    find_missing_reduction,
)
from .finishing import require, require_script, require_steps
from .reductions import find_partial_reduction, find_unequal_replicas, list_unreduced_stages


def check_exchange(trial: Trial, comparison: Comparison) -> None:
    """Stages work on what their neighbours sent them, and replicas on each other's gradients."""
    require_script(trial)
    arrivals = list_arrivals(trial.ranks, trial.pipelines)
    require(trial, bool(arrivals or trial.common_steps))
    explain(
        trial,
        (
            find_foreign_stages,
            find_missing_input,
            partial(find_missing_messages, arrivals=arrivals),
            find_missing_gradient,
            *([partial(find_missing_reduction, comparison=comparison)] if trial.common_steps else []),
        ),
    )


def check_gradients(trial: Trial, comparison: Comparison) -> None:
    """In every step every rank has the gradient of the whole batch."""
    require_steps(trial, FEWEST_STEPS)
    if within := find_steps_within_batch(trial.ranks):
        raise within
    if incomparable := find_incomparable(comparison):
        raise incomparable
    if missing := find_missing_reduction(trial, comparison):
        raise NotReached(missing)
    if wrong := find_wrong_gradients(trial, comparison):
        if told := _find_told_of_replicas(trial, comparison):
            raise NotReached(told)
        if misdirected := find_misdirected_messages(trial, comparison):
            raise NotReached(misdirected)  # told with the exchange
        # After steps that are too large nothing is finite: the first step's gradients were right.
        is_later = comparison.mismatches[0].step > 1
        if is_later and _find_endless(trial, comparison) and (other := find_other_optimizer(trial)):
            raise NotReached(other)
        raise wrong


def _find_told_of_replicas(trial: Trial, comparison: Comparison) -> Failure | None:
    """A mistake that another check tells, and that explains gradients which differ between replicas."""
    if unequal := find_unequal_replicas(trial):
        return unequal
    unreduced = list_unreduced_stages(trial, comparison) if len(trial.pipelines) > 1 else []
    if all(mismatch.stage in unreduced for mismatch in comparison.mismatches):
        return find_partial_reduction(trial, comparison)
    return None


def check_parameters(trial: Trial, comparison: Comparison) -> None:
    """After the last step every rank has the parameters that Adam makes of its gradients."""
    require_steps(trial, FEWEST_STEPS)
    if other := find_other_optimizer(trial):
        raise other
    if endless := _find_endless(trial, comparison):
        raise NotReached(endless)  # Adam makes nothing finite of such gradients
    for number, rank in sorted(trial.ranks.items()):
        changed = changed_between_steps(rank)
        if changed is not None:
            if averaged := find_averaged_weights(trial, comparison):
                raise NotReached(averaged)  # told with the gradients
            fail(
                f"The parameters of rank {number} are changed after step {changed} by something else than its optimizer, "
                "as by averaging weights.",
                "parameters that only the optimizer changes",
                "reduce the gradients before optimizer.step(), and leave the weights alone.",
                "parameters-changed-between-steps",
            )
    if incomparable := find_incomparable(comparison):
        raise NotReached(incomparable)
    if comparison.drifts:
        if unwaited := find_unwaited_reduction(trial, comparison):
            raise NotReached(unwaited)  # told with the gradients
        drift = comparison.drifts[0]
        fail(
            f"After step {drift.step} {drift.parameter} of rank {drift.rank} is not what {OPTIMIZER} makes of the rank's own gradients.",
            f"one optimizer.step() of {OPTIMIZER} with lr={LEARNING_RATE}, weight_decay=0 and its default betas in each step",
            "use one optimizer per rank with these settings, and let nothing else change parameters.",
            "not-an-ordinary-step-of-the-optimizer",
        )


def find_other_optimizer(trial: Trial) -> Failure | None:
    """A rank with another optimizer or another learning rate than asked."""
    for number, rank in sorted(trial.ranks.items()):
        used = rank.optimizers[0] if rank.optimizers else None
        rate = used.options.get("lr") if used else None
        if used is None or used.name != OPTIMIZER or rate != LEARNING_RATE:
            return Failure(
                f"Rank {number} optimizes with {used.name if used else 'nothing'}, lr={rate}.",
                f"{OPTIMIZER} with a learning rate of {LEARNING_RATE}",
                f"use torch.optim.{OPTIMIZER}(net.parameters(), lr={LEARNING_RATE}) on every rank.",
                "another-optimizer",
            )
    return None


def _find_endless(trial: Trial, comparison: Comparison) -> Failure | None:
    return not_finite(gather_evidence(trial, comparison)) if comparison.mismatches else None
