"""What the public checks of part B need: each script, run once for a few steps and watched."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

import launch
from grader import Scripts, fail
from launch.run_report import RunReport

RANKS = {"B1": 3, "B2": 6}
STEPS = 2
TIME_LIMIT_S = 300


@pytest.fixture(scope="session")
def runs(
    pytestconfig: pytest.Config, scripts: Scripts, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], RunReport]:
    """The run of an exercise's shell script."""
    steps = pytestconfig.option.steps or STEPS

    @cache
    def run(exercise: str) -> RunReport:
        own = exercise.lower()
        others = scripts.list_shared(f"{own}.sh")
        return launch.run(
            scripts.files[f"{own}.sh"],
            ranks=RANKS[exercise],
            steps=steps,
            timeout_s=TIME_LIMIT_S + steps,
            output_dir=tmp_path_factory.mktemp(exercise),
            alias={"simplellm": "lab_1_parallelism"},
            arguments=(own,) if others else (),
            left_out=others,
        )

    return run


@pytest.fixture
def report(request: pytest.FixtureRequest, scripts: Scripts, runs: Callable[[str], RunReport]) -> RunReport:
    """The run of the script of the exercise that the test is marked with."""
    exercise = str(request.node.get_closest_marker("exercise").args[0])
    shell = f"{exercise.lower()}.sh"
    if shell not in scripts.files:
        fail(
            f"{shell} was not run: {scripts.describe_absence(shell)}.",
            f"a shell script that starts all ranks of {exercise.lower()}.py and waits for them",
            f"hand in {exercise.lower()}.py and {shell} in one folder, under these names.",
        )
    try:
        return runs(exercise)
    except launch.ScriptError as error:
        fail(
            f"{shell} could not be started: {error}",
            "a shell script",
            f"start from {shell} in notebooks/part_b.",
        )
