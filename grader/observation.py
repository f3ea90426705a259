"""What crosses from a submission's process: plain data, checked again on arrival."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from . import display

MAX_ITEMS = 250_000
MAX_DEPTH = 16
_ONE_SENTENCE = re.compile(r"[^.!?:;\n\r]*(?:[.!?:;](?=\S)[^.!?:;\n\r]*)*[.!?]?")

# Folders that only grading has, before the path of something in them, or of a cell's own file.
_TEMPORARY = re.compile(r"(?:/[\w.-]+)*/(?:ipykernel_\d+|kernel-\w+|submission-\w+)(?:/|\b)")


class NotAnObservation(ValueError):
    """What arrived is not plain data of an expected form."""


@dataclass(frozen=True)
class Table:
    """A data frame: its column names and its rows."""

    columns: list[str]
    rows: list[list[Any]]


@dataclass(frozen=True)
class Odd:
    """A value that has no plain form, named for a message: `...`, a giant integer."""

    what: str


@dataclass(frozen=True)
class CodeError:
    """An exception that a submission raised: its name, its text, and where in the submission's own code."""

    name: str
    message: str
    line: str = ""

    @property
    def words(self) -> str:
        """Its text on one line, and in quotes if it might be taken for several sentences: they would be the grader's."""
        return self.message if _ONE_SENTENCE.fullmatch(self.message) else display.quote(self.message)

    def __str__(self) -> str:
        where = f" at `{self.line}`" if self.line else ""
        return f"{self.name}: {self.words}{where}" if self.message else f"{self.name}{where}"


def decode(value: Any) -> Any:
    """Turn what arrived into None, bool, int, float, str, list, dict, Table or Odd.

    Non-finite floats are kept as floats. Raises NotAnObservation for anything that is too large, too deep or of another kind.
    """
    return _Decoder().decode(value, 0)


class _Decoder:
    def __init__(self) -> None:
        self._items = 0

    def decode(self, value: Any, depth: int) -> Any:
        self._items += 1
        if self._items > MAX_ITEMS or depth > MAX_DEPTH:
            raise NotAnObservation("more data than an answer may have")
        if isinstance(value, list):
            return [self.decode(item, depth + 1) for item in value]
        if isinstance(value, dict):
            return self._decode_object(value, depth)
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**63:
            return Odd("a giant integer")
        return value

    def _decode_object(self, value: dict[str, Any], depth: int) -> Any:
        if value.keys() == {"$float"}:
            if value["$float"] not in ("nan", "inf", "-inf"):
                raise NotAnObservation("a malformed float")
            return math.nan if value["$float"] == "nan" else float(value["$float"])
        if value.keys() == {"$odd"}:
            return Odd(str(value["$odd"])[:100])
        if value.keys() == {"$table"}:
            return self._decode_table(value["$table"], depth)
        return {key: self.decode(item, depth + 1) for key, item in value.items()}

    def _decode_table(self, value: Any, depth: int) -> Table:
        try:
            columns, rows = value["columns"], value["rows"]
        except (TypeError, KeyError) as error:
            raise NotAnObservation("a table without columns and rows") from error
        right = (
            isinstance(columns, list)
            and all(isinstance(name, str) for name in columns)
            and isinstance(rows, list)
        )
        if not right or not all(isinstance(row, list) and len(row) == len(columns) for row in rows):
            raise NotAnObservation("a table whose rows don't fit its columns")
        return Table(columns, [self.decode(row, depth + 1) for row in rows])


def decode_error(value: Any) -> CodeError:
    """An exception's description; whatever is malformed in it is left out."""
    if not isinstance(value, dict):
        return CodeError("Error", "")
    frames = value.get("frames")
    lines = [frame for frame in frames if _is_notebook_frame(frame)] if isinstance(frames, list) else []
    line = str(lines[-1][3]) if lines else ""
    name = str(value.get("name", "Error"))
    message = _TEMPORARY.sub("", str(value.get("message", ""))[:1_000])
    return CodeError(name[:100] if name.isidentifier() else "Error", message, line[:200])


def _is_notebook_frame(frame: Any) -> bool:
    """Cells run under the names of files in ipykernel's own temporary folder."""
    return (
        isinstance(frame, list)
        and len(frame) == 4
        and isinstance(frame[0], str)
        and ("ipykernel_" in frame[0] or frame[0].startswith("<ipython"))
    )
