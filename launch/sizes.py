"""Messages and collectives whose two ends have tensors of different sizes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from .workers import MESSAGES, NOT_COLLECTIVE, SENDS, Operation

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

    @property
    def is_message(self) -> bool:
        return self.taken.op in MESSAGES

    def __str__(self) -> str:
        return f"{_say(self.rank, self.given)}, and {_say(self.other_rank, self.taken)}"


def _say(rank: int, operation: Operation) -> str:
    call = operation.call
    shape = f"({', '.join(map(str, call.shape or ()))})"
    return f"rank {rank} calls {operation.describe()} {call.at} with a tensor of shape {shape}, {call.dtype}"


def size_of(operation: Operation) -> int | None:
    """Bytes of a call's tensor; None where they are not known."""
    call = operation.call
    item = _ITEM_BYTES.get(call.dtype or "")
    return None if item is None or call.elements is None else call.elements * item


def find_too_large(ranks: Mapping[int, Communicating], rank: int) -> UnequalSizes | None:
    """The last message to a rank, or part of a collective, that is larger than the tensor that takes it."""
    index = _index(ranks)
    for taken in reversed(ranks[rank].operations):
        for other_rank, given in _other_ends(index, ranks, rank, taken):
            sizes = size_of(given), size_of(taken)
            if sizes[0] is not None and sizes[1] is not None and sizes[0] > sizes[1]:
                return UnequalSizes(other_rank, given, rank, taken)
    return None


def find_too_small(ranks: Mapping[int, Communicating], fewest: int = 0) -> UnequalSizes | None:
    """The first message of more than `fewest` elements that fills only a part of the tensor that takes it, which gloo lets pass."""
    index = _index(ranks)
    for rank, worker in ranks.items():
        for taken in worker.operations:
            if taken.op not in MESSAGES - SENDS:
                continue
            for other_rank, given in _other_ends(index, ranks, rank, taken):
                sizes = size_of(given), size_of(taken)
                if sizes[0] is None or sizes[1] is None or (given.call.elements or 0) <= fewest:
                    continue
                if sizes[0] < sizes[1]:
                    return UnequalSizes(other_rank, given, rank, taken)
    return None


class Communicating(Protocol):
    """A rank with what it communicated, while it runs or afterwards."""

    @property
    def operations(self) -> Sequence[Operation]: ...


_Index = Mapping[tuple[int, tuple[object, ...], int], Operation]  # by rank, lane and position in it


def _index(ranks: Mapping[int, Communicating]) -> _Index:
    return {
        (rank, operation.lane, operation.position): operation
        for rank, worker in ranks.items()
        for operation in worker.operations
    }


def _other_ends(
    index: _Index, ranks: Mapping[int, Communicating], rank: int, taken: Operation
) -> Iterator[tuple[int, Operation]]:
    call, peer = taken.call, taken.call.peer
    keys: list[tuple[int, tuple[object, ...], int]] = []
    if call.op in MESSAGES - SENDS and peer is not None:
        keys = [(peer, (True, rank, call.group or "world", call.tag or 0), taken.position)]
    elif call.op not in NOT_COLLECTIVE:
        keys = [(other, taken.lane, taken.position) for other in ranks if other != rank]
    return ((key[0], index[key]) for key in keys if key in index)
