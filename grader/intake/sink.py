"""Where handed-in files are put: into a fresh folder, under clean names, and no more of them than allowed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from .names import IntakeError, Kind, Names, classify, clean, is_too_long, listed, show

_CHUNK_BYTES = 1 << 18
MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class IntakeLimits:
    """How much a submission may hold."""

    archive_bytes: int = 256 * MIB
    """The archive itself."""
    members: int = 10_000
    unpacked_bytes: int = 512 * MIB
    """All files together, counted while they are unpacked."""
    memory_bytes: int = 2048 * MIB
    """The process that unpacks: its address space."""
    time_s: int = 120


@dataclass(slots=True)
class Tally:
    """How much of a submission has been taken in so far."""

    members: int = 0
    bytes: int = 0


class Sink:
    """Takes files one by one and writes those to grade below a folder.

    tally: what was taken in before, which counts
    inside: the folders below `folder` in which everything is put
    """

    def __init__(
        self,
        folder: Path,
        limits: IntakeLimits,
        reserved: Collection[str],
        tally: Tally | None = None,
        inside: Sequence[str] = (),
    ) -> None:
        self.folder, self._limits, self._reserved = folder, limits, frozenset(reserved)
        self.tally = tally or Tally()
        self._inside = tuple(inside)
        self._names = Names()
        self._noted: dict[str, None] = {}
        self._litter: dict[str, None] = {}

    @property
    def notes(self) -> list[str]:
        """What was left out and why, one sentence each."""
        if not self._litter:
            return list(self._noted)
        return [*self._noted, f"Passed over, as made by a system or a tool: {listed(self._litter)}."]

    def target(self, raw: str) -> Path | None:
        """Return where a file of this name is to be written, or None if it is left out.

        Raises IntakeError for a name that cannot be used, and when there are too many files.
        """
        self.count_member()
        parts = clean(raw)
        if not parts:
            return None
        kind, cause = classify(parts, self._reserved)
        if kind is Kind.SETTING:
            self._note(f"{show(cause)} was set aside: it would change how grading runs.")
        elif kind is Kind.RESERVED:
            self._note(f"{show(cause)} was set aside: grading uses the course's own.")
        elif kind is Kind.LITTER:
            self._pass_over(cause)
        if kind is not Kind.KEPT:
            return None
        whole = (*self._inside, *parts)
        if is_too_long(whole):
            self._note(f"{show('/'.join(whole))} was left out: its name is too long or too deeply nested.")
            return None
        self._names.take(raw, parts)
        target = self.folder.joinpath(*whole)
        target.parent.mkdir(parents=True, exist_ok=True)
        return target

    def add(self, raw: str, source: IO[bytes]) -> None:
        """Write a file from an open stream, unless it is left out."""
        if (target := self.target(raw)) is not None:
            with target.open("xb") as file:
                while chunk := source.read(_CHUNK_BYTES):
                    self.count_bytes(len(chunk))
                    file.write(chunk)

    def leave_out(self, raw: str, what: str) -> None:
        """Note that something is not a file: ``what`` says what it is instead."""
        self.count_member()
        parts = clean(raw)
        if parts and classify(parts, self._reserved)[0] is Kind.KEPT:
            self._note(f"{show('/'.join((*self._inside, *parts)))} was left out: it is {what}.")

    def count_member(self) -> None:
        """Count one more member of any kind. Raises IntakeError when there are too many."""
        self.tally.members += 1
        if self.tally.members > self._limits.members:
            raise IntakeError(
                f"There are more than {self._limits.members:,} files in it. "
                "Hand in only your notebook and scripts, without virtual environments and data sets."
            )

    def count_bytes(self, count: int) -> None:
        """Count unpacked bytes. Raises IntakeError when there are too many."""
        self.tally.bytes += count
        if self.tally.bytes > self._limits.unpacked_bytes:
            raise IntakeError(
                f"Unpacked, it is larger than {self._limits.unpacked_bytes // MIB:,} MiB. "
                "Hand in only your notebook and scripts, without saved models and data sets."
            )

    def _note(self, sentence: str) -> None:
        if len(self._noted) < 50:
            self._noted[sentence] = None

    def _pass_over(self, cause: str) -> None:
        if len(self._litter) < 50:
            self._litter[cause] = None
