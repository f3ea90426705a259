"""What passed over the network of a run, as the operating system counts it: outside of what ranks say of themselves.

A container has a network of its own, on which nobody else sends. Without one, what others send on this machine is counted, too.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from .run_report import RankReport
from .workers import SENDS, Operation

_RECEIVED = re.compile(r"^\s*lo:\s*(\d+)", re.MULTILINE)


@dataclass
class Traffic:
    """Bytes received over the loopback of each network that a run's workers are in, from when this is made. Only Linux tells."""

    _processes: dict[str, int] = field(default_factory=dict)  # a worker in each network
    _first: dict[str, int] = field(default_factory=dict)  # where others may have sent before
    _last: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if (own := _find_network(os.getpid())) and (count := _count_received(os.getpid())) is not None:
            self._first[own] = count

    def follow(self, pids: Iterable[int]) -> None:
        """Remember a worker in each network; called whenever workers may have come or gone."""
        self._processes = {network: pid for pid in pids if (network := _find_network(pid))}

    def look(self) -> None:
        for network, pid in self._processes.items():
            count = _count_received(pid)
            if count is not None:
                self._last[network] = max(count, self._last.get(network, 0))

    @property
    def received_bytes(self) -> int | None:
        """None where nothing was counted."""
        counts = [last - self._first.get(network, 0) for network, last in self._last.items()]
        return sum(counts) if counts else None


def _find_network(pid: int) -> str | None:
    with suppress(OSError):
        return str(Path(f"/proc/{pid}/ns/net").readlink())
    return None


def _count_received(pid: int) -> int | None:
    with suppress(OSError):
        found = _RECEIVED.search(Path(f"/proc/{pid}/net/dev").read_text(encoding="ascii"))
        return int(found[1]) if found else None
    return None


def count_told_bytes(ranks: Iterable[RankReport]) -> int:
    """Bytes of all messages to other ranks, by what the ranks recorded."""
    return sum(
        _count_bytes(each)
        for rank in ranks
        for each in rank.operations
        if each.op in SENDS and each.call.peer != rank.rank
    )


def _count_bytes(operation: Operation) -> int:
    bits = re.search(r"\d+", operation.call.dtype or "")
    return (operation.call.elements or 0) * (int(bits[0]) // 8 if bits else 1)
