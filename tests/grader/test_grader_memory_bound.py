"""A process bounds what it may hold itself, for as long as it handles what a submission made."""

from __future__ import annotations

import sys

import pytest

from grader.memory_bound import bounded_memory

MIB = 1024**2


@pytest.mark.skipif(sys.platform != "linux", reason="there is no such limit")
def test_memory_is_bounded_for_a_while() -> None:
    with bounded_memory(50 * MIB):
        assert len(bytes(10 * MIB)) == 10 * MIB
        with pytest.raises(MemoryError):
            bytes(200 * MIB)

    assert len(bytes(200 * MIB)) == 200 * MIB
