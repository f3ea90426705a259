"""What stages worked on and could not compute themselves: activations of the stage before, gradients of the stage after."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from grader import Failure
from launch.deliveries import Delivery, came_from, find_deliveries
from launch.events import Content, Forward, Gradient, SourceLine
from launch.run_report import RankReport
from launch.sentences import listed

from .trial import list_passes

EXPECTED = "activations that come in messages from the stage before, and gradients that come in messages from the stage after"


@dataclass(frozen=True)
class Arrival:
    """Something that a stage worked on and that should have come from a neighbour."""

    rank: int
    neighbour: int
    what: str  # with its article
    step: int
    micro_batch: int
    content: Content
    at: SourceLine | None = None

    def __str__(self) -> str:
        place = f" {self.at}" if self.at else ""
        return f"In step {self.step} rank {self.rank} works on micro-batch {self.micro_batch}{place} with {self.what}"


def list_arrivals(ranks: Mapping[int, RankReport], pipelines: Sequence[Sequence[int]]) -> list[Arrival]:
    """All that stages worked on and that a neighbour should have sent."""
    found: list[Arrival] = []
    for pipeline in pipelines:
        for before, rank in pairwise(pipeline):
            found += _list_inputs(ranks, before, rank)
            found += _list_gradients(ranks, before, rank)
    return found


def _list_inputs(ranks: Mapping[int, RankReport], before: int, rank: int) -> Iterator[Arrival]:
    report = ranks.get(rank)
    if report is None:
        return
    steps = sorted({event.step for event in report.of(Forward)})
    for event in (event for step in steps for event in list_passes(report, step)):
        if event.input is not None:
            yield Arrival(rank, before, "an activation", event.step, event.micro_batch, event.input, event.at)


def _list_gradients(ranks: Mapping[int, RankReport], rank: int, following: int) -> Iterator[Arrival]:
    for event in ranks[rank].of(Gradient) if rank in ranks else ():
        if event.place == "output":
            yield Arrival(rank, following, "a gradient", event.step, event.micro_batch, event.content)


def find_misdirected(arrival: Arrival, ranks: Mapping[int, RankReport], world_size: int) -> Failure | None:
    """That a stage worked on what another rank than its neighbour had sent it; nothing if that can't be told."""
    here = ranks[arrival.rank]
    neighbours = list(find_deliveries(here, arrival.neighbour, world_size))
    if came_from(arrival.content, neighbours) is not False:
        return None
    for other in range(world_size):
        if other in (arrival.rank, arrival.neighbour):
            continue
        for delivery in find_deliveries(here, other, world_size):
            if delivery.content is not None and came_from(arrival.content, [delivery]):
                return _tell_misdirected(arrival, other, delivery, neighbours)
    return None


def _tell_misdirected(
    arrival: Arrival, other: int, delivery: Delivery, neighbours: Sequence[Delivery]
) -> Failure:
    is_activation = arrival.what == "an activation"
    side = "before" if is_activation else "after"
    call = delivery.operation.call
    place = f" {call.at}" if call.at else ""
    return Failure(
        f"{arrival} that it got from rank {other}, with {delivery.operation.describe()}{place}. The stage {side} it is that of rank "
        f"{arrival.neighbour}, and {tell_source(arrival, neighbours)}.",
        EXPECTED,
        f"receive {'activations' if is_activation else 'gradients'} from rank {arrival.neighbour} here, and have it send them to rank "
        f"{arrival.rank}: compare src and dst of the two sides.",
    )


def tell_source(arrival: Arrival, deliveries: Sequence[Delivery]) -> str:
    """What the neighbour sent instead, as a clause."""
    got = list(dict.fromkeys(each.operation.describe() for each in deliveries))
    if not got:
        return f"rank {arrival.neighbour} sends it nothing"
    return f"what rank {arrival.neighbour} sent it ({listed(got[:3])}) holds something else"
