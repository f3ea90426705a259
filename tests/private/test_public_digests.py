"""When digests of tensors agree, and how they are combined."""

from __future__ import annotations

import math
from typing import Any

import pytest

from public_tests.digests import combine_tensors, compare_directions, match_tensors


def digest(*tensors: list[float]) -> list[dict[str, Any]]:
    return [{"shape": [len(entries)], "norm": 1.0, "entries": entries} for entries in tensors]


START, RIGHT = digest([1.0, 2.0], [3.0]), digest([1.1, 1.9], [3.2])


@pytest.mark.parametrize(
    ("seen", "matches"),
    [
        (RIGHT, True),
        (digest([1.101, 1.9], [3.2]), True),
        (digest([1.13, 1.9], [3.2]), False),
        (START, False),
        (digest([1.1, 1.9]), False),
        (digest([1.1, 1.9], [3.2], [0.0]), False),
        (digest([3.2], [1.1, 1.9]), False),
        (digest([1.1, math.nan], [3.2]), False),
        ([{"shape": [2]}, {"shape": [1]}], False),
        ([{**RIGHT[0], "entries": ["1.1", 1.9]}, RIGHT[1]], False),
        (["a", "b"], False),
        (None, False),
        ({}, False),
    ],
    ids=[
        *[
            "equal",
            "rounding",
            "a seventh off",
            "no update",
            "a tensor missing",
            "one more",
            "other order",
            "NaN",
        ],
        *["no entries", "text", "no digests", "None", "a dict"],
    ],
)
def test_tensors_match_up_to_a_part_of_the_update(seen: Any, matches: bool) -> None:
    assert match_tensors(seen, RIGHT, START) is matches


def test_tensors_match_relative_to_their_size_without_a_start() -> None:
    assert match_tensors(digest([1.2, 1.9], [3.2]), RIGHT)
    assert not match_tensors(digest([1.5, 1.9], [3.2]), RIGHT)


def test_digests_are_combined_entry_by_entry() -> None:
    combined = combine_tensors((2.0, START), (-1.0, RIGHT))

    assert match_tensors(combined, digest([0.9, 2.1], [2.8]))


@pytest.mark.parametrize(
    ("seen", "cosine", "length"),
    [
        pytest.param([3.0, 4.0], 1.0, 1.0, id="the same"),
        pytest.param([-6.0, -8.0], 1.0, 2.0, id="the opposite, twice as long"),
        pytest.param([0.4, -0.3], 0.0, 0.1, id="short and across"),
        pytest.param([0.0, 0.0], 0.0, 0.0, id="nothing"),
    ],
)
def test_directions_are_compared(seen: list[float], cosine: float, length: float) -> None:
    one, other = ([{"shape": [2], "entries": entries}] for entries in (seen, [3.0, 4.0]))
    assert compare_directions(one, other) == pytest.approx((cosine, length))
