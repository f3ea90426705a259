"""The argument list that makes bubblewrap build the whole of what a submission sees.

The options reach bubblewrap through a file descriptor, so that no path of the host shows in the process list.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .limits import Limits, rlimits
from .view import SYSTEM_FILES, View

USER_ID = 1000
HOME = "/home/student"
_SYSTEM_FOLDERS = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
# By these, workers of one submission find each other, and nobody else.
NAME_FILES = {
    "/etc/hosts": "127.0.0.1 localhost grader\n::1 localhost grader\n",
    "/etc/nsswitch.conf": "hosts: files\npasswd: files\ngroup: files\n",
}
_USERS = "root:x:0:0::/:/usr/sbin/nologin\nstudent:x:{uid}:{uid}::" + HOME + ":/bin/sh\n"
_GROUPS = "root:x:0:\nstudent:x:{uid}:\n"


@dataclass(frozen=True, slots=True)
class Bubblewrap:
    """An installed bubblewrap, and what its version can do."""

    path: str
    version: str
    bounds_tmpfs: bool
    """Knows --size, without which a private folder could fill the machine's memory."""
    disables_userns: bool
    """Knows --disable-userns; seccomp refuses nested user namespaces where it does not."""


def find() -> Bubblewrap | None:
    """Return the bubblewrap on the search path, if there is one that starts."""
    path = shutil.which("bwrap")
    if path is None:
        return None
    try:
        said = subprocess.run([path, "--help"], capture_output=True, text=True, timeout=10, check=False)
        named = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    options = set(re.findall(r"--[a-z-]+", said.stdout + said.stderr))
    version = re.search(r"[\d.]+", named.stdout)
    return Bubblewrap(
        path, version.group() if version else "?", "--size" in options, "--disable-userns" in options
    )


@dataclass(frozen=True, slots=True)
class Data:
    """The bytes of a small file; in its place comes a descriptor when the container starts."""

    content: bytes


@dataclass(frozen=True, slots=True)
class Scene:
    """All that decides the argument list."""

    view: View
    limits: Limits
    environment: Mapping[str, str]
    marker: str
    """A folder of this name stands in the finished container's root, and in no other."""
    host_uid: int | None
    """Started by root: the user and group that the command runs as. None: started by an ordinary user."""
    writable: tuple[Path, ...] = ()
    """Folders of this machine that the command may change."""
    folder: str = HOME
    """Where the command begins."""


Argument = str | Data


def arguments(tool: Bubblewrap, scene: Scene) -> list[Argument]:
    """Return bubblewrap's options, without the descriptors of a particular start and without the command."""
    return [
        *_namespaces(tool, scene),
        *_system(scene),
        *_private(scene),
        *_mounts(scene.view, scene.writable),
        *_environment(scene.environment),
        "--remount-ro",
        "/dev",
        "--remount-ro",
        "/",
        "--chdir",
        scene.folder,
    ]


def wrap(scene: Scene, command: Sequence[str]) -> list[str]:
    """Return the command under its limits and, where root starts it, under an unprivileged user of its own.

    The limits are set inside, because only there do they count the container's own user.
    """
    prlimit = [
        "prlimit",
        *(f"--{name}={soft}:{hard}" for name, (soft, hard) in rlimits(scene.limits).items()),
    ]
    if scene.host_uid is None:
        return [*prlimit, "--", *command]
    user = f"{scene.host_uid}"
    drop = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--bounding-set=-all"]
    return [*prlimit, "--", *drop, "--inh-caps=-all", "--no-new-privs", "--", *command]


def _namespaces(tool: Bubblewrap, scene: Scene) -> list[Argument]:
    options: list[Argument] = ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"]
    options += [
        "--unshare-cgroup-try",
        "--die-with-parent",
        "--new-session",
        "--hostname",
        "grader",
        "--clearenv",
    ]
    options += ["--cap-drop", "ALL"]
    if scene.host_uid is not None:
        return [*options, "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID", "--cap-add", "CAP_SETPCAP"]
    options += ["--unshare-user", "--uid", str(USER_ID), "--gid", str(USER_ID)]
    return [*options, "--disable-userns"] if tool.disables_userns else options


def _system(scene: Scene) -> list[Argument]:
    options: list[Argument] = ["--ro-bind", "/usr", "/usr"]
    for name in _SYSTEM_FOLDERS[1:]:
        path = Path(name)
        if path.is_symlink():
            options += ["--symlink", str(path.readlink()), name]
        elif path.is_dir():
            options += ["--ro-bind", name, name]
    for path in SYSTEM_FILES:
        if path.exists():
            options += [*_folders(path.parents), "--ro-bind", str(path), str(path)]
    uid = scene.host_uid or USER_ID
    users = {"/etc/passwd": _USERS.format(uid=uid), "/etc/group": _GROUPS.format(uid=uid)}
    for name, content in (NAME_FILES | users).items():
        data = Data(content.encode())
        options += [*_folders(Path(name).parents), "--perms", "0444", "--ro-bind-data", data, name]
    return [*options, "--proc", "/proc", "--dev", "/dev"]


def _private(scene: Scene) -> list[Argument]:
    options = _folders(Path(HOME).parents)
    for name, size in (
        ("/tmp", scene.limits.tmp_bytes),
        ("/dev/shm", scene.limits.tmp_bytes),
        (HOME, scene.limits.scratch_bytes),
    ):
        options += ["--perms", "1777", "--size", str(size), "--tmpfs", name]
    return [*options, "--perms", "0555", "--dir", f"/{scene.marker}"]


def _mounts(view: View, writable: tuple[Path, ...]) -> list[Argument]:
    """Show and hide paths, outer before inner, so that the innermost word on a path is the one that holds."""
    shown = dict.fromkeys([*map(Path, _SYSTEM_FOLDERS), *view.readable, *writable], True)
    order = sorted(shown | dict.fromkeys(view.hidden, False), key=lambda path: len(path.parts))
    hidden = frozenset(view.hidden)
    made = set(shown)  # what stands by itself: of hidden folders, those that had to be covered
    options: list[Argument] = []
    masks: list[Argument] = []
    for path in order:
        inside = next((outer for outer in path.parents if outer in shown or outer in hidden), None)
        if path not in hidden:
            if path in view.readable or path in writable:
                missing = path.parents if inside is None or inside in hidden else ()
                below = inside if inside in made else None
                bind = "--bind" if path in writable else "--ro-bind"
                options += [*_folders(missing, below=below), bind, str(path), str(path)]
        elif inside in shown and path.is_dir():
            made.add(path)
            options += ["--perms", "0755", "--tmpfs", str(path)]
            masks += ["--remount-ro", str(path)]
        elif inside in shown and path.exists():
            options += ["--ro-bind", "/dev/null", str(path)]
    return options + masks


def _folders(parents: Iterable[Path], below: Path | None = None) -> list[Argument]:
    """Make folders that every user can enter; those that bubblewrap makes unasked are their owner's."""
    options: list[Argument] = []
    for folder in sorted(parents, key=lambda path: len(path.parts)):
        if folder != Path("/") and (below is None or (folder != below and folder.is_relative_to(below))):
            options += ["--perms", "0755", "--dir", str(folder)]
    return options


def _environment(environment: Mapping[str, str]) -> list[Argument]:
    return [word for name, value in environment.items() for word in ("--setenv", name, value)]
