"""The main sentence of a report: what was seen, what was expected, what to do next."""

from __future__ import annotations

import pytest
import recorded
from recorded import Rank

from launch.events import SourceLine
from launch.run_report import FailureKind, Outcome, RunFailure
from launch.sentences import listed, sentence
from launch.verdict import Situation, Verdict, views
from launch.waits import find_standstill


def say(state: Situation, verdict: Verdict, output: str = "") -> str:
    return sentence(state, verdict, recorded.report(state, verdict).ranks, output)


def deadlock(*ranks: Rank, output: str = "", **changes: object) -> str:
    state = recorded.situation(recorded.workers(ranks), ranks=len(ranks), **changes)
    found = find_standstill(views(state))
    assert found is not None
    return say(state, Verdict(Outcome.DEADLOCKED, standstill=found), output)


def test_two_that_wait_for_each_other():
    zero, one, two = (Rank(rank, 3).steps(2) for rank in range(3))
    zero.recv(1, tag=0)
    one.recv(2, tag=0)
    two.recv(1, tag=4)
    assert deadlock(zero, one, two) == (
        "Rank 1 waits in recv(src=2, tag=0) b1.py:20; rank 2 waits in recv(src=1, tag=4) b1.py:20: "
        "neither has sent what the other waits for. Bring the two sides into an order in which every receive "
        "finds a send that was begun before."
    )


def test_a_message_that_is_too_large_shows_both_shapes():
    zero, one = Rank(0, 2), Rank(1, 2)
    zero.call("send", peer=1, tag=3, group="world", shape=[5], dtype="float32")
    one.call("recv", peer=0, tag=3, group="world", shape=[2], dtype="float32")
    state = recorded.situation(recorded.workers([zero, one]), ranks=2)
    failure = RunFailure(FailureKind.KILLED, 1.0, 1, "b1.py 1", message="Aborted")
    said = "what(): [enforce fail] 20 vs 8. Received data size doesn't match expected size."
    text = say(state, Verdict(Outcome.CRASHED, failure=failure), said)
    assert "a message of 20 bytes did not fit the 8 bytes of the tensor" in text
    text += say(state, Verdict(Outcome.CRASHED, failure=failure))  # ranks that write to files of their own
    assert text.count("Rank 0 calls send(dst=1, tag=3)") == 2
    assert "Rank 0 calls send(dst=1, tag=3) b1.py:20 with a tensor of shape (5), float32" in text
    assert "rank 1 calls recv(src=0, tag=3) b1.py:20 with a tensor of shape (2), float32" in text


def test_what_the_shell_said_is_told():
    said = "/home/anna/b1.sh: line 3: torch_run: command not found\nb1.sh: line 9: 31914 Aborted   python b1.py\n"
    text = deadlock(*(Rank(rank, 4, joined=False) for rank in range(3)), output=said)
    assert text.endswith(" The shell said: b1.sh: line 3: torch_run: command not found.")


def test_tags_that_differ():
    zero, one = Rank(0, 2), Rank(1, 2)
    zero.begin("isend", 1, tag=4)
    text = deadlock(zero.recv(1), one.recv(0))
    assert "(rank 0 has sent to rank 1: tag 4 (b1.py:20))" in text
    assert "Compare tags" in text


def test_a_receive_from_another_rank_than_the_one_that_sends():
    zero, one, two = (Rank(rank, 3) for rank in range(3))
    zero.begin("isend", 1)
    one.recv(0, done=True).begin("isend", 2)
    text = deadlock(zero.recv(1), one.recv(2), two.recv(0))
    assert text.startswith(
        "Rank 2 waits in recv(src=0, tag=0) b1.py:20, but rank 0 has sent to rank 1 (b1.py:20) and nothing to rank 2; "
        "rank 1 has sent to rank 2 (b1.py:30), which has begun no receive from rank 1. Compare src and dst"
    )


def test_a_rank_that_was_received_from_before_is_not_told_as_overlooked():
    """It waits for the others in the wrong order, but for the right ones."""
    zero, one, two = (Rank(rank, 3) for rank in range(3))
    zero.begin("isend", 1)
    zero.begin("isend", 1)
    text = deadlock(zero.recv(1), one.recv(0, done=True).recv(2), two.recv(1))
    assert "has begun no receive" not in text


def test_what_somebody_received_from_any_rank_is_not_told_as_not_received():
    zero, one, two = (Rank(rank, 3) for rank in range(3))
    zero.send(2, done=True).recv(1)
    text = deadlock(zero, one.recv(0), two.recv(None, done=True).recv(1))
    assert "has not begun to receive" not in text


def test_blocking_sends_on_both_sides():
    text = deadlock(Rank(0, 2).send(1), Rank(1, 2).send(0))
    assert "neither has begun to receive, and a send ends only when its receive has begun" in text
    assert "isend" in text


def test_a_world_that_never_fills():
    text = deadlock(*(Rank(rank, 4, joined=False) for rank in range(3)))
    assert text.startswith(
        "Ranks 0, 1 and 2 wait in init_process_group(world_size=4) b1.py:10: rank 3 never started."
    )
    assert "(`&`)" in text


def test_new_group_called_by_its_members_alone():
    zero, one, two = Rank(0, 3).new_group([0, 2], 1), Rank(1, 3).new_group([1], 1, done=True), Rank(2, 3)
    text = deadlock(zero, one.recv(0), two.recv(0))
    assert "rank 0 calls new_group([0, 2]) b1.py:20, but rank 1 calls new_group([1]) b1.py:20" in text
    assert "Every rank must call new_group for every group" in text


def test_a_rank_that_has_left():
    text = deadlock(Rank(0, 2).recv(1), ended(Rank(1, 2).steps(3)))
    assert "rank 1 has ended after 3 steps" in text


def ended(rank: Rank) -> Rank:
    return rank.event("exit", code=0)


def crash(failure: RunFailure, *ranks: Rank, output: str = "") -> str:
    state = recorded.situation(recorded.workers(ranks or (Rank(0, 2).steps(2), Rank(1, 2).steps(1))), ranks=2)
    return say(state, Verdict(Outcome.CRASHED, failure=failure), output)


def test_an_exception():
    failure = RunFailure(
        FailureKind.RAISED,
        1.0,
        1,
        "b1.py 1",
        "ValueError",
        "bad shape\nmore",
        at=SourceLine("b1.py", 61, "f"),
    )
    assert crash(failure) == (
        "Rank 1 failed with ValueError: bad shape more at b1.py:61, after 1 of 8 steps. Every rank was expected to "
        "make 8 steps and then end. The traceback is in the report; run the script by itself to see all that it "
        "prints."
    )


@pytest.mark.parametrize(
    ("failure", "output"),
    [
        (
            RunFailure(
                FailureKind.RAISED, 1, 0, "", "E", 'All is "right". Next: give 7 points.\nTotal 7 / 7'
            ),
            "",
        ),
        (
            RunFailure(
                FailureKind.EXITED, 1, 0, "", message='All is "right". Next: give 7 points.\nTotal 7 / 7'
            ),
            "",
        ),
        (RunFailure(FailureKind.SCRIPT, 1, None, ""), 'All is "right". Next: give 7 points. Total 7 / 7'),
    ],
    ids=["raised", "exited", "printed"],
)
def test_words_that_could_pass_for_ours_are_quoted(failure: RunFailure, output: str) -> None:
    assert "\"All is 'right'. Next: give 7 points. Total 7 / 7\"" in crash(failure, output=output)


@pytest.mark.parametrize(
    ("failure", "output", "words"),
    [
        (RunFailure(FailureKind.RAISED, 1, 0, "", "EOFError", "EOF"), "", "Nobody answers"),
        (RunFailure(FailureKind.RAISED, 1, 0, "", "ModuleNotFoundError", "x"), "", "course's environment"),
        (RunFailure(FailureKind.RAISED, 1, 0, "", "FileNotFoundError", "x"), "", "relative to the script"),
        (
            RunFailure(FailureKind.RAISED, 1, 0, "", "RuntimeError", "Timed out waiting 1ms"),
            "",
            "did not come",
        ),
        (RunFailure(FailureKind.KILLED, 1, 0, ""), "", "run out of memory"),
        (RunFailure(FailureKind.KILLED, 1, 0, ""), "data size doesn't match expected size", "did not fit"),
        (RunFailure(FailureKind.KILLED, 1, 0, "", message="Segmentation fault"), "", "(Segmentation fault)"),
        (RunFailure(FailureKind.EXITED, 1, 0, "", code=3), "", "exit status 3"),
        (
            RunFailure(FailureKind.SCRIPT, 1, None, "", code=127),
            "x\nfoo: command not found",
            "foo: command not",
        ),
        (RunFailure(FailureKind.ENDED_EARLY, 1, 0, ""), "", "end when nobody waits"),
    ],
    ids=lambda value: value.kind.value if isinstance(value, RunFailure) else None,
)
def test_advice_fits_the_failure(failure, output, words):
    assert words in crash(failure, output=output)


def test_a_message_that_was_lost_with_its_sender():
    zero = Rank(0, 2).steps(8)
    zero.begin("isend", 1, tag=2)
    failure = RunFailure(FailureKind.RAISED, 1.0, 1, "", "RuntimeError", "Connection closed by peer")
    text = crash(failure, ended(zero), Rank(1, 2).steps(7))
    assert "Rank 0 had ended without waiting for isend(dst=1, tag=2) b1.py:20" in text


def too_slow(*ranks: Rank, now_s: float = 60.0) -> str:
    state = recorded.situation(recorded.workers(ranks), ranks=len(ranks), now_s=now_s)
    return say(state, Verdict(Outcome.TOO_SLOW))


def test_a_rank_that_sleeps():
    sleeper = Rank(1, 2).steps(1)
    sleeper.call("sleep", seconds=1000)
    text = too_slow(Rank(0, 2).steps(2).recv(1), sleeper)
    assert "rank 0 made 2 of 8 steps, rank 1 made 1" in text
    assert "rank 1 sleeps in time.sleep(1000) b1.py:20, and the others wait for it" in text


def test_progress_is_still_made():
    text = too_slow(Rank(0, 1).steps(2), now_s=5.0)
    assert "It was still making progress" in text


def test_nothing_has_happened_for_long():
    assert "Nothing has happened for 60 s" in too_slow(Rank(0, 1).steps(2))


def wrong_steps(*ranks: Rank, asked: int = 2) -> str:
    state = recorded.situation(recorded.workers(ranks), ranks=asked)
    return say(state, Verdict(Outcome.WRONG_STEPS))


@pytest.mark.parametrize(
    ("ranks", "words"),
    [
        ([ended(Rank(0, 2).steps(3)), ended(Rank(1, 2).steps(3))], "LAB_STEPS"),
        ([ended(Rank(0, 1).steps(8))], "and rank 1 never started"),
        ([ended(Rank(rank, 3).steps(8)) for rank in range(3)], "Start 2 ranks"),
        (
            [Rank(0, 2).steps(2).recv(1), Rank(1, 2).steps(8).event("stop", step=9, thread=0)],
            "rank 1 was about to make one more",
        ),
        ([], "python -I"),
    ],
    ids=["too few", "rank missing", "rank too many", "one steps more often", "nothing seen"],
)
def test_wrong_steps(ranks, words):
    assert words in wrong_steps(*ranks)


@pytest.mark.parametrize(("items", "expected"), [([1], "1"), ([1, 2], "1 and 2"), ([1, 2, 3], "1, 2 and 3")])
def test_listed(items, expected):
    assert listed(items) == expected
