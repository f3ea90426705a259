"""The reference is the plain thing: the gradient of the mean loss over all sequences."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from lab_1_parallelism.losses import causalLLMLoss
from public_tests.part_b.one_process import (
    MicroBatch,
    Sizes,
    leave_gradients,
    load_stages,
    seeded_stages,
    summarize,
    train,
)

SIZES = Sizes(vocab_size=40, dmodel=16, num_heads=2, layers_per_stage=(1, 1, 1), ctx_size=12)


@pytest.fixture
def tokens() -> Tensor:
    return torch.randint(40, (6, 12), generator=torch.Generator().manual_seed(1))


def gradients(stages: list[nn.Module]) -> list[Tensor | None]:
    return [parameter.grad for stage in stages for parameter in stage.parameters()]


def whole_batch_gradients(tokens: Tensor) -> list[Tensor | None]:
    stages = seeded_stages(SIZES)
    torch.autograd.backward(causalLLMLoss(nn.Sequential(*stages)(tokens), tokens, 40))
    return gradients(stages)


def close(left: list[Tensor | None], right: list[Tensor | None]) -> bool:
    return all(
        a is not None and b is not None and torch.allclose(a, b, rtol=1e-4, atol=1e-7)
        for a, b in zip(left, right, strict=True)
    )


@pytest.mark.parametrize(
    "cut",
    [
        lambda tokens: [[MicroBatch(tokens)]],
        lambda tokens: [[MicroBatch(one) for one in tokens.chunk(3)]],
        lambda tokens: [[MicroBatch(one) for one in tokens.split([1, 2, 3])]],
        lambda tokens: [[MicroBatch(one) for one in half.chunk(3)] for half in tokens.chunk(2)],
    ],
    ids=["whole", "micro-batches", "unequal", "two-pipelines"],
)
def test_the_gradient_is_that_of_the_whole_batch(
    tokens: Tensor, cut: Callable[[Tensor], list[list[MicroBatch]]]
) -> None:
    stages = seeded_stages(SIZES)
    losses = leave_gradients(stages, cut(tokens))
    assert close(gradients(stages), whole_batch_gradients(tokens))
    whole = causalLLMLoss(nn.Sequential(*stages)(tokens), tokens, 40).item()
    assert sum(losses) / len(losses) == pytest.approx(whole)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda tokens: [MicroBatch(one) for one in tokens.chunk(3)][-1:],
        lambda tokens: [MicroBatch(tokens, tokens.flip(0))],
        lambda tokens: [MicroBatch(tokens.flip(1))],
    ],
    ids=["last-only", "other-targets", "other-tokens"],
)
def test_a_mistake_gives_other_gradients(tokens: Tensor, wrong: Callable[[Tensor], list[MicroBatch]]) -> None:
    stages = seeded_stages(SIZES)
    leave_gradients(stages, [wrong(tokens)])
    assert not close(gradients(stages), whole_batch_gradients(tokens))


def test_each_step_says_what_happened(tokens: Tensor) -> None:
    stages = seeded_stages(SIZES)
    before = stages[2].state_dict()["lm_head.weight"].clone()
    (step,) = train(stages, [[[MicroBatch(tokens)]]], learning_rate=0.1)
    head = stages[2].get_parameter("lm_head.weight")
    assert head.grad is not None
    assert step.stages[2].gradients["lm_head.weight"] == summarize(head.grad)
    assert step.stages[2].parameters["lm_head.weight"] == summarize(head)
    assert (head - before).abs().max().item() == pytest.approx(0.1, rel=1e-3)  # Adam's first step is the rate
    assert [set(stage.gradients) for stage in step.stages] == [
        set(dict(s.named_parameters())) for s in stages
    ]


@pytest.mark.parametrize(
    "rename", [lambda name, _: name, lambda _, index: f"parameter {index}"], ids=["by-name", "by-order"]
)
def test_a_run_can_start_from_given_parameters(rename: Callable[[str, int], str]) -> None:
    initial = [
        {rename(name, index): value for index, (name, value) in enumerate(stage.named_parameters())}
        for stage in seeded_stages(SIZES, seed=9)
    ]
    for stage, given in zip(load_stages(SIZES, initial), initial, strict=True):
        assert all(map(torch.equal, stage.parameters(), given.values()))


@pytest.mark.parametrize(
    ("sizes", "seen"),
    [
        (Sizes(40, dmodel=32, num_heads=2, layers_per_stage=(1, 1, 1)), r"\[40, 32\]"),
        (Sizes(40, dmodel=16, num_heads=2, layers_per_stage=(2, 1, 1)), "layers.1"),
    ],
    ids=["width", "depth"],
)
def test_parameters_of_another_size_are_refused(sizes: Sizes, seen: str) -> None:
    initial = [dict(stage.named_parameters()) for stage in seeded_stages(sizes)]
    with pytest.raises(ValueError, match=rf"stage 0 .*{seen}.* make "):
        load_stages(SIZES, initial)


@pytest.mark.parametrize(
    ("count", "samples"), [(3, [0, 1, 2]), (8, list(range(8))), (71, [0, 10, 20, 30, 40, 50, 60, 70])]
)
def test_samples_run_from_the_first_element_to_the_last(count: int, samples: list[float]) -> None:
    assert summarize(torch.arange(count, dtype=torch.float32)).samples == samples
