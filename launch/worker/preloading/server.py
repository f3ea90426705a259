"""Imports torch once, then forks a process for each stand-in that asks.

    python server.py FOLDER

It listens at a socket in FOLDER, and ends when for a while nobody has needed it.
"""

from __future__ import annotations

import array
import atexit
import contextlib
import ctypes
import importlib
import json
import os
import random
import select
import signal
import socket
import struct
import sys
import threading
import types
from dataclasses import dataclass
from typing import Any

from standin import DECIDED_EARLY  # type: ignore[import-not-found]  # this file is run, not imported

HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120
NAME = "launch-server"
# What the first backward pass with a given gradient imports, for a check of shapes: two seconds, with sympy.
IMPORTED_LATE = ("torch.fx.experimental.symbolic_shapes",)
IDLE_TIME_S = 3.0
REQUEST_LIMIT = 4_000_000  # bytes; Linux takes no larger environment


@dataclass
class Request:
    """What a stand-in asks for."""

    arguments: list[str]
    environment: dict[str, str]
    folder: str
    descriptors: list[int]


def main() -> None:
    folder = sys.argv[1]
    ctypes.CDLL(None).prctl(15, NAME.encode(), 0, 0, 0)  # PR_SET_NAME
    # The search path of a script's process: without this file's folder, where it has its own.
    sys.path[:] = [entry for entry in sys.path if entry != HERE]
    del sys.modules["standin"]
    import torch  # noqa: F401 - this is what it is all about

    for name in IMPORTED_LATE:
        with contextlib.suppress(ImportError):  # another version of torch, which may not need it
            importlib.import_module(name)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    address = f"/proc/self/fd/{place}/server"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(address)  # noqa: PTH108
    listener.bind(address)
    os.close(place)
    listener.listen(64)
    request = Server(listener).serve()
    if request is not None:
        become(request)


class Server:
    """Knows which connection waits for which child."""

    def __init__(self, listener: socket.socket) -> None:
        self.listener = listener
        self.children: dict[int, socket.socket] = {}
        self.wakeup, writing = os.pipe()
        os.set_blocking(writing, False)
        os.set_blocking(self.wakeup, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        self._writing = writing

    def serve(self) -> Request | None:
        """Returns the request in a child that is to fulfil it, and None when there is nothing left to do."""
        while True:
            watched: list[Any] = [self.listener, self.wakeup, *self.children.values()]
            ready, _, _ = select.select(watched, [], [], IDLE_TIME_S)
            if not ready and not self.children:
                return None
            if self.wakeup in ready:
                with contextlib.suppress(BlockingIOError):
                    os.read(self.wakeup, 4096)
            self._tell_ends()
            for pid, connection in list(self.children.items()):
                if connection in ready and not connection.recv(64):
                    with contextlib.suppress(ProcessLookupError):  # nobody waits for it any more
                        os.kill(pid, signal.SIGKILL)
            if self.listener in ready:
                request = self._accept()
                if request is not None:
                    return request

    def _tell_ends(self) -> None:
        for pid in list(self.children):
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                with contextlib.suppress(OSError), self.children.pop(pid) as connection:
                    connection.sendall(struct.pack("<i", status))

    def _accept(self) -> Request | None:
        connection, _ = self.listener.accept()
        try:
            request = receive(connection)
        except (OSError, ValueError, KeyError):
            request = None
        if request is None or not is_alike(request.environment):
            connection.close()  # the stand-in then starts an interpreter of its own
            for descriptor in request.descriptors if request else ():
                os.close(descriptor)
            return None
        pid = os.fork()
        if pid == 0:
            self._leave(connection)
            return request
        self.children[pid] = connection
        with contextlib.suppress(OSError):
            connection.sendall(struct.pack("<i", pid))
        for descriptor in request.descriptors:
            os.close(descriptor)
        return None

    def _leave(self, own: socket.socket) -> None:
        """In a child: drop what is the server's."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for connection in (own, self.listener, *self.children.values()):
            connection.close()
        os.close(self.wakeup)
        os.close(self._writing)


def receive(connection: socket.socket) -> Request | None:
    """The request of a process of the same user; None for anybody else's or half a one."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    if struct.unpack("3i", credentials)[1] != os.getuid():
        return None
    descriptors = array.array("i")
    head, ancillary, _, _ = connection.recvmsg(4, socket.CMSG_SPACE(3 * descriptors.itemsize))
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            descriptors.frombytes(data)
    length = struct.unpack("<I", head)[0] if len(head) == 4 else 0
    if len(descriptors) != 3 or not 0 < length <= REQUEST_LIMIT:
        return None
    body = bytearray()
    while len(body) < length:
        part = connection.recv(length - len(body))
        if not part:
            return None
        body += part
    content: dict[str, Any] = json.loads(bytes(body))
    return Request(content["arguments"], content["environment"], content["folder"], list(descriptors))


def is_alike(environment: dict[str, str]) -> bool:
    """Whether everything that is read as an interpreter or torch starts is as the server had it."""
    names = {name for name in (*environment, *os.environ) if name.startswith(DECIDED_EARLY)}
    return all(environment.get(name) == os.environ.get(name) for name in names)


def become(request: Request) -> None:
    """Turn a fresh copy of the server into `python SCRIPT …`, and run the script to its end."""
    for number, descriptor in enumerate(request.descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.chdir(request.folder)
    os.environ.clear()
    os.environ.update(request.environment)
    ctypes.CDLL(None).prctl(15, b"python", 0, 0, 0)
    script = request.arguments[0]
    sys.argv[:] = request.arguments
    sys.orig_argv[:] = [sys.executable, *request.arguments]
    sys.path.insert(0, os.path.dirname(os.path.realpath(script)))  # noqa: PTH120
    random.seed()
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()
    module = types.ModuleType("__main__")
    module.__dict__.update(__file__=script, __builtins__=__builtins__)
    sys.modules["__main__"] = module
    import sitecustomize  # type: ignore[import-not-found]  # already imported without effect, because the server is no worker

    leave = os._exit  # taken before it is watched: the end has then been written already
    sitecustomize.watch()
    leave(run(script, module))


def run(script: str, module: types.ModuleType) -> int:
    """Run the script as the interpreter would, to the end of its threads and exit functions; returns its status.

    What an interpreter does after that, it would do for each copy of torch: taking everything apart, for seconds.
    """
    try:
        with open(script, "rb") as file:  # noqa: PTH123
            source = file.read()
        exec(compile(source, script, "exec"), module.__dict__)
        status = 0
    except SystemExit as end:
        status = status_of(end)
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
        status = 130 if isinstance(error, KeyboardInterrupt) else 1
    # As multiprocessing ends its forked children.
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # closed or replaced: nothing left to show
            stream.flush()
    return status


def status_of(end: SystemExit) -> int:
    """The exit status that `sys.exit` asked for; a text is printed."""
    if end.code is None:
        return 0
    if isinstance(end.code, int):
        return end.code & 0xFF
    print(end.code, file=sys.stderr)
    return 1


if __name__ == "__main__":
    main()
