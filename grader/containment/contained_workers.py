"""Starts the parallel workers of one submission in one container, for a launcher that watches them."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from .container import Container
from .levels import Machine, probe
from .limits import Breach, Limits
from .process import ContainedProcess
from .strength import Level
from .view import View

# What a launcher sets may by chance be what this process has as well; nothing else of its environment goes in.
_KEPT = frozenset({"PATH", "PYTHONPATH", "PYTHONIOENCODING", "MASTER_ADDR", "MASTER_PORT", "OMP_NUM_THREADS"})

# A container ends with its first command, and some scripts do not wait for the workers that they start. So the first command is
# this one: it starts the script, says how that ended, and stays until nothing is left of what the script had started.
_ATTENDANT = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER: orphans become its children
told, script = int(sys.argv[1]), os.fork()
if not script:
    os.close(told)
    try:
        os.execvp(sys.argv[2], sys.argv[2:])
    except OSError as error:
        print(f"{sys.argv[2]}: {error.strerror}", file=sys.stderr)
    os._exit(127)
code = 0
while True:
    try:
        ended, status = os.wait()
    except ChildProcessError:
        os._exit(code)
    if ended == script:
        code = os.waitstatus_to_exitcode(status)
        code = code if code >= 0 else 128 - code
        os.write(told, bytes([code]))
"""


class ContainedScript:
    """A script in a container, in the manner of `subprocess.Popen`. The container, and workers in it, may outlive the script."""

    def __init__(self, container: ContainedProcess, told: int) -> None:
        self.container = container
        self.pid = container.pid
        self.returncode: int | None = None
        self._told = told
        os.set_blocking(told, False)

    @property
    def ended_for(self) -> str:
        """The limit for which the container was killed, as a sentence; empty if for none."""
        return self.container.ended_for

    def poll(self) -> int | None:
        """The script's exit status, or None while it runs."""
        if self.returncode is None:
            ended = self.container.poll()
            self.returncode = self._read()
            if self.returncode is None:
                self.returncode = ended
        return self.returncode

    def _read(self) -> int | None:
        try:
            said = os.read(self._told, 1)
        except BlockingIOError:
            return None
        return said[0] if said else None

    def kill(self) -> None:
        """End every process of the container, without asking."""
        self.container.kill()

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the container's end and return the script's exit status. Raises subprocess.TimeoutExpired."""
        ended = self.container.wait(timeout)
        status = self.poll()
        return ended if status is None else status

    def close(self) -> None:
        self.container.close()
        os.close(self._told)


@dataclass
class ContainedWorkers:
    """Give `start` to a launcher, once; use as a context manager, so that nothing is left.

    The script's folder and the launcher's folder of events become the workers' own: hand over copies. The
    launcher's control folder and `view`, which must hold what instruments the workers, are readable.
    """

    view: View
    level: Level
    limits: Limits = field(default_factory=Limits)
    environment: Mapping[str, str] = field(default_factory=dict)
    """Set besides what the launcher sets."""
    machine: Machine = field(default_factory=probe, repr=False)
    process: ContainedScript | None = None

    @property
    def breach(self) -> Breach | None:
        """The limit for which the workers were killed, if any."""
        return self.process.container.breach if self.process is not None else None

    def start(self, arguments: list[str], *, env: dict[str, str], cwd: Path, stdout: int) -> ContainedScript:
        """Start a script with its workers. Raises ContainmentError if the container cannot be made."""
        control, events = (Path(env[name]) for name in ("LAUNCH_CONTROL", "LAUNCH_EVENTS"))
        given = {name: value for name, value in env.items() if name in _KEPT or os.environ.get(name) != value}
        container = Container(
            view=self.view + View((control,)),
            writable=(cwd, events),
            folder=cwd,
            environment={**given, **self.environment},
            limits=self.limits,
            level=self.level,
            loopback=True,
            machine=self.machine,
        )
        reading, writing = os.pipe()
        attendant = [sys.executable, "-I", "-S", "-c", _ATTENDANT, str(writing), *arguments]
        try:
            process = container.start(attendant, stdout=stdout, stderr=stdout, pass_fds=(writing,))
        except BaseException:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        self.process = ContainedScript(process, reading)
        return self.process

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            self.process.close()
