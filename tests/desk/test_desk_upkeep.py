"""`grader gradebook check` and `grader diff`."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from grader.__main__ import main
from grader.desk.cohort import Cohort, Party, Upload
from grader.desk.gradebook import GRADED, MACHINE, Gradebook, RunOutcome, open_gradebook

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


def make_outcome(scores: dict[str, float], status: str = GRADED, reason: str = "") -> RunOutcome:
    tests: list[dict[str, Any]] = [
        {
            "number": name.partition(" ")[0],
            "name": name.partition(" ")[2],
            "score": score,
            "max_score": 1,
            "output": "",
            "extra_data": {"outcome": "passed" if score else "failed", "check": "t"},
        }
        for name, score in scores.items()
    ]
    return RunOutcome(
        status, reason, {"tests": tests}, {"results.json": b"{}"}, "h", NOW, NOW, 1.0, None, "s", 7
    )


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Of two parties: Anna was graded twice, Ben once."""
    (tmp_path / "hw.ipynb").write_text("{}")
    parties = tuple(Party(key, (), name) for key, name in (("1", "Anna"), ("2", "Ben")))
    uploads = tuple(Upload(key, (("hw.ipynb", tmp_path / "hw.ipynb"),), key) for key in ("1", "2"))
    with open_gradebook(tmp_path / "results", create=True) as book:
        book.enrol(Cohort("folder", parties, uploads))
        book.add_run(1, make_outcome({"R1 Sums": 1, "R1 Order": 0, "R2 Words": 1}))
        book.add_run(1, make_outcome({"R1 Sums": 0, "R1 Order": 1, "R2 Words": 1, "R1 New": 0.5}))
        book.add_run(2, make_outcome({"R1 Sums": 1}))
    return tmp_path / "results"


def test_a_whole_gradebook(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gradebook", "check", str(results)]) == 0
    assert "Whole: rows 2 of party, 2 of handin, 3 of run, 8 of result, 0 of mark." in capsys.readouterr().out


def remove_hand_in(book: Gradebook) -> None:
    next(book.folder.glob("handins/*/*.zip")).unlink()


def change_hand_in(book: Gradebook) -> None:
    next(book.folder.glob("handins/*/*.zip")).write_bytes(b"another")


def remove_run(book: Gradebook) -> None:
    run = next(book.folder.glob("runs/*/001"))
    (run / "results.json").unlink()
    run.rmdir()


def leave_run(book: Gradebook) -> None:
    book.vault.keep_run("0" * 64, {"results.json": b"{}"})


def refer_to_nobody(book: Gradebook) -> None:
    with closing(sqlite3.connect(book.place)) as file, file:
        file.execute("DELETE FROM party WHERE id = 2")


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (remove_hand_in, "is gone. Give the platform's archive to `grader batch` again: it is put back."),
        (change_hand_in, "was changed."),
        (remove_run, "is gone. Its results stand in the gradebook"),
        (leave_run, "is of no run in the gradebook"),
        (refer_to_nobody, "of handin refers to a row of party that is not there."),
    ],
)
def test_each_fault_is_told(
    results: Path, capsys: pytest.CaptureFixture[str], damage: Callable[[Gradebook], None], told: str
) -> None:
    with open_gradebook(results) as book:
        damage(book)

    assert main(["gradebook", "check", str(results)]) == 1
    assert told in capsys.readouterr().out


def test_the_last_two_runs_of_each_hand_in_are_compared(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["diff", str(results)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "Anna (1): 2 → 2.5 (+0.5)",
        "  R1: 1 → 1.5 (+0.5)",
        "    Sums: passed (1 of 1) → failed (0 of 1)",
        "    Order: failed (0 of 1) → passed (1 of 1)",
        "    New: not there → passed (0.5 of 1)",
        "1 hand-in was graded more than once; 1 changed.",
    ]


def test_two_runs_are_compared(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with open_gradebook(results) as book:
        book.add_run(1, make_outcome({}, MACHINE, "No package."))
    assert main(["diff", str(results), "2", "4"]) == 0

    assert "  graded → machine. No package." in capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(
    ("runs", "told"),
    [
        (["1"], "Name two runs, or none"),
        (["1", "9"], "There is no run 9"),
        (["1", "3"], "Runs 1 and 3 are of different hand-ins"),
    ],
)
def test_runs_that_can_t_be_compared(
    results: Path, capsys: pytest.CaptureFixture[str], runs: list[str], told: str
) -> None:
    assert main(["diff", str(results), *runs]) == 2
    assert told in capsys.readouterr().err


def test_there_must_be_a_gradebook(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gradebook", "check", str(tmp_path)]) == main(["diff", str(tmp_path)]) == 2
    assert "has no gradebook.sqlite" in capsys.readouterr().err
