"""What the public checks of part A need: a small part of the data for the notebook's kernel, and the probes."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

DATASET = "LAB_2_HFL_DATASET"
DATA = "LAB_2_HFL_DATA"
SMALL_DATA = {"LAB_2_HFL_TRAIN_SAMPLES": "600", "LAB_2_HFL_TEST_SAMPLES": "100"}
PROBES = ("integrity", "servers", "experiments")  # each may import those before it
ONE_THREAD = {
    "OMP_NUM_THREADS": "1"
}  # the kernel works at the same time; two threads each would only get in each other's way


def pytest_report_header(config: pytest.Config) -> list[str]:
    """The data set, as far as it is known before the lab is imported; below the table stands which one it was."""
    return [f"data set: {os.environ.get(DATASET) or 'auto'}"] if config.option.fpath is not None else []


@pytest.fixture(scope="session", autouse=True)
def _small_data(pytestconfig: pytest.Config) -> None:
    """The checks compare with the lab's own servers, on the same part of the data: set before the lab is imported here."""
    if pytestconfig.option.fpath is None:
        return
    os.environ.update({**SMALL_DATA, **ONE_THREAD})
    from grader.plugin import add_context
    from lab_2_hfl.images import DataUnavailableError

    try:
        from lab_2_hfl.dataset import train_dataset
    except (ValueError, DataUnavailableError) as error:
        pytest.exit(str(error), pytest.ExitCode.USAGE_ERROR)
    add_context(pytestconfig, dataset=train_dataset.name)


@pytest.fixture(scope="session")
def submission_environment(_small_data: None) -> Mapping[str, str]:
    from lab_2_hfl.dataset import train_dataset
    from lab_2_hfl.storage import data_folder

    return {**SMALL_DATA, DATASET: train_dataset.name, DATA: os.path.realpath(data_folder())}


@pytest.fixture(scope="session")
def submission_folders(submission_environment: Mapping[str, str]) -> Sequence[Path]:
    return [Path(submission_environment[DATA])]


@pytest.fixture(scope="session")
def submission_probes() -> Mapping[str, str]:
    folder = Path(__file__).parents[1] / "probes"
    return {name: (folder / f"{name}.py").read_text(encoding="utf-8") for name in PROBES}
