"""A seccomp filter that closes the parts of the kernel which neither a notebook nor a worker has any use for.

The filter is a classic BPF program over ``struct seccomp_data``: load a word, compare, jump, return. It
refuses with an errno instead of killing, so that a library that merely asks gets an answer it knows how to
live with. Kernel documentation: Documentation/userspace-api/seccomp_filter.rst.
"""

from __future__ import annotations

import errno
import platform
import struct
from dataclasses import dataclass

# BPF opcodes that are needed: load absolute word, compare, return.
_LOAD, _IF_EQUAL, _IF_GREATER_EQUAL, _IF_ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
# Offsets within struct seccomp_data: system call number, architecture, low words of the arguments.
_NUMBER, _ARCHITECTURE, _ARGUMENT_0 = 0, 4, 16
_ALLOW, _KILL_PROCESS, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_X32_BIT = 0x40000000

_NEW_NAMESPACES = 0x7E020000  # CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET
_TERMINAL_INPUT = (0x5412, 0x541C)  # TIOCSTI and TIOCLINUX type into the terminal that one runs in
_AF_UNIX, _AF_INET, _AF_INET6, _AF_NETLINK = 1, 2, 10, 16
_NETLINK_ROUTE = 0  # lists the network interfaces, which gloo asks for


@dataclass(frozen=True, slots=True)
class Architecture:
    """A machine that the filter can be assembled for."""

    audit_number: int
    numbers: dict[str, int]
    """System call numbers by name; a call that the machine does not have is absent."""


# From 424 on a system call has the same number everywhere.
_COMMON = {
    "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "open_tree": 428,
    "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433, "clone3": 435,
    "pidfd_getfd": 438, "process_madvise": 440, "mount_setattr": 442, "quotactl_fd": 443,
    "memfd_secret": 447, "process_mrelease": 448, "statmount": 457, "listmount": 458, "open_tree_attr": 467,
    "listns": 470,
}  # fmt: skip
_X86_64 = {
    "shmget": 29, "ioctl": 16, "socket": 41, "clone": 56, "ptrace": 101, "syslog": 103, "uselib": 134,
    "ustat": 136, "sysfs": 139, "vhangup": 153, "modify_ldt": 154, "pivot_root": 155, "_sysctl": 156,
    "adjtimex": 159, "chroot": 161, "acct": 163, "settimeofday": 164, "mount": 165, "umount2": 166,
    "swapon": 167, "swapoff": 168, "reboot": 169, "sethostname": 170, "setdomainname": 171, "iopl": 172,
    "ioperm": 173, "create_module": 174, "init_module": 175, "delete_module": 176, "get_kernel_syms": 177,
    "query_module": 178, "quotactl": 179, "nfsservctl": 180, "lookup_dcookie": 212, "clock_settime": 227,
    "kexec_load": 246, "add_key": 248, "request_key": 249, "keyctl": 250, "migrate_pages": 256,
    "unshare": 272, "move_pages": 279, "perf_event_open": 298, "fanotify_init": 300,
    "name_to_handle_at": 303, "open_by_handle_at": 304, "clock_adjtime": 305, "setns": 308,
    "process_vm_readv": 310, "process_vm_writev": 311, "kcmp": 312, "finit_module": 313,
    "memfd_create": 319, "kexec_file_load": 320, "bpf": 321, "userfaultfd": 323,
}  # fmt: skip
_AARCH64 = {
    "lookup_dcookie": 18, "ioctl": 29, "umount2": 39, "mount": 40, "pivot_root": 41, "nfsservctl": 42,
    "chroot": 51, "vhangup": 58, "quotactl": 60, "acct": 89, "unshare": 97, "kexec_load": 104,
    "init_module": 105, "delete_module": 106, "clock_settime": 112, "syslog": 116, "ptrace": 117,
    "reboot": 142, "sethostname": 161, "setdomainname": 162, "settimeofday": 170, "adjtimex": 171,
    "shmget": 194, "socket": 198, "add_key": 217, "request_key": 218, "keyctl": 219, "clone": 220,
    "swapon": 224, "swapoff": 225, "migrate_pages": 238, "move_pages": 239, "perf_event_open": 241,
    "fanotify_init": 262, "name_to_handle_at": 264, "open_by_handle_at": 265, "clock_adjtime": 266,
    "setns": 268, "process_vm_readv": 270, "process_vm_writev": 271, "kcmp": 272, "finit_module": 273,
    "memfd_create": 279, "bpf": 280, "userfaultfd": 282, "kexec_file_load": 294,
}  # fmt: skip

ARCHITECTURES = {
    "x86_64": Architecture(0xC000003E, _X86_64 | _COMMON),
    "aarch64": Architecture(0xC00000B7, _AARCH64 | _COMMON),
}

# Asked for by libraries that have another way when the kernel is too old to know the call: so say that it is.
# clone3 hides its flags behind a pointer that a filter cannot follow; clone shows them. A memfd and a System
# V segment hold memory that belongs to no process, so that no sum over processes would see it.
_UNKNOWN = frozenset(
    {"clone3", "io_uring_setup", "io_uring_enter", "io_uring_register", "memfd_create", "shmget"}
)
_INSPECTED = frozenset({"clone", "ioctl", "socket"})


def assemble(machine: str | None = None, *, network: bool = True) -> bytes:
    """Return the filter for a machine, as an array of ``struct sock_filter`` in its byte order.

    With ``network`` false only Unix sockets can be made: for a container without a network of its own.
    Raises LookupError for a machine whose system call numbers are not known here.
    """
    name = machine or platform.machine()
    if name not in ARCHITECTURES:
        raise LookupError(f"no system call table for {name}; known are {', '.join(ARCHITECTURES)}")
    target = ARCHITECTURES[name]
    program = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_IF_EQUAL, 1, 0, target.audit_number),
        (_RETURN, 0, 0, _KILL_PROCESS),
        (_LOAD, 0, 0, _NUMBER),
    ]
    if name == "x86_64":  # the same calls under other numbers, which nothing uses
        program += [(_IF_GREATER_EQUAL, 0, 1, _X32_BIT), _refuse(errno.ENOSYS)]
    for call, number in sorted(target.numbers.items()):
        if call not in _INSPECTED:
            answer = errno.ENOSYS if call in _UNKNOWN else errno.EPERM
            program += [(_IF_EQUAL, 0, 1, number), _refuse(answer)]
    for call, body in (("clone", _clone()), ("ioctl", _ioctl()), ("socket", _socket(network))):
        program += [(_IF_EQUAL, 0, len(body), target.numbers[call]), *body]
    program.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)


Instruction = tuple[int, int, int, int]


def _refuse(number: int) -> Instruction:
    return (_RETURN, 0, 0, _ERRNO | number)


def _argument(index: int) -> Instruction:
    return (_LOAD, 0, 0, _ARGUMENT_0 + 8 * index)


def _clone() -> list[Instruction]:
    return [_argument(0), (_IF_ANY_BIT, 0, 1, _NEW_NAMESPACES), _refuse(errno.EPERM), (_RETURN, 0, 0, _ALLOW)]


def _ioctl() -> list[Instruction]:
    checks = [
        step for request in _TERMINAL_INPUT for step in ((_IF_EQUAL, 0, 1, request), _refuse(errno.EPERM))
    ]
    return [_argument(1), *checks, (_RETURN, 0, 0, _ALLOW)]


def _socket(network: bool) -> list[Instruction]:
    allow = (_RETURN, 0, 0, _ALLOW)
    families = (_AF_UNIX, _AF_INET, _AF_INET6) if network else (_AF_UNIX,)
    body = [_argument(0)]
    for family in families:
        body += [(_IF_EQUAL, 0, 1, family), allow]
    if network:
        body += [(_IF_EQUAL, 0, 3, _AF_NETLINK), _argument(2), (_IF_EQUAL, 0, 1, _NETLINK_ROUTE), allow]
    else:  # ZeroMQ asks for the interfaces; it takes this answer for "none", and aborts on any other
        body += [(_IF_EQUAL, 0, 1, _AF_NETLINK), _refuse(errno.EOPNOTSUPP)]
    return [*body, _refuse(errno.EAFNOSUPPORT)]
