"""Points by hand as a table: written for a person with a spreadsheet, and read back whole or not at all.

1. A row is an item of a party: its key, what it was given so far, and the student's text.
2. What comes back is compared with the gradebook: a row of somebody unknown, a name that is not the key's, a number that is out of
   range, a newer hand-in, or a mark that somebody else has given since is a fault, and each fault is named with its cell.
3. Without a fault all changed points are noted in one transaction; with one, nothing is.
"""

from __future__ import annotations

import codecs
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sql

from ..intake import show
from .csv_table import make_table, read_csv
from .gradebook import WHOLE, Gradebook, PartyStanding, schema
from .grades import defuse, format_points
from .spreadsheet import make_sheet, read_rows, write_plainly

COLUMNS = ("key", "name", "exercise", "item", "points", "max_points", "comment", "given", "hand_in", "answer")
_CHECKS = "all checks"  # the item that stands for what checks give
_MAX_CELL = 32_000  # characters, of which a spreadsheet takes few more
_HASH = 12


class MarkSheetError(Exception):
    """A table of marks can't be read; the message has a line for each fault."""


@dataclass(frozen=True)
class MarkItem:
    """What a party can be given points for. given: the points that somebody gave so far; answer: the student's text

    remark: what the kit says of it, such as that nothing was written; is_awaited: whether nobody knows the points before somebody gives them
    """

    party: PartyStanding
    exercise: str
    item: str
    max_points: float
    given: float | None = None
    comment: str = ""
    answer: str = ""
    remark: str = ""
    is_awaited: bool = False

    @property
    def key(self) -> tuple[str, str, str]:
        return self.party.key, self.exercise, self.item or _CHECKS

    @property
    def hand_in(self) -> str:
        return self.party.handin.hash[:_HASH] if self.party.handin is not None else ""


@dataclass(frozen=True)
class MarkChange:
    """A decision that is to be noted; points: None takes the last one back."""

    item: MarkItem
    points: float | None
    comment: str


def list_items(standings: Iterable[PartyStanding]) -> list[MarkItem]:
    """All items of who has handed in, those of one exercise together: so a person compares like with like."""
    found = [item for party in standings if party.handin is not None for item in _list_of(party)]
    order = list(dict.fromkeys((item.exercise, item.item) for item in found))
    return sorted(found, key=lambda item: order.index((item.exercise, item.item)))


def write_sheet(items: Iterable[MarkItem], path: Path, *, is_blind: bool = False) -> int:
    """Write those that a person grades, or has graded, as .csv or .xlsx; returns how many. Raises MarkSheetError or OSError."""
    shown = [item for item in items if item.item != WHOLE or item.given is not None]
    rows: list[list[Any]] = [list(COLUMNS), *(_to_row(item, is_blind) for item in shown)]
    if path.suffix.lower() == ".xlsx":
        path.write_bytes(make_sheet(rows))
    elif path.suffix.lower() == ".csv":
        cells = [
            [defuse(cell) if isinstance(cell, str) else format_points(cell) for cell in row] for row in rows
        ]
        path.write_bytes(make_table(cells, line_end="\r\n", mark=codecs.BOM_UTF8).encode())
    else:
        raise MarkSheetError(f"{path.name} is neither .csv nor .xlsx.")
    return len(shown)


def read_sheet(path: Path, items: Iterable[MarkItem]) -> list[MarkChange]:
    """What of the table differs from what was given when it was written. Raises MarkSheetError, SpreadsheetError or CsvError."""
    if path.suffix.lower() == ".xlsx":
        header, *rows = read_rows(path) or [[]]
    elif path.suffix.lower() == ".csv":
        table = read_csv(path)
        header, *rows = [list(table.header), *(list(row) for row in table.rows)]
    else:
        raise MarkSheetError(f"{path.name} is neither .csv nor .xlsx.")
    missing = [name for name in COLUMNS[:-1] if name not in header]
    if missing:
        raise MarkSheetError(
            f"{path.name} has no column {missing[0]}. Export the table again, and change only points and comments."
        )
    reading = _SheetReading(header, {item.key: item for item in items})
    changes = [
        change for number, row in enumerate(rows, 2) if (change := reading.read(number, row)) is not None
    ]
    if reading.faults:
        shown = "\n".join(f"  {fault}" for fault in reading.faults)
        raise MarkSheetError(f"Nothing was imported from {path.name}:\n{shown}")
    return changes


def note_changes(book: Gradebook, changes: Sequence[MarkChange], author: str) -> None:
    """Note all of them, or none. Raises GradebookError."""
    rows = [
        {
            "party_id": change.item.party.id,
            "handin_id": change.item.party.handin.id if change.item.party.handin is not None else None,
            "exercise": change.item.exercise,
            "item": change.item.item,
            "points": change.points,
            "comment": change.comment,
            "author": author,
        }
        for change in changes
    ]
    if rows:
        with book.write() as connection:
            connection.execute(sql.insert(schema.mark), rows)


def _list_of(party: PartyStanding) -> Iterator[MarkItem]:
    for standing in party.exercises:
        exercise = standing.exercise
        entries = {result.name: result for result in standing.results if result.outcome == "manual"}
        points = {each.name: each.points for each in exercise.manual}
        points[WHOLE] = round(exercise.points - math.fsum(points.values()), 6)
        for item, most in points.items():
            mark = standing.marks.get(item)
            entry = entries.get(item)
            if item != WHOLE and entry is None and mark is None:
                continue  # nothing of it was handed in
            yield MarkItem(
                party,
                exercise.id,
                item,
                most,
                mark.points if mark is not None else None,
                mark.comment if mark is not None else "",
                entry.answer if entry is not None else "",
                entry.output if entry is not None else "",
                standing.automatic is None if item == WHOLE else item in standing.awaited,
            )


def _to_row(item: MarkItem, is_blind: bool) -> list[Any]:
    who = [_name_blindly(item), ""] if is_blind else [item.party.key, item.party.label]
    answer = item.answer if len(item.answer) <= _MAX_CELL else f"{item.answer[:_MAX_CELL]} … cut off here"
    if not answer and item.remark:
        answer = f"({item.remark}{'' if item.is_awaited or item.given is not None else ' That gives no points, unless you give some.'})"
    return [
        *who,
        *item.key[1:],
        item.given,
        item.max_points,
        item.comment,
        item.given,
        item.hand_in,
        answer,
    ]


def _name_blindly(item: MarkItem) -> str:
    """What stands for the key, which may well be a name or an address."""
    return f"#{item.party.id}"


class _SheetReading:
    """Reads row after row. faults: one line for each bad cell"""

    def __init__(self, header: Sequence[Any], items: Mapping[tuple[str, str, str], MarkItem]) -> None:
        self._places = {str(name): place for place, name in enumerate(header)}
        blind = {(_name_blindly(item), *key[1:]): item for key, item in items.items()}
        self._items = blind | {tuple(map(defuse, key)): item for key, item in items.items()} | dict(items)
        self._parties = {key[0] for key in self._items}
        self._met: dict[int, int] = {}
        self.faults: list[str] = []

    def read(self, number: int, row: Sequence[Any]) -> MarkChange | None:
        cells = {name: row[place] if place < len(row) else None for name, place in self._places.items()}
        texts = {name: write_plainly(cell) for name, cell in cells.items()}
        if not any(texts.values()):
            return None
        item = self._find(number, texts)
        if item is None:
            return None
        if texts["name"] and texts["name"] not in (item.party.label, defuse(item.party.label)):
            self._blame(
                number,
                "name",
                f"{show(texts['name'])} is not whose key {texts['key']} is: that is {show(item.party.label)}. Was a column sorted alone?",
            )
            return None
        if texts["hand_in"] != item.hand_in:
            self._blame(
                number, "hand_in", "there is another hand-in by now. Export the table again, and look at it."
            )
            return None
        points = self._read_points(number, "points", cells["points"], item.max_points)
        given = self._read_points(number, "given", cells["given"], math.inf)
        if isinstance(points, str) or isinstance(given, str):
            return None
        comment = texts["comment"]
        if points == given and comment in (item.comment, defuse(item.comment)):
            return None
        if item.given != given and item.given != points:
            seen = "taken the points back" if item.given is None else f"given {format_points(item.given)}"
            self._blame(
                number,
                "points",
                f"somebody has {seen} since this table was written. Export it again, and decide anew.",
            )
            return None
        return MarkChange(item, points, comment)

    def _find(self, number: int, texts: Mapping[str, str]) -> MarkItem | None:
        item = self._items.get((texts["key"], texts["exercise"], texts["item"]))
        if item is None:
            if texts["key"] not in self._parties:
                self._blame(
                    number,
                    "key",
                    f"{show(texts['key']) if texts['key'] else 'nobody'} is not in the gradebook, or has handed in nothing.",
                )
            else:
                self._blame(
                    number,
                    "item",
                    f"{show(texts['exercise'])} {show(texts['item'])} is nothing that {texts['key']} can be given points for.",
                )
            return None
        before = self._met.setdefault(id(item), number)
        if before != number:
            self._blame(number, "key", f"the same item stands in row {before}.")
            return None
        return item

    def _read_points(self, number: int, column: str, cell: Any, most: float) -> float | str | None:
        """The points; None for an empty cell; a text that can't be read, after it was blamed."""
        if cell is None or (isinstance(cell, str) and not cell.strip()):
            return None
        try:
            points = float(str(cell).strip().replace(",", ".")) if not isinstance(cell, bool) else math.nan
        except ValueError:
            points = math.nan
        if not 0 <= points <= most:
            self._blame(number, column, f"{show(str(cell))} is not a number from 0 to {format_points(most)}.")
            return str(cell)
        return points

    def _blame(self, number: int, column: str, sentence: str) -> None:
        self.faults.append(
            f"row {number}, {column} (column {_name_column(self._places[column])}): {sentence}"
        )


def _name_column(place: int) -> str:
    name = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        name = chr(ord("A") + rest) + name
    return name
