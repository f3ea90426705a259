"""Workers in a ring: each can send numbers to its right neighbour only, and what it sends is counted."""

from __future__ import annotations


class Ring:
    """Workers 0 to `workers - 1`; the right neighbour of the last one is worker 0.

    sent: for each worker the lengths of the messages that it has sent
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self.sent: list[list[int]] = [[] for _ in range(workers)]

    def send(self, worker: int, numbers: list[float]) -> list[float]:
        """Send numbers from `worker` to its right neighbour. Returns what arrives there: a copy."""
        self.sent[worker].append(len(numbers))
        return list(numbers)
