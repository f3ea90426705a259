"""What the events of one process add up to: its rank, its steps, what it communicated and where it stands."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from .events import (
    Backward,
    Call,
    Caught,
    Dropped,
    Event,
    Exit,
    Forward,
    Gradient,
    Heartbeat,
    Process,
    Raised,
    Return,
    SourceLine,
    Step,
    Stop,
    SysExit,
    Tokens,
    ZeroGrad,
)

MESSAGES = frozenset({"send", "recv", "isend", "irecv"})
SENDS = frozenset({"send", "isend"})
GROUP_CALLS = frozenset({"init_process_group", "new_group"})
COMPOUND = frozenset({"batch_isend_irecv", "send_object_list", "recv_object_list"})
NOT_COLLECTIVE = (
    MESSAGES | GROUP_CALLS | COMPOUND | {"wait", "is_completed", "destroy_process_group", "sleep", "input"}
)
# Python processes that serve others and never become a rank.
SERVICES = ("multiprocessing.resource_tracker", "multiprocessing.forkserver")
SURVIVED_LIMIT = 500  # different exceptions that are remembered
RANK_LIMIT = 1024  # ranks beyond are a stranger's joke
KEPT_STEPS = 100  # steps whose events are kept for good
KEPT_EVENTS = 200_000  # and how many at most
PHASE_LIMIT = 1_000
FIRST_HOLDING = 64  # the step from which a process has settled
RECENT = 4_000  # events and calls kept of what comes after them
_PASSING = (
    Dropped,
    Backward,
    Call,
    Forward,
    Gradient,
    Heartbeat,
    Return,
    Step,
    Tokens,
    ZeroGrad,
)  # made in every step
IDLE_CPU_SHARE = 0.2  # below this share of one processor between two heartbeats a process is idle


@dataclass(slots=True, eq=False)
class Operation:
    """A call and, once it is over, its return. A `wait` refers to the operation that it waits for."""

    call: Call
    returned: Return | None = None
    target: Operation | None = None
    position: int = (
        0  # how many calls of its process came before it on the same channel, or in the same group
    )
    dropped: bool = False  # a message that nobody has waited for, and nobody can any more

    @property
    def op(self) -> str:
        return self.call.op

    @property
    def start_s(self) -> float:
        return self.call.t

    @property
    def end_s(self) -> float | None:
        """Seconds since the run began, None while the call has not returned."""
        return None if self.returned is None else self.returned.t

    @property
    def lane(self) -> tuple[object, ...]:
        """What the order of calls counts within: for messages direction, peer, group and tag, for collectives the group."""
        call = self.call
        group, tag = call.group or "world", call.tag or 0
        if call.op in MESSAGES:
            return call.op in SENDS, call.peer, group, tag
        return (call.op,) if call.op in NOT_COLLECTIVE else (group,)

    @property
    def subject(self) -> Operation:
        """The operation that decides who waits for whom: the target of a `wait`, else itself."""
        return self.target or self

    def describe(self) -> str:
        """As a student would write it: `recv(src=2, tag=0)`."""
        return describe(self)


@dataclass(slots=True)
class Work:
    """What an optimizer step is made of: passes, messages sent and calls of groups since the step before."""

    forwards: int = 0
    backwards: int = 0
    sends: int = 0
    collectives: int = 0


@dataclass(slots=True)
class Phase:
    """Steps in a row that are made of the same work."""

    first: int
    last: int
    work: Work


@dataclass(frozen=True, slots=True)
class Holding:
    """What a process held at one moment of a run."""

    step: int
    memory_bytes: int
    open_files: int


@dataclass
class Repetition:
    """An exception that a process survives, as often as it comes at one line."""

    type: str
    message: str
    at: SourceLine | None
    first_s: float
    count: int = 0
    silent: bool = False  # the script dropped it without a word
    before_step: int = 0  # how many of them came before the last optimizer step


@dataclass(eq=False)
class Worker:
    """One Python process of a run.

    Of a long run only what was made in the first KEPT_STEPS steps and what came last is kept, see `forget`.
    """

    key: str
    events: list[Event] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)  # communication only, in order of entry
    forgotten: int = 0  # operations that were made, but are kept no longer
    steps: int = 0
    process: Process | None = None
    rank: int | None = None  # from init_process_group
    world_size: int | None = None
    stopped: Stop | None = None
    exited: Exit | None = None
    sys_exit: SysExit | None = None
    raised: list[Raised] = field(default_factory=list)
    survived: dict[tuple[str, SourceLine | None], Repetition] = field(default_factory=dict)
    ended: bool = False
    ended_s: float | None = None
    last_progress_s: float = 0.0
    heartbeats: tuple[Heartbeat | None, Heartbeat | None] = (None, None)  # the last two
    phases: list[Phase] = field(default_factory=list)  # the first PHASE_LIMIT
    holdings: list[Holding] = field(default_factory=list)  # at steps 64, 128, 256, …, and last
    _last_beat: tuple[int, Heartbeat] | None = None  # with the steps made by then
    _work: Work = field(default_factory=Work)
    _open: dict[int, list[Operation]] = field(default_factory=dict)
    _by_id: dict[int, Operation] = field(default_factory=dict)
    _lanes: dict[tuple[object, ...], int] = field(default_factory=dict)  # calls made in each so far
    _kept: tuple[int, int] = (0, 0)  # events and operations, from the first, that are kept for good

    def add(self, event: Event) -> None:
        """Take the next event of the process."""
        self.events.append(event)
        if not isinstance(event, (Heartbeat, Dropped)):
            self._leave_polls()
        match event:
            case Heartbeat():
                self.heartbeats = (self.heartbeats[1], event)
                self._last_beat = self.steps, event
                return
            case Call():
                self._begin(event)
            case Return():
                self._finish(event)
            case Dropped():
                if event.id in self._by_id:
                    self._by_id[event.id].dropped = True
            case Caught():
                self._survive(event.type, event.message, event.at, event.t, event.count, silent=event.silent)
            case Process():
                self.process = event
            case Step():
                self._step(event)
            case Forward():
                self._work.forwards += event.gradients and not event.repeated
            case Backward():
                self._work.backwards += 1
            case Stop():
                self.stopped = event
            case Exit():
                self.exited = event
            case SysExit():
                self.sys_exit = event
            case Raised():
                self.raised.append(event)
            case _:
                pass
        self.last_progress_s = max(self.last_progress_s, event.t)
        if self.steps <= KEPT_STEPS and len(self.events) <= KEPT_EVENTS:
            self._kept = len(self.events), len(self.operations)

    def forget(self) -> None:
        """Let go of what lies between the first steps and the last calls, so that a long run takes no more memory."""
        kept_events, kept_operations = self._kept
        # 1. Of the events, those that every step makes.
        passing = self.events[kept_events:-RECENT]
        if len(passing) > RECENT:
            lasting = [event for event in passing if not isinstance(event, _PASSING)]
            lasting = lasting[: max(0, KEPT_EVENTS - kept_events)]
            self.events[kept_events:-RECENT] = lasting
            self._kept = kept_events + len(lasting), kept_operations
        # 2. Of the calls, all that are over; nothing can wait for them any more.
        passing_calls = self.operations[kept_operations:-RECENT]
        if len(passing_calls) > RECENT:
            self.operations[kept_operations:-RECENT] = []
            self.forgotten += len(passing_calls)
            known = [*self.operations, *(each for stack in self._open.values() for each in stack)]
            self._by_id = {each.call.id: each for each in known}

    def _step(self, step: Step) -> None:
        """Count a step; one of a second optimizer, which is behind, belongs to the same step of training."""
        if step.number <= self.steps:
            return
        self.steps = step.number
        if self._last_beat is not None:  # between steps: after the last one a process lets go of what it held
            self._weigh(*self._last_beat)
            self._last_beat = None
        for repetition in self.survived.values():
            repetition.before_step = repetition.count
        work, self._work = self._work, Work()
        if self.phases and self.phases[-1].work == work:
            self.phases[-1].last = step.number
        elif len(self.phases) < PHASE_LIMIT:
            self.phases.append(Phase(step.number, step.number, work))

    def _weigh(self, steps: int, beat: Heartbeat) -> None:
        """Remember what the process held, each time that it had made twice as many steps."""
        if beat.memory_bytes is None or beat.open_files is None or steps < FIRST_HOLDING:
            return
        now = Holding(steps, beat.memory_bytes, beat.open_files)
        if len(self.holdings) >= 2 and self.holdings[-1].step < 2 * self.holdings[-2].step:
            self.holdings.pop()
        self.holdings.append(now)

    def _survive(
        self,
        kind: str,
        message: str,
        at: SourceLine | None,
        t: float,
        count: int = 0,
        *,
        silent: bool = False,
    ) -> None:
        """Count an exception; of one that is fatal `raised` tells as well. A call that failed and the print of that are one."""
        known = self.survived.get((kind, at))
        if known is None:
            if len(self.survived) >= SURVIVED_LIMIT:
                return
            known = self.survived[kind, at] = Repetition(kind, message, at, t, silent=silent)
        known.count = max(known.count, count) if count else known.count + 1

    def _leave_polls(self) -> None:
        """A script that does something asks no more whether a message is there."""
        for stack in self._open.values():
            if stack and stack[-1].op == "is_completed":
                stack.pop()

    def _begin(self, call: Call) -> None:
        operation = Operation(call)
        if call.waits_for is not None:
            target = self._by_id.get(call.waits_for)
            operation.target = target if target is not None and target.op != "wait" else None
        lane = operation.lane
        operation.position = self._lanes.get(lane, 0)
        self._lanes[lane] = operation.position + 1
        self._by_id[call.id] = operation
        self._open.setdefault(call.thread, []).append(operation)
        if call.op == "init_process_group":
            self._join(call.rank, call.world_size)
        if call.op not in ("sleep", "input"):
            self.operations.append(operation)
            self._work.sends += call.op in SENDS
            self._work.collectives += call.op not in NOT_COLLECTIVE

    def _finish(self, returned: Return) -> None:
        operation = self._by_id.get(returned.id)
        if operation is None or operation.returned is not None:
            return
        operation.returned = returned
        if returned.error:
            kind, _, message = returned.error.partition(": ")
            self._survive(kind, message, operation.call.at, returned.t)
        stack = self._open.get(operation.call.thread, [])
        if operation in stack:
            del stack[stack.index(operation) :]
        self._join(returned.rank, returned.world_size)

    def _join(self, rank: int | None, world_size: int | None) -> None:
        if rank is not None and rank < RANK_LIMIT:
            self.rank = rank
            self.world_size = None if world_size is None else min(world_size, RANK_LIMIT)

    @property
    def announced_rank(self) -> int | None:
        """The rank, or before the group exists what the command line or the environment says of it."""
        if self.rank is not None or self.process is None:
            return self.rank
        return self.process.rank

    @property
    def is_service(self) -> bool:
        """Whether the process belongs to Python's own machinery; one that such a process has forked is the script's."""
        if self.process is None or self.process.forked:
            return False
        arguments = self.process.arguments
        return any(name in argument for argument in arguments for name in SERVICES)

    @property
    def label(self) -> str:
        """The command line, short: `b1.py 0`."""
        if self.process is None:
            return self.key
        words = [word.rpartition("/")[2] for word in self.process.arguments[1:]]
        if self.process.forked and any(name in word for word in words for name in SERVICES):
            return "a child of multiprocessing"
        return " ".join(words)[:60] or "python"

    def current(self) -> list[Operation]:
        """The innermost unfinished call of each thread that is in one."""
        return [stack[-1] for stack in self._open.values() if stack]

    def blocked(self) -> list[Operation]:
        """The calls in which the process stands, if no thread of it can go on by itself; else nothing.

        A thread can go on by itself if it is in no call that waits for another rank and was not seen waiting
        for another thread. A thread that sleeps can: it will wake up.
        """
        inside = self.current()
        if not inside or any(operation.op in ("sleep", "input") for operation in inside):
            return []
        threads = {operation.call.thread for operation in inside}
        beat = self.heartbeats[1]
        others = [] if beat is None else [state for state in beat.threads if state.thread not in threads]
        newest = max(operation.start_s for operation in inside)
        if 0 not in threads and (beat is None or beat.t < newest):
            return []  # the main thread is elsewhere, and nothing recent says where
        if all(state.waiting for state in others):
            return inside
        return []

    @property
    def idle(self) -> bool:
        """Whether the process used hardly any processor time between its last two heartbeats."""
        before, now = self.heartbeats
        if before is None or now is None or now.t <= before.t:
            return False
        return (now.cpu_s - before.cpu_s) / (now.t - before.t) < IDLE_CPU_SHARE

    def line(self) -> SourceLine | None:
        """The student's line where the main thread was last seen."""
        inside = self._open.get(0)
        if inside:
            return inside[-1].call.at
        beat = self.heartbeats[1]
        states = () if beat is None else beat.threads
        return next((state.at for state in states if state.thread == 0), None)


def describe(operation: Operation) -> str:
    """A call as a student would write it, with the arguments that tell it from others."""
    call = operation.call
    if call.op in ("wait", "is_completed"):
        target = operation.target
        return f"{call.op}() for {describe(target)}" if target is not None else f"{call.op}()"
    if call.op == "init_process_group":
        return f"init_process_group(world_size={call.world_size})"
    if call.op == "new_group":
        return f"new_group({list(call.ranks or ())})"
    if call.op == "sleep":
        return f"time.sleep({call.seconds or 0:g})"
    if call.op == "input":
        return "input()"
    arguments = []
    if call.peer is not None:
        outward = call.op in SENDS or call.op in ("reduce", "gather", "send_object_list")
        arguments.append(f"{'dst' if outward else 'src'}={call.peer}")
    elif call.op in MESSAGES:
        arguments.append("src=any")
    if call.op in MESSAGES:
        arguments.append(f"tag={call.tag or 0}")
    if call.group not in (None, "world"):
        arguments.append(f"group={call.group}")
    return f"{call.op}({', '.join(arguments)})"


def by_rank(workers: Iterable[Worker], expected: int) -> dict[int, Worker]:
    """The process of each rank; of two that claim the same rank, the first.

    A process counts by the rank with which it joined the group, else by an announced one below `expected`
    that is still free, else, if it made optimizer steps, by the first free number.
    """
    known = [worker for worker in workers if not worker.is_service]
    ranks: dict[int, Worker] = {}
    for worker in known:
        if worker.rank is not None:
            ranks.setdefault(worker.rank, worker)
    for worker in known:
        announced = worker.announced_rank
        if worker.rank is None and announced is not None and announced < expected:
            ranks.setdefault(announced, worker)
    for worker in known:
        if worker.steps and worker not in ranks.values():
            ranks[next(number for number in range(len(known) + 1) if number not in ranks)] = worker
    return dict(sorted(ranks.items()))
