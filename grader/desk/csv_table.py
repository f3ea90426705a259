"""Tables as text, as learning platforms write them: read with the encoding, delimiter and line ends found there, and written with the same."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .tree import Tree

_MAX_BYTES = 64 << 20
_BOM = b"\xef\xbb\xbf"
_DELIMITERS = ",;\t"


class CsvError(Exception):
    """A table can't be read; the message is one line."""


@dataclass(frozen=True)
class CsvTable:
    """A table and how it was written.

    rows: as they are, without the header; a row may be shorter or longer
    is_quoted: whether every field stands in quotation marks
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    encoding: str = "utf-8"
    delimiter: str = ","
    line_end: str = "\n"
    is_quoted: bool = False

    def list_records(self) -> list[dict[str, str]]:
        """The rows by column; what is missing in a short row is empty."""
        return [
            {name: row[place].strip() if place < len(row) else "" for place, name in enumerate(self.header)}
            for row in self.rows
        ]

    def with_rows(self, rows: Iterable[Sequence[str]]) -> CsvTable:
        """Other rows, written in the same way."""
        return replace(self, rows=tuple(tuple(row) for row in rows))

    def encode(self) -> bytes:
        """The file's bytes. Raises UnicodeEncodeError if the encoding does not have a character."""
        buffer = io.StringIO(newline="")
        writer = csv.writer(
            buffer,
            delimiter=self.delimiter,
            lineterminator=self.line_end,
            quoting=csv.QUOTE_ALL if self.is_quoted else csv.QUOTE_MINIMAL,
        )
        writer.writerows([self.header, *self.rows])
        return buffer.getvalue().encode(self.encoding)


def read_csv(path: Path) -> CsvTable:
    """Read a table with a header. Raises CsvError."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise CsvError(f"it is larger than {_MAX_BYTES >> 20} MiB")
        return parse_csv(path.read_bytes())
    except OSError as error:
        raise CsvError(f"it can't be read: {error.strerror}") from error


def parse_csv(content: bytes) -> CsvTable:
    """Read a table with a header. Raises CsvError."""
    encoding, text = _decode(content)
    first = text.partition("\n")[0]
    line_end = "\r\n" if first.endswith("\r") else "\n"
    delimiter = max(_DELIMITERS, key=first.count)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise CsvError(f"it is not a table: {error}") from error
    rows = [row for row in rows if row]
    if not rows:
        raise CsvError("it is empty")
    is_quoted = (
        first.startswith('"') and first.rstrip("\r").endswith('"') and first.count('"') >= 2 * len(rows[0])
    )
    header, *rest = (tuple(row) for row in rows)
    return CsvTable(header, tuple(rest), encoding, delimiter, line_end, is_quoted)


def find_table(trees: Iterable[Tree], columns: Iterable[str]) -> CsvTable | None:
    """The table that was named beside the hand-ins, or lies there, and has these columns."""
    wanted = set(columns)
    for tree in trees:
        inside = [
            path
            for name, path in sorted(tree.files.items())
            if "/" not in name and name.lower().endswith(".csv")
        ]
        for path in [*tree.tables, *inside]:
            try:
                table = read_csv(path)
            except CsvError:
                continue  # a file of somebody's
            if wanted.issubset(table.header):
                return table
    return None


def _decode(content: bytes) -> tuple[str, str]:
    if content.startswith(_BOM):
        return "utf-8-sig", content.decode("utf-8-sig", "replace")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16", content.decode("utf-16", "replace")
    try:
        return "utf-8", content.decode()
    except UnicodeDecodeError:
        return "cp1252", content.decode("cp1252", "replace")
