"""A kernel for the broker: a plain process, or one in a container."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any, Protocol

import psutil
from jupyter_client.manager import AsyncKernelManager

from .containment import Container, Level, Limits, View
from .containment.limits import MIB
from .containment.provisioner import ContainedKernelManager, ContainedProvisioner

_WATCH_INTERVAL_S = 0.1


class Kernel(Protocol):
    """What the broker needs of a kernel. Nothing of it is left after `stop`."""

    manager: AsyncKernelManager
    start_arguments: dict[str, Any]
    """What nbclient hands to the manager when it starts the kernel."""
    extra_arguments: list[str]
    """What the kernel's own command line gets besides."""

    def watch(self) -> None:
        """Keep the kernel within its memory from now on."""

    def explain_end(self) -> tuple[str, str]:
        """The outcome (`memory`, `limit` or `died`) of a kernel that has gone, and a sentence if there is one."""

    def read_status(self) -> int | None:
        """How a kernel that has gone ended, as a shell or `subprocess` says it; None if nobody saw it."""

    async def stop(self) -> None:
        """Kill the kernel and everything that it started."""


def make_kernel(request: dict[str, Any]) -> Kernel:
    """The kernel that a `start` request asks for."""
    level = Level(request["isolation"])
    return PlainKernel(request) if level is Level.NONE else ContainedKernel(request, level)


class PlainKernel:
    """An ordinary process that is kept within its memory."""

    def __init__(self, request: dict[str, Any]) -> None:
        self._memory_bytes = int(request["memory_mib"]) * MIB
        self._over_memory = False
        self._sockets = tempfile.TemporaryDirectory(prefix="kernel-", ignore_cleanup_errors=True)
        self.manager: AsyncKernelManager = AsyncKernelManager(
            kernel_name="python3", connection_file=str(Path(self._sockets.name, "connection.json"))
        )
        if os.name != "nt":  # sockets in a private folder: no port of the machine is taken or open to others
            self.manager.transport = "ipc"
            self.manager.ip = str(Path(self._sockets.name, "socket"))
        folder = request["folder"]
        for name, path in request["files"].items():
            target = Path(folder, name)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        own = {"IPYTHONDIR": str(Path(folder, ".ipython"))}
        self.start_arguments = {"env": {**os.environ, **request["environment"], **own}, "cwd": folder}
        self.extra_arguments = ["--HistoryManager.enabled=False"]

    def watch(self) -> None:
        self._watch = asyncio.create_task(self._watch_memory())

    def explain_end(self) -> tuple[str, str]:
        return ("memory" if self._over_memory else "died"), ""

    def read_status(self) -> int | None:
        process = getattr(self.manager.provisioner, "process", None)
        return None if process is None else process.poll()

    async def stop(self) -> None:
        for process in _list_family(getattr(self.manager.provisioner, "pid", None)):
            with contextlib.suppress(psutil.Error):
                process.kill()
        with contextlib.suppress(RuntimeError, ProcessLookupError):
            await self.manager.shutdown_kernel(now=True)
        self._sockets.cleanup()

    async def _watch_memory(self) -> None:
        """Kill the kernel when it and its children hold more resident memory than the limit."""
        process = psutil.Process(getattr(self.manager.provisioner, "pid", None))
        while True:
            await asyncio.sleep(_WATCH_INTERVAL_S)
            if _measure_resident(process) > self._memory_bytes:
                self._over_memory = True
                await self.stop()
                return


class ContainedKernel:
    """A kernel in a container, which enforces all limits itself."""

    def __init__(self, request: dict[str, Any], level: Level) -> None:
        container = Container(
            view=View(*(tuple(map(Path, request[name])) for name in ("readable", "hidden"))),
            environment=request["environment"],
            files={name: Path(path) for name, path in request["files"].items()},
            limits=Limits(resident_bytes=int(request["memory_mib"]) * MIB),
            level=level,
        )
        self.manager: AsyncKernelManager = ContainedKernelManager(container)
        self.start_arguments: dict[str, Any] = {}
        self.extra_arguments: list[str] = []

    @property
    def _provisioner(self) -> ContainedProvisioner:
        provisioner = self.manager.provisioner
        assert isinstance(provisioner, ContainedProvisioner)
        return provisioner

    def watch(self) -> None:
        """Nothing to do: the container has a watchdog."""

    def explain_end(self) -> tuple[str, str]:
        process = self._provisioner.process
        breach = self._provisioner.breach or (process.breach if process is not None else None)
        if breach is None:
            return "died", ""
        return ("memory" if breach.limit == "resident_bytes" else "limit"), breach.sentence()

    def read_status(self) -> int | None:
        process = self._provisioner.process
        return self._provisioner.status if process is None else process.poll()

    async def stop(self) -> None:
        with contextlib.suppress(RuntimeError, ProcessLookupError):
            await self.manager.shutdown_kernel(now=True)
        await self._provisioner.cleanup()


def _list_family(pid: int | None) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [*process.children(recursive=True), process]
    except psutil.Error:
        return []


def _measure_resident(process: psutil.Process) -> int:
    total = 0
    for member in _list_family(process.pid):
        with contextlib.suppress(psutil.Error):
            total += member.memory_info().rss
    return total
