"""What there is to be attacked, and what must be as it was afterwards."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
from homework.checks import KEY, KEY_PATH

REPOSITORY = Path(__file__).resolve().parents[2]
CANARY = KEY["canary"]
VARIABLE = "GRADER_CANARY"
MARK = f"hostile-survivor-{os.getpid()}"


@contextmanager
def set_up(folder: Path) -> Iterator[dict[str, str]]:
    """A file that anybody may change, a variable, and servers that tell the canary to whoever connects."""
    victim = folder / "victim"
    victim.mkdir()
    victim.chmod(0o777)
    (victim / "file").write_text("as it was")
    (victim / "file").chmod(0o666)
    os.environ[VARIABLE] = CANARY
    port = socket.create_server(("127.0.0.1", 0))
    named = _listen(str(folder / "socket"))
    (folder / "socket").chmod(0o777)
    servers = [port, named]
    abstract = f"\0grader-canary-{os.getpid()}"
    if os.path.exists("/proc"):  # noqa: PTH110
        servers.append(_listen(abstract))
    for server in servers:
        threading.Thread(target=_tell, args=(server,), daemon=True).start()
    try:
        yield {
            "KEY": str(KEY_PATH),
            "REPOSITORY": str(REPOSITORY),
            "VICTIM": str(victim),
            "PORT": str(port.getsockname()[1]),
            "SOCKET": str(folder / "socket"),
            "ABSTRACT": abstract[1:],
            "GRADER_PID": str(os.getpid()),
            "WORD": CANARY[:6],
            "MARK": MARK,
        }
    finally:
        del os.environ[VARIABLE]
        for server in servers:
            server.close()


def _listen(address: str) -> socket.socket:
    server = socket.socket(socket.AF_UNIX)
    server.bind(address)
    server.listen()
    return server


def _tell(server: socket.socket) -> None:
    with suppress(OSError):  # closed
        while True:
            peer, _ = server.accept()
            with peer:
                peer.sendall(CANARY.encode())


@dataclass(frozen=True)
class State:
    """What a submission could leave behind on this machine."""

    processes: frozenset[int]
    files: frozenset[str]
    mounts: tuple[str, ...]
    sockets: frozenset[str]
    contents: tuple[str, ...]


def look(folder: Path) -> State:
    """The state now; `folder` is where this process keeps its temporary files."""
    own = [child.pid for child in psutil.Process().children(recursive=True) if _lives(child)]
    strangers = [
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if MARK in " ".join(process.info["cmdline"] or [])
    ]
    mounts = tuple(sorted(line.split(" ", 4)[4] for line in _lines("/proc/self/mountinfo")))
    own_names = (str(folder), f"grader-canary-{os.getpid()}")
    sockets = {
        line.split()[-1] for line in _lines("/proc/net/unix") if any(name in line for name in own_names)
    }
    files = frozenset(str(path.relative_to(folder)) for path in folder.rglob("*"))
    victim = folder / "victim" / "file"
    cgroups = [str(path) for path in Path("/sys/fs/cgroup").glob(f"**/grader-{os.getpid()}-*")]
    return State(
        frozenset(own + strangers),
        files,
        mounts,
        frozenset(sockets),
        (victim.read_text() if victim.exists() else "gone", *cgroups),
    )


def _lives(process: psutil.Process) -> bool:
    """Whether a process is more than an exit status that nobody has asked for."""
    with suppress(psutil.NoSuchProcess):
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    return False


def _lines(name: str) -> list[str]:
    with suppress(OSError):
        return Path(name).read_text(errors="replace").splitlines()
    return []
