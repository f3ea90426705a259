"""`grader grade SUBMISSION`: grade a notebook, a folder or an archive from the command line."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from . import display
from .isolation import LEVELS, IsolationError, choose_level
from .notebook import NotebookError, read_notebook
from .plugin import KIT

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
    grade.add_argument("--grading-seed", type=int, metavar="N", help="decides what the hidden checks ask")
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
    with tempfile.TemporaryDirectory(prefix="grading-") as folder:
        try:
            notebook = find_notebook(options.submission, Path(folder))
            read_notebook(notebook)
        except NotebookError as error:
            return _refuse(str(error))
        return _run_checks(options, notebook, tests, Path(folder) / "results.json")


def find_notebook(submission: Path, workdir: Path) -> Path:
    """The notebook of a submission: the file itself, or the one in a folder or an archive, which is unpacked into `workdir`.

    Raises NotebookError with one line for the person who named the submission.
    """
    if submission.suffix in (".ipynb", ".py"):
        return submission
    from .intake import IntakeError, open_submission

    try:
        found = open_submission(submission, workdir)
    except IntakeError as error:
        raise NotebookError(str(error)) from error
    for note in found.notes:
        print(display.plain(str(note), one_line=True), file=sys.stderr)
    if found.notebook is None:
        raise NotebookError(f"{submission} has no notebook (.ipynb); hand in the homework's notebook.")
    return found.notebook


def _run_checks(options: argparse.Namespace, notebook: Path, tests: Path, results: Path) -> int:
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
        f"--fpath={notebook.absolute()}",
        f"--json={json_path}",
        f"--execute={options.execute}",
        str(tests),
    ]
    if options.html:
        command.append(f"--html={options.html.absolute()}")
    if options.grading_seed is not None:
        command.append(f"--grading-seed={options.grading_seed}")
    if options.isolation:
        command.append(f"--isolation={options.isolation}")
    if options.exercise:
        command.append(f"--exercise={options.exercise}")
    json_path.unlink(missing_ok=True)
    status = subprocess.run(command, cwd=KIT, check=False).returncode
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
