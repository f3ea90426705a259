"""Points by hand as a table: written for a person with a spreadsheet, and read back whole or not at all.

1. A row is an item of a party: its key, what it was given so far, and the student's text.
2. A row in which nobody has changed anything is passed over, whatever others have decided since. Each other one is compared with the
   gradebook: somebody unknown, a name that is not the key's, a number that is out of range, a newer hand-in, or a mark that somebody
   else has given since is a fault, and each fault is named with its cell.
3. Without a fault all changed points are noted in one transaction; with one, nothing is.
"""

from __future__ import annotations

import codecs
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sql

from ..intake import show
from ..whole_file import write_whole
from .csv_table import make_table, read_csv
from .gradebook import WHOLE, Gradebook, PartyStanding, schema
from .grades import defuse, format_points
from .spreadsheet import make_sheet, read_rows, write_plainly

COLUMNS = (
    *("key", "name", "exercise", "item", "points", "max_points", "comment"),
    *("given", "given_comment", "hand_in", "answer"),
)
MOST_COMMENT = 10_000
"""Characters of a comment, of which a spreadsheet's cell takes few more."""
_CHECKS = "all checks"  # the item that stands for what checks give
_MAX_CELL = 32_000  # characters, of which a spreadsheet takes few more
_HASH = 12
_DIGITS = 4  # of points, in a table
_AS_NUMBER = re.compile(r"[\d.,]+[eE]\+?\d+")


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
        """What stands for the hand-in; no spreadsheet takes it for a number."""
        return f"#{self.party.handin.hash[:_HASH]}" if self.party.handin is not None else ""


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
    if path.exists():
        raise MarkSheetError(
            f"{path} is there already, and may hold points that nobody has imported: name another file, or remove it."
        )
    shown = [item for item in items if item.item != WHOLE or item.given is not None]
    rows: list[list[Any]] = [list(COLUMNS), *(_to_row(item, is_blind) for item in shown)]
    if path.suffix.lower() == ".xlsx":
        write_whole(path, make_sheet(rows))
    elif path.suffix.lower() == ".csv":
        cells = [
            [defuse(cell) if isinstance(cell, str) else format_points(cell) for cell in row] for row in rows
        ]
        write_whole(path, make_table(cells, line_end="\r\n", mark=codecs.BOM_UTF8).encode())
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
    header = [write_plainly(name) for name in header]
    for name in COLUMNS[:-1]:
        if header.count(name) != 1:
            seen = "more than one column" if name in header else "no column"
            raise MarkSheetError(
                f"{path.name} has {seen} {name}. Export the table again, and change only points and comments."
            )
    reading = _SheetReading(header, {item.key: item for item in items})
    changes = [
        change for number, row in enumerate(rows, 2) if (change := reading.read(number, row)) is not None
    ]
    if reading.faults:
        shown = "\n".join(f"  {fault}" for fault in reading.faults)
        raise MarkSheetError(f"Nothing was imported from {path.name}:\n{shown}")
    return changes


def find_last_marks(connection: sql.Connection) -> dict[tuple[int, str, str], int]:
    """By party, exercise and item, the id of the last mark."""
    table = schema.mark
    item = table.c.party_id, table.c.exercise, table.c.item
    query = sql.select(*item, sql.func.max(table.c.id)).group_by(*item)
    return {(party, exercise, name): last for party, exercise, name, last in connection.execute(query)}


def note_changes(
    book: Gradebook, changes: Sequence[MarkChange], author: str, last: Mapping[tuple[int, str, str], int]
) -> None:
    """Note all of them, or none. Raises GradebookError, or MarkSheetError if somebody has decided on one of the items just now.

    last: the last marks when the items were read. Ids of all marks together would not tell: PostgreSQL gives them before a transaction ends.
    """
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
    if not rows:
        return
    table = schema.mark
    items = {(change.item.party.id, change.item.exercise, change.item.item) for change in changes}
    with book.write() as connection:
        lock_parties(connection, {change.item.party.id for change in changes})
        present = find_last_marks(connection)
        if any(present.get(item) != last.get(item) for item in items):
            raise MarkSheetError("Somebody gave points for the same item just now: give the command again.")
        connection.execute(sql.insert(table), rows)


def lock_parties(connection: sql.Connection, parties: Iterable[int]) -> None:
    """Let nobody else decide about these parties until the transaction ends. SQLite lets nobody write meanwhile in any case."""
    query = sql.select(schema.party.c.id).where(schema.party.c.id.in_(sorted(parties)))
    connection.execute(query.order_by(schema.party.c.id).with_for_update()).all()


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
        item.comment,
        item.hand_in,
        answer,
    ]


def _name_blindly(item: MarkItem) -> str:
    """What stands for the key, which may well be a name or an address."""
    return f"#{item.party.id}"


_Decided = tuple[float | None, str]  # points and comment


def _find_shortened(items: Mapping[tuple[str, str, str], MarkItem]) -> dict[tuple[str, str, str], MarkItem]:
    """Keys of digits as a spreadsheet writes them that took them for numbers, without zeros before them, where they are one party's."""
    keys = {key[0] for key in items if key[0].isdecimal()}
    short = {key: key.lstrip("0") or "0" for key in keys}
    met = Counter(short.values())
    return {
        (short[key[0]], *key[1:]): item
        for key, item in items.items()
        if key[0] in short and met[short[key[0]]] == 1
    }


def _tell_unknown(key: str) -> str:
    if not key:
        return "the key is missing."
    told = f"{show(key)} is not in the gradebook, or has handed in nothing."
    if _AS_NUMBER.fullmatch(key):
        told += " A spreadsheet has taken the key for a number: export an .xlsx, in which it stays a text."
    return told


def _find_fault(
    item: MarkItem, hand_in: str, decided: _Decided, holds: _Decided, before: _Decided
) -> tuple[str, str] | None:
    """Why a row that somebody has changed can't be taken, after the column that says so.

    before: what held when the table was written
    """
    points, comment = decided
    if hand_in != item.hand_in:
        return (
            "hand_in",
            f"this is not what {item.party.key} has handed in last. Export the table again, and look at that.",
        )
    if item.given is None and points is None:
        return "comment", "a comment reaches nobody without points: give some, even 0, or leave it out."
    if len(comment) > MOST_COMMENT:
        return "comment", f"the comment has {len(comment):,} characters, and may have {MOST_COMMENT:,}."
    if holds != before:
        told = "taken the points back" if item.given is None else f"given {format_points(item.given)}"
        if holds[0] == before[0]:
            told = "changed the comment"
        return (
            "points",
            f"somebody has {told} since this table was written. Export it again, and decide anew.",
        )
    return None


def _unify(comment: str) -> str:
    """A comment whatever ended its lines in a browser or a spreadsheet."""
    return "\n".join(comment.replace("_x000D_", "").splitlines()).strip()


class _SheetReading:
    """Reads row after row. faults: one line for each bad cell"""

    def __init__(self, header: Sequence[Any], items: Mapping[tuple[str, str, str], MarkItem]) -> None:
        self._places = {str(name): place for place, name in enumerate(header)}
        blind = {(_name_blindly(item), *key[1:]): item for key, item in items.items()}
        defused = {(defuse(key[0]), *key[1:]): item for key, item in items.items()}
        self._items = {**_find_shortened(items), **blind, **defused, **items}
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
        points = self._read_points(number, "points", cells["points"], item.max_points)
        given = self._read_points(number, "given", cells["given"], item.max_points)
        if isinstance(points, str) or isinstance(given, str):
            return None
        comment, before = (_unify(texts[column]) for column in ("comment", "given_comment"))
        present = _unify(item.comment)
        comment, before = (present if text == defuse(present) else text for text in (comment, before))
        decided = points, comment
        holds = None if item.given is None else round(item.given, _DIGITS), present
        if decided in ((given, before), holds):
            return None
        if fault := _find_fault(item, texts["hand_in"], decided, holds, (given, before)):
            self._blame(number, *fault)
            return None
        return MarkChange(item, *decided)

    def _find(self, number: int, texts: Mapping[str, str]) -> MarkItem | None:
        item = self._items.get((texts["key"], texts["exercise"], texts["item"]))
        if item is None:
            if texts["key"] not in self._parties:
                self._blame(
                    number,
                    "key",
                    _tell_unknown(texts["key"]),
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
        return round(points, _DIGITS)

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
