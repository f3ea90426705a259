"""One run of the public checks on some exercises of a notebook, within this process, as `grader watch` makes one after every save."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from contextlib import closing, redirect_stdout, suppress
from pathlib import Path

import pytest
from tqdm import tqdm

from .fixtures import KEPT_REFERENCE
from .grading import GRADING
from .homework import Homework
from .reference import ReferenceProcess
from .report import Report


class CheckRuns:
    """Runs checks, always with the same reference, whose process so starts only once. Use `closing`."""

    def __init__(self, path: Path, homework: Homework) -> None:
        self._homework = homework
        self._reference = ReferenceProcess(homework, homework.public)
        self._arguments = [
            f"--rootdir={homework.folder}",
            f"-c={homework.settings}",
            "--capture=fd",  # also what the reference's process prints
            f"--fpath={path}",
            f"--homework={homework.folder}",
            str(homework.locate(homework.public)),
        ]

    def close(self) -> None:
        self._reference.close()

    def run(self, exercises: Sequence[str]) -> Report | None:
        """The report, or None if no check was run. Raises KeyboardInterrupt after Ctrl-C, once the kernel has ended."""
        told = io.StringIO()
        with closing(_Observer(self._reference)) as observer, redirect_stdout(told):
            status = pytest.main([*self._arguments, f"--exercise={','.join(exercises)}"], [observer])
        if status == pytest.ExitCode.INTERRUPTED:
            raise KeyboardInterrupt
        if observer.report is None or observer.report.is_broken:
            sys.stderr.write(told.getvalue())  # a bug in the kit: with what pytest says about it
        return observer.report


class _Observer:
    """Shows the progress on a terminal, and keeps the report."""

    def __init__(self, reference: ReferenceProcess) -> None:
        self.report: Report | None = None
        self._reference = reference
        self._terminal = os.fdopen(
            os.dup(sys.stderr.fileno()), "w", encoding="utf-8"
        )  # pytest captures the other
        self._bar = tqdm(disable=True)

    def close(self) -> None:
        self._bar.close()
        self._terminal.close()

    def pytest_configure(self, config: pytest.Config) -> None:
        config.stash[KEPT_REFERENCE] = self._reference

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._bar = tqdm(
            total=len(session.items),
            file=self._terminal,
            disable=not self._terminal.isatty(),
            leave=False,
            bar_format="{l_bar}{bar}| {n}/{total} checks",
        )

    def pytest_runtest_logfinish(self) -> None:
        self._bar.update()

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        with suppress(KeyError):
            self.report = session.config.stash[GRADING].report
