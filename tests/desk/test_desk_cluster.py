"""A cluster that grades: who may be in it, and what happens when it is lost. Gradings are stand-ins, and the workers threads of this process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from grader.desk import batch, cluster
from grader.desk.batch import BatchError, run
from grader.desk.cluster import (
    MEMORY,
    PROCESSES,
    ClusterError,
    Crew,
    check_address,
    check_facts,
    check_workers,
    receive_references,
)
from grader.desk.cohort import Cohort, Party, Upload
from grader.desk.configuration import BatchSettings, Configuration
from grader.desk.examination import examine
from grader.desk.gradebook import GRADED, MACHINE, RunOutcome, open_gradebook, read_standings
from grader.desk.work import WorkOrder
from grader.homework import KIT, read_homework
from grader.new import TEMPLATE

distributed = pytest.importorskip("distributed")
HOMEWORK = read_homework(TEMPLATE)
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
OFFER = {PROCESSES: 1, MEMORY: 8192}
FACTS = {"suite": "a", "python": "3.12", "version of torch": "2.8", "data set": "digits", "isolation": "full"}


@pytest.mark.parametrize("url", ["tcp://127.0.0.1:8786", "tcp://localhost:1", "tls://grading.example:8786"])
def test_addresses_that_only_the_right_people_reach_are_taken(url: str) -> None:
    check_address(url)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("tcp://10.0.0.5:8786", "is not encrypted"),
        ("tcp://grading.example:8786", "is not encrypted"),
        ("tcp://127.0.0.1.example:8786", "is not encrypted"),
        ("10.0.0.5:8786", "is not the address of a scheduler"),
        ("http://127.0.0.1:8787", "is not the address of a scheduler"),
    ],
)
def test_other_addresses_are_refused(url: str, reason: str) -> None:
    with pytest.raises(ClusterError, match=reason):
        check_address(url)


@pytest.mark.parametrize(
    ("workers", "reason"),
    [
        ({}, "has no workers"),
        ({"w": {"nthreads": 4, "resources": OFFER}}, "has 4 threads"),
        ({"w": {"nthreads": 1, "resources": {PROCESSES: 1}}}, "does not offer MEMORY_MIB=8192"),
        ({"w": {"nthreads": 1}}, "does not offer PROCESSES=1"),
    ],
)
def test_a_worker_grades_one_hand_in_at_a_time_and_has_room_for_it(
    workers: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ClusterError, match=reason) as refused:
        check_workers(workers, OFFER, "tcp://127.0.0.1:1")
    assert '--nthreads 1 --resources "PROCESSES=1 MEMORY_MIB=8192"' in str(refused.value)


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"suite": "b"}, "has another suite: b, but here it is a"),
        ({"version of torch": "2.7"}, "has another version of torch: 2.7"),
        ({"data set": "mnist"}, "has another data set: mnist"),
        ({"isolation": "reduced"}, "offers the isolation 'reduced', but 'full' is needed"),
        ({"error": "ValueError: no data"}, "can't grade: ValueError: no data"),
    ],
)
def test_a_worker_that_would_grade_otherwise_is_refused(other: dict[str, str], reason: str) -> None:
    check_facts(FACTS, {"w1": FACTS}, "full")
    with pytest.raises(ClusterError, match=f"The worker w2 {reason}"):
        check_facts(FACTS, {"w1": FACTS, "w2": {**FACTS, **other}}, "full")


def test_what_can_t_be_examined_is_said(tmp_path: Path) -> None:
    assert "homework.toml" in examine(str(tmp_path), {})["error"]


def test_a_worker_that_may_start_no_process_of_multiprocessing_s_finds_its_data_set() -> None:
    with get_context("spawn").Pool(1) as daemonic:  # as workers below a nanny are
        facts = daemonic.apply(examine, (str(KIT), {"LAB_2_HFL_DATASET": "digits"}))
    assert "dataset digits" in facts["data set"], facts


def test_references_are_kept_where_nobody_else_can_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    receive_references({"a.json": b"1", "../../b.json": b"2"}, "s")
    receive_references({"a.json": b"3"}, "s")
    [folder] = tmp_path.iterdir()

    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"a.json": b"1", "b.json": b"2"}
    assert folder.stat().st_mode & 0o077 == 0


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Of a scheduler with two workers, which were started in the homework's folder."""
    monkeypatch.chdir(TEMPLATE)
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, protocol="tcp", host="127.0.0.1",
        dashboard_address=None, resources=OFFER,
    ) as local:  # fmt: skip
        yield local.scheduler_address


@pytest.fixture
def cohort(tmp_path: Path) -> Cohort:
    for key in ("1", "2", "3"):
        (tmp_path / key).write_text(key)
    parties = tuple(Party(key, (), key) for key in ("1", "2", "3"))
    return Cohort(
        "folder", parties, tuple(Upload(p.key, (("hw.ipynb", tmp_path / p.key),), p.key) for p in parties)
    )


def grade_as_told(_: bytes, order: WorkOrder) -> RunOutcome:
    test = {"number": "R1", "name": "Sums", "score": 1, "max_score": 1, "output": "",
            "extra_data": {"outcome": "passed", "check": "t"}}  # fmt: skip
    return RunOutcome(
        GRADED, "", {"tests": [test]}, {"results.json": b"{}"}, "h", NOW, NOW, 1.0, None, order.suite
    )


def raise_oddly(*_: object) -> RunOutcome:
    raise distributed.KilledWorker("task", SimpleNamespace(address="tcp://w"), 0)


def settings(url: str) -> BatchSettings:
    return BatchSettings(HOMEWORK, Configuration(isolation="none"), scheduler=url)


@pytest.mark.timeout(300)
def test_a_cluster_grades_a_cohort(
    url: str,
    cohort: Cohort,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(cluster, "grade_there", grade_as_told)

    assert run(cohort, tmp_path / "results", settings(url)) == 0
    assert "Grading 3, 2 at the same time" in capsys.readouterr().out
    with open_gradebook(tmp_path / "results") as book:
        assert [party.status for party in read_standings(book, HOMEWORK)] == [GRADED] * 3


def test_workers_that_come_later_are_used(
    cohort: Cohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = threading.Barrier(2)
    counts, begun = iter([1, 1]), count()

    def grade(_: Path, order: WorkOrder) -> RunOutcome:
        if next(begun) < 2:
            together.wait(60)
        return grade_as_told(b"", order)

    @contextmanager
    def join_cluster(*_: object) -> Iterator[Crew]:
        with ThreadPoolExecutor() as pool:
            yield Crew(partial(pool.submit, grade), lambda: next(counts, 2), lambda: None)

    monkeypatch.setattr(batch, "join_cluster", join_cluster)
    monkeypatch.setattr(batch, "_LOOK_S", 0.05)

    assert run(cohort, tmp_path / "results", settings("tcp://127.0.0.1:9")) == 0


@pytest.mark.timeout(300)
def test_workers_with_another_homework_grade_nothing(
    url: str, cohort: Cohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    with pytest.raises(BatchError, match="has another suite"):
        run(cohort, tmp_path / "results", settings(url))


@pytest.mark.timeout(300)
def test_a_hand_in_whose_workers_were_lost_is_not_graded(
    url: str, cohort: Cohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "grade_there", raise_oddly)

    assert run(cohort, tmp_path / "results", settings(url)) == 1
    with open_gradebook(tmp_path / "results") as book:
        parties = read_standings(book, HOMEWORK)
    assert {party.status for party in parties} == {"interrupted"}
    assert {party.score for party in parties} == {None}


@pytest.mark.timeout(300)
def test_a_worker_of_another_kit_that_joins_later_grades_nothing(
    url: str, cohort: Cohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grade_there = cluster.grade_there
    monkeypatch.setattr(
        cluster, "grade_there", lambda content, order: grade_there(content, replace(order, suite="another"))
    )

    assert run(cohort, tmp_path / "results", settings(url)) == 1
    with open_gradebook(tmp_path / "results") as book:
        parties = read_standings(book, HOMEWORK)
    assert {party.status for party in parties} == {MACHINE}
    assert parties[0].latest_run is not None
    assert "has another suite" in parties[0].latest_run.reason


def test_without_a_scheduler_nothing_is_graded(
    cohort: Cohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "_PATIENCE_S", 0.5)
    with pytest.raises(BatchError, match=r"There is no scheduler at tcp://127\.0\.0\.1:9"):
        run(cohort, tmp_path / "results", settings("tcp://127.0.0.1:9"))
