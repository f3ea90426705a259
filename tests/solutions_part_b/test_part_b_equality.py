"""The pipelines train as the one-process reference does, step by step."""

import re
from collections.abc import Callable
from itertools import islice
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lab_1_parallelism.dataloaders import TinyStories
from lab_1_parallelism.tokenizers import SPTokenizer
from public_tests.part_b.one_process import MicroBatch, ReferenceStep, Sizes, seeded_stages, train
from solutions import b2

STEPS = 20
TOKENIZER = SPTokenizer()
SMALL = {"DMODEL": 24, "NUM_HEADS": 2, "SEQ_L": 16, "LAYERS_PER_STAGE": 1}
SIZES = Sizes(TOKENIZER.vocab_size, dmodel=24, num_heads=2, ctx_size=16, layers_per_stage=(1, 1, 1))


@pytest.fixture(autouse=True)
def grammar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_STORIES", "grammar")


def reference(pipelines: int) -> tuple[list[nn.Module], Any]:
    """Stages, and the steps that train them on what each pipeline reads."""
    loaders = [
        islice(TinyStories(TOKENIZER, batch_size=3, seq_l=16, skip=index * b2.STORIES_PER_PIPELINE), STEPS)
        for index in range(pipelines)
    ]
    batches = (
        [[MicroBatch(one) for one in batch.chunk(3)] for batch in step] for step in zip(*loaders, strict=True)
    )
    stages = seeded_stages(SIZES, seed=0)
    return stages, train(stages, batches)


def assert_close(seen: list[Tensor], expected: list[Tensor | None], what: str) -> None:
    for index, (left, right) in enumerate(zip(seen, expected, strict=True)):
        assert right is not None
        error = ((left - right).norm() / right.norm()).item()
        assert error <= 1e-5, f"{what} of parameter {index} is off by {error:.1e}"


def assert_ranks_follow(ranks: list[Any], pipelines: int) -> list[ReferenceStep]:
    assert [rank.exit_status for rank in ranks] == [0] * len(ranks), [rank.output for rank in ranks]
    stages, steps = reference(pipelines)
    done = []
    for number, step in enumerate(steps):
        for rank, worker in enumerate(ranks):
            parameters = list(stages[rank % 3].parameters())
            where = f"at step {number} on rank {rank}"
            recorded = worker.steps[number]
            assert_close(recorded["gradients"], [each.grad for each in parameters], f"the gradient {where}")
            assert_close(recorded["parameters"], [each.detach() for each in parameters], f"the value {where}")
        done.append(step)
    assert len(done) == STEPS == len(ranks[0].steps)
    return done


def printed_losses(output: str) -> list[float]:
    return [float(loss) for loss in re.findall(r"^step \d+.* loss ([\d.]+)$", output, re.MULTILINE)]


@pytest.mark.parametrize("schedule", ["gpipe", "1f1b"])
def test_b1_trains_as_one_process(run_ranks: Callable[..., Any], schedule: str) -> None:
    ranks = run_ranks(
        3, STEPS, module="solutions.b1", constants=SMALL, arguments=("--schedule", schedule), record=True
    )
    steps = assert_ranks_follow(ranks, pipelines=1)
    assert printed_losses(ranks[2].output) == pytest.approx([step.losses[0] for step in steps], abs=6e-5)


def test_b2_trains_as_one_process(run_ranks: Callable[..., Any]) -> None:
    ranks = run_ranks(6, STEPS, module="solutions.b2", constants=SMALL, record=True)
    steps = assert_ranks_follow(ranks, pipelines=2)
    for pipeline, rank in ((0, 2), (1, 5)):
        expected = [step.losses[pipeline] for step in steps]
        assert printed_losses(ranks[rank].output) == pytest.approx(expected, abs=6e-5)


def test_replicas_of_a_stage_stay_equal_to_the_last_bit(run_ranks: Callable[..., Any]) -> None:
    ranks = run_ranks(6, 3, module="solutions.b2", constants=SMALL, record=True)
    for stage in range(3):
        for left, right in zip(ranks[stage].steps, ranks[stage + 3].steps, strict=True):
            assert all(map(torch.equal, left["parameters"], right["parameters"]))
