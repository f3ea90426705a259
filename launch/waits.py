"""Who waits for whom, and whether that can end: the wait-for graph of all ranks' pending operations.

gloo's rules, as measured (docs/launch.md, "What gloo waits for"):

- A send of any size is over only when the other side has begun the matching receive; beginning one
  (`isend`) waits for nothing. A receive is over when the matching send has begun. Neither is where the other side has
  dropped what `isend` or `irecv` returned before the message went over; nor is what follows a receive dropped so.
- Messages match by sender, receiver, group and tag; within these by order.
- The n-th collective of a group meets the n-th collective of every other member, and nothing else.
- `init_process_group` waits for every rank of its world size, `new_group` for every member of the group.

An operation that cannot be matched by what all ranks have begun so far waits for the ranks that could begin
the missing part. It waits in vain if one of them has ended, or is itself among those who wait in vain. The
largest set of ranks for which that holds is a deadlock: no message that could still be sent would free any
of them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from .events import SourceLine
from .workers import MESSAGES, NOT_COLLECTIVE, RANK_LIMIT, SENDS, Operation


@dataclass(frozen=True)
class RankView:
    """What the analysis needs of a rank. `blocked`: the calls it stands in, if it can do nothing else."""

    operations: Sequence[Operation]  # the last ones that it made
    blocked: tuple[Operation, ...] = ()
    gone: bool = False  # it has ended, or it waits for the end of the run: it will begin nothing any more
    world_size: int | None = None
    forgotten: int = 0  # operations that came before


@dataclass(frozen=True)
class Wait:
    """A rank that waits in vain in one call."""

    rank: int
    call: str
    at: SourceLine | None
    partners: tuple[int, ...]  # the ranks it waits for
    any_partner: bool = False  # one of them would do
    why: str = ""  # what the partners did instead
    begun_at: SourceLine | None = None  # of a `wait`: where the operation was begun
    lost: bool = False  # the other side has let go of the message
    misdirected: bool = False  # it is another rank that sends to this one

    def __str__(self) -> str:
        place = f" {self.at}" if self.at else ""
        begun = f" (begun at {self.begun_at})" if self.begun_at and self.begun_at != self.at else ""
        return f"rank {self.rank} waits in {self.call}{place}{begun}"


@dataclass(frozen=True)
class Standstill:
    """Ranks that wait in vain, and a cycle among them if there is one: each waits for the next in it."""

    waits: tuple[Wait, ...]
    cycle: tuple[int, ...]

    @property
    def ranks(self) -> frozenset[int]:
        return frozenset(wait.rank for wait in self.waits)


Channel = tuple[int, int, str, int]  # source, destination, group, tag
RECENT_LIMIT = 50_000  # operations kept of all ranks together: whoever waits in vain waits in one of the last


@dataclass
class Lane:
    """Operations that are matched by their order: of one channel, or of one rank in a group."""

    count: int = 0  # of all that were begun
    recent: deque[Operation] = field(default_factory=deque)  # the last of them

    def since(self, number: int) -> list[Operation]:
        """Those that are known of the operations from `number` on, counted from 0."""
        return [operation for operation in self.recent if operation.position >= number]


@dataclass
class Begun:
    """What all ranks have begun so far, arranged by what it matches with. It takes in a whole run and does not grow with it."""

    sends: dict[Channel, Lane] = field(default_factory=dict)
    receives: dict[Channel, Lane] = field(default_factory=dict)
    any_receives: dict[tuple[int, str, int], Lane] = field(default_factory=dict)
    collectives: dict[tuple[int, str], Lane] = field(default_factory=dict)
    groups: dict[int, list[Operation]] = field(default_factory=dict)  # calls of new_group
    joins: dict[int, Operation] = field(default_factory=dict)  # the last call of init_process_group
    has_gaps: bool = False  # operations were forgotten before they could be taken in

    _taken: dict[int, int] = field(default_factory=dict)  # operations seen of each rank
    _order: deque[Lane] = field(
        default_factory=deque
    )  # whose operation came when, for those that are still in one

    def update(self, views: Mapping[int, RankView]) -> None:
        """Take in what has been begun since the last time."""
        for rank, view in views.items():
            taken = self._taken.get(rank, 0) - view.forgotten
            self.has_gaps = self.has_gaps or taken < 0
            for operation in view.operations[max(0, taken) :]:
                self._add(rank, operation)
            self._taken[rank] = view.forgotten + len(view.operations)

    def other_end(self, there: Mapping[Channel, Lane], channel: Channel, number: int) -> Operation | None:
        """The operation of the other side that the operation of this number meets, if it is known."""
        lane = there.get(channel)
        recent = lane.since(number) if lane is not None else []
        return recent[0] if recent and recent[0].position == number else None

    def list_dropped(self, rank: int, peer: int) -> list[tuple[int, Operation]]:
        """Receives between two ranks that one of them has let go of, with that rank: what comes after them may not arrive."""
        both = {rank, peer}
        return [
            (channel[1], operation)
            for channel, lane in self.receives.items()
            if set(channel[:2]) == both
            for operation in lane.recent
            if operation.dropped
        ]

    def _append(self, lane: Lane, operation: Operation) -> None:
        lane.count = operation.position + 1
        lane.recent.append(operation)
        self._order.append(lane)
        if len(self._order) > RECENT_LIMIT:
            self._order.popleft().recent.popleft()

    def _add(self, rank: int, operation: Operation) -> None:
        call = operation.call
        group, tag = call.group or "world", call.tag or 0
        if call.op == "init_process_group":
            self.joins[rank] = operation
        elif call.op == "new_group":
            self.groups.setdefault(rank, []).append(operation)
        elif call.op in SENDS and call.peer is not None:
            self._append(self.sends.setdefault((rank, call.peer, group, tag), Lane()), operation)
        elif call.op in MESSAGES and call.peer is not None:
            self._append(self.receives.setdefault((call.peer, rank, group, tag), Lane()), operation)
        elif call.op in MESSAGES - SENDS:
            self._append(self.any_receives.setdefault((rank, group, tag), Lane()), operation)
        elif is_collective(operation):
            self._append(self.collectives.setdefault((rank, group), Lane()), operation)


def is_collective(operation: Operation) -> bool:
    """Whether all members of a group must make this call."""
    return operation.op not in NOT_COLLECTIVE


def members(group: str, world_size: int) -> tuple[int, ...]:
    """The ranks of a group by its name.

    >>> members("0,3#2", 6)
    (0, 3)
    """
    if group == "world":
        return tuple(range(world_size))
    parts = group.partition("#")[0].split(",")
    return tuple(int(part) for part in parts if part.isdecimal() and len(part) < 6)


def find_standstill(
    views: Mapping[int, RankView], begun: Begun | None = None, *, more_may_start: bool = False
) -> Standstill | None:
    """The deadlock among ranks, or None. `more_may_start`: missing ranks may still be started.

    `begun` carries what earlier looks at the same run have taken in; it must belong to the same ranks.
    """
    begun = begun or Begun()
    begun.update(views)
    if begun.has_gaps:
        return None
    # 1. Suspect every rank that stands in calls of which none can be over by what has been begun.
    candidates = {rank: _waits(rank, view, views, begun) for rank, view in views.items() if view.blocked}
    stuck = {rank: waits for rank, waits in candidates.items() if waits}
    # 2. Clear those that wait for a rank that may still act, then those that wait for these, until nobody is cleared.
    while True:
        free = [
            rank
            for rank, waits in stuck.items()
            if not all(_in_vain(wait, stuck, views, more_may_start) for wait in waits)
        ]
        if not free:
            break
        for rank in free:
            del stuck[rank]
    # 3. Who remains waits for ranks that have ended or remain as well: the largest such set, hence the deadlock.
    if not stuck:
        return None
    waits = tuple(wait for rank in sorted(stuck) for wait in stuck[rank])
    return Standstill(waits, _cycle(waits))


def _waits(rank: int, view: RankView, views: Mapping[int, RankView], begun: Begun) -> list[Wait]:
    """Every wait of a blocked rank, or nothing if one of its calls can be over by itself."""
    found = []
    for operation in view.blocked:
        wait = _wait(rank, operation, views, begun)
        if wait is None:
            return []
        found.append(wait)
    return found


def _in_vain(
    wait: Wait, stuck: Mapping[int, object], views: Mapping[int, RankView], more_may_start: bool
) -> bool:
    def helpless(rank: int) -> bool:
        if rank not in views:
            return not more_may_start
        return views[rank].gone or rank in stuck

    judge = all if wait.any_partner else any
    return judge(helpless(rank) for rank in wait.partners)


def _wait(rank: int, operation: Operation, views: Mapping[int, RankView], begun: Begun) -> Wait | None:
    """What a call waits for; None if what the others have begun is enough, or if it is not understood."""
    subject = operation.subject
    if subject.op == "init_process_group":
        partners, why = _missing_from_start(rank, subject, views, begun)
    elif subject.op == "new_group":
        partners, why = _missing_from_new_group(rank, subject, views, begun)
    elif subject.op in SENDS and subject.call.peer is None:
        return None
    elif subject.op in MESSAGES:
        partners, why = _missing_message(rank, subject, views, begun)
    elif is_collective(subject):
        partners, why = _missing_from_collective(rank, subject, views, begun)
    else:
        return None
    if not partners:
        return None
    elsewhere = "" if why else _other_sender(rank, subject, begun)
    return Wait(
        rank=rank,
        call=operation.describe(),
        at=operation.call.at,
        partners=tuple(sorted(partners)),
        any_partner=subject.op in MESSAGES and subject.call.peer is None,
        why=why or elsewhere or _other_receiver(rank, subject, begun),
        begun_at=subject.call.at if subject is not operation else None,
        lost=why.endswith(NEVER_WAITED),
        misdirected=bool(elsewhere),
    )


Missing = tuple[Iterable[int], str]
NEVER_WAITED = "was never waited for"

K = TypeVar("K")


def _count(lanes: Mapping[K, Lane], key: K) -> int:
    lane = lanes.get(key)
    return 0 if lane is None else lane.count


def _missing_from_start(
    rank: int, subject: Operation, views: Mapping[int, RankView], begun: Begun
) -> Missing:
    size = subject.call.world_size or 0
    absent = [other for other in range(min(size, RANK_LIMIT)) if other not in begun.joins]
    if absent:
        late = [other for other in absent if other in views]
        return absent, f"{_ranks(late)} did not call init_process_group" if late else ""
    sizes = {other: join.call.world_size for other, join in begun.joins.items()}
    differing = [other for other, other_size in sizes.items() if other_size != size and other != rank]
    return differing, "; ".join(f"rank {other} says world_size={sizes[other]}" for other in differing)


def _missing_from_new_group(
    rank: int, subject: Operation, views: Mapping[int, RankView], begun: Begun
) -> Missing:
    call = subject.call
    asked = set(call.ranks or ())
    others = asked if rank in asked else set(members("world", views[rank].world_size or 0))
    absent, why = [], []
    # 1. Those that have not called it for this group, or as another of their calls.
    for other in sorted(others - {rank}):
        made = begun.groups.get(other, [])
        same = next((each for each in made if each.call.group == call.group), None)
        if same is None and (rank in asked or len(made) < (call.order or 0)):
            absent.append(other)
            instead = made[-1].describe() if made else "no new_group"
            why.append(f"rank {other} called {instead}")
        elif same is not None and same.call.order != call.order:
            absent.append(other)
            why.append(f"for rank {other} it is call {same.call.order} of new_group, here call {call.order}")
    # 2. Where all have: calls meet by their number alone, so this one waits in vain if it met another group's.
    if not absent and not call.local:
        for other in members("world", views[rank].world_size or 0):
            made = begun.groups.get(other, [])[(call.order or 1) - 1 :]
            if made and made[0].call.ranks != call.ranks:
                absent.append(other)
                why.append(f"rank {other} calls {made[0].describe()} as call {call.order}")
    return absent, "; ".join(why)


def _missing_message(rank: int, subject: Operation, views: Mapping[int, RankView], begun: Begun) -> Missing:
    call = subject.call
    group, tag, peer = call.group or "world", call.tag or 0, call.peer
    if call.op in SENDS:
        assert peer is not None
        channel: Channel = (rank, peer, group, tag)
        received = _count(begun.receives, channel) + _count(begun.any_receives, (peer, group, tag))
        if subject.position < received:
            return _lost(rank, peer, begun.other_end(begun.receives, channel, subject.position), begun)
        return [peer], _other_messages(begun.receives, begun.sends, rank, peer, "wants from")
    if peer is None:
        return _missing_from_anyone(rank, subject, views, begun)
    channel = (peer, rank, group, tag)
    if subject.position < _count(begun.sends, channel):
        return _lost(rank, peer, begun.other_end(begun.sends, channel, subject.position), begun)
    return [peer], _other_messages(begun.sends, begun.receives, peer, rank, "has sent to")


def _lost(rank: int, peer: int, other: Operation | None, begun: Begun) -> Missing:
    """A message that both sides have begun waits in vain where one of them has let go of it, or of one before it."""
    dropped = [(peer, other)] if other is not None and other.dropped else begun.list_dropped(rank, peer)
    for owner, operation in dropped[:1]:
        why = f"on rank {owner} the {operation.op} begun at {operation.call.at} {NEVER_WAITED}"
        return [peer], why
    return [], ""


def _missing_from_anyone(
    rank: int, subject: Operation, views: Mapping[int, RankView], begun: Begun
) -> Missing:
    group, tag = subject.call.group or "world", subject.call.tag or 0
    sent = sum(
        sends.count for (_, to, *rest), sends in begun.sends.items() if to == rank and rest == [group, tag]
    )
    earlier = subject.position + sum(
        receives.count
        for (_, to, *rest), receives in begun.receives.items()
        if to == rank and rest == [group, tag]
    )
    if earlier < sent:
        return [], ""
    return [other for other in members(group, views[rank].world_size or 0) if other != rank], ""


def _other_messages(
    there: Mapping[Channel, Lane],
    here: Mapping[Channel, Lane],
    source: int,
    destination: int,
    verb: str,
) -> str:
    """Messages between the same two ranks that are begun on the far side and unmatched on this one."""
    unmatched = [
        operation
        for channel, lane in there.items()
        if channel[:2] == (source, destination)
        for operation in lane.since(_count(here, channel))
    ]
    if not unmatched:
        return ""
    far = source if verb == "has sent to" else destination
    listed = ", ".join(f"tag {each.call.tag or 0} ({each.call.at})" for each in unmatched[:3])
    near = destination if far == source else source
    return f"rank {far} {verb} rank {near}: {listed}"


def _other_sender(rank: int, subject: Operation, begun: Begun) -> str:
    """That the rank from which this one receives has never sent to it, and that another one has, which is never received from."""
    source = subject.call.peer
    if not _receives_in_vain(rank, subject, begun):
        return ""
    heard = {channel[0] for channel in begun.receives if channel[1] == rank}
    found = [
        (channel[0], lane)
        for channel, lane in begun.sends.items()
        if channel[1] == rank and channel[0] not in heard
    ]
    if not found:
        return ""
    other, lane = found[0]
    return (
        f"rank {source} has sent {_tell_destinations(source, begun)}nothing to rank {rank}; rank {other} has sent to rank {rank}"
        f"{_at(lane)}, which has begun no receive from rank {other}"
    )


def _other_receiver(rank: int, subject: Operation, begun: Begun) -> str:
    """That the rank from which this one receives has never sent to it, but to a rank that has not begun to receive that."""
    source = subject.call.peer
    if not _receives_in_vain(rank, subject, begun):
        return ""
    unmatched = [
        (channel[1], lane)
        for channel, lane in begun.sends.items()
        if channel[0] == source
        and lane.count > _count(begun.receives, channel) + _count(begun.any_receives, channel[1:])
    ]
    if not unmatched:
        return ""
    other, lane = unmatched[0]
    return f"rank {source} has sent nothing to rank {rank}, but to rank {other}{_at(lane)}, which has not begun to receive that"


def _receives_in_vain(rank: int, subject: Operation, begun: Begun) -> bool:
    """Whether a receive names a rank that has never sent to this one, and no other receive of the rank takes what comes."""
    call = subject.call
    if call.op not in MESSAGES - SENDS or call.peer is None or call.peer == rank:
        return False
    return not any(channel[:2] == (call.peer, rank) for channel in begun.sends) and not any(
        channel[0] == rank for channel in begun.any_receives
    )


def _tell_destinations(source: int | None, begun: Begun) -> str:
    to = {channel[1]: lane for channel, lane in begun.sends.items() if channel[0] == source}
    return "".join(f"to rank {rank}{_at(lane)} and " for rank, lane in sorted(to.items()))


def _at(lane: Lane) -> str:
    line = lane.recent[-1].call.at if lane.recent else None
    return f" ({line})" if line else ""


def _missing_from_collective(
    rank: int, subject: Operation, views: Mapping[int, RankView], begun: Begun
) -> Missing:
    group = subject.call.group or "world"
    number = subject.position
    absent, differing, why = [], [], []
    for other in members(group, views[rank].world_size or 0):
        made = begun.collectives.get((other, group), Lane())
        met = next((each for each in made.recent if each.position == number), None)
        if made.count <= number:
            absent.append(other)
        elif met is not None and not _same_collective(subject, met):
            differing.append(other)
            why.append(f"rank {other} calls {met.describe()} {met.call.at} there")
    if absent:
        why.append(f"{_ranks(absent)} did not enter it")
    return [*absent, *differing], "; ".join(why)


def _same_collective(one: Operation, other: Operation) -> bool:
    """Whether two calls can be parts of one collective."""
    if one.op != other.op or one.call.peer != other.call.peer:
        return False
    symmetric = one.op in ("all_reduce", "broadcast", "reduce")
    return not symmetric or one.call.elements == other.call.elements


def _ranks(numbers: Iterable[int]) -> str:
    listed = [str(number) for number in numbers]
    if len(listed) == 1:
        return f"rank {listed[0]}"
    return f"ranks {', '.join(listed[:-1])} and {listed[-1]}"


def _cycle(waits: Iterable[Wait]) -> tuple[int, ...]:
    """A shortest cycle of the graph, beginning with its smallest rank; empty if there is none."""
    edges: dict[int, set[int]] = {}
    for wait in waits:
        edges.setdefault(wait.rank, set()).update(wait.partners)
    best: tuple[int, ...] = ()
    for start in sorted(edges):
        path = _shortest_path(edges, start)
        if path and (not best or len(path) < len(best)):
            best = path
    return best


def _shortest_path(edges: Mapping[int, set[int]], start: int) -> tuple[int, ...]:
    """The shortest way from a rank back to itself, without the repeated end."""
    paths: list[tuple[int, ...]] = [(start,)]
    seen: set[int] = set()
    while paths:
        path = paths.pop(0)
        for following in sorted(edges.get(path[-1], ())):
            if following == start:
                return path
            if following in edges and following not in seen:
                seen.add(following)
                paths.append((*path, following))
    return ()
