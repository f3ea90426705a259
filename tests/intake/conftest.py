"""Hands things in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from packing import Handing, write

from grader.intake import Expected, HandIn, IntakeLimits, open_hand_in


@pytest.fixture
def hand_in(tmp_path: Path) -> Handing:
    """Hand in bytes as a file of some name, or a mapping of names to bytes as a folder."""

    def hand(
        content: bytes | dict[str, bytes],
        name: str = "homework.zip",
        *,
        limits: IntakeLimits | None = None,
        expected: Expected | None = None,
    ) -> HandIn:
        if isinstance(content, bytes):
            path = tmp_path / name
            path.write_bytes(content)
        else:
            path = write(tmp_path / "handed-in", content)
        return open_hand_in(path, tmp_path / "work", limits, expected)

    return hand


@pytest.fixture
def left_behind(tmp_path: Path) -> Callable[[], list[Path]]:
    """List what lies in the working folder."""
    return lambda: sorted((tmp_path / "work").rglob("*"))
