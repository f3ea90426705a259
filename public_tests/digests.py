"""Digests of tensors: how near two of them are, and that of a weighted sum."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from grader import is_number

# For each tensor its `shape`, and some of its `entries`.
Digest = Sequence[Mapping[str, Any]]

# Two right ways to compute the same update differ by rounding, which training enlarges: where it decides which of two nearly equal values
# a max-pool takes. On the hidden checks' questions that was seen to stay below 0.001 of the update.
_RELATIVE_TOLERANCE = 0.1
_ABSOLUTE_TOLERANCE = 2e-6


def match_tensors(
    seen: Any, expected: Digest, start: Digest | None = None, tolerance: float = _RELATIVE_TOLERANCE
) -> bool:
    """Whether digests of tensors agree: the root of the mean square of their relative Euclidean distances is at most `tolerance`.

    start: the tensors before an update; the distance is then relative to the update, so that "no update" does not match
    """
    if not is_like(seen, expected):
        return False
    origins = start if start is not None else [{"entries": [0.0] * len(part["entries"])} for part in expected]
    distances = [
        _measure_distance(a["entries"], b["entries"], origin["entries"])
        for a, b, origin in zip(seen, expected, origins, strict=True)
    ]
    return math.sqrt(math.fsum(d * d for d in distances) / max(1, len(distances))) <= tolerance


def is_like(seen: Any, expected: Digest) -> bool:
    """Whether `seen` is a digest of finite tensors of the same shapes."""
    return (
        isinstance(seen, list)
        and len(seen) == len(expected)
        and all(_is_part_like(a, b) for a, b in zip(seen, expected, strict=True))
    )


def compare_directions(seen: Digest, expected: Digest) -> tuple[float, float]:
    """The cosine of the angle between tensors and others like them, without its sign, and how long they are in comparison.

    Weights after a short training point where those before it do, and are as long. A gradient does neither; weights minus others that have
    nothing to do with them point half-way, at 0.7.
    """
    pairs = [
        pair
        for a, b in zip(seen, expected, strict=True)
        for pair in zip(a["entries"], b["entries"], strict=True)
    ]
    one, other = math.hypot(*(a for a, _ in pairs)), math.hypot(*(b for _, b in pairs))
    if not one or not other:
        return 0.0, 0.0
    return abs(math.fsum(a * b for a, b in pairs)) / one / other, one / other


def _is_part_like(seen: Any, expected: Mapping[str, Any]) -> bool:
    if not isinstance(seen, dict) or seen.get("shape") != expected["shape"]:
        return False
    entries = seen.get("entries")
    return (
        isinstance(entries, list)
        and len(entries) == len(expected["entries"])
        and all(is_number(entry) and math.isfinite(entry) for entry in entries)
    )


def _measure_distance(seen: Sequence[float], expected: Sequence[float], start: Sequence[float]) -> float:
    slack = _ABSOLUTE_TOLERANCE * math.sqrt(len(seen))
    size = math.dist(expected, start)
    return max(0.0, math.dist(seen, expected) - slack) / max(size, slack)


def combine_tensors(*terms: tuple[float, Digest]) -> list[dict[str, Any]]:
    """The digest of a weighted sum of tensors of the same shapes, from their digests: entries are linear."""
    return [
        {
            "shape": parts[0]["shape"],
            "entries": [
                sum(weight * entry for (weight, _), entry in zip(terms, entries, strict=True))
                for entries in zip(*(part["entries"] for part in parts), strict=True)
            ],
        }
        for parts in zip(*(digest for _, digest in terms), strict=True)
    ]
