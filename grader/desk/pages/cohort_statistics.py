"""What a cohort's results say of the checks: how many pass, how well a check tells strong from weak work, and which mistakes are frequent."""

from __future__ import annotations

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ...untouched import NOT_BEGUN
from ..gradebook import ExerciseStanding, PartyStanding, ResultEntry

BINS = 10  # of a histogram, and one more for all points


@dataclass(frozen=True)
class CauseCount:
    """A mistake, those who made it, and what one of them was told; `check` has found it."""

    cause: str
    exercise: str
    check: str
    parties: Sequence[PartyStanding]
    example: ResultEntry

    @property
    def words(self) -> str:
        return self.cause.replace("-", " ")


@dataclass(frozen=True)
class CheckCount:
    """A check and what came of it.

    difficulty: the share of its points that was earned; discrimination: the correlation of its points with the party's other points, None
    where one of them does not vary
    """

    exercise: str
    name: str
    passed: int
    failed: int
    unreached: int
    undecided: int
    difficulty: float | None
    discrimination: float | None


@dataclass
class _Scores:
    """Of one check: by party its points and the party's others, and how often it ended how."""

    outcomes: Counter[str] = field(default_factory=Counter)
    own: list[float] = field(default_factory=list)
    others: list[float] = field(default_factory=list)


def list_shown(party: PartyStanding, exercise: ExerciseStanding) -> Sequence[ResultEntry]:
    """The results that decide an exercise, else those of the latest run, which could not."""
    run = party.latest_run
    return exercise.results or (run.list_of(exercise.exercise.id) if run is not None else ())


def count_checks(parties: Iterable[PartyStanding]) -> list[CheckCount]:
    """Every automatic check, in the order of the first report that has it."""
    scores: dict[tuple[str, str], _Scores] = defaultdict(_Scores)
    for party in parties:
        results = [
            each
            for exercise in party.exercises
            for each in list_shown(party, exercise)
            if each.outcome != "manual"
        ]
        total = math.fsum(each.score for each in results)
        for each in results:
            kept = scores[each.exercise, each.name]
            kept.outcomes[_name_outcome(each)] += 1
            if not each.is_undecided:
                share = each.score / each.max_score if each.max_score else float(each.outcome == "passed")
                kept.own.append(share)
                kept.others.append(total - each.score)
    return [
        CheckCount(
            exercise,
            name,
            kept.outcomes["passed"],
            kept.outcomes["failed"],
            kept.outcomes["unreached"],
            kept.outcomes["undecided"],
            statistics.fmean(kept.own) if kept.own else None,
            correlate(kept.own, kept.others),
        )
        for (exercise, name), kept in scores.items()
    ]


def _name_outcome(result: ResultEntry) -> str:
    if result.outcome in ("machine", "broken"):
        return "undecided"
    if result.facts.get("not_reached"):
        return "unreached"
    return "passed" if result.outcome == "passed" else "failed"


def correlate(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Pearson's correlation; None where it is not defined.

    >>> correlate([0, 1], [2, 5])
    1.0
    """
    try:
        return round(statistics.correlation(one, other), 3)
    except statistics.StatisticsError:  # fewer than two, or all the same
        return None


def count_causes(parties: Iterable[PartyStanding]) -> list[CauseCount]:
    """Mistakes by exercise and cause, the most frequent first. One that a party makes in several checks counts once."""
    made: dict[tuple[str, str], dict[int, tuple[PartyStanding, ResultEntry]]] = defaultdict(dict)
    for party in parties:
        for exercise in party.exercises:
            for each in list_shown(party, exercise):
                if _name_outcome(each) == "failed" and each.outcome == "failed":
                    cause = _name_cause(party, exercise, each)
                    made[each.exercise, cause].setdefault(party.id, (party, each))
    counted = [
        CauseCount(
            cause,
            exercise,
            next(iter(found.values()))[1].name,
            [party for party, _ in found.values()],
            next(iter(found.values()))[1],
        )
        for (exercise, cause), found in made.items()
    ]
    return sorted(counted, key=lambda each: -len(each.parties))


def _name_cause(party: PartyStanding, exercise: ExerciseStanding, result: ResultEntry) -> str:
    """Who has not begun an exercise has made none of its mistakes."""
    run = exercise.run or party.latest_run
    if run is not None and exercise.exercise.id in run.facts.get("untouched", ()):
        return NOT_BEGUN
    return str(result.facts.get("cause") or result.name)


def count_scores(scores: Iterable[float], most: float) -> list[int]:
    """How many scores lie in each tenth of the points, and as the last number how many are the whole of them."""
    bins = [0] * (BINS + 1)
    for score in scores:
        share = score / most if most else 0.0
        bins[max(0, min(BINS, int(share * BINS + 1e-9)))] += 1
    return bins


def collect_scores(parties: Iterable[PartyStanding]) -> Mapping[str, list[float]]:
    """By exercise, the scores that are known."""
    scores: dict[str, list[float]] = defaultdict(list)
    for party in parties:
        for each in party.exercises:
            if each.score is not None:
                scores[each.exercise.id].append(each.score)
    return scores
