"""A run's gradients beside those of the one-process reference, and what the difference is made of.

In each step the reference has the parameters that the ranks had and reads the tokens that their first stages
read, so that a wrong optimizer is no wrong gradient. Where a gradient differs it is written as a weighted sum of
the gradients of single micro-batches: the weights tell a missing scale (3, 3, 3) from a lost micro-batch (0, 1, 1)
and a missing reduction (2, 2, 2, 0, 0, 0).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from launch import tensor_files
from launch.events import Step, Tokens

from .contract import LEARNING_RATE, Contract
from .trial import COMPARED_STEPS, Trial, optimizer_steps

if TYPE_CHECKING:
    from torch import Tensor, nn

    from solutions.part_b_reference import MicroBatch, Sizes

FILE_BYTES = 2_000_000_000
# Correct pipelines agree within 2e-6 (other orders of addition); the smallest mistake in the golden cases is 1e-2.
TOLERANCE = 1e-3
STEP_TOLERANCE = 1e-2  # of the length of an optimizer step; rounding makes about 1e-4
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
class ParameterDrift:
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
    drifts: tuple[ParameterDrift, ...] = ()
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
    unequal = _find_unequal_starts(trial, initial)
    leaders = trial.pipelines[0]
    starts = [initial[rank] for rank in leaders]
    stages = reference.load_stages(_infer_sizes(starts, trial.contract), starts)
    names = {
        rank: _order_names(initial[rank], stage)
        for index, stage in enumerate(stages)
        for rank in trial.replicas(index)
    }
    own = {rank: Adam([initial[rank][name] for name in order]) for rank, order in names.items()}
    before: dict[int, list[Tensor]] = {}
    worst, drifts = 0.0, dict[int, ParameterDrift]()
    for number in range(1, count + 1):
        batches = [list(_read_micro_batches(trial, ranks[0], number)) for ranks in trial.pipelines]
        reference.leave_gradients(stages, batches)
        steps = {rank: found[number - 1] for rank, found in made.items()}
        gradients = {
            rank: _read_gradients(trial, step, names[rank], initial[rank]) for rank, step in steps.items()
        }
        differences = {
            (index, rank): _difference(_gradients_of(stage), gradients[rank])
            for index, stage in enumerate(stages)
            for rank in trial.replicas(index)
        }
        after = {rank: _read_all(trial, step.parameters_file, names[rank]) for rank, step in steps.items()}
        for rank, parameter in _follow_all(own, gradients, after):
            drifts.setdefault(rank, ParameterDrift(rank, number, names[rank][parameter]))
        worst = max(worst, *(difference for difference, _ in differences.values()))
        if worst > TOLERANCE:
            fits = _fit_all(trial, stages, batches, gradients, before)
            wrong = tuple(
                Mismatch(
                    rank,
                    trial.replicas(stage).index(rank),
                    stage,
                    number,
                    off,
                    names[rank][worst_of],
                    fits[rank],
                )
                for (stage, rank), (off, worst_of) in differences.items()
                if off > TOLERANCE
            )
            return Comparison(number, worst, wrong, tuple(drifts.values()), unequal_starts=unequal)
        for stage, rank in zip(stages, leaders, strict=True):
            _set_parameters(stage, after[rank])
        before = gradients
    return Comparison(count, worst, (), tuple(drifts.values()), unequal_starts=unequal)


def _find_unequal_starts(
    trial: Trial, initial: Mapping[int, Mapping[str, Tensor]]
) -> tuple[tuple[int, int], ...]:
    """Pairs of ranks that hold the same stage and begin with other parameters."""
    return tuple(
        (rank, other)
        for rank, *others in map(trial.replicas, range(len(trial.pipelines[0])))
        for other in others
        if not _equal(initial[rank], initial[other])
    )


def _follow_all(
    optimizers: Mapping[int, Adam],
    gradients: Mapping[int, Sequence[Tensor]],
    after: Mapping[int, Sequence[Tensor]],
) -> Iterator[tuple[int, int]]:
    """Step every rank's Adam; yields the ranks whose parameters went elsewhere, with the number of the first such parameter."""
    for rank, optimizer in optimizers.items():
        parameter = optimizer.follow(gradients[rank], after[rank])
        if parameter is not None:
            yield rank, parameter


class Adam:
    """Kingma and Ba 2015, "Adam", algorithm 1; torch's own takes seconds to import its compiler."""

    def __init__(self, parameters: list[Tensor]) -> None:
        import torch

        self._parameters = parameters
        self._first = [torch.zeros_like(parameter) for parameter in parameters]
        self._second = [torch.zeros_like(parameter) for parameter in parameters]
        self._steps = 0

    def follow(self, gradients: Sequence[Tensor], after: Sequence[Tensor]) -> int | None:
        """Step to where a rank's parameters went; the number of the first that went elsewhere than Adam would."""
        self._steps += 1
        scale1, scale2 = 1 - 0.9**self._steps, 1 - 0.999**self._steps
        strange = None
        for number, (value, first, second, gradient, seen) in enumerate(
            zip(self._parameters, self._first, self._second, gradients, after, strict=True)
        ):
            first.lerp_(gradient, 0.1)
            second.mul_(0.999).addcmul_(gradient, gradient, value=0.001)
            move = first / (second.sqrt() / scale2**0.5).add_(1e-8) * (-LEARNING_RATE / scale1)
            error = float((value + move - seen).norm()) / max(float(move.norm()), 1e-12)
            if error > STEP_TOLERANCE and strange is None:
                strange = number
        self._parameters = list(after)
        return strange


def _order_names(initial: Mapping[str, Tensor], stage: nn.Module) -> list[str]:
    """The names of a rank's parameters in the order of the stage's, which a wrapped stage keeps under others."""
    names = [name for name, _ in stage.named_parameters()]
    return names if set(names) == set(initial) else list(initial)


def _set_parameters(stage: nn.Module, values: Sequence[Tensor]) -> None:
    import torch

    with torch.no_grad():
        for parameter, value in zip(stage.parameters(), values, strict=True):
            parameter.copy_(value)


def _read_all(trial: Trial, file: str | None, names: Sequence[str]) -> list[Tensor]:
    found = _read(trial, file)
    if set(names) != set(found):
        raise ValueError("a rank's optimizer changed which parameters it has")
    return [found[name] for name in names]


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
    for name, raw in tensor_files.read(trial.report.events_dir, file, FILE_BYTES).items():
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
