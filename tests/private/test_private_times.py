"""wall_time is judged by the seconds that the clients' own processor took."""

from __future__ import annotations

from typing import Any

import pytest

from grader import Failure
from private_tests.questions import GRAD
from private_tests.test_1_servers import _check_times


def make_calls(*seconds: Any) -> list[list[dict[str, Any]]]:
    return [[{"seconds": value}, {"seconds": 0.0}] for value in seconds]


@pytest.mark.parametrize(
    ("times", "calls"),
    [
        ([1.0, 3.0], make_calls(1.0, 2.0)),
        ([1.2, 3.5], make_calls(1.0, 2.0)),
        ([0.99, 2.95], make_calls(1.0, 2.0)),
        ([0.01, 0.02], make_calls(0.02, 0.02)),
        ([1.0, 1.5], []),
        ([1.0, 1.5], make_calls("2", None)),
    ],
    ids=["added up", "with the server's time", "by a coarse clock", "short", "calls unknown", "forged"],
)
def test_times_that_grow_by_the_slowest_client_pass(
    times: list[float], calls: list[list[dict[str, Any]]]
) -> None:
    _check_times(GRAD, times, calls)


@pytest.mark.parametrize(
    ("times", "calls"),
    [
        ([1.0, 2.0], make_calls(1.0, 2.0)),
        ([1.0, 1.0], []),
        ([0.0, 0.0], make_calls(0.0, 0.0)),
        ([-1.0, 2.0], make_calls(0.0, 0.0)),
    ],
    ids=["each round's own, and by chance in order", "the same", "none", "before the start"],
)
def test_times_that_do_not_are_refused(times: list[float], calls: list[list[dict[str, Any]]]) -> None:
    with pytest.raises(Failure, match="does not grow by the time of each round"):
        _check_times(GRAD, times, calls)
