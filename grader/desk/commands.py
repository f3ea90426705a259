"""The desk's commands, as `grader` understands them. What they need is imported when they run: `grader grade` must not wait for it."""

from __future__ import annotations

import argparse
import getpass
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import display
from ..isolation import LEVELS
from ..options import read_seed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from ..homework import Homework
    from .configuration import BatchSettings, Configuration
    from .grades import GradeEntry, Outgoing

_TARGETS = ("ilias", "ilias-status", "moodle", "canvas", "gradescope", "github", "csv", "xlsx")
_FILLED_IN = ("moodle", "canvas", "github")
DONE, FAULTY, REFUSED = 0, 1, 2
_PLATFORMS = ("ilias", "moodle", "canvas", "gradescope", "github", "folder")


def add_commands(commands: Any) -> None:
    """Declare them below `grader`."""
    for add in (
        _add_release,
        _add_batch,
        _add_serve,
        _add_similar,
        _add_report,
        _add_export,
        _add_marks,
        _add_gradebook,
        _add_diff,
        _add_gradescope,
    ):
        add(commands)


def _add_release(commands: Any) -> None:
    release = commands.add_parser("release", help="build what students get", description=_release.__doc__)
    place = release.add_mutually_exclusive_group(required=True)
    place.add_argument(
        "--out", type=Path, metavar="ZIP|FOLDER", help="a .zip or a folder, which does not exist yet"
    )
    place.add_argument(
        "--check", action="store_true", help="build it elsewhere, install it in a new environment, and try it"
    )
    _add_homework(release)
    release.set_defaults(run=_release)


def _add_batch(commands: Any) -> None:
    batch = commands.add_parser("batch", help="grade a cohort", description=_batch.__doc__)
    batch.add_argument(
        "sources",
        type=Path,
        nargs="+",
        metavar="SOURCE",
        help="what the learning platform hands out, as a zip or a folder, and its tables (.csv)",
    )
    batch.add_argument("--out", type=Path, metavar="RESULTS", help="the folder that keeps all results")
    batch.add_argument(
        "--platform", choices=_PLATFORMS, help="where it is from; default: known by its structure"
    )
    batch.add_argument(
        "--dry-run",
        action="store_true",
        help="print who handed in which files, and all problems; grade nothing",
    )
    batch.add_argument(
        "--only", nargs="+", default=[], metavar="WHO", help="only these: a key, name, login or address"
    )
    batch.add_argument("--exercise", metavar="ID,…", help="grade only these exercises")
    batch.add_argument(
        "--regrade",
        choices=("changed", "failed", "all"),
        help="also what was graded before: by checks that have changed since, without success, or everything",
    )
    batch.add_argument("--jobs", type=_read_count, metavar="N", help="how many are graded at the same time")
    batch.add_argument("--scheduler", metavar="URL", help="of a Dask cluster that grades")
    batch.add_argument("--grading-seed", type=read_seed, metavar="N", help="the same for the whole cohort")
    batch.add_argument("--isolation", choices=LEVELS, help="how well to contain submissions; default: full")
    _add_homework(batch)
    batch.set_defaults(run=_batch)


def _add_serve(commands: Any) -> None:
    serve = commands.add_parser("serve", help="give points by hand in a browser", description=_serve.__doc__)
    _add_results(serve)
    serve.add_argument(
        "--by", default="", metavar="NAME", help="who gives the points; default: who is logged in"
    )
    serve.add_argument("--blind", action="store_true", help="without names")
    serve.add_argument("--port", type=int, default=0, metavar="N", help="default: any that is free")
    _add_homework(serve)
    serve.set_defaults(run=_serve)


def _add_similar(commands: Any) -> None:
    similar = commands.add_parser(
        "similar", help="find hand-ins that are alike", description=_similar.__doc__
    )
    _add_results(similar)
    similar.add_argument(
        "--threshold",
        type=_read_share,
        default=0.3,
        metavar="X",
        help="the least share in common; default: 0.3",
    )
    _add_homework(similar)
    similar.set_defaults(run=_similar)


def _add_report(commands: Any) -> None:
    report = commands.add_parser(
        "report", help="pages on a cohort, and feedback for students", description=_report.__doc__
    )
    _add_results(report)
    report.add_argument("--pdf", action="store_true", help="write the feedback as PDFs, too; needs Chromium")
    _add_homework(report)
    report.set_defaults(run=_report)


def _add_export(commands: Any) -> None:
    export = commands.add_parser(
        "export", help="points and feedback for the learning platform", description=_export.__doc__
    )
    _add_results(export)
    export.add_argument("--to", required=True, choices=_TARGETS, help="the platform, or a table")
    export.add_argument(
        "--template", type=Path, metavar="FILE", help="the platform's own table, to be filled in"
    )
    export.add_argument("--column", metavar="NAME", help="of the template: the column that takes the points")
    export.add_argument(
        "--changed", action="store_true", help="only those whose points have changed since the last export"
    )
    export.add_argument("--out", type=Path, metavar="FOLDER", help="default: a new folder in RESULTS/exports")
    _add_homework(export)
    export.set_defaults(run=_export)


def _add_marks(commands: Any) -> None:
    marks = commands.add_parser("marks", help="points by hand, as a table", description=_mark.__doc__)
    _add_results(marks)
    marks.add_argument("direction", choices=("export", "import"))
    marks.add_argument("file", type=Path, metavar="FILE", help="a .csv or an .xlsx")
    marks.add_argument("--blind", action="store_true", help="export without names")
    marks.add_argument(
        "--by", default="", metavar="NAME", help="who gives the points; default: who is logged in"
    )
    _add_homework(marks)
    marks.set_defaults(run=_mark)


def _add_gradebook(commands: Any) -> None:
    gradebook = commands.add_parser("gradebook", help="look after a gradebook")
    tasks = gradebook.add_subparsers(required=True, metavar="TASK")
    check = tasks.add_parser("check", help="is it whole?", description=_check_gradebook.__doc__)
    _add_results(check)
    check.set_defaults(run=_check_gradebook)


def _add_diff(commands: Any) -> None:
    diff = commands.add_parser("diff", help="what grading again has changed", description=_diff.__doc__)
    _add_results(diff)
    diff.add_argument(
        "runs", type=int, nargs="*", metavar="RUN", help="two runs of the same hand-in, by number"
    )
    diff.set_defaults(run=_diff)


def _add_gradescope(commands: Any) -> None:
    gradescope = commands.add_parser(
        "gradescope", help="an autograder for Gradescope's machines", description=_build_autograder.__doc__
    )
    gradescope.add_argument(
        "--out", type=Path, required=True, metavar="ZIP", help="a .zip, which does not exist yet"
    )
    gradescope.add_argument(
        "--hidden",
        action="store_true",
        help="with the hidden checks, which run only where submissions are contained",
    )
    gradescope.add_argument(
        "--visibility",
        choices=("visible", "hidden", "after_due_date", "after_published"),
        help="when students see the checks; default: visible, with --hidden: after_published",
    )
    gradescope.add_argument(
        "--minutes",
        type=_read_minutes,
        default=10,
        metavar="N",
        help="what Gradescope gives a submission; default: 10, at most 40",
    )
    gradescope.add_argument("--data-set", metavar="NAME", help="the one to grade on; default: the homework's")
    gradescope.add_argument(
        "--grading-seed", type=read_seed, metavar="N", help="the same for all; default: another one each time"
    )
    _add_homework(gradescope)
    gradescope.set_defaults(run=_build_autograder)


def _add_results(parser: Any) -> None:
    parser.add_argument(
        "results", type=Path, metavar="RESULTS", help="the folder that `grader batch --out` has written"
    )


def _add_homework(parser: Any) -> None:
    parser.add_argument("--homework", type=Path, metavar="FOLDER", help="the folder with homework.toml")


def _read_minutes(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 40:
        raise argparse.ArgumentTypeError(f"{text!r}: Gradescope gives a submission from 1 to 40 minutes")
    return int(text)


def _read_count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of jobs: give a whole number from 1 on")
    return int(text)


def _read_share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = 0
    if not 0 < share <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a share: give a number above 0 and up to 1")
    return share


def _release(options: argparse.Namespace) -> int:
    """Build the bundle that students get, from the list in homework.toml; nothing is built if anything secret would be in it."""
    from ..homework import HomeworkError, find_homework, read_homework
    from .release import ReleaseError, build

    try:
        homework = read_homework(find_homework(options.homework))
        if options.check:
            return _rehearse(homework)
        files = build(homework, options.out)
    except (HomeworkError, ReleaseError, OSError) as error:
        print(f"grader: {display.plain(str(error))}", file=sys.stderr)  # a line for each file that is refused
        return REFUSED
    print("\n".join(map(str, files)))
    print(f"{options.out}: {len(files)} files", file=sys.stderr)
    return DONE


def _rehearse(homework: Homework) -> int:
    from .rehearsal import rehearse

    with tempfile.TemporaryDirectory(prefix="bundle-") as workdir:
        for rehearsal in rehearse(homework, Path(workdir)):
            print(f"{'✗' if rehearsal.seen else '✓'} {rehearsal.expected}", flush=True)
            if rehearsal.seen:
                print(f"  Seen: {rehearsal.seen}")
                return FAULTY
    return DONE


def _batch(options: argparse.Namespace) -> int:
    """Grade every hand-in of a cohort, and keep the results; the same command again grades what is new. Settings stand in grader.toml,
    in RESULTS or beside it; the command line wins."""
    from ..homework import HomeworkError
    from .batch import BatchError, run
    from .configuration import ConfigurationError
    from .dry_run import describe_cohort, describe_findings
    from .sources import choose_parties, open_cohort
    from .tree import SourceError

    try:
        settings = _read_settings(options)
        with open_cohort(options.sources, settings.configuration) as cohort:
            if options.only:
                cohort = choose_parties(cohort, options.only)
            if options.dry_run:
                for line in describe_cohort(cohort, settings.homework):
                    print(line, flush=True)
                return DONE
            print("".join(f"{line}\n" for line in describe_findings(cohort)), end="", flush=True)
            return run(cohort, options.out, settings)
    except (SourceError, ConfigurationError, HomeworkError, BatchError) as error:
        return _refuse(error)


def _report(options: argparse.Namespace) -> int:
    """Write the pages on a cohort: RESULTS/report for instructors, RESULTS/feedback with a page for each student or team. They open from
    the disk, and whatever was there before is replaced."""
    from ..homework import HomeworkError, find_homework, read_homework
    from .alike import read_pairs
    from .configuration import ConfigurationError, read_configuration
    from .gradebook import GradebookError, open_gradebook, read_standings
    from .late import describe_strangers
    from .pages import PdfError, build_site

    try:
        homework = read_homework(find_homework(options.homework))
        with open_gradebook(options.results) as book:
            standings = read_standings(book, homework)
        configuration = read_configuration(options.results)
        count = build_site(standings, homework, options.results, read_pairs(options.results), pdf=options.pdf)
    except (HomeworkError, ConfigurationError, GradebookError, PdfError) as error:
        return _refuse(error)
    except OSError as error:
        print(f"grader: The pages can't be written: {error.strerror or error}.", file=sys.stderr)
        return REFUSED
    if strangers := describe_strangers(configuration, {party.key for party in standings}):
        print(f"Note: {strangers}")
    print(f"{options.results / 'report' / 'index.html'}: {len(standings)} parties")
    print(f"{options.results / 'feedback'}: {count} page{'s' * (count != 1)} that may go back")
    return DONE


def _export(options: argparse.Namespace) -> int:
    """Write points and feedback in the form that a learning platform takes. Points that nobody knows yet are left blank, and listed."""
    from ..homework import HomeworkError, find_homework, read_homework
    from .configuration import ConfigurationError, read_configuration
    from .csv_table import CsvError, read_csv
    from .export import (
        WRITERS,
        check_platform,
        choose_changed,
        choose_folder,
        list_entries,
        read_exported,
        write_files,
    )
    from .gradebook import GradebookError, open_gradebook, read_standings
    from .grades import ExportError, ExportRequest
    from .late import describe_strangers
    from .pages import list_stale
    from .spreadsheet import SpreadsheetError

    try:
        homework = read_homework(find_homework(options.homework))
        configuration = read_configuration(options.results)
        if options.to not in _FILLED_IN and (options.template, options.column) != (None, None):
            raise ExportError(
                f"--template and --column are for {', '.join(_FILLED_IN)}: --to {options.to} fills in no table."
            )
        template = read_csv(options.template) if options.template is not None else None
        request = ExportRequest(homework.title, template, options.column, configuration.pass_percent)
        with open_gradebook(options.results) as book:
            standings = read_standings(book, homework)
            check_platform(standings, options.to)
            entries = list_entries(standings, options.results)
            if options.changed:
                entries = choose_changed(entries, read_exported(book, options.to))
            if not entries:
                raise ExportError(
                    "Nothing has changed since the last export."
                    if options.changed
                    else "Nobody is in the gradebook."
                )
            outgoing = WRITERS[options.to](entries, request)
            strangers = describe_strangers(configuration, {party.key for party in standings})
            stale = {party.key for party in list_stale(standings, homework, options.results)}
            folder = options.out or choose_folder(options.results, options.to)
            paths = write_files(outgoing, folder)
            book.add_export(options.to, folder, {entry.key: entry.points for entry in entries})
    except CsvError as error:
        return _refuse(ExportError(f"{options.template} can't be used: {error}."))
    except (HomeworkError, ConfigurationError, GradebookError, ExportError, SpreadsheetError) as error:
        return _refuse(error)
    except OSError as error:
        return _refuse(ExportError(f"{error.filename or 'The export'} can't be written: {error.strerror}."))
    except UnicodeEncodeError as error:
        return _refuse(ExportError(f"{options.template} can't be filled in: {error}."))
    if strangers:
        print(f"Note: {strangers}")
    for line in _describe_export(entries, outgoing, paths, stale):
        print(display.plain(line, one_line=True))
    return DONE


def _mark(options: argparse.Namespace) -> int:
    """Write what is graded by hand as a table, or read it back: all of it, or nothing if a cell is wrong."""
    from ..homework import HomeworkError, find_homework, read_homework
    from .configuration import ConfigurationError
    from .csv_table import CsvError
    from .gradebook import GradebookError, open_gradebook, read_standings
    from .mark_sheet import MarkSheetError, list_items, note_changes, read_sheet, write_sheet
    from .spreadsheet import SpreadsheetError

    try:
        homework = read_homework(find_homework(options.homework))
        with open_gradebook(options.results) as book:
            items = list_items(read_standings(book, homework))
            if options.direction == "export":
                count = write_sheet(items, options.file, is_blind=options.blind)
                print(f"{options.file}: {count} items. Change only points and comments, and import it again.")
                return DONE
            changes = read_sheet(options.file, items)
            note_changes(book, changes, options.by or getpass.getuser())
    except (CsvError, SpreadsheetError) as error:
        return _refuse(MarkSheetError(f"{options.file} can't be read: {error}."))
    except MarkSheetError as error:
        print(f"grader: {display.plain(str(error))}", file=sys.stderr)
        return REFUSED
    except (HomeworkError, ConfigurationError, GradebookError) as error:
        return _refuse(error)
    except OSError as error:
        return _refuse(MarkSheetError(f"{options.file} can't be written: {error.strerror}."))
    taken_back = sum(change.points is None for change in changes)
    print(
        f"{len(changes)} {'mark' if len(changes) == 1 else 'marks'} noted{f', {taken_back} of them taken back' if taken_back else ''}."
    )
    return DONE


def _build_autograder(options: argparse.Namespace) -> int:
    """Build the zip that Gradescope takes as an autograder, and say what to set there before the upload."""
    from ..homework import HomeworkError, find_homework, read_homework
    from .autograder_zip import AutograderSettings, build_autograder, describe_limits
    from .release import ReleaseError

    settings = AutograderSettings(
        options.hidden,
        options.visibility or ("after_published" if options.hidden else "visible"),
        options.minutes,
        options.grading_seed,
        options.data_set,
    )
    try:
        homework = read_homework(find_homework(options.homework))
        count = build_autograder(homework, options.out, settings)
    except (HomeworkError, ReleaseError) as error:
        return _refuse(error)
    except OSError as error:
        return _refuse(ReleaseError(f"{options.out} can't be written: {error.strerror}."))
    print(
        f"{options.out}: {count} files, {'hidden' if options.hidden else 'public'} checks, {settings.visibility}."
    )
    for line in describe_limits(homework, settings):
        print(line)
    return DONE


def _describe_export(
    entries: Sequence[GradeEntry], outgoing: Outgoing, paths: Sequence[Path], stale: Collection[str]
) -> Iterator[str]:
    from .grades import name_all

    known = sum(entry.points is not None for entry in entries)
    pages = sum(bool(entry.pages) for entry in entries)
    yield f"{known} with points, {len(entries) - known} left blank, {pages} with feedback:"
    yield from (f"  {path}" for path in paths)
    yield from (f"Note: {warning}" for warning in outgoing.warnings)
    old = [entry for entry in entries if entry.key in stale]
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


def _check_gradebook(options: argparse.Namespace) -> int:
    """Say whether a gradebook and the files beside it are whole and agree."""
    from .gradebook import GradebookError, open_gradebook
    from .gradebook.audit import count_rows, list_faults

    try:
        with open_gradebook(options.results) as book:
            faults = list(list_faults(book))
            counts = ", ".join(f"{count} of {name}" for name, count in count_rows(book).items())
    except GradebookError as error:
        return _refuse(error)
    for fault in faults:
        print(display.plain(fault, one_line=True))
    print(f"{'Not whole' if faults else 'Whole'}: rows {counts}.")
    return FAULTY if faults else DONE


def _diff(options: argparse.Namespace) -> int:
    """Say what grading again has changed: whose score, by what, and by which check."""
    from .changes import describe_last_changes, describe_pair
    from .gradebook import GradebookError, open_gradebook

    try:
        if len(options.runs) not in (0, 2):
            raise GradebookError("Name two runs, or none for the last two of each hand-in.")
        with open_gradebook(options.results) as book:
            lines = describe_pair(book, *options.runs) if options.runs else describe_last_changes(book)
    except GradebookError as error:
        return _refuse(error)
    print("\n".join(lines))
    return DONE


def _read_settings(options: argparse.Namespace) -> BatchSettings:
    """What holds for this batch. Raises HomeworkError or ConfigurationError."""
    from ..homework import find_homework, read_homework
    from .configuration import BatchSettings, ConfigurationError, read_configuration

    if options.out is None and not options.dry_run:
        raise ConfigurationError(
            "Name the folder that keeps the results: --out RESULTS. It is made if it does not exist."
        )
    for source in options.sources:
        if (
            options.out is not None
            and source.is_dir()
            and options.out.resolve().is_relative_to(source.resolve())
        ):
            raise ConfigurationError(
                f"--out {options.out} lies among the hand-ins in {source}, and would be taken for one next time: name a folder elsewhere."
            )
    homework = read_homework(find_homework(options.homework))
    exercises = [part.strip() for part in (options.exercise or "").split(",") if part.strip()]
    if options.exercise is not None and not exercises:
        raise ConfigurationError(
            f"--exercise {options.exercise!r} names no exercise; write, for example, --exercise A1.1,A2.1."
        )
    for name in exercises:
        homework.find_exercise(name)
    configuration = _override(read_configuration(options.out or Path()), options)
    return BatchSettings(
        homework, configuration, tuple(exercises) or None, options.regrade, options.scheduler
    )


def _override(configuration: Configuration, options: argparse.Namespace) -> Configuration:
    import msgspec

    names = ("platform", "jobs", "grading_seed", "isolation")
    given = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    return msgspec.structs.replace(configuration, **given)


def _refuse(error: Exception) -> int:
    print(f"grader: {display.plain(str(error), one_line=True)}", file=sys.stderr)
    return REFUSED


def _similar(options: argparse.Namespace) -> int:
    """Compare the hand-ins of a cohort with one another. What the handout, the class material or many hand-ins have in common does not count.
    Pairs are told and flagged in the gradebook; what it means is for a person to decide."""
    from ..homework import HomeworkError, find_homework, read_homework
    from .alike import CohortFindings, compare_cohort, describe, keep_pairs, raise_flags
    from .configuration import ConfigurationError
    from .gradebook import GradebookError, open_gradebook

    try:
        homework = read_homework(find_homework(options.homework))
        with open_gradebook(options.results) as book:
            for told in compare_cohort(book, homework, options.threshold):
                if isinstance(told, CohortFindings):
                    raise_flags(book, told)
                    keep_pairs(told, options.results)
                    for line in describe(told):
                        print(display.plain(line, one_line=True))
                    print(f"{len(told.pairs)} similar {'pair' if len(told.pairs) == 1 else 'pairs'}")
    except (ConfigurationError, GradebookError, HomeworkError) as error:
        return _refuse(error)
    except OSError as error:
        print(f"grader: {options.results} can't be written: {error.strerror or error}.", file=sys.stderr)
        return REFUSED
    return DONE


def _serve(options: argparse.Namespace) -> int:
    """Serve pages for points by hand, to browsers on this machine alone. The address that is printed works once; then the next one is printed.
    Ctrl-C ends it; all that was saved stays."""
    import asyncio
    import getpass

    from ..homework import HomeworkError, find_homework, read_homework
    from .configuration import ConfigurationError
    from .gradebook import GradebookError, open_gradebook, read_standings
    from .serve import Desk, serve

    try:
        homework = read_homework(find_homework(options.homework))
        with open_gradebook(options.results) as book:
            read_standings(book, homework)
            desk = Desk(book, homework, options.by or getpass.getuser(), is_blind=options.blind)
            asyncio.run(serve(desk, options.port, lambda address: print(f"Open {address}", flush=True)))
    except (ConfigurationError, GradebookError, HomeworkError) as error:
        return _refuse(error)
    except (OSError, OverflowError) as error:
        return _refuse(
            GradebookError(
                f"Port {options.port} can't be used: {error}. Leave out --port to take one that is free."
            )
        )
    return DONE
