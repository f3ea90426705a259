"""What a late hand-in costs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from grader.desk.configuration import Configuration, LateRule
from grader.desk.late import describe_strangers, judge_lateness

DUE = datetime(2026, 11, 28, 12, tzinfo=UTC)
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
RULE: dict[str, Any] = {"percent_per_day": 10, "grace_minutes": 15, "cap_percent": 50}


@pytest.mark.parametrize(
    ("after", "rule", "days", "percent"),
    [
        pytest.param(15 * MINUTE, {}, 0, 0, id="within the grace"),
        pytest.param(15 * MINUTE + timedelta(seconds=1), {}, 1, 10, id="a second after it"),
        pytest.param(DAY + 15 * MINUTE, {}, 1, 10, id="a whole day"),
        pytest.param(DAY + 16 * MINUTE, {}, 2, 20, id="a second day has begun"),
        pytest.param(30 * DAY, {}, 30, 50, id="no more than the cap"),
        pytest.param(2 * DAY, {"late_days": 2}, 2, 0, id="late days cost nothing"),
        pytest.param(3 * DAY, {"late_days": 2}, 3, 10, id="and then the rest"),
        pytest.param(3 * DAY, {"extensions": {"10231": DUE + 3 * DAY}}, 0, 0, id="an extension"),
        pytest.param(3 * DAY, {"extensions": {"10232": DUE + 3 * DAY}}, 3, 30, id="another's extension"),
        pytest.param(3 * DAY, {"percent_per_day": 0}, 3, 0, id="late, without a rule"),
    ],
)
def test_each_day_costs(after: timedelta, rule: dict[str, Any], days: int, percent: float) -> None:
    configuration = Configuration(due=DUE, late=LateRule(**{**RULE, **rule}))
    found = judge_lateness("10231", DUE + after, None, configuration)

    assert (found.days, found.percent) == (days, percent) if days else found is None  # type: ignore[union-attr]


def test_the_line_says_how_late_and_what_it_costs() -> None:
    configuration = Configuration(due=DUE, late=LateRule(percent_per_day=10, late_days=1))
    found = judge_lateness("10231", DUE + 2 * DAY, True, configuration)

    assert found is not None
    assert (
        found.sentence
        == "2 days late (due 2026-11-28 12:00 UTC, handed in 2026-11-30 12:00 UTC), 1 day free, 10 % of the points."
    )
    assert found.deduct(17.25) == 1.73


def test_a_due_date_is_in_the_course_s_time_zone() -> None:
    configuration = Configuration(
        due=datetime(2026, 11, 28, 12),
        time_zone="Europe/Berlin",
        late=LateRule(percent_per_day=10),
    )
    assert judge_lateness("1", DUE - 60 * MINUTE, None, configuration) is None
    late = judge_lateness("1", DUE - 59 * MINUTE, None, configuration)
    assert late is not None
    assert "due 2026-11-28 12:00 CET, handed in 2026-11-28 12:01 CET" in late.sentence


@pytest.mark.parametrize(
    ("due", "time", "reason"),
    [(DUE, None, "gives no time"), (None, DUE, "no due date is set in grader.toml")],
)
def test_without_times_the_platform_s_word_is_told_and_costs_nothing(
    due: datetime | None, time: datetime | None, reason: str
) -> None:
    configuration = Configuration(due=due, late=LateRule(percent_per_day=10))
    found = judge_lateness("1", time, True, configuration)

    assert found is not None
    assert (found.percent, reason in found.sentence) == (0, True)
    assert judge_lateness("1", time, False, configuration) is None


def test_an_extension_of_nobody_is_told() -> None:
    configuration = Configuration(
        due=DUE, late=LateRule(extensions={"10231": DUE + DAY, "amuster": DUE + DAY})
    )

    assert "names amuster, which is nobody's key" in describe_strangers(configuration, {"10231", "10232"})
    assert describe_strangers(configuration, {"10231", "amuster"}) == ""
