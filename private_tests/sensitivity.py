"""Whether the hidden checks see that an argument is ignored: `python -m private_tests.sensitivity --grading-seed 1 2 3`.

An experiment function that ignores an argument is found out only if the argument changes an accuracy by more than rounding could. What a
grading seed draws decides by how much it does. For each seed this asks the reference what each function gives when one argument keeps its
default, and a table what it gives after one round less; prints by how many points the accuracies differ, and the two curves most alike; and
ends with 1 if a difference is within the tolerance: choose another seed for the cohort then. About three minutes a seed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, groupby
from typing import Any

from tqdm import tqdm

from grader import Table
from grader.options import read_seed

from .draws import ACCURACY_TOLERANCE, ONE_THREAD, SMALL_DATA, draw_arguments, draw_defaults
from .questions import CALL, EXPERIMENTS
from .reference_runs import References

Ask = Callable[[str, dict[str, Any]], Any]

TABLES = ("client_number_experiments", "client_fraction_experiments")
IN_BATCHES = "FedSGD in batches"
EXCHANGED = "curves exchanged"
_RARELY_SEEN = ("nr_rounds", "e", "b", "lr")


@dataclass(frozen=True)
class Difference:
    """By how many points a function's accuracies differ when it ignores one of the arguments drawn for a seed."""

    grading_seed: int
    function: str
    argument: str
    points: float

    @property
    def is_seen(self) -> bool:
        return self.points > ACCURACY_TOLERANCE


def list_accuracies(result: Any) -> list[float]:
    """All accuracies of a table or of curves, in order."""
    if isinstance(result, Table):
        column = result.columns.index("Test accuracy")
        return [row[column] for row in result.rows]
    return [value for curve in result.values() for value in curve]


def measure(ask: Ask, function: str, drawn: dict[str, Any]) -> Iterator[tuple[str, float]]:
    """Each drawn argument, and by how many points some accuracy differs where it keeps its default.

    For the rounds of a table: by how many points the accuracy after one round less surpasses the last one, which a function that returns
    the best of all rounds would give. A curve has the accuracies of all rounds, so its rounds are seen at once. And for a table also what it
    changes if FedSGD's clients take batches: FedAvg with one local epoch. For curves, by how much the two most alike differ
    in one of the two calls.
    """
    defaults = ask("describe_function", {"name": function})["parameters"]

    def call(**changed: Any) -> Any:
        return ask(CALL, {"name": function, "arguments": {**drawn, **changed}})["value"]

    def run(**changed: Any) -> list[float]:
        return list_accuracies(call(**changed))

    result = call()
    if function not in TABLES:
        by_default = ask(CALL, {"name": function, "arguments": draw_defaults(function)})["value"]
        yield (
            EXCHANGED,
            min(
                max(_measure_distance(curves[a], curves[b]) for curves in (result, by_default))
                for a, b in combinations(result, 2)
            ),
        )
    right = list_accuracies(result)
    for argument in sorted(
        drawn, key=lambda name: name not in _RARELY_SEEN
    ):  # so vetting soon knows what to refuse
        if argument != "nr_rounds":
            other = run(**{argument: defaults[argument]["default"]})
            yield argument, _measure_distance(right, other)
            if argument == "e" and function in TABLES:  # FedSGD, then FedAvg, for each setting
                yield IN_BATCHES, _measure_distance(right[::2], other[1::2])
        elif function in TABLES:
            before = run(nr_rounds=drawn["nr_rounds"] - 1)
            yield argument, max(a - b for a, b in zip(before, right, strict=True))


def _measure_distance(curve: Sequence[float], other: Sequence[float]) -> float:
    return max(abs(a - b) for a, b in zip(curve, other, strict=True))


def show(differences: Sequence[Difference]) -> str:
    """A line for each function and seed; what would not be seen is marked."""
    lines = [
        f"{seed:>6}  {function:<31}"
        + "  ".join(f"{d.argument} {d.points:.1f}{'' if d.is_seen else ' NOT SEEN'}" for d in group)
        for (seed, function), group in groupby(differences, key=lambda d: (d.grading_seed, d.function))
    ]
    head = f"{'seed':>6}  {'function':<31}points that ignoring the argument changes (seen above {ACCURACY_TOLERANCE:.2f})"
    return "\n".join([head, *lines])


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m private_tests.sensitivity",
        description="Whether the hidden checks see that an experiment function ignores an argument.",
    )
    parser.add_argument("--grading-seed", type=read_seed, nargs="+", required=True, metavar="SEED")
    parser.add_argument("--function", choices=EXPERIMENTS, nargs="+", default=list(EXPERIMENTS))
    options = parser.parse_args(arguments)
    references = References({**SMALL_DATA, **ONE_THREAD})
    asked = [(seed, function) for seed in options.grading_seed for function in options.function]
    differences: list[Difference] = []
    try:
        for seed, function in tqdm(asked, desc="Functions", disable=None):
            found = measure(references.ask, function, draw_arguments(seed, function))
            differences += [Difference(seed, function, argument, points) for argument, points in found]
    finally:
        references.close()
    print(show(differences))
    unseen = sorted({d.grading_seed for d in differences if not d.is_seen})
    if unseen:
        print(
            f"Not every argument is seen to matter with {', '.join(map(str, unseen))}: grade with another seed."
        )
    return 1 if unseen else 0


if __name__ == "__main__":
    sys.exit(main())
