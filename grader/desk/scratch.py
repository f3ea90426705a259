"""Folders for what is temporary: what a process that was killed has left of them is removed by the next one."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil


@contextmanager
def scratch_folder(parent: Path, word: str) -> Iterator[Path]:
    """A folder below `parent` that nobody else can read, as long as the context is open. Raises OSError.

    word: what its name begins with, and that of those before it
    """
    _remove_leftovers(parent, word)
    folder = parent / f"{_begin(word)}{os.getpid()}-{secrets.token_hex(4)}"
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _begin(word: str) -> str:
    return f"{word}-{socket.gethostname()}-"


def _remove_leftovers(parent: Path, word: str) -> None:
    for path in parent.glob(f"{_begin(word)}*"):
        process = path.name.removeprefix(_begin(word)).partition("-")[0]
        if process.isdecimal() and not psutil.pid_exists(int(process)):
            shutil.rmtree(path, ignore_errors=True)
