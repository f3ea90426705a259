"""Stands in for `python SCRIPT …`: has the server fork a process that runs it, and ends as that one ends.

    python -I -S standin.py FOLDER PYTHON [ARGUMENT …]

Whatever the server can't do alike, an option of the interpreter, a script without torch, is left to PYTHON.
"""

import contextlib
import ctypes
import json
import os
import signal
import socket
import sys
import time

NAME = "launch-helper"  # as process lists show it
SOCKET = "server"
START_TIME_S = 60.0
# What is read before a script could change it again: where it differs from the server's, nothing is forked.
DECIDED_EARLY = ("PYTHON", "OMP_", "MKL_", "KMP_", "GOMP_", "TORCH_", "LD_", "CUDA_", "HF_")
READ_LIMIT = 1_000_000
PASSED_ON = ("SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGQUIT")


def main() -> None:
    folder, python, *arguments = sys.argv[1:]
    pid = None
    if is_suited(arguments):
        with contextlib.suppress(OSError):
            connection = connect(folder, python)
            pid = ask(connection, arguments)
    if pid is not None:
        end(follow(connection, pid))
    os.execv(python, [python, *arguments])


def is_suited(arguments: list[str]) -> bool:
    """Whether the command runs a script file that speaks of torch."""
    if not arguments or arguments[0].startswith("-"):
        return False
    try:
        with open(arguments[0], "rb") as file:  # noqa: PTH123 - pathlib would double the time to start
            return b"torch" in file.read(READ_LIMIT)
    except OSError:
        return False


def connect(folder: str, python: str) -> socket.socket:
    """A connection to the run's server, which the first one to ask starts. Raises OSError."""
    import fcntl

    place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    # Through the descriptor: the name of a socket may have 107 bytes, and folders are deep.
    address = f"/proc/self/fd/{place}/{SOCKET}"
    with open(os.path.join(folder, f"{SOCKET}.lock"), "w") as lock:  # noqa: PTH118, PTH123
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            return _connect(address)
        except OSError:
            server = start_server(folder, python)
        deadline_s = time.monotonic() + START_TIME_S
        while True:
            try:
                return _connect(address)
            except OSError:
                if time.monotonic() > deadline_s or os.waitpid(server, os.WNOHANG)[0]:
                    raise
                time.sleep(0.02)


def _connect(address: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(address)
    except OSError:
        connection.close()
        raise
    return connection


def start_server(folder: str, python: str) -> int:
    """Start the server, which ends by itself, and return its number."""
    here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120
    values = {name: value for name, value in os.environ.items() if name != "LAUNCH_CONTROL"}
    pid = os.fork()
    if pid == 0:
        try:
            nothing = os.open(os.devnull, os.O_RDWR)
            for descriptor in (0, 1, 2):
                os.dup2(nothing, descriptor)
            os.closerange(3, 256)
            os.execve(python, [python, os.path.join(here, "server.py"), folder], values)  # noqa: PTH118
        finally:
            os._exit(1)
    return pid


def ask(connection: socket.socket, arguments: list[str]) -> int | None:
    """Have the arguments run, and return the number of the process; None if the server does not take them."""
    request = json.dumps(
        {"arguments": arguments, "environment": dict(os.environ), "folder": os.getcwd()}  # noqa: PTH109
    ).encode()
    socket.send_fds(connection, [len(request).to_bytes(4, "little")], [0, 1, 2])
    connection.sendall(request)
    return _read_number(connection)


def follow(connection: socket.socket, pid: int) -> int:
    """Pass signals on to a process until it ends, and return its wait status."""
    ctypes.CDLL(None).prctl(15, NAME.encode(), 0, 0, 0)  # PR_SET_NAME

    def pass_on(number: int, _frame: object) -> None:
        with contextlib.suppress(OSError):
            os.kill(pid, number)

    for number in (getattr(signal, name) for name in PASSED_ON):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, pass_on)
    status = None
    with contextlib.suppress(OSError):
        status = _read_number(connection)
    return signal.SIGKILL if status is None else status  # the server is gone, and its children with it


def _read_number(connection: socket.socket) -> int | None:
    data = connection.recv(4, socket.MSG_WAITALL)
    return int.from_bytes(data, "little") if len(data) == 4 else None


def end(status: int) -> None:
    """End as the rank did: with its exit status, or by its signal."""
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with contextlib.suppress(OSError):
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    main()
