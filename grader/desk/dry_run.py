"""What a batch would grade: who, which of their files, and every problem, before hours of computing."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC
from pathlib import Path

from .. import display
from ..homework import Homework
from ..intake import HandIn, IntakeError, listed, open_hand_in, show
from ..scripts import expect
from .cohort import Cohort, Upload
from .sources import PLATFORMS
from .work import lay_out

_MOST_OPENED_AT_ONCE = 8
_MAX_LABEL = 32
_TIME_WIDTH = len("2026-11-20 21:58 UTC, late")


def describe_cohort(cohort: Cohort, homework: Homework) -> Iterator[str]:
    """Lines for a person: each hand-in is opened as for grading, and nothing in it is run."""
    platform = PLATFORMS[cohort.platform]
    yield (
        f"Read as {platform.TITLE}, which has {platform.LOOK}: {_count(len(cohort.parties), 'party', 'parties')}, "
        f"{_count(len(cohort.uploads), 'hand-in', 'hand-ins')}."
    )
    yield ""
    labels = {party.key: party.label for party in cohort.parties}
    width = min(_MAX_LABEL, max((len(_plain(name)) for name in labels.values()), default=0))
    key_width = min(_MAX_LABEL, max((len(_plain(key)) for key in labels), default=0))
    workers = min(_MOST_OPENED_AT_ONCE, os.cpu_count() or 1)
    with ThreadPoolExecutor(workers) as pool:
        for upload, lines in zip(
            cohort.uploads, pool.map(lambda each: _open(each, homework), cohort.uploads), strict=True
        ):
            name = _plain(labels[upload.party])
            yield f"{_plain(upload.party):<{key_width}}  {name:<{width}}  {_describe_time(upload):<{_TIME_WIDTH}}  {_list_files(upload)}"
            yield from (f"{'':<{key_width}}  {line}" for line in lines)
    absent = [key for key in labels if key not in {upload.party for upload in cohort.uploads}]
    yield from _list_section("Nothing to grade", [f"{_plain(labels[key])} ({_plain(key)})" for key in absent])
    yield from describe_findings(cohort)


def describe_findings(cohort: Cohort) -> Iterator[str]:
    """What was chosen and by which rule, and what could not be read or matched."""
    yield from _list_section("Chosen", cohort.choices)
    yield from _list_section("Problems", [problem.sentence for problem in cohort.problems])


def _open(upload: Upload, homework: Homework) -> list[str]:
    """What of a hand-in is graded, and what is to be said of it."""
    with tempfile.TemporaryDirectory(prefix="dry-run-") as workdir:
        with tempfile.TemporaryFile(dir=workdir) as packed:
            upload.pack(packed)
            path = lay_out(packed, Path(workdir))
        try:
            found = open_hand_in(path, Path(workdir), expected=expect(homework))
        except IntakeError as error:
            return [f"✗ {display.plain(str(error), one_line=True)}"]
        return [f"→ {_describe(found, homework)}", *(f"· {note}" for note in found.notes)]


def _describe(found: HandIn, homework: Homework) -> str:
    graded = [show(path.relative_to(found.folder).as_posix()) for path in dict.fromkeys(found.list_graded())]
    scripts = [name for exercise in homework.exercises for name in exercise.files]
    missing = [name for name in scripts if name not in found.scripts]
    if found.notebook is None:
        return f"{listed(graded, 20)}; no notebook: {found.problems['notebook']}"
    if scripts and not found.scripts:
        return f"{listed(graded, 20)}; no scripts"
    return f"{listed(graded, 20)}{f'; without {listed(missing)}' if missing else ''}"


def _describe_time(upload: Upload) -> str:
    at = upload.handed_in_at
    told = f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if at is not None else "time not told"
    return f"{told}, late" if upload.is_late else told


def _list_files(upload: Upload) -> str:
    return _plain(listed([show(name) for name, _ in upload.files]))


def _list_section(title: str, lines: list[str] | tuple[str, ...]) -> Iterator[str]:
    if lines:
        yield ""
        yield f"{title}:"
        yield from (f"  {_plain(line)}" for line in lines)


def _plain(text: str) -> str:
    return display.plain(text, max_characters=600, one_line=True)


def _count(number: int, one: str, several: str) -> str:
    return f"{number} {one if number == 1 else several}"
