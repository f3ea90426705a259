"""Puts the report together from a run's record."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from . import passed_over, sentences, timeline
from .command import Command
from .groups import find_uneven
from .output import Output
from .run_report import FailureKind, Outcome, RankReport, RankState, RunFailure, RunReport
from .verdict import Situation, Verdict, rank_state
from .workers import Worker

UNENDED = (FailureKind.ENDED_EARLY, FailureKind.REPEATED)  # of these the rank itself did not end in failure
WAITED_TOLERANCE_S = 0.3  # a shell that waits ends this little after its last rank, or seems to end before it


@dataclass(frozen=True)
class RunRecord:
    """All that is left of a run."""

    situation: Situation
    command: Command
    script: Path
    output: Output
    output_dir: Path
    events_dir: Path
    rejected_lines: int
    survivors: tuple[int, ...]
    received_bytes: int | None = None


def report(record: RunRecord, verdict: Verdict) -> RunReport:
    """The report of a run that has ended as `verdict` says."""
    situation = record.situation
    ranks = tuple(rank_reports(situation, verdict))
    waited = _script_waited(situation)
    drawn = timeline.build(
        {rank.rank: rank.events for rank in ranks if rank.events},
        {rank.rank: rank.operations for rank in ranks if rank.events},
    )
    texts = [*record.command.notes, *passed_over.read_notes(record.events_dir, record.script.parent)]
    told = verdict.outcome in (Outcome.CRASHED, Outcome.DEADLOCKED)
    texts += sentences.notes(situation, waited, record.rejected_lines, told)
    if record.survivors:
        texts.append(f"Processes that could not be ended: {sentences.listed(record.survivors)}.")
    sentence = sentences.sentence(situation, verdict, ranks, record.output.text)
    if record.script.is_absolute():  # a run's folder says nothing to the script's author
        sentence = sentence.replace(f"{record.script.parent}{os.sep}", "")
    sentence = sentence.replace(f"{sys.executable}: ", "python: ")  # as the interpreter calls itself
    return RunReport(
        outcome=verdict.outcome,
        sentence=sentence,
        script=record.script,
        asked_ranks=situation.ranks,
        asked_steps=situation.steps,
        timeout_s=situation.timeout_s,
        duration_s=situation.now_s,
        ranks=ranks,
        notes=tuple(texts),
        exit_status=situation.script_status,
        script_waited=waited,
        honours_steps=bool(ranks) and all(_ended_by_itself(rank, situation.steps) for rank in ranks),
        failure=verdict.failure,
        standstill=verdict.standstill if verdict.outcome is Outcome.DEADLOCKED else None,
        uneven_groups=find_uneven(situation.by_rank()),
        output=record.output,
        pipelines=drawn.pipelines,
        timeline=drawn,
        output_dir=record.output_dir,
        events_dir=record.events_dir,
        rejected_lines=record.rejected_lines,
        survivors=record.survivors,
        received_bytes=record.received_bytes,
    )


def _ended_by_itself(rank: RankReport, steps: int) -> bool:
    return rank.state is RankState.ENDED and rank.steps == steps


def _script_waited(situation: Situation) -> bool:
    """Whether the script's own process outlived its ranks, as `wait` at its end makes sure."""
    if situation.script_ended_s is None:
        return True
    limit_s = situation.script_ended_s + WAITED_TOLERANCE_S
    return all(
        worker.ended_s is not None and worker.ended_s <= limit_s for worker in situation.by_rank().values()
    )


def rank_reports(situation: Situation, verdict: Verdict) -> list[RankReport]:
    """Every rank that was asked for or seen."""
    found = situation.by_rank()
    reports = []
    for number in sorted({*range(situation.ranks), *found}):
        worker = found.get(number)
        if worker is None:
            reports.append(RankReport(number, RankState.MISSING, "never started"))
        else:
            reports.append(_rank_report(number, worker, verdict.failure))
    return reports


def _rank_report(number: int, worker: Worker, failure: RunFailure | None) -> RankReport:
    failed = failure is not None and failure.rank == number and failure.kind not in UNENDED
    state = rank_state(worker, failed)
    raised = next((raised for raised in worker.raised if raised.fatal), None)
    at = raised.at if raised is not None else worker.line()
    return RankReport(
        rank=number,
        state=state,
        where=_where(worker, state),
        at=None if state is RankState.ENDED else at,
        process=worker.label,
        pid=worker.process.pid if worker.process else None,
        world_size=worker.world_size,
        steps=worker.steps,
        events=tuple(worker.events),
        operations=tuple(worker.operations),
        phases=tuple(worker.phases),
    )


def _where(worker: Worker, state: RankState) -> str:
    """In words, what a rank was doing."""
    inside = worker.current()
    match state:
        case RankState.FAILED:
            raised = next((raised for raised in worker.raised if raised.fatal), None)
            if raised is not None:
                return f"failed with {raised.type}"
            return "failed" if worker.exited is None else f"ended with exit status {worker.exited.code}"
        case RankState.BLOCKED:
            return f"waits in {inside[-1].describe()}"
        case RankState.ASLEEP:
            return f"sleeps in {inside[-1].describe()}" if inside else "does nothing"
        case RankState.STOPPED:
            return "made its steps and was ended"
        case RankState.COMPUTING:
            return "computes" if worker.rank is not None else "prepares"
        case _:
            return "ended"
