"""What one rank got from another, whatever carried it: messages, collectives or object lists.

Which parts of it a stage then worked on is known from their content, never from tags or from order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from .events import Content
from .run_report import RankReport
from .waits import is_collective, members
from .workers import MESSAGES, SENDS, Operation

SKETCH = 64  # hashes in a sketch, unless there are fewer values
KNOWN_SHARE = 0.9  # of a tensor's values found elsewhere: it came from there
SCALE_TOLERANCE = 1e-3
PICKLED_HEADER = 1_000  # bytes of an object that is no more than shapes and names
MOST_SUMMED = 6  # tensors of which sums are tried
FEW = 16  # numbers: losses or counts, not a part of a model's work


@dataclass(frozen=True)
class Delivery:
    """Something that arrived. `content` is None where it is not known, as of a receive that nobody waited for."""

    operation: Operation
    content: Content | None


def find_deliveries(rank: RankReport, source: int, ranks: int) -> Iterator[Delivery]:
    """What a rank got from another one, in order; `ranks` are in the world."""
    finished: dict[int, Operation] = {}
    for operation in rank.operations:
        if operation.returned is not None and operation.returned.content is not None:
            finished[id(operation.subject)] = operation
    for operation in rank.operations:
        if operation.op == "wait" or not _brings_from(operation, source, rank.rank, ranks):
            continue
        done = finished.get(id(operation))
        yield Delivery(operation, done.returned.content if done and done.returned else None)


def _brings_from(operation: Operation, source: int, rank: int, ranks: int) -> bool:
    call, returned = operation.call, operation.returned
    if operation.op in MESSAGES - SENDS or operation.op == "recv_object_list":
        peer = call.peer if call.peer is not None or returned is None else returned.source
        return peer in (source, None)
    is_barrier = operation.op in ("barrier", "monitored_barrier")
    if is_barrier or not is_collective(operation) or source not in members(call.group or "world", ranks):
        return False
    if operation.op in ("broadcast", "broadcast_object_list", "scatter", "scatter_object_list"):
        return call.peer == source
    return call.peer in (None, rank)


def is_contained(part: Content, wholes: Sequence[Content]) -> bool | None:
    """Whether the values of a tensor are among those of others, all but zeros; None if sketches can't tell."""
    # Of a cut sketch all hashes up to its last one are known: only up to there can be compared.
    known = min((whole.sketch[-1] for whole in wholes if len(whole.sketch) >= SKETCH), default=None)
    looked_for = [value for value in part.sketch if known is None or value <= known]
    if not looked_for:
        return None
    there = {value for whole in wholes for value in whole.sketch}
    return sum(value in there for value in looked_for) >= KNOWN_SHARE * len(looked_for)


def is_sum(whole: Content, parts: Sequence[Content]) -> bool:
    """Whether a tensor is the sum or the mean of some others, by their samples."""
    alike = [part.samples for part in parts if len(part.samples) == len(whole.samples)][:MOST_SUMMED]
    return any(
        is_multiple(whole, Content(0.0, tuple(map(sum, zip(*chosen, strict=True)))))
        for count in range(2, len(alike) + 1)
        for chosen in combinations(alike, count)
    )


def is_multiple(one: Content, other: Content, tolerance: float = SCALE_TOLERANCE) -> bool:
    """Whether one tensor is the other times a number, by their samples."""
    if len(one.samples) != len(other.samples):
        return False
    largest = max(range(len(other.samples)), key=lambda i: abs(other.samples[i]), default=None)
    if largest is None or not other.samples[largest]:
        return False
    scale = one.samples[largest] / other.samples[largest]
    error = max(abs(a - scale * b) for a, b in zip(one.samples, other.samples, strict=True))
    return scale != 0 and error <= tolerance * abs(one.samples[largest])


def _is_unknown(delivery: Delivery) -> bool:
    """Whether something may have arrived that can't be recognised: nobody waited for it, or it was pickled."""
    call = delivery.operation.call
    if call.dtype == "uint8":
        return (call.elements or 0) > PICKLED_HEADER
    return delivery.content is None and (call.elements or 0) > FEW


def came_from(part: Content, deliveries: Sequence[Delivery]) -> bool | None:
    """Whether a tensor arrived with these deliveries, as it is, scaled, or as a part; None if that can't be told."""
    contents = [each.content for each in deliveries if each.content is not None]
    contained = is_contained(part, contents)
    if contained or any(is_multiple(part, content) for content in contents):
        return True
    unknown = any(_is_unknown(each) for each in deliveries)
    return None if unknown or (contained is None and contents) else False
