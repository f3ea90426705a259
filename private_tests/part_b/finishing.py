"""How the scripts ended: whether all steps were made, and if not, why. What other checks look at may not have been reached."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NoReturn

from grader import Failure, NotReached, fail, withhold
from launch.run_report import Outcome, RunReport
from launch.sentences import capital
from public_tests.part_b.findings import find_unwritten
from public_tests.part_b.trial import COMPARED_STEPS, Trial, replace_steps

from .reductions import foreign_reductions, tell_foreign


def check_finishes(trial: Trial) -> None:
    """It starts, makes the steps asked on every rank, and ends."""
    if trial.script is None:
        fail(
            f"{trial.contract.exercise} was not run: {trial.absence}.",
            f"{trial.contract.shell}, which starts all ranks of {trial.contract.script}",
            f"hand in {trial.contract.script} and {trial.contract.shell}, under these names, in one folder or archive.",
            "no-script",
        )
    if unwritten := find_unwritten(trial):
        raise unwritten
    for report in trial.reports:
        if report.outcome is not Outcome.FINISHED:
            _fail_outcome(trial, report)
        _check_every_step(trial, report)
    if len(trial.reports) == 2 and trial.report.honours_steps and not trial.reports[1].honours_steps:
        first, second = trial.reports
        runs = withhold(
            f"ends after {first.asked_steps} steps when LAB_STEPS is {first.asked_steps}, but goes on after "
            f"{second.asked_steps} when LAB_STEPS is {second.asked_steps}",
            "ends by itself after one number of steps that LAB_STEPS asks for, but goes on after a smaller one",
        )
        fail(
            f"{trial.name} {runs}: the number is a constant.",
            "the number of steps that LAB_STEPS asks for, or 5,000",
            'write STEPS = int(os.environ.get("LAB_STEPS", "5000")), as in the handout.',
            "a-constant-number-of-steps",
        )
    odd = [rank.rank for rank in trial.report.ranks if rank.world_size not in (None, trial.contract.ranks)]
    if odd:
        fail(
            f"{trial.name}: rank {odd[0]} joins a group of {trial.report.ranks[odd[0]].world_size} ranks.",
            f"{trial.contract.ranks} ranks",
            "give init_process_group this world_size on every rank.",
            "another-world-size",
        )


def _check_every_step(trial: Trial, report: RunReport) -> None:
    """Every step of a long run trains: it has passes and messages, as the first ones have."""
    for rank in report.ranks:
        first = [phase.work for phase in rank.phases if phase.first <= COMPARED_STEPS]
        for phase in rank.phases:
            missing = [
                what
                for kind, what in (
                    ("forwards", "forward pass"),
                    ("backwards", "backward pass"),
                    ("sends", "message"),
                )
                if all(getattr(work, kind) for work in first) and not getattr(phase.work, kind)
            ]
            if missing:
                fail(
                    f"{trial.name}: rank {rank.rank} makes step {phase.first:,} without a {' or a '.join(missing)}, though it made "
                    "them in the steps before.",
                    "steps that all train, as the first ones do",
                    "do the same work in every step of the loop.",
                    "steps-that-do-not-train",
                )


def _fail_outcome(trial: Trial, report: RunReport) -> NoReturn:
    again = f" when it was run again, for {report.asked_steps:,} steps" if report is not trial.report else ""
    sentence, number = report.sentence, f" --steps {report.asked_steps}"
    if trial.drawn:
        again = again and f" when it was run again{withhold(f', for {report.asked_steps} steps')}"
        sentence, number = withhold_steps(sentence, report.asked_steps), withhold(number)
    cause = f" {'. '.join(map(capital, causes))}." if (causes := list(find_causes(trial, report))) else ""
    made = ""
    command = f"python -m launch {trial.name} --ranks {trial.contract.ranks}{number}"
    if report.asked_steps > COMPARED_STEPS:
        command = f"LAB_THIN=1 {command} --timeout {report.timeout_s:.0f}"
        made = f" Steps made by then: {', '.join(f'rank {rank} {steps:,}' for rank, steps in sorted(report.steps.items()))}."
    fail(
        f"{trial.name}: {report.outcome.value}{again}. {sentence}{cause}{made}",
        f"{trial.contract.ranks} ranks that each make exactly as many steps as LAB_STEPS asks for, and end",
        f"correct the lines named; `{command}` shows it again, with a picture.",
        _name_outcome(report),
    )


def _name_outcome(report: RunReport) -> str:
    """How a run ended, to count mistakes by."""
    failure = report.failure
    if report.outcome is not Outcome.CRASHED or failure is None:
        return report.outcome.value
    return (
        f"crashed-with-{failure.type}" if failure.type.isidentifier() else f"crashed-({failure.kind.value})"
    )


def withhold_steps(text: str, steps: int) -> str:
    """A sentence of the launcher's, in which the number of steps that it asked for is for the instructor alone."""
    return replace_steps(text, steps, withhold)


def find_causes(trial: Trial, report: RunReport) -> Iterator[str]:
    """Mistakes in the calls themselves, which explain a run that does not finish."""
    uneven = trial.report.uneven_groups
    if uneven is not None and str(uneven).lower() not in report.sentence.lower():
        yield f"{uneven}"
    foreign = next(foreign_reductions(trial, report), None)
    if foreign is not None:
        yield f"{tell_foreign(*foreign)}: only replicas of one stage have gradients of the same parameters"


def require(trial: Trial, reached: bool) -> None:
    """End a check as not reached where the run did not come so far as to show what it looks at."""
    if reached:
        return
    try:
        check_finishes(trial)
    except Failure as failure:
        raise NotReached(failure) from None
    raise AssertionError("a run that finishes shows everything")


def require_script(trial: Trial) -> None:
    """What follows looks at a run of a script that its author has written."""
    require(trial, trial.script is not None and not trial.is_unwritten)


def require_steps(trial: Trial, fewest: int = 1) -> None:
    """What follows looks at so many steps of every rank."""
    require_script(trial)
    require(trial, trial.common_steps >= fewest)
