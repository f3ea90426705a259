"""Who lives in a container and what they use: counted from outside, where nothing inside can lie."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
_TICKS_PER_S = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


@dataclass(frozen=True, slots=True)
class Usage:
    """One process at one moment."""

    pid: int
    resident_bytes: int
    cpu_s: float
    """Its own processor time and that of children which it has waited for."""
    threads: int


Census = Callable[[], list[Usage]]


def of_namespace(proc_fd: int) -> list[Usage]:
    """Count the processes that a container's own /proc shows, given as an open folder."""
    return [usage for pid in _numbers(os.listdir(proc_fd)) if (usage := _read_stat(proc_fd, pid))]


def of_descendants(root: int) -> list[Usage]:
    """Count a process and all that descends from it, for containers without a process namespace."""
    try:
        first = psutil.Process(root)
        family = [first, *first.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []
    return [usage for process in family if (usage := _ask(process))]


def proportional_bytes(proc_fd: int, pids: Iterable[int]) -> tuple[int, int]:
    """Return the memory of processes, each shared page counted once, and what of it is mapped tmpfs files.

    Slow (the kernel walks every page table), so only to be asked when the plain sum is too large.
    Raises PermissionError where the kernel does not tell.
    """
    total = shared = 0
    for pid in pids:
        try:
            handle = os.open(f"{pid}/smaps_rollup", os.O_RDONLY, dir_fd=proc_fd)
            with os.fdopen(handle, encoding="ascii") as file:
                sizes = {
                    name: int(size) for name, size in re.findall(r"^(\w+):\s+(\d+) kB", file.read(), re.M)
                }
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended meanwhile
        total += 1024 * (sizes.get("Pss", 0) + sizes.get("SwapPss", 0))
        shared += 1024 * sizes.get("Pss_Shmem", 0)
    return total, shared


def _numbers(names: Iterable[str]) -> list[int]:
    return [int(name) for name in names if name.isdigit()]


def _read_stat(proc_fd: int, pid: int) -> Usage | None:
    try:
        handle = os.open(f"{pid}/stat", os.O_RDONLY, dir_fd=proc_fd)
        with os.fdopen(handle, encoding="utf-8", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()  # the name, in brackets, may hold anything
    except OSError:
        return None  # it ended meanwhile
    # Fields of proc(5), counted from the state: 11 to 14 are times, 17 threads, 21 resident pages.
    ticks = sum(int(fields[place]) for place in (11, 12, 13, 14))
    return Usage(pid, int(fields[21]) * _PAGE_BYTES, ticks / _TICKS_PER_S, int(fields[17]))


def _ask(process: psutil.Process) -> Usage | None:
    try:
        with process.oneshot():
            times = process.cpu_times()
            cpu_s = times.user + times.system + times.children_user + times.children_system
            return Usage(process.pid, process.memory_info().rss, cpu_s, process.num_threads())
    except psutil.Error:
        return None  # it ended meanwhile, or is a zombie


def users() -> set[int]:
    """Return the users that processes of this machine run as."""
    found = set()
    for pid in psutil.pids():
        with suppress(OSError):
            found.add(Path(f"/proc/{pid}").stat().st_uid)
    return found


def threads_of_user(uid: int) -> int:
    """Return how many threads a user has now, which is what the limit on processes counts."""
    count = 0
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            count += process.num_threads() if process.uids().real == uid else 0
    return count
