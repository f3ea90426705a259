"""The records of a cohort: a hand-in's bytes depend on its names and contents alone."""

from __future__ import annotations

import hashlib
import io
import os
import tracemalloc
import zipfile
from pathlib import Path

from grader.desk.cohort import Upload
from grader.desk.gradebook.vault import Vault


def write_upload(folder: Path, files: dict[str, bytes]) -> Upload:
    listed = []
    for number, (name, content) in enumerate(files.items()):
        path = folder / str(number)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        listed.append((name, path))
    return Upload("10231", tuple(listed), "Muster_Anna_amuster_10231")


def pack(upload: Upload) -> bytes:
    buffer = io.BytesIO()
    upload.pack(buffer)
    return buffer.getvalue()


def test_the_order_and_the_times_of_files_do_not_count(tmp_path: Path) -> None:
    files = {"homework_1.ipynb": b"{}", "sub/part_b.zip": b"PK"}
    first = write_upload(tmp_path / "a", files)
    second = write_upload(tmp_path / "b", dict(reversed(files.items())))
    os.utime(second.files[0][1], (0, 1_000_000_000))

    assert pack(first) == pack(second)
    assert first.digest == second.digest == hashlib.sha256(pack(first)).hexdigest()


def test_names_and_contents_count(tmp_path: Path) -> None:
    given = [{"a.py": b"x"}, {"b.py": b"x"}, {"a.py": b"y"}, {"a.py": b"x", "b.py": b""}, {}]

    assert len({write_upload(tmp_path / str(n), files).digest for n, files in enumerate(given)}) == 5


def test_a_hand_in_is_an_archive_of_its_files(tmp_path: Path) -> None:
    files = {"homework_1.ipynb": b"{}", "ü/b1.py": b"x = 1"}

    with zipfile.ZipFile(io.BytesIO(pack(write_upload(tmp_path / "a", files)))) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == files


def test_a_large_hand_in_is_never_in_memory_as_a_whole(tmp_path: Path) -> None:
    upload = write_upload(tmp_path / "a", {"data.bin": b""})
    os.truncate(upload.files[0][1], 64 << 20)
    vault = Vault(tmp_path / "results")
    tracemalloc.start()
    digest = vault.keep(upload.pack)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 4 << 20
    assert vault.find(digest).stat().st_size > 64 << 20
    assert list((tmp_path / "results" / "handins").glob(".*")) == []
