"""Tables as text, as learning platforms write them. What is not changed is written back byte for byte."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .tree import Tree

_MAX_BYTES = 64 << 20
_DELIMITERS = ",;\t"
_MARKS = {b"\xef\xbb\xbf": "utf-8", b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}  # byte order marks


class CsvError(Exception):
    """A table can't be read; the message is one line."""


@dataclass(frozen=True)
class CsvTable:
    """A table and how it is written.

    fields: as they stand in the file, with their quotation marks, the header's first; ends: what ends each line
    mark: the byte order mark
    """

    fields: tuple[tuple[str, ...], ...]
    ends: tuple[str, ...]
    delimiter: str = ","
    encoding: str = "utf-8"
    mark: bytes = b""

    @property
    def header(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(_unquote(field) for field in self.fields[0])

    @property
    def rows(self) -> list[tuple[str, ...]]:
        """The cells below the header; a row may be shorter or longer."""
        return [tuple(_unquote(field) for field in fields) for fields in self.fields[1:]]

    def list_records(self) -> list[dict[str, str]]:
        """The rows with something in them, by column; what is missing in a short row is empty."""
        header = self.header
        return [
            {name: row[place].strip() if place < len(row) else "" for place, name in enumerate(header)}
            for row in self.rows
            if any(map(str.strip, row))
        ]

    def simplify_header(self) -> CsvTable:
        """With the names of columns in small letters and without spaces around them: people write them in either way."""
        names = tuple(_quote(name.strip().lower(), self.delimiter) for name in self.header)
        return replace(self, fields=(names, *self.fields[1:]))

    def fill(self, cells: Mapping[tuple[int, int], str]) -> CsvTable:
        """Other texts for some cells, by row (from 0, below the header) and column."""
        fields = [list(row) for row in self.fields]
        for (row, column), text in cells.items():
            is_quoted = fields[row + 1][column].startswith('"')
            fields[row + 1][column] = _quote(text, self.delimiter, always=is_quoted)
        return replace(self, fields=tuple(tuple(row) for row in fields))

    def encode(self) -> bytes:
        """The file's bytes. Raises UnicodeEncodeError if the encoding does not have a character."""
        lines = zip(self.fields, self.ends, strict=True)
        text = "".join(f"{self.delimiter.join(fields)}{end}" for fields, end in lines)
        return self.mark + text.encode(self.encoding)


def make_table(rows: Iterable[Sequence[str]], *, line_end: str = "\n", mark: bytes = b"") -> CsvTable:
    """A table of our own; the first row is the header."""
    fields = tuple(tuple(_quote(cell, ",") for cell in row) for row in rows)
    return CsvTable(fields, (line_end,) * len(fields), mark=mark)


def read_csv(path: Path) -> CsvTable:
    """Read a table with a header. Raises CsvError."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise CsvError(f"it is larger than {_MAX_BYTES >> 20} MiB")
        return parse_csv(path.read_bytes())
    except OSError as error:
        raise CsvError(error.strerror or str(error)) from error


def parse_csv(content: bytes) -> CsvTable:
    """Read a table with a header. Raises CsvError."""
    mark = next((mark for mark in _MARKS if content.startswith(mark)), b"")
    if b"\0" in content and not mark:
        raise CsvError("it is not a text")
    encoding, text = _decode(content[len(mark) :], _MARKS.get(mark))
    delimiter = max(_DELIMITERS, key=re.split(r"[\r\n]", text, maxsplit=1)[0].count)
    lines = [line for line in _split(text, delimiter) if line[0] != [""] or line[1]]
    if not lines or not any(lines[0][0]):
        raise CsvError("it is empty")
    fields = tuple(tuple(fields) for fields, _ in lines)
    return CsvTable(fields, tuple(end for _, end in lines), delimiter, encoding, mark)


def find_table(trees: Iterable[Tree], columns: Iterable[str]) -> CsvTable | None:
    """The table that was named beside the hand-ins, or lies there, and has these columns, in small letters."""
    wanted = set(columns)
    for tree in trees:
        inside = [
            path
            for name, path in sorted(tree.files.items())
            if "/" not in name and name.lower().endswith(".csv")
        ]
        for path in [*tree.tables, *inside]:
            try:
                table = read_csv(path).simplify_header()
            except CsvError:
                continue  # a file of somebody's
            if wanted.issubset(table.header):
                return table
    return None


def _split(text: str, delimiter: str) -> Iterator[tuple[list[str], str]]:
    """The fields of each line as they stand there, and what ends it. Raises CsvError."""
    field = re.compile(
        rf'("(?:[^"]|"")*"|[^"{delimiter}\r\n][^{delimiter}\r\n]*|)({delimiter}|\r\n|\n|\r|\Z)'
    )
    fields: list[str] = []
    place = 0
    while place < len(text) or fields:
        match = field.match(text, place)
        if match is None:
            number = len(re.findall(r"\r\n|\n|\r", text[:place])) + 1
            raise CsvError(f"in line {number} a quotation mark is not closed, or something follows it")
        fields.append(match[1])
        place = match.end()
        if match[2] != delimiter:
            yield fields, match[2]
            fields = []


def _unquote(field: str) -> str:
    return field[1:-1].replace('""', '"') if field.startswith('"') else field


def _quote(text: str, delimiter: str, *, always: bool = False) -> str:
    if always or any(character in text for character in f'{delimiter}"\r\n') or text != text.strip():
        doubled = text.replace('"', '""')
        return f'"{doubled}"'
    return text


def _decode(content: bytes, told: str | None) -> tuple[str, str]:
    for encoding in [told] if told else ["utf-8", "cp1252"]:
        try:
            return encoding, content.decode(encoding)
        except UnicodeDecodeError:
            continue
    return "latin-1", content.decode("latin-1")
