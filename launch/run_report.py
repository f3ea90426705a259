"""What a run comes to: one plain value, with everything that a grader or a person asks of it."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from .events import Event, OptimizerUsed, SourceLine
from .groups import UnevenGroups
from .output import Output
from .timeline import Pipeline, Timeline
from .waits import Standstill, Wait
from .workers import Operation, Phase


class Outcome(enum.StrEnum):
    """How a run ended."""

    FINISHED = "finished"  # every rank made exactly the steps asked
    CRASHED = "crashed"  # a rank failed, or the script did
    DEADLOCKED = "deadlocked"  # ranks waited for each other, or for one that was no longer there
    TOO_SLOW = "too slow"  # the time was up and it was not a deadlock
    WRONG_STEPS = "wrong steps"  # it ended by itself, but not every rank made the steps asked
    INTERRUPTED = "interrupted"  # the person at the keyboard ended it


EXIT_STATUS = {
    Outcome.FINISHED: 0,
    Outcome.CRASHED: 1,
    # 2 is for a command line that cannot be followed
    Outcome.DEADLOCKED: 3,
    Outcome.TOO_SLOW: 4,
    Outcome.WRONG_STEPS: 5,
    Outcome.INTERRUPTED: 130,
}


class RankState(enum.StrEnum):
    """Where a rank was when the run ended."""

    ENDED = "ended"  # by itself
    STOPPED = "stopped"  # it had made its steps and would have gone on
    FAILED = "failed"  # by an exception, a signal or an exit status
    BLOCKED = "blocked"  # in a call that waits for another rank
    ASLEEP = "asleep"  # in time.sleep, or idle in some other way
    COMPUTING = "computing"
    MISSING = "missing"  # no process with this rank was seen


class FailureKind(enum.StrEnum):
    """How a process failed."""

    RAISED = "raised"
    EXITED = "exited"  # with a status that says failure
    KILLED = "killed"  # by a signal, so that Python could not say goodbye
    ENDED_EARLY = "ended early"  # in peace, but while others still needed it
    REPEATED = "repeated"  # it was caught, again and again, while the others waited
    SCRIPT = "script"  # not a rank: the script itself
    LIMIT = "limit"  # whoever started the script ended it, because it took more than it may


@dataclass(frozen=True)
class RunFailure:
    """The first thing that went wrong in a crashed run."""

    kind: FailureKind
    t: float
    rank: int | None
    process: str  # its command line, short
    type: str = ""
    message: str = ""
    traceback: str = ""
    at: SourceLine | None = None
    code: int | None = None


E = TypeVar("E", bound=Event)


@dataclass(frozen=True)
class RankReport:
    """One rank: where it ended up, and what its process recorded; of a long run the first steps and the last."""

    rank: int
    state: RankState
    where: str  # in words: the call it stood in, the error it failed with
    at: SourceLine | None = None
    process: str = ""
    pid: int | None = None
    world_size: int | None = None
    steps: int = 0
    events: tuple[Event, ...] = ()
    operations: tuple[Operation, ...] = ()
    phases: tuple[Phase, ...] = ()

    def of(self, kind: type[E]) -> Iterator[E]:
        """The events of one type, in order."""
        return (event for event in self.events if isinstance(event, kind))

    @property
    def optimizers(self) -> tuple[OptimizerUsed, ...]:
        return tuple(self.of(OptimizerUsed))


@dataclass(frozen=True)
class RunReport:
    """A run. Whatever a worker said is in here as it claimed it: validated in form, not in truth."""

    outcome: Outcome
    sentence: str  # what was seen, what was expected, what to do next
    script: Path
    asked_ranks: int
    asked_steps: int
    timeout_s: float
    duration_s: float
    ranks: tuple[RankReport, ...]
    notes: tuple[str, ...]
    exit_status: int | None  # of the script; None if it was ended
    script_waited: bool  # whether the script lived until its ranks had ended
    honours_steps: bool  # whether every rank ended by itself after the steps asked
    failure: RunFailure | None
    standstill: Standstill | None
    uneven_groups: UnevenGroups | None  # calls of new_group that do not fit together
    output: Output
    pipelines: tuple[Pipeline, ...]
    timeline: Timeline
    output_dir: Path
    events_dir: Path
    rejected_lines: int  # lines in the events folder that were not events
    survivors: tuple[int, ...] = ()  # processes that could not be ended
    received_bytes: int | None = (
        None  # over the run's network, as the operating system counts; None where it does not
    )

    @property
    def waits(self) -> tuple[Wait, ...]:
        """Who waits for whom, in a deadlock."""
        return self.standstill.waits if self.standstill else ()

    @property
    def cycle(self) -> tuple[int, ...]:
        """Ranks of which each waits for the next and the last for the first; empty without such a cycle."""
        return self.standstill.cycle if self.standstill else ()

    @property
    def steps(self) -> dict[int, int]:
        """Optimizer steps made by each rank."""
        return {rank.rank: rank.steps for rank in self.ranks}

    def rank(self, number: int) -> RankReport | None:
        return next((rank for rank in self.ranks if rank.rank == number), None)


class Interrupted(KeyboardInterrupt):
    """Raised by `launch.run` on Ctrl-C, once everything has ended and the partial report is written."""

    def __init__(self, report: RunReport) -> None:
        super().__init__("the run was interrupted")
        self.report = report
