"""Each script is run once for all checks of its exercise, and compared with the reference once."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import cache
from importlib import import_module
from pathlib import Path
from threading import Thread

import pytest

import launch
from grader import Scripts, add_context, add_figures, add_judgement
from grader.containment import ContainedWorkers, remove_folder
from public_tests.part_b.comparison import Comparison, compare
from public_tests.part_b.contract import read_contract
from public_tests.part_b.figures import draw_trial
from public_tests.part_b.trial import Trial, run_trial

Trials = Callable[[str], Trial]


@pytest.fixture(scope="session")
def run_folder() -> Iterator[Path]:
    """Where runs leave their events and tensors. Not below pytest's own folders, which a container's user may not enter."""
    folder = Path(tempfile.mkdtemp(prefix="runs-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        remove_folder(folder)  # scripts may have nested folders more deeply than Python can follow


@pytest.fixture(scope="session")
def trials(
    pytestconfig: pytest.Config,
    scripts: Scripts,
    grading_seed: int,
    contain_script: Callable[[Sequence[Path]], ContainedWorkers | None],
    run_folder: Path,
) -> Trials:
    """The trial of an exercise, run when it is first asked for."""
    # Seconds of importing torch for the comparison, which pass while the first script does the same.
    Thread(target=import_module, args=("public_tests.part_b.one_process",)).start()

    @contextmanager
    def start_contained() -> Iterator[launch.Start]:
        with contain_script((launch.HOOK,)) or nullcontext() as workers:
            yield workers.start if workers else launch.start_plainly

    @cache
    def find(exercise: str) -> Trial:
        folder = run_folder / exercise
        contract = read_contract(exercise)
        trial = run_trial(scripts, contract, grading_seed, pytestconfig.option.steps, folder, start_contained)
        if trial.notes:
            add_context(pytestconfig, **{exercise: list(trial.notes)})
        if trial.was_killed:
            add_context(pytestconfig, rank_kills=True)
        add_judgement(pytestconfig, exercise, *trial.judgement)
        add_figures(pytestconfig, exercise, *draw_trial(trial))
        return trial

    return find


@pytest.fixture(scope="session")
def comparisons(trials: Trials) -> Callable[[str], Comparison]:
    """The comparison of an exercise's gradients with the reference's."""
    return cache(lambda exercise: compare(trials(exercise)))


@pytest.fixture
def trial(request: pytest.FixtureRequest, trials: Trials) -> Trial:
    """The trial of the exercise that the test is marked with."""
    return trials(_exercise(request))


@pytest.fixture
def comparison(request: pytest.FixtureRequest, comparisons: Callable[[str], Comparison]) -> Comparison:
    return comparisons(_exercise(request))


def _exercise(request: pytest.FixtureRequest) -> str:
    marker = request.node.get_closest_marker("exercise")
    return str(marker.args[0])
