"""Messages and collectives whose two ends have tensors of different sizes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .workers import MESSAGES, NOT_COLLECTIVE, SENDS, Operation, Worker

_ITEM_BYTES = {
    **{
        "float64": 8,
        "int64": 8,
        "complex64": 8,
        "float32": 4,
        "int32": 4,
        "float16": 2,
        "bfloat16": 2,
        "int16": 2,
    },
    **{"int8": 1, "uint8": 1, "bool": 1},
}


@dataclass(frozen=True)
class UnequalSizes:
    """What one rank gives and what another one takes, which should be as large."""

    rank: int
    given: Operation
    other_rank: int
    taken: Operation

    def __str__(self) -> str:
        return f"{_say(self.rank, self.given)}, {_say(self.other_rank, self.taken)}"


def _say(rank: int, operation: Operation) -> str:
    call = operation.call
    shape = f"({', '.join(map(str, call.shape or ()))})"
    return f"rank {rank} calls {operation.describe()} {call.at} with a tensor of shape {shape}, {call.dtype}"


def size_of(operation: Operation) -> int | None:
    """Bytes of a call's tensor; None where they are not known."""
    call = operation.call
    item = _ITEM_BYTES.get(call.dtype or "")
    return None if item is None or call.elements is None else call.elements * item


def find_too_large(ranks: Mapping[int, Worker], rank: int) -> UnequalSizes | None:
    """The last message to a rank, or part of a collective, that is larger than the tensor that takes it."""
    for taken in reversed(ranks[rank].operations):
        for other_rank, given in _other_ends(ranks, rank, taken):
            sizes = size_of(given), size_of(taken)
            if sizes[0] is not None and sizes[1] is not None and sizes[0] > sizes[1]:
                return UnequalSizes(other_rank, given, rank, taken)
    return None


def _other_ends(ranks: Mapping[int, Worker], rank: int, taken: Operation) -> Iterator[tuple[int, Operation]]:
    call, peer = taken.call, taken.call.peer
    if call.op in MESSAGES - SENDS and peer is not None and peer in ranks:
        lane = (True, rank, call.group or "world", call.tag or 0)
        yield from (
            (peer, each)
            for each in ranks[peer].operations
            if each.lane == lane and each.position == taken.position
        )
    elif call.op not in NOT_COLLECTIVE:
        for other, worker in ranks.items():
            if other != rank:
                yield from (
                    (other, each)
                    for each in worker.operations
                    if each.lane == taken.lane and each.position == taken.position
                )
