"""Stages that hand on instead of computing: as many tensors, of the same shapes, and a gradient for each parameter."""

from __future__ import annotations

import pytest
import torch

from lab_1_parallelism import thin
from lab_1_parallelism.llama import LLamaFirstStage, LLamaLastStage, LLamaStage
from lab_1_parallelism.losses import causalLLMLoss

SIZES = {"dmodel": 12, "num_heads": 2, "n_layers": 2, "ctx_size": 8}


@pytest.fixture
def stages() -> list[torch.nn.Module]:
    torch.manual_seed(0)
    return [LLamaFirstStage(50, **SIZES), LLamaStage(**SIZES), LLamaLastStage(50, **SIZES)]


def run(stages: list[torch.nn.Module]) -> list[torch.Tensor]:
    """A forward and a backward pass; what each stage made of it."""
    tokens = torch.arange(16).reshape(2, 8)
    made = [tokens]
    for stage in stages:
        made.append(stage(made[-1]))
    causalLLMLoss(made[-1], tokens, 50).backward()
    return made[1:]


def test_shapes_are_those_of_stages_that_compute(stages, monkeypatch):
    whole = [each.shape for each in run(stages)]
    monkeypatch.setattr(thin, "WANTED", True)
    assert [each.shape for each in run(stages)] == whole


def test_every_parameter_has_a_gradient(stages, monkeypatch):
    monkeypatch.setattr(thin, "WANTED", True)
    run(stages)
    for stage in stages:
        assert all(parameter.grad is not None and parameter.grad.any() for parameter in stage.parameters())


def test_layers_do_not_compute(stages, monkeypatch):
    monkeypatch.setattr(thin, "WANTED", True)
    monkeypatch.setattr(
        "lab_1_parallelism.transformer.Layer.forward", lambda *_: pytest.fail("a layer computed")
    )
    run(stages)
