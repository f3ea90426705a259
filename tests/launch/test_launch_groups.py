"""Calls of `new_group` that do not fit together."""

from __future__ import annotations

import recorded
from recorded import Rank

from launch.groups import find_uneven


def groups(rank: int, *asked: list[int]) -> Rank:
    made = Rank(rank, 6)
    for order, ranks in enumerate(asked, start=1):
        made.new_group(ranks, order, done=True)
    return made


def uneven(*ranks: Rank) -> str | None:
    found = find_uneven(recorded.by_rank(ranks))
    return str(found) if found else None


def test_every_rank_calls_for_every_group():
    everyone = [groups(rank, [0, 3], [1, 4], [2, 5]) for rank in range(6)]
    assert uneven(*everyone) is None


def test_members_alone():
    found = uneven(*(groups(rank, [rank % 3, rank % 3 + 3]) for rank in range(6)))
    assert found == (
        "as call 1 of new_group rank 0 calls new_group([0, 3]) b1.py:20, "
        "but rank 1 calls new_group([1, 4]) b1.py:20"
    )


def test_another_order():
    found = uneven(groups(0, [0, 1], [0, 2]), groups(1, [0, 2], [0, 1]))
    assert found is not None
    assert found.startswith("as call 1 ")


def test_a_rank_that_is_not_there_yet_may_still_call():
    assert uneven(groups(0, [0, 1]), groups(1)) is None


def test_a_rank_that_has_gone_past_it_does_not_call():
    found = uneven(groups(0, [0, 1]), groups(1).steps(1))
    assert found is not None
    assert found.endswith("but rank 1 does not call it")


def test_local_groups_are_for_their_members_alone():
    zero, one = Rank(0, 2), Rank(1, 2).steps(1)
    zero.call("new_group", ranks=[0], order=1, group="0", local=True, member=True)
    assert uneven(zero, one) is None
