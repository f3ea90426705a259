"""Files of the data cache are whole or not there."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from lab_2_hfl.storage import compute_checksum, write_atomically


def test_content_and_folder_are_written(tmp_path: Path) -> None:
    write_atomically(tmp_path / "new" / "file", b"content")

    assert (tmp_path / "new" / "file").read_bytes() == b"content"
    assert len(list((tmp_path / "new").iterdir())) == 1


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_a_shared_folder_s_files_can_be_read_by_all(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        write_atomically(tmp_path / "file", b"content")
    finally:
        os.umask(before)

    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o644


@pytest.mark.parametrize("step", ["fsync", "replace"])
@pytest.mark.parametrize("interruption", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_an_interruption_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, interruption: BaseException
) -> None:
    def interrupt(*_: object) -> None:
        raise interruption

    (tmp_path / "file").write_bytes(b"old")
    monkeypatch.setattr(os, step, interrupt)
    with pytest.raises(type(interruption)):
        write_atomically(tmp_path / "file", b"new")

    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_bytes() == b"old"


def test_two_writers_at_once_leave_one_whole_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each waits before its last step until the other has written all of its content, too."""
    together = threading.Barrier(2)
    sync = os.fsync

    def sync_together(handle: int) -> None:
        sync(handle)
        together.wait(timeout=30)

    monkeypatch.setattr(os, "fsync", sync_together)
    contents = (b"a" * 5_000, b"b" * 9_000)
    writers = [
        threading.Thread(target=write_atomically, args=(tmp_path / "file", content)) for content in contents
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_bytes() in contents


def test_checksum_is_sha_256() -> None:
    assert (
        compute_checksum(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )  # FIPS 180-4's example
