"""The gradebook in PostgreSQL: a real server, which the test starts where it is installed."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sql
from test_desk_gradebook import ALL, grade, list_scores, make_cohort, make_outcome, read_anna

from grader.desk.gradebook import GRADED, GradebookError, open_gradebook, read_standings, schema
from grader.desk.gradebook.audit import list_faults
from grader.desk.mark_sheet import list_items
from grader.desk.marking import Decision, OverwrittenError, note_decision, read_history
from grader.homework import read_homework
from grader.new import TEMPLATE

HOMEWORK = read_homework(TEMPLATE)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The URL of an empty database that listens on no network."""
    if not (shutil.which("initdb") and shutil.which("pg_ctl")):
        pytest.skip("needs PostgreSQL's initdb and pg_ctl")
    pytest.importorskip("psycopg")
    user = _choose_user()
    folder = Path(tempfile.mkdtemp(prefix="pg-"))  # short: a Unix socket lies in it
    if user is not None:
        shutil.chown(folder, user)

    def run(*command: str) -> None:
        subprocess.run(
            command,
            check=True,
            capture_output=True,
            user=user,
            cwd=folder,
            env={**os.environ, "HOME": str(folder)},
        )

    data = str(folder / "data")
    run("initdb", "-D", data, "-A", "trust", "-U", "grader", "-E", "UTF8", "--locale=C", "--no-sync")
    run(
        "pg_ctl",
        "-D",
        data,
        "-w",
        "-l",
        f"{folder}/log",
        "-o",
        f"-c listen_addresses='' -k {folder}",
        "start",
    )
    try:
        yield f"postgresql+psycopg://grader@/postgres?host={folder}"
    finally:
        run("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
        shutil.rmtree(folder)


def _choose_user() -> str | None:
    """PostgreSQL does not run as root; None for the user who runs this."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        pytest.skip("needs a user 'postgres'")


@pytest.fixture
def results(tmp_path: Path, server: str) -> Path:
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / "grader.toml").write_text(f"gradebook = {server!r}")
    engine = sql.create_engine(server)
    schema.tables.drop_all(engine)
    engine.dispose()
    return folder


def test_a_cohort_in_a_database(results: Path, tmp_path: Path) -> None:
    with open_gradebook(results, create=True) as book:
        book.enrol(make_cohort(tmp_path, late=True))
        grade(book, make_outcome(GRADED, *ALL))
        book.add_mark(read_anna(book, HOMEWORK).id, "R2", "Explanation", 0.5)
        book.back_up()
    with open_gradebook(results) as book:
        anna = read_anna(book, HOMEWORK)

        assert list_scores(anna) == [2, 1.5]
        assert anna.handin is not None
        assert str(anna.handin.handed_in_at) == "2026-11-28 12:00:00+00:00"
        assert list(list_faults(book)) == []
        assert book.place.startswith("postgresql+psycopg://grader@")
    assert not (results / "gradebook.sqlite").exists()


def test_several_mark_at_once(results: Path, tmp_path: Path) -> None:
    with open_gradebook(results, create=True) as book:
        book.enrol(make_cohort(tmp_path))
        grade(book, make_outcome(GRADED, *ALL))

        def mark(item: int) -> None:
            for points in range(10):
                book.add_mark(1, "R2", f"Item {item}", points)

        threads = [threading.Thread(target=mark, args=(item,)) for item in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert [mark.points for mark in read_anna(book, HOMEWORK).exercises[1].marks.values()] == [9, 9, 9, 9]


def test_of_two_who_save_at_once_one_is_shown_the_other_s(results: Path, tmp_path: Path) -> None:
    with open_gradebook(results, create=True) as book:
        book.enrol(make_cohort(tmp_path))
        grade(book, make_outcome(GRADED, *ALL))
        item = next(each for each in list_items(read_standings(book, HOMEWORK)) if each.item)
        told: list[object] = []
        gate = threading.Barrier(4)

        def save(points: float) -> None:
            gate.wait()
            try:
                told.append(note_decision(book, item, Decision(points, "", 0), "Kim"))
            except OverwrittenError as error:
                told.append(error.latest.points)

        threads = [threading.Thread(target=save, args=(number / 4,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        (history,) = read_history(book, item)

    assert sorted(map(str, told)) == sorted(map(str, [None, *[history.points] * 3]))


@pytest.mark.parametrize(
    "url", ["postgresql+psycopg://grader@/none?host=/nowhere", "nonsense", "nodriver://x"]
)
def test_a_database_that_can_t_be_used(tmp_path: Path, url: str) -> None:
    (tmp_path / "grader.toml").write_text(f"gradebook = {url!r}")

    with pytest.raises(GradebookError, match=r"can't be used|is not the URL"):
        open_gradebook(tmp_path, create=True)
