"""One batch works in a folder of results at a time; what one that was killed left behind is removed by the next."""

from __future__ import annotations

import json
import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ..containment import remove_folder
from .work import end_processes

if os.name == "posix":
    import fcntl

LOCK = ".batch.lock"
_PREFIX = "b-"  # short: Unix sockets lie below it


class ClaimError(ValueError):
    """The folder can't be worked in; the message says why, and what to do."""


@contextmanager
def claim(results: Path) -> Iterator[Path]:
    """Work in a folder of results, alone; gives a folder for what is temporary. Raises ClaimError or OSError.

    The lock is the system's: it ends with the process, even if that is killed, and the file says whose it is.
    """
    with (results / LOCK).open("a+", encoding="utf-8") as file:
        _lock(file, results)
        _remove_leftovers(file)
        place = Path(tempfile.mkdtemp(prefix=_PREFIX))
        try:
            _note(file, {"pid": os.getpid(), "host": socket.gethostname(), "place": str(place)})
            yield place
        finally:
            remove_folder(place)
            _note(file, {})


def _lock(file: IO[str], results: Path) -> None:
    if os.name != "posix":
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        owner = _read(file)
        raise ClaimError(
            f"Process {owner.get('pid', 'unknown')} on host {owner.get('host', 'unknown')} is at work in {results}. "
            "Wait until it has ended, or end it with Ctrl-C or SIGTERM; what it has graded is kept."
        ) from error


def _read(file: IO[str]) -> dict[str, object]:
    file.seek(0)
    try:
        found = json.loads(file.read() or "{}")
    except ValueError:  # the disk was full, or the machine stopped just then
        return {}
    return found if isinstance(found, dict) else {}


def _note(file: IO[str], content: dict[str, object]) -> None:
    file.seek(0)
    file.truncate()
    file.write(json.dumps(content))
    file.flush()


def _remove_leftovers(file: IO[str]) -> None:
    """Remove the temporary folder of a batch that was killed on this machine, once its gradings have ended."""
    owner = _read(file)
    place = Path(str(owner.get("place", "")))
    if owner.get("host") == socket.gethostname() and place.name.startswith(_PREFIX):
        end_processes(place)
        remove_folder(place)
