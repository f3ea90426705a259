"""A submission's own code, with the lines marked that a message speaks of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

AROUND = 3  # lines shown before and after a marked one
_QUOTED = re.compile(r" at `([^`\n]+)`")  # as an exception is described


@dataclass(frozen=True)
class Line:
    number: int
    text: str
    is_marked: bool


@dataclass(frozen=True)
class Excerpt:
    """Code of one cell or file: all its lines, and the passages around those that are marked."""

    name: str
    lines: Sequence[Line]

    @property
    def passages(self) -> list[list[Line]]:
        """Stretches of lines, none if no line is marked."""
        near = {
            number
            for line in self.lines
            if line.is_marked
            for number in range(line.number - AROUND, line.number + AROUND + 1)
        }
        passages: list[list[Line]] = []
        for line in self.lines:
            if line.number not in near:
                continue
            if not passages or passages[-1][-1].number != line.number - 1:
                passages.append([])
            passages[-1].append(line)
        return passages


def mark_lines(name: str, source: str, messages: Iterable[str]) -> Excerpt:
    """The code `source` of the file or cell `name`, with the lines that messages name as `NAME:LINE` or quote."""
    lines = source.splitlines()
    told = {place for message in messages for place in _find_places(name, lines, message)}
    return Excerpt(name, [Line(number, text, number in told) for number, text in enumerate(lines, start=1)])


def _find_places(name: str, lines: Sequence[str], message: str) -> Iterator[int]:
    for found in re.finditer(rf"(?<![\w./-]){re.escape(name)}:(\d{{1,6}})\b", message):
        yield int(found[1])
    quoted = {words.strip() for words in _QUOTED.findall(message)}
    yield from (number for number, line in enumerate(lines, start=1) if line.strip() in quoted)
