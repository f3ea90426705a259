"""What a check of an experiment knows: the result and the noted runs behind it, the submission's and the reference's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from grader import Table
from public_tests.reading import ParameterUse

from .runs import Run


@dataclass(frozen=True)
class Result:
    """A row of a table, or a curve.

    name, what: how a message names it and the call; `label` begins a sentence with both
    seen, right: its accuracies; of a row that is one, the last of its run
    run: the reference's, with its `accuracies`
    count: a row's number of messages
    """

    name: str
    what: str
    seen: Any
    right: Sequence[float]
    run: Run
    count: float | None = None

    @property
    def label(self) -> str:
        return f"{self.name[0].upper()}{self.name[1:]} of {self.what}"

    @property
    def last_round(self) -> int:
        return len(self.run["accuracies"])


@dataclass(frozen=True)
class ExperimentEvidence:
    """An experiment that was called.

    what: the call, as a message names it; tag: that of its cell; parameters: those of the function, with the handout's defaults
    seen, right: what it returned, and the reference
    runs: those of the lab's own servers, in order; right_runs: the reference's, in the order of its results
    own_servers: what other servers were made with, as far as it is known
    arguments: those of the call that were drawn; usage: what the function does with its parameters
    """

    what: str
    tag: str
    parameters: Mapping[str, Any]
    seen: Any
    right: Any
    right_runs: Sequence[Run]
    runs: Sequence[Run] = ()
    own_servers: Sequence[Run] = ()
    arguments: Mapping[str, Any] = field(default_factory=dict)
    usage: ParameterUse = field(default_factory=ParameterUse)

    @property
    def nr_rounds(self) -> int:
        """For how many rounds the reference ran each server."""
        return len(self.right_runs[0]["accuracies"])

    @cached_property
    def results(self) -> list[Result]:
        """Each row or curve. Only where what was returned has all of them, and each the right form."""
        if not isinstance(self.right, Table):
            return [
                Result(f"the curve {key!r}", self.what, self.seen[key], curve, run)
                for (key, curve), run in zip(self.right.items(), self.right_runs, strict=True)
            ]
        pairs = zip(list_rows(self.seen), list_rows(self.right), strict=True)
        return [
            Result(
                f"row {number}",
                self.what,
                [row["Test accuracy"]],
                [right["Test accuracy"]],
                run,
                row["Message count"],
            )
            for number, ((row, right), run) in enumerate(zip(pairs, self.right_runs, strict=True), start=1)
        ]


def list_rows(table: Table) -> list[Mapping[str, Any]]:
    """Each row by its column names."""
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]
