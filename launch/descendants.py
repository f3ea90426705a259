"""Every process that came out of a script, also without its session or parent, and its end."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import psutil

from .worker.preloading import HELPER

TOKEN_VARIABLE = "LAUNCH_RUN"
KILL_TIME_S = 5.0
SHORT_SLEEP_S = 1.0  # shorter than a standstill must last, so that a longer sleep is noticed in time
# Programs at the end of a pipe: they live as long as what feeds them and start nothing.
FILTERS = frozenset(
    {"tee", "cat", "grep", "sed", "awk", "gawk", "mawk", "less", "more", "head", "tail", "ts", "stdbuf"}
)


class Descendants:
    """The processes below one that the launcher started, remembered from look to look."""

    def __init__(self, root: int, token: str) -> None:
        self._root = root
        self._token = token
        self._known: set[psutil.Process] = set()

    def look(self) -> list[psutil.Process]:
        """All living descendants, the root included."""
        everyone: dict[int, psutil.Process] = {}
        children: dict[int, list[int]] = {}
        for process in psutil.process_iter(["ppid"]):
            everyone[process.pid] = process
            children.setdefault(process.info["ppid"], []).append(process.pid)
        queue = [self._root, *(process.pid for process in self._known)]
        found = set()
        while queue:
            pid = queue.pop()
            if pid not in found:
                found.add(pid)
                queue += children.get(pid, [])
        self._known = {process for pid, process in everyone.items() if pid in found and _alive(process)}
        return sorted(self._known, key=lambda process: process.pid)

    def adopt(self) -> None:
        """Remember those that lost their parent: once the root has ended, nothing else leads to them."""
        self._known.update(self._marked())

    def kill(self) -> list[int]:
        """End all of them, and whoever else carries this run's mark. Returns the numbers of survivors."""
        deadline = time.monotonic() + KILL_TIME_S
        while True:
            remaining = {*self.look(), *self._marked()}
            if not remaining or time.monotonic() > deadline:
                return sorted(process.pid for process in remaining)
            for process in remaining:
                with contextlib.suppress(psutil.Error):
                    process.kill()
            psutil.wait_procs(remaining, timeout=0.1)

    def _marked(self) -> set[psutil.Process]:
        """Processes that inherited this run's environment, whoever their parent is now."""
        marked = set()
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if process.environ().get(TOKEN_VARIABLE) == self._token and _alive(process):
                    marked.add(process)
        return marked


def _alive(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def may_start_more(processes: list[psutil.Process], settled: set[int]) -> bool:
    """Whether a process may yet start a rank: one without children that is neither a known worker nor a filter nor a helper.

    A shell that waits for its children will start nothing while they wait for each other. `settled` holds the
    numbers, as the processes see them themselves, of workers whose part is known.
    """
    parents = set()
    for process in processes:
        with contextlib.suppress(psutil.Error):
            parents.add(process.ppid())
    for process in processes:
        if process.pid in parents or own_number(process.pid) in settled:
            continue
        with contextlib.suppress(psutil.Error):
            if process.name() not in FILTERS | {HELPER} and not _is_short_sleep(process):
                return True
    return False


def is_helper(process: psutil.Process) -> bool:
    """Whether a process belongs to the launcher and not to the script."""
    with contextlib.suppress(psutil.Error):
        return process.name() == HELPER
    return False


def _is_short_sleep(process: psutil.Process) -> bool:
    """Whether a shell is looking after its children now and then, rather than waiting to start another."""
    return process.name() == "sleep" and time.time() - process.create_time() < SHORT_SLEEP_S


def own_number(pid: int) -> int:
    """The number by which a process knows itself: another one inside a PID namespace (Linux)."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("NSpid:"):
                return int(line.split()[-1])
    return pid
