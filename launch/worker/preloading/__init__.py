"""One process of a run imports torch, and every rank begins as a copy of it: seconds saved per rank.

    shell ── stand-in (in place of `python b1.py 0`) ── asks ──> server (has imported torch)
                 └ waits for the end, passes signals on             └ forks the rank, which runs b1.py

A rank is a fresh process as far as its script can see: arguments, environment, folder and open files are those
of its stand-in, whose exit status is the rank's. What can't be copied alike is started plainly.

Nothing outside of this folder knows of it, but for the three names below.
"""

import contextlib
import shlex
import sys
from pathlib import Path

from .standin import NAME as HELPER  # what process lists show for stand-ins and servers
from .standin import SOCKET

__all__ = ["HELPER", "clear_away", "python_command"]


def clear_away(events: Path) -> None:
    """Remove the socket by which the ranks of a run found their server: archives can't hold one."""
    with contextlib.suppress(OSError):  # there is none, or the script has put something else there
        (events / SOCKET).unlink()


def python_command(preload: bool) -> str:
    """The shell command of a program called `python`: here it is decided whether a run is preloaded or plain.

    $python is the interpreter; $LAUNCH_EVENTS the folder in which the ranks of the run find their server.
    """
    if not preload or sys.platform != "linux":
        return 'exec "$python" "$@"'
    standin = Path(__file__).with_name("standin.py").resolve()
    return f'exec "$python" -I -S {shlex.quote(str(standin))} "$LAUNCH_EVENTS" "$python" "$@"'
