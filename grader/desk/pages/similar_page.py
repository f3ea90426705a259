"""Hand-ins that are alike, with both places side by side; what it means is for a person to decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...homework import Homework
from ...pages import Excerpt, Line
from ..alike import is_settled
from ..gradebook import PartyStanding
from ..similar import Likeness, SimilarPair
from .cohort_pages import render_report


@dataclass(frozen=True)
class PairView:
    one: PartyStanding
    other: PartyStanding
    share: float
    is_settled: bool
    places: Sequence[tuple[Likeness, Excerpt, Excerpt]]


def format_similar(
    standings: Sequence[PartyStanding], homework: Homework, pairs: Sequence[SimilarPair]
) -> str:
    """What `grader similar` has found last."""
    parties = {party.key: party for party in standings}
    known = [pair for pair in pairs if all(key in parties for key in pair.parties)]
    values = {"pairs": [_show(pair, parties) for pair in known]}
    return render_report("similar.html", homework, values, here="similar.html")


def _show(pair: SimilarPair, parties: Mapping[str, PartyStanding]) -> PairView:
    one, other = (parties[key] for key in pair.parties)
    places = [
        (
            likeness,
            _mark(likeness.first.source, likeness.first.place, {first for first, _ in likeness.lines}),
            _mark(likeness.second.source, likeness.second.place, {second for _, second in likeness.lines}),
        )
        for likeness in pair.likenesses
    ]
    return PairView(one, other, pair.share, is_settled(one, other), places)


def _mark(source: str, name: str, marked: set[int]) -> Excerpt:
    return Excerpt(
        name,
        [Line(number, text, number in marked) for number, text in enumerate(source.splitlines(), start=1)],
    )
