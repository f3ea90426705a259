"""A batch: what is graded, what is kept, and what happens when something is killed or can't be written. Gradings are stand-ins."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sql

from grader.__main__ import main
from grader.desk import batch, work
from grader.desk.batch import BatchError, run
from grader.desk.cohort import Cohort, Party, Upload
from grader.desk.configuration import BatchSettings, Configuration
from grader.desk.gradebook import GradebookError, open_gradebook, read_standings, schema
from grader.desk.gradebook.ledger import _insert as insert
from grader.desk.outcome import GRADED, INTERRUPTED, KIT_ERROR, MACHINE, UNREADABLE, RunOutcome
from grader.homework import Homework, read_homework
from grader.new import TEMPLATE

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def homework() -> Homework:
    return read_homework(TEMPLATE)


def make_cohort(folder: Path, contents: dict[str, str]) -> Cohort:
    folder.mkdir(exist_ok=True)
    for key, content in contents.items():
        (folder / key).write_text(content)
    return Cohort(
        "folder",
        tuple(Party(key, (), key) for key in contents),
        tuple(Upload(key, (("hw.ipynb", folder / key),), key) for key in contents),
    )


@pytest.fixture
def cohort(tmp_path: Path) -> Cohort:
    return make_cohort(tmp_path / "source", {"anna": "1", "ben": "2", "cleo": "3"})


class Grader:
    """Stands in for `work.grade`: hand-ins end as they are told, by content; without a word they get a point for R1."""

    def __init__(self, score: float = 1, **ends: list[str] | str) -> None:
        self.score, self.ends = score, ends
        self.orders: list[work.WorkOrder] = []
        self.graded: list[str] = []

    def __call__(self, content: bytes, order: work.WorkOrder) -> RunOutcome:
        name = next(each for each in "123456789" if each.encode() in content[30:60])
        self.orders.append(order)
        self.graded.append(name)
        ends = self.ends.get(f"n{name}", GRADED)
        status = ends.pop(0) if isinstance(ends, list) else ends
        return make_outcome(status, order, self.score)


def make_outcome(status: str, order: work.WorkOrder, score: float = 1) -> RunOutcome:
    outcome = "passed" if score else "failed"
    test = {
        "number": "R1",
        "name": "Sums",
        "score": score,
        "max_score": 1,
        "output": "",
        "extra_data": {"outcome": outcome, "check": "t"},
    }
    results: dict[str, Any] = {"score": score, "max_score": 1, "tests": [test]} if status == GRADED else {}
    return RunOutcome(
        status,
        "" if status == GRADED else "So it was.",
        results,
        {"results.json": b"{}"},
        "h",
        NOW,
        NOW,
        1.0,
        order.exercises,
        order.suite,
        7,
    )


@pytest.fixture
def start(homework: Homework, tmp_path: Path) -> Callable[..., int]:
    def start(cohort: Cohort, grade: Any, *, jobs: int = 1, out: Path | None = None, **settings: Any) -> int:
        return run(
            cohort,
            out or tmp_path / "results",
            BatchSettings(homework, Configuration(jobs=jobs), **settings),
            grade,
        )

    return start


def list_statuses(results: Path) -> list[str]:
    with open_gradebook(results) as book, book.read() as connection:
        return list(connection.scalars(sql.select(schema.run.c.status).order_by(schema.run.c.id)))


def test_a_cohort_is_graded_once(
    start: Callable[..., int],
    cohort: Cohort,
    tmp_path: Path,
    homework: Homework,
    capsys: pytest.CaptureFixture[str],
) -> None:
    grade = Grader()
    assert start(cohort, grade) == 0
    assert start(cohort, grade) == 0

    assert grade.graded == ["1", "2", "3"]
    with open_gradebook(tmp_path / "results") as book:
        assert [each.score for each in read_standings(book, homework)] == [1, 1, 1]
    told = capsys.readouterr().out
    assert "[2/3] ben: 1 of 1 (1 s, 1 s left)" in told
    assert "3 of 3 ended: 3 graded." in told
    assert "3 hand-ins, 3 graded before. Nothing to do" in told
    assert not Path(str(grade.orders[0].place)).exists()


def test_only_what_is_new_or_changed_is_graded(
    start: Callable[..., int], cohort: Cohort, tmp_path: Path
) -> None:
    start(cohort, Grader())
    grade = Grader()
    start(make_cohort(tmp_path / "source", {"anna": "1", "ben": "7", "dora": "8"}), grade)

    assert grade.graded == ["7", "8"]


def test_other_exercises_than_before_are_graded(start: Callable[..., int], cohort: Cohort) -> None:
    start(cohort, Grader(), exercises=("R1",))
    grade = Grader()
    start(cohort, grade, exercises=("R1",))
    assert grade.graded == []

    start(cohort, grade, exercises=("R2",))
    start(cohort, grade)
    assert (grade.graded, grade.orders[0].exercises) == (["1", "2", "3"], ("R2",))


def test_a_cohort_has_one_seed(start: Callable[..., int], cohort: Cohort, tmp_path: Path) -> None:
    grade = Grader()
    start(cohort, grade)
    start(cohort, grade, regrade="all")

    assert len({order.grading_seed for order in grade.orders}) == 1
    start(cohort, grade, regrade="all", out=tmp_path / "others")
    assert len({order.grading_seed for order in grade.orders}) == 2


@pytest.mark.parametrize(
    ("regrade", "graded"),
    [(None, []), ("failed", ["2", "3"]), ("all", ["1", "2", "3", "4"]), ("changed", [])],
)
def test_what_was_graded_before_is_graded_again_as_asked(
    start: Callable[..., int], tmp_path: Path, regrade: str | None, graded: list[str]
) -> None:
    cohort = make_cohort(tmp_path / "source", {"anna": "1", "ben": "2", "cleo": "3", "dora": "4"})
    assert start(cohort, Grader(n2=MACHINE, n3=KIT_ERROR, n4=UNREADABLE)) == 1
    grade = Grader()
    assert start(cohort, grade, regrade=regrade) == 0

    assert grade.graded == graded


def test_other_sources_grade_again_and_it_is_told_what_changed(
    start: Callable[..., int],
    cohort: Cohort,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    start(cohort, Grader())
    monkeypatch.setattr(batch, "digest_suite", lambda _: "another")
    grade = Grader(score=0)
    start(cohort, grade, regrade="changed")
    start(cohort, grade, regrade="changed")

    assert grade.graded == ["1", "2", "3"]
    assert (
        "anna: 1 → 0 (−1)\n  R1: 1 → 0 (−1)\n    Sums: passed (1 of 1) → failed (0 of 1)\n"
        in capsys.readouterr().out
    )


def test_what_was_killed_is_tried_twice_more(
    start: Callable[..., int], cohort: Cohort, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    grade = Grader(n1=[INTERRUPTED, GRADED], n2=INTERRUPTED)
    assert start(cohort, grade) == 1

    assert grade.graded == ["1", "1", "2", "2", "2", "3"]
    assert "ben: interrupted, and not graded. So it was." in capsys.readouterr().out
    start(cohort, Grader())
    assert list_statuses(tmp_path / "results")[-1] == GRADED


@pytest.mark.parametrize(
    ("scores", "statuses"),
    [
        ([0, 0, 0], [INTERRUPTED, INTERRUPTED, GRADED]),
        ([0, 1, 0], [INTERRUPTED, INTERRUPTED, INTERRUPTED]),
    ],
    ids=["each time the same", "not always the same"],
)
@pytest.mark.parametrize("died", ["kernel_kills", "rank_kills"])
def test_if_a_process_of_the_submission_was_killed_each_time_with_the_same_result_it_counts(
    start: Callable[..., int], tmp_path: Path, died: str, scores: list[float], statuses: list[str]
) -> None:
    coming = iter(scores)

    def grade(_: bytes, order: work.WorkOrder) -> RunOutcome:
        outcome = make_outcome(GRADED, order, next(coming))
        outcome.results["extra_data"] = {died: 1}
        return outcome

    start(make_cohort(tmp_path / "source", {"anna": "1"}), grade)
    assert list_statuses(tmp_path / "results") == statuses


@pytest.mark.parametrize(
    ("error", "status"),
    [(OSError(errno.ENOSPC, "No space left on device"), MACHINE), (KeyError("x"), KIT_ERROR)],
)
def test_what_could_not_begin_is_told_and_the_rest_is_graded(
    start: Callable[..., int], cohort: Cohort, tmp_path: Path, error: Exception, status: str
) -> None:
    good = Grader()

    def grade(content: bytes, order: work.WorkOrder) -> RunOutcome:
        if b"1" in content[30:60]:
            raise error
        return good(content, order)

    assert start(cohort, grade) == 1
    assert list_statuses(tmp_path / "results") == [status, GRADED, GRADED]


def test_jobs_run_at_the_same_time_and_share_the_cores(start: Callable[..., int], cohort: Cohort) -> None:
    together = threading.Barrier(3)
    orders = []

    def grade(_: bytes, order: work.WorkOrder) -> RunOutcome:
        together.wait(20)
        orders.append(order)
        return make_outcome(GRADED, order)

    assert start(cohort, grade, jobs=3) == 0
    assert {order.environment["OMP_NUM_THREADS"] for order in orders} == {
        str(max(1, batch.count_cores() // 3))
    }


def test_scripts_count_with_all_their_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    kit = read_homework(Path(__file__).parents[2])
    monkeypatch.setattr(batch, "count_cores", lambda: 24)
    monkeypatch.setattr(batch.psutil, "virtual_memory", lambda: type("", (), {"total": 1 << 40}))

    assert batch.count_jobs(kit, ("A1.1",)) == 24
    assert batch.count_jobs(kit, ("A1.1", "B1")) == 4


# --- what can't be written, and who else is at work --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "broken", [OSError(errno.ENOSPC, "No space left on device"), GradebookError("The disk is full.")]
)
def test_a_full_disk_ends_the_batch_with_a_sentence_and_the_same_command_goes_on(
    start: Callable[..., int],
    cohort: Cohort,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    broken: Exception,
) -> None:
    written = batch.Gradebook.add_run

    def add_run(book: Any, handin: int, outcome: RunOutcome) -> int:
        if handin == 2:
            raise broken
        return written(book, handin, outcome)

    monkeypatch.setattr(batch.Gradebook, "add_run", add_run)
    with pytest.raises(
        BatchError, match=r"No space left on device. What was graded before is kept|The disk is full"
    ):
        start(cohort, Grader())
    monkeypatch.undo()
    grade = Grader()
    start(cohort, grade)

    assert grade.graded == ["2", "3"]
    assert list_statuses(tmp_path / "results") == [GRADED, GRADED, GRADED]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 200 KiB."""
    place = tmp_path / "disk"
    place.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(place)], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("needs the right to mount a disk")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_run_whose_files_were_written_and_its_rows_not_leaves_no_files(
    start: Callable[..., int], cohort: Cohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the batch had been killed in between."""

    def insert_others(connection: sql.Connection, table: sql.Table, **row: object) -> int:
        if table is schema.run:
            raise GradebookError("Killed.")
        return insert(connection, table, **row)

    with monkeypatch.context() as patch:
        patch.setattr("grader.desk.gradebook.ledger._insert", insert_others)
        with pytest.raises(BatchError):
            start(cohort, Grader())
    assert main(["gradebook", "check", str(tmp_path / "results")]) == 1

    start(cohort, Grader())
    assert main(["gradebook", "check", str(tmp_path / "results")]) == 0


def test_a_disk_that_is_really_full(start: Callable[..., int], tmp_path: Path, small_disk: Path) -> None:
    cohort = make_cohort(tmp_path / "source", {"anna": "1", "ben": "2" * 150_000, "cleo": "3" * 150_000})

    with pytest.raises(BatchError, match=r"full|No space left"):
        start(cohort, Grader(), out=small_disk / "results")

    subprocess.run(["mount", "-o", "remount,size=20m", str(small_disk)], check=True)
    assert start(cohort, Grader(), out=small_disk / "results") == 0
    assert main(["gradebook", "check", str(small_disk / "results")]) == 0


def test_a_folder_that_can_t_be_written(start: Callable[..., int], cohort: Cohort, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(BatchError, match="can't be written: Not a directory"):
        start(cohort, Grader(), out=tmp_path / "file" / "results")


@pytest.mark.skipif(
    os.name != "posix" or os.geteuid() != 0,
    reason="only root can take its own rights to write away in this way",
)
def test_a_read_only_folder(start: Callable[..., int], cohort: Cohort, small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)

    with pytest.raises(BatchError, match="can't be written: Read-only file system"):
        start(cohort, Grader(), out=small_disk)


def test_only_one_batch_works_in_a_folder(start: Callable[..., int], cohort: Cohort) -> None:
    def grade(_: bytes, order: work.WorkOrder) -> RunOutcome:
        with pytest.raises(BatchError, match=rf"Process {os.getpid()} on host \S+ is at work in"):
            start(cohort, Grader())
        return make_outcome(GRADED, order)

    assert start(cohort, grade) == 0


# --- interruptions ---------------------------------------------------------------------------------------------------------------------------

BATCH = """
import sys, threading
from pathlib import Path
from grader.desk import batch, work
from grader.interruption import heed_signals
from test_desk_batch import Grader, make_cohort, make_outcome
from grader.desk.configuration import BatchSettings, Configuration
from grader.homework import read_homework
from grader.new import TEMPLATE

stopped = threading.Event()
work.interrupt = stopped.set

def grade(content, order):
    if b"1" in content[30:60]:
        return make_outcome("graded", order)
    (Path(order.place) / "left").touch()
    print("at work in", order.place, flush=True)
    stopped.wait(60)
    return make_outcome("interrupted", order)

heed_signals()
cohort = make_cohort(Path(sys.argv[1], "source"), {"anna": "1", "ben": "2", "cleo": "3"})
sys.exit(batch.run(cohort, Path(sys.argv[1], "results"), BatchSettings(read_homework(TEMPLATE), Configuration(jobs=1)), grade))
"""


@pytest.mark.skipif(os.name != "posix", reason="sends signals")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGKILL"])
def test_what_was_graded_survives_and_the_same_command_goes_on(
    start: Callable[..., int], tmp_path: Path, name: str
) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    process = subprocess.Popen(
        [sys.executable, "-c", BATCH, str(tmp_path)], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert process.stdout is not None
    place = next(line for line in process.stdout if line.startswith("at work in")).split()[-1]
    process.send_signal(getattr(signal, name))
    told = process.stdout.read()

    assert process.wait(30) == (-9 if name == "SIGKILL" else 130)
    assert (
        name == "SIGKILL"
        or "1 graded, 1 interrupted, and not graded.\nThe same command goes on.\n"
        in told.replace("2 of 3 ended: ", "")
    )
    assert Path(place).exists() is (name == "SIGKILL")
    grade = Grader()
    start(make_cohort(tmp_path / "source", {"anna": "1", "ben": "2", "cleo": "3"}), grade)
    assert grade.graded == ["2", "3"]
    assert not Path(place).exists()
