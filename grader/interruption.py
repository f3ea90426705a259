"""What asks a grading to end: Ctrl-C, and just the same SIGTERM, the end of the terminal, and the end of the process that started it."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType, TracebackType

SENTENCE = "Grading was interrupted before it had ended, so there is no score. Grade the submission again."
_VARIABLE = "GRADER_LIFELINE"


class Lifeline:
    """A pipe to a process that is started: when this end closes, even because this process was killed, `heed_signals` interrupts the other.

    handles, environment: for `subprocess.Popen`; empty on Windows, which has no such pipes
    """

    def __init__(self) -> None:
        self._reading, self._writing = os.pipe()
        self._lock = threading.Lock()
        self.handles = (self._reading,) if os.name == "posix" else ()
        self.environment = {_VARIABLE: str(self._reading)} if os.name == "posix" else {}

    def cut(self) -> None:
        """Interrupt all processes that hang on it, if they are still there."""
        with self._lock:  # a number that is closed twice may be another file's by then
            writing, self._writing = self._writing, -1
            if writing >= 0:
                os.close(writing)

    def __enter__(self) -> Lifeline:
        return self

    def __exit__(
        self, _: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cut()
        os.close(self._reading)


def heed_signals() -> None:
    """From now on SIGTERM, SIGHUP and a cut lifeline raise KeyboardInterrupt once. What is ignored, as SIGHUP is under nohup, stays so."""
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _interrupt)
    lifeline = os.environ.pop(_VARIABLE, None)
    if lifeline is not None:
        os.set_inheritable(int(lifeline), False)
        threading.Thread(target=_follow, args=(int(lifeline),), daemon=True).start()


def _follow(lifeline: int) -> None:
    os.read(lifeline, 1)  # nothing is ever written: this ends when the other end is closed
    os.kill(os.getpid(), signal.SIGTERM)


def _interrupt(number: int, _: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)  # a second one must not break off the cleaning up
    raise KeyboardInterrupt
