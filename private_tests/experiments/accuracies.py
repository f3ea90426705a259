"""How accuracies are compared and shown."""

from __future__ import annotations

from collections.abc import Sequence

from grader import show

from .evidence import ExperimentEvidence, Result
from .questions import HOMEWORK

# In points. Rounding, enlarged by training, was seen to decide four test images where servers were written by hand; the lab's servers give
# equal values.
ACCURACY_TOLERANCE = 100 * 4 / int(HOMEWORK.hidden.environment["LAB_2_HFL_TEST_SAMPLES"]) + 1e-6


def find_wrong_result(evidence: ExperimentEvidence) -> Result | None:
    return next((result for result in evidence.results if not are_close(result.seen, result.right)), None)


def are_close(seen: Sequence[float], right: Sequence[float]) -> bool:
    return all(abs(a - b) <= ACCURACY_TOLERANCE for a, b in zip(seen, right, strict=True))


def show_accuracies(values: Sequence[float]) -> str:
    return f"the test {'accuracy' if len(values) == 1 else 'accuracies'} {', '.join(map(show, values))}"
