"""What is shown of a batch, on a terminal and elsewhere."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from grader.desk import board
from grader.desk.board import Board, Job, LiveBoard, describe_outcome, format_seconds
from grader.desk.outcome import GRADED, KIT_ERROR, MACHINE, UNREADABLE, RunOutcome

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
HOSTILE = "[red]Eva\x1b[2J\n[/red]"


def make_outcome(
    status: str, reason: str = "", score: float | None = None, seconds: float = 60
) -> RunOutcome:
    results: dict[str, Any] = {} if score is None else {"score": score, "max_score": 12.0, "tests": [{}]}
    return RunOutcome(status, reason, results, {}, "h", NOW, NOW, seconds)


@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        (make_outcome(GRADED, score=11.5), "11.5 of 12"),
        (
            make_outcome(MACHINE, "A2.1: No GPU.", 5),
            "5+? of 12, needs you: this machine lacks something. A2.1: No GPU.",
        ),
        (make_outcome(KIT_ERROR, "A1.1: Oh.", 5), "5 of 12, needs you: a bug in the kit. A1.1: Oh."),
        (make_outcome(UNREADABLE, "No notebook."), "nothing to grade. No notebook."),
    ],
)
def test_how_a_hand_in_ended(outcome: RunOutcome, told: str) -> None:
    assert describe_outcome(outcome) == told


@pytest.mark.parametrize(
    ("seconds", "text"), [(59.4, "59 s"), (61, "1 min 01 s"), (7260, "2 h 01 min"), (None, "")]
)
def test_seconds_for_people(seconds: float | None, text: str) -> None:
    assert format_seconds(seconds) == text


def test_what_is_left_is_told_at_the_pace_so_far() -> None:
    lines: list[str] = []
    shown = Board(5, 2, lines.append)
    assert shown.left_s is None
    for number in range(2):
        shown.begin(number, Job(HOSTILE, None))
        shown.end(number, make_outcome(GRADED, score=12))

    assert shown.left_s == pytest.approx(90)
    assert lines[1] == "[2/5] [red]Eva\\x1b[2J\\x0a[/red]: 12 of 12 (1 min 00 s, 1 min 30 s left)"


def test_a_terminal_shows_what_each_job_is_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rich.console import Console

    monkeypatch.setattr(board.time, "monotonic", lambda: 100.0)
    console = Console(file=io.StringIO(), width=100, force_terminal=False, color_system=None)
    shown = LiveBoard(3, 2, console)
    shown.begin(1, Job("Anna", None))
    shown.end(1, make_outcome(UNREADABLE, "No notebook."))
    (tmp_path / "2.at").write_text("A2.1")
    shown.begin(2, Job("Ben", tmp_path / "2.at"))
    shown.begin(3, Job(HOSTILE, tmp_path / "3.at"))
    console.print(shown)
    text = console.file.getvalue()  # type: ignore[attr-defined]

    assert "1 of 3 about 1 min 00 s left 1 without a grade" in text
    assert [line.split() for line in text.splitlines()[-2:]] == [
        ["Ben", "A2.1", "0", "s"],
        ["[red]Eva\\x1b[2J\\x0a[/red]", "…", "0", "s"],
    ]
