"""B1 and B2: the scripts start, finish, make the steps asked, and have the shape that was asked for.

Whether the gradients are right is not looked at here.
"""

from __future__ import annotations

import pytest

from grader import Scripts, fail
from launch.deliveries import came_from, find_deliveries
from launch.events import Forward, Model, Tokens
from launch.run_report import Outcome, RunReport

WIDTH, LAYERS, BATCH, LENGTH = 288, 2, 3, 256

both = pytest.mark.parametrize(
    "exercise",
    [pytest.param(name, marks=pytest.mark.exercise(name)) for name in ("B1", "B2")],
)


@both
def test_it_finishes(exercise: str, report: RunReport) -> None:
    """It starts, makes the steps asked on every rank, and ends."""
    if report.outcome is not Outcome.FINISHED:
        fail(
            f"{report.script.name}: {report.outcome.value}. {report.sentence}",
            f"{report.asked_ranks} ranks that each make exactly {report.asked_steps} steps, and end",
            f"`python -m launch {exercise.lower()}.sh --ranks {report.asked_ranks} --steps {report.asked_steps}` shows it again, "
            "with a picture.",
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
def test_stages_have_the_size_asked(exercise: str, report: RunReport) -> None:
    """Each rank holds a stage of two layers of width 288."""
    for rank in report.ranks:
        model = max(rank.of(Model), key=lambda model: model.count, default=None)
        shapes = [shape for _, shape in model.parameters] if model else []
        layers = sum(shape == (WIDTH, WIDTH) for shape in shapes) // 4
        if layers != LAYERS:
            fail(
                f"Rank {rank.rank} of {exercise} holds {layers} layer{'s' * (layers != 1)} of width {WIDTH}.",
                f"one stage with {LAYERS} layers of width {WIDTH} on each rank",
                "build the stages with the constants of the handout.",
            )


@both
@pytest.mark.needs("test_it_finishes")
def test_batches_have_the_size_asked(exercise: str, report: RunReport) -> None:
    """The first stage reads three sequences of 256 tokens per step."""
    first = report.rank(0)
    read = [
        event
        for event in (first.of(Tokens) if first else ())
        if event.step == 1 and event.place in ("input", "embedding")
    ]
    sequences = len({row for event in read for row in event.rows})
    shapes = list(dict.fromkeys(event.shape for event in read))
    if sequences != BATCH or {shape[-1] for shape in shapes} != {LENGTH}:
        fail(
            f"Rank 0 of {exercise} reads {sequences} sequence{'s' * (sequences != 1)} in its first step, "
            f"in tensors of shape {' and '.join(str(list(shape)) for shape in shapes) or 'unknown'}.",
            f"{BATCH} sequences of {LENGTH} tokens per step",
            f"load with batch_size={BATCH} and seq_l={LENGTH}, and give the tokens to the first stage.",
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
def test_an_explanation_is_there(exercise: str, scripts: Scripts) -> None:
    """The schedule is explained, in comments or in a text file."""
    words = " ".join(
        path.read_text(encoding="utf-8", errors="replace")
        for path in sorted(scripts.folder.rglob("*"))
        if path.suffix in (".md", ".txt")
    ).split()
    script = scripts.files.get(f"{exercise.lower()}.py")
    text = script.read_text(encoding="utf-8", errors="replace") if script else ""
    comments = [line for line in text.splitlines() if "#" in line or '"""' in line]
    if len(words) < 15 and len(comments) < 3:
        fail(
            f"{exercise.lower()}.py has hardly any comments, and there is no text file beside it.",
            "a few sentences that say which stage works on which micro-batch when, and why the gradients are right",
            "write them as comments beside the schedule; a person will read them.",
        )
