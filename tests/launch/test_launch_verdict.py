"""Outcomes, from runs written down as data."""

from __future__ import annotations

import pytest
import recorded
from recorded import Rank

from launch.run_report import FailureKind, Outcome, RankState
from launch.verdict import Judge, Situation, Verdict, first_failure, rank_state


def look(state: Situation, signals: dict[str, str] | None = None) -> Verdict | None:
    """The verdict once nothing has changed for a while."""
    judge = Judge()
    judge.look(state, signals or {})
    state.now_s += 2.0
    return judge.look(state, signals or {})


def ended(rank: Rank, code: int | None = 0, at_s: float = 10.0):
    """The worker of a rank that is gone; without a code it was killed."""
    if code is not None:
        rank.event("exit", code=code)
    worker = recorded.ended(rank.worker())
    worker.ended_s = at_s
    return worker


def raised(rank: Rank, message: str = "boom", type: str = "ValueError") -> Rank:
    return rank.event(
        "exception",
        type=type,
        message=message,
        traceback="Traceback",
        thread=0,
        fatal=True,
        at=["b1.py", 5, "f"],
    )


def three(steps: int = 8) -> list[Rank]:
    return [Rank(rank, 3).steps(steps) for rank in range(3)]


def stopped(rank: Rank) -> Rank:
    return rank.event("stop", step=9, thread=0)


def outcome(state: Situation) -> Outcome | None:
    verdict = look(state)
    return verdict.outcome if verdict else None


def test_every_rank_ended_after_its_steps():
    state = recorded.situation([ended(rank) for rank in three()], script_status=0, script_ended_s=10.0)
    assert outcome(state) is Outcome.FINISHED


def test_every_rank_stopped_after_its_steps():
    state = recorded.situation([stopped(rank).worker() for rank in three()])
    assert outcome(state) is Outcome.FINISHED


def test_stopped_ranks_and_one_that_waits_for_them_after_its_steps():
    zero, one, two = three()
    state = recorded.situation([stopped(zero).worker(), stopped(one).worker(), two.recv(1).worker()])
    assert outcome(state) is Outcome.FINISHED


def test_a_rank_that_steps_more_often_than_the_others():
    zero, _, two = three(steps=2)
    ahead = stopped(Rank(1, 3).steps(8))
    state = recorded.situation([zero.recv(1).worker(), ahead.worker(), two.recv(1).worker()])
    assert outcome(state) is Outcome.WRONG_STEPS


@pytest.mark.parametrize("steps", [0, 7])
def test_fewer_steps_than_asked(steps):
    state = recorded.situation([ended(rank) for rank in three(steps)], script_status=0, script_ended_s=10.0)
    assert outcome(state) is Outcome.WRONG_STEPS


def test_fewer_ranks_than_asked():
    workers = [ended(rank) for rank in three()[:2]]
    state = recorded.situation(workers, ranks=3, script_status=0, script_ended_s=10.0)
    assert outcome(state) is Outcome.WRONG_STEPS


def test_a_script_that_lives_on_after_its_ranks_is_given_a_moment():
    workers = [ended(rank, at_s=18.0) for rank in three()]
    state = recorded.situation(workers, now_s=19.0)
    assert Judge().look(state, {}) is None
    state.now_s = 25.0
    assert Judge().look(state, {}) == Verdict(Outcome.FINISHED)


def test_a_run_goes_on_while_a_rank_lives():
    assert look(recorded.situation([rank.worker() for rank in three(3)])) is None


def test_a_standstill_is_a_deadlock_only_if_it_lasts():
    zero, one, two = three(3)
    state = recorded.situation([zero.recv(1).worker(), one.recv(0).worker(), two.recv(1).worker()])
    judge = Judge()
    assert judge.look(state, {}) is None
    state.now_s += 1.0
    assert judge.look(state, {}) is None
    state.now_s += 1.0
    verdict = judge.look(state, {})
    assert verdict is not None
    assert verdict.outcome is Outcome.DEADLOCKED


def test_a_message_that_may_be_lost_is_given_more_time():
    zero, one = Rank(0, 2), Rank(1, 2)
    one.event("dropped", id=one.begin("irecv", 0, tag=1))
    state = recorded.situation([zero.send(1, tag=1).worker(), one.recv(0).worker()], ranks=2)
    judge = Judge()
    assert judge.look(state, {}) is None
    state.now_s += 2.0
    assert judge.look(state, {}) is None
    state.now_s += 4.0
    verdict = judge.look(state, {})
    assert verdict is not None
    assert verdict.outcome is Outcome.DEADLOCKED


def test_a_new_call_starts_the_settling_again():
    zero, one, two = Rank(0, 3), Rank(1, 3).recv(0), Rank(2, 3).recv(1)
    zero.recv(1)
    first = zero.worker()
    state = recorded.situation([first, one.worker(), two.worker()])
    judge = Judge()
    judge.look(state, {})
    state.now_s += 1.0
    state.workers[0] = zero.end(2).recv(2).worker()
    judge.look(state, {})
    state.now_s += 1.0
    assert judge.look(state, {}) is None


def caught(rank: Rank, count: int) -> Rank:
    for number in range(count):
        rank.event("caught", type="ValueError", message="boom", count=number + 1, at=["b1.py", 5, "f"])
    return rank


def test_an_exception_caught_again_and_again_while_the_others_wait():
    zero, one, two = three(1)
    state = recorded.situation([zero.recv(1).worker(), caught(one, 16).worker(), two.recv(1).worker()])
    verdict = look(state)
    assert verdict is not None
    assert verdict.outcome is Outcome.CRASHED
    assert verdict.failure is not None
    assert (verdict.failure.kind, verdict.failure.rank) == (FailureKind.REPEATED, 1)


def test_a_limit_that_ended_the_script_comes_before_what_its_end_did():
    killed = [ended(rank, code=None) for rank in three(1)]
    said = "The code wrote 2 GiB; at most 1 GiB is allowed."
    state = recorded.situation(killed, script_status=137, script_ended_s=10.0, ended_for=said)
    verdict = look(state)
    assert verdict is not None
    assert verdict.failure is not None
    assert verdict.failure.kind is FailureKind.LIMIT
    sentence = recorded.report(state, verdict).sentence
    assert sentence.startswith(
        "The script went past a limit and was ended, with all its ranks, after 1 of 8 steps."
    )
    assert sentence.endswith(said)


@pytest.mark.parametrize("steps_between", [False, True], ids=["a few", "with steps between"])
def test_an_exception_caught_now_and_then(steps_between):
    zero, one, two = three(1)
    caught(one, 16 if steps_between else 8)
    if steps_between:
        one.steps(2)
    state = recorded.situation([zero.recv(1).worker(), one.worker(), two.recv(1).worker()])
    assert look(state) is None


def test_a_message_that_nobody_waited_for_is_noted():
    zero, one, two = three(8)
    zero.event("dropped", id=zero.begin("isend", 1))
    state = recorded.situation(
        [ended(rank) for rank in (zero, one, two)], script_status=0, script_ended_s=10.0
    )
    notes = recorded.report(state, Verdict(Outcome.FINISHED)).notes
    assert any("the isend begun at b1.py:20 was never waited for" in note for note in notes)


@pytest.mark.parametrize(("sent", "noted"), [(2, True), (5, False)])
def test_a_message_that_is_too_small_is_noted(sent, noted):
    zero, one, two = three(8)
    zero.end(zero.call("send", peer=1, tag=3, group="world", shape=[sent], dtype="float32"))
    one.end(one.call("recv", peer=0, tag=3, group="world", shape=[5], dtype="float32"))
    state = recorded.situation(
        [ended(rank) for rank in (zero, one, two)], script_status=0, script_ended_s=10.0
    )
    notes = recorded.report(state, Verdict(Outcome.FINISHED)).notes
    assert any("fills only the beginning of that tensor" in note for note in notes) is noted


def test_time_is_up():
    state = recorded.situation([rank.worker() for rank in three(3)], now_s=60.0)
    assert outcome(state) is Outcome.TOO_SLOW


def test_a_failure_ends_the_run_after_a_moment():
    zero, one, two = three(3)
    workers = [zero.worker(), ended(raised(one), code=1), two.worker()]
    state = recorded.situation(workers, now_s=0.1)
    assert Judge().look(state, {}) is None
    state.now_s = 1.0
    verdict = Judge().look(state, {})
    assert verdict is not None
    assert verdict.outcome is Outcome.CRASHED


def failure(*workers, **changes):
    found = first_failure(recorded.situation(workers, **changes), changes.get("signals", {}))
    assert found is not None
    return found


CLOSED = "[pair.cc:561] Connection closed by peer [127.0.0.1]:26518."


def test_the_first_of_two_failures():
    zero, one, two = three(3)
    two.event("fault", activity="", message="")  # time passes
    found = failure(zero.worker(), ended(raised(one), 1), ended(raised(two, "late"), 1))
    assert (found.rank, found.message) == (1, "boom")


def test_who_sees_a_closed_connection_is_not_the_culprit():
    zero, one, two = three(3)
    one.event("fault", activity="", message="")
    found = failure(ended(raised(zero, CLOSED, "RuntimeError"), 1), ended(raised(one), 1), two.worker())
    assert found.rank == 1


def test_a_rank_that_gloo_aborts_did_not_fail_because_another_ended():
    zero, one, _ = three(3)
    signals = {one.worker().key: "Fatal Python error: Aborted\n"}
    early, aborted = ended(zero), ended(one, code=None)
    state = recorded.situation([early, aborted])
    found = first_failure(state, signals)
    assert found is not None
    assert (found.rank, found.kind) == (1, FailureKind.KILLED)


def test_a_rank_that_ended_early_is_the_culprit():
    zero, one, two = three(3)
    found = failure(ended(raised(zero, CLOSED, "RuntimeError"), 1), one.worker(), ended(two, 0))
    assert (found.rank, found.kind) == (2, FailureKind.ENDED_EARLY)


def test_ending_early_alone_is_no_failure():
    zero, one, two = three(3)
    assert first_failure(recorded.situation([zero.worker(), one.worker(), ended(two, 0)]), {}) is None


def test_a_killed_rank():
    zero, one, two = three(3)
    worker = ended(one, code=None)
    signals = {worker.key: "Fatal Python error: Segmentation fault\n\nCurrent thread"}
    found = first_failure(recorded.situation([zero.worker(), worker, two.worker()]), signals)
    assert found is not None
    assert (found.rank, found.kind, found.message) == (1, FailureKind.KILLED, "Segmentation fault")


def test_an_exit_status():
    one = Rank(1, 3).event("sys_exit", code=3, at=["b1.py", 9, "main"])
    found = failure(Rank(0, 3).worker(), ended(one, 3))
    assert (found.rank, found.kind, found.code) == (1, FailureKind.EXITED, 3)


def test_a_messenger_reports_the_failure_of_another():
    one = Rank(1, 3)
    one.event("fault", activity="", message="")
    state = recorded.situation(
        [ended(raised(Rank(0, 3), type="ProcessRaisedException"), 1), ended(raised(one), 1)]
    )
    found = first_failure(state, {})
    assert found is not None
    assert found.rank == 1


def test_an_exception_in_a_thread_alone_is_no_failure():
    rank = Rank(0, 3).event("exception", type="E", message="", traceback="", thread=1, fatal=False)
    assert first_failure(recorded.situation([rank.worker()]), {}) is None


def test_a_script_that_fails_before_any_rank():
    state = recorded.situation([], ranks=3, script_status=127, script_ended_s=0.1)
    found = first_failure(state, {})
    assert found is not None
    assert (found.kind, found.code) == (FailureKind.SCRIPT, 127)


def test_a_script_that_fails_after_all_steps_is_none_the_worse():
    state = recorded.situation([ended(rank) for rank in three()], script_status=1, script_ended_s=10.0)
    assert outcome(state) is Outcome.FINISHED


def beats(rank: Rank, cpu_s: tuple[float, float]) -> Rank:
    for value in cpu_s:
        rank._t += 0.5
        rank.event("heartbeat", cpu_s=value, threads=[])
    return rank


@pytest.mark.parametrize(
    ("rank", "expected"),
    [
        (Rank(0, 3).recv(1), RankState.BLOCKED),
        (beats(Rank(0, 3), (1.0, 1.45)), RankState.COMPUTING),
        (beats(Rank(0, 3), (1.0, 1.01)), RankState.ASLEEP),
        (stopped(Rank(0, 3)), RankState.STOPPED),
        (raised(Rank(0, 3)), RankState.FAILED),
        (Rank(0, 3).event("exit", code=0), RankState.ENDED),
        (Rank(0, 3).event("exit", code=1), RankState.FAILED),
    ],
    ids=["blocked", "computing", "asleep", "stopped", "raised", "ended", "exit status"],
)
def test_where_a_rank_is(rank, expected):
    assert rank_state(rank.worker(), failed=False) is expected


def test_a_rank_in_sleep_is_asleep():
    rank = Rank(0, 3)
    rank.call("sleep", seconds=1000)
    assert rank_state(rank.worker(), failed=False) is RankState.ASLEEP
