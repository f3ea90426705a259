"""What asks a grading to end: Ctrl-C, and just the same SIGTERM and the end of the terminal."""

from __future__ import annotations

import signal
from types import FrameType

SENTENCE = "Grading was interrupted before it had ended, so there is no score. Grade the submission again."


def heed_signals() -> None:
    """From now on SIGTERM and SIGHUP raise KeyboardInterrupt once. What is ignored, as SIGHUP is under nohup, stays so."""
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _interrupt)


def _interrupt(number: int, _: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)  # a second one must not break off the cleaning up
    raise KeyboardInterrupt
