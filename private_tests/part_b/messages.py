"""Messages between two stages, matched: what was sent, what arrived, and which micro-batch it belonged to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from launch.events import Backward, Content
from launch.run_report import RankReport
from launch.timeline import pair_messages
from launch.workers import MESSAGES, SENDS, Operation


@dataclass(frozen=True)
class Transfer:
    """One message that arrived."""

    source: int
    destination: int
    send: Operation
    receive: Operation
    received_s: float
    received: Content | None

    @property
    def step(self) -> int:
        return self.send.call.step

    @property
    def altered(self) -> bool:
        """Whether something else arrived than what the send was given."""
        sent = self.send.call.content
        return sent is not None and self.received is not None and sent != self.received


def find_transfers(ranks: dict[int, RankReport]) -> list[Transfer]:
    """All messages that arrived, in the order in which their receivers had them."""
    operations = {number: rank.operations for number, rank in ranks.items()}
    contents = _received_contents(ranks)
    found = [
        Transfer(source, destination, send, receive, end_s, contents.get(id(receive)))
        for source, destination, send, receive, end_s in pair_messages(operations)
    ]
    return sorted(found, key=lambda transfer: transfer.received_s)


def _received_contents(ranks: dict[int, RankReport]) -> dict[int, Content]:
    """By the id of a receive, what it delivered: known when it or a wait for it returned."""
    contents: dict[int, Content] = {}
    for rank in ranks.values():
        for operation in rank.operations:
            content = operation.returned.content if operation.returned else None
            if content is not None and operation.subject.op in MESSAGES - SENDS:
                contents[id(operation.subject)] = content
    return contents


def between(transfers: list[Transfer], source: int, destination: int, step: int) -> list[Transfer]:
    """The messages from one rank to another in a step, in the order in which they arrived."""
    return [
        each
        for each in transfers
        if each.source == source and each.destination == destination and each.step == step
    ]


@dataclass(frozen=True)
class Mixup:
    """A stage went backward through one micro-batch with the gradient of another."""

    rank: int
    step: int
    micro_batch: int
    gradient_of: int
    backward: Backward


def find_mixups(
    ranks: dict[int, RankReport], transfers: list[Transfer], pipeline: tuple[int, ...], step: int
) -> Iterator[Mixup]:
    """Gradients that came back for another micro-batch than the stage took them for.

    The i-th activation that a stage sends is of its micro-batch i, the i-th gradient that it sends is of its
    i-th backward pass; messages tell which of the two ends belong together.
    """
    for stage, following in pairwise(pipeline):
        forward = between(transfers, stage, following, step)
        # Number of a micro-batch in the following stage -> its number in this one.
        sent = sorted(forward, key=lambda each: each.send.start_s)
        here = {there: sent.index(each) for there, each in enumerate(forward)}
        backwards = _backwards(ranks[following], step)
        returned = sorted(between(transfers, following, stage, step), key=lambda each: each.send.start_s)
        for backward in _backwards(ranks[stage], step):
            for index, each in enumerate(returned[: len(backwards)]):
                if backward.content is not None and each.received == backward.content:
                    belongs = here.get(backwards[index].micro_batches[0])
                    own = backward.micro_batches[0]
                    if belongs is not None and belongs != own:
                        yield Mixup(stage, step, own, belongs, backward)
                    break


def _backwards(rank: RankReport, step: int) -> list[Backward]:
    return [event for event in rank.of(Backward) if event.step == step and len(event.micro_batches) == 1]
