"""The last steps before a command, where there is no bubblewrap: one system call after another.

Run as a script of its own (``python -I -S stage.py FD``) that reads its orders as JSON from a descriptor, so
that the process which becomes the submission never held anything of the grader's. Three processes take part:

    supervisor   waits, passes the exit status on, and on SIGTERM or at the end kills whatever is left
      first      with namespaces: process 1 of the new process namespace; makes the private mounts, reaps
        command  restricts itself (user, limits, Landlock, seccomp) and becomes the command

Without namespaces there is no first process: the supervisor makes itself the one that orphans fall back to,
so that a daemon that left its session is still its descendant.
"""

# This script starts with every container, and pathlib is slow to import.
# ruff: noqa: PTH101, PTH102, PTH103, PTH108, PTH112, PTH113, PTH120, PTH123, PTH208

from __future__ import annotations

import base64
import ctypes
import fcntl
import json
import os
import resource
import signal
import socket
import struct
import sys
import time
from types import FrameType
from typing import Any, NoReturn

_NEW = {"mount": 0x20000, "uts": 0x04000000, "ipc": 0x08000000, "pid": 0x20000000, "net": 0x40000000}
_NEW_USER = 0x10000000
_INSIDE_ID = 1000
_MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_BIND, _MS_REC, _MS_PRIVATE = 2, 4, 8, 4096, 16384, 1 << 18
_PR_SET_PDEATHSIG, _PR_SET_SECCOMP, _PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 1, 22, 36, 38
_CAPABILITY_VERSION_3 = 0x20080522
_SECCOMP_MODE_FILTER = 2
_LANDLOCK_CREATE_RULESET, _LANDLOCK_ADD_RULE, _LANDLOCK_RESTRICT_SELF, _LANDLOCK_PATH_BENEATH = (
    444,
    445,
    446,
    1,
)
_MS_READ_ONLY, _MS_REMOUNT, _MS_LOCKED = 1, 32, 2 | 4 | 8 | 1024 | 2048
_SIOCSIFFLAGS, _IFF_UP_AND_RUNNING = 0x8914, 0x41
_KILL_ROUNDS = 200

_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.syscall.restype = ctypes.c_long
Orders = dict[str, Any]


def main(orders: Orders) -> int:
    """Run the command of these orders to its end and return its status as a shell would."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if orders["namespaces"]:
        _leave_namespaces(new_user=orders["new_user"])
    else:
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    signal.signal(signal.SIGTERM, _on_terminate)
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        if orders["namespaces"]:
            os._exit(_first(orders))
        _become(orders)
    try:
        _report(orders, child)
        return _reap_until(child)
    except _Terminated:
        return 128 + signal.SIGKILL
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if orders["namespaces"]:
            _kill(child)  # the end of process 1 is the end of its namespace
        else:
            _kill_descendants(orders["uid"])


class _Terminated(BaseException):
    """The grader asked for the end."""


def _on_terminate(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001
    raise _Terminated


def _report(orders: Orders, child: int) -> None:
    os.write(orders["info_fd"], json.dumps({"child-pid": child}).encode())
    os.close(orders["info_fd"])


def _first(orders: Orders) -> int:
    """Be process 1 of the new namespace: prepare what the command finds, start it, reap until it ends."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    os.close(orders["info_fd"])
    socket.sethostname("grader")
    _bring_up_loopback()
    _mount("none", "/", "", _MS_REC | _MS_PRIVATE, "")
    _mount("proc", "/proc", "proc", _MS_NOSUID | _MS_NODEV | _MS_NOEXEC, "")
    kept = [(path, may_write, os.open(path, os.O_PATH | os.O_CLOEXEC)) for path, may_write in orders["kept"]]
    for target, size, files in orders["private"]:
        os.makedirs(target, exist_ok=True)
        _mount("tmpfs", target, "tmpfs", _MS_NOSUID | _MS_NODEV, f"size={size},nr_inodes={files},mode=1777")
    for path, content in orders["texts"].items():
        _replace_text(path, content, orders["private"][0][0])
    for path, may_write, handle in kept:
        _show_again(path, handle, may_write)
    os.mkdir(orders["marker"])
    child = os.fork()
    if child == 0:
        _become(orders)
    _drop_capabilities()
    return _reap_until(child)


def _become(orders: Orders) -> NoReturn:
    """Give up everything that the orders do not leave, and turn into the command."""
    try:
        os.setsid()
        if not orders["namespaces"]:
            os.close(orders["info_fd"])
        if not os.read(
            orders["hold_fd"], 1
        ):  # waits until the grader has put the submission's files in place
            os._exit(127)  # the grader is gone
        os.close(orders["hold_fd"])
        os.chdir(orders["folder"])
        if orders["uid"] is not None:
            os.setgroups([])
            os.setresgid(*[orders["uid"]] * 3)
            os.setresuid(*[orders["uid"]] * 3)
        _drop_capabilities()
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        for name, pair in orders["rlimits"].items():
            resource.setrlimit(getattr(resource, f"RLIMIT_{name.upper()}"), tuple(pair))
        if orders["landlock"]:
            _restrict_paths(bytes.fromhex(orders["landlock"]["attribute"]), orders["landlock"]["rules"])
        if orders["seccomp"]:
            _restrict_calls(base64.b64decode(orders["seccomp"]))
        os.execvpe(orders["command"][0], orders["command"], orders["environment"])
    except OSError as error:
        os.write(2, f"The contained command could not be started: {error}\n".encode())
    finally:
        os._exit(127)


def _leave_namespaces(*, new_user: bool) -> None:
    uid, gid = os.geteuid(), os.getegid()
    flags = sum(_NEW.values()) | (_NEW_USER if new_user else 0)
    _check(_LIBC.unshare(ctypes.c_int(flags)), "unshare")
    if new_user:
        for name, line in (
            ("setgroups", "deny"),
            ("uid_map", f"{_INSIDE_ID} {uid} 1"),
            ("gid_map", f"{_INSIDE_ID} {gid} 1"),
        ):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(line)


def _drop_capabilities() -> None:
    """Give up all privileges, and every way to get some again."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    header = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
    _check(_LIBC.capset(header, bytes(24)), "capset")


def _bring_up_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        fcntl.ioctl(handle, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP_AND_RUNNING))


def _mount(source: str, target: str, kind: str, flags: int, options: str) -> None:
    words = [word.encode() for word in (source, target, kind)]
    _check(_LIBC.mount(*words, ctypes.c_ulong(flags), options.encode()), f"mount {target}")


def _replace_text(path: str, content: str, folder: str) -> None:
    """Show a file of this machine with another content, which is kept in a private folder without a name."""
    if not os.path.isfile(path):
        return
    source = f"{folder}/text"
    with open(source, "w") as file:
        file.write(content)
    os.chmod(source, 0o444)
    _mount(source, path, "", _MS_BIND, "")
    os.unlink(source)


def _show_again(path: str, handle: int, may_write: bool) -> None:
    """Make a path that a private folder has come to cover visible again, and read-only unless it may be written.

    Landlock gives what lies below a writable folder its rights, across mounts as well.
    """
    if os.path.isdir(f"/proc/self/fd/{handle}"):
        os.makedirs(path, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_CLOEXEC))
    _mount(f"/proc/self/fd/{handle}", path, "", _MS_BIND, "")
    if may_write:
        os.close(handle)
        return
    kept_flags = os.statvfs(path).f_flag & _MS_LOCKED  # of another user's mount, none of these may be dropped
    _mount("none", path, "", _MS_BIND | _MS_REMOUNT | _MS_READ_ONLY | kept_flags, "")
    os.close(handle)


def _restrict_paths(attribute: bytes, rules: list[tuple[str, int]]) -> None:
    size = ctypes.c_size_t(len(attribute))
    ruleset = _check(
        _call(_LANDLOCK_CREATE_RULESET, attribute, size, ctypes.c_uint32(0)), "landlock_create_ruleset"
    )
    for path, rights in rules:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
        rule = struct.pack("=Qi", rights, handle)
        _check(
            _call(_LANDLOCK_ADD_RULE, ruleset, _LANDLOCK_PATH_BENEATH, rule, 0), f"landlock_add_rule {path}"
        )
        os.close(handle)
    _check(_call(_LANDLOCK_RESTRICT_SELF, ruleset, 0), "landlock_restrict_self")
    os.close(ruleset)


def _restrict_calls(program: bytes) -> None:
    buffer = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("@HP", len(program) // 8, ctypes.addressof(buffer))
    _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.c_char_p(header))


def _reap_until(child: int) -> int:
    while True:
        pid, status = os.wait()
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def _kill_descendants(uid: int | None) -> None:
    """Kill until nothing is left. Round after round, since what is being killed may still be forking."""
    for _ in range(_KILL_ROUNDS):
        if uid is not None:
            _kill_as(uid)
        for pid in _descendants(os.getpid()):
            _kill(pid)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.01)


def _kill_as(uid: int) -> None:
    """Kill every process of a user that is the container's alone, in one system call that no fork escapes."""
    child = os.fork()
    if child == 0:
        os.setresuid(uid, uid, uid)
        os.kill(-1, signal.SIGKILL)
        os._exit(0)
    os.waitpid(child, 0)


def _descendants(root: int) -> list[int]:
    parents: dict[int, int] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat") as file:
                    parents[int(name)] = int(file.read().rpartition(")")[2].split()[1])
            except OSError:
                continue  # it ended meanwhile
    found = {root}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return list(found - {root})


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _call(number: int, *arguments: Any) -> int:
    return int(_LIBC.syscall(ctypes.c_long(number), *arguments))


def _prctl(option: int, *arguments: Any) -> None:
    values = [value if isinstance(value, ctypes.c_char_p) else ctypes.c_ulong(value) for value in arguments]
    _check(
        _LIBC.prctl(ctypes.c_int(option), *values, *[ctypes.c_ulong(0)] * (4 - len(values))),
        f"prctl {option}",
    )


def _check(answer: int, what: str) -> int:
    if answer < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return answer


if __name__ == "__main__":
    with open(int(sys.argv[1]), "rb") as source:
        given = json.load(source)
    sys.exit(main(given))
