"""Landlock: what a process without any privilege can forbid itself, and all that it starts.

Here only the plan of a ruleset is made, from the version that the kernel offers; `stage` applies it in the
child. Kernel documentation: Documentation/userspace-api/landlock.rst.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_CREATE_RULESET = 444
_VERSION = 1

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, TRUNCATE, IOCTL_DEVICE = (
    1 << 0,
    1 << 1,
    1 << 2,
    1 << 3,
    1 << 14,
    1 << 15,
)
_FILE_RIGHTS = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEVICE
_READ = EXECUTE | READ_FILE | READ_DIR
_BIND_TCP_AND_CONNECT_TCP = 0b11
_ABSTRACT_SOCKETS_AND_SIGNALS = 0b11


@dataclass(frozen=True, slots=True)
class Ruleset:
    """A ruleset ready for the kernel: its attribute as bytes, and (path, rights) for each rule."""

    attribute: bytes
    rules: tuple[tuple[str, int], ...]


def version() -> int:
    """Return the version of Landlock that this kernel offers, 0 for none."""
    if sys.platform != "linux":
        return 0
    call = ctypes.CDLL(None, use_errno=True).syscall
    call.restype = ctypes.c_long
    answer = call(
        ctypes.c_long(_CREATE_RULESET), ctypes.c_void_p(None), ctypes.c_size_t(0), ctypes.c_uint32(_VERSION)
    )
    return max(int(answer), 0)


def plan(
    abi: int, *, readable: Iterable[Path], writable: Iterable[Path], devices: Iterable[Path], loopback: bool
) -> Ruleset:
    """Return the ruleset that lets a process read, write and use these paths and nothing else.

    With ``loopback`` TCP stays open: for a private network, or for workers that have only the host's.
    """
    handled = _file_rights(abi)
    network = _BIND_TCP_AND_CONNECT_TCP if abi >= 4 and not loopback else 0
    scoped = _ABSTRACT_SOCKETS_AND_SIGNALS if abi >= 6 else 0
    words = (handled, network, scoped)[: 1 if abi < 4 else 2 if abi < 6 else 3]
    rules = [
        *(_rule(path, _READ & handled) for path in readable if path.exists()),
        *(_rule(path, handled) for path in writable),
        *(_rule(path, (READ_FILE | WRITE_FILE) & handled) for path in devices if path.exists()),
    ]
    return Ruleset(struct.pack(f"={len(words)}Q", *words), tuple(rules))


def _file_rights(abi: int) -> int:
    rights = (1 << 13) - 1  # version 1: execute, read, write, make and remove of every kind
    if abi >= 2:
        rights |= 1 << 13  # rename or link across folders
    if abi >= 3:
        rights |= TRUNCATE
    if abi >= 5:
        rights |= IOCTL_DEVICE
    return rights


def _rule(path: Path, rights: int) -> tuple[str, int]:
    return os.fspath(path), rights if path.is_dir() else rights & _FILE_RIGHTS
