"""What one container may take from the machine, and the sentence that says which limit ended it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields

KIB, MIB, GIB = 1024, 1024**2, 1024**3
CPU_GRACE_S = 5
LEVELS = 100


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one container: those marked (container) for all its processes together, others for each.

    Address space is generous on purpose: torch reserves several GiB for each process that it never touches.
    What a submission really holds is bounded by ``resident_bytes``.
    """

    resident_bytes: int = 2560 * MIB
    """Memory held, files on the private tmpfs folders included (container)."""
    address_space_bytes: int = 64 * GIB
    processes: int = 512
    """Processes and threads (container)."""
    cpu_s: int = 1800
    """Processor time (container)."""
    file_bytes: int = GIB
    """The largest file that can be written."""
    scratch_bytes: int = GIB
    """The scratch folder (container)."""
    tmp_bytes: int = 512 * MIB
    """/tmp, and as much again for /dev/shm (container)."""
    files: int = 50_000
    """Files and folders in each of these three (container)."""
    levels: int = LEVELS
    """Folders within folders, in folders of this machine that the command may change (container)."""
    open_files: int = 1024

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not isinstance(value, int) or value <= 0:
                raise ValueError(f"{field.name} is {value!r}, but a limit is a positive whole number")


def rlimits(limits: Limits) -> Mapping[str, tuple[int, int]]:
    """Return (soft, hard) for each resource, under the name that both prlimit and ``resource`` know it by."""
    return {
        "as": (limits.address_space_bytes, limits.address_space_bytes),
        # Whoever starts the container may have a smaller limit, which it would inherit.
        "data": (limits.address_space_bytes, limits.address_space_bytes),
        "nproc": (limits.processes, limits.processes),
        "fsize": (limits.file_bytes, limits.file_bytes),
        # The soft limit kills with SIGXCPU, which names the cause; the hard one is for who ignores that.
        "cpu": (limits.cpu_s, limits.cpu_s + CPU_GRACE_S),
        "nofile": (limits.open_files, limits.open_files),
        "core": (0, 0),
        "msgqueue": (0, 0),
    }


@dataclass(frozen=True, slots=True)
class Breach:
    """A limit that a container went past, and was killed for."""

    limit: str
    """The name of the field of `Limits`."""
    seen: int
    allowed: int

    def sentence(self) -> str:
        """Say to the student what was seen, what was allowed and what to do."""
        sentence, unit = _SENTENCES[self.limit]
        return sentence.format(seen=unit(self.seen), allowed=unit(self.allowed))


def readable_size(count: int) -> str:
    """Return a number of bytes as a person writes it: 512 B, 1.5 GiB."""
    size = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024 or unit == "GiB":
            return f"{size:.0f} {unit}" if size >= 10 or size == int(size) else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"


_with_commas = "{:,}".format
_SENTENCES: Mapping[str, tuple[str, Callable[[int], str]]] = {
    "resident_bytes": (
        "The code held {seen} of memory; at most {allowed} is allowed. "
        "Keep fewer tensors, models or results alive at the same time.",
        readable_size,
    ),
    "processes": (
        "The code had {seen} processes and threads; at most {allowed} are allowed. "
        "Start fewer, and end those you start.",
        _with_commas,
    ),
    "cpu_s": (
        "The code used {seen} s of processor time; at most {allowed} s is allowed. "
        "Look for a loop that does not end, or for work done twice.",
        _with_commas,
    ),
    "scratch_bytes": (
        "The code wrote {seen}; at most {allowed} is allowed. Write fewer or smaller files.",
        readable_size,
    ),
    "levels": (
        "The code nested folders {seen} levels deep; at most {allowed} levels are allowed. Nest them less deeply.",
        _with_commas,
    ),
    "files": ("The code made {seen} files; at most {allowed} are allowed. Write fewer files.", _with_commas),
}
