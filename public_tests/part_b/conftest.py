"""What the public checks of part B need: each script, run once for a few steps and watched."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import cache
from pathlib import Path

import pytest

import launch
from grader import Scripts, add_figures, fail
from grader.containment import remove_folder
from launch.run_report import RunReport

from .contract import read_contract
from .figures import draw_trial
from .findings import find_unwritten
from .trial import FEWEST_STEPS, Trial, run_trial

Trials = Callable[[str], Trial]


@pytest.fixture(scope="session")
def run_folder() -> Iterator[Path]:
    """Where runs leave their events and tensors, of which nothing is kept."""
    folder = Path(tempfile.mkdtemp(prefix="runs-"))
    try:
        yield folder
    finally:
        remove_folder(folder)


@pytest.fixture(scope="session")
def trials(pytestconfig: pytest.Config, scripts: Scripts, grading_seed: int, run_folder: Path) -> Trials:
    """The trial of an exercise, run when it is first asked for."""
    steps = pytestconfig.option.steps or FEWEST_STEPS

    @cache
    def find(exercise: str) -> Trial:
        folder = run_folder / exercise
        trial = run_trial(
            scripts,
            read_contract(exercise),
            grading_seed,
            steps,
            folder,
            lambda: nullcontext(launch.start_plainly),
        )
        add_figures(pytestconfig, exercise, *draw_trial(trial))
        return trial

    return find


@pytest.fixture
def trial(request: pytest.FixtureRequest, trials: Trials) -> Trial:
    """The trial of the exercise that the test is marked with, of a script that is there and written."""
    found = trials(str(request.node.get_closest_marker("exercise").args[0]))
    if found.script is None:
        fail(
            f"{found.contract.exercise} was not run: {found.absence}.",
            f"{found.contract.shell}, which starts all ranks of {found.contract.script} and waits for them",
            f"put {found.contract.script} and {found.contract.shell} into one folder, under these names; start from those in notebooks/part_b.",
        )
    if unwritten := find_unwritten(found):
        raise unwritten
    return found


@pytest.fixture
def report(trial: Trial) -> RunReport:
    """The run of that script."""
    return trial.report
