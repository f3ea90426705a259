"""The scripts as people run them: the lab's examples at full size, and the starters as handed out."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "lab_1_parallelism/examples"


@pytest.mark.parametrize(
    ("name", "ranks", "printing"),
    [
        ("primer", 1, [0]),
        ("data_parallel_gradients", 3, [0, 1, 2]),
        ("data_parallel_weights", 3, [0, 1, 2]),
        ("pipeline", 3, [2]),
    ],
)
def test_an_example_of_the_class_trains(
    run_ranks: Callable[..., Any], name: str, ranks: int, printing: list[int]
) -> None:
    results = run_ranks(ranks, 2, script=str(EXAMPLES / f"{name}.py"))
    assert [result.exit_status for result in results] == [0] * ranks, [result.output for result in results]
    for rank, result in enumerate(results):
        losses = re.findall(r"^step (\d) .*loss ([\d.]+)$", result.output, re.MULTILINE)
        assert [int(step) for step, _ in losses] == ([0, 1] if rank in printing else [])
        assert all(6 < float(loss) < 8 for _, loss in losses)


@pytest.mark.parametrize(("name", "ranks"), [("b1", 3), ("b2", 6)])
def test_a_starter_says_what_to_write(run_ranks: Callable[..., Any], name: str, ranks: int) -> None:
    results = run_ranks(ranks, 2, script=str(ROOT / f"notebooks/part_b/{name}.py"))
    for rank, result in enumerate(results):
        assert result.exit_status == 1
        assert f"{name}.py, rank {rank}: the schedule is not written yet" in result.output
        assert "Traceback" not in result.output


@pytest.mark.parametrize("name", ["b1", "b2"])
def test_a_rank_that_does_not_exist_is_refused(run_ranks: Callable[..., Any], name: str) -> None:
    (result,) = run_ranks(1, 2, module=f"solutions.{name}", arguments=("7",))
    assert result.exit_status == 2
    assert "usage" in result.output
