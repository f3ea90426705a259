"""Gathers the parties and hand-ins of a cohort, file by file, while a platform's reader goes through what lies there."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from ..intake import show
from .cohort import Cohort, Party, Problem, Upload
from .tree import Tree

_MAX_NAME_BYTES, _KEPT_BYTES, _MAX_ENDING = 255, 120, 16


@dataclass
class _Growth:
    """A hand-in while its files come in."""

    origin: str
    files: dict[str, Path] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    handed_in_at: datetime | None = None
    is_late: bool | None = None


class Gathering:
    """What a reader has found so far."""

    def __init__(self, platform: str, tree: Tree) -> None:
        self._platform = platform
        self._parties: dict[str, Party] = {}
        self._growing: dict[str, _Growth] = {}
        self._problems = [*tree.problems]
        self._choices: list[str] = []
        self._owners: dict[Problem, str] = {}

    def add_party(self, party: Party) -> None:
        """Add a party, or say more of one that was added: what was empty before is filled in."""
        before = self._parties.get(party.key)
        if before is None:
            self._parties[party.key] = party
        else:
            self._parties[party.key] = replace(
                before, members=before.members or party.members, label=before.label or party.label
            )

    def add_file(self, key: str, name: str, path: Path, origin: str) -> None:
        """Add a file of a party's hand-in, which is called `origin` from now on."""
        growing = self._growing.setdefault(key, _Growth(origin))
        growing.origin = origin
        if (short := _shorten(name)) != name:
            growing.notes.append(
                f"{show(name)} is called {show(short)} here: its name is longer than most systems take."
            )
            name = short
        if name in growing.files:
            self.choose(key, f"{show(name)} was handed in twice; the one in {show(origin)} was taken.")
        growing.files[name] = path

    def claim(self, tree: Tree, top: str, key: str) -> None:
        """Say whose a file or folder is: what was left out of it becomes a problem of this party."""
        for name, problem in tree.unread.items():
            if name == top or name.startswith(f"{top}/"):
                self._owners[problem] = key

    def set_time(self, key: str, handed_in_at: datetime | None) -> None:
        """Note when a party handed in; the latest time counts."""
        growing = self._growing.get(key)
        if growing is not None and handed_in_at is not None:
            growing.handed_in_at = max(handed_in_at, growing.handed_in_at or handed_in_at)

    def set_late(self, key: str, is_late: bool) -> None:
        """Note what the platform says of a file; a hand-in is late if a file of it is."""
        growing = self._growing[key]
        growing.is_late = is_late or bool(growing.is_late)

    def choose(self, key: str, sentence: str) -> None:
        """Note what was chosen in a party's hand-in, and tell it with the cohort, too."""
        self._growing[key].notes.append(sentence)
        self._choices.append(f"{self.name(key)}: {sentence}")

    def add_rule(self, sentence: str) -> None:
        """Note what holds for the whole cohort."""
        self._choices.append(sentence)

    def tell(self, place: str, sentence: str, key: str = "") -> None:
        """Tell a problem."""
        self._problems.append(Problem(place, sentence, key))

    def name(self, key: str) -> str:
        """A party in a sentence."""
        party = self._parties.get(key)
        return f"{show(party.label)} ({key})" if party is not None and party.label != key else show(key)

    def leave_unmatched(self, names: Iterable[str], expected: str) -> None:
        """Tell files that belong to nobody."""
        for name in names:
            self.tell(name, f"{show(name)} belongs to nobody: {expected}.")

    def finish(self) -> Cohort:
        """The cohort; a party without any file is told."""
        told = {*self._owners.values(), *(problem.party for problem in self._problems)}
        for key in self._parties:
            if key not in self._growing and key not in told:
                self.tell("", f"{self.name(key)} has handed in nothing.", key)
        uploads = [
            Upload(
                key,
                tuple(sorted(growing.files.items())),
                growing.origin,
                growing.handed_in_at,
                growing.is_late,
                tuple(growing.notes),
            )
            for key, growing in self._growing.items()
        ]
        return Cohort(
            self._platform,
            tuple(self._parties.values()),
            tuple(uploads),
            tuple(
                replace(problem, party=self._owners.get(problem, problem.party)) for problem in self._problems
            ),
            tuple(dict.fromkeys(self._choices)),
        )


def join(cohorts: Sequence[Cohort]) -> Cohort:
    """Several sources of one platform as one cohort. Of a party that handed in in several of them, the newest counts, as far as the platform
    tells, else the one in the source that was named last."""
    parties: dict[str, Party] = {}
    uploads: dict[str, Upload] = {}
    sources: dict[str, int] = {}  # by party, the one that the upload is from
    choices = [choice for cohort in cohorts for choice in cohort.choices]
    for number, cohort in enumerate(cohorts, 1):
        for party in cohort.parties:
            parties.setdefault(party.key, party)
        for upload in cohort.uploads:
            before = uploads.get(upload.party)
            if before is None or before.digest == upload.digest:
                uploads[upload.party], sources[upload.party] = upload, number
                continue
            times = before.handed_in_at, upload.handed_in_at
            is_newer = times[0] is None or times[1] is None or times[1] >= times[0]
            rule = "the one in the source named last" if None in times else "the newest"
            taken, source = (upload, number) if is_newer else (before, sources[upload.party])
            sentence = f"Handed in in several sources: {rule} counts, here the one in source {source}."
            choices.append(f"{show(parties[upload.party].label)} ({upload.party}): {sentence}")
            uploads[upload.party] = replace(taken, notes=(*taken.notes, sentence))
            sources[upload.party] = source
    problems = [
        problem
        for cohort in cohorts
        for problem in cohort.problems
        if problem.place or problem.party not in uploads
    ]
    return Cohort(
        cohorts[0].platform, tuple(parties.values()), tuple(uploads.values()), tuple(problems), tuple(choices)
    )


def _shorten(name: str) -> str:
    """A name that every system takes, with the same ending."""
    return "/".join(_shorten_part(part) for part in name.split("/"))


def _shorten_part(part: str) -> str:
    if len(part.encode()) <= _MAX_NAME_BYTES:
        return part
    stem, dot, ending = part.rpartition(".")
    mark = f"-{zlib.crc32(part.encode()):08x}"  # two long names that begin alike stay apart
    if not stem or len(ending) > _MAX_ENDING:
        return part.encode()[:_KEPT_BYTES].decode(errors="ignore") + mark
    return stem.encode()[:_KEPT_BYTES].decode(errors="ignore") + mark + dot + ending
