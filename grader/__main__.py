"""The command line: `grader grade SUBMISSION`, `grader watch NOTEBOOK`, `grader pack`, `grader new FOLDER`, `grader doctor`."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from . import display, relay
from .homework import Homework, HomeworkError, find_homework, read_homework
from .intake import HandIn, IntakeError, find_reader, open_hand_in
from .interruption import SENTENCE, heed_signals
from .isolation import KIT, IsolationError, choose_level
from .new import FolderError, make_homework
from .notebook import NotebookError, check_path
from .options import (
    MISUNDERSTOOD,
    OptionError,
    add_options,
    check_reports,
    find_results,
    leave_out_absent,
    list_arguments,
    read_exercises,
)
from .report import name_refusal, write_refusal
from .scripts import expect

GRADED, NOT_GRADED, BROKEN, INTERRUPTED = 0, 2, 3, 130
DESK = Path(__file__).parent / "desk"


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 graded, whatever the score; 2 nothing gradable was handed in or asked for, with one line that says why; 3 a bug in the kit;
    130 after Ctrl-C, SIGTERM or SIGHUP. Whatever the status, results are written if they are asked for."""
    try:
        options = _make_parser().parse_args(arguments)
    except SystemExit as ended:
        if ended.code:
            write_refusal(MISUNDERSTOOD, find_results(sys.argv[1:] if arguments is None else arguments))
        raise
    heed_signals()
    try:
        return int(options.run(options))
    except KeyboardInterrupt:
        more = write_refusal(SENTENCE, getattr(options, "json", None), "interrupted")
        print(f"Interrupted.{more}", file=sys.stderr)
        return INTERRUPTED


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="grader", description="Grades submissions of a homework.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for add in (_add_grade, _add_watch, _add_pack, _add_new):
        add(commands)
    if DESK.is_dir():  # students get the kit without it
        from .desk.commands import add_commands

        add_commands(commands)
    doctor = commands.add_parser("doctor", help="what this machine offers", description=_examine.__doc__)
    doctor.set_defaults(run=_examine)
    return parser


def _add_grade(commands: Any) -> None:
    grade = commands.add_parser("grade", help="grade one submission", description=_grade.__doc__)
    grade.add_argument(
        "submission", type=Path, metavar="SUBMISSION", help="a notebook, a folder or an archive"
    )
    grade.add_argument(
        "--public", action="store_true", help="run the students' own checks instead of the hidden ones"
    )
    grade.add_argument(
        "--part",
        choices=("a", "b"),
        help="grade only the notebook (a) or only the scripts (b); default: whichever of them the submission has",
    )
    add_options(grade.add_argument)
    grade.set_defaults(run=_grade)


def _add_watch(commands: Any) -> None:
    watching = commands.add_parser(
        "watch", help="check your notebook again after every save", description=_watch.__doc__
    )
    watching.add_argument("notebook", type=Path, metavar="NOTEBOOK")
    watching.add_argument("--exercise", metavar="ID,…", help="check only these exercises")
    watching.add_argument("--homework", type=Path, metavar="FOLDER", help="the folder with homework.toml")
    watching.set_defaults(run=_watch)


def _add_pack(commands: Any) -> None:
    packing = commands.add_parser(
        "pack", help="make the archive to hand in, and check it", description=_pack.__doc__
    )
    packing.add_argument(
        "folder",
        type=Path,
        nargs="?",
        metavar="FOLDER",
        help="with your notebook and scripts; default: the current one",
    )
    packing.add_argument(
        "--out", type=Path, metavar="ZIP", help="default: in the current folder, with the notebook's name"
    )
    packing.add_argument(
        "--with",
        dest="added",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="add a file that nothing seems to use",
    )
    packing.add_argument("--homework", type=Path, metavar="FOLDER", help="the folder with homework.toml")
    packing.set_defaults(run=_pack)


def _add_new(commands: Any) -> None:
    new = commands.add_parser("new", help="make a small homework to start from", description=_make.__doc__)
    new.add_argument("folder", type=Path, metavar="FOLDER", help="a folder that is empty or does not exist")
    new.set_defaults(run=_make)


def _make(options: argparse.Namespace) -> int:
    """Make a small complete homework, which is graded at once and can be changed into another one."""
    try:
        print(make_homework(options.folder))
    except FolderError as error:
        print(f"grader: {display.plain(str(error), one_line=True)}", file=sys.stderr)
        return NOT_GRADED
    return GRADED


def _watch(options: argparse.Namespace) -> int:
    """Check a notebook now and after every save: the exercises whose cells have changed, with what they use. Ctrl-C ends."""
    try:
        check_path(options.notebook)
        homework = read_homework(find_homework(options.homework))
        wanted = read_exercises(options.exercise, homework, notebook=True, scripts=False)

        from .watch import watch

        watch(options.notebook, homework, wanted, partial(print, flush=True))
    except (HomeworkError, NotebookError, OptionError) as error:
        print(f"grader: {display.plain(str(error), one_line=True)}", file=sys.stderr)
        return NOT_GRADED
    except KeyboardInterrupt:  # the usual end
        print()
    return GRADED


def _pack(options: argparse.Namespace) -> int:
    """Make the archive to hand in, take it in as grading will, and list what is in it and what is missing."""
    from .pack import PackError, describe, pack

    try:
        homework = read_homework(find_homework(options.homework))
        with tempfile.TemporaryDirectory(prefix="packing-") as workdir:
            package = pack(homework, options.folder, options.out, options.added, Path(workdir))
    except (HomeworkError, IntakeError, PackError, OSError) as error:
        print(f"grader: {display.plain(str(error), one_line=True)}", file=sys.stderr)
        return NOT_GRADED
    platform = homework.release.platform if homework.release else ""
    print(
        describe(package, f"hand it in through {platform}" if platform else "hand it in as the handout says")
    )
    return GRADED


def _examine(_: argparse.Namespace) -> int:
    """Say what this machine offers for containing submissions, layer by layer, which of the packages that they usually import are missing or
    not compiled, and which data set they are graded on; and how to have the rest."""
    from .containment import format_machine, probe
    from .doctor import format_bytecode, format_data, format_packages

    print(format_machine(probe()), format_packages(), sep="\n")
    try:
        homework = read_homework(find_homework())
        facts = [format_bytecode(homework), format_data(homework)]
    except HomeworkError as error:
        facts = [display.plain(str(error), one_line=True)]
    for fact in filter(None, facts):
        print(fact)
    return GRADED


def _grade(options: argparse.Namespace) -> int:
    """Grade one submission and print the closing table."""
    try:
        check_reports(options)
        if _is_notebook(options.submission):
            check_path(options.submission)
        homework = read_homework(find_homework(options.homework))
        if options.homework is None:
            _check_place(homework, options.submission)
        tests = homework.locate(homework.public if options.public else homework.hidden)
        if not tests.is_dir():
            raise OptionError(
                f"There is no {tests}: hidden checks are not part of what students get; use --public."
            )
        choose_level(options.isolation, hidden=not options.public)
        with tempfile.TemporaryDirectory(prefix="grading-") as folder:
            given = find_parts(options.submission, Path(folder), options.part, homework)
            notebook, scripts = (
                any(part.startswith(option) for part in given) for option in ("--fpath=", "--scripts=")
            )
            options.exercise = leave_out_absent(options.exercise, homework, notebook, scripts)
            read_exercises(options.exercise, homework, notebook, scripts)
            return _run_checks(options, homework, given, tests)
    except (IntakeError, HomeworkError, IsolationError, NotebookError, OptionError) as error:
        line = display.plain(str(error), one_line=True)
        line += write_refusal(line, options.json, name_refusal(error))
        print(f"grader: {line}", file=sys.stderr)
        return NOT_GRADED


def _check_place(homework: Homework, submission: Path) -> None:
    """Raises OptionError if a homework that nobody named holds the submission: it may be a part of what was handed in, checks and all."""
    if homework.folder != KIT and submission.resolve().is_relative_to(homework.folder):
        raise OptionError(
            f"{homework.folder} has a homework.toml and holds {submission.name}. If it is your homework and was not handed in, "
            f"say so with --homework {homework.folder}."
        )


def find_parts(submission: Path, workdir: Path, part: str | None, homework: Homework) -> list[str]:
    """What of a submission is graded, as arguments for pytest: its notebook (part a), its scripts (part b), or whichever of them it has.

    A folder or an archive is copied or unpacked below `workdir`. Raises IntakeError or OptionError with one line for the person who named the
    submission.
    """
    if _is_notebook(submission) and not (submission.is_file() and find_reader(submission)):
        if part == "b":
            raise OptionError(
                f"{submission} is one file; part b is graded from a folder or an archive with its scripts."
            )
        return [f"--fpath={submission.absolute()}"]
    expected = expect(homework)
    found = open_hand_in(submission, workdir, expected=expected)
    given = []
    if part != "b" and (found.notebook is not None or part == "a"):
        given.append(f"--fpath={found.require_notebook()}")
    if part != "a" and (found.scripts or part == "b"):
        given.append(f"--scripts={found.folder}")
    if part is None and (absence := _describe_absence(found, expected.scripts)):
        found = replace(found, notes=(absence, *found.notes))
    found.write(workdir / "hand-in.json")
    return [*given, f"--hand-in={workdir / 'hand-in.json'}"]


def _is_notebook(submission: Path) -> bool:
    """Whether a notebook was named, by its name."""
    return submission.suffix in (".ipynb", ".py") and not submission.is_dir()


def _describe_absence(found: HandIn, scripts: Sequence[str]) -> str:
    """A sentence if there is nothing of a whole part of the homework in the submission."""
    if found.notebook is None:
        return f"Only the scripts are graded: {found.problems['notebook']}"
    if scripts and not found.scripts:
        problems = [found.problems[name] for name in scripts if name in found.problems]
        return f"Only the notebook is graded: {' '.join(problems) or f'there is no {scripts[0]} or other script in it.'}"
    return ""


def _run_checks(options: argparse.Namespace, homework: Homework, given: Sequence[str], tests: Path) -> int:
    """Run pytest on the checks, in a process of its own, with the settings of the homework or else of the kit, and no others."""
    options.homework = homework.folder
    command = [
        sys.executable,
        "-P",
        "-m",
        "pytest",
        "--rootdir",
        str(homework.folder),
        "-c",
        str(homework.settings),
    ]
    command += ["--quiet", "--no-header", "--tb=short", *given, *list_arguments(options), str(tests)]
    if options.json is not None:
        options.json.unlink(missing_ok=True)
    status = relay.run(command, homework.folder)
    if status in (2, INTERRUPTED):
        raise KeyboardInterrupt
    if options.json is not None and (status < 0 or not options.json.exists()):
        line, outcome = _describe_end(status)
        print(f"grader: {line}{write_refusal(line, options.json, outcome)}", file=sys.stderr)
    return _translate(status)


def _describe_end(status: int) -> tuple[str, str]:
    """A sentence on a pytest that left no results, and the outcome."""
    if status < 0:  # by the system if memory runs out, or by a person: nobody's mistake
        return (
            f"There is no score: pytest was killed by signal {-status} before it had ended. Grade the submission again.",
            "interrupted",
        )
    return f"There are no results: pytest ended with status {status}, and said why.", "broken"


def _translate(status: int) -> int:
    """Pytest's exit status as ours: a usage error is a submission or an option that can't be graded, and its reason has been printed."""
    return {0: GRADED, 1: GRADED, 4: NOT_GRADED}.get(status, BROKEN)


if __name__ == "__main__":
    sys.exit(main())
