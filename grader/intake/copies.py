"""Copies of a notebook, as browsers and people name them: `homework_1 (2)`, `homework_1-Copy1`, `homework_1_v2`, `homework_1_final`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

_MARK = re.compile(
    r"(?P<base>.+?)(?:[ _-]*\((?P<download>\d+)\)|[ _-]+(?:v(?P<version>\d+)|(?P<copy>copy|kopie|copia|copie)[ _-]*(?P<of>\d*)"
    r"|(?P<final>final)[ _-]*(?P<finally>\d*)|(?P<old>old|backup|checkpoint)))",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"(?P<base>.+)[ _-](?P<number>\d{1,2})")

Rank = tuple[int, tuple[int, ...]]
"""How late a copy is: -1 for what is called old, 1 for what is called final; then the numbers of its name."""


def list_earlier(paths: Iterable[Path]) -> dict[Path, list[Path]]:
    """For each notebook that is the latest of several copies in its folder, the others."""
    families: dict[tuple[Path, str], list[tuple[Rank, Path]]] = {}
    paths = list(paths)
    stems = {(path.parent, _read_stem(path)) for path in paths}
    for path in paths:
        stem = _read_stem(path)
        number = _NUMBER.fullmatch(stem)
        # In `homework_1` the number is the homework's, unless there is a `homework`.
        is_copy = number is not None and (path.parent, number["base"]) in stems
        base, rank = _read_marks(number["base"] if number and is_copy else stem)
        if number and is_copy:
            rank = (rank[0], (*rank[1], int(number["number"])))
        families.setdefault((path.parent, base), []).append((rank, path))
    earlier = {}
    for family in families.values():
        latest = max(rank for rank, _ in family)
        if [rank for rank, _ in family].count(latest) == 1 and len(family) > 1:
            (path,) = (path for rank, path in family if rank == latest)
            earlier[path] = [other for _, other in family if other != path]
    return earlier


def _read_stem(path: Path) -> str:
    return path.name.casefold().partition(".ipynb")[0]


def _read_marks(stem: str) -> tuple[str, Rank]:
    """A name without its marks, and what these say."""
    state, numbers = 0, list[int]()
    while mark := _MARK.fullmatch(stem):
        stem = mark["base"]
        if mark["old"]:
            state = -1
        elif mark["final"]:
            state = state or 1
        digits = (
            mark["download"]
            or mark["version"]
            or mark["of"]
            or mark["finally"]
            or ("1" if mark["copy"] else "")
        )
        numbers[:0] = [int(digits)] if digits else []
    return stem, (state, tuple(numbers))
