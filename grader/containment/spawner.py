"""Starts a contained process and holds it, fully built, just before its command begins.

All processes are started from one thread that lives as long as this process: "die with parent" means the
parent *thread*, so a sandbox started from a passing thread would die with that thread, or outlive this
process.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from .bubblewrap import Bubblewrap, Data, Scene, arguments, wrap

_BUILD_TIMEOUT_S = 30.0
_POLL_S = 0.001
_PR_SET_CHILD_SUBREAPER = 36
_STAGE = Path(__file__).with_name("stage.py")


class ContainmentError(Exception):
    """A container could not be made or started; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Streams:
    """Where the command's standard streams go, as for Popen, and the descriptors it inherits besides."""

    stdin: int | IO[bytes] = subprocess.DEVNULL
    stdout: int | IO[bytes] = subprocess.DEVNULL
    stderr: int | IO[bytes] = subprocess.DEVNULL
    pass_fds: Sequence[int] = ()


@dataclass(slots=True)
class Held:
    """A container that stands, and whose command waits for `release`."""

    popen: subprocess.Popen[bytes]
    first_pid: int
    """The container's process 1, or without namespaces the waiting command, as this process numbers it."""
    first_pidfd: int
    hold_fd: int

    def release(self) -> None:
        """Let the command begin."""
        with suppress(BrokenPipeError):  # it died while it waited, which its status will say
            os.write(self.hold_fd, b"x")
        os.close(self.hold_fd)

    def abandon(self) -> None:
        """End everything without having begun."""
        os.close(self.hold_fd)
        os.close(self.first_pidfd)
        _end(self.popen)


def start_bubblewrap(
    tool: Bubblewrap, scene: Scene, command: Sequence[str], streams: Streams, *, seccomp: bytes | None
) -> Held:
    """Start a command in the scene. Raises ContainmentError with bubblewrap's own words where it gave any."""
    handed = _Handed()
    try:
        info_fd, hold_fd = handed.pipe_from_child(), handed.pipe_to_child()
        words = [
            handed.file(word.content) if isinstance(word, Data) else word for word in arguments(tool, scene)
        ]
        words += ["--info-fd", handed.of(info_fd), "--block-fd", handed.of(hold_fd)]
        if seccomp is not None:
            words += ["--seccomp", handed.file(seccomp)]
        orders = handed.file(b"".join(os.fsencode(word) + b"\0" for word in words))
        line = [tool.path, "--args", orders, "--", *wrap(scene, command)]
        return _start(line, streams, handed, info_fd, hold_fd, marker=f"/{scene.marker}")
    finally:
        handed.close()


def start_stage(orders: Mapping[str, Any], streams: Streams) -> Held:
    """Start a command by `stage`, whose orders are given but for the descriptors."""
    handed = _Handed()
    try:
        info_fd, hold_fd = handed.pipe_from_child(), handed.pipe_to_child()
        given = {**orders, "info_fd": int(handed.of(info_fd)), "hold_fd": int(handed.of(hold_fd))}
        line = [sys.executable, "-I", "-S", os.fspath(_STAGE), handed.file(json.dumps(given).encode())]
        marker = orders["marker"] if orders["namespaces"] else None
        return _start(line, streams, handed, info_fd, hold_fd, marker=marker)
    finally:
        handed.close()


def start_plain(
    line: Sequence[str], folder: Path, environment: Mapping[str, str], streams: Streams
) -> subprocess.Popen[bytes]:
    """Start a command as it is, in a session of its own."""
    return _popen(line, streams, streams.pass_fds, cwd=folder, env=dict(environment))


class _Handed:
    """Descriptors made for one start: the child inherits them, this process keeps the other ends alone."""

    def __init__(self) -> None:
        self.fds: list[int] = []
        self._theirs: dict[int, int] = {}

    def file(self, content: bytes) -> str:
        handle = os.memfd_create("grader", os.MFD_CLOEXEC)
        self.fds.append(handle)
        with open(handle, "wb", closefd=False) as file:
            file.write(content)
        os.lseek(handle, 0, os.SEEK_SET)
        return str(handle)

    def pipe_from_child(self) -> int:
        reading, writing = os.pipe()
        self.fds.append(writing)
        self._theirs[reading] = writing
        return reading

    def pipe_to_child(self) -> int:
        reading, writing = os.pipe()
        self.fds.append(reading)
        self._theirs[writing] = reading
        return writing

    def of(self, ours: int) -> str:
        """Return the child's end of a pipe."""
        return str(self._theirs[ours])

    def close(self) -> None:
        for handle in self.fds:
            os.close(handle)


def _start(
    line: Sequence[str], streams: Streams, handed: _Handed, info_fd: int, hold_fd: int, *, marker: str | None
) -> Held:
    popen = None
    try:
        popen = _popen(line, streams, [*handed.fds, *streams.pass_fds], cwd=None, env={"PATH": os.defpath})
        handed.close()
        handed.fds.clear()  # so that the end of the child is the end of the pipe
        pid = _read_pid(info_fd)
        if pid is None:
            raise ContainmentError(f"The container could not be built{_said_by(popen)}.")
        pidfd = os.pidfd_open(pid)
        held = Held(popen, pid, pidfd, hold_fd)
        if marker is not None:
            _await_marker(held, Path(f"/proc/{pid}/root{marker}"))
        return held
    except BaseException:
        os.close(hold_fd)
        if popen is not None:
            _end(popen)
        raise
    finally:
        os.close(info_fd)


def _read_pid(info_fd: int) -> int | None:
    """Return the process number that the child announces, or None if it ends without."""
    said = b""
    deadline = time.monotonic() + _BUILD_TIMEOUT_S
    while b"}" not in said:
        poll = select.poll()
        poll.register(info_fd, select.POLLIN)
        ready = poll.poll(1000 * max(0.0, deadline - time.monotonic()))
        part = os.read(info_fd, 4096) if ready else b""
        if not part:
            return None
        said += part
    return int(json.loads(said)["child-pid"])


def _await_marker(held: Held, marker: Path) -> None:
    """Wait until the root that is seen through /proc is the container's, and no longer this machine's."""
    deadline = time.monotonic() + _BUILD_TIMEOUT_S
    while not marker.is_dir():
        if held.popen.poll() is not None or time.monotonic() > deadline:
            os.close(held.first_pidfd)
            raise ContainmentError(f"The container could not be built{_said_by(held.popen)}.")
        time.sleep(_POLL_S)


def _said_by(popen: subprocess.Popen[bytes]) -> str:
    _end(popen)
    said = popen.stderr.read(2000).decode(errors="replace").strip() if popen.stderr else ""
    return f": {said}" if said else ""


def _end(popen: subprocess.Popen[bytes]) -> None:
    popen.kill()
    popen.wait()


def _popen(
    line: Sequence[str], streams: Streams, fds: Sequence[int], *, cwd: Path | None, env: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            line,
            stdin=streams.stdin,
            stdout=streams.stdout,
            stderr=streams.stderr,
            pass_fds=fds,
            cwd=cwd,
            env=env,
            start_new_session=True,  # Ctrl-C is for the grader, which then ends the container
        )

    future: Future[subprocess.Popen[bytes]] = _thread().submit(start)
    try:
        return future.result()
    except FileNotFoundError as error:
        raise ContainmentError(f"{error.filename} cannot be started: there is no such file.") from error
    except KeyboardInterrupt:
        future.add_done_callback(lambda done: None if done.exception() else _end(done.result()))
        raise


_executor: ThreadPoolExecutor | None = None


def _thread() -> ThreadPoolExecutor:
    global _executor
    if _executor is None:
        _adopt_orphans()
        _executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="container starter")
    return _executor


def _adopt_orphans() -> None:
    """Become the parent of a process 1 that its bubblewrap leaves behind, to wait for it.

    Else it would fall to the machine's init, and in a docker container there often is none that waits.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _forget_thread() -> None:
    """Threads do not survive a fork: the child makes its own."""
    global _executor
    _executor = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_thread)
