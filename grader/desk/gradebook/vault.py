"""The files beside a gradebook: the bytes of hand-ins under their hash, and of each run its results.json and its log.

A file is written whole or not at all, and before the gradebook speaks of it; so after a crash there can be a file too many, never one too few.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Collection, Mapping
from pathlib import Path, PurePosixPath
from typing import IO

_DRAFT = ".draft-"
_UNCONFIRMED = ".unconfirmed"  # stands in the folder of a run until the gradebook speaks of it


class Vault:
    """Files below a folder of results."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._hand_ins, self._runs = folder / "handins", folder / "runs"

    def find(self, digest: str) -> Path:
        """Where the hand-in with this hash lies, or would lie."""
        return self._hand_ins / digest[:2] / f"{digest}.zip"

    def keep(self, pack: Callable[[IO[bytes]], str]) -> str:
        """Keep a hand-in, and return its hash. Raises OSError.

        pack: writes its bytes and returns their hash, as `Upload.pack` does
        """
        self._hand_ins.mkdir(parents=True, exist_ok=True)
        draft = self._hand_ins / f"{_DRAFT}{os.getpid()}"
        try:
            with draft.open("w+b") as file:
                digest = pack(file)
                _settle(file)
            place = self.find(digest)
            if not place.is_file():
                place.parent.mkdir(exist_ok=True)
                draft.replace(place)
        finally:
            draft.unlink(missing_ok=True)
        return digest

    def keep_run(self, digest: str, files: Mapping[str, bytes]) -> str:
        """Keep what a run of this hand-in left; returns its folder's name below the folder of results. Raises OSError.

        Until `confirm_run` it counts as left over.
        files: name, perhaps with folders, -> content
        """
        place = self._runs / digest[:16]
        place.mkdir(parents=True, exist_ok=True)
        draft = place / f"{_DRAFT}{os.getpid()}"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir()
        for name, content in files.items():
            assert ".." not in PurePosixPath(name).parts
            (draft / name).parent.mkdir(parents=True, exist_ok=True)
            _write(draft / name, content)
        _write(draft / _UNCONFIRMED, b"")
        numbers = [int(path.name) for path in place.iterdir() if path.name.isdecimal()]
        kept = place / f"{max(numbers, default=0) + 1:03}"
        draft.rename(kept)
        return kept.relative_to(self.folder).as_posix()

    def confirm_run(self, name: str) -> None:
        """The gradebook speaks of it now. Raises OSError."""
        (self.folder / name / _UNCONFIRMED).unlink()

    def remove_leftovers(self, known: Collection[str]) -> None:
        """Remove what was being written when a batch was killed. known: the folders of runs that the gradebook speaks of"""
        for mark in self._runs.glob(f"*/*/{_UNCONFIRMED}"):
            if mark.parent.relative_to(self.folder).as_posix() in known:
                mark.unlink()
            elif not mark.parent.name.startswith(_DRAFT):
                mark.parent.rename(mark.parent.with_name(f"{_DRAFT}{mark.parent.name}"))
        for draft in [*self._hand_ins.glob(f"{_DRAFT}*"), *self._runs.glob(f"*/{_DRAFT}*")]:
            if draft.is_dir():
                shutil.rmtree(draft)
            else:
                draft.unlink()

    def list_runs(self) -> set[str]:
        """The folders of all runs, as `keep_run` names them."""
        return {path.relative_to(self.folder).as_posix() for path in self._runs.glob("*/[0-9]*")}


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        _settle(file)


def _settle(file: IO[bytes]) -> None:
    """Have what was written on the disk."""
    file.flush()
    os.fsync(file.fileno())
