"""A student at a terminal: the environment active, no network, a home folder without settings, and only commands that the pages name."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import psutil


class Student:
    """Works in an unpacked bundle."""

    def __init__(self, bundle: Path, home: Path) -> None:
        self.notebooks = bundle / "notebooks"
        self._bundle = bundle
        self._pages = "".join(
            page.read_text(encoding="utf-8")
            for page in (bundle / "docs" / "students.md", bundle / "README.md")
        )
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "LC_ALL")}
        self._environment = {
            **kept,
            "HOME": str(home),
            "SHELL": "/bin/bash",
            "TERM": "xterm",
            "COLUMNS": "100",
        }

    def start(self, command: str, folder: str = "notebooks", more: str = "") -> subprocess.Popen[str]:
        """Begin a command of the pages, with `more` behind it; what it says comes line by line."""
        assert command in self._pages, f"No page says to type: {command}"
        typed = f". {self._bundle}/.venv/bin/activate && exec {command} {more}"
        return subprocess.Popen(
            ["bash", "-c", typed],
            cwd=self._bundle / folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def type(self, command: str, folder: str = "notebooks", more: str = "") -> str:
        """All that a command says."""
        with self.start(command, folder, more) as process:
            return process.communicate()[0]


def read_until(process: subprocess.Popen[str], text: str) -> str:
    """What a process says, up to the line with `text`."""
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if text in line:
            return "".join(said)
    raise AssertionError(f"{text!r} was not said:\n{''.join(said)}")


def press_ctrl_c(process: subprocess.Popen[str]) -> tuple[int, str]:
    """End a process and what it has started; its status, and what it still said."""
    family = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    said = process.communicate()[0]
    assert psutil.wait_procs(family)[1] == []
    return process.returncode, said
