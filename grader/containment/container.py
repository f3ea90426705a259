"""Starts any command contained, at the level that is asked for or the best that this machine gives."""

from __future__ import annotations

import base64
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

from . import census, landlock, seccomp
from .bubblewrap import HOME, NAME_FILES, Scene
from .cgroup import Cgroup
from .grip import FamilyGrip, NamespaceGrip, SupervisorGrip
from .levels import Machine, probe
from .limits import Limits, rlimits
from .process import ContainedProcess, Place
from .spawner import ContainmentError, Held, Streams, start_bubblewrap, start_plain, start_stage
from .strength import Level
from .view import SYSTEM_FILES, View, without_hidden
from .watchdog import Watched

_DEVICES = tuple(Path(f"/dev/{name}") for name in ("null", "zero", "full", "random", "urandom"))
_SYSTEM = tuple(Path(f"/{name}") for name in ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32"))
# gloo looks here for network cards, and gives up where that is forbidden; where it can be, the folder is empty.
_CARDS = Path("/sys/bus/pci/devices")
# Without a process namespace these alone of /proc: the rest tells of other processes.
_HARMLESS_PROC = tuple(Path(f"/proc/{name}") for name in ("cpuinfo", "meminfo", "stat", "loadavg"))


@dataclass(frozen=True)
class Container:
    """What a contained command may see, hold and take. Each `start` makes a fresh container."""

    view: View = field(default_factory=View)
    """What is readable inside, at the place that it has outside; the system itself always is."""
    files: Mapping[str, bytes | Path] = field(default_factory=dict)
    """What lies in the scratch folder at the start, by relative name; the command may change its copies."""
    writable: tuple[Path, ...] = ()
    """Folders of this machine that the command may change as well, and owns while it runs.

    They are watched, not bounded: each may hold as much as the scratch folder, and a tenth of a second's writing more.
    """
    folder: Path | None = None
    """Where the command begins; None for the scratch folder."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """All of the command's environment, but for what every program needs (PATH, HOME, USER, LANG, TMPDIR)."""
    limits: Limits = field(default_factory=Limits)
    level: Level | None = None
    """None for the best that this machine gives."""
    loopback: bool = False
    """Whether sockets over loopback must work, as parallel workers need.

    With a network namespace they always do. Without one this opens the network, because neither Landlock nor
    seccomp can tell one address from another.
    """
    machine: Machine = field(default_factory=probe, repr=False)

    def start(
        self,
        command: Sequence[str],
        *,
        stdin: int | IO[bytes] = subprocess.DEVNULL,
        stdout: int | IO[bytes] = subprocess.DEVNULL,
        stderr: int | IO[bytes] = subprocess.DEVNULL,
        pass_fds: Sequence[int] = (),
    ) -> ContainedProcess:
        """Start a command in a fresh container, its working folder the scratch folder.

        Raises ContainmentError if the machine does not give the level, or the container cannot be built.
        """
        streams = Streams(stdin, stdout, stderr, pass_fds)
        level = self.level or self.machine.level
        if level is Level.FULL:
            return self._start_full(command, streams)
        if level is Level.REDUCED:
            return self._start_reduced(command, streams)
        return self._start_plain(command, streams)

    def _start_full(self, command: Sequence[str], streams: Streams) -> ContainedProcess:
        machine = self.machine
        if machine.bubblewrap is None:
            raise ContainmentError(_unavailable(Level.FULL, machine))
        uid = _unused_uid(machine.own_uids)
        if uid is not None:
            check_open(self.view.readable, with_parents=False)
        environment = _environment(HOME, "/tmp") | dict(self.environment)
        _hand_out(self.writable, uid)
        marker = f"run-{secrets.token_hex(8)}"
        folder = str(self.folder or HOME)
        scene = Scene(self.view, self.limits, environment, marker, uid, self.writable, folder)
        held = start_bubblewrap(
            machine.bubblewrap, scene, command, streams, seccomp=self._filter(network=True)
        )
        return self._hand_over(held, _namespace_place(held.first_pid, HOME, "/tmp", "/dev/shm"), uid)

    def _start_reduced(self, command: Sequence[str], streams: Streams) -> ContainedProcess:
        machine = self.machine
        if not machine.landlock:
            raise ContainmentError(_unavailable(Level.REDUCED, machine))
        uid = _unused_uid(machine.own_uids)
        if uid is not None:
            check_open(self.view.readable, with_parents=True)
        _hand_out(self.writable, uid)
        room = _Room.make(uid)
        try:
            orders = self._orders(command, room, uid)
            held = start_stage(orders, streams)
            if machine.namespaces:
                Path(f"/proc/{held.first_pid}/root{orders['marker']}").rmdir()
                place = _namespace_place(held.first_pid, str(room.scratch), "/tmp", "/dev/shm", room=room)
            else:
                place = room.place()
            return self._hand_over(held, place, uid)
        except BaseException:
            room.remove()
            raise

    def _start_plain(self, command: Sequence[str], streams: Streams) -> ContainedProcess:
        room = _Room.make(None)
        try:
            _fill(room.scratch, self.files, None)
            environment = _environment(str(room.scratch), str(room.tmp)) | dict(self.environment)
            popen = start_plain(command, self.folder or room.scratch, environment, streams)
        except BaseException:
            room.remove()
            raise
        watched = Watched(partial(census.of_descendants, popen.pid), None, shared=self.writable)
        return ContainedProcess(popen, FamilyGrip(popen), room.place(), watched, self.limits)

    def _hand_over(self, held: Held, place: Place, uid: int | None) -> ContainedProcess:
        """Put the files in place, let the command begin, and return it."""
        limits = self.limits
        cgroup = None
        try:
            _fill(place.scratch, self.files, uid)
            if self.machine.cgroup_parent is not None:
                cgroup = Cgroup.make(self.machine.cgroup_parent, limits)
                cgroup.add(held.popen.pid)
                cgroup.add(held.first_pid)
        except BaseException:
            held.abandon()
            if cgroup is not None:
                cgroup.remove()
            raise
        if place.proc_fd is not None:
            counted = partial(census.of_namespace, place.proc_fd)
            watched = Watched(counted, place.proc_fd, place.private_fds, self.writable)
            process = ContainedProcess(
                held.popen, NamespaceGrip(held.first_pid, held.first_pidfd), place, watched, limits, cgroup
            )
        else:
            watched = Watched(partial(census.of_descendants, held.popen.pid), None, shared=self.writable)
            process = ContainedProcess(
                held.popen, SupervisorGrip(held.popen, held.first_pidfd), place, watched, limits, cgroup
            )
        held.release()
        return process

    def _filter(self, *, network: bool) -> bytes | None:
        return seccomp.assemble(network=network) if self.machine.seccomp else None

    def _orders(self, command: Sequence[str], room: _Room, uid: int | None) -> dict[str, object]:
        """Return what `stage` is to do."""
        machine, limits = self.machine, self.limits
        apart = machine.namespaces
        tmp = Path("/tmp") if apart else room.tmp
        view = self.view + View(_SYSTEM + SYSTEM_FILES + ((Path("/proc"),) if apart else _HARMLESS_PROC))
        if apart or self.loopback:  # of its own, or with the open network this machine's
            cards = () if apart else tuple(Path("/sys/devices").glob("pci*"))
            view += View((*map(Path, NAME_FILES), _CARDS, *cards))
        rules = landlock.plan(
            machine.landlock,
            readable=without_hidden(view),
            writable=[room.scratch, tmp, *([Path("/dev/shm")] if apart else []), *self.writable],
            devices=_DEVICES,
            loopback=self.loopback or apart,
        )
        filters = self._filter(network=self.loopback or apart)
        sizes = (
            (tmp, limits.tmp_bytes),
            (Path("/dev/shm"), limits.tmp_bytes),
            (room.scratch, limits.scratch_bytes),
        )
        shown = [(path, False) for path in without_hidden(self.view)] + [
            (path, True) for path in self.writable
        ]
        covered = [
            (str(path), may_write)
            for path, may_write in sorted(shown)
            if any(path.is_relative_to(place) for place, _ in sizes)
        ]
        return {
            "namespaces": apart,
            "new_user": uid is None,
            "uid": uid,
            "private": [
                *([str(path), size, limits.files] for path, size in sizes),
                *([[str(_CARDS), 4096, 1]] if apart and _CARDS.is_dir() else []),
            ],
            "kept": covered,
            "texts": NAME_FILES,
            "marker": f"{room.scratch}/run-{secrets.token_hex(8)}",
            "folder": str(self.folder or room.scratch),
            "rlimits": _own_rlimits(limits, apart=apart, uid=uid),
            "landlock": {"attribute": rules.attribute.hex(), "rules": rules.rules},
            "seccomp": base64.b64encode(filters).decode() if filters else None,
            "command": list(command),
            "environment": _environment(str(room.scratch), str(tmp)) | dict(self.environment),
        }


@dataclass(frozen=True, slots=True)
class _Room:
    """Folders on this machine's disk for a container that has no file system of its own."""

    folder: Path

    @classmethod
    def make(cls, uid: int | None) -> _Room:
        room = cls(Path(tempfile.mkdtemp(prefix="grader-")).resolve())
        for inner in (room.scratch, room.tmp):
            inner.mkdir(0o700)
            if uid is not None:
                os.chown(inner, uid, uid)
        if uid is not None:
            room.folder.chmod(0o711)
        return room

    @property
    def scratch(self) -> Path:
        return self.folder / "scratch"

    @property
    def tmp(self) -> Path:
        return self.folder / "tmp"

    def place(self) -> Place:
        return Place(_open_folder(self.scratch), self.scratch, remove=self.remove)

    def remove(self) -> None:
        remove_folder(self.folder)


def remove_folder(folder: Path) -> None:
    """Remove a folder that a submission could write to, whatever it made of it."""
    with suppress(RecursionError):
        shutil.rmtree(folder, ignore_errors=True)
    if folder.exists() and os.name != "nt":  # closed folders, or nested too deeply for Python
        subprocess.run(["chmod", "-R", "u+rwx", "--", folder], check=False, capture_output=True)
        subprocess.run(["rm", "-rf", "--", folder], check=False, capture_output=True)


def _namespace_place(first_pid: int, scratch: str, *others: str, room: _Room | None = None) -> Place:
    root = f"/proc/{first_pid}/root"
    handles = [_open_folder(Path(root + name)) for name in (scratch, *others)]
    proc_fd = _open_folder(Path(f"{root}/proc"))
    remove = room.remove if room else None
    return Place(handles[0], Path(f"/proc/self/fd/{handles[0]}"), tuple(handles), proc_fd, remove)


def _open_folder(path: Path) -> int:
    return os.open(path, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))


def _fill(folder: Path, files: Mapping[str, bytes | Path], uid: int | None) -> None:
    """Copy files into a scratch folder before anything of the submission runs."""
    for name, content in files.items():
        inside = PurePosixPath(name)
        if inside.is_absolute() or ".." in inside.parts:
            raise ContainmentError(f"{name} is not a name below the scratch folder.")
        for parent in reversed(inside.parents[:-1]):
            if not (folder / parent).is_dir():
                (folder / parent).mkdir()
                _give(folder / parent, uid)
        target = folder / inside
        if isinstance(content, bytes):
            target.write_bytes(content)
        else:
            shutil.copyfile(content, target)
            target.chmod(content.stat().st_mode & 0o755 | 0o644)
        _give(target, uid)


def _hand_out(folders: Sequence[Path], uid: int | None) -> None:
    """Make a container's user the owner of folders with all that is in them; links are not followed."""
    for folder in folders:
        _give(folder, uid)
        for parent, inner, files in os.walk(folder):
            for name in (*inner, *files):
                _give(Path(parent, name), uid)


def _give(path: Path, uid: int | None) -> None:
    if uid is not None:
        os.chown(path, uid, uid, follow_symlinks=False)


def _environment(home: str, tmp: str) -> dict[str, str]:
    places = [str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"]
    # Windows cannot do without this one.
    kept = {name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ}
    return kept | {
        "PATH": os.pathsep.join(places),
        "HOME": home,
        "USER": "student",
        "LOGNAME": "student",
        "LANG": "C.UTF-8",
        "TMPDIR": tmp,
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _own_rlimits(limits: Limits, *, apart: bool, uid: int | None) -> dict[str, tuple[int, int]]:
    """Return the limits; where the container shares its user with others, these count on top of it."""
    given = dict(rlimits(limits))
    if not apart and uid is None:
        most = limits.processes + census.threads_of_user(os.getuid())
        given["nproc"] = (most, most)
    return given


def _unused_uid(uids: range | None) -> int | None:
    """Return a user that no process runs as: limits that count by user then count this container alone."""
    if uids is None:
        return None
    taken = census.users()
    return next(uid for uid in iter(lambda: secrets.choice(uids), None) if uid not in taken)


def check_open(paths: Sequence[Path], *, with_parents: bool) -> None:
    """Raise ContainmentError unless a user of the container's own can read what it is to read."""
    for path in paths:
        if path.exists() and not path.stat().st_mode & 0o004:
            raise ContainmentError(
                f"{path} is closed to other users, but root starts contained code as a user of its own, and "
                f"it must read this. Open it (chmod -R o+rX {path}), or grade as an ordinary user."
            )
        closed = next((parent for parent in path.parents if not parent.stat().st_mode & 0o001), None)
        if with_parents and closed is not None:
            raise ContainmentError(
                f"{closed} is closed to other users, but root starts contained code as a user of its own. "
                f"It must read {path}. Install bubblewrap, or Python where all can read it, or grade as "
                "an ordinary user."
            )


def _unavailable(level: Level, machine: Machine) -> str:
    remedies = [
        f"{layer.name}: {layer.remedy}" for layer in machine.layers if not layer.present and layer.remedy
    ]
    return (
        f"This machine gives the containment level {machine.level.value}, but {level.value} was asked for. "
        f"To have it: {'; '.join(remedies) or 'see grader doctor'}."
    )
