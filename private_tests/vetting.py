"""Finds drawn arguments that show every mistake: `python -m private_tests.vetting client_number_experiments --count 24`.

A short run on non-IID data may end near guessing whatever its arguments are. A table tells only how each run ends, and the learning rates
of `noniid_parameter_experiments` are small whatever is drawn: of arguments drawn at random, one in seven (A2.2) to two in five (A3.3) would
let such a function ignore one of them, and others would let two of its curves be exchanged. So proposals are tried here once, on the
`digits`, and grading seeds choose among those that passed. Each that does is kept at once, so that an interrupted run goes on where it
stopped. One to four minutes for each that is kept. After a change of `propose_arguments`, or of what the library computes, empty each
function in `vetted_draws.json` (`{}`) and find them anew.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

from tqdm import tqdm

from lab_2_hfl.storage import write_atomically

from .draws import ONE_THREAD, SMALL_DATA, VETTED, propose_arguments, read_vetted
from .questions import EXPERIMENTS
from .reference_runs import DATASET, References
from .sensitivity import Ask, measure

# In points: six of 150 images, where rounding may decide four.
MARGIN = 3.99


def vet(ask: Ask, function: str, wanted: int) -> None:
    """Add proposals to the vetted ones of `function` until there are as many as `wanted`."""
    found = dict(read_vetted().get(function, {}))
    with tqdm(total=wanted, initial=len(found), desc=function, disable=None) as bar:
        for number in count(max(map(int, found), default=-1) + 1):
            if len(found) >= wanted:
                return
            proposed = propose_arguments(number, function)
            # Asks no more than it takes to say no.
            if all(points >= MARGIN for _, points in measure(ask, function, proposed)):
                found[str(number)] = proposed
                _keep(function, found)
                bar.update()


def _keep(function: str, found: Mapping[str, Any]) -> None:
    vetted = json.loads(VETTED.read_text())  # again, since another process may vet another function
    write_atomically(VETTED, (show({**vetted, function: found}) + "\n").encode())


def show(vetted: Mapping[str, Mapping[str, Any]]) -> str:
    """JSON with a line for each proposal."""
    functions = [
        f'"{function}": {{\n'
        + ",\n".join(f'  "{number}": {json.dumps(proposed)}' for number, proposed in proposals.items())
        + "\n}"
        for function, proposals in sorted(vetted.items())
    ]
    return "{\n" + ",\n".join(functions) + "\n}"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m private_tests.vetting", description="Find drawn arguments that show every mistake."
    )
    parser.add_argument("function", choices=EXPERIMENTS)
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
