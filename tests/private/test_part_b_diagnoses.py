"""Diagnoses of wrong gradients are functions of plain data: of weights, and of what ranks recorded."""

from __future__ import annotations

from dataclasses import replace
from math import nan

import pytest

from grader import Failure, explain
from launch.events import Backward, Content, Forward, Gradient, Step, Tokens, ZeroGrad
from launch.run_report import RankReport, RankState
from public_tests.part_b.comparison import Fit, Mismatch, OtherTargets, count_layers
from public_tests.part_b.contract import read_contract
from public_tests.part_b.diagnoses import DIAGNOSES, GradientEvidence

ONE, TWO = ((0, 1, 2),), ((0, 1, 2), (3, 4, 5))


def ranks(events: dict[int, list] | None = None, count: int = 3) -> dict[int, RankReport]:
    found = events or {}
    return {
        number: RankReport(number, RankState.ENDED, "ended", events=tuple(found.get(number, ())))
        for number in range(count)
    }


def evidence(
    *weights: tuple[float, ...], events=None, wrong=None, previous=0.0, residual=0.0, difference=0.5, step=1
) -> GradientEvidence:
    """Every rank's gradient, or that of the `wrong` ones, with these weights of its micro-batches; one tuple per pipeline."""
    pipelines = ONE if len(weights) == 1 else TWO
    found = ranks(events, 3 * len(pipelines))
    mismatches = []
    for pipeline, members in enumerate(pipelines):
        for stage, rank in enumerate(members):
            if wrong is None or rank in wrong:
                # The first tuple is of the rank's own pipeline, the second of the other one.
                own = weights if pipeline == 0 else weights[::-1]
                mismatches.append(
                    Mismatch(
                        rank,
                        pipeline,
                        stage,
                        step,
                        difference,
                        "layers.0.weight",
                        Fit(own, previous, residual),
                    )
                )
    return GradientEvidence(read_contract("B1"), pipelines, found, tuple(mismatches))


def seen(found: GradientEvidence) -> str:
    """The first sentence's part of the explanation: what was seen."""
    with pytest.raises(Failure) as caught:
        explain(found, DIAGNOSES)
    return caught.value.seen


THRICE = (3.0, 3.0, 3.0)
RIGHT = (1.0, 1.0, 1.0)
NONE = (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (
            evidence(THRICE),
            "all ranks is 3 times that of the whole batch. The loss is not divided by the 3 micro-batches",
        ),
        (evidence((1 / 3,) * 3), "by the number of micro-batches twice, or by the number of ranks"),
        (evidence((1.7,) * 3), "1.7 times that of the whole batch"),
        (evidence(NONE, wrong=(0,)), "The gradient of rank 0 in step 1 is zero"),
        (evidence((0.0, 0.0, 1.0)), "there is only micro-batch 2, the last one, of 3"),
        (evidence((1.0, 0.0, 1.0)), "only the micro-batches 0 and 2 of 3"),
        (
            evidence(RIGHT, previous=1.0, step=2),
            "still contains that of step 1, and zero_grad() was not called",
        ),
        (evidence((2.0, 2.0, 2.0), (2.0, 2.0, 2.0)), "added up, not averaged"),
        (evidence((0.5,) * 3, (0.5,) * 3), "divided by the 2 pipelines twice"),
        (
            evidence((6.0,) * 3, (6.0,) * 3),
            "Neither the loss is divided by the 3 micro-batches nor the sum by the 2 pipelines",
        ),
        (
            evidence((2.0, 2.0, 2.0), NONE),
            "that of its own pipeline alone: gradients are reduced in no stage",
        ),
        (evidence((2.0, 2.0, 2.0), NONE, wrong=(1, 4)), "not in stage 1"),
        (
            evidence((1.0, 2.0, 2.0), (1.0, 0.0, 0.0)),
            "rank 0 is made of 1 times that of micro-batch 0 of pipeline 0, 2 times that of micro-batch 1 of pipeline 0",
        ),
        (
            evidence((1.0, 2.0, 1.0)),
            "1 times that of micro-batch 0, 2 times that of micro-batch 1 and 1 times",
        ),
        (
            evidence((0.3, 2.0, -1.0), residual=0.6),
            "differs from that of the same batch trained in one process by 50%",
        ),
        (
            evidence((nan, nan, nan), residual=nan, difference=nan, wrong=(1,)),
            "The gradient of rank 1 in step 1 is not finite",
        ),
    ],
)
def test_weights_tell_the_mistake(found: GradientEvidence, says: str) -> None:
    assert says in seen(found)


def test_a_scale_of_each_rank_s_own_is_told() -> None:
    """As after clip_grad_norm_, which each rank calls on its own stage."""
    found = evidence(THRICE)
    scaled = [
        replace(m, fit=Fit(((scale,) * 3,), 0.0, 0.0))
        for m, scale in zip(found.mismatches, (0.5, 0.25, 0.4), strict=True)
    ]
    said = seen(replace(found, mismatches=tuple(scaled)))
    assert "that of the whole batch times 0.5 on rank 0, 0.25 on rank 1, 0.4 on rank 2" in said


@pytest.mark.parametrize(
    ("shift", "to_the_end", "weights", "says"),
    [
        (0, True, RIGHT, "is that of a loss which compares the prediction at each position with the token at that same position"),
        (0, True, THRICE, "is 3 times that of a loss which compares"),
        (2, False, RIGHT, "with the token 2 positions on"),
        (-1, False, RIGHT, "with the token before it"),
        (1, True, RIGHT, "compares the prediction at the last position, too, with another token"),
        (1, False, RIGHT, "differs from that of the same batch"),
    ],
)  # fmt: skip
def test_a_loss_that_compares_with_other_tokens(
    shift: int, to_the_end: bool, weights: tuple[float, ...], says: str
) -> None:
    other = OtherTargets(shift, Fit((weights,), 0.0, 0.0), to_the_end)
    found = evidence((0.3, 0.4, 0.4), residual=0.9)
    told = [replace(mismatch, other_targets=other) for mismatch in found.mismatches]
    assert says in seen(replace(found, mismatches=tuple(told)))
    assert "compares" not in seen(replace(found, mismatches=(*told[:-1], found.mismatches[-1])))


def test_a_scale_that_explains_nothing_is_not_told() -> None:
    assert "times" not in seen(evidence(THRICE, residual=0.5))


def backward(micro_batch: int, at: float) -> Backward:
    return Backward(at, step=1, start=at, end=at + 0.1, thread=0, micro_batches=(micro_batch,))


def test_zeros_that_came_back_are_told_from_passes_that_were_not_made() -> None:
    zeros = Gradient(t=1.0, place="output", micro_batch=0, step=1, content=content(0.0, 0.0))
    said = seen(evidence(NONE, wrong=(0,), events={0: [zeros]}))
    assert "rank 0 goes backward with gradients that are zero, as rank 1 sent them" in said


def test_zero_grad_between_micro_batches_is_told_from_a_lost_micro_batch() -> None:
    events = {0: [backward(0, 1.0), ZeroGrad(1.5, "optimizer", True, 1), backward(1, 2.0)]}
    found = evidence((0.0, 0.0, 1.0), events=events, wrong=(0,))
    assert "between the micro-batches of step 1" in seen(found)


def read(micro_batch: int, story: tuple[int, ...]) -> Tokens:
    return Tokens(1.0, "input", 1, (1, 8), sum(story), story, micro_batch=micro_batch)


def compared(micro_batch: int, story: tuple[int, ...]) -> Tokens:
    """The loss drops the first token."""
    return Tokens(2.0, "target", 1, (7,), sum(story), story[1:], micro_batch=micro_batch)


STORY, OTHER = (1, 2, 3, 4, 5, 6, 7, 8), (9, 10, 11, 12, 13, 14, 15, 16)


def test_different_data_in_first_and_last_stage() -> None:
    events = {0: [read(0, STORY)], 2: [compared(0, OTHER)]}
    said = seen(evidence(RIGHT, residual=0.5, events=events))
    assert "reads 2, 3, 4 and 5 …" in said
    assert "its first one is compared with 10, 11, 12 and 13 …" in said


def test_a_whole_batch_and_one_story_of_it_are_not_compared() -> None:
    whole = Tokens(1.0, "input", 1, (2, 8), 7, STORY, micro_batch=0)
    events = {0: [whole], 2: [compared(0, OTHER)]}
    assert "reads" not in seen(evidence(RIGHT, residual=0.5, events=events))


def test_tokens_that_were_noted_without_their_beginning_are_not_compared() -> None:
    events = {0: [read(0, ())], 2: [compared(0, OTHER)]}
    assert "reads" not in seen(evidence(RIGHT, residual=0.5, events=events))


def test_targets_in_another_order() -> None:
    # Micro-batches keep their numbers from stage to stage, as their contents show.
    passes = {rank: [forward(0, rank), forward(1, rank)] for rank in range(3)}
    events = {
        0: [read(0, STORY), read(1, OTHER), *passes[0]],
        1: passes[1],
        2: [compared(0, OTHER), compared(1, STORY), *passes[2]],
    }
    said = seen(evidence(RIGHT, residual=0.5, events=events))
    assert "compares its prediction for micro-batch 0 with the tokens of micro-batch 1" in said
    assert "compares" not in seen(evidence(THRICE, events=events))  # numbers come first


def content(*values: float) -> Content:
    return Content(sum(values), values, tuple(sorted(map(hash, values))))


def forward(micro_batch: int, rank: int, number: int | None = None) -> Forward:
    """The pass of a rank whose output is the next rank's input; `number` tells it from other micro-batches."""
    number = micro_batch if number is None else number
    given, made = (content(place, number, 1.0) for place in (rank, rank + 1))
    return Forward(1.0, "Stage", micro_batch, 1, 0.9, 1.0, 0, gradients=True, input=given, output=made)


def gradient(place: str, micro_batch: int, *values: float) -> Gradient:
    return Gradient(2.0, place, micro_batch, 1, content(*values))


def test_a_gradient_used_for_another_micro_batch() -> None:
    """The next stage took the micro-batches in the opposite order, and so numbers them the other way round."""
    events = {
        0: [forward(0, 0), forward(1, 0), gradient("output", 0, 5.0, 6.0), gradient("output", 1, 7.0, 9.0)],
        1: [
            forward(0, 1, 1),
            forward(1, 1, 0),
            gradient("input", 0, 5.0, 6.0),
            gradient("input", 1, 7.0, 9.0),
        ],
    }
    said = seen(evidence(RIGHT, residual=0.5, events=events))
    assert (
        "rank 0 goes backward through micro-batch 0 with the gradient that rank 1 computed for micro-batch 1"
        in said
    )


@pytest.mark.parametrize(
    ("used", "says"),
    [
        ((2.0, 2.5), "with a tensor that is the gradient of none of rank 1's inputs."),
        ((1.0, 0.0, 1.0), "rank 1's inputs: it is such an input itself, as rank 0 had sent it"),
    ],
)
def test_a_tensor_that_is_no_gradient(used: tuple[float, ...], says: str) -> None:
    events = {
        0: [forward(0, 0), gradient("output", 0, *used)],
        1: [forward(0, 1), gradient("input", 0, 5.0, 6.0)],
    }
    said = seen(evidence(RIGHT, residual=0.5, events=events))
    assert "rank 0 goes backward through micro-batch 0" in said
    assert says in said + "."


def test_zero_grad_before_the_step_is_told_with_its_line() -> None:
    events = {0: [backward(0, 1.0), ZeroGrad(2.5, "optimizer", True, 1)]}
    said = seen(evidence(NONE, events=events))
    assert "is zero: rank 0 calls zero_grad() after its last backward pass" in said


def test_last_in_first_out_is_no_mixup() -> None:
    """What belongs together is known from content, whatever the order and the tags."""
    events = {
        0: [forward(0, 0), forward(1, 0), gradient("output", 1, 5.0, 6.0), gradient("output", 0, 7.0, 9.0)],
        1: [
            forward(0, 1, 1),
            forward(1, 1, 0),
            gradient("input", 0, 5.0, 6.0),
            gradient("input", 1, 7.0, 9.0),
        ],
    }
    assert "goes backward" not in seen(evidence(RIGHT, residual=0.5, events=events))


def test_weights_changed_between_steps() -> None:
    from launch.events import Contents

    one, other = (Contents((norm,), ((norm,),)) for norm in (1.0, 2.0))
    steps = [
        Step(1.0, 1, 1, 0.9, 1.0, 0, before=one, after=one),
        Step(2.0, 1, 2, 1.9, 2.0, 0, before=other, after=other),
    ]
    found = evidence((2.0, 2.0, 2.0), NONE, events={0: steps})
    assert "weights are averaged" in seen(found)


def test_layers_are_counted_by_their_square_matrices() -> None:
    layer = [(24, 24)] * 4 + [(96, 24), (96, 24), (24, 96), (24,), (24,)]
    assert count_layers([(1000, 24), *layer, *layer, (1000, 24)]) == 2
