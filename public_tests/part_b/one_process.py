"""The yardstick for part B: the same stages on the same micro-batches, in one process, with nothing sent.

Contract
- The caller brings what a run really started from and really read: each stage's initial parameters
  (`load_stages`), or a seed where those are known to come from one (`seeded_stages`), and the tokens of every
  micro-batch of every step. So the reference makes no guess about a script's seed, order or amount of data.
- A step's gradient is that of the mean loss over all sequences of a pipeline's batch, averaged over
  pipelines. Micro-batches may differ in size; each counts by its number of sequences.
- `train` yields one `ReferenceStep` per step. Until the next is asked for, `stage.parameters()` of the stages passed
  in hold the parameters after the step and, in `.grad`, its gradients, whole.
- Replicas of a stage are one stage here: with a correct all-reduce they never differ.
- With the same number of threads (`torch.set_num_threads`) the operations are those of a correct pipeline in
  the same order, so results agree to the last bit or nearly; 1e-5 relative leaves room for other orders of
  addition, not for a mistake.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lab_1_parallelism.llama import LLamaFirstStage, LLamaLastStage, LLamaStage
from lab_1_parallelism.losses import causalLLMLoss

SAMPLES = 8  # elements kept of each tensor


@dataclass(frozen=True)
class Sizes:
    """What a pipeline is built with; the defaults are the homework's."""

    vocab_size: int
    dmodel: int = 288
    num_heads: int = 6
    layers_per_stage: tuple[int, ...] = (2, 2, 2)
    ctx_size: int = 256
    hidden_dim: int | None = None
    norm_eps: float = 1e-6


class MicroBatch(NamedTuple):
    """int64 tokens `(sequences, length)` into the first stage; targets of the last one, if they differed.

    aligned: in place of these, the target of each position itself, for a loss that shifts otherwise; -100 for none
    """

    tokens: Tensor
    targets: Tensor | None = None
    aligned: Tensor | None = None


class Summary(NamedTuple):
    """A tensor's Euclidean norm and its elements number `i * (n - 1) // 7` for i = 0 … 7, or all if n <=
    8."""

    norm: float
    samples: list[float]


@dataclass(frozen=True)
class StageStep:
    """One stage in one step, by parameter name: gradients before, parameters after the optimizer step."""

    gradients: dict[str, Summary]
    parameters: dict[str, Summary]


@dataclass(frozen=True)
class ReferenceStep:
    """One step: the loss of each pipeline's batch and what happened in each stage."""

    losses: list[float]
    stages: list[StageStep]


def seeded_stages(sizes: Sizes, seed: int = 0) -> list[nn.Module]:
    """The stages as the ranks of a run build them: each in a process of its own that has just seeded."""
    stages = []
    for index in range(len(sizes.layers_per_stage)):
        torch.manual_seed(seed)
        stages.append(_stage(sizes, index))
    return stages


def load_stages(sizes: Sizes, initial: Sequence[Mapping[str, Tensor]]) -> list[nn.Module]:
    """The stages with given parameters, copied.

    initial: for each stage its parameters by name. Where names are not those of the stage, as with a stage
    that a script wrapped, the order must be that of `stage.parameters()`.

    Raises ValueError if number or shapes do not fit.
    """
    return [_loaded(_stage(sizes, index), f"stage {index}", values) for index, values in enumerate(initial)]


def train(
    stages: Sequence[nn.Module],
    steps: Iterable[Sequence[Sequence[MicroBatch]]],
    learning_rate: float = 8e-4,
) -> Iterator[ReferenceStep]:
    """Train with Adam in place; each step comes as `[pipeline][micro-batch]`."""
    optimizers = [torch.optim.Adam(stage.parameters(), lr=learning_rate) for stage in stages]
    for pipelines in steps:
        losses = leave_gradients(stages, pipelines)
        gradients = [_summaries(stage, gradient=True) for stage in stages]
        for optimizer in optimizers:
            optimizer.step()
        parameters = [_summaries(stage, gradient=False) for stage in stages]
        yield ReferenceStep(losses, [StageStep(*both) for both in zip(gradients, parameters, strict=True)])


def leave_gradients(stages: Sequence[nn.Module], pipelines: Sequence[Sequence[MicroBatch]]) -> list[float]:
    """Leave the mean gradient of the pipelines' batches in `.grad`; return the loss of each."""
    parameters = [parameter for stage in stages for parameter in stage.parameters()]
    means = [torch.zeros_like(parameter) for parameter in parameters]
    losses = []
    for micro_batches in pipelines:
        for parameter in parameters:
            parameter.grad = None
        sequences = sum(len(micro_batch.tokens) for micro_batch in micro_batches)
        losses.append(sum(_backward(stages, one, len(one.tokens) / sequences) for one in micro_batches))
        for mean, parameter in zip(means, parameters, strict=True):
            if parameter.grad is not None:
                mean += parameter.grad
    for mean, parameter in zip(means, parameters, strict=True):
        parameter.grad = mean / len(pipelines)
    return losses


def summarize(tensor: Tensor) -> Summary:
    flat = tensor.detach().reshape(-1)
    last = len(flat) - 1
    picked = range(last + 1) if last < SAMPLES else [i * last // (SAMPLES - 1) for i in range(SAMPLES)]
    return Summary(float(flat.norm()), flat[list(picked)].tolist())


def _stage(sizes: Sizes, index: int) -> nn.Module:
    shape: dict[str, Any] = {
        "dmodel": sizes.dmodel,
        "num_heads": sizes.num_heads,
        "n_layers": sizes.layers_per_stage[index],
        "ctx_size": sizes.ctx_size,
        "hidden_dim": sizes.hidden_dim,
        "norm_eps": sizes.norm_eps,
    }
    if index == 0:
        return LLamaFirstStage(sizes.vocab_size, **shape)
    if index == len(sizes.layers_per_stage) - 1:
        return LLamaLastStage(sizes.vocab_size, **shape)
    return LLamaStage(**shape)


def _loaded(stage: nn.Module, name: str, values: Mapping[str, Tensor]) -> nn.Module:
    own = dict(stage.named_parameters())
    if values.keys() != own.keys() and len(values) == len(own):
        values = dict(zip(own, values.values(), strict=True))
    seen, expected = ({key: list(value.shape) for key, value in part.items()} for part in (values, own))
    if seen != expected:
        raise ValueError(
            f"{name} came with parameters of shapes {seen}, but its sizes make {expected}: build the stage "
            "with these sizes, or pass the sizes it was built with."
        )
    stage.load_state_dict(values)
    return stage


def _backward(stages: Sequence[nn.Module], micro_batch: MicroBatch, weight: float) -> float:
    """Add the gradient of the weighted loss to `.grad`; return that loss."""
    x = micro_batch.tokens
    for stage in stages:
        x = stage(x)
    loss = _loss(x, micro_batch) * weight
    torch.autograd.backward(loss)
    return loss.item()


def _loss(logits: Tensor, micro_batch: MicroBatch) -> Tensor:
    if micro_batch.aligned is not None:
        aligned = micro_batch.aligned.flatten()
        # A number that is no token can only be one that the script's own loss ignores.
        aligned = aligned.masked_fill((aligned < 0) | (aligned >= logits.shape[-1]), -100)
        return F.cross_entropy(logits.flatten(0, 1).float(), aligned)
    targets = micro_batch.tokens if micro_batch.targets is None else micro_batch.targets
    return causalLLMLoss(logits, targets, logits.shape[-1])


def _summaries(stage: nn.Module, gradient: bool) -> dict[str, Summary]:
    values = {name: value.grad if gradient else value for name, value in stage.named_parameters()}
    return {name: summarize(value) for name, value in values.items() if value is not None}
