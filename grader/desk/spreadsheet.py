"""Spreadsheets as rows of plain values. Text that is written stays text: it never becomes a formula."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

_MAX_BYTES = 64 << 20


class SpreadsheetError(Exception):
    """A spreadsheet can't be read or written; the message is one line."""


def read_rows(path: Path) -> list[list[Any]]:
    """The cells of the first sheet: texts, numbers, times, or None; of a formula its text. Raises SpreadsheetError."""
    openpyxl = _load()
    try:
        with path.open("rb") as file:
            with zipfile.ZipFile(file) as archive:
                size = sum(member.file_size for member in archive.infolist())
            if size > _MAX_BYTES:
                raise SpreadsheetError(f"unpacked, it is larger than {_MAX_BYTES >> 20} MiB")
            book = openpyxl.load_workbook(file, read_only=True)
            return [[cell.value for cell in row] for row in book.worksheets[0].iter_rows()]
    except SpreadsheetError:
        raise
    except Exception as error:  # openpyxl raises whatever its parsers stumble over
        raise SpreadsheetError(f"it is not a spreadsheet, or damaged ({type(error).__name__})") from error


def write_plainly(cell: Any) -> str:
    """A cell as text: a spreadsheet may have taken a key for a number."""
    if cell is None:
        return ""
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell).strip()


def make_sheet(rows: Iterable[Sequence[Any]]) -> bytes:
    """The bytes of a spreadsheet with these texts, numbers and blanks (None); its first row stays in sight. Raises SpreadsheetError."""
    openpyxl = _load()
    book = openpyxl.Workbook()
    sheet = book.active
    for number, row in enumerate(rows, 1):
        for place, value in enumerate(row, 1):
            if value is None:
                continue
            cell = sheet.cell(number, place)
            if isinstance(value, str):
                cell.value = _printable(value)
                cell.data_type = "s"  # else a text that begins with `=` would be a formula
            else:
                cell.value = value
    sheet.freeze_panes = "A2"
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def _printable(text: str) -> str:
    """Without the control characters that a sheet can't hold."""
    return "".join(character for character in text if character in "\t\n\r" or ord(character) >= 32)


def _load() -> Any:
    try:
        import openpyxl
    except ImportError as error:
        raise SpreadsheetError(
            "openpyxl, which reads spreadsheets, is not installed here: pip install -e '.[desk]'"
        ) from error
    return openpyxl
