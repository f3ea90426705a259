"""The filter, run by an interpreter of its instructions: every machine can be checked on every other."""

from __future__ import annotations

import errno
import struct

import pytest

from grader.containment.seccomp import ARCHITECTURES, assemble

ALLOWED, KILLED = 0x7FFF0000, 0x80000000
OPEN_AT = {"x86_64": 257, "aarch64": 56}


def decide(program: bytes, audit_number: int, number: int, *arguments: int) -> int:
    """Return the filter's answer to a system call: an errno, ALLOWED or KILLED."""
    data = struct.pack("=iIQ6Q", number, audit_number, 0, *arguments, *[0] * (6 - len(arguments)))
    instructions = list(struct.iter_unpack("=HBBI", program))
    accumulator, place = 0, 0
    while True:
        code, if_true, if_false, k = instructions[place]
        place += 1
        if code == 0x20:
            (accumulator,) = struct.unpack_from("=I", data, k)
        elif code == 0x06:
            return k & 0xFFFF if k & 0xFFFF0000 == 0x00050000 else k
        else:
            holds = {0x15: accumulator == k, 0x35: accumulator >= k, 0x45: bool(accumulator & k)}[code]
            place += if_true if holds else if_false


@pytest.fixture(params=ARCHITECTURES)
def machine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def ask(machine: str, call: str, *arguments: int, network: bool = True) -> int:
    architecture = ARCHITECTURES[machine]
    number = architecture.numbers[call]
    return decide(assemble(machine, network=network), architecture.audit_number, number, *arguments)


DANGEROUS = """
    keyctl add_key request_key bpf ptrace process_vm_readv process_vm_writev userfaultfd perf_event_open mount
    umount2 move_mount open_tree fsopen pivot_root kexec_load kexec_file_load init_module finit_module
    delete_module unshare setns pidfd_getfd open_by_handle_at fanotify_init swapon reboot chroot
"""


@pytest.mark.parametrize("call", DANGEROUS.split())
def test_dangerous_call_is_refused(machine: str, call: str) -> None:
    assert ask(machine, call) == errno.EPERM


@pytest.mark.parametrize("call", ["io_uring_setup", "clone3", "memfd_create", "shmget"])
def test_call_with_another_way_is_said_to_be_unknown(machine: str, call: str) -> None:
    assert ask(machine, call) == errno.ENOSYS


def test_no_listed_call_is_let_through_but_by_its_arguments(machine: str) -> None:
    listed = ARCHITECTURES[machine].numbers
    assert {call for call in listed if ask(machine, call) == ALLOWED} <= {"clone", "ioctl"}


def test_ordinary_call_is_allowed(machine: str) -> None:
    assert decide(assemble(machine), ARCHITECTURES[machine].audit_number, OPEN_AT[machine]) == ALLOWED


@pytest.mark.parametrize(
    ("flags", "answer"),
    [(0x003D0F00, ALLOWED), (0x10000011, errno.EPERM), (0x00020011, errno.EPERM)],
    ids=["thread", "user namespace", "mount namespace"],
)
def test_clone_makes_threads_and_no_namespaces(machine: str, flags: int, answer: int) -> None:
    assert ask(machine, "clone", flags) == answer


@pytest.mark.parametrize(
    ("request_number", "answer"),
    [(0x5401, ALLOWED), (0x5412, errno.EPERM), (0x541C, errno.EPERM), (1 << 40 | 0x5412, errno.EPERM)],
    ids=["TCGETS", "TIOCSTI", "TIOCLINUX", "TIOCSTI with high bits"],
)
def test_typing_into_a_terminal_is_refused(machine: str, request_number: int, answer: int) -> None:
    assert ask(machine, "ioctl", 0, request_number) == answer


@pytest.mark.parametrize(
    ("family", "protocol", "answer"),
    [
        pytest.param(1, 0, ALLOWED, id="unix"),
        pytest.param(2, 0, ALLOWED, id="inet"),
        pytest.param(10, 0, ALLOWED, id="inet6"),
        pytest.param(16, 0, ALLOWED, id="netlink route"),
        pytest.param(16, 9, errno.EAFNOSUPPORT, id="netlink audit"),
        pytest.param(17, 0, errno.EAFNOSUPPORT, id="packet"),
        pytest.param(38, 0, errno.EAFNOSUPPORT, id="crypto"),
        pytest.param(40, 0, errno.EAFNOSUPPORT, id="vsock"),
    ],
)
def test_only_the_sockets_that_workers_need_exist(
    machine: str, family: int, protocol: int, answer: int
) -> None:
    assert ask(machine, "socket", family, 1, protocol) == answer


@pytest.mark.parametrize(
    ("family", "answer"),
    [(1, ALLOWED), (2, errno.EAFNOSUPPORT), (10, errno.EAFNOSUPPORT), (16, errno.EOPNOTSUPP)],
    ids=["unix", "inet", "inet6", "netlink"],
)
def test_without_a_network_only_unix_sockets_exist(machine: str, family: int, answer: int) -> None:
    assert ask(machine, "socket", family, network=False) == answer


def test_call_of_another_architecture_kills(machine: str) -> None:
    assert decide(assemble(machine), 0x40000003, 0) == KILLED


def test_x32_calls_are_unknown() -> None:
    audit_number = ARCHITECTURES["x86_64"].audit_number
    assert decide(assemble("x86_64"), audit_number, 0x40000000 + 101) == errno.ENOSYS


def test_unknown_machine_is_named() -> None:
    with pytest.raises(LookupError, match="riscv64"):
        assemble("riscv64")
