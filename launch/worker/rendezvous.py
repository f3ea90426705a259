"""Where the ranks of one run meet: ports, addresses and files of its own, whatever the script hard-codes.

Two runs at once, or a run after one that left its processes behind, would otherwise meet each other.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import zlib
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from .recorder import Recorder

LOOPBACK = "127.0.0.1"
NEARBY = (LOOPBACK, "localhost", "::1", "0.0.0.0")


class Ports:
    """The run's table from ports that scripts ask for to ports that were free: one small file per port."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._folder.mkdir(exist_ok=True)

    def translate(self, port: int) -> int:
        """The port used in this run for `port`: the same in every process, and itself if translated."""
        if port == 0:
            return port
        entry = self._folder / str(port)
        with contextlib.suppress(FileExistsError):
            self._enter(entry, _free_port())
        return int(entry.read_text(encoding="ascii"))

    def keep(self, port: int) -> None:
        """Have `port` stand for itself: a process already listens there."""
        with contextlib.suppress(FileExistsError):
            self._enter(self._folder / str(port), port)

    def _enter(self, entry: Path, port: int) -> None:
        """Write an entry whole or not at all: the first of several processes wins. Raises FileExistsError."""
        draft = entry.with_name(f"{entry.name}.{os.getpid()}")
        draft.write_text(str(port), encoding="ascii")
        try:
            os.link(draft, entry)
        finally:
            draft.unlink()
        self.keep(port)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def install(recorder: Recorder) -> None:
    """Replace the store through which ranks find each other."""
    ports = Ports(recorder.settings.events / "ports")
    original: Any = torch._C._distributed_c10d.TCPStore

    class TCPStore(original):  # type: ignore[misc]
        """The run's own store: same arguments, a port and an address that cannot clash."""

        def __init__(self, host_name: str, port: int, *args: Any, **kwargs: Any) -> None:
            given = ports.translate(port)
            if given != port:
                recorder.write("translation", what="port", asked=str(port), given=str(given))
            if host_name not in (*NEARBY, socket.gethostname()):
                recorder.write("translation", what="address", asked=host_name[:100], given=LOOPBACK)
            super().__init__(LOOPBACK, given, *args, **kwargs)
            ports.keep(self.port)

    TCPStore.__module__, TCPStore.__qualname__ = original.__module__, original.__qualname__
    # By sys.modules, because the attribute `torch.distributed.rendezvous` is a function of that name.
    for module in (dist, sys.modules["torch.distributed.rendezvous"], torch._C._distributed_c10d):
        module.TCPStore = TCPStore  # type: ignore[attr-defined]


def own_file(init_method: str | None, recorder: Recorder) -> str | None:
    """A `file://` rendezvous moved into this run: a file left by an earlier one names dead peers."""
    if not init_method or not init_method.startswith("file://"):
        return init_method
    asked, mark, query = init_method.removeprefix("file://").partition("?")
    given = recorder.settings.events / f"store-{zlib.crc32(asked.encode()):08x}"
    recorder.write("translation", what="file", asked=asked[:500], given=given.name)
    return f"file://{given}{mark}{query}"


def fill_address() -> None:
    """An address and a port where a script has left them empty, as `$(hostname -I)` is on a machine without a network.

    Ranks meet on this machine and at a free port, whatever is written there; torch refuses only what is empty.
    """
    for name, value in (("MASTER_ADDR", LOOPBACK), ("MASTER_PORT", "29500")):
        if not os.environ.get(name, "").strip():
            os.environ[name] = value


def own_backend(backend: Any, recorder: Recorder) -> Any:
    """`gloo` where the script asks for a backend that needs GPUs and there is none."""
    if isinstance(backend, str) and "nccl" in backend.lower() and not torch.cuda.is_available():
        recorder.write("translation", what="backend", asked=backend[:100], given="gloo")
        return "gloo"
    return backend


def choose_interface() -> None:
    """Have gloo speak over the loopback device, unless the script names another that exists."""
    present = {name for _, name in socket.if_nameindex()}
    asked = os.environ.get("GLOO_SOCKET_IFNAME")
    if asked not in present:
        os.environ.pop("GLOO_SOCKET_IFNAME", None)
        loopback = present & {"lo", "lo0"}
        if loopback:
            os.environ["GLOO_SOCKET_IFNAME"] = loopback.pop()
