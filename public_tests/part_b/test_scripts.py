"""B1 and B2: the scripts start, finish, make the steps asked, and have the shape that was asked for.

What else is seen, such as gradients that differ from those of one process, is noted and fails no check.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from grader import Failure, Homework, Scripts, fail
from grader.explanation import read_scripts
from grader.grading import Grading
from launch.deliveries import came_from, find_deliveries
from launch.events import Forward, Tokens
from launch.run_report import Outcome, RunReport

from .comparison import compare
from .contract import BATCH_SIZE
from .findings import find_blocking_send, find_gradient_mistake, find_missing_backward
from .trial import Trial, largest_model, list_lengths

FEWEST_WORDS = 15  # of an explanation

both = pytest.mark.parametrize(
    "exercise",
    [pytest.param(name, marks=pytest.mark.exercise(name)) for name in ("B1", "B2")],
)


@both
def test_it_finishes(exercise: str, trial: Trial) -> None:
    """It starts, makes the steps asked on every rank, and ends."""
    for report in trial.reports:
        if report.outcome is not Outcome.FINISHED:
            fail(
                f"{report.script.name}: {report.outcome.value}. {report.sentence}",
                f"{report.asked_ranks} ranks that each make exactly {report.asked_steps} steps, and end",
                f"`python -m launch {exercise.lower()}.sh` shows it again, with a picture.",
            )


@both
@pytest.mark.needs("test_it_finishes")
def test_the_script_waits(exercise: str, report: RunReport) -> None:
    """The shell script waits for its ranks."""
    if not report.script_waited:
        fail(
            f"{exercise.lower()}.sh ends before its ranks do.",
            "a script that ends when its last rank has ended",
            "add `wait` as its last line.",
        )


@both
@pytest.mark.needs("test_it_finishes")
def test_stages_work_on_what_they_were_sent(exercise: str, report: RunReport) -> None:
    """What a stage works on came in messages."""
    for rank in report.ranks:
        others = [other for other in range(report.asked_ranks) if other != rank.rank]
        arrived = [each for other in others for each in find_deliveries(rank, other, report.asked_ranks)]
        given = [(event.at, event.input) for event in rank.of(Forward) if event.gradients]
        strange = [
            at for at, content in given if content is not None and came_from(content, arrived) is False
        ]
        if strange:
            fail(
                f"Rank {rank.rank} of {exercise} works on an activation {strange[0]} that came in no message.",
                "stages that work on what the stage before has sent them",
                "let each rank compute its own stage alone, receive its input, and send its output on.",
            )


@both
@pytest.mark.needs("test_it_finishes")
def test_stages_have_the_size_asked(exercise: str, trial: Trial) -> None:
    """Each rank holds a stage of two layers of width 288."""
    width, asked = trial.contract.dmodel, trial.contract.layers_per_stage
    for number, rank in sorted(trial.ranks.items()):
        model = largest_model(rank)
        shapes = [shape for _, shape in model.parameters] if model else []
        layers = sum(shape == (width, width) for shape in shapes) // 4
        if layers != asked:
            fail(
                f"Rank {number} of {exercise} holds {layers} layer{'s' * (layers != 1)} of width {width}.",
                f"one stage with {asked} layers of width {width} on each rank",
                "build the stages with the constants of the handout.",
            )


@both
@pytest.mark.needs("test_it_finishes")
def test_batches_have_the_size_asked(exercise: str, trial: Trial) -> None:
    """The first stage reads three sequences of 256 tokens per step."""
    first, length = trial.report.rank(0), trial.contract.seq_l
    read = [
        event
        for event in (first.of(Tokens) if first else ())
        if event.step == 1 and event.place in ("input", "embedding")
    ]
    sequences = len({row for event in read for row in event.rows})
    shapes = list(dict.fromkeys(event.shape for event in read))
    if sequences != BATCH_SIZE or list_lengths(trial, trial.pipelines[0]) != {length}:
        fail(
            f"Rank 0 of {exercise} reads {sequences} sequence{'s' * (sequences != 1)} in its first step, "
            f"in tensors of shape {' and '.join(str(list(shape)) for shape in shapes) or 'unknown'}.",
            f"{BATCH_SIZE} sequences of {length} tokens per step",
            f"load with batch_size={BATCH_SIZE} and seq_l={length}, and give the tokens to the first stage.",
        )


@both
@pytest.mark.needs("test_it_finishes")
def test_batches_are_cut(exercise: str, report: RunReport) -> None:
    """Each stage works on micro-batches."""
    for rank in report.ranks:
        passes = [event for event in rank.of(Forward) if event.step == 1 and event.gradients]
        if len(passes) < 2:
            fail(
                f"Rank {rank.rank} of {exercise} makes {len(passes)} forward pass{'es' * (len(passes) != 1)} in its first step.",
                "a forward pass for each micro-batch",
                "cut the batch with tokens.chunk(3), and run each part through the stages by itself.",
            )


@both
@pytest.mark.needs("test_it_finishes")
def test_what_is_seen_besides(
    exercise: str, trial: Trial, grading: Grading, scripts: Scripts, remark: Callable[[Failure], None]
) -> None:
    """Gradients, sends and the explanation, of which only notes are taken."""
    for found in (
        find_missing_backward(trial.ranks),
        find_blocking_send(trial.ranks),
        find_gradient_mistake(trial, compare(trial)) if grading.homework.scripts.comparison else None,
        find_missing_explanation(scripts, grading.homework, exercise),
    ):
        if found:
            remark(found)


def find_missing_explanation(scripts: Scripts, homework: Homework, exercise: str) -> Failure | None:
    """The explanation, which a person reads, is not there beyond what the starters say."""
    written = read_scripts(scripts.hand_in, homework, homework.find_exercise(exercise))
    if len(written.text.split()) >= FEWEST_WORDS:
        return None
    program = f"{exercise.lower()}.py"
    amount = "only a few words of explanation" if written.text else "no explanation"
    return Failure(
        f"{program} and the files beside it have {amount}, the starter's own comments apart.",
        "a few sentences that say which stage works on which micro-batch when, and why the gradients are right",
        "write them as comments beside the schedule; a person will read them and give a point.",
    )
