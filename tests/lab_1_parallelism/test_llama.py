"""Stages and whole model: one computation, however it is cut."""

import importlib
import inspect
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lab_1_parallelism.llama import (
    CausalLLama,
    LLama,
    LLamaFirstStage,
    LLamaLastStage,
    LLamaStage,
    whole_model_name,
)
from lab_1_parallelism.losses import causalLLMLoss, perplexityLoss

VOCAB_SIZE = 50
SHAPE: dict[str, Any] = {"dmodel": 24, "num_heads": 2, "ctx_size": 16}


def build_stages(seed: int | None = None) -> list[nn.Module]:
    """Three stages of two layers; given a seed, seeded anew before each, as the ranks of a pipeline do."""
    stages: list[nn.Module] = []
    for build in (
        lambda: LLamaFirstStage(VOCAB_SIZE, **SHAPE, n_layers=2),
        lambda: LLamaStage(**SHAPE, n_layers=2),
        lambda: LLamaLastStage(VOCAB_SIZE, **SHAPE, n_layers=2),
    ):
        if seed is not None:
            torch.manual_seed(seed)
        stages.append(build())
    return stages


def build_whole() -> LLama:
    return LLama(CausalLLama, VOCAB_SIZE, **SHAPE, n_layers=6)


def whole_names(stages: list[nn.Module]) -> list[dict[str, str]]:
    """For each stage, its parameters' names and what the whole model calls them."""
    return [
        {name: whole_model_name(name, 2 * index) for name, _ in stage.named_parameters()}
        for index, stage in enumerate(stages)
    ]


def chain(stages: list[nn.Module], tokens: Tensor) -> Tensor:
    first: Any = stages[0]
    x: Tensor = first.embed(tokens)
    for stage in stages[1:]:
        x = stage(x)
    return x


@pytest.fixture
def tokens() -> Tensor:
    return torch.randint(VOCAB_SIZE, (3, 16), generator=torch.Generator().manual_seed(5))


def test_stages_built_in_order_after_one_seed_are_the_whole_model(tokens: Tensor) -> None:
    torch.manual_seed(0)
    stages = build_stages()
    torch.manual_seed(0)
    assert torch.equal(chain(stages, tokens), build_whole()(tokens))


def test_stages_seeded_apart_become_the_whole_model_by_copying(tokens: Tensor) -> None:
    stages, whole = build_stages(seed=0), build_whole()
    assert not torch.equal(chain(stages, tokens), whole(tokens))
    for stage, names in zip(stages, whole_names(stages), strict=True):
        stage.load_state_dict({name: whole.state_dict()[whole_name] for name, whole_name in names.items()})
    assert torch.equal(chain(stages, tokens), whole(tokens))


def test_gradients_of_stages_are_those_of_the_whole_model(tokens: Tensor) -> None:
    torch.manual_seed(0)
    stages = build_stages()
    torch.manual_seed(0)
    whole = build_whole()
    for logits in (chain(stages, tokens), whole(tokens)):
        torch.autograd.backward(causalLLMLoss(logits, tokens, VOCAB_SIZE))
    expected = {name: parameter.grad for name, parameter in whole.named_parameters()}
    for stage, names in zip(stages, whole_names(stages), strict=True):
        for name, parameter in stage.named_parameters():
            gradient, other = parameter.grad, expected[names[name]]
            assert gradient is not None
            assert other is not None
            assert torch.equal(gradient, other), name


def test_every_parameter_of_the_whole_model_is_in_exactly_one_stage() -> None:
    names = [whole_name for names in whole_names(build_stages()) for whole_name in names.values()]
    assert sorted(names) == sorted(name for name, _ in build_whole().named_parameters())


def test_replicas_of_a_stage_seeded_alike_are_equal() -> None:
    for first, second in zip(build_stages(seed=3), build_stages(seed=3), strict=True):
        for left, right in zip(first.parameters(), second.parameters(), strict=True):
            assert torch.equal(left, right)


def test_a_token_sees_only_those_before_it(tokens: Tensor) -> None:
    whole, changed = build_whole(), tokens.clone()
    changed[:, 10] = (changed[:, 10] + 1) % VOCAB_SIZE
    before, after = whole(tokens), whole(changed)
    assert torch.equal(before[:, :10], after[:, :10])
    assert not torch.allclose(before[:, 10:], after[:, 10:])


def test_order_matters(tokens: Tensor) -> None:
    """Without rotary positions the last token would see a set, in which swapping two others does nothing."""
    whole, swapped = build_whole(), tokens.clone()
    swapped[:, [3, 7]] = swapped[:, [7, 3]]
    assert not torch.allclose(whole(tokens)[:, -1], whole(swapped)[:, -1], atol=1e-5)


def test_the_vector_of_the_padding_token_is_zero() -> None:
    stage = LLamaFirstStage(VOCAB_SIZE, **SHAPE, n_layers=0, padding_idx=4)
    assert not stage.embed(torch.tensor([[4]])).any()


def test_heads_that_do_not_divide_the_width_are_refused() -> None:
    with pytest.raises(ValueError, match=r"dmodel=24 .* num_heads=5.* multiple of 10"):
        LLamaStage(dmodel=24, num_heads=5, n_layers=1, ctx_size=16)


def test_a_sequence_longer_than_the_context_is_refused() -> None:
    with pytest.raises(ValueError, match=r"17 tokens .* ctx_size=16"):
        build_whole()(torch.zeros(1, 17, dtype=torch.int64))


@pytest.mark.parametrize(
    ("module", "name", "parameters"),
    [
        ("llama", "LLamaFirstStage", "vocab_size dmodel num_heads n_layers hidden_dim norm_eps ctx_size"),
        ("llama", "LLamaStage", "dmodel num_heads hidden_dim norm_eps ctx_size n_layers padding_idx device"),
        ("llama", "LLamaLastStage", "vocab_size dmodel num_heads hidden_dim norm_eps ctx_size n_layers"),
        ("llama", "LLama", "mdl_type vocab_size dmodel num_heads hidden_dim norm_eps ctx_size padding_idx"),
        ("llama", "CausalLLama", "vocab_size dmodel num_heads hidden_dim norm_eps ctx_size padding_idx"),
        ("tokenizers", "SPTokenizer", ""),
        ("dataloaders", "TinyStories", "tokenizer streaming batch_size seq_l split num_workers skip"),
        ("losses", "causalLLMLoss", "logits target vocab_size pad_idx"),
        ("losses", "perplexityLoss", "logits target"),
    ],
    ids=lambda value: value if value[:1].isupper() or value.endswith("Loss") else "",
)
def test_names_and_order_of_parameters_that_scripts_rely_on(module: str, name: str, parameters: str) -> None:
    thing = getattr(importlib.import_module(f"lab_1_parallelism.{module}"), name)
    seen = list(inspect.signature(thing).parameters)
    assert seen[: len(parameters.split())] == parameters.split()


def test_perplexity_of_one_sequence_is_e_to_the_power_of_its_loss() -> None:
    torch.manual_seed(0)
    logits, tokens = torch.randn(1, 6, VOCAB_SIZE), torch.randint(VOCAB_SIZE, (1, 6))
    expected = causalLLMLoss(logits, tokens, VOCAB_SIZE).exp()
    torch.testing.assert_close(perplexityLoss(logits, tokens), expected)
