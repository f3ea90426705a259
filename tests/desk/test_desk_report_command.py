"""`grader report`: from the gradebook to pages that a person opens, and that `grader export` gives back."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from platform_sources import MOODLE, Reading

from grader.__main__ import main
from grader.desk.gradebook import GRADED, KIT_ERROR, RunOutcome, open_gradebook, read_standings
from grader.desk.grades import name_feedback_page
from grader.homework import read_homework
from grader.new import TEMPLATE

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


def make_outcome(status: str, *tests: dict[str, Any], reason: str = "") -> RunOutcome:
    facts = {"grading_seed": 99887766, "dataset": "digits"}
    return RunOutcome(
        status,
        reason,
        {"tests": tests, "extra_data": facts},
        {"results.json": b"{}"},
        "host",
        NOON,
        NOON,
        1.0,
    )


def make_test(outcome: str, **facts: Any) -> dict[str, Any]:
    extra = {"outcome": outcome, "check": "test_it", **facts}
    return {"number": "R1", "name": "it works", "score": 0, "max_score": 2, "output": "", "extra_data": extra}


@pytest.fixture
def results(tmp_path: Path, read_cohort: Reading) -> Path:
    folder = tmp_path / "results"
    with open_gradebook(folder, create=True) as book:
        book.enrol(read_cohort(MOODLE))
        parties = {party.key: party for party in read_standings(book, read_homework(TEMPLATE))}
        first, second = (parties[key].handin for key in ("7770000", "7770001"))
        assert first is not None
        assert second is not None
        failed = make_test(
            "failed",
            seen="A mean is 3.",
            next="divide.",
            cause="means-summed",
            instructor="f(n=4711) gives 3.",
        )
        book.add_run(first.id, make_outcome(GRADED, failed))
        book.add_run(second.id, make_outcome(KIT_ERROR, reason="KeyError"))
    return folder


def report(results: Path, *arguments: str) -> int:
    return main(["report", str(results), "--homework", str(TEMPLATE), *arguments])


def test_pages_are_written_and_named(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = report(results)
    feedback = (results / "feedback" / name_feedback_page("7770000")).read_text()

    assert status == 0
    assert str(results / "report" / "index.html") in capsys.readouterr().out
    assert "A mean is 3." in feedback
    assert "4711" not in feedback
    assert "99887766" not in feedback
    assert (
        "f(n=4711) gives 3." in (results / "report" / "parties" / name_feedback_page("7770000")).read_text()
    )
    assert "1 × means summed" in (results / "report" / "exercises.html").read_text()
    assert "KeyError" in (results / "report" / "attention.html").read_text()


def test_an_export_finds_the_pages(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report(results)
    main(["export", str(results), "--homework", str(TEMPLATE), "--to", "csv"])

    assert "2 with feedback" in capsys.readouterr().out


def test_a_folder_without_results_is_refused_in_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(tmp_path) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_told_and_left_alone(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    report(results)
    before = (results / "report" / "index.html").read_text()

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("grader.desk.pages.site.write_feedback", fail)

    assert report(results) == 2
    assert "The pages can't be written: No space left on device." in capsys.readouterr().err
    assert (results / "report" / "index.html").read_text() == before
    assert sorted(path.name for path in results.iterdir() if path.name.startswith(".")) == []
