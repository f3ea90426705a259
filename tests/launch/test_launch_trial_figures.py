"""What a page shows of a trial's runs."""

from __future__ import annotations

from pathlib import Path

import recorded
from recorded import Rank

from grader import Curves, Picture
from launch.run_report import Outcome
from launch.verdict import Verdict
from public_tests.part_b.contract import read_contract
from public_tests.part_b.figures import draw_trial
from public_tests.part_b.trial import Trial


def report(outcome: Outcome, *losses: float):
    rank = Rank(0, 1)
    for step, loss in enumerate(losses, start=1):
        rank.event("backward", step=step, start=step, end=step + 1, thread=0, micro_batches=[0], loss=loss)
    rank.steps(len(losses))
    return recorded.report(recorded.situation(recorded.workers([rank]), ranks=1), Verdict(outcome))


def trial(*reports) -> Trial:
    return Trial(read_contract("B1"), Path("b1.sh"), reports=reports)


def test_a_run_has_a_picture_and_the_curve_of_its_losses():
    picture, curve = draw_trial(trial(report(Outcome.FINISHED, 3.0, 2.5)))
    assert isinstance(picture, Picture)
    assert picture.svg.startswith("<svg")
    assert isinstance(curve, Curves)
    assert curve.series == {"rank 0": [3.0, 2.5]}


def test_the_run_that_went_wrong_is_shown():
    picture, _ = draw_trial(trial(report(Outcome.FINISHED, 1.0), report(Outcome.TOO_SLOW, 2.0)))
    assert "where each of them stopped" in picture.title
    assert "Rank 0: 1 of 8 steps" in picture.description


def test_drawn_steps_are_told_in_no_note_and_no_description():
    stopped = recorded.worker(
        [*Rank(0, 1).steps(8).lines, '{"kind": "stop", "t": 1.0, "step": 9, "thread": 0}']
    )
    found = recorded.report(recorded.situation([stopped], ranks=1), Verdict(Outcome.FINISHED))
    drawn = Trial(read_contract("B1"), Path("b1.sh"), reports=(found,), drawn=True)
    assert drawn.notes == (
        "The script would have gone on after the steps asked, and was ended: it does not take their number from LAB_STEPS, "
        "or steps more than once per batch.",
    )
    picture = next(iter(draw_trial(drawn)))
    assert isinstance(picture, Picture)
    assert "The only rank made the steps asked" in picture.description
    assert "Rank 0: all of the steps asked" in picture.description


def test_losses_that_are_no_numbers_are_not_drawn():
    assert len(list(draw_trial(trial(report(Outcome.FINISHED, float("nan")))))) == 1


def test_without_a_run_there_is_nothing_to_show():
    assert list(draw_trial(trial())) == []
