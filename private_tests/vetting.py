"""Finds drawn arguments that show every mistake: `python -m private_tests.vetting client_number_experiments --count 24`.

A table tells only how each run ends, and a short run on non-IID data may end near guessing whatever its arguments are: with arguments drawn
at random, one grading seed in four would let a function ignore one of them. So the proposals of the two functions that return tables are
tried here once, on the `digits`, and grading seeds choose among those that passed. Each that does is kept at once, so that an interrupted
run goes on where it stopped. About a minute for each that is kept; once after a change of `propose_arguments` or of the library's results.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from itertools import count

from tqdm import tqdm

from lab_2_hfl.storage import write_atomically

from .draws import ACCURACY_TOLERANCE, ONE_THREAD, SMALL_DATA, VETTED, propose_arguments, read_vetted
from .reference_runs import DATASET, References
from .sensitivity import TABLES, Ask, measure

# Half as much again as rounding may decide, in points.
MARGIN = 1.5 * ACCURACY_TOLERANCE


def passes(ask: Ask, function: str, number: int) -> bool:
    """Whether each argument of a proposal changes some accuracy by more than the margin; asks no more than it takes to say no."""
    drawn = propose_arguments(number, function)
    return all(points >= MARGIN for _, points in measure(ask, function, drawn))


def vet(ask: Ask, function: str, wanted: int) -> None:
    """Add to the vetted numbers of `function` until there are as many as `wanted`."""
    found = read_vetted().get(function, [])
    with tqdm(total=wanted, initial=len(found), desc=function, disable=None) as bar:
        for number in count(max(found, default=-1) + 1):
            if len(found) >= wanted:
                return
            if passes(ask, function, number):
                found = [*found, number]
                _keep(function, found)
                bar.update()


def _keep(function: str, numbers: Sequence[int]) -> None:
    vetted = json.loads(VETTED.read_text())  # again, since another process may vet another function
    text = json.dumps({**vetted, function: list(numbers)}, sort_keys=True)
    write_atomically(VETTED, (text.replace("], ", "],\n ") + "\n").encode())


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m private_tests.vetting", description="Find drawn arguments that show every mistake."
    )
    parser.add_argument("function", choices=TABLES)
    parser.add_argument("--count", type=int, default=24, help="how many there should be (default 24)")
    options = parser.parse_args(arguments)
    os.environ[DATASET] = "digits"
    references = References({**SMALL_DATA, **ONE_THREAD})
    try:
        vet(references.ask, options.function, options.count)
    finally:
        references.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
