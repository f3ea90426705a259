"""The gradebook: what is kept, what counts, and what happens to a file that can't be used."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sql

from grader.desk.cohort import Cohort, Member, Party, Problem, Upload
from grader.desk.gradebook import (
    FILE,
    WHOLE,
    Gradebook,
    GradebookError,
    PartyStanding,
    ledger,
    open_gradebook,
    read_standings,
    schema,
)
from grader.desk.outcome import GRADED, INTERRUPTED, KIT_ERROR, MACHINE, UNREADABLE, RunOutcome
from grader.homework import Homework, read_homework
from grader.new import TEMPLATE

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def homework() -> Homework:
    return read_homework(TEMPLATE)  # R1: 2 points; R2: 2 points, 1 of them by hand


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Gradebook]:
    with open_gradebook(tmp_path / "results", create=True) as book:
        yield book


def make_cohort(
    folder: Path, content: str = "{}", *, late: bool = False, problems: tuple[Problem, ...] = ()
) -> Cohort:
    path = folder / "hw.ipynb"
    path.write_text(content)
    parties = (
        Party("10231", (Member("10231", "Anna Muster", "amuster"),), "Anna Muster"),
        Party("team-17", (Member("1", "Eva"), Member("2", "Ole")), "Team 17", is_team=True),
    )
    upload = Upload("10231", (("hw.ipynb", path),), "Muster_Anna_amuster_10231", NOON, late)
    return Cohort("ilias", parties, (upload,), problems)


def make_test(
    exercise: str, outcome: str, score: float = 0, points: float = 1, name: str = "it works"
) -> dict[str, Any]:
    return {
        "number": exercise,
        "name": name,
        "score": score,
        "max_score": points,
        "output": "",
        "extra_data": {"outcome": outcome, "check": "test_it"},
    }


ALL = (
    make_test("R1", "passed", 2, 2),
    make_test("R2", "passed", 1, 1),
    make_test("R2", "manual", 0, 1, "Explanation"),
)


def make_outcome(
    status: str = GRADED,
    *tests: dict[str, Any],
    at: datetime = NOON,
    exercises: tuple[str, ...] | None = None,
) -> RunOutcome:
    results = {"tests": list(tests), "extra_data": {"suite": "s1"}}
    files = {"results.json": b"{}", "pictures/b1.svg": b"<svg/>"}
    return RunOutcome(status, "", results, files, "h", at, at + timedelta(seconds=2), 2.0, exercises, "s1", 7)


def grade(book: Gradebook, *outcomes: RunOutcome) -> None:
    with book.read() as connection:
        handin_id = connection.scalar(sql.select(sql.func.max(schema.handin.c.id)))
    for outcome in outcomes:
        book.add_run(handin_id, outcome)


def read_anna(book: Gradebook, homework: Homework) -> PartyStanding:
    return read_standings(book, homework)[0]


def list_scores(party: PartyStanding) -> list[float | None]:
    return [each.score for each in party.exercises]


def test_a_late_hand_in_costs_what_the_settings_say_at_the_time(
    book: Gradebook, homework: Homework, tmp_path: Path
) -> None:
    book.enrol(make_cohort(tmp_path))
    grade(book, make_outcome(GRADED, *ALL))
    assert read_anna(book, homework).score == 3

    rule = "due = 2026-11-27T11:00:00Z\n[late]\npercent_per_day = 10\n"
    (book.folder / "grader.toml").write_text(rule)
    anna, team = read_standings(book, homework)

    assert (anna.earned, anna.deduction, anna.score) == (3, 0.6, 2.4)
    assert (team.lateness, team.deduction) == (None, 0)


def hand_in(book: Gradebook, folder: Path, content: str, at: datetime | None) -> list[str]:
    cohort = make_cohort(folder, content)
    return book.enrol(replace(cohort, uploads=(replace(cohort.uploads[0], handed_in_at=at),)))


def test_an_older_download_replaces_nothing_where_times_are_told(
    book: Gradebook, homework: Homework, tmp_path: Path
) -> None:
    hand_in(book, tmp_path, "{}", NOON)
    told = hand_in(book, tmp_path, "new", NOON + timedelta(hours=1))
    newer = read_standings(book, homework)[0].handin
    older = hand_in(book, tmp_path, "{}", NOON)

    assert told == ['"Anna Muster" (10231): there is another hand-in, which counts from now on.']
    assert older == [
        '"Anna Muster" (10231): the hand-in in the gradebook is newer than this one, and counts.'
    ]
    assert read_standings(book, homework)[0].handin == newer


def test_where_no_times_are_told_an_older_download_is_suspected(book: Gradebook, tmp_path: Path) -> None:
    assert hand_in(book, tmp_path, "{}", None) == []
    hand_in(book, tmp_path, "new", None)

    (told,) = hand_in(book, tmp_path, "{}", None)
    assert "Was an older download given?" in told
    assert hand_in(book, tmp_path, "{}", None) == []


def test_a_party_has_what_it_handed_in_and_what_that_gave(
    book: Gradebook, homework: Homework, tmp_path: Path
) -> None:
    cohort = make_cohort(tmp_path, late=True)
    book.enrol(cohort)
    grade(book, make_outcome(GRADED, *ALL))
    anna, team = read_standings(book, homework)

    assert (anna.label, anna.status, anna.score, anna.max_score) == ("Anna Muster", GRADED, 3, 4)
    assert anna.members == (Member("10231", "Anna Muster", "amuster"),)
    assert anna.handin is not None
    assert (
        anna.handin.hash
        == cohort.uploads[0].digest
        == hashlib.sha256(anna.handin.path.read_bytes()).hexdigest()
    )
    assert (anna.handin.handed_in_at, anna.handin.is_late) == (NOON, True)
    assert anna.exercises[1].awaited == ("Explanation",)
    assert (anna.runs[0].folder / "pictures" / "b1.svg").read_bytes() == b"<svg/>"
    assert (team.status, team.score, team.is_team, len(team.members)) == ("absent", None, True, 2)


def test_a_cohort_that_comes_again_changes_nothing(
    book: Gradebook, homework: Homework, tmp_path: Path
) -> None:
    problem = Problem("Muster_Anna", "A file is empty.", "10231")
    for _ in range(2):
        book.enrol(make_cohort(tmp_path, problems=(problem,)))

    assert len(read_standings(book, homework)) == 2
    assert [each.text for each in read_anna(book, homework).flags] == ["Muster_Anna: A file is empty."]
    with book.read() as connection:
        assert connection.scalar(sql.select(sql.func.count()).select_from(schema.handin)) == 1


def test_a_problem_that_is_gone_is_settled(book: Gradebook, homework: Homework, tmp_path: Path) -> None:
    book.enrol(make_cohort(tmp_path, problems=(Problem("Muster_Anna", "A file is empty.", "10231"),)))
    book.enrol(make_cohort(tmp_path, problems=(Problem("Muster_Anna", "A link.", "10231"),)))

    flags = read_anna(book, homework).flags
    assert [(each.text, each.settled_at is None) for each in flags] == [
        ("Muster_Anna: A file is empty.", False),
        ("Muster_Anna: A link.", True),
    ]


def test_runs_of_an_earlier_hand_in_do_not_count(book: Gradebook, homework: Homework, tmp_path: Path) -> None:
    book.enrol(make_cohort(tmp_path))
    grade(book, make_outcome(GRADED, *ALL))
    book.enrol(make_cohort(tmp_path, '{"changed": 1}'))

    assert read_anna(book, homework).status == "waiting"
    assert list_scores(read_anna(book, homework)) == [None, None]


@pytest.mark.parametrize("status", [MACHINE, KIT_ERROR, INTERRUPTED])
def test_what_is_not_the_students_fault_is_never_a_zero(
    book: Gradebook, homework: Homework, tmp_path: Path, status: str
) -> None:
    book.enrol(make_cohort(tmp_path))
    grade(book, make_outcome(status))

    assert (read_anna(book, homework).status, read_anna(book, homework).score) == (status, None)


def test_what_cannot_be_read_is_worth_nothing(book: Gradebook, homework: Homework, tmp_path: Path) -> None:
    book.enrol(make_cohort(tmp_path))
    grade(book, make_outcome(UNREADABLE))

    assert list_scores(read_anna(book, homework)) == [0, 0]


@pytest.mark.parametrize("outcome", ["machine", "broken"])
def test_only_the_exercise_that_could_not_be_checked_is_open(
    book: Gradebook, homework: Homework, tmp_path: Path, outcome: str
) -> None:
    book.enrol(make_cohort(tmp_path))
    grade(book, make_outcome(MACHINE, make_test("R1", outcome, 0, 2), *ALL[1:]))
    assert list_scores(read_anna(book, homework)) == [None, 1]

    book.add_mark(read_anna(book, homework).id, "R1", WHOLE, 1.5)
    assert list_scores(read_anna(book, homework)) == [1.5, 1]


def test_the_latest_complete_run_of_each_exercise_counts(
    book: Gradebook, homework: Homework, tmp_path: Path
) -> None:
    book.enrol(make_cohort(tmp_path))
    grade(
        book,
        make_outcome(GRADED, *ALL),
        make_outcome(GRADED, make_test("R1", "failed", 0, 2), exercises=("R1",)),
        make_outcome(INTERRUPTED),
    )

    assert list_scores(read_anna(book, homework)) == [0, 1]
    assert read_anna(book, homework).status == INTERRUPTED


def test_a_clock_that_was_set_back_does_not_make_an_old_run_the_latest(
    book: Gradebook, homework: Homework, tmp_path: Path
) -> None:
    book.enrol(make_cohort(tmp_path))
    later = make_outcome(GRADED, make_test("R1", "failed", 0, 2), at=NOON - timedelta(days=400))
    grade(book, make_outcome(GRADED, *ALL), later)

    assert list_scores(read_anna(book, homework))[0] == 0


def test_the_last_mark_on_an_item_counts_and_can_be_taken_back(
    book: Gradebook, homework: Homework, tmp_path: Path
) -> None:
    book.enrol(make_cohort(tmp_path))
    grade(book, make_outcome(GRADED, *ALL))
    scores = []
    for points in (0.25, 1, None):
        book.add_mark(1, "R2", "Explanation", points, author="grader")
        scores.append(read_anna(book, homework).exercises[1].score)

    assert scores == [1.25, 2, 1]


def test_times_are_in_utc(book: Gradebook, homework: Homework, tmp_path: Path) -> None:
    book.enrol(make_cohort(tmp_path))
    grade(book, make_outcome(at=NOON.astimezone(timezone(timedelta(hours=-5)))))

    with closing(sqlite3.connect(book.place)) as file:
        assert file.execute("SELECT started_at FROM run").fetchone() == ("2026-11-28 12:00:00.000000",)
    assert read_anna(book, homework).runs[0].started_at == NOON


@pytest.mark.parametrize(
    "change", ["UPDATE run SET status = 'graded'", "DELETE FROM result", "DELETE FROM mark"]
)
def test_what_was_graded_is_only_added_to(book: Gradebook, tmp_path: Path, change: str) -> None:
    book.enrol(make_cohort(tmp_path))
    grade(book, make_outcome(MACHINE, *ALL))
    book.add_mark(1, "R2", "Explanation", 1)

    with pytest.raises(sql.exc.IntegrityError, match="is only added to"), book.write() as connection:
        connection.exec_driver_sql(change)


def test_a_run_is_kept_whole_or_not_at_all(book: Gradebook, homework: Homework, tmp_path: Path) -> None:
    book.enrol(make_cohort(tmp_path))
    broken = make_outcome(
        GRADED, ALL[0], {**ALL[1], "name": None, "extra_data": {"unserializable": object()}}
    )
    with pytest.raises(sql.exc.StatementError):
        grade(book, broken)

    assert read_anna(book, homework).status == "waiting"


def test_names_that_are_no_text_come_back_as_they_were(
    book: Gradebook, homework: Homework, tmp_path: Path
) -> None:
    name = "\udcff\x00Ä"
    (tmp_path / "hw.ipynb").touch()
    upload = Upload(name, (("hw.ipynb", tmp_path / "hw.ipynb"),), name)
    for _ in range(2):
        book.enrol(Cohort("folder", (Party(name, (Member(name, name),), name),), (upload,)))
    [party] = read_standings(book, homework)

    assert party.handin is not None
    assert (party.key, party.label, party.members[0].name, party.handin.origin) == (name, name, name, name)


# --- a file that can't be used --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of results that was backed up, and closed."""
    folder = tmp_path / "results"
    with open_gradebook(folder, create=True) as book:
        book.enrol(make_cohort(tmp_path))
        grade(book, make_outcome(GRADED, *ALL))
        for _ in range(11):
            book.back_up()
    return folder


def test_there_must_be_a_gradebook(tmp_path: Path) -> None:
    with pytest.raises(GradebookError, match=r"has no gradebook.sqlite; name the folder"):
        open_gradebook(tmp_path)


@pytest.mark.parametrize("damage", [b"no database at all" * 100, b"SQLite format 3\0" + b"\xff" * 4000])
def test_a_damaged_gradebook_is_refused_with_the_newest_copy(folder: Path, damage: bytes) -> None:
    (folder / FILE).write_bytes(damage)

    with pytest.raises(GradebookError, match=r"is damaged .*The newest copy is .*gradebook-0011.sqlite"):
        open_gradebook(folder)


def test_damage_in_the_middle_is_seen_and_the_copy_is_whole(folder: Path, homework: Homework) -> None:
    content = bytearray((folder / FILE).read_bytes())
    content[4096:-4096] = b"\x55" * (len(content) - 8192)
    (folder / FILE).write_bytes(content)
    with pytest.raises(GradebookError, match="is damaged"):
        open_gradebook(folder)

    (folder / FILE).write_bytes((folder / "backups" / "gradebook-0011.sqlite").read_bytes())
    with open_gradebook(folder) as book:
        assert read_anna(book, homework).score == 3


def test_a_gradebook_that_is_gone_is_not_begun_anew(folder: Path) -> None:
    (folder / FILE).unlink()

    with pytest.raises(GradebookError, match=r"is gone, but .*gradebook-0011.sqlite is a copy"):
        open_gradebook(folder, create=True)


def test_only_the_newest_copies_are_kept(folder: Path) -> None:
    names = sorted(path.name for path in (folder / "backups").iterdir())
    assert names == [f"gradebook-{number:04}.sqlite" for number in range(2, 12)]


def test_a_newer_kits_gradebook_is_refused(folder: Path) -> None:
    with closing(sqlite3.connect(folder / FILE)) as file:
        file.execute("PRAGMA user_version = 99")

    with pytest.raises(GradebookError, match="written by a newer kit"):
        open_gradebook(folder)


def test_a_migration_begins_with_a_copy_and_is_done_whole_or_not_at_all(
    folder: Path, homework: Homework, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_off(connection: sql.Connection) -> None:
        connection.exec_driver_sql("ALTER TABLE party ADD COLUMN colour TEXT")
        raise RuntimeError

    monkeypatch.setattr(schema, "VERSION", 2)
    monkeypatch.setitem(ledger.MIGRATIONS, 1, break_off)
    with pytest.raises(RuntimeError):
        open_gradebook(folder)
    monkeypatch.undo()

    assert (folder / "backups" / "gradebook-0012.sqlite").is_file()
    with open_gradebook(folder) as book:
        assert read_anna(book, homework).score == 3
        with book.read() as connection:
            assert "colour" not in {each["name"] for each in sql.inspect(connection).get_columns("party")}


def test_two_write_at_once(book: Gradebook, homework: Homework, tmp_path: Path) -> None:
    book.enrol(make_cohort(tmp_path))
    with open_gradebook(book.folder) as other:
        other.add_mark(1, "R2", "Explanation", 1)
        with book.read():
            assert read_anna(other, homework).exercises[1].by_hand == 1
        grade(book, make_outcome(GRADED, *ALL))

        assert read_anna(other, homework).score == 4
