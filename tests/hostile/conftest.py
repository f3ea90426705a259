"""Something to attack, and a look at the machine before and after."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for `cases`, `grading`, `targets` and the small homework

from cases import EXERCISES, HONEST_CASE
from grading import grade
from targets import State, look, set_up

from grader.containment import Level, probe


@pytest.fixture(scope="package")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where everything that grading writes lies, so that nothing left is overlooked."""
    tmp_path_factory.getbasetemp()  # pytest's own folder is to lie elsewhere
    before = tempfile.tempdir
    with tempfile.TemporaryDirectory(prefix="hostile-") as name:
        path = Path(name)
        path.chmod(0o711)
        tempfile.tempdir = name
        yield path
        tempfile.tempdir = before


@pytest.fixture(scope="package")
def targets(folder: Path) -> Iterator[dict[str, str]]:
    with set_up(folder) as targets:
        yield targets


@pytest.fixture(scope="package")
def work(folder: Path) -> Path:
    path = folder / "work"
    path.mkdir()
    (path / "submission.ipynb").touch()
    return path


@pytest.fixture(scope="package")
def clean(folder: Path, targets: dict[str, str], work: Path) -> State:  # noqa: ARG001
    """The machine before the first case."""
    return look(folder)


@pytest.fixture(scope="package", autouse=True)
def _honest_before_and_after(
    targets: dict[str, str], work: Path, clean: State, folder: Path
) -> Iterator[None]:
    """An honest submission gets all its points before the first case and after the last."""
    if probe().level is not Level.FULL:
        yield
        return
    assert grade(HONEST_CASE, targets, work, Level.FULL).earned == EXERCISES
    yield
    assert grade(HONEST_CASE, targets, work, Level.FULL).earned == EXERCISES
    assert look(folder) == clean
