"""Points by hand, one hand-in at a time: what comes next, what a form says, and a mark that nobody overwrites unseen."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sql

from ..homework import RubricLine
from .gradebook import WHOLE, Gradebook, schema
from .grades import format_points
from .mark_sheet import MOST_COMMENT, MarkItem, lock_parties


class MarkingError(ValueError):
    """What a form says can't be noted; the message is for the person who filled it in."""


class OverwrittenError(Exception):
    """Somebody else has decided since the form was shown. latest: the row of the last mark; None if there is none"""

    def __init__(self, latest: Any) -> None:
        super().__init__("somebody else has decided since")
        self.latest = latest


@dataclass(frozen=True)
class Decision:
    """What a person decided about an item. points: None takes the last mark back; seen: the id of the mark that the form showed, 0 for none"""

    points: float | None
    comment: str
    seen: int


@dataclass(frozen=True)
class FormFilling:
    """What a form shows: of the comment what is not a line of the rubric, and points only where the ticked lines don't add up to them.

    ticked: the numbers of those lines, as texts
    """

    points: str
    comment: str
    ticked: tuple[str, ...]


def fill_form(item: MarkItem) -> FormFilling:
    """The form with what was decided last, so that saving it unchanged decides the same."""
    words = item.comment.splitlines()
    lines = {str(number): line for number, line in enumerate(list_rubric(item)) if line.text in words}
    texts = [line.text for line in lines.values()]
    comment = "\n".join(each for each in words if each not in texts)
    added = round(math.fsum(line.points for line in lines.values()), 6)
    points = "" if lines and added == item.given else format_points(item.given)
    return FormFilling(points, comment, tuple(lines))


def read_decision(form: Mapping[str, str], ticked: Sequence[str], item: MarkItem) -> Decision:
    """A form as it was sent. Without points, the lines of the rubric that were ticked add up to them. Raises MarkingError.

    ticked: the numbers of those lines
    """
    lines = {str(number): line for number, line in enumerate(list_rubric(item))}
    chosen = [lines[number] for number in ticked if number in lines]
    written = "\n".join(form.get("comment", "").strip().splitlines())  # browsers send other ends of lines
    comment = "\n".join(filter(None, [*(line.text for line in chosen), written]))
    if form.get("earlier", "").strip() and not comment:
        comment = form["earlier"].strip()
    text = form.get("points", "").strip().replace(",", ".")
    if not text and chosen:
        text = str(math.fsum(line.points for line in chosen))
    points = _read_points(text, item.max_points)
    if item.item == WHOLE and points is not None and not comment:
        raise MarkingError(
            "Say in the comment why the checks' points are replaced: the student will read it."
        )
    if points is None and item.given is None and comment:
        raise MarkingError("A comment reaches nobody without points: give some, even 0, or leave it out.")
    if len(comment) > MOST_COMMENT:
        raise MarkingError(f"The comment has {len(comment):,} characters, and may have {MOST_COMMENT:,}.")
    seen = form.get("seen", "0")
    return Decision(points, comment, int(seen) if seen.isdecimal() else 0)


def _read_points(text: str, most: float) -> float | None:
    if not text:
        return None
    try:
        points = float(text)
    except ValueError:
        points = math.nan
    if not 0 <= points <= most:
        raise MarkingError(
            f"The points are {text!r}: give a number from 0 to {most:g}, or nothing to take them back."
        )
    return points


def list_rubric(item: MarkItem) -> Sequence[RubricLine]:
    exercise = next(each.exercise for each in item.party.exercises if each.exercise.id == item.exercise)
    return next((each.rubric for each in exercise.manual if each.name == item.item), ())


def note_decision(book: Gradebook, item: MarkItem, decision: Decision, author: str) -> None:
    """Note what a person decided, in one transaction with a look at what holds by now.

    Raises OverwrittenError, and notes nothing, if that is not what the form showed.
    """
    table = schema.mark
    same = (
        table.c.party_id == item.party.id,
        table.c.exercise == item.exercise,
        table.c.item == item.item,
    )
    with book.write() as connection:
        lock_parties(connection, [item.party.id])
        query = sql.select(table).where(*same).order_by(table.c.id.desc()).limit(1)
        latest = connection.execute(query).one_or_none()
        if (latest.id if latest is not None else 0) != decision.seen:
            raise OverwrittenError(latest)
        connection.execute(
            sql.insert(table).values(
                party_id=item.party.id,
                handin_id=item.party.handin.id if item.party.handin is not None else None,
                exercise=item.exercise,
                item=item.item,
                points=decision.points,
                comment=decision.comment,
                author=author,
            )
        )


def read_last_ids(book: Gradebook, party_id: int) -> dict[tuple[str, str], int]:
    """The id of the last mark on each exercise and item of a party, also of one that took points back."""
    table = schema.mark
    query = (
        sql.select(table.c.exercise, table.c.item, sql.func.max(table.c.id))
        .where(table.c.party_id == party_id)
        .group_by(table.c.exercise, table.c.item)
    )
    with book.read() as connection:
        return {(exercise, item): number for exercise, item, number in connection.execute(query)}


def read_history(book: Gradebook, item: MarkItem) -> list[Any]:
    """All marks on an item, oldest first, as rows of the table."""
    table = schema.mark
    same = (table.c.party_id == item.party.id, table.c.exercise == item.exercise, table.c.item == item.item)
    with book.read() as connection:
        return list(connection.execute(sql.select(table).where(*same).order_by(table.c.id)))


def list_earlier_comments(book: Gradebook, item: MarkItem) -> list[str]:
    """The comments that others were given on the same item, the most used first."""
    table = schema.mark
    query = (
        sql.select(table.c.comment)
        .where(table.c.exercise == item.exercise, table.c.item == item.item, table.c.comment != "")
        .group_by(table.c.comment)
        .order_by(sql.func.count().desc(), sql.func.max(table.c.id).desc())
        .limit(20)
    )
    with book.read() as connection:
        return list(connection.scalars(query))
