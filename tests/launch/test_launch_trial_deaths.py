"""A rank that was killed without last words may have been killed by this machine."""

from __future__ import annotations

from pathlib import Path

import pytest
import recorded
from recorded import Rank

from launch import FailureKind
from launch.run_report import Outcome
from launch.verdict import RunFailure, Verdict
from public_tests.part_b.contract import read_contract
from public_tests.part_b.trial import Trial


@pytest.mark.parametrize(
    ("failure", "was_killed"),
    [
        (RunFailure(FailureKind.KILLED, 1.0, 1, "b1.py 1"), True),
        (RunFailure(FailureKind.KILLED, 1.0, 1, "b1.py 1", message="Segmentation fault"), False),
        (RunFailure(FailureKind.EXITED, 1.0, 1, "b1.py 1", code=1), False),
        (None, False),
    ],
    ids=["killed", "crashed", "ended", "finished"],
)
def test_who_was_killed_without_last_words(failure: RunFailure | None, was_killed: bool) -> None:
    situation = recorded.situation(recorded.workers([Rank(0, 1)]), ranks=1)
    verdict = Verdict(Outcome.CRASHED if failure else Outcome.FINISHED, failure=failure)
    trial = Trial(read_contract("B1"), Path("b1.sh"), reports=(recorded.report(situation, verdict),))

    assert trial.was_killed is was_killed
