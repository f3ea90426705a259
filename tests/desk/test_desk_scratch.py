"""Temporary folders of processes that were killed."""

from __future__ import annotations

import os
from pathlib import Path

from grader.desk.scratch import _begin, scratch_folder


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    (ours := tmp_path / f"{_begin('.site')}{os.getpid()}-x").mkdir()
    (dead := tmp_path / f"{_begin('.site')}{2**22 + 1}-x").mkdir()  # more than a process's number can be
    (other := tmp_path / f"{_begin('cohort')}{2**22 + 1}-x").mkdir()
    with scratch_folder(tmp_path, ".site") as folder:
        assert folder.is_dir()

    assert [path.exists() for path in (folder, ours, dead, other)] == [False, True, False, True]
