"""What decided a run of a server, as the probe notes it: which runs gave a result, and how a run differs from the right one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from grader import is_number, show

Run = Mapping[str, Any]
Source = tuple[Run, int]
"""A run that gave a result, and the round after which it gave the last of its accuracies."""

ROUNDING = 0.051  # accuracies may be given with one decimal; those of different runs are further apart


@dataclass(frozen=True)
class Parameter:
    """One thing that decides a run.

    name: its key in a note; noun: what a message calls it; describe: words for its value
    arguments: those of an experiment that it comes from; advice: what to do with them
    """

    name: str
    noun: str
    describe: Callable[[Any], str]
    arguments: tuple[str, ...] = ()
    advice: str = "pass {} on to the servers"


def _count(value: Any, noun: str) -> str:
    return f"{show(value)} {noun if value == 1 else f'{noun}s'}"


def _describe_batches(size: Any) -> str:
    """A batch that holds all that any client has is noted as -1, whatever its size was meant to be."""
    return "all of a client's samples in one batch" if size == -1 else f"batches of {show(size)}"


def _describe_data(name: Any) -> str:
    """The data of a split with the server's seed are noted by its name, any other by a digest."""
    return f"the {name} split" if name in ("IID", "non-IID") else "another split of the data"


# In the order in which a difference is told: the first explains those after it.
PARAMETERS = (
    Parameter(
        "new",
        "server",
        lambda new: "a new server" if new else "a server that was not new any more",
        advice="make a new server for every run",
    ),
    Parameter("n", "number of clients", lambda n: _count(n, "client"), ("n",), "pass {} on to split()"),
    Parameter(
        "clients per round",
        "number of clients per round",
        lambda count: f"{_count(count, 'client')} per round",
        ("c",),
    ),
    Parameter("lr", "learning rate", lambda rate: f"the learning rate {show(rate)}", ("lr",)),
    Parameter("b", "batch size", _describe_batches, ("b",)),
    Parameter("e", "number of local epochs", lambda epochs: _count(epochs, "local epoch"), ("e",)),
    Parameter(
        "seed",
        "seed of the server",
        lambda seed: f"the server's seed {show(seed)}",
        ("seed",),
        "pass {} on to split() and the servers",
    ),
    Parameter("data", "split of the data", _describe_data, ("iid", "seed"), "pass {} on to split()"),
)


def list_differences(run: Run, right: Run) -> list[Parameter]:
    """The parameters in which a run differs from the right one; what its note does not name is not compared."""
    return [
        each for each in PARAMETERS if each.name in run and not _is_same(run[each.name], right[each.name])
    ]


def _is_same(seen: Any, right: Any) -> bool:
    return bool(seen == right) or (
        is_number(seen) and is_number(right) and math.isclose(seen, right, abs_tol=1e-12)
    )


def find_sources(runs: Sequence[Run], values: Sequence[Any]) -> Iterator[Source]:
    """The runs that gave `values`."""
    for run in runs:
        accuracies = run.get("accuracies")
        if isinstance(accuracies, list) and all(map(is_number, accuracies)):
            for end in range(len(values), len(accuracies) + 1):
                pairs = zip(accuracies[end - len(values) : end], values, strict=True)
                if all(abs(a - b) <= ROUNDING for a, b in pairs):
                    yield run, end
