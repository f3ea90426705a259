"""A submission's own code, with the lines marked that a message speaks of."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

AROUND = 3  # lines shown before and after a marked one
_QUOTED = re.compile(r" at `([^`\n]+)`")  # as an exception is described
_NAMED = re.compile(r"(?<![\w.])([^\W\d]\w*(?:\.[^\W\d]\w*)*)(\(?)")
_WORD = re.compile(r"[A-Za-z]?[a-z]*")  # a name that is one may also be meant as a word of the sentence


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
    """The code `source` of the file or cell `name`, with the lines that messages name as `NAME:LINE` or quote; of a message that does neither,
    those in which something that it names is defined."""
    lines = source.splitlines()
    defined = _list_definitions(source)
    told = {
        place
        for message in messages
        for place in set(_find_places(name, lines, message)) or _find_definitions(defined, message)
    }
    return Excerpt(name, [Line(number, text, number in told) for number, text in enumerate(lines, start=1)])


def _find_places(name: str, lines: Sequence[str], message: str) -> Iterator[int]:
    for found in re.finditer(rf"(?<![\w./-]){re.escape(name)}:(\d{{1,6}})\b", message):
        yield int(found[1])
    quoted = {words.strip() for words in _QUOTED.findall(message)}
    yield from (number for number, line in enumerate(lines, start=1) if line.strip() in quoted)


def _find_definitions(defined: Mapping[str, int], message: str) -> set[int]:
    """Where the names in a message are defined; of `Answers.q1` only `q1`."""
    found = set()
    for name, call in _NAMED.findall(message):
        while name and name not in defined:
            name = name.rpartition(".")[0]
        if name and (call or not _WORD.fullmatch(name)):
            found.add(defined[name])
    return found


def _list_definitions(source: str) -> dict[str, int]:
    """The lines of classes, functions and values, by names such as `Server.run`; nothing for what is not plain Python."""
    try:
        program = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    return dict(_list_names(program.body, ""))


def _list_names(body: Iterable[ast.stmt], prefix: str) -> Iterator[tuple[str, int]]:
    for node in body:
        match node:
            case ast.ClassDef(name=name, lineno=line):
                yield f"{prefix}{name}", line
                yield from _list_names(node.body, f"{prefix}{name}.")
            case ast.FunctionDef(name=name, lineno=line) | ast.AsyncFunctionDef(name=name, lineno=line):
                yield f"{prefix}{name}", line
            case ast.AnnAssign(target=ast.Name(id=name), lineno=line):
                yield f"{prefix}{name}", line
            case ast.Assign(targets=[ast.Name(id=name)], lineno=line):
                yield f"{prefix}{name}", line
