"""The command `pytest` of an environment with this kit: with `-fpath` it reads no settings and no code that lie beside what was handed in.

pytest takes a notebook's path for that of a test and looks for its settings there, before any plugin has a say. So this command, which takes
the place of pytest's own, starts pytest with the homework's settings.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from . import relay
from .homework import HomeworkError, find_homework, read_homework
from .interruption import heed_signals
from .options import join_paths


def main() -> int:
    """Run pytest with this command's arguments; the exit status is pytest's."""
    arguments = sys.argv[1:]
    settings = _find_settings(arguments)
    if settings is None:
        import pytest

        return int(pytest.console_main())
    heed_signals()
    try:
        return relay.run([sys.executable, "-P", "-m", "pytest", *settings, *join_paths(arguments)])
    except KeyboardInterrupt:
        return 2  # as pytest's own


def _find_settings(arguments: Sequence[str]) -> list[str] | None:
    """The arguments that name the homework's settings; None where nothing is graded, or pytest had better say what is wrong."""
    try:
        joined = join_paths(arguments)
        if not any(argument.startswith(("--fpath=", "--scripts=")) for argument in joined):
            return None
        named = [argument.partition("=")[2] for argument in joined if argument.startswith("--homework=")]
        homework = read_homework(find_homework(Path(named[-1]).absolute() if named else None))
    except (HomeworkError, ValueError):
        return None
    return ["--rootdir", str(homework.folder), "-c", str(homework.settings)]
