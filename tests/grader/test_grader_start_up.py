"""A command that refuses its arguments does so before it has imported anything that takes long."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from grader.options import OptionError, require_fpath

HEAVY = (
    "IPython",
    "asyncio",
    "jinja2",
    "jupyter_client",
    "jupytext",
    "nbformat",
    "psutil",
    "pytest",
    "torch",
)

# Says which of the modules were imported while the rest of the command line ran.
PROGRAM = """
import contextlib, sys
heavy = sys.argv.pop(1).split(",")
with contextlib.suppress(SystemExit):
    {run}
print("imported", [name for name in heavy if name in sys.modules])
"""


def list_imported(folder: Path, run: str, *arguments: str, heavy: tuple[str, ...] = HEAVY) -> tuple[str, str]:
    """What was imported, and what was said."""
    command = [sys.executable, "-P", "-c", PROGRAM.format(run=run), ",".join(heavy), *arguments]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=100, check=True)
    return ended.stdout.splitlines()[-1], ended.stderr


PYTEST = "from grader.pytest_script import main; main()"
GRADER = "from grader.__main__ import main; main()"


@pytest.mark.parametrize(
    ("run", "arguments", "said"),
    [
        (PYTEST, ["-fpath", "none.ipynb"], "ERROR: none.ipynb does not exist"),
        (PYTEST, ["-fpath", "."], "is a folder; name the notebook in it"),
        (PYTEST, ["-fpath"], "needs the path of a notebook"),
        (PYTEST, ["a.ipynb"], "type: pytest -fpath a.ipynb"),
        (GRADER, ["grade", "none.ipynb"], "none.ipynb does not exist"),
        (GRADER, ["grade", "none.ipynb", "--stepps=3"], "unrecognized arguments: --stepps=3"),
    ],
    ids=["missing", "a folder", "no path", "no option", "grader", "unknown option"],
)
def test_nothing_heavy_is_imported_for_a_refusal(
    tmp_path: Path, run: str, arguments: list[str], said: str
) -> None:
    imported, errors = list_imported(tmp_path, run, *arguments)

    assert said in errors
    assert imported == "imported []"


def test_the_plugin_imports_only_what_every_run_needs(tmp_path: Path) -> None:
    heavy = tuple(name for name in HEAVY if name not in ("asyncio", "pytest"))

    assert list_imported(tmp_path, "import grader.plugin", heavy=heavy)[0] == "imported []"


@pytest.mark.parametrize(
    ("arguments", "typed"),
    [
        (["a.ipynb"], "pytest -fpath a.ipynb"),
        (["-q", "my work/a.ipynb"], 'pytest -fpath "my work/a.ipynb"'),
        (["--html=a.html", "a.ipynb"], "pytest -fpath a.ipynb"),
    ],
)
def test_what_to_type_is_said_where_a_notebook_is_named_as_a_test(arguments: list[str], typed: str) -> None:
    with pytest.raises(OptionError, match=typed):
        require_fpath(arguments)


@pytest.mark.parametrize(
    "arguments", [["--fpath=a.ipynb", "b.ipynb"], ["--nbval", "a.ipynb"], ["tests"], ["--ignore=a.ipynb"], []]
)
def test_other_commands_are_left_to_pytest(arguments: list[str]) -> None:
    require_fpath(arguments)
