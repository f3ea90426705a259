"""What the hidden checks of part A need: small data, the lab's probes, and the reference's answers."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from . import questions
from .draws import SMALL_DATA
from .reference_runs import References

ONE_THREAD = {"OMP_NUM_THREADS": "1", "TQDM_DISABLE": "1"}


@pytest.fixture(scope="session")
def submission_environment(pytestconfig: pytest.Config) -> Mapping[str, str]:
    """The kernel sees the same data as the reference: which set that is, is decided once, here."""
    os.environ.update(SMALL_DATA)
    from torch import __version__ as torch_version

    from grader.plugin import add_context
    from lab_2_hfl.dataset import train_dataset
    from lab_2_hfl.model import device

    add_context(pytestconfig, dataset=train_dataset.name, torch=torch_version, device=str(device))
    return {**SMALL_DATA, **ONE_THREAD, "LAB_2_HFL_DATASET": train_dataset.name}


@pytest.fixture(scope="session")
def submission_probes() -> Mapping[str, str]:
    import lab_2_hfl

    folder = Path(next(iter(lab_2_hfl.__path__)))
    return {"servers": (folder / "probes.py").read_text(encoding="utf-8")}


@pytest.fixture(scope="session")
def references(
    request: pytest.FixtureRequest, grading_seed: int, submission_environment: Mapping[str, str]
) -> Iterator[References]:
    """The reference's answers; those that the collected checks will need are computed while the submission runs."""
    references = References(submission_environment)
    wanted = {
        marker.args[0] for item in request.session.items if (marker := item.get_closest_marker("exercise"))
    }
    references.foresee(
        [(q.function, q.arguments) for q in questions.list_all(grading_seed) if q.exercise in wanted]
    )
    yield references
    references.close()
