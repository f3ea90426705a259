"""From how gradients differ to the likely mistake, in a sentence.

The first diagnosis that recognises the mistake says it. Numbers come first: where weights explain the gradients of all
ranks, what was sent and read need not be looked at; where they don't, the messages come before what weights half explain.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import wraps
from itertools import pairwise

from grader import Diagnosis, Failure
from launch.deliveries import FEW, find_deliveries
from launch.events import Backward, Contents, Gradient, SourceLine, Tokens, ZeroGrad
from launch.run_report import RankReport
from launch.sizes import find_too_small
from launch.workers import Operation

from .arrivals import find_misdirected, list_arrivals
from .comparison import Fit, Mismatch, OtherTargets
from .contract import STAGES, Contract
from .messages import find_mixups, find_strays, find_transfers, trace_micro_batches
from .trial import optimizer_steps

BEGINNING = 20  # tokens that tell stories from each other
CLOSE = 0.03  # weights of a fit that differ by less are equal


@dataclass(frozen=True)
class GradientEvidence:
    """What a diagnosis may look at."""

    contract: Contract
    pipelines: tuple[tuple[int, ...], ...]
    ranks: dict[int, RankReport]
    mismatches: tuple[Mismatch, ...]
    unequal_starts: tuple[tuple[int, int], ...] = ()

    @property
    def step(self) -> int:
        return self.mismatches[0].step

    @property
    def fits(self) -> list[Fit]:
        return [mismatch.fit for mismatch in self.mismatches]

    def own_weights(self, mismatch: Mismatch) -> tuple[float, ...]:
        """Weights of the micro-batches of the rank's own pipeline."""
        return mismatch.fit.weights[mismatch.pipeline]

    def other_weights(self, mismatch: Mismatch) -> tuple[float, ...]:
        """Weights of all other pipelines' micro-batches."""
        others = [w for index, w in enumerate(mismatch.fit.weights) if index != mismatch.pipeline]
        return tuple(weight for weights in others for weight in weights)


# --- data, messages and buffers -------------------------------------------------------------------------------


def half_filled(evidence: GradientEvidence) -> Failure | None:
    """A message that is smaller than the tensor which receives it: gloo lets it pass, and the rest is whatever was there."""
    small = find_too_small(evidence.ranks, FEW)
    if small is None:
        return None
    text = str(small)
    return Failure(
        f"{text[:1].upper()}{text[1:]}: the message fills only the beginning of that tensor.",
        "messages that fill the tensor which receives them",
        "give the receiving tensor the shape and the type of the one that is sent.",
    )


def unwaited_reduction(evidence: GradientEvidence) -> Failure | None:
    """A reduction in the background that nobody waited for before the gradients were used."""
    for mismatch in evidence.mismatches:
        rank = evidence.ranks[mismatch.rank]
        waited = {id(each.target): each for each in rank.operations if each.target is not None}
        begins = [step.start for step in optimizer_steps(rank) if step.number == mismatch.step]
        for each in rank.operations:
            if (
                not each.call.background
                or each.call.step != mismatch.step
                or (each.call.elements or 0) <= FEW
            ):
                continue
            wait = waited.get(id(each))
            if begins and each.start_s < begins[0] and (wait is None or wait.start_s > begins[0]):
                return Failure(
                    f"In step {mismatch.step} rank {mismatch.rank} begins {each.describe()}{at(each.call.at)} in the background, and was "
                    "not seen waiting for it before optimizer.step().",
                    "reductions that are over before the optimizer uses the gradients",
                    "keep what each call with async_op=True returns, and call wait() on all of it before optimizer.step().",
                )
    return None


def not_finite(evidence: GradientEvidence) -> Failure | None:
    """NaN or infinity: nothing can be fitted to it."""
    endless = [m for m in evidence.mismatches if not math.isfinite(m.difference)]
    if not endless:
        return None
    return Failure(
        f"The gradient of {_ranks(endless)} in step {evidence.step} is not finite, first in {endless[0].parameter} of rank {endless[0].rank}.",
        "gradients without NaN or infinity",
        "look for memory that is sent or used before anything was written to it, as of torch.empty, or of irecv before its wait() has "
        "returned, and for a division by 0.",
    )


def unequal_replicas(evidence: GradientEvidence) -> Failure | None:
    if not evidence.unequal_starts:
        return None
    one, other = evidence.unequal_starts[0]
    return Failure(
        f"Ranks {one} and {other} hold the same stage, but begin with different parameters.",
        "replicas of a stage that begin equal, so that equal gradients keep them equal",
        "call torch.manual_seed(0) on every rank just before it builds its stage.",
    )


def different_data(evidence: GradientEvidence) -> Failure | None:
    """First and last stage of a pipeline read different stories."""
    for pipeline in evidence.pipelines:
        first, last = pipeline[0], pipeline[-1]
        read, targets = _list_stories(evidence, pipeline)
        strange = [begin for begin in read.values() if begin not in targets.values()]
        if strange and not set(read.values()) & set(targets.values()):
            other = next(iter(targets.values()))
            return Failure(
                f"In step {evidence.step} rank {first} reads {_list(strange[0][:4])} …, but no prediction of rank {last} is compared with "
                f"these tokens; its first one is compared with {_list(other[:4])} ….",
                "first and last stage of a pipeline on the same stories, in the same order",
                f"give the loaders of ranks {first} and {last} the same `skip` and batch size, and draw from both once per step.",
            )
    return None


Beginning = tuple[int, ...]


def _list_stories(
    evidence: GradientEvidence, pipeline: Sequence[int]
) -> tuple[dict[int, Beginning], dict[int, Beginning]]:
    """How each micro-batch begins, from its second token on, in the first stage and as target in the last; nothing if these can't be compared.

    The loss drops the first token of a sequence: its target begins with the second one.
    """
    read = {
        e.micro_batch: e for e in _tokens(evidence.ranks[pipeline[0]], ("input", "embedding"), evidence.step)
    }
    targets = {e.micro_batch: e for e in _tokens(evidence.ranks[pipeline[-1]], ("target",), evidence.step)}
    sizes = {(event.shape[0] * (event.shape[1] - 1)) for event in read.values() if len(event.shape) == 2}
    alike = {math.prod(event.shape) for event in targets.values()} == sizes and len(sizes) == 1
    if not alike or None in read or None in targets or len({e.checksum for e in read.values()}) < len(read):
        return {}, {}
    begins: dict[int, Beginning] = {
        number: event.first[1 : BEGINNING + 1] for number, event in read.items() if number is not None
    }
    compared: dict[int, Beginning] = {
        number: event.first[:BEGINNING] for number, event in targets.items() if number is not None
    }
    return (begins, compared) if all((*begins.values(), *compared.values())) else ({}, {})


def misdirected(evidence: GradientEvidence) -> Failure | None:
    """A stage works on what another rank than its neighbour sent it."""
    world_size = sum(map(len, evidence.pipelines))
    arrivals = list_arrivals(evidence.ranks, evidence.pipelines)
    found = (
        find_misdirected(arrival, evidence.ranks, world_size)
        for arrival in arrivals
        if arrival.step == evidence.step
    )
    return next(filter(None, found), None)


def swapped_targets(evidence: GradientEvidence) -> Failure | None:
    """The last stage compares a micro-batch's prediction with another's tokens."""
    for pipeline in evidence.pipelines:
        read, targets = _list_stories(evidence, pipeline)
        for number, origin in trace_micro_batches(evidence.ranks, tuple(pipeline), evidence.step).items():
            meant = [k for k, begin in read.items() if begin == targets.get(number)]
            if meant and origin not in meant:
                return Failure(
                    f"In step {evidence.step} rank {pipeline[-1]} compares its prediction for micro-batch {origin} with the tokens of "
                    f"micro-batch {meant[0]}.",
                    "each prediction compared with the tokens that it was made from",
                    "let the activation's tag say which micro-batch it is, and take the targets of that one.",
                )
    return None


def altered_buffer(evidence: GradientEvidence) -> Failure | None:
    """A message arrived other than it was given to send."""
    for transfer in find_transfers(evidence.ranks):
        if transfer.altered and transfer.step <= evidence.step:
            return Failure(
                f"What rank {transfer.source} gave to {transfer.send.describe()}{at(transfer.send.call.at)} is not what rank "
                f"{transfer.destination} received: the tensor was changed before it had been sent.",
                "a tensor that stays as it is until wait() on its isend has returned",
                "send a tensor of its own for each micro-batch, or wait() before you write into it again.",
            )
    return None


def reused_buffer(evidence: GradientEvidence) -> Failure | None:
    """A tensor was received into again while the graph of an earlier micro-batch still needed it."""
    for number, rank in evidence.ranks.items():
        backwards = [event.start for event in rank.of(Backward) if event.step == evidence.step]
        receives = [
            each
            for each in rank.operations
            if each.op in ("recv", "irecv") and each.call.step == evidence.step and each.call.buffer
        ]
        for one, other in _pairs_of_one_buffer(receives):
            if not any(one.start_s < begin < other.start_s for begin in backwards):
                return Failure(
                    f"Rank {number} receives with {one.describe()}{at(one.call.at)} and again with "
                    f"{other.describe()}{at(other.call.at)} into the "
                    "same tensor, before it went backward through what it had computed from the first.",
                    "a tensor of its own for each micro-batch: autograd keeps it for the backward pass",
                    "create a new tensor to receive into for each micro-batch.",
                )
    return None


def _pairs_of_one_buffer(receives: Sequence[Operation]) -> list[tuple[Operation, Operation]]:
    """Neighbouring receives from the same rank into the same memory."""
    channels: dict[tuple[int | None, int | None], list[Operation]] = {}
    for each in receives:
        channels.setdefault((each.call.peer, each.call.buffer), []).append(each)
    return [pair for same in channels.values() for pair in pairwise(same)]


def other_order(evidence: GradientEvidence) -> Failure | None:
    """A gradient was used for another micro-batch than it was computed for."""
    for pipeline in evidence.pipelines:
        for mixup in find_mixups(evidence.ranks, pipeline, evidence.step):
            return Failure(
                f"In step {mixup.step} rank {mixup.rank} goes backward{at(mixup.at)} through micro-batch {mixup.micro_batch} with the gradient "
                f"that rank {mixup.following} computed for micro-batch {mixup.gradient_of}.",
                "each micro-batch's backward pass with its own gradient, whatever the order of messages",
                "tag each message with its micro-batch, and go backward in the order in which the next stage returns them.",
            )
    return None


def other_targets(evidence: GradientEvidence) -> Failure | None:
    """The loss compares predictions with other tokens than the next ones."""
    found = [m.other_targets for m in evidence.mismatches]
    first = found[0]
    if first is None or any(each is None or each.shift != first.shift for each in found):
        return None
    scale = first.fit.weights[0][0]
    is_scaled = abs(scale - 1) >= CLOSE and all(each and _even(each.fit, scale) for each in found)
    compared = _name_comparison(first)
    if compared is None:
        return None
    return Failure(
        f"In step {evidence.step} the gradient of {_ranks(evidence.mismatches)} is {f'{scale:.3g} times ' * is_scaled}that of a loss "
        f"which compares {compared}.",
        "a loss that compares the prediction at each position with the next token",
        "use causalLLMLoss(logits, tokens, vocab_size) with the tokens that went into the first stage: it shifts them by one itself.",
    )


def _name_comparison(other: OtherTargets) -> str | None:
    if other.shift == 1:
        last = "the prediction at the last position, too, with another token: the batch has no next one there"
        return last if other.to_the_end else None
    if other.shift == 0:
        return "the prediction at each position with the token at that same position: targets are not shifted"
    token = "the token before it"
    if other.shift != -1:
        token = f"the token {abs(other.shift)} positions {'on' if other.shift > 0 else 'back'}"
    return f"the prediction at each position with {token}: targets are shifted otherwise than by one"


def stray_gradient(evidence: GradientEvidence) -> Failure | None:
    """What came back to a stage is no gradient of what it had sent."""
    for pipeline in evidence.pipelines:
        for stray in find_strays(evidence.ranks, pipeline, evidence.step):
            kind = f": it is such an input itself, as rank {stray.rank} had sent it" if stray.is_input else ""
            return Failure(
                f"In step {stray.step} rank {stray.rank} goes backward{at(stray.at)} through micro-batch {stray.micro_batch} with a tensor "
                f"that is the gradient of none of rank {stray.following}'s inputs{kind}.",
                "in each message to the stage before, the gradient of the input that came from there",
                "send the .grad of the tensor that the stage had received, after its backward pass.",
            )
    return None


# --- weights --------------------------------------------------------------------------------------------------


def zeros_sent(evidence: GradientEvidence) -> Failure | None:
    """Stages went backward, but with nothing; the last of them is next to where that began."""
    for mismatch in sorted(evidence.mismatches, key=lambda each: -each.stage):
        rank = evidence.ranks[mismatch.rank]
        passes = [e for e in rank.of(Gradient) if e.place == "output" and e.step == evidence.step]
        stages = evidence.pipelines[mismatch.pipeline]
        if (
            passes
            and all(not any((e.content.sum, *e.content.samples)) for e in passes)
            and mismatch.stage + 1 < len(stages)
        ):
            return Failure(
                f"In step {evidence.step} rank {mismatch.rank} goes backward{at(_line_of_backward(rank, evidence.step))} with gradients that "
                f"are zero, as rank {stages[mismatch.stage + 1]} sent them.",
                "in each message to the stage before, the gradient of the input that came from there",
                "send the .grad of the tensor that the stage had received, after its backward pass.",
            )
    return None


def _line_of_backward(rank: RankReport, step: int) -> SourceLine | None:
    return next((event.at for event in rank.of(Backward) if event.step == step), None)


def no_gradient(evidence: GradientEvidence) -> Failure | None:
    """Nothing was propagated back to a rank."""
    empty = [
        m for m in evidence.mismatches if m.fit.explains and _even(m.fit, 0.0) and abs(m.fit.previous) < CLOSE
    ]
    if not empty:
        return None
    late = _find_late_zero_grad(evidence.ranks[empty[0].rank], evidence.step)
    called = (
        f": rank {empty[0].rank} calls zero_grad(){at(late.at)} after its last backward pass" if late else ""
    )
    return Failure(
        f"The gradient of {_ranks(empty)} in step {evidence.step} is zero{called}.",
        "in every step the gradient of the mean loss over the whole batch, on every rank",
        "call zero_grad() before the first backward pass or after optimizer.step()."
        if late
        else "propagate back through each micro-batch's output on every rank, and call zero_grad() only before that or after "
        "optimizer.step().",
    )


def _find_late_zero_grad(rank: RankReport, step: int) -> ZeroGrad | None:
    """A call between the last backward pass of a step and the optimizer's step."""
    ends = [event.end for event in rank.of(Backward) if event.step == step]
    calls = [event for event in rank.of(ZeroGrad) if event.step == step and ends and event.t >= max(ends)]
    return calls[-1] if calls else None


def kept_gradients(evidence: GradientEvidence) -> Failure | None:
    """The step before is still in the gradient."""
    kept = [m for m in evidence.mismatches if m.fit.explains and m.fit.previous > 0.5 and _even(m.fit, 1.0)]
    if not kept:
        return None
    cleared = any(event.step == evidence.step for m in kept for event in evidence.ranks[m.rank].of(ZeroGrad))
    after = "although zero_grad() was called" if cleared else "and zero_grad() was not called"
    return Failure(
        f"The gradient of {_ranks(kept)} in step {evidence.step} still contains that of step {evidence.step - 1}, {after}.",
        "gradients that begin at zero in each step, on every rank",
        "call optimizer.zero_grad() once per step on every rank: before its first backward pass, or after optimizer.step().",
    )


def cleared_between(evidence: GradientEvidence) -> Failure | None:
    """zero_grad() ran between the micro-batches of a step."""
    for mismatch in evidence.mismatches:
        rank = evidence.ranks[mismatch.rank]
        passes = [event.end for event in rank.of(Backward) if event.step == mismatch.step]
        clears = [event for event in rank.of(ZeroGrad) if event.step == mismatch.step]
        between_passes = [event for event in clears if passes and passes[0] <= event.t <= passes[-1]]
        if between_passes and _lost(evidence, mismatch):
            return Failure(
                f"Rank {mismatch.rank} calls zero_grad(){at(between_passes[0].at)} between the micro-batches of step {mismatch.step}: of "
                f"{len(passes)} micro-batches only the gradient of the last {_plural(len(passes) - len(_lost(evidence, mismatch)))} is left.",
                "the gradients of all micro-batches added up, and one optimizer step",
                "call zero_grad() once per step, before the first micro-batch.",
            )
    return None


def only_last(evidence: GradientEvidence) -> Failure | None:
    """Only some micro-batches were propagated back."""
    for mismatch in evidence.mismatches:
        lost = _lost(evidence, mismatch)
        if not lost:
            continue
        own = evidence.own_weights(mismatch)
        kept = [index for index in range(len(own)) if index not in lost]
        alike = [each for each in evidence.mismatches if _lost(evidence, each) == lost]
        went = [event for event in evidence.ranks[mismatch.rank].of(Backward) if event.step == mismatch.step]
        only = (
            f"only micro-batch {_list(kept)}" if len(kept) == 1 else f"only the micro-batches {_list(kept)}"
        )
        last = ", the last one," if kept == [len(own) - 1] else ""
        return Failure(
            f"In the gradient of {_ranks(alike)} in step {mismatch.step} there is {only}{last} of {len(own)}; "
            f"rank {mismatch.rank} made {len(went)} backward pass{'es' * (len(went) != 1)}.",
            "every micro-batch propagated back, so that the gradient is that of the whole batch",
            "keep each micro-batch's output until its backward pass, and go backward through all of them before optimizer.step().",
        )
    return None


def _lost(evidence: GradientEvidence, mismatch: Mismatch) -> list[int]:
    """Micro-batches of the rank's pipeline that its gradient does not contain, if it contains others."""
    own = evidence.own_weights(mismatch)
    if not mismatch.fit.explains or len(own) < 2:
        return []
    lost = [index for index, weight in enumerate(own) if abs(weight) < CLOSE]
    return lost if 0 < len(lost) < len(own) else []


def not_reduced(evidence: GradientEvidence) -> Failure | None:
    """A rank's gradient is its own pipeline's alone."""
    if len(evidence.pipelines) == 1:
        return None
    alone = [
        m
        for m in evidence.mismatches
        if m.fit.explains
        and all(abs(weight) < CLOSE for weight in evidence.other_weights(m))
        and all(weight > 0.5 for weight in evidence.own_weights(m))
    ]
    if not alone:
        return None
    if weights := averaged_weights(evidence):
        return weights
    if found := _find_late_reduction(evidence, alone) or _find_unused_reduction(evidence, alone):
        return found
    stages = sorted({m.stage for m in alone})
    everywhere = len(stages) == len(evidence.pipelines[0])
    where = "in no stage" if everywhere else f"not in stage{'s' * (len(stages) > 1)} {_list(stages)}"
    return Failure(
        f"In step {evidence.step} the gradient of {_ranks(alone)} is that of its own pipeline alone: gradients are reduced {where}.",
        "in every stage the mean of the gradients of both pipelines",
        "all_reduce the gradients of every parameter, on every rank, in the group of its stage, after the last backward pass and before "
        "optimizer.step().",
    )


def _find_late_reduction(evidence: GradientEvidence, alone: Sequence[Mismatch]) -> Failure | None:
    """Gradients that are reduced when the optimizer has already used them."""
    for mismatch in alone:
        early, late = _list_reductions(evidence.ranks[mismatch.rank], mismatch.step)
        if late and not early:
            return Failure(
                f"In step {mismatch.step} rank {mismatch.rank} steps with the gradient of its own pipeline alone, and calls "
                f"{late[0].describe()}{at(late[0].call.at)} only after optimizer.step().",
                "the mean of the gradients of both pipelines in every optimizer step",
                "all_reduce the gradients after the last backward pass and before optimizer.step().",
            )
    return None


def _find_unused_reduction(evidence: GradientEvidence, alone: Sequence[Mismatch]) -> Failure | None:
    """Something was reduced in time, but it is not in the gradients."""
    for mismatch in alone:
        early, _ = _list_reductions(evidence.ranks[mismatch.rank], mismatch.step)
        if early:
            return Failure(
                f"In step {mismatch.step} rank {mismatch.rank} calls {early[0].describe()}{at(early[0].call.at)} before optimizer.step(), "
                "but the gradient with which it steps is that of its own pipeline alone: the result is not in it.",
                "the mean of the gradients of both pipelines in the .grad of every parameter",
                "all_reduce works in place: give it each parameter's .grad itself, or copy the result back into it.",
            )
    return None


def _list_reductions(rank: RankReport, step: int) -> tuple[list[Operation], list[Operation]]:
    """Reductions of a step before the optimizer's, and all that come after it."""
    begins = [each.start for each in optimizer_steps(rank) if each.number == step]
    made = [
        each
        for each in rank.operations
        if each.op in ("all_reduce", "reduce") and (each.call.elements or 0) > FEW
    ]
    early = [each for each in made if begins and each.call.step == step and each.start_s < begins[0]]
    return early, [each for each in made if begins and each.start_s > begins[0]]


def reduced_to_one(evidence: GradientEvidence) -> Failure | None:
    """`reduce` leaves the sum with one rank of the group alone."""
    for mismatch in evidence.mismatches:
        rank = evidence.ranks[mismatch.rank]
        early, _ = _list_reductions(rank, mismatch.step)
        if not early or any(each.op != "reduce" or each.call.peer == mismatch.rank for each in early):
            continue
        back = find_deliveries(rank, early[0].call.peer or 0, sum(map(len, evidence.pipelines)))
        if not any((each.operation.call.elements or 0) > FEW for each in back):
            return Failure(
                f"In step {mismatch.step} rank {mismatch.rank} calls {early[0].describe()}{at(early[0].call.at)}, which leaves the sum on "
                f"rank {early[0].call.peer} alone.",
                "the mean of the gradients of both pipelines on every rank of a stage",
                "call all_reduce in place of reduce.",
            )
    return None


def averaged_weights(evidence: GradientEvidence) -> Failure | None:
    """Parameters are averaged after the optimizer step, so that every replica's Adam has a state of its own."""
    for mismatch in evidence.mismatches:
        changed = changed_between_steps(evidence.ranks[mismatch.rank])
        if changed is not None:
            return Failure(
                f"Rank {mismatch.rank} steps with the gradient of its own pipeline, and between step {changed} and step {changed + 1} "
                "its parameters are changed again: weights are averaged.",
                "the mean of the gradients in every optimizer: replicas' Adam states differ otherwise, and the mean of two Adam steps is "
                "not the step along the mean gradient",
                "all_reduce the gradients before optimizer.step(), and leave the weights alone.",
            )
    return None


def wrong_scale(evidence: GradientEvidence) -> Failure | None:
    """All weights are equal, but not 1."""
    first = evidence.mismatches[0]
    scale = first.fit.weights[0][0]
    if not all(_even(fit, scale) and fit.explains for fit in evidence.fits) or abs(scale - 1) < CLOSE:
        return None
    m, p = len(first.fit.weights[0]), len(first.fit.weights)
    every = len(evidence.mismatches) == len(evidence.ranks)
    who = "all ranks" if every else _ranks(evidence.mismatches)
    seen = f"In step {evidence.step} the gradient of {who} is {scale:.3g} times that of the whole batch."
    for factor, cause, advice in _scales(m, p):
        if abs(scale - factor) < CLOSE * factor:
            return Failure(f"{seen} {cause}", "the gradient of the mean loss over the whole batch", advice)
    return Failure(
        seen,
        "the gradient of the mean loss over the whole batch",
        "look at what you divide the loss and the gradients by.",
    )


def scales_by_rank(evidence: GradientEvidence) -> Failure | None:
    """Each rank has the whole batch's gradient times a number of its own."""
    scales = {m.rank: m.fit.weights[0][0] for m in evidence.mismatches if m.fit.explains}
    if len(scales) < len(evidence.mismatches) or not all(
        _even(m.fit, scales[m.rank]) for m in evidence.mismatches
    ):
        return None
    numbers = ", ".join(f"{scale:.3g} on rank {rank}" for rank, scale in sorted(scales.items()))
    return Failure(
        f"In step {evidence.step} the gradient is that of the whole batch times {numbers}.",
        "the gradient of the mean loss over the whole batch, on every rank",
        "remove what scales the gradients of each rank by itself, such as clip_grad_norm_.",
    )


def composition(evidence: GradientEvidence) -> Failure | None:
    """What a rank's gradient is made of, where nothing explains how that came about."""
    first = evidence.mismatches[0]
    if not all(fit.explains for fit in evidence.fits):
        return None
    several = len(evidence.pipelines) > 1
    parts = [
        f"{_round(weight)} times that of micro-batch {k}{f' of pipeline {pipeline}' * several}"
        for pipeline, weights in enumerate(first.fit.weights)
        for k, weight in enumerate(weights)
    ]
    if abs(first.fit.previous) >= CLOSE:
        parts.append(f"{_round(first.fit.previous)} times its gradient of the step before")
    return Failure(
        f"In step {first.step} the gradient of rank {first.rank} is made of {_list(parts)}.",
        "each micro-batch's gradient once" + ", that of every pipeline on every rank of a stage" * several,
        "look at which backward passes had been made when the gradients were reduced, and at what each loss and gradient is divided by."
        if several
        else "look at what each loss and each gradient is multiplied with or divided by.",
    )


def _round(weight: float) -> str:
    return f"{weight:.3g}" if abs(weight) >= CLOSE else "0"


def _scales(m: int, p: int) -> list[tuple[float, str, str]]:
    """Factors by which m micro-batches and p pipelines go wrong, with cause and advice."""
    by_loss = "divide each micro-batch's loss by the number of micro-batches before backward()."
    by_sum = "divide by the number of pipelines after all_reduce with SUM."
    others = ""
    if m == STAGES:
        others = ", or by the number of ranks" + f" in place of that of the {p} pipelines" * (p > 1)
    by_pipelines = f", and by the {p} pipelines once" * (p > 1)
    hidden = "Adam hardly shows it, because it divides by the gradient's own size."
    scales = [
        (float(m), f"The loss is not divided by the {m} micro-batches. {hidden}", by_loss),
        (
            1 / m,
            f"It is divided by {m} once too often: by the number of micro-batches twice{others}.",
            f"divide by the {m} micro-batches once, either the loss or the gradients{by_pipelines}.",
        ),
    ]
    if p > 1:
        scales += [
            (float(p), f"The gradients of the {p} pipelines are added up, not averaged. {hidden}", by_sum),
            (
                float(m * p),
                f"Neither the loss is divided by the {m} micro-batches nor the sum by the {p} pipelines.",
                f"{by_loss[:-1]}, and {by_sum}",
            ),
            (
                1 / p,
                f"It is divided by the {p} pipelines twice.",
                "divide once after all_reduce, and not the loss as well.",
            ),
            (
                m / p,
                f"The loss is not divided by the {m} micro-batches, and the mean over pipelines is taken twice.",
                by_loss,
            ),
        ]
    return scales


def _even(fit: Fit, scale: float) -> bool:
    """Whether all micro-batches have this weight."""
    return all(
        abs(weight - scale) < CLOSE * max(1.0, abs(scale)) for weights in fit.weights for weight in weights
    )


def some_parameters(evidence: GradientEvidence) -> Failure | None:
    """Only a few parameters of a stage have a wrong gradient."""
    if not all(0 < len(m.wrong) <= m.parameters / 2 for m in evidence.mismatches):
        return None
    first = evidence.mismatches[0]
    several = len(evidence.pipelines) > 1
    return Failure(
        f"In step {evidence.step} the gradient of {_ranks(evidence.mismatches)} is right in most parameters: on rank {first.rank} "
        f"{len(first.wrong)} of {first.parameters} have another one than the same batch in one process, first {first.wrong[0]}.",
        "the right gradient in every parameter" + ", reduced over both pipelines" * several,
        "reduce the gradients of all of net.parameters(), none left out."
        if several
        else "look at what is done to the gradient of this parameter alone.",
    )


def unexplained(evidence: GradientEvidence) -> Failure:
    """Nothing but how far the gradients are off."""
    worst = max(evidence.mismatches, key=lambda mismatch: mismatch.difference)
    return Failure(
        f"The gradient of {_ranks(evidence.mismatches)} in step {evidence.step} differs from that of the same batch trained in one "
        f"process by {worst.difference:.0%} of its length, most in {worst.parameter} of rank {worst.rank}.",
        "in every step the gradient of the mean loss over the whole batch, on every rank",
        "train the three stages on one micro-batch in one process, and compare activations and gradients stage by stage.",
    )


# --- what several diagnoses use -------------------------------------------------------------------------------


def at(line: SourceLine | None) -> str:
    """The line, after a space; nothing for a call that no line of the student's made, as in a thread pool."""
    return f" {line}" if line else ""


def changed_between_steps(rank: RankReport) -> int | None:
    """The first step after which a rank's parameters were changed before the next one."""
    for step, following in pairwise(optimizer_steps(rank)):
        if is_finite(step.after) and is_finite(following.before) and step.after != following.before:
            return step.number
    return None


def is_finite(contents: Contents | None) -> bool:
    """Whether tensors can be compared: NaN equals nothing, not even itself."""
    return contents is not None and all(norm is None or math.isfinite(norm) for norm in contents.norms)


def _tokens(rank: RankReport, places: Sequence[str], step: int) -> list[Tokens]:
    return [event for event in rank.of(Tokens) if event.place in places and event.step == step]


def _ranks(mismatches: Sequence[Mismatch]) -> str:
    numbers = sorted(mismatch.rank for mismatch in mismatches)
    return f"rank{'s' * (len(numbers) > 1)} {_list(numbers)}"


def _list(numbers: Sequence[object]) -> str:
    texts = [str(number) for number in numbers]
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"


def _plural(count: int) -> str:
    return "one" if count == 1 else str(count)


def explaining(diagnose: Diagnosis[GradientEvidence]) -> Diagnosis[GradientEvidence]:
    """The diagnosis where weights explain the gradients of all ranks, and no other."""

    @wraps(diagnose)
    def explained(evidence: GradientEvidence) -> Failure | None:
        return diagnose(evidence) if all(fit.explains for fit in evidence.fits) else None

    return explained


WEIGHTS: tuple[Diagnosis[GradientEvidence], ...] = (
    zeros_sent,
    no_gradient,
    kept_gradients,
    cleared_between,
    only_last,
    not_reduced,
    wrong_scale,
    scales_by_rank,
    composition,
)

DIAGNOSES: tuple[Diagnosis[GradientEvidence], ...] = (
    half_filled,
    unwaited_reduction,
    reduced_to_one,
    not_finite,
    unequal_replicas,
    some_parameters,
    *map(explaining, WEIGHTS),
    other_targets,
    misdirected,
    different_data,
    altered_buffer,
    other_order,
    stray_gradient,
    swapped_targets,
    *WEIGHTS,
    reused_buffer,
    unexplained,
)
