"""Limits as data: what is valid, and what a breach says."""

from __future__ import annotations

import pytest

from grader.containment import Breach, Limits
from grader.containment.limits import readable_size, rlimits


@pytest.mark.parametrize("value", [0, -1, 1.5], ids=["zero", "negative", "fraction"])
def test_limit_that_is_no_positive_whole_number_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="cpu_s"):
        Limits(cpu_s=value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("count", "text"),
    [(512, "512 B"), (1536, "1.5 KiB"), (2560 * 1024**2, "2.5 GiB"), (64 * 1024**3, "64 GiB")],
    ids=["bytes", "fraction", "memory", "round"],
)
def test_sizes_read_as_people_write_them(count: int, text: str) -> None:
    assert readable_size(count) == text


@pytest.mark.parametrize("limit", ["resident_bytes", "processes", "cpu_s", "files", "scratch_bytes"])
def test_breach_says_what_was_seen_what_is_allowed_and_what_to_do(limit: str) -> None:
    said = Breach(limit, 3000, 2000).sentence()
    seen, _, advice = said.partition(";")
    assert "3,000" in seen or "2.9 KiB" in seen
    assert "at most" in advice
    assert advice.count(".") >= 1


def test_processor_limit_names_its_cause_before_it_kills() -> None:
    soft, hard = rlimits(Limits(cpu_s=10))["cpu"]
    assert soft == 10 < hard
