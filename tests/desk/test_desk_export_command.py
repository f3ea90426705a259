"""`grader export`: what is in the gradebook goes out, what nobody knows is left blank and told."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from platform_sources import MOODLE, Reading

from grader.__main__ import main
from grader.desk.csv_table import parse_csv
from grader.desk.gradebook import (
    GRADED,
    MACHINE,
    Gradebook,
    GradebookError,
    RunOutcome,
    open_gradebook,
    read_standings,
)
from grader.desk.grades import name_feedback_page
from grader.homework import read_homework
from grader.new import TEMPLATE

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


def grade(status: str, *tests: tuple[str, str, float, float]) -> RunOutcome:
    given = [
        {"number": number, "name": "Explanation" if outcome == "manual" else "it works", "score": score, "max_score": most,
         "output": "", "extra_data": {"outcome": outcome, "check": "test_it"}}
        for number, outcome, score, most in tests
    ]  # fmt: skip
    return RunOutcome(status, "", {"tests": given}, {"results.json": b"{}"}, "host", NOON, NOON, 1.0)


@pytest.fixture
def results(tmp_path: Path, read_cohort: Reading) -> Path:
    """Four hand-ins: all points known, one waits for a person, one for another machine, one not graded; and one who handed in nothing."""
    folder = tmp_path / "results"
    right = [("R1", "passed", 2.0, 2.0), ("R2", "passed", 1.0, 1.0)]
    with open_gradebook(folder, create=True) as book:
        book.enrol(read_cohort(MOODLE))
        parties = {party.key: party for party in read_standings(book, read_homework(TEMPLATE))}
        handins = {key: party.handin.id for key, party in parties.items() if party.handin}
        book.add_run(handins["7770000"], grade(GRADED, *right, ("R2", "manual", 0.0, 1.0)))
        book.add_mark(parties["7770000"].id, "R2", "Explanation", 0.5, author="Kim")
        book.add_run(handins["7770003"], grade(GRADED, *right, ("R2", "manual", 0.0, 1.0)))
        book.add_run(handins["7770001"], grade(MACHINE, ("R1", "machine", 0.0, 2.0)))
    (folder / "feedback").mkdir()
    (folder / "feedback" / name_feedback_page("7770000")).write_text("<p>seen</p>")
    (folder / "feedback" / "secret.html").write_text("not for anybody")
    return folder


def export(capsys: pytest.CaptureFixture[str], results: Path, *arguments: str) -> tuple[int, str, str]:
    status = main(["export", str(results), "--homework", str(TEMPLATE), *arguments])
    told = capsys.readouterr()
    return status, told.out, told.err


def test_known_points_go_out_and_blanks_are_told(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = export(capsys, results, "--to", "csv")
    rows = parse_csv((results / "exports/csv-1/grades.csv").read_bytes()).list_records()

    assert status == 0
    assert {row["key"]: row["points"] for row in rows if row["points"]} == {"7770000": "3.5"}
    assert "1 with points, 4 left blank, 1 with feedback" in out
    for key, reason in {
        "7770003": "still to be graded by hand: R2 Explanation",
        "7770001": "R1, R2: the grading machine lacked something",
        "7770002": "not graded yet",
        "7770004": "wrote a text online, which is not graded: read it on Moodle.",
    }.items():
        assert any(key in line and line.endswith(reason) for line in out.splitlines()), key


def test_a_second_export_is_kept_beside_the_first(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export(capsys, results, "--to", "csv")
    status, out, _ = export(capsys, results, "--to", "csv", "--changed")

    assert (status, (results / "exports/csv-2").exists()) == (2, False)
    assert out == ""
    with open_gradebook(results) as book:
        party = next(each for each in read_standings(book, read_homework(TEMPLATE)) if each.key == "7770003")
        book.add_mark(party.id, "R2", "Explanation", 1, author="Kim")
    status, out, _ = export(capsys, results, "--to", "csv", "--changed")

    assert status == 0
    assert [
        row["key"] for row in parse_csv((results / "exports/csv-2/grades.csv").read_bytes()).list_records()
    ] == ["7770003"]


def test_feedback_that_is_older_than_the_points_is_told(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    note = "older than what stands in the gradebook, or missing, for"
    main(["report", str(results), "--homework", str(TEMPLATE)])
    _, fresh, _ = export(capsys, results, "--to", "csv")
    with open_gradebook(results) as book:
        party = next(each for each in read_standings(book, read_homework(TEMPLATE)) if each.key == "7770003")
        book.add_mark(party.id, "R2", "Explanation", 1, author="Kim")
    _, stale, _ = export(capsys, results, "--to", "csv")

    assert note not in fresh
    assert f'{note} "Anna Muster" (7770003):' in stale


def test_no_file_is_written_over(results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "grades.csv").write_text("mine")
    status, _, err = export(capsys, results, "--to", "csv", "--out", str(tmp_path))

    assert (status, (tmp_path / "grades.csv").read_text()) == (2, "mine")
    assert "is there already" in err


def test_points_for_a_text_that_was_replaced_are_told(
    results: Path, read_cohort: Reading, capsys: pytest.CaptureFixture[str]
) -> None:
    again = {"Anna Muster_7770000_assignsubmission_file/homework_1.ipynb": b"anew"}
    manual = ("R2", "manual", 0.0, 1.0)
    with open_gradebook(results) as book:
        first = read_standings(book, read_homework(TEMPLATE))[0].handin
        assert first is not None
        book.add_mark(1, "R2", "Explanation", 0.5, handin_id=first.id)
        book.enrol(read_cohort(again))
        second = read_standings(book, read_homework(TEMPLATE))[0].handin
        assert second is not None
        outcome = grade(GRADED, ("R1", "passed", 2.0, 2.0), manual)
        outcome.results["tests"][1]["extra_data"]["answer"] = "another text"
        book.add_run(second.id, outcome)
    _, out, _ = export(capsys, results, "--to", "csv")

    assert 'replaced by another hand-in since: "Anna Muster" (7770000): R2 Explanation.' in out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--to", "canvas"], "This cohort is from moodle"),
        (["--to", "moodle"], "--template FILE"),
        (["--to", "csv", "--template", "grades.csv"], "--to csv fills in no table"),
        (
            ["--to", "moodle", "--template", "nothing.csv"],
            "nothing.csv can't be used: No such file",
        ),
    ],
)
def test_what_can_not_be_done_is_one_line(
    arguments: list[str], told: str, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = export(capsys, results, *arguments)

    assert (status, out, err.count("\n")) == (2, "", 1)
    assert told in err


def test_without_a_gradebook_there_is_nothing_to_export(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _, err = export(capsys, tmp_path, "--to", "csv")

    assert status == 2
    assert "gradebook" in err


def test_points_that_are_not_known_any_more_are_told(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export(capsys, results, "--to", "csv")
    with open_gradebook(results) as book:
        party = next(each for each in read_standings(book, read_homework(TEMPLATE)) if each.key == "7770000")
        book.add_mark(party.id, "R2", "Explanation", None, author="Kim")
    _, out, _ = export(capsys, results, "--to", "csv", "--changed")

    assert 'stays there until you change it: "Anna Muster" (7770000) (3.5 points).' in out


def break_writing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Let half of a file be written, as on a disk that fills."""
    write_bytes = Path.write_bytes

    def write(path: Path, content: bytes) -> int:
        if len(content) > 100 and path.parent.name.startswith(".draft-"):
            write_bytes(path, content[:50])
            raise error
        return write_bytes(path, content)

    monkeypatch.setattr(Path, "write_bytes", write)


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()], ids=str)
def test_an_export_is_whole_or_not_there(
    results: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    with monkeypatch.context() as patch:
        break_writing(patch, error)
        status, _, told = export(capsys, results, "--to", "csv")

    assert status == (130 if isinstance(error, KeyboardInterrupt) else 2)
    assert "No space left" in told or "Interrupted" in told
    assert not (results / "exports" / "csv-1").exists()
    assert export(capsys, results, "--to", "csv", "--changed")[0] == 0  # nothing was noted, either


def test_an_export_that_can_t_be_noted_leaves_no_files(
    results: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise GradebookError("The disk is full.")

    monkeypatch.setattr(Gradebook, "add_export", refuse)
    (results / "mine").mkdir()
    (results / "mine" / "notes.txt").touch()
    export(capsys, results, "--to", "csv")
    export(capsys, results, "--to", "csv", "--out", str(results / "mine"))

    assert not (results / "exports" / "csv-1").exists()
    assert [path.name for path in (results / "mine").iterdir()] == ["notes.txt"]
