"""Back to the platform: points and feedback in the form that it takes, and a list of everybody who gets nothing, with the reason.

1. Each party's points come from the gradebook. They are blank, never 0, where nobody knows them: something is still to be graded
   by hand, the machine lacked something, or the kit failed.
2. The platform's module writes its files, and says what the platform would drop in silence.
3. What was written is noted in the gradebook, so that `--changed` finds what has changed since.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import sqlalchemy as sql

from .csv_table import CsvTable, make_table, read_csv
from .grade_table import write_csv, write_xlsx
from .gradebook import PROBLEM, Gradebook, PartyStanding, schema
from .grades import (
    ExportError,
    ExportRequest,
    GradeEntry,
    Outgoing,
    format_points,
    name_feedback_page,
)
from .platforms import canvas, github, gradescope, ilias, moodle
from .spreadsheet import read_rows, write_plainly

Writer = Callable[[Sequence[GradeEntry], ExportRequest], Outgoing]

WRITERS: dict[str, Writer] = {
    "ilias": ilias.write_feedback,
    "ilias-status": ilias.write_status,
    "moodle": moodle.write_grades,
    "canvas": canvas.write_grades,
    "gradescope": gradescope.write_grades,
    "github": github.write_grades,
    "csv": write_csv,
    "xlsx": write_xlsx,
}
FEEDBACK = "feedback"
EXPORTS = "exports"
_REASONS = {
    "absent": "nothing was handed in",
    "waiting": "not graded yet",
    "machine": "the grading machine lacked something",
    "kit_error": "the kit failed",
    "interrupted": "grading was interrupted",
}


def list_entries(standings: Iterable[PartyStanding], results: Path) -> list[GradeEntry]:
    """What each party gets, with its page from the folder of feedback, which is all that an export takes from there."""
    return [_to_entry(party, _find_pages(results, party.key)) for party in standings]


def check_platform(standings: Iterable[PartyStanding], wanted: str) -> None:
    """Raises ExportError if the cohort is from another platform, whose ids mean nothing there."""
    own = {party.platform for party in standings}
    target = wanted.partition("-")[0]
    if wanted not in ("csv", "xlsx") and own - {target}:
        raise ExportError(
            f"This cohort is from {', '.join(sorted(own))}, whose ids {wanted} does not know. "
            f"Take --to {next((name for name in sorted(own) if name in WRITERS), 'csv')}."
        )


def read_template(path: Path, wanted: str) -> CsvTable:
    """The platform's own table; that of ILIAS' plugin may be a spreadsheet. Raises CsvError or SpreadsheetError."""
    if wanted != "ilias-status" or path.suffix.lower() != ".xlsx":
        return read_csv(path)
    rows = [[write_plainly(cell) for cell in row] for row in read_rows(path)]
    return make_table([row for row in rows if any(row)] or [[""]])


def describe_absent(standings: Iterable[PartyStanding], wanted: str, template: CsvTable | None) -> str:
    """A sentence on those whom a platform does not name in what it hands out; empty if it names everybody, or what is written does."""
    if wanted == "ilias" or template is not None or all(party.platform != "ilias" for party in standings):
        return ""
    return (
        "ILIAS' zip has no folder for who handed in nothing: they have no id here, and no row in this table. "
        "`grader batch … --dry-run` names them; with --to ilias-status, --template takes the plugin's own table, which has them."
    )


def choose_changed(entries: Sequence[GradeEntry], before: Mapping[str, float | None]) -> list[GradeEntry]:
    """Those whose points are others than in the last export to this platform, or who were in none."""
    return [entry for entry in entries if entry.key not in before or before[entry.key] != entry.points]


def describe_withdrawn(entries: Iterable[GradeEntry], before: Mapping[str, float | None]) -> str:
    """A sentence on those whose points were given and are not known any more: a blank takes nothing back from the platform."""
    known = [entry for entry in entries if entry.points is None and before.get(entry.key) is not None]
    if not known:
        return ""
    told = "; ".join(f"{entry} ({format_points(before[entry.key])} points)" for entry in known)
    return f"The last export gave points to some who are left blank now. What the platform has stays there until you change it: {told}."


def read_exported(book: Gradebook, platform: str) -> dict[str, float | None]:
    """What was given to a platform last, by the party's key."""
    query = (
        sql.select(schema.export.c.scores)
        .where(schema.export.c.platform == platform)
        .order_by(schema.export.c.id)
    )
    scores: dict[str, float | None] = {}
    with book.read() as connection:
        for (given,) in connection.execute(query):
            scores.update(given)
    return scores


@contextmanager
def write_files(outgoing: Outgoing, folder: Path) -> Iterator[list[Path]]:
    """Write what goes out below a folder, which is made: all of it or nothing, and nothing if the context ends with an exception.

    Raises OSError, or ExportError rather than write over a file.
    """
    present = [name for name in outgoing.files if (folder / name).exists()]
    if present:
        raise ExportError(
            f"{folder / present[0]} is there already, and exports are kept: name another folder with --out, or leave it out."
        )
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / name for name in outgoing.files]
    try:
        with tempfile.TemporaryDirectory(dir=folder, prefix=".draft-") as draft:
            for number, content in enumerate(outgoing.files.values()):
                Path(draft, str(number)).write_bytes(content)
            for number, path in enumerate(paths):
                path.parent.mkdir(parents=True, exist_ok=True)
                Path(draft, str(number)).rename(path)
        yield paths
    except BaseException:  # Ctrl-C included
        for path in paths:
            path.unlink(missing_ok=True)
        for place in sorted(
            {parent for path in paths for parent in path.parents if parent.is_relative_to(folder)},
            reverse=True,
        ):
            with suppress(OSError):  # where something else lies
                place.rmdir()
        raise


def make_folder(results: Path, platform: str) -> Path:
    """A new folder: exports are kept, also where two are made at the same time. Raises OSError."""
    (results / EXPORTS).mkdir(exist_ok=True)
    for number in itertools.count(1):
        folder = results / EXPORTS / f"{platform}-{number}"
        with suppress(FileExistsError):
            folder.mkdir()
            return folder
    raise AssertionError("there is always a next number")


def _find_pages(results: Path, key: str) -> tuple[Path, ...]:
    page = results / FEEDBACK / name_feedback_page(key)
    return tuple(path for path in (page, page.with_suffix(".pdf")) if path.is_file())


def _to_entry(party: PartyStanding, pages: tuple[Path, ...]) -> GradeEntry:
    reason = _explain_blank(party)
    return GradeEntry(
        key=party.key,
        label=party.label,
        points=None if reason else party.score,
        max_points=party.max_score,
        is_team=party.is_team,
        members=party.members,
        origin=party.handin.origin if party.handin is not None else "",
        files=party.handin.files if party.handin is not None else (),
        exercises={each.exercise.id: None if each.awaited else each.score for each in party.exercises},
        deduction=party.deduction,
        lateness=party.lateness.sentence if party.lateness is not None else "",
        status=party.status,
        reason=reason,
        pages=pages,
        outdated=tuple(
            f"{each.exercise.id} {item or 'checks'}" for each in party.exercises for item in each.outdated
        ),
    )


def _explain_blank(party: PartyStanding) -> str:
    """Why nobody knows a party's points; empty if they are known."""
    if party.status == "absent":
        return " ".join(flag.text for flag in party.flags if flag.kind == PROBLEM) or _REASONS["absent"]
    if party.status == "waiting":
        return _REASONS["waiting"]
    unknown = [each.exercise.id for each in party.exercises if each.score is None]
    waiting = [name for name in unknown if not any(run.covers(name) for run in party.runs)]
    parts = []
    if waiting:
        parts.append(f"{', '.join(waiting)}: {_REASONS['waiting']}")
    if failed := [name for name in unknown if name not in waiting]:
        why = _REASONS.get(party.status, "could not be checked on this machine, or by this kit")
        parts.append(f"{', '.join(failed)}: {why}")
    awaited = [f"{each.exercise.id} {item}" for each in party.exercises for item in each.awaited]
    if awaited:
        parts.append(f"still to be graded by hand: {', '.join(awaited)}")
    return "; ".join(parts)
