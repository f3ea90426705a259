"""RunResult's table."""

from __future__ import annotations

import pytest

from lab_2_hfl.results import ETA, RunResult

COLUMNS = ["Round", "Algorithm", "N", "C", "B", "E", ETA, "Seed", "Message count", "Test accuracy"]


def make_result(b: int = 100) -> RunResult:
    return RunResult("FedAvg", 10, 0.1, b, 2, 0.01, 7, [0.5, 1.0], [2, 4], [50.0, 60.0])


def test_a_row_is_a_round() -> None:
    table = make_result().as_df()

    assert list(table.columns) == COLUMNS
    assert table[["Round", "N", "Message count", "Test accuracy"]].to_numpy().tolist() == [
        [1, 10, 2, 50.0],
        [2, 10, 4, 60.0],
    ]


def test_wall_time_is_a_column_if_asked_for() -> None:
    table = make_result().as_df(skip_wtime=False)

    assert list(table.columns) == [*COLUMNS[:8], "Wall time", *COLUMNS[8:]]
    assert table["Wall time"].tolist() == [0.5, 1.0]


@pytest.mark.parametrize(("b", "shown"), [(100, 100), (-1, "∞")])
def test_batch_size_minus_one_is_shown_as_infinity(b: int, shown: object) -> None:
    assert make_result(b).as_df()["B"].tolist() == [shown, shown]


def test_a_run_without_rounds_is_an_empty_table() -> None:
    table = RunResult("FedAvg", 10, 0.1, 100, 2, 0.01, 7).as_df()

    assert (len(table), list(table.columns)) == (0, COLUMNS)


def test_results_do_not_share_their_lists() -> None:
    first, second = (RunResult("FedAvg", 10, 0.1, 100, 2, 0.01, 7) for _ in range(2))
    first.test_accuracy.append(1.0)

    assert second.test_accuracy == []
