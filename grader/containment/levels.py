"""How well code can be contained on this machine: found out by trying, layer by layer."""

from __future__ import annotations

import ctypes
import functools
import os
import platform
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import cgroup, landlock, seccomp
from .bubblewrap import Bubblewrap, Scene, find
from .grip import NamespaceGrip
from .limits import Limits
from .spawner import ContainmentError, Held, Streams, start_bubblewrap, start_stage
from .strength import Level
from .view import View

_PR_GET_SECCOMP = 21
_CAP_SETUID = 7
_HIGHEST_UIDS = 1_000_000


@dataclass(frozen=True, slots=True)
class ContainmentLayer:
    """One means of containment, and whether this machine has it."""

    name: str
    present: bool
    detail: str
    remedy: str = ""
    """What to do to have it: a command where there is one."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What a container can be made of here."""

    layers: tuple[ContainmentLayer, ...] = ()
    bubblewrap: Bubblewrap | None = None
    """Only if a container could be started with it."""
    own_uids: range | None = None
    """Users that a container can run as, one for each; None when not started by root."""
    namespaces: bool = False
    """Whether namespaces can be had without bubblewrap."""
    landlock: int = 0
    """The version of Landlock; 0 for none."""
    seccomp: bool = False
    cgroup_parent: Path | None = None

    @property
    def level(self) -> Level:
        """The best level that this machine gives."""
        if self.bubblewrap is not None:
            return Level.FULL
        return Level.REDUCED if self.landlock else Level.NONE


@functools.cache
def probe() -> Machine:
    """Try every layer and return what this machine gives: a tenth of a second, once per process."""
    if sys.platform != "linux":
        detail = f"{platform.system()} has none of the means that containment is made of"
        return Machine(
            (ContainmentLayer("Linux", False, detail, "grade on Linux, or in a Linux virtual machine"),)
        )
    uids = _own_uids()
    filters = _has_seccomp()
    tool, bubblewrap_layer = _try_bubblewrap(uids, filters)
    namespaces, namespace_layer = _try_namespaces(uids)
    version = landlock.version()
    parent = cgroup.find_parent()
    layers = (
        bubblewrap_layer,
        namespace_layer,
        _landlock_layer(version),
        _seccomp_layer(filters),
        _user_layer(uids),
        _cgroup_layer(parent),
    )
    return Machine(layers, tool, uids, namespaces, version, filters, parent)


def format_machine(machine: Machine) -> str:
    """Return what `probe` found as lines for a terminal: a verdict, then a line or two for each layer."""
    lines = [f"Containment: {machine.level.value} ({_MEANING[machine.level]})"]
    width = max((len(layer.name) for layer in machine.layers), default=0)
    for layer in machine.layers:
        lines.append(f"  {'yes' if layer.present else 'no ':3}  {layer.name:{width}}  {layer.detail}")
        if not layer.present and layer.remedy:
            lines.append(f"       {'':{width}}  to have it: {layer.remedy}")
    return "\n".join(lines)


_MEANING = {
    Level.FULL: "a submission sees and changes nothing of this machine",
    Level.REDUCED: "a submission reads and changes nothing but its own, yet sees more of this machine",
    Level.NONE: "a submission runs like any program of yours; only deadlines and the memory limit hold",
}


def _try_bubblewrap(uids: range | None, filters: bool) -> tuple[Bubblewrap | None, ContainmentLayer]:
    name = "bubblewrap"
    tool = find()
    if tool is None:
        return None, ContainmentLayer(
            name, False, "the program bwrap is not installed", _install("bubblewrap")
        )
    if not tool.bounds_tmpfs:
        return None, ContainmentLayer(
            name, False, f"{tool.version} is too old: 0.8 or newer is needed", _install("bubblewrap")
        )
    for needed in ("prlimit", "setpriv")[: 2 if uids else 1]:
        if shutil.which(needed) is None:
            return None, ContainmentLayer(
                name, False, f"its helper {needed} is not installed", _install("util-linux")
            )
    marker = f"probe-{secrets.token_hex(4)}"
    scene = Scene(View(), Limits(), {"PATH": os.defpath}, marker, uids[0] if uids else None)
    program = seccomp.assemble() if filters else None
    said, status = _outcome(lambda streams: start_bubblewrap(tool, scene, ["true"], streams, seccomp=program))
    if status != 0:
        return None, ContainmentLayer(
            name, False, f"{tool.version} does not start here: {said.strip()}", _namespace_remedy(said)
        )
    return tool, ContainmentLayer(
        name, True, f"{tool.version} at {tool.path}, started by {'root' if uids else 'a user'}"
    )


def _try_namespaces(uids: range | None) -> tuple[bool, ContainmentLayer]:
    name = "namespaces"
    orders = {
        "namespaces": True,
        "new_user": uids is None,
        "uid": uids[0] if uids else None,
        "private": [["/tmp", 1 << 20, 100]],
        "kept": [],
        "texts": {},
        "marker": f"/tmp/probe-{secrets.token_hex(4)}",
        "folder": "/",
        "rlimits": {},
        "landlock": None,
        "seccomp": None,
        "command": ["true"],
        "environment": {"PATH": os.defpath},
    }
    said, status = _outcome(lambda streams: start_stage(orders, streams))
    if status == 0:
        return True, ContainmentLayer(
            name, True, "process, network, mount, IPC and host name of its own, also without bubblewrap"
        )
    last = said.strip().splitlines()[-1:] or ["no reason given"]
    return False, ContainmentLayer(name, False, f"not without bubblewrap: {last[0]}", _namespace_remedy(said))


def _outcome(start: Callable[[Streams], Held]) -> tuple[str, int]:
    """Start a container, let its command run, and return what was complained about and the exit status."""
    try:
        held = start(Streams(stderr=subprocess.PIPE))
    except (ContainmentError, OSError) as error:
        return str(error), 1
    held.release()
    said = held.popen.communicate()[1].decode(errors="replace")
    NamespaceGrip(held.first_pid, held.first_pidfd).close()
    return said, held.popen.returncode


def _namespace_remedy(said: str) -> str:
    if _reads("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1" and os.geteuid() != 0:
        return (
            "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0 (or an AppArmor profile for bwrap)"
        )
    if _reads("/proc/sys/kernel/unprivileged_userns_clone") == "0":
        return "sudo sysctl -w kernel.unprivileged_userns_clone=1"
    if _reads("/proc/sys/user/max_user_namespaces") == "0":
        return "sudo sysctl -w user.max_user_namespaces=15000"
    if "proc" in said and "mount" in said.lower():
        return "in a container, start it with --security-opt systempaths=unconfined (podman: unmask=ALL)"
    return (
        "in a container, start it with --security-opt seccomp=unconfined --security-opt apparmor=unconfined"
    )


def _landlock_layer(version: int) -> ContainmentLayer:
    if version == 0:
        return ContainmentLayer(
            "Landlock",
            False,
            "this kernel does not offer it",
            "boot with lsm=landlock,… (Linux 5.13 or newer)",
        )
    lacking = [what for needed, what in ((4, "TCP"), (6, "signals and abstract sockets")) if version < needed]
    return ContainmentLayer(
        "Landlock", True, f"version {version}" + (f", without {' and '.join(lacking)}" if lacking else "")
    )


def _seccomp_layer(filters: bool) -> ContainmentLayer:
    if filters:
        return ContainmentLayer("seccomp", True, f"filter for {platform.machine()}")
    known = platform.machine() in seccomp.ARCHITECTURES
    detail = "this kernel has no filters" if known else f"no filter is known for {platform.machine()}"
    return ContainmentLayer("seccomp", False, detail, f"grade on {' or '.join(seccomp.ARCHITECTURES)}")


def _user_layer(uids: range | None) -> ContainmentLayer:
    if uids is not None:
        return ContainmentLayer(
            "own user", True, f"each container runs as a user of its own, from {uids[0]} on"
        )
    return ContainmentLayer(
        "own user", False, "containers run as you do; the namespaces separate them", "only root can give them"
    )


def _cgroup_layer(parent: Path | None) -> ContainmentLayer:
    if parent is not None:
        return ContainmentLayer(
            "cgroup", True, f"memory and processes are also bounded by the kernel, below {parent}"
        )
    remedy = "systemd-run --user --scope --property=Delegate=yes COMMAND (needs cgroup version 2)"
    return ContainmentLayer(
        "cgroup", False, "none can be made here; a watchdog measures memory ten times a second", remedy
    )


def _own_uids() -> range | None:
    """Return users that root can hand out: from the top of what is mapped here, where nobody lives."""
    if sys.platform == "win32" or os.geteuid() != 0 or not _has_capability(_CAP_SETUID):
        return None
    counts = []
    for kind in ("uid", "gid"):
        lines = [line.split() for line in _reads(f"/proc/self/{kind}_map").splitlines()]
        counts.append(max((int(first) + int(count) for first, _, count in lines), default=0))
    top = min(*counts, 1 << 31) - 10  # below what means "nobody"
    start = top - min(top // 4, _HIGHEST_UIDS)
    return range(start, top) if top > 100 else None


def _has_capability(number: int) -> bool:
    for line in _reads("/proc/self/status").splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> number & 1)
    return False


def _has_seccomp() -> bool:
    if platform.machine() not in seccomp.ARCHITECTURES:
        return False
    return int(ctypes.CDLL(None, use_errno=True).prctl(_PR_GET_SECCOMP, 0, 0, 0, 0)) >= 0


def _install(package: str) -> str:
    for tool, command in (
        ("apt-get", "sudo apt-get install"),
        ("dnf", "sudo dnf install"),
        ("pacman", "sudo pacman -S"),
        ("zypper", "sudo zypper install"),
        ("apk", "sudo apk add"),
    ):
        if shutil.which(tool):
            return f"{command} {package}"
    return f"install the package {package}"


def _reads(name: str) -> str:
    try:
        return Path(name).read_text().strip()
    except OSError:
        return ""
