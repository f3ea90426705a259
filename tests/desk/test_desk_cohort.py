"""The records of a cohort: a hand-in's bytes depend on its names and contents alone."""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from pathlib import Path

from grader.desk.cohort import Upload


def write_upload(folder: Path, files: dict[str, bytes]) -> Upload:
    listed = []
    for number, (name, content) in enumerate(files.items()):
        path = folder / str(number)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        listed.append((name, path))
    return Upload("10231", tuple(listed), "Muster_Anna_amuster_10231")


def test_the_order_and_the_times_of_files_do_not_count(tmp_path: Path) -> None:
    files = {"homework_1.ipynb": b"{}", "sub/part_b.zip": b"PK"}
    first = write_upload(tmp_path / "a", files)
    second = write_upload(tmp_path / "b", dict(reversed(files.items())))
    os.utime(second.files[0][1], (0, 1_000_000_000))

    assert first.pack() == second.pack()
    assert first.digest == second.digest == hashlib.sha256(first.pack()).hexdigest()


def test_names_and_contents_count(tmp_path: Path) -> None:
    given = [{"a.py": b"x"}, {"b.py": b"x"}, {"a.py": b"y"}, {"a.py": b"x", "b.py": b""}, {}]

    assert len({write_upload(tmp_path / str(n), files).digest for n, files in enumerate(given)}) == 5


def test_a_hand_in_is_an_archive_of_its_files(tmp_path: Path) -> None:
    files = {"homework_1.ipynb": b"{}", "ü/b1.py": b"x = 1"}

    with zipfile.ZipFile(io.BytesIO(write_upload(tmp_path / "a", files).pack())) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == files
