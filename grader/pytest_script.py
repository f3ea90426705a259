"""The command `pytest` of an environment with this kit: with `-fpath` it reads no settings and no code that lie beside what was handed in.

pytest takes a notebook's path for that of a test and looks for its settings there, before any plugin has a say. So this command, which takes
the place of pytest's own, starts pytest with the homework's settings; and what is wrong with the path it says at once, since importing
pytest and its plugins takes seconds on a slow disk. Where an installer has put pytest's own back in its place, the plugin does the same,
only later: settings beside the notebook have then been read, and are left.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.metadata import distribution
from pathlib import Path

from . import display
from .homework import HomeworkError, find_homework, read_homework
from .interruption import heed_signals
from .notebook import NotebookError, check_path
from .options import OptionError, find_results, find_value, join_paths, require_fpath

USAGE_ERROR = 4  # pytest's own


def main() -> int:
    """Run pytest with this command's arguments; the exit status is pytest's."""
    try:
        arguments = _prepare(sys.argv[1:])
    except (OptionError, NotebookError) as error:
        return _refuse(str(error))
    sys.argv[1:] = arguments

    [script] = distribution("pytest").entry_points.select(group="console_scripts", name="pytest")
    return int(script.load()())


def _prepare(arguments: Sequence[str]) -> list[str]:
    """The arguments, with the homework's settings if something is graded. Raises OptionError or NotebookError where nothing can be."""
    joined = join_paths(arguments)
    require_fpath(joined)
    notebook = find_value(joined, "--fpath")
    if notebook is None and find_value(joined, "--scripts") is None:
        return list(arguments)
    heed_signals()
    if notebook is not None:
        check_path(Path(notebook))
    named = find_value(joined, "--homework")
    try:
        homework = read_homework(find_homework(Path(named).absolute() if named else None))
    except HomeworkError:
        return joined  # the plugin says what is wrong with it
    return ["--rootdir", str(homework.folder), "-c", str(homework.settings), *joined]


def _refuse(message: str) -> int:
    """As the plugin does: one line, which is in the results too."""
    line = display.plain(message, one_line=True)
    if (results := find_results(sys.argv[1:])) is not None:
        from .report import write_refusal

        line += write_refusal(line, results)
    print(f"ERROR: {line}\n", file=sys.stderr)
    return USAGE_ERROR
