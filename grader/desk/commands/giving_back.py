"""Points and feedback go back to the platform: `grader export`."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ... import display
from .arguments import DONE, add_homework, add_results, refuse

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from ..grades import GradeEntry, Outgoing

_TARGETS = ("ilias", "ilias-status", "moodle", "canvas", "gradescope", "github", "csv", "xlsx")
_FILLED_IN = ("moodle", "canvas", "github", "ilias-status")
_WITH_COLUMN = ("moodle", "canvas")


def add_export(commands: Any) -> None:
    export = commands.add_parser(
        "export", help="points and feedback for the learning platform", description=_export.__doc__
    )
    add_results(export)
    export.add_argument("--to", required=True, choices=_TARGETS, help="the platform, or a table")
    export.add_argument(
        "--template", type=Path, metavar="FILE", help="the platform's own table, to be filled in"
    )
    export.add_argument("--column", metavar="NAME", help="of the template: the column that takes the points")
    export.add_argument(
        "--changed", action="store_true", help="only those whose points have changed since the last export"
    )
    export.add_argument("--out", type=Path, metavar="FOLDER", help="default: a new folder in RESULTS/exports")
    add_homework(export)
    export.set_defaults(run=_export)


@dataclass(frozen=True)
class _Export:
    """What was written. stale: keys of those whose pages are older than the gradebook; notes: about who is left out"""

    entries: Sequence[GradeEntry]
    outgoing: Outgoing
    paths: Sequence[Path]
    stale: Collection[str]
    notes: Sequence[str]


def _export(options: argparse.Namespace) -> int:
    """Write points and feedback in the form that a learning platform takes. Points that nobody knows yet are left blank, and listed."""
    from ...homework import HomeworkError
    from ..configuration import ConfigurationError
    from ..csv_table import CsvError
    from ..gradebook import GradebookError
    from ..grades import ExportError
    from ..spreadsheet import SpreadsheetError

    try:
        _check_options(options)
        export = _write_export(options)
    except (CsvError, SpreadsheetError) as error:
        return refuse(ExportError(f"{options.template or options.to} can't be used: {error}."))
    except (HomeworkError, ConfigurationError, GradebookError, ExportError) as error:
        return refuse(error)
    except OSError as error:
        return refuse(ExportError(f"{error.filename or 'The export'} can't be written: {error.strerror}."))
    except UnicodeEncodeError as error:
        return refuse(ExportError(f"{options.template} can't be filled in: {error}."))
    for line in (*(f"Note: {note}" for note in export.notes), *_describe_export(export)):
        print(display.plain(line, one_line=True))
    return DONE


def _check_options(options: argparse.Namespace) -> None:
    """Raises ExportError for an option that the platform has no use for."""
    from ..grades import ExportError

    if options.to not in _FILLED_IN and options.template is not None:
        raise ExportError(f"--template is for {', '.join(_FILLED_IN)}: --to {options.to} fills in no table.")
    if options.to not in _WITH_COLUMN and options.column is not None:
        raise ExportError(
            f"--column is for {', '.join(_WITH_COLUMN)}: with --to {options.to} it is known where points go."
        )


def _write_export(options: argparse.Namespace) -> _Export:
    """Write the files and note that they were, both or neither. Raises ExportError and what reading and writing raise."""
    from ...homework import find_homework, read_homework
    from .. import export
    from ..configuration import read_configuration
    from ..gradebook import open_gradebook, read_standings
    from ..grades import ExportError, ExportRequest
    from ..late import describe_strangers
    from ..pages import list_stale

    homework = read_homework(find_homework(options.homework))
    configuration = read_configuration(options.results)
    template = export.read_template(options.template, options.to) if options.template is not None else None
    request = ExportRequest(homework.title, template, options.column, configuration.pass_percent)
    with open_gradebook(options.results) as book:
        standings = read_standings(book, homework)
        export.check_platform(standings, options.to)
        entries = export.list_entries(standings, options.results)
        before = export.read_exported(book, options.to)
        if options.changed:
            entries = export.choose_changed(entries, before)
        if not entries:
            raise ExportError(
                "Nothing has changed since the last export."
                if options.changed
                else "Nobody is in the gradebook."
            )
        outgoing = export.WRITERS[options.to](entries, request)
        notes = (
            describe_strangers(configuration, {party.key for party in standings}),
            export.describe_absent(standings, options.to, template),
            export.describe_withdrawn(entries, before),
        )
        stale = {party.key for party in list_stale(standings, homework, options.results)}
        folder = options.out or export.make_folder(options.results, options.to)
        with export.write_files(outgoing, folder) as paths:
            book.add_export(options.to, folder, {entry.key: entry.points for entry in entries})
    if options.changed:
        outgoing = replace(outgoing, strangers=())  # most of those are in the cohort
    return _Export(entries, outgoing, paths, stale, tuple(filter(None, notes)))


def _describe_export(export: _Export) -> Iterator[str]:
    from ..grades import name_all

    entries, outgoing = export.entries, export.outgoing
    known = sum(entry.points is not None for entry in entries)
    pages = sum(bool(entry.pages) for entry in entries)
    yield f"{known} with points, {len(entries) - known} left blank, {pages} with feedback:"
    yield from (f"  {path}" for path in export.paths)
    yield from (f"Note: {warning}" for warning in outgoing.warnings)
    old = [entry for entry in entries if entry.key in export.stale]
    if not pages:
        yield "Note: there are no pages in RESULTS/feedback; `grader report RESULTS` makes them."
    elif old:
        yield (
            f"Note: pages in RESULTS/feedback are older than what stands in the gradebook, or missing, for {name_all(old)}: "
            "give `grader report RESULTS`, and export again."
        )
    outdated = [f"{entry}: {', '.join(entry.outdated)}" for entry in entries if entry.outdated]
    if outdated:
        yield f"Note: points by hand were given for what was replaced by another hand-in since: {'; '.join(outdated)}."
    yield from (f"Blank: {entry}: {entry.reason}" for entry in entries if entry.points is None)
    unmatched = [entry for entry in entries if entry.key in outgoing.unmatched]
    yield from (f"Not in the template: {entry}" for entry in unmatched)
    yield from (f"Nobody here, left as it is in the template: {told}" for told in outgoing.strangers)
