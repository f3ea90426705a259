"""Calls of `new_group` that do not fit together: a race, whatever came of it in this run.

Every rank must call `new_group` for every group, members or not, in the same order: the calls find each other
by their number alone. Where only the members call it, the first group of one stage and the first of another
carry the same number, and the wrong ranks may meet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .events import SourceLine
from .workers import Operation, Worker


@dataclass(frozen=True)
class UnevenGroups:
    """At the `order`-th call of `new_group` two ranks asked for different groups, or one of them for none."""

    order: int
    rank: int
    asked: str
    at: SourceLine | None
    other_rank: int
    other_asked: str  # empty if it made no such call
    other_at: SourceLine | None

    def __str__(self) -> str:
        place = f" {self.at}" if self.at else ""
        other_place = f" {self.other_at}" if self.other_at else ""
        other = f"calls {self.other_asked}{other_place}" if self.other_asked else "does not call it"
        return (
            f"as call {self.order} of new_group rank {self.rank} calls {self.asked}{place}, "
            f"but rank {self.other_rank} {other}"
        )


def find_uneven(workers: Mapping[int, Worker]) -> UnevenGroups | None:
    """The first disagreement between two ranks, None if there is none.

    A rank that has made fewer calls disagrees only once it has gone past them: it has ended or made a step.
    """
    if any(worker.forgotten for worker in workers.values()):
        return None  # of a long run only some calls are kept, of each rank others
    calls = {
        rank: [each for each in worker.operations if each.op == "new_group" and not each.call.local]
        for rank, worker in workers.items()
    }
    longest = max((len(made) for made in calls.values()), default=0)
    for index in range(longest):
        here = {rank: made[index] for rank, made in calls.items() if len(made) > index}
        rank, first = next(iter(here.items()))
        for other, worker in workers.items():
            if other not in here and (worker.steps or worker.exited is not None):
                return _uneven(index + 1, rank, first, other, None)
            if other in here and here[other].call.ranks != first.call.ranks:
                return _uneven(index + 1, rank, first, other, here[other])
    return None


def _uneven(order: int, rank: int, call: Operation, other_rank: int, other: Operation | None) -> UnevenGroups:
    return UnevenGroups(
        order=order,
        rank=rank,
        asked=call.describe(),
        at=call.call.at,
        other_rank=other_rank,
        other_asked=other.describe() if other else "",
        other_at=other.call.at if other else None,
    )
