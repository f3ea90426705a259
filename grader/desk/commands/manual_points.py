"""Points by hand: `grader serve` in a browser, `grader marks` as a table."""

from __future__ import annotations

import argparse
import getpass
import sys
from pathlib import Path
from typing import Any

from ... import display
from .arguments import DONE, REFUSED, add_homework, add_results, refuse

_MOST_PORT = 65_535


def add_serve(commands: Any) -> None:
    serve = commands.add_parser("serve", help="give points by hand in a browser", description=_serve.__doc__)
    add_results(serve)
    serve.add_argument(
        "--by", default="", metavar="NAME", help="who gives the points; default: who is logged in"
    )
    serve.add_argument("--blind", action="store_true", help="without names")
    serve.add_argument("--port", type=_read_port, default=0, metavar="N", help="default: any that is free")
    add_homework(serve)
    serve.set_defaults(run=_serve)


def _serve(options: argparse.Namespace) -> int:
    """Serve pages for points by hand, to browsers on this machine alone. The address that is printed works once; then the next one is printed.
    Ctrl-C ends it; all that was saved stays."""
    import asyncio

    from ...homework import HomeworkError, find_homework, read_homework
    from ..configuration import ConfigurationError
    from ..gradebook import GradebookError, open_gradebook, read_standings
    from ..serve import Desk, serve

    try:
        homework = read_homework(find_homework(options.homework))
        with open_gradebook(options.results) as book:
            read_standings(book, homework)
            desk = Desk(book, homework, _name_author(options.by), is_blind=options.blind)
            asyncio.run(serve(desk, options.port, lambda address: print(f"Open {address}", flush=True)))
    except (ConfigurationError, GradebookError, HomeworkError) as error:
        return refuse(error)
    except OSError as error:
        return refuse(
            GradebookError(
                f"Port {options.port} can't be used: {error}. Leave out --port to take one that is free."
            )
        )
    return DONE


def add_marks(commands: Any) -> None:
    marks = commands.add_parser("marks", help="points by hand, as a table", description=_mark.__doc__)
    add_results(marks)
    marks.add_argument("direction", choices=("export", "import"))
    marks.add_argument("file", type=Path, metavar="FILE", help="a .csv or an .xlsx")
    marks.add_argument("--blind", action="store_true", help="export without names")
    marks.add_argument(
        "--by", default="", metavar="NAME", help="who gives the points; default: who is logged in"
    )
    add_homework(marks)
    marks.set_defaults(run=_mark)


def _mark(options: argparse.Namespace) -> int:
    """Write what is graded by hand as a table, or read it back: all of it, or nothing if a cell is wrong."""
    from ...homework import HomeworkError, find_homework, read_homework
    from ..configuration import ConfigurationError
    from ..csv_table import CsvError
    from ..gradebook import GradebookError, open_gradebook, read_standings
    from ..mark_sheet import (
        MarkSheetError,
        find_last_marks,
        list_items,
        note_changes,
        read_sheet,
        write_sheet,
    )
    from ..spreadsheet import SpreadsheetError

    try:
        homework = read_homework(find_homework(options.homework))
        with open_gradebook(options.results) as book:
            with book.read() as connection:
                last = find_last_marks(connection)
            items = list_items(read_standings(book, homework))
            if options.direction == "export":
                count = write_sheet(items, options.file, is_blind=options.blind)
                print(f"{options.file}: {count} items. Change only points and comments, and import it again.")
                return DONE
            changes = read_sheet(options.file, items)
            note_changes(book, changes, _name_author(options.by), last)
    except (CsvError, SpreadsheetError) as error:
        return refuse(MarkSheetError(f"{options.file} can't be read: {error}."))
    except MarkSheetError as error:
        print(f"grader: {display.plain(str(error))}", file=sys.stderr)
        return REFUSED
    except (HomeworkError, ConfigurationError, GradebookError) as error:
        return refuse(error)
    except OSError as error:
        return refuse(MarkSheetError(f"{options.file} can't be written: {error.strerror}."))
    taken_back = sum(change.points is None for change in changes)
    print(
        f"{len(changes)} {'mark' if len(changes) == 1 else 'marks'} noted{f', {taken_back} of them taken back' if taken_back else ''}."
    )
    return DONE


def _read_port(text: str) -> int:
    if not text.isdecimal() or int(text) > _MOST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: give a number from 1 to {_MOST_PORT}")
    return int(text)


def _name_author(given: str) -> str:
    """Who gives points. Raises GradebookError if nobody knows."""
    from ..gradebook import GradebookError

    if given:
        return given
    try:
        return getpass.getuser()
    except (KeyError, OSError) as error:  # as in a container without a list of users
        raise GradebookError("Who gives these points is not known here: say it with --by NAME.") from error
