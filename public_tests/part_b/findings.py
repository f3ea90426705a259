"""What a run of a script shows besides how it ended, each as a failure or nothing: hidden checks raise it, students' own tell it."""

from __future__ import annotations

from collections.abc import Mapping

from grader import Diagnosis, Failure, recognise
from launch.deliveries import FEW
from launch.events import Backward, Forward
from launch.run_report import RankReport
from launch.workers import SENDS, Operation

from .comparison import Comparison
from .diagnoses import DIAGNOSES, GradientEvidence, at, averaged_weights, misdirected, unwaited_reduction
from .stepping import find_steps_within_batch
from .trial import Trial

BLOCKING = ("send", "send_object_list")

Ranks = Mapping[int, RankReport]


def find_unwritten(trial: Trial) -> Failure | None:
    """A script that is still the handout's starter."""
    if not trial.is_unwritten:
        return None
    return Failure(
        f"{trial.contract.exercise} is not written yet: {trial.contract.script} ends where the starter's schedule is to be written.",
        "a schedule that sends micro-batches through the stages",
        f"write run_schedule() in {trial.contract.script}, as its comments say.",
        "schedule-not-written",
    )


def find_blocking_send(ranks: Ranks) -> Failure | None:
    """A message to another stage that holds up the computation."""
    for number, rank in sorted(ranks.items()):
        computing = {span.thread for span in rank.of(Forward)}
        waits = {id(each.target): each for each in rank.operations if each.target is not None}
        sends = [each for each in rank.operations if _carries_numbers(each)]
        for send in sends:
            if send.call.thread not in computing:
                continue
            wait = waits.get(id(send))
            if send.op in BLOCKING:
                seen = f"Rank {number} sends with {send.describe()}{at(send.call.at)}, which ends only when the other side has begun to receive."
            elif wait is not None and _is_next(rank, send, wait):
                seen = f"Rank {number} waits for {send.describe()}{at(send.call.at)} right after beginning it, which makes it a blocking send."
            else:
                continue
            return Failure(
                seen,
                "isend, and wait() later, so that the stage can compute meanwhile",
                "collect what isend returns in a list, and wait for all of it at the end of the step.",
                "blocking-send",
            )
    return None


def _carries_numbers(operation: Operation) -> bool:
    """Whether a message has activations or gradients in it, and not tokens, a header or a loss."""
    call = operation.call
    if call.op == "send_object_list":
        return call.content is not None
    is_floating = (call.dtype or "").startswith(("float", "bfloat"))
    return call.op in SENDS and is_floating and (call.elements or 0) > FEW


def _is_next(rank: RankReport, send: Operation, wait: Operation) -> bool:
    """Whether a send is waited for at once although the step goes on: no other call or pass lies between, but some follow."""
    order = [each for each in rank.operations if each.call.thread == send.call.thread]
    if order.index(wait) != order.index(send) + 1:
        return False
    spans: list[Forward | Backward] = [*rank.of(Forward), *rank.of(Backward)]
    if any(send.start_s < span.start < wait.start_s for span in spans):
        return False
    return any(span.start > wait.start_s and span.step == send.call.step for span in spans)


def find_missing_backward(ranks: Ranks) -> Failure | None:
    """A stage that goes backward through fewer micro-batches of a step than forward.

    Of the last step: before the first one a library may send a pass through the stages only to learn the shapes.
    """
    for number, rank in sorted(ranks.items()):
        passes = [e for e in rank.of(Forward) if e.step <= rank.steps and e.gradients and not e.repeated]
        step = max((event.step for event in passes), default=0)
        forwards = {event.micro_batch for event in passes if event.step == step}
        backwards = {k for event in rank.of(Backward) if event.step == step for k in event.micro_batches}
        if forwards - backwards:
            return Failure(
                f"In step {step} rank {number} makes {len(forwards)} forward pass{'es' * (len(forwards) != 1)}, and goes backward "
                f"through {len(forwards & backwards) or 'none'} of them.",
                "a backward pass through each micro-batch's output before optimizer.step()",
                "keep each micro-batch's output, and go backward from it with the gradient that the next stage sends.",
            )
    return None


def find_gradient_mistake(trial: Trial, comparison: Comparison) -> Failure | None:
    """What is wrong with the gradients, or why there is no verdict on them."""
    return (
        find_steps_within_batch(trial.ranks)
        or find_incomparable(comparison)
        or find_wrong_gradients(trial, comparison)
    )


def find_incomparable(comparison: Comparison) -> Failure | None:
    """Why there is no verdict on the gradients."""
    if not comparison.problem:
        return None
    seen = f"The gradients could not be compared with the reference's: {comparison.problem}."
    if comparison.altered:
        return Failure(
            seen,
            "files in the launcher's folder as the launcher wrote them",
            "let the script write to files of its own only.",
        )
    return Failure(
        seen,
        "three stages with the lab's parameters, whose first one reads tokens (batch, sequence)",
        "build the stages with the lab's LLamaFirstStage, LLamaStage and LLamaLastStage, and the sizes asked.",
        "gradients-that-can't-be-compared",
    )


def find_wrong_gradients(trial: Trial, comparison: Comparison) -> Failure | None:
    """Gradients that are not those of one process, with the likely mistake."""
    if not comparison.mismatches:
        return None
    evidence = gather_evidence(trial, comparison)
    return recognise(evidence, DIAGNOSES)


def find_averaged_weights(trial: Trial, comparison: Comparison) -> Failure | None:
    """What is said of the gradients, if it is that weights are averaged in their place."""
    return _find_said(averaged_weights, trial, comparison)


def find_misdirected_messages(trial: Trial, comparison: Comparison) -> Failure | None:
    """What is said of the gradients, if it is that a stage works on what another rank than its neighbour sent."""
    return _find_said(misdirected, trial, comparison)


def find_unwaited_reduction(trial: Trial, comparison: Comparison) -> Failure | None:
    """What is said of the gradients, if it is that the optimizer steps while they are being reduced."""
    return _find_said(unwaited_reduction, trial, comparison)


def _find_said(diagnose: Diagnosis[GradientEvidence], trial: Trial, comparison: Comparison) -> Failure | None:
    """What is said of wrong gradients, if this diagnosis says it."""
    wrong = find_wrong_gradients(trial, comparison)
    found = diagnose(gather_evidence(trial, comparison)) if wrong else None
    return wrong if wrong and found and wrong.seen == found.seen else None


def gather_evidence(trial: Trial, comparison: Comparison) -> GradientEvidence:
    found = comparison.mismatches, comparison.unequal_starts
    return GradientEvidence(trial.contract, trial.pipelines, trial.ranks, *found)
