"""When a run is over and how it went, judged from what its processes have recorded. No clock is read here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from .run_report import FailureKind, Outcome, RankState, RunFailure
from .waits import Begun, RankView, Standstill, find_standstill
from .workers import Repetition, Worker, by_rank

CRASH_SETTLE_S = 0.7  # between the first failure and the end: time for the others' words to arrive
STANDSTILL_SETTLE_S = 1.5  # for how long the same calls must wait in vain
LOST_SETTLE_S = 5.0  # where a message may be lost, or only be on its way for long
ANALYSIS_INTERVAL_S = 0.5
REPETITIONS = 16  # of one exception within a step: nobody tries so often what may yet succeed
REPEATED_FOR_S = 5.0
SCRIPT_GRACE_S = 3.0  # how long a script may live on after all its ranks have ended
# What a rank sees when another one has left. It is never the first thing that went wrong.
_CONSEQUENCE = re.compile(
    r"Connection closed by peer|Connection reset by peer|Broken pipe|Connection refused|pair closure"
    r"|recvValue.*failed|sendBytes failed|Failed to recv, got 0 bytes",
)
_MESSENGERS = frozenset(
    {
        "ProcessRaisedException",
        "ProcessExitedException",
        "ChildFailedError",
        "SignalException",
        "DistNetworkError",
    }
)


@dataclass
class Situation:
    """A run at one moment."""

    workers: list[Worker]
    ranks: int  # asked
    steps: int  # asked
    now_s: float
    timeout_s: float
    script_status: int | None = None  # of the script's own process; None while it lives
    script_ended_s: float | None = None
    others_live: bool = False  # processes that are not known workers
    more_may_start: bool = False
    ended_for: str = ""  # the limit for which whoever started the script ended it, as a sentence

    def by_rank(self) -> dict[int, Worker]:
        return by_rank(self.workers, self.ranks)


@dataclass(frozen=True)
class Verdict:
    """How a run ended, and the evidence."""

    outcome: Outcome
    failure: RunFailure | None = None
    standstill: Standstill | None = None


@dataclass
class Judge:
    """Looks at a run again and again. It remembers how long a standstill has lasted."""

    _begun: Begun = field(default_factory=Begun)
    _keys: dict[int, str] = field(default_factory=dict)  # the processes that _begun speaks of
    _analysed_s: float = float("-inf")
    _calls: frozenset[int] = frozenset()
    _since_s: float = 0.0

    def look(self, situation: Situation, fatal_signals: Mapping[str, str]) -> Verdict | None:
        """The verdict, or None while the run should go on. `fatal_signals`: last words by process key."""
        # 1. A failure ends the run, once the others have had time to say what they have seen.
        failure = first_failure(situation, fatal_signals)
        if failure is not None and situation.now_s - failure.t >= CRASH_SETTLE_S:
            return Verdict(Outcome.CRASHED, failure=failure)
        # 2. Without one, it ends where everything that was to happen has happened,
        if failure is None and is_over(situation):
            return Verdict(final_outcome(situation))
        # 3. or where nothing can happen any more,
        standstill = self._settled_standstill(situation) if failure is None else None
        if standstill is not None:
            return Verdict(standstill_outcome(situation), standstill=standstill)
        repeated = find_repeated(situation) if failure is None else None
        if repeated is not None:
            return Verdict(Outcome.CRASHED, failure=repeated)
        # 4. or when the time is up.
        if situation.now_s >= situation.timeout_s:
            return Verdict(Outcome.TOO_SLOW, failure=failure)
        return None

    def _settled_standstill(self, situation: Situation) -> Standstill | None:
        # 1. What the ranks have begun is remembered for as long as they are the same processes.
        now_s = situation.now_s
        keys = {rank: worker.key for rank, worker in situation.by_rank().items()}
        if keys != self._keys:
            self._keys, self._begun = keys, Begun()
        self._begun.update(views(situation))
        # 2. It is not analysed at every look, which would take its time.
        if now_s - self._analysed_s < ANALYSIS_INTERVAL_S:
            return None
        self._analysed_s = now_s
        standstill = find_standstill(views(situation), self._begun, more_may_start=situation.more_may_start)
        # 3. A standstill counts once the same calls have waited in vain for long enough.
        calls: frozenset[int] = frozenset()
        if standstill is not None:
            ranks = situation.by_rank()
            stuck = standstill.ranks
            calls = frozenset(id(call) for rank in stuck for call in ranks[rank].blocked())
        if calls != self._calls:
            self._calls, self._since_s = calls, now_s
        lost = standstill is not None and any(wait.lost for wait in standstill.waits)
        settle_s = LOST_SETTLE_S if lost else STANDSTILL_SETTLE_S
        return standstill if calls and now_s - self._since_s >= settle_s else None


def views(situation: Situation) -> dict[int, RankView]:
    """The ranks as the wait-for analysis sees them."""
    return {
        rank: RankView(
            operations=worker.operations,
            blocked=() if worker.ended or worker.stopped else tuple(worker.blocked()),
            gone=worker.ended or worker.stopped is not None,
            world_size=worker.world_size,
            forgotten=worker.forgotten,
        )
        for rank, worker in situation.by_rank().items()
    }


def has_left(worker: Worker) -> bool:
    """Whether a process will do nothing any more: it has ended, or it waits for the run's end."""
    return worker.ended or worker.exited is not None or worker.stopped is not None


def first_failure(situation: Situation, fatal_signals: Mapping[str, str]) -> RunFailure | None:
    """The failure that explains the others: the earliest that is more than a consequence of somebody leaving."""
    if situation.ended_for and situation.script_ended_s is not None:
        return RunFailure(
            FailureKind.LIMIT, situation.script_ended_s, None, "the script", message=situation.ended_for
        )
    ranks = situation.by_rank()
    came_to_nothing = situation.script_status not in (None, 0) or not any(
        worker.steps for worker in situation.workers
    )
    over = situation.script_status is not None and all(worker.ended for worker in situation.workers)
    alone = over and came_to_nothing
    # 1. How each process failed: by itself, or because another one had left. Where the script failed, or no step was made, and
    #    nobody lives, a process that never became a rank counts, too.
    failures: list[RunFailure] = []
    consequences: list[RunFailure] = []
    for worker in situation.workers:
        if worker.is_service or not (alone or worker in ranks.values() or worker.steps):
            continue
        found = _failure(worker, _rank_of(worker, ranks), fatal_signals)
        if found is not None:
            (consequences if _is_consequence(found) else failures).append(found)
    # 2. Where none did, the script itself may have failed.
    if not failures and not consequences:
        return _failure_of_script(situation, ranks)
    # 3. Where one did, ranks that ended too early may be why, unless a library gave up. The earliest is the cause;
    #    consequences only if alone.
    if not any(failure.kind is FailureKind.KILLED and failure.message == "Aborted" for failure in failures):
        failures += _early_ends(situation, ranks)
    return min(failures or consequences, key=lambda failure: failure.t)


def _rank_of(worker: Worker, ranks: Mapping[int, Worker]) -> int | None:
    return next((rank for rank, other in ranks.items() if other is worker), worker.announced_rank)


def _failure(worker: Worker, rank: int | None, fatal_signals: Mapping[str, str]) -> RunFailure | None:
    """How this process failed, or None if it did not."""
    fatal = next((raised for raised in worker.raised if raised.fatal), None)
    if fatal is not None:
        return RunFailure(
            FailureKind.RAISED,
            fatal.t,
            rank,
            worker.label,
            fatal.type,
            fatal.message,
            fatal.traceback,
            fatal.at,
        )
    if worker.exited is not None:
        if worker.exited.code == 0:
            return None
        said = worker.sys_exit
        return RunFailure(
            FailureKind.EXITED,
            worker.exited.t,
            rank,
            worker.label,
            message=(said.message if said else None) or "",
            at=said.at if said else None,
            code=worker.exited.code,
        )
    if worker.ended and worker.ended_s is not None and worker.stopped is None:
        trace = fatal_signals.get(worker.key, "")
        message = trace.partition("\n")[0].removeprefix("Fatal Python error: ")
        return RunFailure(
            FailureKind.KILLED,
            worker.ended_s,
            rank,
            worker.label,
            message=message,
            traceback=trace,
            at=worker.line(),
        )
    return None


def find_repeated(situation: Situation) -> RunFailure | None:
    """An exception that a rank catches again and again without getting on, while no other rank does anything either."""
    ranks = situation.by_rank()
    if len(ranks) < situation.ranks and situation.more_may_start:
        return None
    repeating = {
        rank: found for rank, worker in ranks.items() if (found := _repetition(worker, situation.now_s))
    }
    others = [worker for rank, worker in ranks.items() if rank not in repeating]
    if not repeating or not all(has_left(other) or other.blocked() or other.idle for other in others):
        return None
    rank, found = min(repeating.items(), key=lambda item: item[1].first_s)
    return RunFailure(
        FailureKind.REPEATED,
        found.first_s,
        rank,
        ranks[rank].label,
        type=found.type,
        message=found.message,
        at=found.at,
    )


def _repetition(worker: Worker, now_s: float) -> Repetition | None:
    if has_left(worker):
        return None
    often = (
        each
        for each in worker.survived.values()
        if each.count - each.before_step >= REPETITIONS and now_s - each.first_s >= REPEATED_FOR_S
    )
    return next(often, None)


def _is_consequence(failure: RunFailure) -> bool:
    return failure.kind is FailureKind.RAISED and is_consequence(failure.type, failure.message)


def is_consequence(kind: str, message: str) -> bool:
    """Whether an exception only says that another process has left."""
    return kind in _MESSENGERS or _CONSEQUENCE.search(message) is not None


def _early_ends(situation: Situation, ranks: Mapping[int, Worker]) -> Iterable[RunFailure]:
    """Ranks that ended in peace before their steps were made: the cause, where others failed."""
    for rank, worker in ranks.items():
        if worker.exited is not None and worker.exited.code == 0 and worker.steps < situation.steps:
            if any(raised.fatal for raised in worker.raised) or worker.stopped is not None:
                continue
            yield RunFailure(FailureKind.ENDED_EARLY, worker.exited.t, rank, worker.label)


def _failure_of_script(situation: Situation, ranks: Mapping[int, Worker]) -> RunFailure | None:
    """A script that ended with a failing status and nothing left alive, before all the steps were made."""
    if situation.script_status in (None, 0) or situation.script_ended_s is None:
        return None
    if situation.others_live or any(not worker.ended for worker in situation.workers):
        return None
    if _all_steps_made(situation, ranks):
        return None
    return RunFailure(
        FailureKind.SCRIPT, situation.script_ended_s, None, "the script", code=situation.script_status
    )


def is_over(situation: Situation) -> bool:
    """Whether everything that was to happen has happened."""
    ranks = situation.by_rank()
    script_ended = situation.script_status is not None
    if any(not has_left(worker) for worker in ranks.values()):
        return False
    if any(worker.stopped is not None for worker in ranks.values()):
        return len(ranks) >= situation.ranks or script_ended
    quiet = not situation.others_live and all(worker.ended for worker in situation.workers)
    if script_ended and quiet:
        return True
    # The script, or something that it started besides the ranks, lives on.
    last_s = max((worker.ended_s or situation.now_s for worker in ranks.values()), default=situation.now_s)
    return len(ranks) >= situation.ranks and situation.now_s - last_s >= SCRIPT_GRACE_S


def _all_steps_made(situation: Situation, ranks: Mapping[int, Worker]) -> bool:
    made = all(worker.steps == situation.steps for worker in ranks.values())
    return made and sorted(ranks) == list(range(situation.ranks))


def final_outcome(situation: Situation) -> Outcome:
    """Of a run that came to its end without failure."""
    return Outcome.FINISHED if _all_steps_made(situation, situation.by_rank()) else Outcome.WRONG_STEPS


def standstill_outcome(situation: Situation) -> Outcome:
    """Of a run that stands still: a deadlock, unless it does because ranks have already made their steps."""
    ranks = situation.by_rank()
    if _all_steps_made(situation, ranks):
        return Outcome.FINISHED
    if any(worker.stopped is not None for worker in ranks.values()):
        return Outcome.WRONG_STEPS
    return Outcome.DEADLOCKED


def rank_state(worker: Worker, failed: bool) -> RankState:
    """Where a rank is."""
    if failed or any(raised.fatal for raised in worker.raised):
        return RankState.FAILED
    if worker.stopped is not None:
        return RankState.STOPPED
    if worker.ended or worker.exited is not None:
        return RankState.ENDED if worker.exited is not None and worker.exited.code == 0 else RankState.FAILED
    inside = worker.current()
    if any(operation.op not in ("sleep", "input") for operation in inside):
        return RankState.BLOCKED
    if inside or worker.idle:
        return RankState.ASLEEP
    return RankState.COMPUTING
