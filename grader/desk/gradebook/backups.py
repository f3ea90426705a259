"""Copies of a gradebook that is a file, numbered: the highest number is the newest, whatever the clock said."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

_NAME = re.compile(r"gradebook-(\d+)\.sqlite")
_KEPT = 10


def find_newest(folder: Path) -> Path | None:
    """The newest copy in `folder`."""
    return max(_list(folder), key=_read_number, default=None)


def back_up(gradebook: Path, folder: Path) -> Path:
    """Copy a gradebook, whole or not at all, even while others read it; the oldest copies go. Raises OSError or sqlite3.Error."""
    folder.mkdir(exist_ok=True)
    newest = find_newest(folder)
    copy = folder / f"gradebook-{_read_number(newest) + 1 if newest else 1:04}.sqlite"
    draft = copy.with_suffix(".draft")
    try:
        with closing(sqlite3.connect(gradebook)) as source, closing(sqlite3.connect(draft)) as target:
            source.backup(target)
        draft.replace(copy)
    finally:
        draft.unlink(missing_ok=True)
    for old in sorted(_list(folder), key=_read_number)[:-_KEPT]:
        old.unlink()
    return copy


def _list(folder: Path) -> list[Path]:
    return [path for path in folder.glob("*.sqlite") if _NAME.fullmatch(path.name)]


def _read_number(path: Path) -> int:
    found = _NAME.fullmatch(path.name)
    assert found is not None
    return int(found[1])
