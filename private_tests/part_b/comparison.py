"""A run's gradients beside those of the one-process reference, and what the difference is made of.

The reference starts from the parameters that the ranks started from and reads the tokens that the first stages
read. Where a gradient differs it is written as a weighted sum of the gradients of single micro-batches: the
weights tell a missing scale (3, 3, 3) from a lost micro-batch (0, 1, 1) and a missing reduction (2, 2, 2, 0, 0, 0).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from launch import tensors
from launch.events import Step, Tokens

from .contract import LEARNING_RATE, Contract
from .trial import COMPARED_STEPS, Trial, optimizer_steps

if TYPE_CHECKING:
    from torch import Tensor, nn

    from solutions.part_b_reference import MicroBatch, Sizes

FILE_BYTES = 2_000_000_000
# Correct pipelines agree within 2e-6 (other orders of addition); the smallest mistake in the golden cases is 1e-2.
TOLERANCE = 1e-3
FIT_RESIDUAL = 1e-2  # below: the weights explain the whole difference


@dataclass(frozen=True)
class Fit:
    """A gradient as a weighted sum; right are weights of 1 for every micro-batch and 0 for the step before."""

    weights: tuple[tuple[float, ...], ...]  # for each pipeline, of each micro-batch
    previous: float  # of this rank's gradient in the step before
    residual: float  # what the sum leaves unexplained, as a share of the gradient

    @property
    def explains(self) -> bool:
        return self.residual < FIT_RESIDUAL


@dataclass(frozen=True)
class Mismatch:
    """One rank's gradient in the first step in which any rank's is wrong."""

    rank: int
    pipeline: int
    stage: int
    step: int
    difference: float  # Euclidean, relative to the reference's
    parameter: str  # which differs most
    fit: Fit


@dataclass(frozen=True)
class Drift:
    """A rank's parameters after a step are not those that Adam makes of its own gradients."""

    rank: int
    step: int
    parameter: str


@dataclass(frozen=True)
class Comparison:
    """What the reference says of a run."""

    steps: int = 0  # compared
    worst: float = 0.0  # largest relative difference of the gradients of one rank in one step
    mismatches: tuple[Mismatch, ...] = ()
    drifts: tuple[Drift, ...] = ()
    problem: str = ""  # why nothing could be compared, as a clause
    unequal_starts: tuple[tuple[int, int], ...] = field(default=())  # replicas that begin differently


def compare(trial: Trial) -> Comparison:
    """Compare all steps that every rank made, up to the first that is wrong."""
    try:
        return _compare(trial)
    except (ValueError, OSError) as error:
        return Comparison(problem=str(error).rstrip("."))


def _compare(trial: Trial) -> Comparison:
    import torch

    from solutions import part_b_reference as reference

    torch.set_num_threads(1)
    made = {rank: optimizer_steps(report) for rank, report in trial.ranks.items()}
    count = min(trial.common_steps, COMPARED_STEPS)
    if count == 0:
        return Comparison(problem="not every rank made an optimizer step")
    initial = {rank: _read(trial, steps[0].initial_file) for rank, steps in made.items()}
    unequal = tuple(
        (rank, other)
        for rank, *others in map(trial.replicas, range(len(trial.pipelines[0])))
        for other in others
        if not _equal(initial[rank], initial[other])
    )
    leaders = [initial[rank] for rank in trial.pipelines[0]]
    stages = reference.load_stages(_infer_sizes(leaders, trial.contract), leaders)
    optimizers = [Adam(list(stage.parameters())) for stage in stages]
    own = {rank: Adam([value.clone() for value in values.values()]) for rank, values in initial.items()}
    names = {rank: list(values) for rank, values in initial.items()}
    before: dict[int, list[Tensor]] = {}
    worst, drifts = 0.0, list[Drift]()
    for number in range(1, count + 1):
        batches = [list(_read_micro_batches(trial, ranks[0], number)) for ranks in trial.pipelines]
        reference.leave_gradients(stages, batches)
        gradients = {
            rank: _read_gradients(trial, steps[number - 1], names[rank], initial[rank])
            for rank, steps in made.items()
        }
        drifts += _follow(own, gradients, made, names, number, {drift.rank for drift in drifts})
        differences = {
            (stage, rank): _difference(_gradients_of(stages[stage]), gradients[rank])
            for stage in range(len(stages))
            for rank in trial.replicas(stage)
        }
        worst = max(worst, *(difference for difference, _ in differences.values()))
        if worst > TOLERANCE:
            fits = _fit_all(trial, stages, batches, gradients, before)
            wrong = [
                Mismatch(
                    rank,
                    trial.replicas(stage).index(rank),
                    stage,
                    number,
                    difference,
                    names[rank][index],
                    fits[rank],
                )
                for (stage, rank), (difference, index) in differences.items()
                if difference > TOLERANCE
            ]
            return Comparison(number, worst, tuple(wrong), tuple(drifts), unequal_starts=unequal)
        for stage, optimizer in zip(stages, optimizers, strict=True):
            optimizer.step(_gradients_of(stage))
        before = gradients
    return Comparison(count, worst, (), tuple(drifts), unequal_starts=unequal)


class Adam:
    """Kingma and Ba 2015, "Adam", algorithm 1, in place; torch's own takes seconds to import its compiler."""

    def __init__(self, parameters: list[Tensor]) -> None:
        import torch

        self.parameters = [parameter.detach() for parameter in parameters]
        self._first = [torch.zeros_like(parameter) for parameter in self.parameters]
        self._second = [torch.zeros_like(parameter) for parameter in self.parameters]
        self._steps = 0

    def step(self, gradients: Sequence[Tensor]) -> None:
        self._steps += 1
        scale1, scale2 = 1 - 0.9**self._steps, 1 - 0.999**self._steps
        for value, first, second, gradient in zip(
            self.parameters, self._first, self._second, gradients, strict=True
        ):
            first.lerp_(gradient, 0.1)
            second.mul_(0.999).addcmul_(gradient, gradient, value=0.001)
            value.addcdiv_(first, (second.sqrt() / scale2**0.5).add_(1e-8), value=-LEARNING_RATE / scale1)


def _follow(
    own: Mapping[int, Adam],
    gradients: Mapping[int, Sequence[Tensor]],
    made: Mapping[int, Sequence[Step]],
    names: Mapping[int, Sequence[str]],
    number: int,
    known: set[int],
) -> Iterator[Drift]:
    """Step each rank's own Adam with its own gradients; where its parameters go elsewhere, say so once."""
    for rank, optimizer in own.items():
        optimizer.step(gradients[rank])
        after = made[rank][number - 1].after
        if after is None or rank in known:
            continue
        for name, value, norm, samples in zip(
            names[rank], optimizer.parameters, after.norms, after.samples, strict=False
        ):
            if not _agrees(value, norm, samples):
                yield Drift(rank, number, name)
                break


def _agrees(value: Tensor, norm: float | None, samples: Sequence[float] | None) -> bool:
    from solutions.part_b_reference import summarize

    if norm is None or samples is None:
        return False
    expected = summarize(value)
    close = all(abs(a - b) <= LEARNING_RATE / 20 for a, b in zip(expected.samples, samples, strict=False))
    return close and abs(expected.norm - norm) <= 1e-4 * max(expected.norm, 1e-6)


def _read(trial: Trial, file: str | None) -> dict[str, Tensor]:
    """Whole tensors that a rank wrote. Raises ValueError if there are none."""
    import torch

    if file is None:
        raise ValueError("a rank left no whole tensors")
    types = {
        "F64": torch.float64,
        "F32": torch.float32,
        "F16": torch.float16,
        "BF16": torch.bfloat16,
        "I64": torch.int64,
    }
    found = {}
    for name, raw in tensors.read(trial.report.events_dir, file, FILE_BYTES).items():
        if raw.dtype not in types:
            raise ValueError(f"{name} has the type {raw.dtype}, where floating-point numbers were expected")
        flat = torch.frombuffer(bytearray(raw.data), dtype=types[raw.dtype]) if raw.data else torch.empty(0)
        value = flat.reshape(raw.shape)
        found[name] = value if raw.dtype == "I64" else value.float()
    return found


def _read_gradients(
    trial: Trial, step: Step, names: Sequence[str], initial: Mapping[str, Tensor]
) -> list[Tensor]:
    """In the order of the parameters; zeros for one without a gradient."""
    import torch

    found = _read(trial, step.gradients_file)
    gradients = [found.get(name, torch.zeros_like(initial[name])) for name in names]
    if any(gradient.shape != initial[name].shape for gradient, name in zip(gradients, names, strict=True)):
        raise ValueError("a gradient has another shape than its parameter")
    return gradients


def _read_micro_batches(trial: Trial, rank: int, step: int) -> Iterator[MicroBatch]:
    """What the first stage read in a step."""
    from solutions.part_b_reference import MicroBatch

    found = [
        event
        for event in trial.ranks[rank].of(Tokens)
        if event.step == step and event.place in ("input", "embedding")
    ]
    if not found:
        raise ValueError(f"rank {rank}, the first stage, read no tokens in step {step}")
    for event in found:
        tokens = _read(trial, event.file).get("tokens")
        if tokens is None or tokens.ndim != 2:
            raise ValueError(
                f"the tokens of rank {rank} have the shape {list(event.shape)}, not (batch, sequence)"
            )
        yield MicroBatch(tokens)


def _infer_sizes(stages: Sequence[Mapping[str, Tensor]], contract: Contract) -> Sizes:
    """The sizes that the stages were built with, as far as their parameters show them; the rest is the class's."""
    from solutions.part_b_reference import Sizes

    matrices = [value.shape for value in stages[0].values() if value.ndim == 2]
    vectors = [value.shape[0] for value in stages[0].values() if value.ndim == 1]
    if not matrices:
        raise ValueError("the first stage has no matrices among its parameters")
    vocab_size, dmodel = matrices[0]
    hidden = next((shape[0] for shape in matrices[1:] if shape[1] == dmodel and shape[0] != dmodel), None)
    layers = tuple(count_layers([value.shape for value in stage.values()]) for stage in stages)
    return Sizes(
        vocab_size=vocab_size,
        dmodel=vectors[0] if vectors else dmodel,
        num_heads=contract.num_heads,
        layers_per_stage=layers,
        ctx_size=contract.seq_l,
        hidden_dim=hidden,
    )


def count_layers(shapes: Sequence[Sequence[int]]) -> int:
    """Layers of a stage: each has four square matrices, those of its attention."""
    return sum(len(shape) == 2 and shape[0] == shape[1] for shape in shapes) // 4


def _equal(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    import torch

    pairs = zip(one.values(), other.values(), strict=False)
    return len(one) == len(other) and all(a.shape == b.shape and torch.equal(a, b) for a, b in pairs)


def _gradients_of(stage: nn.Module) -> list[Tensor]:
    import torch

    return [
        torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        for parameter in stage.parameters()
    ]


def _difference(expected: Sequence[Tensor], seen: Sequence[Tensor]) -> tuple[float, int]:
    """Euclidean distance relative to the expected norm, and the number of the worst parameter."""
    whole = sum(float(value.square().sum()) for value in expected) ** 0.5
    parts = [float((a - b).square().sum()) for a, b in zip(expected, seen, strict=True)]
    return sum(parts) ** 0.5 / max(whole, 1e-30), parts.index(max(parts))


def _fit_all(
    trial: Trial,
    stages: Sequence[nn.Module],
    batches: Sequence[Sequence[MicroBatch]],
    gradients: Mapping[int, Sequence[Tensor]],
    before: Mapping[int, Sequence[Tensor]],
) -> dict[int, Fit]:
    """For each rank, its gradient as a weighted sum of the gradients of single micro-batches."""
    import torch

    from solutions.part_b_reference import leave_gradients

    parts: list[list[Tensor]] = [[] for _ in stages]
    for pipeline in batches:
        whole = sum(len(one.tokens) for one in pipeline)
        for one in pipeline:
            leave_gradients(stages, [[one]])
            share = len(one.tokens) / whole / len(batches)
            for stage, found in zip(stages, parts, strict=True):
                found.append(torch.cat([value.reshape(-1) * share for value in _gradients_of(stage)]))
    counts = [len(pipeline) for pipeline in batches]
    return {
        rank: _fit(_flat(gradients[rank]), parts[stage], counts, _flat(before[rank]) if before else None)
        for stage in range(len(stages))
        for rank in trial.replicas(stage)
    }


def _flat(values: Sequence[Tensor]) -> Tensor:
    import torch

    return torch.cat([value.reshape(-1) for value in values])


def _fit(seen: Tensor, parts: Sequence[Tensor], counts: Sequence[int], before: Tensor | None) -> Fit:
    """Least squares by the normal equations: a few unknowns, millions of equations."""
    import torch

    seen = seen.double()
    columns = [part.double() for part in (*parts, *([before] if before is not None else []))]
    gram = torch.tensor([[float(a @ b) for b in columns] for a in columns], dtype=torch.float64)
    right = torch.tensor([float(column @ seen) for column in columns], dtype=torch.float64)
    weights = (torch.linalg.pinv(gram, hermitian=True, rtol=1e-9) @ right).tolist()
    rest = seen - sum(weight * column for weight, column in zip(weights, columns, strict=True))
    residual = float(rest.norm()) / max(float(seen.norm()), 1e-30)
    own = iter(weights)
    shares = tuple(tuple(next(own) for _ in range(count)) for count in counts)
    return Fit(shares, next(own, 0.0), residual)
