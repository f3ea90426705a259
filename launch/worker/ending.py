"""A worker that has made the steps it was asked for, but would go on, waits for the others and then ends.

It waits because messages that it started may still be on their way: gloo delivers them only while the
sender lives. It ends by leaving the process, because an exception could be caught by the script.
"""

from __future__ import annotations

import contextlib
import sys
import time

from .recorder import Recorder

POLL_S = 0.02
_sleep = getattr(time.sleep, "__wrapped__", time.sleep)


def stop(recorder: Recorder) -> None:
    """Say that the steps are made, wait until the launcher ends the run, and leave. Does not return."""
    recorder.write("stop", step=recorder.step, thread=recorder.thread(), at=recorder.student_line())
    while not _over(recorder):
        _sleep(POLL_S)
    _leave(recorder)


def leave_if_over(recorder: Recorder) -> None:
    """Leave where the launcher has ended the run: what fails from now on fails because others have left."""
    if recorder.step > recorder.settings.steps and _over(recorder):
        _leave(recorder)


def _over(recorder: Recorder) -> bool:
    return (recorder.settings.control / "end").exists()


def _leave(recorder: Recorder) -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # a closed or replaced stream has nothing left to show
            stream.flush()
    recorder.exit_now(0)
