"""What is seen on a student's walk, and what the student writes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ANSWERS = Path(__file__).resolve().parents[1] / "cases" / "part_a" / "right-everything-by-hand"


@dataclass
class Record:
    """What was seen on the walk."""

    said: dict[str, str] = field(default_factory=dict)
    dialogs: list[str] = field(default_factory=list)
    tags: dict[str, list[list[str]]] = field(default_factory=dict)
    can_delete: dict[str, bool] = field(default_factory=dict)
    reopened: dict[str, str] = field(default_factory=dict)
    watch_status: int | None = None
    grade: dict[str, Any] = field(default_factory=dict)


def read_answer(tag: str) -> str:
    return (ANSWERS / f"{tag}.py").read_text(encoding="utf-8").rstrip("\n")
