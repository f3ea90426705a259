"""Messages between two stages, matched: what was sent, what arrived, and which micro-batch it belonged to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from launch.deliveries import is_contained, is_multiple, is_sum
from launch.events import Backward, Content, Forward, Gradient, SourceLine
from launch.run_report import RankReport
from launch.timeline import pair_messages
from launch.workers import MESSAGES, SENDS, Operation

from .trial import list_passes

ROUNDED = 0.02  # of a tensor's largest sample, lost where it was sent with fewer bits


def is_same(one: Content, other: Content) -> bool:
    """Whether two tensors have the same values; their sums may have been added up in other orders."""
    return one.sketch == other.sketch and is_multiple(one, other) if one.sketch else one == other


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
        return sent is not None and self.received is not None and not is_same(sent, self.received)


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


@dataclass(frozen=True)
class Mixup:
    """A stage went backward through one micro-batch with the gradient of another."""

    rank: int
    following: int
    step: int
    micro_batch: int
    gradient_of: int
    at: SourceLine | None


def find_mixups(ranks: dict[int, RankReport], pipeline: tuple[int, ...], step: int) -> Iterator[Mixup]:
    """Gradients with which a stage went backward through another micro-batch than they were computed for."""
    for rank, following in pairwise(pipeline):
        here = match_micro_batches(ranks[rank], ranks[following], step)
        # The gradients that the following stage computed, by the micro-batch's number in this one.
        computed = {
            here[j]: content for j, content in _gradients(ranks[following], "input", step) if j in here
        }
        for own, content in _gradients(ranks[rank], "output", step):
            if own not in computed or is_multiple(content, computed[own]):
                continue
            for other, gradient in computed.items():
                if is_multiple(content, gradient):
                    yield Mixup(rank, following, step, own, other, _find_backward(ranks[rank], own, step))


@dataclass(frozen=True)
class Stray:
    """A stage went backward with something that its follower sent, and that is the gradient of none of its follower's inputs."""

    rank: int
    following: int
    step: int
    micro_batch: int
    is_input: bool  # it is one of these inputs itself
    at: SourceLine | None


def find_strays(ranks: dict[int, RankReport], pipeline: tuple[int, ...], step: int) -> Iterator[Stray]:
    """Where no gradient that a stage used is one that the following stage computed."""
    for rank, following in pairwise(pipeline):
        computed = [content for _, content in _gradients(ranks[following], "input", step)]
        used = _gradients(ranks[rank], "output", step)
        if not used or not computed or any(_is_made_of(content, computed) for _, content in used):
            continue
        inputs = [event.input for _, event in _forwards(ranks[following], step) if event.input is not None]
        for number, content in used:
            is_input = any(is_same(content, given) for given in inputs)
            yield Stray(rank, following, step, number, is_input, _find_backward(ranks[rank], number, step))


def _is_made_of(content: Content, computed: list[Content]) -> bool:
    """Whether a tensor may be one of others, scaled, rounded, added up, cut or stacked."""
    if any(is_multiple(content, each, ROUNDED) for each in computed) or is_sum(content, computed):
        return True
    return is_contained(content, computed) is not False or any(
        is_contained(each, [content]) is not False for each in computed
    )


def match_micro_batches(rank: RankReport, following: RankReport, step: int) -> dict[int, int]:
    """Numbers of micro-batches in the following stage, and in this one: its output is the other's input."""
    made = {k: event.output for k, event in _forwards(rank, step) if event.output is not None}
    return {
        j: k
        for j, event in _forwards(following, step)
        for k, output in made.items()
        if event.input is not None and is_multiple(event.input, output)
    }


def trace_micro_batches(ranks: dict[int, RankReport], pipeline: tuple[int, ...], step: int) -> dict[int, int]:
    """Numbers of micro-batches in the last stage, and in the first one."""
    numbers = {k: k for k, _ in _forwards(ranks[pipeline[0]], step)}
    for rank, following in pairwise(pipeline):
        here = match_micro_batches(ranks[rank], ranks[following], step)
        numbers = {j: numbers[k] for j, k in here.items() if k in numbers}
    return numbers


def _forwards(rank: RankReport, step: int) -> list[tuple[int, Forward]]:
    return [(event.micro_batch, event) for event in list_passes(rank, step)]


def _gradients(rank: RankReport, place: str, step: int) -> list[tuple[int, Content]]:
    return [
        (event.micro_batch, event.content)
        for event in rank.of(Gradient)
        if event.step == step and event.place == place
    ]


def _find_backward(rank: RankReport, micro_batch: int, step: int) -> SourceLine | None:
    found = (e.at for e in rank.of(Backward) if e.step == step and micro_batch in e.micro_batches)
    return next(found, None)
