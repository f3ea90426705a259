"""Imports torch once, then forks a process for each stand-in that asks.

    python server.py FOLDER

It listens at a socket in FOLDER, and ends when for a while nobody has needed it.
"""

from __future__ import annotations

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

from compilation import defer_compiler  # type: ignore[import-not-found]  # this file is run, not imported
from standin import DECIDED_EARLY, NAME, SOCKET  # type: ignore[import-not-found]

HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120
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
    # Fails where the kernel has none: the server ends before it has taken a request, and ranks start plainly.
    os.close(os.pidfd_open(os.getpid()))
    # The modules and the search path of a script's process: without those of this folder.
    sys.path[:] = [entry for entry in sys.path if entry != HERE]
    for name in ("compilation", "standin"):
        del sys.modules[name]
    importlib.import_module("torch")
    with contextlib.suppress(ImportError):  # another version of torch, which may need neither
        defer_compiler()
        # What the first backward pass with a given gradient imports, for a check of shapes: two seconds, with sympy.
        importlib.import_module("torch.fx.experimental.symbolic_shapes")
    request = ForkServer(listen(folder)).serve()
    if request is not None:
        become(request)


def listen(folder: str) -> socket.socket:
    """A socket in a folder, in place of one that an earlier server left."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    address = f"/proc/self/fd/{place}/{SOCKET}"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(address)  # noqa: PTH108
    listener.bind(address)
    os.close(place)
    listener.listen(64)
    return listener


class ForkServer:
    """Knows which connection waits for which child."""

    def __init__(self, listener: socket.socket) -> None:
        self.listener = listener
        self.children: dict[int, tuple[int, socket.socket]] = {}  # by their pidfds, which tell their ends

    def serve(self) -> Request | None:
        """Returns the request in a child that is to fulfil it, and None when there is nothing left to do."""
        while True:
            connections = [connection for _, connection in self.children.values()]
            watched: list[Any] = [self.listener, *self.children, *connections]
            ready, _, _ = select.select(watched, [], [], IDLE_TIME_S)
            if not ready and not self.children:
                return None
            for pidfd, (pid, connection) in list(self.children.items()):
                if pidfd in ready:
                    self._tell_end(pidfd)
                elif connection in ready and is_closed(connection):  # nobody waits for it any more
                    os.kill(pid, signal.SIGKILL)
            if self.listener in ready and (request := self._accept()):
                return request

    def _tell_end(self, pidfd: int) -> None:
        pid, connection = self.children.pop(pidfd)
        _, status = os.waitpid(pid, 0)
        os.close(pidfd)
        with contextlib.suppress(OSError), connection:
            connection.sendall(status.to_bytes(4, "little"))

    def _accept(self) -> Request | None:
        connection, _ = self.listener.accept()
        request = receive(connection)
        if request is None:
            connection.close()  # the stand-in then starts an interpreter of its own
            return None
        pid = os.fork()
        if pid == 0:
            self._leave(connection)
            return request
        self.children[os.pidfd_open(pid)] = pid, connection
        with contextlib.suppress(OSError):
            connection.sendall(pid.to_bytes(4, "little"))
        for descriptor in request.descriptors:
            os.close(descriptor)
        return None

    def _leave(self, own: socket.socket) -> None:
        """In a child: drop what is the server's."""
        for pidfd, (_, connection) in self.children.items():
            os.close(pidfd)
            connection.close()
        own.close()
        self.listener.close()


def is_closed(connection: socket.socket) -> bool:
    try:
        return not connection.recv(64)
    except ConnectionResetError:
        return True


def receive(connection: socket.socket) -> Request | None:
    """A request that can be fulfilled alike, of a process of the same user; None for anything else."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    if struct.unpack("3i", credentials)[1] != os.getuid():
        return None
    descriptors: list[int] = []
    with contextlib.suppress(OSError, ValueError, TypeError):
        head, descriptors, _, _ = socket.recv_fds(connection, 4, 3)
        length = int.from_bytes(head, "little")
        body = connection.recv(min(length, REQUEST_LIMIT), socket.MSG_WAITALL)
        request = Request(**json.loads(body), descriptors=descriptors)
        if len(descriptors) == 3 and is_alike(request.environment):
            return request
    for descriptor in descriptors:
        os.close(descriptor)
    return None


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
    import sitecustomize  # type: ignore[import-not-found]  # already imported without effect, because the server is not a worker

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
    """The exit status that `sys.exit` asked for; a text is shown."""
    if end.code is None:
        return 0
    if isinstance(end.code, int):
        return end.code & 0xFF
    # As the interpreter does: by `print` it would look as if the script had caught the exception, and gone on.
    sys.stderr.write(f"{end.code}\n")
    return 1


if __name__ == "__main__":
    main()
