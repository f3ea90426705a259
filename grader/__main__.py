"""`grader grade SUBMISSION`: grade a notebook, a folder or an archive from the command line."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from . import display, relay
from .homework import HomeworkError, read_homework
from .intake import IntakeError, open_submission
from .isolation import LEVELS, IsolationError, choose_level
from .notebook import NotebookError, read_notebook
from .options import find_path_problem, read_exercises, read_seed
from .plugin import HOMEWORK_FILE, KIT, PUBLIC_TESTS
from .scripts import expect

GRADED, NOT_GRADED, INTERRUPTED = 0, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 graded, whatever the score; 2 could not grade, with one line why; 130 after Ctrl-C."""
    options = _make_parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return INTERRUPTED


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="grader", description="Grades submissions of the homework.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    grade = commands.add_parser("grade", help="grade one submission", description=_grade.__doc__)
    grade.add_argument(
        "submission", type=Path, metavar="SUBMISSION", help="a notebook, a folder or an archive"
    )
    grade.add_argument(
        "--public", action="store_true", help="run the students' own checks instead of the hidden ones"
    )
    grade.add_argument("--json", type=Path, metavar="FILE", help="write Gradescope's results.json here")
    grade.add_argument("--html", type=Path, metavar="FILE", help="write a page for people here")
    grade.add_argument(
        "--grading-seed", type=read_seed, metavar="N", help="decides what the hidden checks ask"
    )
    grade.add_argument(
        "--part",
        choices=("a", "b"),
        help="grade only the notebook (a) or only the scripts (b); without it, what the submission has of both",
    )
    grade.add_argument(
        "--steps", type=int, metavar="N", help="training steps asked of scripts; 5000 is all of them"
    )
    grade.add_argument("--exercise", metavar="ID,…", help="grade only these exercises")
    grade.add_argument("--execute", choices=("needed", "all"), default="needed", help="which cells to run")
    grade.add_argument(
        "--isolation",
        choices=LEVELS,
        help="how well to contain the submission; hidden checks need full unless another is named, --public has none",
    )
    grade.set_defaults(run=_grade)
    doctor = commands.add_parser("doctor", help="what this machine offers", description=_examine.__doc__)
    doctor.set_defaults(run=_examine)
    return parser


def _examine(_: argparse.Namespace) -> int:
    """Tell, layer by layer, what this machine offers to contain submissions, and what would install the rest."""
    from .containment import format_machine, probe

    print(format_machine(probe()))
    return GRADED


def _grade(options: argparse.Namespace) -> int:
    """Grade one submission and print the closing table."""
    tests = KIT / ("public_tests" if options.public else "private_tests")
    if not tests.is_dir():
        return _refuse(f"There is no {tests}: hidden checks are not part of what students get; use --public.")
    try:
        choose_level(options.isolation, hidden=not options.public)
    except IsolationError as error:
        return _refuse(str(error))
    for option, path in (("json", options.json), ("html", options.html)):
        problem = find_path_problem(path) if path is not None else None
        if problem is not None:
            return _refuse(f"--{option} {path}: {problem}.")
    with tempfile.TemporaryDirectory(prefix="grading-") as folder:
        try:
            given = find_parts(options.submission, Path(folder), options.part)
            _check_exercises(options.exercise, given)
        except (NotebookError, IntakeError, HomeworkError) as error:
            return _refuse(str(error))
        return _run_checks(options, given, tests, Path(folder) / "results.json")


def find_parts(submission: Path, workdir: Path, part: str | None) -> list[str]:
    """What of a submission is graded, as arguments for pytest: its notebook (part a), its scripts (part b), or what there is of both.

    A folder or an archive is taken in below `workdir`. Raises NotebookError or IntakeError with one line for the person who named the
    submission.
    """
    if submission.suffix in (".ipynb", ".py"):
        if part == "b":
            raise NotebookError(
                f"{submission} is one file; part b is graded from a folder or an archive with its scripts."
            )
        read_notebook(submission)
        return [f"--fpath={submission.absolute()}"]
    found = open_submission(
        submission, workdir, expected=expect(read_homework(KIT / PUBLIC_TESTS / HOMEWORK_FILE))
    )
    for note in found.notes:
        print(display.plain(str(note), one_line=True), file=sys.stderr)
    given = []
    if part != "b" and (found.notebook is not None or part == "a"):
        notebook = found.require_notebook()
        read_notebook(notebook)
        given.append(f"--fpath={notebook}")
    if part != "a" and (found.scripts or part == "b"):
        given.append(f"--scripts={found.folder}")
    if part is None and found.notebook is None:
        print(
            f"Only the scripts are graded: {display.plain(found.problems['notebook'], one_line=True)}",
            file=sys.stderr,
        )
    return given


def _check_exercises(text: str | None, given: Sequence[str]) -> None:
    """Raises HomeworkError unless the exercises that are asked for can be graded from what is given."""
    homework = read_homework(KIT / PUBLIC_TESTS / HOMEWORK_FILE)
    notebook, scripts = (
        any(part.startswith(option) for part in given) for option in ("--fpath=", "--scripts=")
    )
    read_exercises(text, homework, notebook, scripts)


def _run_checks(options: argparse.Namespace, given: Sequence[str], tests: Path, results: Path) -> int:
    """Run pytest on the checks, in a process of its own, with the kit's settings and nobody else's."""
    json_path = (options.json or results).absolute()
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--rootdir",
        str(KIT),
        "-c",
        str(KIT / "tox.ini"),
        "--quiet",
        "--no-header",
    ]
    command += [
        "--tb=short",
        *given,
        f"--json={json_path}",
        f"--execute={options.execute}",
        str(tests),
    ]
    if options.html:
        command.append(f"--html={options.html.absolute()}")
    if options.grading_seed is not None:
        command.append(f"--grading-seed={options.grading_seed}")
    if options.steps is not None:
        command.append(f"--steps={options.steps}")
    if options.isolation:
        command.append(f"--isolation={options.isolation}")
    if options.exercise:
        command.append(f"--exercise={options.exercise}")
    json_path.unlink(missing_ok=True)
    status = relay.run(command, KIT)
    if status == INTERRUPTED or status == 2:
        raise KeyboardInterrupt
    if not json_path.exists():
        return _refuse(f"There are no results (pytest ended with status {status}; its message is above).")
    broken = [
        test
        for test in json.loads(json_path.read_text())["tests"]
        if test["extra_data"]["outcome"] == "broken"
    ]
    if broken:
        return _refuse(
            f"{len(broken)} checks could not be made, so the score is not final: a bug of the kit in {broken[0]['name']!r}."
        )
    return GRADED


def _refuse(line: str) -> int:
    print(f"grader: {display.plain(line, one_line=True)}", file=sys.stderr)
    return NOT_GRADED


if __name__ == "__main__":
    sys.exit(main())
