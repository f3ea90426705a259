"""Starts Jupyter kernels contained.

The kernel binds Unix sockets in its scratch folder, which lies in memory and is not part of this machine's
file system; this process reaches them by the folder's open descriptor. So the two share no network, no folder
that anybody else could write to, and no file with a key. It follows that the client must live in this same
process.
"""

from __future__ import annotations

import asyncio
import json
import os
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import IO, Any, cast

import zmq
import zmq.asyncio
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from traitlets import default

from .container import Container
from .limits import Breach
from .process import ContainedProcess
from .spawner import ContainmentError

_FOLDER = ".kernel"
_PORTS = {
    f"{channel}_port": number
    for number, channel in enumerate(("shell", "iopub", "stdin", "hb", "control"), 1)
}
_START_TIMEOUT_S = 240.0  # a machine may be busy with other gradings
_POLL_S = 0.01
_MESSAGE_BYTES = 64 * 1024**2
_KEPT_OUTPUT_BYTES = 64 * 1024
_COMMAND = ("-m", "ipykernel_launcher", "-f", f"{_FOLDER}/connection.json", "--HistoryManager.enabled=False")
_KERNEL = KernelSpec(argv=[sys.executable, *_COMMAND], display_name="Contained Python", language="python")


class ContainedProvisioner(LocalProvisioner):
    """Runs the kernel of one manager in a container. `ContainedKernelManager` sets ``container``."""

    container: Container
    process: ContainedProcess | None = None  # type: ignore[assignment]  # is as good as a Popen
    breach: Breach | None = None
    """The limit for which the last container was killed, known once it is gone."""
    status: int | None = None
    """How the last kernel ended, as a shell says it: 139 for a segmentation fault."""
    output: FirstWords | None = None
    """What the kernel process wrote before it had its sockets, such as why it could not start."""

    @property
    def _manager(self) -> AsyncKernelManager:
        assert isinstance(self.parent, AsyncKernelManager)
        return self.parent

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Return the command. Working folder and environment are the container's, whatever is asked for."""
        extra: Sequence[str] = kwargs.get("extra_arguments") or ()
        return {"cmd": [*_KERNEL.argv, *extra]}

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:  # noqa: ARG002
        """Start the kernel and wait until its sockets exist. Raises ContainmentError if they never do."""
        key = self._manager.session.key
        inside = self._connection(f"{_FOLDER}/s", key.decode())
        files = {**self.container.files, f"{_FOLDER}/connection.json": json.dumps(inside).encode()}
        container = replace(self.container, files=files)
        process = await asyncio.to_thread(
            container.start, cmd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        assert process.stdout is not None
        self.process, self.pid = process, process.pid
        self.output, process.stdout = FirstWords(process.stdout, _KEPT_OUTPUT_BYTES), None
        try:
            await self._await_sockets(process)
        except BaseException:
            await self.cleanup()
            raise
        self.connection_info = self._connection(f"{process.scratch}/{_FOLDER}/s", key)
        return self.connection_info

    async def kill(self, restart: bool = False) -> None:  # noqa: ARG002
        """End every process of the container."""
        if self.process is not None:
            self.process.kill()

    async def terminate(self, restart: bool = False) -> None:
        """End every process of the container: there is nobody inside whose good will to rely on."""
        await self.kill(restart)

    async def wait(self) -> int | None:
        """Wait for the end of the kernel, and let go of its container."""
        if self.process is None:
            return 0
        while (status := self.process.poll()) is None:
            await asyncio.sleep(_POLL_S)
        await self.cleanup()
        return status

    async def cleanup(self, restart: bool = False) -> None:  # noqa: ARG002
        """Make sure that nothing of the container is left."""
        process, self.process = self.process, None
        if process is not None:
            await asyncio.to_thread(process.close)
            self.breach, self.status = process.breach, process.returncode

    def _connection(self, address: str, key: str | bytes) -> KernelConnectionInfo:
        scheme = self._manager.session.signature_scheme
        info = {"transport": "ipc", "ip": address, "key": key, "signature_scheme": scheme, **_PORTS}
        return cast(KernelConnectionInfo, info)

    async def _await_sockets(self, process: ContainedProcess) -> None:
        """Wait until the kernel has bound its sockets, while nothing of the submission runs yet.

        From then on a client need never connect again, and so never follow what a submission puts in their
        place.
        """
        deadline = time.monotonic() + _START_TIMEOUT_S
        names = [process.scratch / _FOLDER / f"s-{number}" for number in _PORTS.values()]
        while not all(map(_is_socket, names)):
            if process.poll() is not None or time.monotonic() > deadline:
                said = self.output.kept.decode(errors="replace").strip() if self.output else ""
                seen = f"was not ready after {_START_TIMEOUT_S:.0f} s"
                if process.returncode is not None:
                    seen = f"ended with status {process.returncode} before it was ready"
                raise ContainmentError(f"The contained kernel {seen}. It said: {said[-2000:] or 'nothing'}")
            await asyncio.sleep(_POLL_S)


class ContainedKernelManager(AsyncKernelManager):
    """A kernel manager for nbclient whose kernel runs in a container.

    nbclient leaves a manager that it is given alone, so end it: ``await km.shutdown_kernel(now=True)``.
    """

    def __init__(self, container: Container, *, message_bytes: int = _MESSAGE_BYTES) -> None:
        super().__init__(transport="ipc", kernel_name="")
        self._message_bytes = message_bytes
        self.provisioner = ContainedProvisioner(parent=self)
        self.provisioner.container = container

    @default("context")
    def _context_default(self) -> zmq.asyncio.Context:
        self._created_context = True
        context = zmq.asyncio.Context()
        # A longer message vanishes without a word: it is for the engine to say that output was cut.
        context.setsockopt(zmq.MAXMSGSIZE, self._message_bytes)
        context.setsockopt(zmq.RECONNECT_IVL, -1)
        return context

    def client(self, **kwargs: Any) -> AsyncKernelClient:  # type: ignore[override]  # as in AsyncKernelManager
        """A client in this manager's context: one of its own would have neither of the two settings."""
        return super().client(**{"context": self.context, **kwargs})

    @property
    def kernel_spec(self) -> KernelSpec:
        """The one kernel there is, whatever a notebook's metadata names."""
        return _KERNEL

    def write_connection_file(self, **kwargs: Any) -> None:
        """Write nothing: nobody else is to find this kernel."""

    def cleanup_ipc_files(self) -> None:
        """Do nothing: the sockets vanish with the container."""


class FirstWords:
    """A thread that empties a pipe, so that the writer never waits, and keeps the first ``limit_bytes``."""

    def __init__(self, stream: IO[bytes], limit_bytes: int) -> None:
        self.kept = b""
        self._stream, self._limit_bytes = stream, limit_bytes
        self.thread = threading.Thread(target=self._empty, name="kernel output", daemon=True)
        self.thread.start()

    def _empty(self) -> None:
        while chunk := self._stream.read1(self._limit_bytes):  # type: ignore[attr-defined]
            self.kept = (self.kept + chunk)[: self._limit_bytes]
        self._stream.close()


def _is_socket(path: os.PathLike[str]) -> bool:
    try:
        return stat.S_ISSOCK(os.lstat(path).st_mode)
    except OSError:
        return False
