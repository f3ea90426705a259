"""Which hand-ins of a cohort have passages in common that neither the handout nor the class material explains. A person decides what it means.

1. Of each cell and script the names that it defines itself are made alike, so that renaming hides nothing (`passages.py` has read them).
2. A passage becomes fingerprints (`fingerprints.py`). What is in the handout, the starters or the class material is left out, and so is
   what many hand-ins have: everybody calls the lab's servers in nearly the same way.
3. An index from fingerprints to passages gives the pairs that share any, without comparing each with each.
"""

from __future__ import annotations

import ast
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from .fingerprints import Token, fingerprint, read_tokens

# Of the smaller passage: independent work was seen to share up to 0.18, a copy with other names in another order 0.6.
THRESHOLD = 0.3
FEWEST = 8  # fingerprints in common: a few lines
_COMMON = 8, 1 / 3  # what so many parties have, and this share of all of them, is nobody's own


@dataclass(frozen=True)
class Passage:
    """A cell or a script of a party's hand-in.

    place: its tag, or the name that the homework gives the script
    """

    party: str
    place: str
    source: str


@dataclass(frozen=True)
class Likeness:
    """Two passages with a part in common.

    share: of the smaller one's fingerprints; lines: where these begin in the one and in the other, in the order of the first
    """

    first: Passage
    second: Passage
    share: float
    lines: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class SimilarPair:
    """Two parties with similar passages, the most similar first."""

    parties: tuple[str, str]
    likenesses: tuple[Likeness, ...]

    @property
    def share(self) -> float:
        return self.likenesses[0].share

    @property
    def places(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(each.first.place for each in self.likenesses))


def find_similar(
    passages: Sequence[Passage], given: Iterable[str], threshold: float = THRESHOLD
) -> list[SimilarPair]:
    """The pairs of parties of which some passages share at least `threshold`, the most similar first.

    given: texts that everyone has, such as the handout's cells and the class material
    """
    known = {mark for text in given for mark in _mark_given(text)}
    marks = [_mark(passage.source) for passage in passages]
    common = _find_common(passages, marks) | known
    marks = [{mark: line for mark, line in each.items() if mark not in common} for each in marks]
    pairs: dict[tuple[str, str], list[Likeness]] = defaultdict(list)
    for (one, other), shared in _count_shared(marks).items():
        first, second = passages[one], passages[other]
        share = shared / min(len(marks[one]), len(marks[other]))
        if first.party != second.party and shared >= FEWEST and share >= threshold:
            lines = sorted(
                (line, marks[other][mark]) for mark, line in marks[one].items() if mark in marks[other]
            )
            parties = (first.party, second.party)
            pairs[parties].append(Likeness(first, second, share, tuple(dict.fromkeys(lines))))
    found = [
        SimilarPair(parties, tuple(sorted(each, key=lambda likeness: -likeness.share)))
        for parties, each in pairs.items()
    ]
    return sorted(found, key=lambda pair: (-pair.share, pair.parties))


def _mark(source: str) -> dict[int, int]:
    own = _list_own_names(source)
    return fingerprint(Token("_" if word in own else word, line) for word, line in read_tokens(source))


def _mark_given(text: str) -> set[int]:
    """Of the text as a whole and of each definition in it, whose names are alike in other ways if it stands alone."""
    parts = [text]
    try:
        definitions = [
            node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.ClassDef)
        ]
        parts += [part for node in definitions if (part := ast.get_source_segment(text, node))]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        pass  # prose, or a cell with magics: as a whole it is known all the same
    plain = fingerprint(read_tokens(text))  # as of code that can't be read
    return {*plain, *(mark for part in parts for mark in _mark(part))}


def _list_own_names(source: str) -> Collection[str]:
    """The names that a passage gives to variables and parameters; of code that can't be read, none."""
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()
    return {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)} | {
        node.arg for node in nodes if isinstance(node, ast.arg)
    }


def _find_common(passages: Sequence[Passage], marks: Sequence[Mapping[int, int]]) -> set[int]:
    owners: dict[int, set[str]] = defaultdict(set)
    for passage, each in zip(passages, marks, strict=True):
        for mark in each:
            owners[mark].add(passage.party)
    number, share = _COMMON
    limit = max(number, share * len({passage.party for passage in passages}))
    return {mark for mark, who in owners.items() if len(who) > limit}


def _count_shared(marks: Sequence[Mapping[int, int]]) -> Counter[tuple[int, int]]:
    """How many fingerprints each two passages share, of those that share any."""
    index: dict[int, list[int]] = defaultdict(list)
    for number, each in enumerate(marks):
        for mark in each:
            index[mark].append(number)
    return Counter(pair for numbers in index.values() for pair in combinations(numbers, 2))
