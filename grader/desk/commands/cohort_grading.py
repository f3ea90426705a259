"""A cohort is graded, and what came of it is looked after: `grader batch`, `diff` and `gradebook check`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ... import display
from ...isolation import LEVELS
from ...options import read_seed
from .arguments import DONE, FAULTY, add_homework, add_results, read_count, refuse

if TYPE_CHECKING:
    from ..configuration import BatchSettings, Configuration

_PLATFORMS = ("ilias", "moodle", "canvas", "gradescope", "github", "folder")


def add_batch(commands: Any) -> None:
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
    batch.add_argument("--jobs", type=read_count, metavar="N", help="how many are graded at the same time")
    batch.add_argument("--scheduler", metavar="URL", help="of a Dask cluster that grades")
    batch.add_argument("--grading-seed", type=read_seed, metavar="N", help="the same for the whole cohort")
    batch.add_argument("--isolation", choices=LEVELS, help="how well to contain submissions; default: full")
    add_homework(batch)
    batch.set_defaults(run=_batch)


def _batch(options: argparse.Namespace) -> int:
    """Grade every hand-in of a cohort, and keep the results; the same command again grades what is new. Settings stand in grader.toml,
    in RESULTS or beside it; the command line wins."""
    from ...homework import HomeworkError
    from ..batch import BatchError, run
    from ..configuration import ConfigurationError
    from ..dry_run import describe_cohort, describe_findings
    from ..sources import choose_parties, open_cohort
    from ..tree import SourceError

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
        return refuse(error)


def _read_settings(options: argparse.Namespace) -> BatchSettings:
    """What holds for this batch. Raises HomeworkError or ConfigurationError."""
    from ...homework import find_homework, read_homework
    from ..configuration import BatchSettings, ConfigurationError, read_configuration

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


def add_diff(commands: Any) -> None:
    diff = commands.add_parser("diff", help="what grading again has changed", description=_diff.__doc__)
    add_results(diff)
    diff.add_argument(
        "runs", type=int, nargs="*", metavar="RUN", help="two runs of the same hand-in, by number"
    )
    diff.set_defaults(run=_diff)


def _diff(options: argparse.Namespace) -> int:
    """Say what grading again has changed: whose score, by what, and by which check."""
    from ..changes import describe_last_changes, describe_pair
    from ..gradebook import GradebookError, open_gradebook

    try:
        if len(options.runs) not in (0, 2):
            raise GradebookError("Name two runs, or none for the last two of each hand-in.")
        with open_gradebook(options.results) as book:
            lines = describe_pair(book, *options.runs) if options.runs else describe_last_changes(book)
    except GradebookError as error:
        return refuse(error)
    print("\n".join(lines))
    return DONE


def add_gradebook(commands: Any) -> None:
    gradebook = commands.add_parser("gradebook", help="look after a gradebook")
    tasks = gradebook.add_subparsers(required=True, metavar="TASK")
    check = tasks.add_parser("check", help="is it whole?", description=_check_gradebook.__doc__)
    add_results(check)
    check.set_defaults(run=_check_gradebook)


def _check_gradebook(options: argparse.Namespace) -> int:
    """Say whether a gradebook and the files beside it are whole and agree."""
    from ..gradebook import GradebookError, open_gradebook
    from ..gradebook.audit import count_rows, list_faults

    try:
        with open_gradebook(options.results) as book:
            faults = list(list_faults(book))
            counts = ", ".join(f"{count} of {name}" for name, count in count_rows(book).items())
    except GradebookError as error:
        return refuse(error)
    for fault in faults:
        print(display.plain(fault, one_line=True))
    print(f"{'Not whole' if faults else 'Whole'}: rows {counts}.")
    return FAULTY if faults else DONE
