"""Messages that ranks tell of, beside what the operating system counted."""

from __future__ import annotations

import dataclasses
import os
import sys

import pytest
import recorded
from recorded import Rank
from starting import shell

from launch.run_report import Outcome
from launch.traffic import Traffic, count_told_bytes
from launch.verdict import Verdict
from public_tests.part_b.trial import find_unsent

MESSAGE = {"group": "world", "tag": 0, "shape": [100, 100], "dtype": "float32"}
HEARD = """
import socket, sys, time
with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as one:
    other, _ = server.accept()
    one.sendall(bytes(50_000))
    time.sleep(2)
"""


def report(received_bytes: int | None, outcome: Outcome = Outcome.FINISHED):
    ranks = [Rank(0, 2), Rank(1, 2)]
    ranks[0].call("isend", peer=1, **MESSAGE)
    ranks[0].call("isend", peer=0, **MESSAGE)  # to itself: that need not go anywhere
    ranks[1].call("irecv", peer=0, **MESSAGE)
    found = recorded.report(recorded.situation(recorded.workers(ranks), ranks=2), Verdict(outcome))
    return dataclasses.replace(found, received_bytes=received_bytes)


def test_bytes_of_messages_to_others_are_counted_once() -> None:
    assert count_told_bytes(report(None).ranks) == 40_000


def test_what_was_told_and_not_sent_is_for_a_person_to_judge() -> None:
    assert "recorded messages of 40,000 bytes, but only 1,000 bytes passed over their network" in find_unsent(
        report(1_000)
    )


@pytest.mark.parametrize("received_bytes", [None, 41_000])
def test_what_was_sent_or_not_counted_is_not(received_bytes: int | None) -> None:
    assert find_unsent(report(received_bytes)) == ""


def test_messages_that_a_failed_run_begins_in_vain_are_not() -> None:
    assert find_unsent(report(1_000, Outcome.WRONG_STEPS)) == ""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_the_operating_system_counts(tmp_path) -> None:
    found = shell(tmp_path, HEARD)
    assert found.received_bytes is not None
    assert found.received_bytes >= 50_000


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_nothing_is_said_of_a_network_in_which_no_worker_was_seen() -> None:
    traffic = Traffic()
    traffic.look()
    assert traffic.received_bytes is None
    traffic.follow([os.getpid()])
    traffic.look()
    assert traffic.received_bytes is not None
