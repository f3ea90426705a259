"""What a Python script says of its author's machine, as worker/prelude.bash has it for the shell: folders and pythons by path."""

from __future__ import annotations

import functools
import os
import re
import sys
from typing import Any

from .recorder import Recorder

_PYTHON = re.compile(r".*[/\\](?:bin|Scripts)[/\\]python[\d.]*(?:\.exe)?")


def pass_over_folders(recorder: Recorder) -> None:
    """`os.chdir` to a folder that only another machine has leaves the script where it is."""
    original = os.chdir

    @functools.wraps(original)
    def chdir(path: Any) -> None:
        try:
            original(path)
        except FileNotFoundError:
            if not isinstance(path, (str, os.PathLike)) or not os.path.isabs(path):  # noqa: PTH117 - a path of any kind
                raise
            recorder.write(
                "translation", what="folder", asked=str(path)[:500], given=".", at=recorder.student_line()
            )

    os.chdir = chdir


def replace_pythons(recorder: Recorder) -> None:
    """`subprocess` starts this interpreter in place of one that is not there; called once that module is imported."""
    popen: Any = sys.modules["subprocess"].Popen
    original = popen.__init__

    @functools.wraps(original)
    def initialise(self: Any, args: Any, *rest: Any, **options: Any) -> None:
        if isinstance(args, (list, tuple)) and args and isinstance(args[0], str):
            asked = args[0]
            if _PYTHON.fullmatch(asked) and not os.path.exists(asked):  # noqa: PTH110
                recorder.write(
                    "translation",
                    what="python",
                    asked=asked[:500],
                    given=sys.executable,
                    at=recorder.student_line(),
                )
                args = [sys.executable, *args[1:]]
        original(self, args, *rest, **options)

    popen.__init__ = initialise
