"""A run in time: which rank computed what when, the pipelines that its messages show, and their bubbles."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from .events import Backward, Event, Forward, Step
from .waits import is_collective
from .workers import MESSAGES, SENDS, Operation


@dataclass(frozen=True)
class Box:
    """A stretch of computing: a forward or backward pass of one or more micro-batches."""

    kind: str  # "forward" or "backward"
    start_s: float
    end_s: float
    step: int
    micro_batches: tuple[int, ...]


@dataclass(frozen=True)
class Pause:
    """A stretch spent in a call that waits for others; `end_s` is None if it never returned."""

    kind: str  # "message" or "group"
    start_s: float
    end_s: float | None
    step: int
    call: str


@dataclass(frozen=True)
class Message:
    """A message from the moment its send began to the moment its receive was over."""

    source: int
    destination: int
    sent_s: float
    received_s: float
    step: int


@dataclass
class Row:
    """One rank's part of the timeline."""

    rank: int
    boxes: list[Box] = field(default_factory=list)
    pauses: list[Pause] = field(default_factory=list)
    steps: dict[int, tuple[float, float]] = field(default_factory=dict)  # optimizer steps: start and end


@dataclass(frozen=True)
class Pipeline:
    """Ranks connected by messages. `bubble` is the share of their time in which they did not compute.

    It is measured from the first forward to the last backward of a step that all ranks completed, and is
    the median over such steps, the first left out where there are more. `ideal_bubble` is (p - 1) / (m + p
    - 1) for p stages and m micro-batches of equal cost (Huang et al. 2019, GPipe, section 2.3).
    """

    ranks: tuple[int, ...]
    micro_batches: int
    bubble: float | None
    ideal_bubble: float


@dataclass(frozen=True)
class Timeline:
    """All ranks of a run."""

    rows: tuple[Row, ...]
    messages: tuple[Message, ...]
    pipelines: tuple[Pipeline, ...]


def build(events: Mapping[int, Sequence[Event]], operations: Mapping[int, Sequence[Operation]]) -> Timeline:
    """The timeline of a run from what each rank recorded."""
    rows = tuple(_row(rank, events[rank], operations.get(rank, ())) for rank in sorted(events))
    messages = tuple(sorted(match_messages(operations), key=lambda message: message.sent_s))
    return Timeline(rows, messages, tuple(_pipeline(ranks, rows) for ranks in _connected(rows, messages)))


def _row(rank: int, events: Iterable[Event], operations: Iterable[Operation]) -> Row:
    row = Row(rank)
    for event in events:
        match event:
            case Forward(repeated=False):
                batches = (event.micro_batch,)
                row.boxes.append(Box("forward", event.start, event.end, event.step, batches))
            case Backward():
                row.boxes.append(Box("backward", event.start, event.end, event.step, event.micro_batches))
            case Step():
                row.steps.setdefault(event.number, (event.start, event.end))
            case _:
                pass
    for operation in operations:
        subject = operation.subject
        if operation.op in ("isend", "irecv") or (operation.call.background and subject is operation):
            continue  # begun in the background: nothing waits here
        kind = "message" if subject.op in MESSAGES else "group" if is_collective(subject) else "setup"
        row.pauses.append(
            Pause(kind, operation.start_s, operation.end_s, operation.call.step, operation.describe())
        )
    return row


def match_messages(operations: Mapping[int, Sequence[Operation]]) -> Iterable[Message]:
    """Pairs of sends and receives that met, as stretches of time."""
    for source, destination, send, _, end_s in pair_messages(operations):
        yield Message(source, destination, send.start_s, end_s, send.call.step)


def pair_messages(
    operations: Mapping[int, Sequence[Operation]],
) -> Iterable[tuple[int, int, Operation, Operation, float]]:
    """Source, destination, send, receive and time of arrival of each message: the n-th of a channel meets the n-th."""
    # 1. Sort sends and receives by channel: source, destination, group and tag.
    sends: dict[tuple[int, int, str, int], dict[int, Operation]] = {}
    receives: dict[tuple[int, int, str, int], dict[int, Operation]] = {}
    over: dict[int, float] = {}  # id of an operation's object -> when a wait for it returned
    for rank, made in operations.items():
        for operation in made:
            call = operation.call
            if operation.target is not None and operation.end_s is not None:
                over.setdefault(id(operation.target), operation.end_s)
            if operation.op not in MESSAGES or call.peer is None:
                continue
            group, tag = call.group or "world", call.tag or 0
            if operation.op in SENDS:
                sends.setdefault((rank, call.peer, group, tag), {})[operation.position] = operation
            else:
                receives.setdefault((call.peer, rank, group, tag), {})[operation.position] = operation
    # 2. Within a channel they meet in order; a message has arrived when its receive, or the wait for it, returned.
    for channel, sent in sends.items():
        received = receives.get(channel, {})
        for position, send in sent.items():
            receive = received.get(position)
            if receive is None:
                continue
            end_s = over.get(id(receive)) if receive.op == "irecv" else receive.end_s
            if end_s is not None:
                yield channel[0], channel[1], send, receive, end_s


def _connected(rows: Sequence[Row], messages: Iterable[Message]) -> list[tuple[int, ...]]:
    """Sets of ranks that exchange messages, each sorted; a rank that exchanges none is in none of them."""
    group: dict[int, set[int]] = {row.rank: {row.rank} for row in rows}
    for message in messages:
        one, other = group.get(message.source), group.get(message.destination)
        if one is None or other is None or one is other:
            continue
        one |= other
        for rank in other:
            group[rank] = one
    return sorted({tuple(sorted(ranks)) for ranks in group.values() if len(ranks) > 1})


def _pipeline(ranks: tuple[int, ...], rows: Sequence[Row]) -> Pipeline:
    # 1. The bubble and the micro-batches of each step that all ranks completed.
    members = [row for row in rows if row.rank in ranks]
    shares, counts = [], []
    for step in sorted(set[int].intersection(*(set(row.steps) for row in members))):
        boxes = [[box for box in row.boxes if box.step == step] for row in members]
        if not all(boxes) or not any(box.kind == "backward" for row in boxes for box in row):
            continue
        shares.append(_bubble(boxes))
        counts.append(max(sum(box.kind == "forward" for box in row) for row in boxes))
    # 2. Without such a step, the micro-batches as far as they came.
    if not counts:
        counts = [max(_forwards_of_a_step(row) for row in members)]
    # 3. Medians; the first step, which warms up, is left out where there are more.
    stages = len(members)
    settled = shares[1:] or shares
    micro_batches = max(1, round(statistics.median(counts)))
    return Pipeline(
        ranks,
        micro_batches,
        statistics.median(settled) if settled else None,
        (stages - 1) / (micro_batches + stages - 1),
    )


def _forwards_of_a_step(row: Row) -> int:
    """The most forward passes that a rank made in one step."""
    counts = Counter(box.step for box in row.boxes if box.kind == "forward")
    return max(counts.values(), default=0)


def _bubble(boxes: Sequence[Sequence[Box]]) -> float:
    """The share of one step in which the ranks, taken together, did not compute."""
    first = min(box.start_s for row in boxes for box in row)
    last = max(box.end_s for row in boxes for box in row)
    busy = sum(_covered(row) for row in boxes)
    return 1 - busy / (len(boxes) * (last - first)) if last > first else 0.0


def _covered(boxes: Iterable[Box]) -> float:
    """Length of the union of stretches: threads of one rank may compute at once."""
    total, until = 0.0, float("-inf")
    for start, end in sorted((box.start_s, box.end_s) for box in boxes):
        total += max(0.0, end - max(start, until))
        until = max(until, end)
    return total
