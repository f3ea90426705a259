"""Fingerprints of texts: few numbers, of which two texts share some wherever they share a passage.

Schleimer, Wilkerson and Aiken 2003, "Winnowing: Local Algorithms for Document Fingerprinting", sections 3 and 4:

1. A text becomes tokens; spaces, line breaks and comments are gone.
2. Every run of GRAM tokens becomes a hash.
3. Of every WINDOW neighbouring hashes the smallest is kept, the rightmost of equal ones. Two texts that share a passage of
   GRAM + WINDOW - 1 tokens therefore share a fingerprint, and one of less than GRAM tokens is never seen.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

GRAM = 10  # tokens
WINDOW = 4  # hashes
_TOKEN = re.compile(
    r"(?P<comment>\#[^\n]*)|(?P<line>\n)"
    r"|(?P<number>\d[\w.]*)|(?P<name>[^\W\d]\w*)"
    r"|(?P<text>'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\")|(?P<sign>[^\s\w])"
)
_DECIMAL = re.compile(
    r"(?<![\w.])(?:\d+\.\d{2,}|\d{2,}\.\d)(?![\w.])"
)  # 0.25, 93.1; not the numbers of sections or exercises


class Token(NamedTuple):
    """A token and the line that it stands in, counted from 1."""

    text: str
    line: int


def read_tokens(source: str) -> Iterator[Token]:
    """Names, numbers, quoted texts and signs of code, also of code that is cut off or of no known language."""
    line = 1
    for match in _TOKEN.finditer(source):
        if match["line"]:
            line += 1
        elif not match["comment"]:
            yield Token(match[0].strip("\"'") if match["text"] else match[0], line)


def read_decimals(source: str) -> Iterator[Token]:
    """The numbers with decimals of a text, whatever stands between them: what two tables of the same figures share."""
    for number, line in enumerate(source.splitlines(), 1):
        yield from (Token(found, number) for found in _DECIMAL.findall(line))


def fingerprint(tokens: Iterable[Token], gram: int = GRAM, window: int = WINDOW) -> dict[int, int]:
    """The kept hashes, each with the line where its run of tokens begins first."""
    words = list(tokens)
    hashes = [_hash(words[start : start + gram]) for start in range(len(words) - gram + 1)]
    kept: dict[int, int] = {}
    for start in range(max(len(hashes) - window + 1, min(len(hashes), 1))):
        part = hashes[start : start + window]
        smallest = min(part)
        place = start + len(part) - 1 - part[::-1].index(smallest)
        kept.setdefault(smallest, words[place].line)
    return kept


def _hash(tokens: Sequence[Token]) -> int:
    """Equal in every process and on every machine, unlike `hash`."""
    return zlib.crc32("\0".join(token.text for token in tokens).encode("utf-8", "surrogatepass"))
