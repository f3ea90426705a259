"""Steps within a batch are told from what the first stage reads."""

from __future__ import annotations

import pytest

from launch.events import Step, Tokens
from launch.run_report import RankReport, RankState
from public_tests.part_b.stepping import find_steps_within_batch


def read(step: int, position: int, sequences: int = 1, cut_from: int = 3) -> Tokens:
    rows = tuple(range(position, position + sequences))
    return Tokens(1.0, "input", step, (sequences, 8), 0, (), rows, position, cut_from)


def ranks(*events: Tokens) -> dict[int, RankReport]:
    steps = [Step(1.0, 1, number, 0.0, 1.0, 0) for number in (1, 2)]
    return {0: RankReport(0, RankState.ENDED, "ended", events=(*events, *steps))}


@pytest.mark.parametrize(
    ("events", "times"),
    [
        pytest.param([read(1, 0), read(2, 1)], 3, id="one sequence per step"),
        pytest.param([read(1, 0, 2), read(2, 2)], 2, id="unequal parts"),
    ],
)
def test_a_step_that_reads_on_in_the_same_batch(events: list[Tokens], times: int) -> None:
    failure = find_steps_within_batch(ranks(*events))
    assert failure is not None
    assert f"{times} times per batch" in failure.seen


@pytest.mark.parametrize(
    "events",
    [
        pytest.param([read(1, 0, 3), read(2, 0, 3)], id="the whole batch"),
        pytest.param([read(1, 0), read(1, 1), read(1, 2), read(2, 0)], id="all its parts"),
        pytest.param([read(1, 0), read(2, 0)], id="always its first sequence"),
        pytest.param([read(1, 0, cut_from=1), read(2, 0, cut_from=1)], id="batches of one"),
        pytest.param([read(1, 0, 3, 900), read(2, 3, 3, 900)], id="all stories in one tensor"),
        pytest.param([], id="nothing"),
    ],
)
def test_one_step_per_batch(events: list[Tokens]) -> None:
    assert find_steps_within_batch(ranks(*events)) is None
