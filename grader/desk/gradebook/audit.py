"""Whether a gradebook and the files beside it are whole and agree."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sql

from . import schema
from .ledger import Gradebook

_CHUNK_BYTES = 1 << 20


def count_rows(book: Gradebook) -> dict[str, int]:
    """How much there is of each kind."""
    with book.read() as connection:
        return {
            table.name: connection.scalar(sql.select(sql.func.count()).select_from(table)) or 0
            for table in (schema.party, schema.handin, schema.run, schema.result, schema.mark)
        }


def list_faults(book: Gradebook) -> Iterator[str]:
    """A sentence for each fault."""
    with book.read() as connection:
        if book.is_file:
            found = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
            yield from (f"{book.place}: {each}." for each in found if each != "ok")
            for row in connection.exec_driver_sql("PRAGMA foreign_key_check"):
                yield f"{book.place}: row {row[1]} of {row[0]} refers to a row of {row[2]} that is not there."
        handins = connection.execute(sql.select(schema.handin.c.hash).distinct()).scalars().all()
        runs: Any = connection.execute(sql.select(schema.run.c.id, schema.run.c.folder)).all()
    for digest in handins:
        yield from _check_hand_in(book, digest)
    for run in runs:
        if not (book.folder / run.folder).is_dir():
            yield f"Run {run.id}: {run.folder} is gone. Its results stand in the gradebook; its log, figures and code are lost."
    for folder in sorted(book.vault.list_runs() - {run.folder for run in runs}):
        yield (
            f"{folder} is of no run in the gradebook: a batch was killed just then, or the gradebook is an older copy. "
            "Its results don't count; the hand-in is graded again."
        )


def _check_hand_in(book: Gradebook, digest: str) -> Iterator[str]:
    path = book.vault.find(digest)
    if not path.is_file():
        yield f"The hand-in {path} is gone. Give the platform's archive to `grader batch` again: it is put back."
        return
    found = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            found.update(chunk)
    if found.hexdigest() != digest:
        yield f"The hand-in {path} was changed. Remove it, and give the platform's archive to `grader batch` again."
