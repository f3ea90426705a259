"""Who waits for whom: the wait-for analysis on runs written down as data."""

from __future__ import annotations

import pytest
import recorded
from recorded import Rank

from launch.verdict import views
from launch.waits import Standstill, find_standstill, members


def standstill(*ranks: Rank, more_may_start: bool = False, world: int | None = None) -> Standstill | None:
    state = recorded.situation(recorded.workers(ranks), ranks=world or len(ranks))
    return find_standstill(views(state), more_may_start=more_may_start)


def pair() -> tuple[Rank, Rank]:
    return Rank(0, 2), Rank(1, 2)


def both_receive() -> list[Rank]:
    zero, one = pair()
    return [zero.recv(1), one.recv(0)]


def both_send() -> list[Rank]:
    zero, one = pair()
    return [zero.send(1), one.send(0)]


def both_wait_for_their_sends() -> list[Rank]:
    zero, one = pair()
    return [zero.wait(zero.begin("isend", 1)), one.wait(one.begin("isend", 0))]


def tags_differ() -> list[Rank]:
    zero, one = pair()
    return [zero.send(1, tag=4), one.recv(0, tag=0)]


def three_in_a_ring() -> list[Rank]:
    ranks = [Rank(rank, 3) for rank in range(3)]
    return [rank.recv((rank.rank + 1) % 3) for rank in ranks]


def itself() -> list[Rank]:
    zero, one = pair()
    return [zero.wait(zero.begin("irecv", 0)), one.recv(0)]


def collective_and_message() -> list[Rank]:
    zero, one = pair()
    return [zero.together("all_reduce"), one.recv(0)]


def different_collectives() -> list[Rank]:
    zero, one = pair()
    return [zero.together("broadcast", peer=0), one.together("all_reduce")]


def sizes_differ() -> list[Rank]:
    zero, one = pair()
    return [zero.together("all_reduce", shape=[4]), one.together("all_reduce", shape=[5])]


def second_of_two_messages_missing() -> list[Rank]:
    zero, one = pair()
    zero.recv(1, done=True).recv(1)
    return [zero, one.send(0, done=True).recv(0)]


def both_threads_of_both() -> list[Rank]:
    zero, one = pair()
    zero.call("recv", thread=0, peer=1, tag=0)
    zero.call("recv", thread=1, peer=1, tag=1)
    one.call("recv", thread=0, peer=0, tag=0)
    return [zero, one]


DEADLOCKS = [
    both_receive,
    both_send,
    both_wait_for_their_sends,
    tags_differ,
    three_in_a_ring,
    collective_and_message,
    different_collectives,
    sizes_differ,
    second_of_two_messages_missing,
    both_threads_of_both,
]


@pytest.mark.parametrize("make", DEADLOCKS, ids=lambda make: make.__name__)
def test_everyone_waits_in_vain(make):
    found = standstill(*(ranks := make()))
    assert found is not None
    assert found.ranks == {rank.rank for rank in ranks}
    assert found.cycle == tuple(range(len(ranks)))


def matched_message() -> list[Rank]:
    zero, one = pair()
    return [zero.send(1), one.recv(0)]


def begun_in_the_background() -> list[Rank]:
    zero, one = pair()
    zero.begin("isend", 1, tag=0)
    return [zero.recv(1, tag=1), one.recv(0, tag=0)]


def receive_begun_before() -> list[Rank]:
    zero, one = pair()
    one.begin("irecv", 0)
    return [zero.send(1), one.recv(0, tag=7)]


def complete_collective() -> list[Rank]:
    return [rank.together("all_reduce") for rank in pair()]


def one_computes() -> list[Rank]:
    zero, one = pair()
    return [zero.recv(1), one]


def one_sleeps() -> list[Rank]:
    zero, one = pair()
    one.call("sleep", seconds=1000)
    return [zero.recv(1), one]


def a_thread_still_works() -> list[Rank]:
    zero, one = pair()
    one.recv(0)
    busy = {"thread": 1, "waiting": False, "at": ["b1.py", 5, "load"]}
    return [zero.recv(1), one.event("heartbeat", cpu_s=1.0, threads=[busy])]


def from_anyone() -> list[Rank]:
    zero, one = pair()
    return [zero.recv(None), one.send(0)]


@pytest.mark.parametrize(
    "make",
    [
        matched_message,
        begun_in_the_background,
        receive_begun_before,
        complete_collective,
        one_computes,
        one_sleeps,
        a_thread_still_works,
        from_anyone,
    ],
    ids=lambda make: make.__name__,
)
def test_somebody_can_go_on(make):
    assert standstill(*make()) is None


def test_a_rank_can_wait_for_itself():
    found = standstill(*itself())
    assert found is not None
    assert found.cycle == (0,)


def test_a_cycle_is_found_beside_a_rank_that_computes():
    zero, one, two = Rank(0, 3).recv(1), Rank(1, 3).recv(0), Rank(2, 3)
    found = standstill(zero, one, two)
    assert found is not None
    assert found.ranks == {0, 1}


def test_a_rank_behind_the_cycle_waits_in_vain_but_is_not_in_it():
    found = standstill(Rank(0, 3).recv(1), Rank(1, 3).recv(2), Rank(2, 3).recv(1))
    assert found is not None
    assert found.ranks == {0, 1, 2}
    assert found.cycle == (1, 2)


def test_a_receive_from_anyone_needs_all_to_wait_in_vain():
    free = standstill(Rank(0, 3).recv(None), Rank(1, 3).recv(0), Rank(2, 3))
    stuck = standstill(Rank(0, 3).recv(None), Rank(1, 3).recv(0), Rank(2, 3).recv(0))
    assert free is None
    assert stuck is not None


def test_a_rank_that_is_about_to_end_may_still_free_others_by_closing_its_connections():
    zero, one = Rank(0, 2).recv(1), Rank(1, 2).event("exit", code=0)
    state = recorded.situation([zero.worker(), one.worker()], ranks=2)
    assert find_standstill(views(state)) is None


def test_waiting_for_a_rank_that_has_left_is_in_vain():
    zero, one = pair()
    found = standstill(zero.recv(1), one.event("exit", code=0))
    assert found is not None
    assert found.cycle == ()
    assert found.waits[0].partners == (1,)


def test_a_wait_names_where_its_operation_was_begun():
    zero, one = both_wait_for_their_sends()
    found = standstill(zero, one)
    assert found is not None
    assert str(found.waits[0]) == (
        "rank 0 waits in wait() for isend(dst=1, tag=0) b1.py:30 (begun at b1.py:20)"
    )


def test_unmatched_tags_are_named():
    found = standstill(*tags_differ())
    assert found is not None
    assert found.waits[1].why == "rank 0 has sent to rank 1: tag 4 (b1.py:20)"


@pytest.mark.parametrize(
    ("more_may_start", "stuck"), [(False, True), (True, False)], ids=["never", "perhaps"]
)
def test_ranks_that_were_never_started(more_may_start, stuck):
    ranks = [Rank(rank, 4, joined=False) for rank in range(3)]
    found = standstill(*ranks, more_may_start=more_may_start)
    assert (found is not None) is stuck
    if found is not None:
        assert {wait.partners for wait in found.waits} == {(3,)}


def test_world_sizes_that_differ():
    ranks = [Rank(0, 2, joined=False), Rank(1, 3, joined=False), Rank(2, 3, joined=False)]
    found = standstill(*ranks)
    assert found is not None
    assert "rank 1 says world_size=3" in found.waits[0].why


def test_new_group_waits_for_its_members_only():
    ranks = [Rank(0, 3).new_group([0, 1], 1), Rank(1, 3).recv(2), Rank(2, 3).recv(1)]
    found = standstill(*ranks)
    assert found is not None
    assert found.waits[0].partners == (1,)
    assert found.waits[0].why == "rank 1 called no new_group"


def test_new_group_called_as_another_number():
    zero = Rank(0, 2).new_group([0, 1], 1)
    one = Rank(1, 2).new_group([1], 1, done=True).new_group([0, 1], 2)
    found = standstill(zero, one)
    assert found is not None
    assert found.cycle == (0, 1)


def test_new_group_that_met_another_groups_call():
    zero = Rank(0, 3).new_group([0, 1], 1)
    one = Rank(1, 3).new_group([0, 1], 1, done=True).together("all_reduce", group="0,1")
    two = Rank(2, 3).new_group([2], 1, done=True).recv(0)
    found = standstill(zero, one, two)
    assert found is not None
    assert "rank 2 calls new_group([2]) as call 1" in found.waits[0].why


def test_new_group_that_all_call_alike_is_only_slow():
    assert standstill(Rank(0, 2).new_group([0, 1], 1), Rank(1, 2).new_group([0, 1], 1)) is None


def test_collectives_of_different_groups_do_not_meet():
    zero = Rank(0, 2).new_group([0, 1], 1, done=True).together("all_reduce", group="0,1")
    one = Rank(1, 2).new_group([0, 1], 1, done=True).together("all_reduce", group="world")
    assert standstill(zero, one) is not None


@pytest.mark.parametrize(
    ("group", "expected"),
    [("world", (0, 1, 2)), ("0,3", (0, 3)), ("0,3#2", (0, 3)), ("no,members", ())],
)
def test_members(group, expected):
    assert members(group, 3) == expected


def test_collectives_are_counted_without_other_calls():
    zero, one = pair()
    for rank in (zero, one):
        if rank is one:
            for _ in range(3):
                one.wait(one.begin("irecv", 0), done=True)
                zero.send(1, done=True)
        rank.together("all_reduce", shape=[4], done=True)
    found = standstill(zero.together("all_reduce", shape=[4]), one.recv(0, tag=5))
    assert found is not None
    assert found.waits[0].why == "rank 1 did not enter it"


def met_by(*, dropped: bool) -> list[Rank]:
    """Rank 1 has begun to receive what rank 0 sends, and waits for something else."""
    zero, one = pair()
    begun = one.begin("irecv", 0, tag=1)
    if dropped:
        one.event("dropped", id=begun)
    return [zero.send(1, tag=1), one.recv(0, tag=2)]


def test_a_message_that_one_side_has_dropped_never_comes():
    found = standstill(*met_by(dropped=True))
    assert found is not None
    assert found.waits[0].why == "on rank 1 the irecv begun at b1.py:20 was never waited for"
    assert standstill(*met_by(dropped=False)) is None


def test_what_follows_a_dropped_receive_may_not_come():
    zero, one = pair()
    one.event("dropped", id=one.begin("irecv", 0, tag=1))
    zero.send(1, tag=1, done=True).send(1, tag=2, done=True)
    found = standstill(zero.recv(1, tag=3), one.recv(0, tag=2))
    assert found is not None
    assert "the irecv begun at b1.py:20 was never waited for" in found.waits[1].why


def test_asking_again_and_again_is_waiting():
    zero, one = pair()
    begun = one.begin("irecv", 0, tag=1)
    one.call("is_completed", waits_for=begun)
    assert standstill(zero.recv(1), one) is not None
    one.event("zero_grad", via="optimizer", set_to_none=True, step=1)
    assert standstill(zero, one) is None
