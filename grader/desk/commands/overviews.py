"""What a cohort looks like: `grader report` writes its pages, and `grader similar` finds what is alike."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from ... import display
from .arguments import DONE, REFUSED, add_homework, add_results, refuse


def add_report(commands: Any) -> None:
    report = commands.add_parser(
        "report", help="pages on a cohort, and feedback for students", description=_report.__doc__
    )
    add_results(report)
    report.add_argument("--pdf", action="store_true", help="write the feedback as PDFs, too; needs Chromium")
    add_homework(report)
    report.set_defaults(run=_report)


def _report(options: argparse.Namespace) -> int:
    """Write the pages on a cohort: RESULTS/report for instructors, RESULTS/feedback with a page for each student or team. They open from
    the disk, and whatever was there before is replaced."""
    from ...homework import HomeworkError, find_homework, read_homework
    from ..alike import read_pairs
    from ..configuration import ConfigurationError, read_configuration
    from ..gradebook import GradebookError, open_gradebook, read_standings
    from ..late import describe_strangers
    from ..pages import PdfError, build_site

    try:
        homework = read_homework(find_homework(options.homework))
        with open_gradebook(options.results) as book:
            standings = read_standings(book, homework)
        configuration = read_configuration(options.results)
        count = build_site(standings, homework, options.results, read_pairs(options.results), pdf=options.pdf)
    except (HomeworkError, ConfigurationError, GradebookError, PdfError) as error:
        return refuse(error)
    except OSError as error:
        print(f"grader: The pages can't be written: {error.strerror or error}.", file=sys.stderr)
        return REFUSED
    if strangers := describe_strangers(configuration, {party.key for party in standings}):
        print(f"Note: {strangers}")
    print(f"{options.results / 'report' / 'index.html'}: {len(standings)} parties")
    print(f"{options.results / 'feedback'}: {count} page{'s' * (count != 1)} that may go back")
    return DONE


def add_similar(commands: Any) -> None:
    similar = commands.add_parser(
        "similar", help="find hand-ins that are alike", description=_similar.__doc__
    )
    add_results(similar)
    similar.add_argument(
        "--threshold",
        type=read_share,
        default=0.3,
        metavar="X",
        help="the least share in common; default: 0.3",
    )
    add_homework(similar)
    similar.set_defaults(run=_similar)


def read_share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = 0
    if not 0 < share <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a share: give a number above 0 and up to 1")
    return share


def _similar(options: argparse.Namespace) -> int:
    """Compare the hand-ins of a cohort with one another. What the handout, the class material or many hand-ins have in common does not count.
    Pairs are told and flagged in the gradebook; what it means is for a person to decide."""
    from ...homework import HomeworkError, find_homework, read_homework
    from ..alike import CohortFindings, compare_cohort, describe, keep_pairs, raise_flags
    from ..configuration import ConfigurationError
    from ..gradebook import GradebookError, open_gradebook

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
        return refuse(error)
    except OSError as error:
        print(f"grader: {options.results} can't be written: {error.strerror or error}.", file=sys.stderr)
        return REFUSED
    return DONE
