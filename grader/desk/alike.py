"""`grader similar RESULTS`: looks for passages in common, tells them, and raises a flag with both parties."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ..homework import Homework
from ..intake import IntakeError, listed, show
from ..notebook import NotebookError
from ..whole_file import write_whole
from .gradebook import Gradebook, PartyStanding, read_standings
from .passages import read_given, read_passages
from .similar import SimilarPair, find_similar

SIMILAR = "similar"
"""The kind of the flags."""
FINDINGS = "similar.json"
"""What was found last, in the folder of results, for the page that shows both places side by side."""
_MOST_LINES = 3


@dataclass(frozen=True)
class CohortFindings:
    """parties: by key; unread: a sentence for each hand-in that could not be read"""

    parties: dict[str, PartyStanding]
    pairs: tuple[SimilarPair, ...]
    unread: tuple[str, ...]


def compare_cohort(book: Gradebook, homework: Homework, threshold: float) -> Iterator[str | CohortFindings]:
    """Compare what all parties handed in last. Yields the label of each party when its turn comes, and at the end the outcome.

    Raises OSError, as where the disk is full: then nothing is known of anybody.
    """
    parties = {each.key: each for each in read_standings(book, homework)}
    passages, unread = [], []
    for party in parties.values():
        yield party.label
        if party.handin is None:
            continue
        try:
            passages += read_passages(party.key, party.handin.path, homework)
        except FileNotFoundError:
            unread.append(f"{name_party(party)} could not be compared: {party.handin.path} is gone.")
        except (IntakeError, NotebookError) as error:
            unread.append(f"{name_party(party)} could not be compared: {error}")
    pairs = find_similar(passages, list(read_given(homework)), threshold)
    yield CohortFindings(parties, tuple(pairs), tuple(unread))


def raise_flags(book: Gradebook, comparison: CohortFindings) -> None:
    """Note each pair with both parties. A flag that a person has settled stays settled, unless other places are similar now."""
    for pair in comparison.pairs:
        one, other = (comparison.parties[key] for key in pair.parties)
        places = listed(list(pair.places))
        for party, like in ((one, other), (other, one)):
            handin = party.handin.id if party.handin is not None else None
            book.raise_flag(party.id, SIMILAR, f"{open_pair(like)}: {places}", handin)


def keep_pairs(comparison: CohortFindings, results: Path) -> None:
    """Keep the pairs for `grader report`. Raises OSError."""
    write_whole(results / FINDINGS, msgspec.json.encode(comparison.pairs))


def read_pairs(results: Path) -> list[SimilarPair]:
    """The pairs that were found last; none if nobody has looked for any. Raises OSError or ValueError."""
    path = results / FINDINGS
    return msgspec.json.decode(path.read_bytes(), type=list[SimilarPair]) if path.is_file() else []


def list_twins(parties: Iterable[PartyStanding], flag_id: int) -> list[int]:
    """The flags that say the same, at both of a pair: a person who looks at one has looked at all of them."""
    flags = [(party, flag) for party in parties for flag in party.flags]
    found = next(((party, flag) for party, flag in flags if flag.id == flag_id), None)
    if found is None or found[1].kind != SIMILAR:
        return [flag_id]
    one, seen = found
    twins = [
        flag.id
        for other, flag in flags
        if seen.text.startswith(opening := f"{open_pair(other)}: ")
        and flag.text == f"{open_pair(one)}: {seen.text.removeprefix(opening)}"
    ]
    return [flag_id, *twins]


def is_settled(one: PartyStanding, other: PartyStanding) -> bool:
    """Whether a person has looked at this pair: every flag about it is settled, and there is one."""
    about = [
        flag
        for party, like in ((one, other), (other, one))
        for flag in party.flags
        if flag.kind == SIMILAR and flag.text.startswith(f"{open_pair(like)}:")
    ]
    return bool(about) and all(flag.settled_at is not None for flag in about)


def describe(comparison: CohortFindings) -> Iterator[str]:
    """Each pair in two lines or more: who, how similar, and where to look."""
    for pair in comparison.pairs:
        one, other = (name_party(comparison.parties[key]) for key in pair.parties)
        yield f"{one} and {other}: {pair.share:.0%}"
        for likeness in pair.likenesses:
            lines = [f"{first} and {second}" for first, second in likeness.lines[:_MOST_LINES]]
            more = ", …" if len(likeness.lines) > _MOST_LINES else ""
            place = (
                likeness.first.place
                if likeness.first.place == likeness.second.place
                else f"{likeness.first.place} and {likeness.second.place}"
            )
            yield f"  {place}: {likeness.share:.0%}, lines {'; '.join(lines)}{more}"
    yield from comparison.unread


def open_pair(like: PartyStanding) -> str:
    """What a flag about a pair begins with, at the other one of them."""
    return f"Similar to {name_party(like)}"


def name_party(party: PartyStanding) -> str:
    return f"{show(party.label)} ({show(party.key)})"
