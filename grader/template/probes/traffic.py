"""Runs an all-reduce and notes every message, inside a submission's kernel; the same function is run on the reference.

This file is sent to the kernel as text, before any code of the submission.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ring import Ring

_send = Ring.send  # bound now, so that what a notebook does to the class later does not matter


def run_all_reduce(namespace: Mapping[str, Any], name: str, vectors: list[list[float]]) -> dict[str, Any]:
    """What the notebook's function `name` gives for one vector per worker, and who sent how many numbers in each message."""
    messages: list[tuple[int, int]] = []

    class NotedRing(Ring):
        def send(self, worker: int, numbers: list[float]) -> list[float]:
            messages.append((worker, len(numbers)))
            return _send(self, worker, numbers)

    return {"value": namespace[name](NotedRing(len(vectors)), vectors), "messages": messages}


def find_tampering() -> list[str]:
    """Signs that a notebook changed the class material, for a person to look at; they cost no points."""
    return [] if Ring.send is _send else ["Ring.send was replaced"]
