"""A submission's script, run under watch: twice with different numbers of steps, if it takes their number as told.

Where thousands of steps are asked, the second run makes them all, with stages that do not compute (`lab_1_parallelism.thin`).
"""

from __future__ import annotations

import math
import random
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import launch
from grader import Scripts
from launch.events import Forward, Gradient, Model, Step, Tokens
from launch.run_report import Outcome, RankReport, RunReport
from launch.traffic import count_told_bytes

from .contract import STAGES, Contract

ALIAS = {"simplellm": "lab_1_parallelism"}
Starting = Callable[[], AbstractContextManager[launch.Start]]  # ends what it started, when a run is over
SCHEDULES = re.compile(r"\bdistributed(\.pipelining\b|\s+import\b[^#\n]*\bpipelining\b)")
FEWEST_STEPS = 2  # a gradient that was not cleared shows in the second step
COMPARED_STEPS = 4  # of a long run; their gradients are written whole
FEWEST_BYTES = 10_000  # of messages that are looked for on the network
SENT_SHARE = 0.5  # of them that must have passed; the last of a run may be missed
UNWRITTEN = "the schedule is not written yet"  # what notebooks/part_b's starters say


@dataclass(frozen=True)
class Trial:
    """What came of one exercise's script."""

    contract: Contract
    script: Path | None
    absence: str = ""  # why there is no script
    reports: tuple[RunReport, ...] = field(default=())
    judgement: tuple[str, ...] = ()  # what a person has to judge
    drawn: bool = False  # whether the numbers of steps were drawn, and not asked for

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the grade should know besides."""
        notes = [self.describe(note, report) for report in self.reports for note in report.notes]
        notes += [
            f"Run twice: for {self.report.asked_steps} steps as it is, and for {long.asked_steps:,} steps with stages that "
            f"hand on tensors of the same shape instead of computing; that took {long.duration_s:.0f} s."
            for long in self.reports[1:]
            if long.asked_steps > COMPARED_STEPS
        ]
        return tuple(dict.fromkeys(notes))

    def describe(self, text: str, report: RunReport) -> str:
        """What a run's report says, for all readers: without the number of steps, if that was drawn."""
        return replace_steps(text, report.asked_steps, lambda _, instead: instead) if self.drawn else text

    @property
    def report(self) -> RunReport:
        """Of the run at full size, whose gradients are compared."""
        return self.reports[0]

    @property
    def name(self) -> str:
        """What messages call the script."""
        return self.script.name if self.script else self.contract.shell

    @property
    def is_shell(self) -> bool:
        return self.script is not None and self.script.suffix != ".py"

    @property
    def is_unwritten(self) -> bool:
        """Whether the script ends with the words of the handout's starter."""
        return any(report.failure and UNWRITTEN in report.failure.message for report in self.reports)

    @property
    def was_killed(self) -> bool:
        """Whether a process was killed by somebody else, who may have been this machine: it had no last words."""
        failures = [report.failure for report in self.reports if report.failure]
        return any(each.kind is launch.FailureKind.KILLED and not each.message for each in failures)

    @cached_property
    def ranks(self) -> dict[int, RankReport]:
        """The ranks that were seen."""
        return {rank.rank: rank for rank in self.report.ranks if rank.events} if self.reports else {}

    @cached_property
    def common_steps(self) -> int:
        """Optimizer steps that every rank made."""
        return min(rank.steps for rank in self.ranks.values()) if self.is_complete else 0

    @property
    def is_complete(self) -> bool:
        """Whether exactly the ranks asked were seen."""
        return sorted(self.ranks) == list(range(self.contract.ranks))

    @cached_property
    def pipelines(self) -> tuple[tuple[int, ...], ...]:
        """Ranks of each pipeline, first stage first."""
        return arrange(self.report, self.contract)

    def replicas(self, stage: int) -> tuple[int, ...]:
        return tuple(pipeline[stage] for pipeline in self.pipelines)


def run_trial(
    scripts: Scripts, contract: Contract, seed: int, steps: int | None, folder: Path, starting: Starting
) -> Trial:
    """Run the exercise's script below `folder`; `steps` are asked of it, or a few that `seed` decides.

    More than COMPARED_STEPS are made in a second run, without the stages' arithmetic.
    """
    script = scripts.files.get(contract.shell) or scripts.files.get(contract.script)
    if script is None:
        return Trial(contract, None, scripts.describe_absence(contract.shell).rstrip("."))
    others = scripts.list_shared(contract.shell if contract.shell in scripts.files else contract.script)
    first, second = draw_steps(seed)
    steps = None if steps is None else max(steps, FEWEST_STEPS)
    long = steps is not None and steps > COMPARED_STEPS

    def run(number: int, *, whole: bool, thin: bool = False) -> RunReport:
        place = folder / f"{number}-steps"
        _copy_openly(scripts.folder, place / "submission")
        with starting() as start:
            copy = place / "submission" / script.relative_to(scripts.folder)
            return _run(copy, contract, number, place / "out", start, others, whole=whole, thin=thin)

    try:
        reports: tuple[RunReport, ...] = (run(first if long else steps or first, whole=True),)
        finished = reports[0].outcome is Outcome.FINISHED
        if steps is not None and long and finished:
            reports = (*reports, run(steps, whole=False, thin=True))
        if steps is None and finished and reports[0].honours_steps:
            reports = (*reports, run(second, whole=False))
    except launch.ScriptError as error:
        return Trial(contract, None, str(error).rstrip("."))
    judgement = (*_list_judgements(scripts, contract), *filter(None, map(find_unsent, reports)))
    return Trial(contract, script, reports=reports, judgement=judgement, drawn=steps is None)


def _list_judgements(scripts: Scripts, contract: Contract) -> Iterator[str]:
    program = scripts.files.get(contract.script)
    text = program.read_text(encoding="utf-8", errors="replace") if program else ""
    if SCHEDULES.search(text):
        yield (
            f"{contract.script} uses torch.distributed.pipelining: the schedule and the messages are the library's. Whether this is "
            "what was asked for is for a person to judge."
        )


def find_unsent(report: RunReport) -> str:
    """That ranks recorded messages that the operating system has not seen, as a sentence; empty if there is no sign of it."""
    told, received = count_told_bytes(report.ranks), report.received_bytes
    if received is None or told < FEWEST_BYTES or received > told * SENT_SHARE:
        return ""
    if report.outcome is not Outcome.FINISHED:  # messages may have been begun in vain
        return ""
    return (
        f"The ranks of {report.script.name} recorded messages of {told:,} bytes, but only {received:,} bytes passed over their "
        "network. Whether they exchange what was recorded is for a person to judge."
    )


def _copy_openly(folder: Path, copy: Path) -> None:
    """Copy a folder so that a container's user may enter it, whose own it then becomes."""
    shutil.copytree(folder, copy)
    for each in (copy, *copy.rglob("*")):
        each.chmod(0o755 if each.is_dir() else 0o644)


def draw_steps(seed: int) -> tuple[int, int]:
    """Two different small numbers of steps."""
    first, second = random.Random(seed).sample((2, 3, 4), 2)
    return max(first, second), min(first, second)


def replace_steps(text: str, steps: int, replacement: Callable[[str, str], str]) -> str:
    """A sentence of the launcher's with `replacement` of each mention of the steps that it asked for, and of words in their place."""
    asked = re.compile(rf"\b({steps} of )?(the )?{steps} steps?\b( asked)?")
    return asked.sub(
        lambda found: replacement(found[0], f"{'all of ' if found[1] else ''}the steps asked"), text
    )


def _run(
    script: Path,
    contract: Contract,
    steps: int,
    output_dir: Path,
    start: launch.Start,
    others: Sequence[str],
    *,
    whole: bool,
    thin: bool,
) -> RunReport:
    """One run; `whole` has all tensors of the first steps written down, `thin` leaves out the stages' arithmetic.

    others: exercises that the script starts too
    """
    return launch.run(
        script,
        ranks=contract.ranks,
        steps=steps,
        timeout_s=contract.time_limit_s(steps, thin=thin),
        output_dir=output_dir,
        alias=ALIAS,
        environment={"LAB_STORIES": "grammar", "LAB_THIN": "1" if thin else "0"},
        dump=("gradients", "parameters", "tokens") if whole else (),
        dump_steps=COMPARED_STEPS,
        arguments=(Path(contract.shell).stem,) if others else (),
        left_out=others,
        start=start,
    )


def arrange(report: RunReport, contract: Contract) -> tuple[tuple[int, ...], ...]:
    """Who is which stage: from the messages between ranks and from what each does with tokens, else by number."""
    by_number = [tuple(range(first, first + STAGES)) for first in range(0, contract.ranks, STAGES)]
    found = [pipeline.ranks for pipeline in report.pipelines]
    if sorted(map(len, found)) != [STAGES] * contract.pipelines:
        found = by_number
    return tuple(_order(report, ranks) for ranks in found)


def _order(report: RunReport, ranks: Sequence[int]) -> tuple[int, ...]:
    def place(rank: int) -> int:
        seen = report.rank(rank)
        places = {event.place for event in seen.of(Tokens)} if seen else set()
        return 0 if places & {"input", "embedding"} else 2 if "target" in places else 1

    ordered = sorted(ranks, key=lambda rank: (place(rank), rank))
    return tuple(ordered) if [place(rank) for rank in ordered] == [0, 1, 2] else tuple(ranks)


def list_lengths(trial: Trial, pipeline: Sequence[int]) -> set[int]:
    """Lengths of the sequences of the first step. A last token that only the loss reads, as the next one of all others, counts."""
    first, last = trial.ranks[pipeline[0]], trial.ranks[pipeline[-1]]
    read = [e for e in first.of(Tokens) if e.step == 1 and e.place in ("input", "embedding") and e.shape]
    lengths = {event.shape[-1] for event in read}
    sequences = len({row for event in read for row in event.rows})
    compared = sum(math.prod(e.shape) for e in last.of(Tokens) if e.step == 1 and e.place == "target")
    if lengths == {trial.contract.seq_l - 1} and compared == sequences * (trial.contract.seq_l - 1):
        return {trial.contract.seq_l}
    return lengths


def optimizer_steps(rank: RankReport) -> list[Step]:
    """The steps of the rank's busiest optimizer, in order."""
    steps = list(rank.of(Step))
    if not steps:
        return []
    counts = {step.optimizer: step.number for step in steps}
    busiest = max(counts, key=lambda optimizer: counts[optimizer])
    return [step for step in steps if step.optimizer == busiest]


def largest_model(rank: RankReport) -> Model | None:
    return max(rank.of(Model), key=lambda model: model.count, default=None)


def list_passes(rank: RankReport, step: int) -> list[Forward]:
    """The forward passes of a step's micro-batches: a trial pass, from which nobody goes backward, is none of them."""
    passes = [e for e in rank.of(Forward) if e.step == step and e.gradients and not e.repeated]
    trained = {event.micro_batch for event in rank.of(Gradient) if event.step == step}
    propagated = [event for event in passes if event.micro_batch in trained]
    return propagated if len(propagated) > 1 else passes
