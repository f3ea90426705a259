"""What a late hand-in costs, by the rule in `grader.toml`: computed whenever a score is, and never stored."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ..intake import listed, show
from .configuration import Configuration

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Lateness:
    """How late a hand-in was, as a line of the score.

    days: begun after the due date and the grace; free_days: those of them that cost nothing
    percent: of the points that are taken; sentence: all of it in words
    """

    days: int
    free_days: int
    percent: float
    sentence: str

    def deduct(self, score: float) -> float:
        """The points that are taken from a score."""
        return round(score * self.percent / 100, 2)


def describe_strangers(configuration: Configuration, keys: Collection[str]) -> str:
    """Who has an extension and is in no gradebook, since a key that is misspelt gives nobody more time; empty if there is none."""
    strangers = [key for key in configuration.late.extensions if key not in keys]
    if not strangers:
        return ""
    return (
        f"`extensions` in grader.toml names {listed([show(each) for each in strangers], len(strangers))}, which is nobody's key here, so that "
        "nobody gets more time for it: keys are what `grader batch … --dry-run` prints first."
    )


def judge_lateness(
    party: str, handed_in_at: datetime | None, is_late: bool | None, configuration: Configuration
) -> Lateness | None:
    """How late a party's hand-in was; None if it was in time, or nobody knows.

    Where the platform calls a hand-in late and gives no time, nothing is taken: a person decides.
    """
    rule = configuration.late
    due = rule.extensions.get(party, configuration.due)
    if handed_in_at is None or due is None:
        reason = "gives no time" if handed_in_at is None else "no due date is set in grader.toml"
        sentence = f"The platform calls this hand-in late, but {reason}: nothing is taken off."
        return Lateness(0, 0, 0, sentence) if is_late else None
    due = configuration.to_utc(due)
    over = handed_in_at.astimezone(UTC) - due - timedelta(minutes=rule.grace_minutes)
    if over <= timedelta():
        return None
    days = math.ceil(over / _DAY)
    free = min(days, rule.late_days)
    percent = min(rule.cap_percent, (days - free) * rule.percent_per_day)
    parts = [
        f"{_count(days)} late (due {configuration.tell_time(due)}, handed in {configuration.tell_time(handed_in_at)})"
    ]
    if free:
        parts.append(f"{_count(free)} free")
    parts.append(f"{percent:g} % of the points" if percent else "nothing is taken off")
    return Lateness(days, free, percent, f"{', '.join(parts)}.")


def _count(days: int) -> str:
    return f"{days} day{'s' * (days != 1)}"
