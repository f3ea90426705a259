"""What is given out: the bundle for students, and the autograder for Gradescope's machines."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ... import display
from ...options import read_seed
from .arguments import DONE, FAULTY, REFUSED, add_homework, refuse

if TYPE_CHECKING:
    from ...homework import Homework


def add_release(commands: Any) -> None:
    release = commands.add_parser("release", help="build what students get", description=_release.__doc__)
    place = release.add_mutually_exclusive_group(required=True)
    place.add_argument(
        "--out", type=Path, metavar="ZIP|FOLDER", help="a .zip or a folder, which does not exist yet"
    )
    place.add_argument(
        "--check", action="store_true", help="build it elsewhere, install it in a new environment, and try it"
    )
    add_homework(release)
    release.set_defaults(run=_release)


def _release(options: argparse.Namespace) -> int:
    """Build the bundle that students get, from the list in homework.toml; nothing is built if anything secret would be in it."""
    from ...homework import HomeworkError, find_homework, read_homework
    from ..release import ReleaseError, build

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
    from ..rehearsal import rehearse

    with tempfile.TemporaryDirectory(prefix="bundle-") as workdir:
        for rehearsal in rehearse(homework, Path(workdir)):
            print(f"{'✗' if rehearsal.seen else '✓'} {rehearsal.expected}", flush=True)
            if rehearsal.seen:
                print(f"  Seen: {rehearsal.seen}")
                return FAULTY
    return DONE


def add_gradescope(commands: Any) -> None:
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
        type=read_minutes,
        default=10,
        metavar="N",
        help="what Gradescope gives a submission; default: 10, at most 40",
    )
    gradescope.add_argument("--data-set", metavar="NAME", help="the one to grade on; default: the homework's")
    gradescope.add_argument(
        "--grading-seed", type=read_seed, metavar="N", help="the same for all; default: another one each time"
    )
    add_homework(gradescope)
    gradescope.set_defaults(run=_build_autograder)


def read_minutes(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 40:
        raise argparse.ArgumentTypeError(f"{text!r}: Gradescope gives a submission from 1 to 40 minutes")
    return int(text)


def _build_autograder(options: argparse.Namespace) -> int:
    """Build the zip that Gradescope takes as an autograder, and say what to set there before the upload."""
    from ...homework import HomeworkError, find_homework, read_homework
    from ..autograder_zip import AutograderSettings, build_autograder, describe_limits
    from ..release import ReleaseError

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
        return refuse(error)
    except OSError as error:
        return refuse(ReleaseError(f"{options.out} can't be written: {error.strerror}."))
    print(
        f"{options.out}: {count} files, {'hidden' if options.hidden else 'public'} checks, {settings.visibility}."
    )
    for line in describe_limits(homework, settings):
        print(line)
    return DONE
