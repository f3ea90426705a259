"""How to reach a container's processes: to end them all, or to signal its command."""

from __future__ import annotations

import os
import select
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import psutil

_COMMAND_PID_INSIDE = 2  # process 1 is bubblewrap or the stage, which starts nothing but the command
_END_TIMEOUT_S = 10.0


class Grip(Protocol):
    """What `ContainedProcess` does to a container."""

    def kill(self) -> None:
        """Begin the end of every process of the container."""

    def send_signal(self, number: int) -> None:
        """Send a signal to the command."""

    def close(self) -> None:
        """Make sure that nothing is left, and let go."""


@dataclass(slots=True)
class NamespaceGrip:
    """By process 1 of a process namespace: when it ends, the kernel ends all others at once."""

    first_pid: int
    pidfd: int

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)

    def send_signal(self, number: int) -> None:
        with suppress(psutil.NoSuchProcess):
            children = psutil.Process(self.first_pid).children()
            if self._ended(0):  # the number may be another's by now
                return
            for child in children:
                if _pid_inside(child.pid) == _COMMAND_PID_INSIDE:
                    child.send_signal(number)

    def close(self) -> None:
        self.kill()
        if self._ended(_END_TIMEOUT_S):
            with suppress(ChildProcessError):  # its parent, where that outlived it, has waited for it already
                os.waitid(os.P_PIDFD, self.pidfd, os.WEXITED)
        os.close(self.pidfd)

    def _ended(self, timeout_s: float) -> bool:
        poll = select.poll()  # not select, which knows no descriptor above 1023
        poll.register(self.pidfd, select.POLLIN)
        return bool(poll.poll(1000 * timeout_s))


@dataclass(slots=True)
class SupervisorGrip:
    """By the stage's supervisor, to which orphans fall back and which kills all that descends from it."""

    supervisor: subprocess.Popen[bytes]
    pidfd: int
    """Of the command."""

    def kill(self) -> None:
        self.supervisor.terminate()

    def send_signal(self, number: int) -> None:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.pidfd, number)

    def close(self) -> None:
        self.kill()
        try:
            self.supervisor.wait(_END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            kill_family(self.supervisor.pid)
        os.close(self.pidfd)


@dataclass(slots=True)
class FamilyGrip:
    """By descent and session: all that a plain process started, as far as it has left neither."""

    process: subprocess.Popen[bytes]

    def kill(self) -> None:
        if self.process.poll() is None:
            kill_family(self.process.pid)

    def send_signal(self, number: int) -> None:
        self.process.send_signal(number)

    def close(self) -> None:
        self.kill()
        if hasattr(os, "getsid"):
            for pid in psutil.pids():
                with suppress(ProcessLookupError, PermissionError):
                    if os.getsid(pid) == self.process.pid:
                        os.kill(pid, signal.SIGKILL)


def kill_family(root: int) -> None:
    """Kill a process that has not been waited for, and its descendants."""
    with suppress(psutil.NoSuchProcess):
        first = psutil.Process(root)
        for process in [*first.children(recursive=True), first]:
            with suppress(psutil.NoSuchProcess):
                process.kill()


def _pid_inside(pid: int) -> int | None:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("NSpid:"):
                return int(line.split()[-1])
    return None
