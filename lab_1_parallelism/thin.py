"""Stages without their arithmetic, to see in minutes whether a script makes all of its steps.

With LAB_THIN=1 in the environment, layers and the output matrix keep their parameters, and every tensor keeps its shape,
but a forward pass hands on what came in, and a backward pass leaves in each parameter one number derived from what came
back. Messages, groups, optimizer steps and losses are as many and as large as ever; what is learned means nothing.
"""

import os
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["WANTED", "hand_on"]

WANTED = os.environ.get("LAB_THIN") == "1"


class _HandOn(torch.autograd.Function):
    """y = x * (1 + the mean of the parameters' first elements), differentiated as if each had this element only."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, *parameters: Tensor) -> Tensor:
        factor = 1 + sum(parameter.view(-1)[0] for parameter in parameters) / max(len(parameters), 1)
        ctx.save_for_backward(x, *parameters)
        ctx.factor = factor
        return x * factor

    @staticmethod
    def backward(ctx: Any, *incoming: Tensor) -> tuple[Tensor, ...]:
        x, *parameters = ctx.saved_tensors
        share = (incoming[0] * x).mean() / max(len(parameters), 1)
        return incoming[0] * ctx.factor, *(share.expand_as(parameter) for parameter in parameters)


def hand_on(x: Tensor, parameters: Iterable[nn.Parameter]) -> Tensor:
    """x, of the same shape, with a gradient for x and for each of the parameters."""
    handed_on: Tensor = _HandOn.apply(x, *parameters)
    return handed_on
