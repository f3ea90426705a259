"""Runs pytest in a process of its own, which may take its time to end after Ctrl-C.

`subprocess.run` gives a process a quarter of a second. A grader needs longer: it ends kernels and removes what they left behind.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from .interruption import Lifeline

_END_S = 60.0


def run(command: Sequence[str], folder: Path | None = None) -> int:
    """The command's exit status. Raises KeyboardInterrupt after Ctrl-C, once the process has ended.

    The process leads a group of its own, so that it learns of Ctrl-C only once: from here, and not from the terminal as well.
    It is interrupted, too, if this process is killed.
    """
    with Lifeline() as lifeline:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **lifeline.environment},
            process_group=0 if os.name == "posix" else None,
            pass_fds=lifeline.handles,
        )
        try:
            return process.wait()
        except BaseException:
            _end(process)
            raise


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(subprocess.TimeoutExpired, KeyboardInterrupt):  # a second Ctrl-C: at once
        if os.name == "posix":  # elsewhere the console tells all of its processes
            process.send_signal(signal.SIGINT)
        process.wait(_END_S)
        return
    process.kill()
    process.wait()
