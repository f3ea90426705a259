"""Runs of thousands of steps: what is kept does not grow with them, and is enough for the same verdicts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import recorded
from recorded import Rank

from launch import workers
from launch.events import Forward, parse
from launch.journal import Journal
from launch.sentences import notes
from launch.verdict import views
from launch.waits import Begun, find_standstill
from launch.worker import recorder
from launch.worker.settings import Settings
from launch.workers import Holding, Work, Worker

RECENT = 100  # calls kept of the end of a run, here
LONG = 300  # steps, in each of which a rank makes two


@pytest.fixture(autouse=True)
def short_memory(monkeypatch):
    monkeypatch.setattr(workers, "RECENT", RECENT)


def make_steps(rank: Rank, count: int, *, last: bool = True) -> Rank:
    """Steps in which two ranks exchange two messages; in the last one perhaps the second is missing."""
    for number in range(1, count + 1):
        step = {"step": number}
        rank.event("forward", model="Net", micro_batch=0, start=0, end=0, thread=0, gradients=True, **step)
        rank.event("backward", start=0, end=0, thread=0, **step)
        (rank.send if rank.rank == 0 else rank.recv)(1 - rank.rank, done=True, **step)
        if number < count or last:
            (rank.recv if rank.rank == 0 else rank.send)(1 - rank.rank, done=True, **step)
            rank.event("step", optimizer=1, number=number, start=0, end=0, thread=0)
    return rank


def forgetful(rank: Rank, begun: Begun | None = None) -> Worker:
    """The process, read in parts, after each of which it forgets."""
    worker = Worker(f"{rank.rank}-1")
    for number, line in enumerate(rank.lines):
        worker.add(parse(line.encode()))
        if number % 50 == 0:
            if begun is not None:
                begun.update(views(recorded.situation([worker])))
            worker.forget()
    return worker


def test_what_is_kept_does_not_grow():
    once, twice = (forgetful(make_steps(Rank(0, 2), steps)) for steps in (LONG * 2, LONG * 4))
    assert twice.steps == 2 * once.steps
    assert len(twice.events) <= len(once.events) + RECENT
    assert len(twice.operations) <= len(once.operations) + RECENT


def test_the_first_steps_and_the_last_are_kept():
    steps = [
        event.step for event in forgetful(make_steps(Rank(0, 2), LONG)).events if isinstance(event, Forward)
    ]
    assert steps[: workers.KEPT_STEPS] == list(range(1, workers.KEPT_STEPS + 1))
    assert steps[-10:] == list(range(LONG - 9, LONG + 1))


def test_a_deadlock_late_in_a_run_is_found():
    begun = Begun()
    zero = forgetful(make_steps(Rank(0, 2), LONG, last=False).recv(1), begun)
    one = forgetful(make_steps(Rank(1, 2), LONG, last=False).recv(0), begun)
    found = find_standstill(views(recorded.situation([zero, one])), begun)
    assert found is not None
    assert found.cycle == (0, 1)


def test_a_message_that_is_only_late_is_not_a_deadlock():
    begun = Begun()
    zero = forgetful(make_steps(Rank(0, 2), LONG, last=False).recv(1), begun)
    one = forgetful(make_steps(Rank(1, 2), LONG), begun)
    assert find_standstill(views(recorded.situation([zero, one])), begun) is None


def test_nothing_is_said_where_calls_were_forgotten_unseen():
    zero = forgetful(make_steps(Rank(0, 2), 2 * LONG, last=False).recv(1))
    one = forgetful(make_steps(Rank(1, 2), 2 * LONG, last=False).recv(0))
    assert zero.forgotten
    assert find_standstill(views(recorded.situation([zero, one])), Begun()) is None


def test_steps_made_of_the_same_work_are_one_phase():
    rank = make_steps(Rank(0, 2), 7)
    for number in (8, 9):
        rank.event("step", optimizer=1, number=number, start=0, end=0, thread=0)
    first, second = rank.worker().phases
    assert (first.first, first.last, first.work) == (1, 7, Work(forwards=1, backwards=1, sends=1))
    assert (second.first, second.last, second.work) == (8, 9, Work())


@pytest.mark.parametrize(
    ("grown", "said"),
    [
        pytest.param(
            (1_000_000_000, 0),
            "The memory of rank 0 grows with the steps: by 974 MB from step 512 to step 999",
            id="memory",
        ),
        pytest.param(
            (0, 600),
            "Rank 0 opens files or sockets that it does not close: 584 more from step 512 to step 999",
            id="sockets",
        ),
        pytest.param((20_000_000, 3), "", id="neither"),
    ],
)
def test_what_grows_with_the_steps_is_noted(grown, said):
    rank = Rank(0, 1)
    for number in range(1, 1001):
        rank.event("step", optimizer=1, number=number, start=0, end=0, thread=0)
        memory, files = (int(each * number / 500) for each in grown)
        rank.event("heartbeat", cpu_s=0, threads=[], memory_bytes=500_000_000 + memory, open_files=20 + files)
    rank.event("heartbeat", cpu_s=0, threads=[], memory_bytes=1, open_files=1)  # it has let go of all
    state = recorded.situation([rank.worker()], script_status=0)
    found = notes(state, waited=True, rejected=0, told=False)
    assert [said in note for note in found] == ([True] if said else [])


def test_holdings_are_few():
    rank = Rank(0, 1)
    for number in range(1, 5001):
        rank.event("step", optimizer=1, number=number, start=0, end=0, thread=0)
        rank.event("heartbeat", cpu_s=0, threads=[], memory_bytes=1, open_files=1)
    kept = rank.worker().holdings
    assert kept[-1] == Holding(4999, 1, 1)
    assert len(kept) < 10


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        control=tmp_path,
        events=tmp_path,
        source=tmp_path,
        steps=1,
        detail_steps=1,
        started_s=0.0,
        alias={},
        dump=frozenset(),
        dump_steps=0,
        event_bytes=1_000_000,
        dump_bytes=0,
    )


def test_what_has_been_read_leaves_the_disk(settings, monkeypatch):
    monkeypatch.setattr(recorder, "FILE_BYTES", 1_000)
    writing, reading = recorder.Recorder(settings), Journal(settings.events, 10_000_000)
    seen = []
    for number in range(500):
        writing.write("exit", code=number)
        if number % 7 == 0:
            seen += [event.code for _, event in reading.poll()]
    seen += [event.code for _, event in reading.poll()]
    assert seen == list(range(500))
    assert len(list(settings.events.glob("*.jsonl"))) <= 3


def test_a_process_that_went_on_in_another_file_lives(settings, monkeypatch):
    monkeypatch.setattr(recorder, "FILE_BYTES", 100)
    writing, reading = recorder.Recorder(settings), Journal(settings.events, 10_000_000)
    list(reading.poll())
    for number in range(20):
        writing.write("exit", code=number)
    assert not reading.ended(writing.name)
    assert len(list(reading.poll())) == 20
    assert not reading.ended(writing.name)


def test_a_next_file_that_is_no_plain_file_is_not_read(tmp_path):
    line = json.dumps({"kind": "exit", "t": 1.0, "code": 0}).encode() + b"\n"
    (tmp_path / "1-1.jsonl").write_bytes(line)
    (tmp_path / "1-1.1.jsonl").mkdir()
    reading = Journal(tmp_path, 1_000)
    assert len(list(reading.poll())) == 1
    assert list(reading.poll()) == []
