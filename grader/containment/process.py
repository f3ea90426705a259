"""A command that runs in a container, in the manner of ``subprocess.Popen``."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from .cgroup import Cgroup
from .grip import Grip
from .limits import Breach, Limits
from .watchdog import Watchdog, Watched


@dataclass(frozen=True, slots=True)
class Place:
    """The container seen from outside."""

    scratch_fd: int
    """The scratch folder, open: good for reading, also after the end, until `ContainedProcess.close`."""
    scratch: Path
    """A path by which this process, and no other, reaches the scratch folder."""
    private_fds: tuple[int, ...] = ()
    """Folders on file systems of their own, whose files count as memory."""
    proc_fd: int | None = None
    """The container's own /proc."""
    remove: Callable[[], None] | None = None
    """Takes away what the container left on this machine's disk."""


class ContainedProcess:
    """A contained command. Use it as a context manager, or `close` it: only then is nothing of it left.

    ``returncode`` follows the shell: 128 + n for an end by signal n, because bubblewrap cannot tell the two
    apart. ``breach`` is the limit for which the container was killed, if any.
    """

    def __init__(
        self,
        popen: subprocess.Popen[bytes],
        grip: Grip,
        place: Place,
        watched: Watched,
        limits: Limits,
        cgroup: Cgroup | None = None,
    ) -> None:
        self.pid = popen.pid
        self.stdin: IO[bytes] | None = popen.stdin
        self.stdout: IO[bytes] | None = popen.stdout
        self.stderr: IO[bytes] | None = popen.stderr
        self.returncode: int | None = None
        self.breach: Breach | None = None
        self.limits = limits
        self._popen, self._grip, self._place, self._cgroup = popen, grip, place, cgroup
        self._settling = threading.Lock()
        self._closed = False
        self._watchdog = Watchdog(watched, limits, self._on_breach)

    @property
    def scratch(self) -> Path:
        """A path by which this process, and no other, reaches the scratch folder, until `close`."""
        return self._place.scratch

    @property
    def ended_for(self) -> str:
        """The limit for which the container was killed, as a sentence; empty if for none."""
        return self.breach.sentence() if self.breach is not None else ""

    def poll(self) -> int | None:
        """Return the exit status, or None while the command runs."""
        if self.returncode is None and self._popen.poll() is not None:
            self._settle()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end and return the exit status. Raises subprocess.TimeoutExpired."""
        if self.returncode is None:
            self._popen.wait(timeout)
            self._settle()
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal to the command itself; SIGKILL ends the whole container."""
        if number == getattr(signal, "SIGKILL", signal.SIGTERM):
            self.kill()
        elif self.poll() is None:
            self._grip.send_signal(number)

    def terminate(self) -> None:
        """Ask the command to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End every process of the container, without asking."""
        with self._settling:
            if self.returncode is None:
                self._grip.kill()

    def close(self) -> None:
        """Kill what still runs, wait until nothing of the container is left, and close the streams."""
        if self._closed:
            return
        self.kill()
        self.wait()
        self._closed = True
        for stream in (self.stdin, self.stdout, self.stderr):
            if stream is not None:
                stream.close()
        place = self._place
        for handle in {
            place.scratch_fd,
            *place.private_fds,
            *([] if place.proc_fd is None else [place.proc_fd]),
        }:
            os.close(handle)
        if place.remove is not None:
            place.remove()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _on_breach(self, breach: Breach) -> None:
        self.breach = breach
        self._grip.kill()

    def _settle(self) -> None:
        """After the command's end: end the rest, then fix the status and its reason."""
        with self._settling:
            if self.returncode is not None:
                return
            self._watchdog.stop()
            self._grip.close()
            if self._cgroup is not None:
                if self.breach is None and self._cgroup.ran_out_of_memory():
                    self.breach = Breach(
                        "resident_bytes", self.limits.resident_bytes, self.limits.resident_bytes
                    )
                self._cgroup.remove()
            code = self._popen.returncode
            if self.breach is None and code == 128 + getattr(signal, "SIGXCPU", 24):
                self.breach = Breach("cpu_s", self.limits.cpu_s, self.limits.cpu_s)
            self.returncode = code if code >= 0 else 128 - code
