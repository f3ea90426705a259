"""Replays a run step by step: every rank's recorded tensors beside the one-process reference and an Adam of its own."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import repeat
from pathlib import Path

import torch
from torch import Tensor, nn

from lab_1_parallelism import thin
from launch import tensor_files
from launch.events import Contents, Forward, Step, Tokens, name_plainly

from .comparison import AlteredError, Comparison, Fit, Mismatch, OtherTargets, ParameterDrift, count_layers
from .contract import LEARNING_RATE, Contract
from .one_process import MicroBatch, Sizes, leave_gradients, load_stages, summarize
from .other_targets import find_next_tokens, list_candidates
from .trial import COMPARED_STEPS, Trial, optimizer_steps

FILE_BYTES = 500_000_000  # the lab's largest stage, with its vocabulary, takes 40 million
# Correct pipelines agree within 2e-6 (other orders of addition); the smallest mistake in the golden cases is 1e-2.
TOLERANCE = 1e-3
SAME_OUTPUT = (
    3e-5  # of a stage's output, relative; rounding makes about 1e-6, another number of heads 1e-4 and more
)
NORM_TOLERANCE = 2e-2  # of a norm, which may have been computed with eight bits
STEP_TOLERANCE = 1e-2  # of the length of an optimizer step; rounding makes about 1e-4
TYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
}
WHOLE_TYPES = {"I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "U8": torch.uint8}  # of tokens


def replay(trial: Trial) -> Comparison:
    """Compare step by step. Raises ValueError or OSError where what a rank recorded cannot be compared."""
    torch.set_num_threads(1)
    thin.WANTED = False  # whatever the environment says that the grader was started in
    # 1. Build the stages with the parameters that the first pipeline began with.
    stages = range(len(trial.pipelines[0]))
    ranks = [RankReplay(trial, p, s) for p in range(len(trial.pipelines)) for s in stages]
    starts = [rank.parameters for rank in ranks if rank.pipeline == 0]
    unequal = tuple(_find_unequal_starts(ranks))
    heads = _find_heads(trial, starts)
    modules = _build(starts, trial.contract, heads)
    for rank in ranks:
        rank.begin(modules[rank.stage])
    for step in range(1, min(trial.common_steps, COMPARED_STEPS) + 1):
        # 2. Leave in the stages the gradients of what the first stages of all pipelines read.
        batches = [list(_read_micro_batches(trial, pipeline, step)) for pipeline in trial.pipelines]
        leave_gradients(modules, batches)
        # 3. See where each rank has other gradients, and whether Adam makes its parameters of its own.
        for rank in ranks:
            rank.advance()
        drifts = tuple(rank.drift for rank in ranks if rank.drift is not None)
        wrong = [rank for rank in ranks if not rank.difference <= TOLERANCE]  # NaN is wrong, too
        # 4. In the first wrong step, find what the gradients are made of.
        if wrong:
            parts = _gradients_of_parts(modules, batches)
            counts = [len(pipeline) for pipeline in batches]
            mismatches = tuple(rank.mismatch(parts[rank.stage], counts) for rank in wrong)
            if not all(mismatch.fit.explains for mismatch in mismatches):
                mismatches = _try_other_targets(trial, step, mismatches, wrong, modules, batches)
            return Comparison(mismatches, drifts, unequal, heads)
        # 5. Go on with the parameters that the first pipeline has after the step.
        for rank in ranks:
            if rank.pipeline == 0:
                rank.hand_over()
    return Comparison((), drifts, unequal, heads)


class RankReplay:
    """One rank, step by step: its gradients beside those in the reference's stage, its parameters beside Adam's."""

    def __init__(self, trial: Trial, pipeline: int, stage: int) -> None:
        self.pipeline, self.stage = pipeline, stage
        self.rank = trial.pipelines[pipeline][stage]
        self.step = 0
        self.difference = 0.0
        """Euclidean distance of this step's gradient from the reference's, relative to the reference's norm."""
        self.drift: ParameterDrift | None = None
        self._folder = trial.report.events_dir
        self._recorded = optimizer_steps(trial.ranks[self.rank])
        first = self._recorded[0]
        self.parameters = self._read(first.initial_file, first.before)
        self._gradients: list[Tensor] = []
        self._previous: list[Tensor] = []

    def begin(self, module: nn.Module) -> None:
        """Stand beside a stage of the reference."""
        names = [name for name, _ in module.named_parameters()]
        # A stage that the script wrapped has its parameters in the same order under other names.
        self._names = names if set(names) == set(self.parameters) else list(self.parameters)
        shapes = [parameter.shape for parameter in module.parameters()]
        if [self.parameters[name].shape for name in self._names] != shapes:
            raise ValueError(
                f"rank {self.rank} has other parameters than the first pipeline's stage {self.stage}"
            )
        self._module = module
        self._adam = Adam([self.parameters[name] for name in self._names])

    def advance(self) -> None:
        """Go to the next step, whose right gradients are in the reference's stage."""
        self.step += 1
        recorded = self._recorded[self.step - 1]
        self._previous, self._gradients = self._gradients, self._read_gradients(recorded)
        right = _gradients_of(self._module)
        parts = [float((a - b).square().sum()) for a, b in zip(right, self._gradients, strict=True)]
        norm = sum(float(value.square().sum()) for value in right) ** 0.5
        self.difference = sum(parts) ** 0.5 / max(norm, 1e-30)
        self._worst = name_plainly(self._names[parts.index(max(parts))])
        self._wrong = tuple(
            name_plainly(name)
            for name, part, value in zip(self._names, parts, right, strict=True)
            if not part**0.5 <= TOLERANCE * float(value.norm())
        )
        self.parameters = self._read(recorded.parameters_file, recorded.after)
        if set(self._names) != set(self.parameters):
            raise ValueError("a rank's optimizer changed which parameters it has")
        elsewhere = self._adam.follow(self._gradients, [self.parameters[name] for name in self._names])
        if elsewhere is not None and self.drift is None:
            self.drift = ParameterDrift(self.rank, self.step, name_plainly(self._names[elsewhere]))

    def _read(self, file: str | None, told: Contents | None) -> dict[str, Tensor]:
        """Whole tensors, which must be those that the rank told the norms of as it wrote them."""
        found = _read(self._folder, file)
        norms = [norm for norm in told.norms if norm is not None] if told else []
        for (name, value), norm in zip(found.items(), norms, strict=False):
            if len(found) == len(norms) and abs(float(value.norm()) - norm) > NORM_TOLERANCE * norm:
                raise AlteredError(
                    f"what rank {self.rank} wrote of {name_plainly(name)} was changed after it had been written"
                )
        return found

    def _read_gradients(self, step: Step) -> list[Tensor]:
        """In the order of the parameters; zeros for one without a gradient."""
        found = self._read(step.gradients_file, step.gradients)
        gradients = [found.get(name, torch.zeros_like(self.parameters[name])) for name in self._names]
        shapes = [self.parameters[name].shape for name in self._names]
        if [gradient.shape for gradient in gradients] != shapes:
            raise ValueError("a gradient has another shape than its parameter")
        return gradients

    def mismatch(self, parts: Sequence[Tensor], counts: Sequence[int]) -> Mismatch:
        """This step's gradient, which is wrong, as a sum of `parts`; `counts` of them belong to each pipeline."""
        place = self.rank, self.pipeline, self.stage, self.step
        fit = self.fit(parts, counts)
        return Mismatch(*place, self.difference, self._worst, fit, self._wrong, len(self._names))

    def fit(self, parts: Sequence[Tensor], counts: Sequence[int]) -> Fit:
        """This step's gradient as a sum of `parts`."""
        previous = _flat(self._previous) if self._previous else None
        return _fit(_flat(self._gradients), parts, counts, previous)

    def hand_over(self) -> None:
        """Give the reference's stage the parameters that the rank has after the step."""
        with torch.no_grad():
            for parameter, name in zip(self._module.parameters(), self._names, strict=True):
                parameter.copy_(self.parameters[name])


class Adam:
    """Kingma and Ba 2015, "Adam", algorithm 1; torch's own takes seconds to import its compiler."""

    def __init__(self, parameters: list[Tensor]) -> None:
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
            if not error <= STEP_TOLERANCE and strange is None:  # NaN is strange, too
                strange = number
        self._parameters = list(after)
        return strange


# --- what was recorded ----------------------------------------------------------------------------------------


def _read(folder: Path, file: str | None) -> dict[str, Tensor]:
    """Whole tensors that a rank wrote. Raises ValueError if there are none."""
    found = _read_typed(folder, file, TYPES, "floating-point numbers")
    return {name: value.float() for name, value in found.items()}


def _read_numbers(folder: Path, file: str | None) -> Tensor | None:
    """Tokens or targets that a rank wrote, as int64; None if the file has none. Raises ValueError if there is no file."""
    tokens = _read_typed(folder, file, WHOLE_TYPES, "whole numbers").get("tokens")
    return tokens.long() if tokens is not None else None


def _read_typed(
    folder: Path, file: str | None, types: Mapping[str, torch.dtype], expected: str
) -> dict[str, Tensor]:
    if file is None:
        raise ValueError("a rank left no whole tensors")
    found = {}
    for name, raw in tensor_files.read(folder, file, FILE_BYTES).items():
        if raw.dtype not in types:
            raise ValueError(f"{name} has the type {raw.dtype}, where {expected} were expected")
        empty = torch.empty(0, dtype=types[raw.dtype])
        flat = torch.frombuffer(bytearray(raw.data), dtype=types[raw.dtype]) if raw.data else empty
        found[name] = flat.reshape(raw.shape)
    return found


def _read_micro_batches(trial: Trial, pipeline: Sequence[int], step: int) -> Iterator[MicroBatch]:
    """What the first stage read in a step; with the targets, if those have the last token of each sequence, which it did not read."""
    batch = list(_read_tokens(trial, pipeline[0], step))
    found = None
    if all(tokens.shape[1] == trial.contract.seq_l - 1 for tokens in batch):
        found = find_next_tokens(batch, list(_read_targets(trial, pipeline[-1], step)))
    return map(MicroBatch, batch, repeat(None), found or repeat(None))


def _read_tokens(trial: Trial, rank: int, step: int) -> Iterator[Tensor]:
    """What a first stage read in a step, by micro-batch."""
    found = [
        event
        for event in trial.ranks[rank].of(Tokens)
        if event.step == step and event.place in ("input", "embedding")
    ]
    if not found:
        raise ValueError(f"rank {rank}, the first stage, read no tokens in step {step}")
    # A batch that is embedded anew for each part of it is read once, and each part is as many of its sequences.
    alike = Counter(event.checksum for event in found)
    for event in {event.checksum: event for event in found}.values():
        tokens = _read_numbers(trial.report.events_dir, event.file)
        if tokens is None or tokens.ndim != 2:
            raise ValueError(
                f"the tokens of rank {rank} have the shape {list(event.shape)}, not (batch, sequence)"
            )
        yield from tokens.chunk(alike[event.checksum])


def _read_targets(trial: Trial, rank: int, step: int) -> Iterator[Tensor]:
    """What the last stage's losses of a step were given to compare with, flat."""
    for event in trial.ranks[rank].of(Tokens):
        if event.step == step and event.place == "target" and event.file:
            targets = _read_numbers(trial.report.events_dir, event.file)
            if targets is not None:
                yield targets.flatten()


def _find_heads(trial: Trial, starts: Sequence[Mapping[str, Tensor]]) -> int | None:
    """The number of attention heads with which the first stage makes what its rank made: parameters don't show it."""
    first = trial.ranks[trial.pipelines[0][0]]
    passes = [event for event in first.of(Forward) if event.step == 1 and event.gradients and event.output]
    read = [event for event in first.of(Tokens) if event.step == 1 and event.file and event.rows]
    pairs = ((r, p) for r in read for p in passes if r.micro_batch == p.micro_batch)
    found = next(pairs, None)
    if found is None or found[1].output is None:
        return None
    tokens = _read_numbers(trial.report.events_dir, found[0].file)
    if tokens is None:
        return None
    made = torch.tensor(found[1].output.samples)
    width = _infer_sizes(starts, trial.contract, None).dmodel
    others = [heads for heads in range(1, width) if width % heads == 0 and width // heads % 2 == 0]
    errors = {
        heads: _measure_error(_build(starts, trial.contract, heads)[0], tokens, made)
        for heads in [trial.contract.num_heads, *others]
        if width % heads == 0
    }
    closest = min(errors, key=lambda heads: errors[heads], default=None)
    return closest if closest is not None and errors[closest] < SAME_OUTPUT else None


def _measure_error(stage: nn.Module, tokens: Tensor, made: Tensor) -> float:
    """Distance of a stage's output from another one, by samples, relative to that."""
    with torch.no_grad():
        samples = torch.tensor(summarize(stage(tokens)).samples)
    return float((samples - made).norm() / made.norm()) if samples.shape == made.shape else math.inf


def _build(
    starts: Sequence[Mapping[str, Tensor]], contract: Contract, heads: int | None = None
) -> list[nn.Module]:
    """The reference's stages with given parameters. Raises ValueError where these are not the lab's."""
    sizes = _infer_sizes(starts, contract, heads)
    try:
        return load_stages(sizes, starts)
    except ValueError as error:
        raise ValueError("their parameters are not those of the lab's stages") from error


def _infer_sizes(stages: Sequence[Mapping[str, Tensor]], contract: Contract, heads: int | None) -> Sizes:
    """The sizes that the stages were built with, as far as their parameters show them; the rest is the lab's."""
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
        num_heads=heads or contract.num_heads,
        layers_per_stage=layers,
        ctx_size=contract.seq_l,
        hidden_dim=hidden,
    )


def _find_unequal_starts(ranks: Sequence[RankReplay]) -> Iterator[tuple[int, int]]:
    """Pairs of ranks that hold the same stage and begin with other parameters."""
    leaders = {rank.stage: rank for rank in ranks if rank.pipeline == 0}
    for rank in ranks:
        leader = leaders[rank.stage]
        if rank is not leader and not _equal(leader.parameters, rank.parameters):
            yield leader.rank, rank.rank


def _equal(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    pairs = zip(one.values(), other.values(), strict=False)
    return len(one) == len(other) and all(a.shape == b.shape and torch.equal(a, b) for a, b in pairs)


# --- gradients ------------------------------------------------------------------------------------------------


def _gradients_of(stage: nn.Module) -> list[Tensor]:
    return [
        torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        for parameter in stage.parameters()
    ]


def _gradients_of_parts(
    modules: Sequence[nn.Module], batches: Sequence[Sequence[MicroBatch]]
) -> list[list[Tensor]]:
    """For each stage, the gradients of single micro-batches, each with its share in the whole gradient."""
    parts: list[list[Tensor]] = [[] for _ in modules]
    for pipeline in batches:
        whole = sum(len(one.tokens) for one in pipeline)
        for one in pipeline:
            leave_gradients(modules, [[one]])
            share = len(one.tokens) / whole / len(batches)
            for module, found in zip(modules, parts, strict=True):
                found.append(_flat(_gradients_of(module)) * share)
    return parts


def _try_other_targets(
    trial: Trial,
    step: int,
    mismatches: tuple[Mismatch, ...],
    wrong: Sequence[RankReplay],
    modules: Sequence[nn.Module],
    batches: Sequence[Sequence[MicroBatch]],
) -> tuple[Mismatch, ...]:
    """The mismatches, with the loss of another token than the next one if that explains all of them."""
    seen = [list(_read_targets(trial, pipeline[-1], step)) for pipeline in trial.pipelines]
    for candidate in list_candidates([[one.tokens for one in pipeline] for pipeline in batches], seen):
        compared = [
            [one._replace(aligned=targets) for one, targets in zip(pipeline, own, strict=True)]
            for pipeline, own in zip(batches, candidate.targets, strict=True)
        ]
        parts = _gradients_of_parts(modules, compared)
        fits = [rank.fit(parts[rank.stage], [len(pipeline) for pipeline in compared]) for rank in wrong]
        if all(fit.explains for fit in fits):
            found = [OtherTargets(candidate.shift, fit, candidate.to_the_end) for fit in fits]
            pairs = zip(mismatches, found, strict=True)
            return tuple(dataclasses.replace(mismatch, other_targets=other) for mismatch, other in pairs)
    return mismatches


def _flat(values: Sequence[Tensor]) -> Tensor:
    return torch.cat([value.reshape(-1) for value in values])


def _fit(seen: Tensor, parts: Sequence[Tensor], counts: Sequence[int], before: Tensor | None) -> Fit:
    """Least squares by the normal equations: a few unknowns, millions of equations."""
    seen = seen.double()
    columns = [part.double() for part in (*parts, *([before] if before is not None else []))]
    lengths = [float(column.norm()) or 1.0 for column in columns]  # to which the equations are scaled
    if not all(map(math.isfinite, [*lengths, float(seen.norm())])):
        return Fit(tuple((math.nan,) * count for count in counts), math.nan, math.nan)
    columns = [column / length for column, length in zip(columns, lengths, strict=True)]
    gram = torch.tensor([[float(a @ b) for b in columns] for a in columns], dtype=torch.float64)
    right = torch.tensor([float(column @ seen) for column in columns], dtype=torch.float64)
    shares = (torch.linalg.pinv(gram, hermitian=True, rtol=1e-9) @ right).tolist()
    rest = seen - sum(share * column for share, column in zip(shares, columns, strict=True))
    weights = [share / length for share, length in zip(shares, lengths, strict=True)]
    residual = float(rest.norm()) / max(float(seen.norm()), 1e-30)
    own = iter(weights)
    of_pipelines = tuple(tuple(next(own) for _ in range(count)) for count in counts)
    return Fit(of_pipelines, next(own, 0.0), residual)
