"""What the hidden checks of part A need: small data, the probes, and the reference's answers."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from grader.containment import Level
from grader.plugin import add_context
from lab_2_hfl.storage import data_folder

from . import questions
from .draws import ONE_THREAD, SMALL_DATA
from .reference_runs import DATASET, References

DATA = "LAB_2_HFL_DATA"
ALWAYS_THERE = "digits"
PROBES = ("integrity", "servers", "experiments")  # each may import those before it


def pytest_report_header(config: pytest.Config) -> list[str]:
    """The data set, as far as it is known before the lab is imported; below the table stands which one it was."""
    return [f"data set: {os.environ.get(DATASET) or 'auto'}"] if config.option.fpath is not None else []


@pytest.fixture(scope="session")
def references(
    request: pytest.FixtureRequest, pytestconfig: pytest.Config, grading_seed: int
) -> Iterator[References]:
    """The reference's answers; those that the collected checks will need are computed while the submission runs."""
    references = References({**SMALL_DATA, **ONE_THREAD})
    wanted = {
        marker.args[0] for item in request.session.items if (marker := item.get_closest_marker("exercise"))
    }
    asked = [q for q in questions.list_all(grading_seed) if q.exercise in wanted]
    signatures = [
        ("describe_function", {"name": q.name}) for q in asked if q.function in ("call", questions.CALL)
    ]
    references.foresee([("describe_data", {}), *signatures, *((q.function, q.arguments) for q in asked)])
    yield references
    described = _describe(references)
    add_context(pytestconfig, **{key: described[key] for key in ("dataset", "torch", "device")})
    references.close()


def _describe(references: References) -> dict[str, str]:
    """What the reference is computed on and with. Ends pytest if there is no such data set, or it can't be had."""
    try:
        return references.describe()
    except (ValueError, RuntimeError) as error:
        references.close()
        pytest.exit(str(error), pytest.ExitCode.USAGE_ERROR)


@pytest.fixture(scope="session")
def submission_environment(references: References, isolation: Level) -> Mapping[str, str]:
    """The kernel sees the same data as the reference. Where the digits are named, nobody need wait for the other.

    Other data sets may not be there, which is no fault of the submission's. And a contained kernel must wait: it can read the folder of the
    data sets, but not fill it.
    """
    named = os.environ.get(DATASET, "").strip().lower()
    waits = named != ALWAYS_THERE or isolation is not Level.NONE
    dataset = _describe(references)["dataset"] if waits else named
    return {**SMALL_DATA, **ONE_THREAD, DATASET: dataset, DATA: os.path.realpath(data_folder())}


@pytest.fixture(scope="session")
def submission_folders(submission_environment: Mapping[str, str]) -> Sequence[Path]:
    return [Path(submission_environment[DATA])]


@pytest.fixture(scope="session")
def submission_probes() -> Mapping[str, str]:
    folder = Path(__file__).parents[1] / "probes"
    return {name: (folder / f"{name}.py").read_text(encoding="utf-8") for name in PROBES}
