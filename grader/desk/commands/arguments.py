"""What the desk's commands share: arguments that several of them take, and how they refuse."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from ... import display

DONE, FAULTY, REFUSED = 0, 1, 2


def add_results(parser: Any) -> None:
    parser.add_argument(
        "results", type=Path, metavar="RESULTS", help="the folder that `grader batch --out` has written"
    )


def add_homework(parser: Any) -> None:
    parser.add_argument("--homework", type=Path, metavar="FOLDER", help="the folder with homework.toml")


def read_count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of jobs: give a whole number from 1 on")
    return int(text)


def refuse(error: Exception) -> int:
    print(f"grader: {display.plain(str(error), one_line=True)}", file=sys.stderr)
    return REFUSED
