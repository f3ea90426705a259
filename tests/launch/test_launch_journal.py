"""Reading the events folder: only plain files, only whole lines, only so much."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path

import pytest

from launch.events import Exit
from launch.journal import Journal

EXIT = json.dumps({"kind": "exit", "t": 1.0, "code": 0}).encode() + b"\n"


def journal(folder: Path, limit: int = 1_000_000) -> Journal:
    return Journal(folder, limit)


def test_events_come_once(tmp_path):
    (tmp_path / "1-1.jsonl").write_bytes(EXIT)
    reading = journal(tmp_path)
    assert list(reading.poll()) == [("1-1", Exit(1.0, 0))]
    assert list(reading.poll()) == []


def test_half_a_line_waits_for_its_other_half(tmp_path):
    file = tmp_path / "1-1.jsonl"
    file.write_bytes(EXIT[:10])
    reading = journal(tmp_path)
    assert list(reading.poll()) == []
    with file.open("ab") as more:
        more.write(EXIT[10:])
    assert len(list(reading.poll())) == 1


def test_lines_that_are_no_events_are_counted(tmp_path):
    (tmp_path / "1-1.jsonl").write_bytes(b"hello\n" + EXIT + b"{}\n")
    reading = journal(tmp_path)
    assert len(list(reading.poll())) == 1
    assert reading.rejected == 2


def test_reading_stops_at_the_limit(tmp_path):
    (tmp_path / "1-1.jsonl").write_bytes(EXIT * 50_000)
    reading = journal(tmp_path, limit=len(EXIT))
    first = len(list(reading.poll()))
    assert len(list(reading.poll())) == 0
    assert first < 50_000


def test_a_line_without_end_is_dropped(tmp_path):
    (tmp_path / "1-1.jsonl").write_bytes(b"x" * 9_000_000)
    reading = journal(tmp_path, limit=100_000_000)
    assert list(reading.poll()) == []
    assert reading.rejected > 0


def link(path: Path) -> None:
    path.symlink_to("/etc/passwd")


@pytest.mark.parametrize("make", [link, os.mkfifo, Path.mkdir], ids=["link", "pipe", "folder"])
def test_what_is_no_plain_file_is_not_opened(tmp_path, make):
    make(tmp_path / "1-1.jsonl")
    reading = journal(tmp_path)
    assert list(reading.poll()) == []
    assert reading.rejected == 1


@pytest.mark.parametrize("name", ["a-1.jsonl", "1.jsonl", "1-1.draft", "1-1.jsonl.bak", "٣-1.jsonl"])
def test_other_names_are_passed_over(tmp_path, name):
    (tmp_path / name).write_bytes(EXIT)
    assert list(journal(tmp_path).poll()) == []


def test_a_locked_file_is_that_of_a_living_process(tmp_path):
    file = tmp_path / "1-1.jsonl"
    file.write_bytes(EXIT)
    reading = journal(tmp_path)
    list(reading.poll())
    with file.open("ab") as owner:
        fcntl.flock(owner, fcntl.LOCK_EX)
        assert not reading.ended("1-1")
    assert reading.ended("1-1")


def test_last_words_of_a_fatal_signal(tmp_path):
    (tmp_path / "1-1.fault").write_bytes(b"Fatal Python error: Segmentation fault\n" + b"x" * 100_000)
    words = journal(tmp_path).fatal_signal("1-1")
    assert words.startswith("Fatal Python error")
    assert len(words) < 10_000


def test_last_words_through_a_link_are_not_read(tmp_path):
    (tmp_path / "1-1.fault").symlink_to("/etc/passwd")
    assert journal(tmp_path).fatal_signal("1-1") == ""
