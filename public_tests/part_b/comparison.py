"""A run's gradients beside those of the one-process reference, and what the difference is made of.

In each step the reference has the parameters that the ranks had and reads the tokens that their first stages
read, so that a wrong optimizer does not make a wrong gradient. Where a gradient differs it is written as a weighted
sum of the gradients of single micro-batches: the weights tell a missing scale (3, 3, 3) from a lost micro-batch
(0, 1, 1) and a missing reduction (2, 2, 2, 0, 0, 0).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from grader import bounded_memory

from .trial import Trial

REPLAY_BYTES = 6 * 1024**3  # for the recorded tensors and the reference's stages
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
class OtherTargets:
    """A loss that compares the prediction at position t with token t + shift, whose gradients explain those seen."""

    shift: int
    fit: Fit
    to_the_end: bool = False  # whether the last position is compared with something, too


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
    wrong: tuple[str, ...] = ()  # parameters whose own gradient is wrong
    parameters: int = 0  # of the stage
    other_targets: OtherTargets | None = None  # where the next tokens explain nothing


@dataclass(frozen=True)
class ParameterDrift:
    """A rank's parameters after a step are not those that Adam makes of its own gradients."""

    rank: int
    step: int
    parameter: str


@dataclass(frozen=True)
class Comparison:
    """What the reference says of a run."""

    mismatches: tuple[Mismatch, ...] = ()
    drifts: tuple[ParameterDrift, ...] = ()  # the first of each rank
    unequal_starts: tuple[tuple[int, int], ...] = ()  # replicas that begin differently
    heads: int | None = None  # of the first stage's attention, if its outputs tell
    problem: str = ""  # why nothing could be compared, as a clause
    altered: bool = False  # because what had been written for it was changed


class AlteredError(ValueError):
    """What the launcher's instrumentation wrote was changed afterwards."""


def have_unlike_gradients(comparison: Comparison, replicas: tuple[int, int], step: int) -> bool:
    """Whether two replicas of a stage have different gradients in a step, of which at least one is wrong."""
    fits = [m.fit for m in comparison.mismatches if m.step == step and m.rank in replicas]
    if len(fits) < len(replicas):
        return bool(fits)
    pairs = zip(*(sum(fit.weights, ()) for fit in fits), strict=True)
    return not all(fit.explains for fit in fits) or any(abs(a - b) > FIT_RESIDUAL for a, b in pairs)


def compare(trial: Trial) -> Comparison:
    """Compare all steps that every rank made, up to the first that is wrong."""
    if trial.common_steps == 0:
        return Comparison(problem="not every rank made an optimizer step")
    from .replay import replay  # imports torch, for seconds

    try:
        with bounded_memory(REPLAY_BYTES):
            return replay(trial)
    except (ValueError, OSError) as error:
        return Comparison(problem=str(error).rstrip("."), altered=isinstance(error, AlteredError))
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "allocate memory" not in str(error):
            raise
        return Comparison(
            problem="what the ranks recorded takes more memory than stages of any usual size do"
        )


def count_layers(shapes: Sequence[Sequence[int]]) -> int:
    """Layers of a stage: each has four square matrices, those of its attention."""
    return sum(len(shape) == 2 and shape[0] == shape[1] for shape in shapes) // 4
