"""Processes of the machine: who may still start a rank."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from subprocess import DEVNULL, PIPE, Popen

import psutil
import pytest

from launch.descendants import Descendants, may_start_more, own_number


@contextmanager
def running(*lines: str) -> Iterator[psutil.Process]:
    """A shell that runs some lines, and has said so."""
    with Popen(["sh", "-c", "\n".join(["echo up", *lines])], stdout=PIPE, stdin=DEVNULL) as shell:
        assert shell.stdout is not None
        shell.stdout.readline()
        try:
            yield psutil.Process(shell.pid)
        finally:
            Descendants(shell.pid, "no token").kill()


def below(root: psutil.Process, name: str) -> psutil.Process:
    """The descendant of a name, once it is there."""
    while True:
        found = [child for child in root.children(recursive=True) if child.name() == name]
        if found:
            return found[0]


def look(root: psutil.Process) -> list[psutil.Process]:
    return Descendants(root.pid, "no token").look()


def test_descendants_of_all_depths():
    with running("sh -c 'sleep 60; true' & wait") as root:
        sleeper = below(root, "sleep")
        assert {root, sleeper} <= set(look(root))


def test_killing_leaves_nobody():
    with running("sleep 60 & wait") as root:
        sleeper = below(root, "sleep")
        assert Descendants(root.pid, "no token").kill() == []
        assert not sleeper.is_running() or sleeper.status() == psutil.STATUS_ZOMBIE


def test_a_shell_that_waits_for_settled_ranks_starts_nothing():
    with running("sleep 60 & wait") as root:
        rank = below(root, "sleep")
        assert not may_start_more(look(root), settled={rank.pid})


def test_a_process_that_is_no_rank_yet_may_become_one():
    with running(
        "cat /dev/zero >/dev/null & tail -f /dev/null & dd if=/dev/zero of=/dev/null & wait"
    ) as root:
        below(root, "dd")
        assert may_start_more(look(root), settled=set())


def test_the_end_of_a_pipe_starts_nothing():
    with running("tail -f /dev/null | cat & wait") as root:
        below(root, "cat")
        below(root, "tail")
        assert not may_start_more(look(root), settled=set())


@pytest.mark.parametrize(
    ("age_s", "expected"), [(0.5, False), (20.0, True)], ids=["now and then", "for long"]
)
def test_a_shell_that_sleeps(monkeypatch, age_s, expected):
    with running("sleep 60; true") as root:
        sleeper = below(root, "sleep")
        now = sleeper.create_time() + age_s
        monkeypatch.setattr("launch.descendants.time.time", lambda: now)
        assert may_start_more(look(root), settled=set()) is expected


def test_the_number_of_a_process_outside_of_any_namespace():
    with running("sleep 60") as root:
        assert own_number(root.pid) == root.pid
