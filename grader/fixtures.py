"""The fixtures that checks use: the submission, its scripts, and the questions put to it and to the reference."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from . import containment, display
from .containment.strength import Level
from .failure import Failure
from .figure import Figure
from .grading import GRADING, REMARKS, Grading, add_context, add_figures, find_exercise_id
from .isolation import IsolationError, check_view, make_view
from .question import Ask, Question
from .report import write_refusal
from .scripts import Scripts

if TYPE_CHECKING:  # a command that refuses its arguments must not wait for what runs submissions
    from .reference import ReferenceProcess
    from .submission import Submission

KEPT_REFERENCE = pytest.StashKey["ReferenceProcess"]()
"""A reference that outlives one run of checks."""
DAY_S = 24 * 3600


@pytest.fixture(scope="session")
def grading_seed(pytestconfig: pytest.Config) -> int:
    """What hidden checks draw their parameters from; printed, and set by `--grading-seed`."""
    return int(pytestconfig.option.grading_seed)


@pytest.fixture(scope="session")
def grading(pytestconfig: pytest.Config) -> Grading:
    """What is graded. Skips a test that needs it if nothing is graded."""
    if GRADING not in pytestconfig.stash:
        pytest.skip("checks need something to grade: pytest -fpath NOTEBOOK")
    return pytestconfig.stash[GRADING]


@pytest.fixture(scope="session")
def isolation(grading: Grading) -> Level:
    """How well the submission is contained."""
    return grading.level


@pytest.fixture(scope="session")
def reference(pytestconfig: pytest.Config, grading: Grading) -> Iterator[ReferenceProcess]:
    """The reference's answers."""
    from .reference import ReferenceProcess

    if (kept := pytestconfig.stash.get(KEPT_REFERENCE, None)) is not None:
        yield kept
        return
    reference = ReferenceProcess(grading.homework, grading.suite)
    yield reference
    reference.close()


@pytest.fixture(scope="session")
def data_environment(
    pytestconfig: pytest.Config, grading: Grading, reference: ReferenceProcess
) -> Mapping[str, str]:
    """The environment variables that name the reference's data set and its folder: the submission must see the same data.

    It has to wait for the reference, since a contained kernel can read the folder, but not fill it. Ends pytest if there is no such data set.
    """
    data = grading.homework.data
    if data is None:
        return {}
    try:
        facts = dict(reference.answer(data.describe, {"name": ""}))
    except (ValueError, RuntimeError) as error:
        reference.close()
        _end(pytestconfig, error)
    folder = os.path.realpath(str(facts.pop("folder")))
    add_context(pytestconfig, **facts)
    return {data.variable: str(facts["dataset"]), data.folder_variable: folder}


@pytest.fixture(scope="session")
def submission(request: pytest.FixtureRequest, grading: Grading) -> Iterator[Submission]:
    """The notebook that is checked."""
    if grading.notebook is None:
        pytest.skip("checks need a notebook: pytest -fpath NOTEBOOK")
    start = _start_warm if grading.level is Level.NONE else _start_contained
    with closing(start(request, grading)) as submission:
        yield submission
    if submission.notes:
        add_context(request.config, passed_over=submission.notes)
    if submission.kills:
        add_context(request.config, kernel_kills=submission.kills)
    if submission.tampering:
        add_context(request.config, tampering=submission.tampering)


def _start_contained(request: pytest.FixtureRequest, grading: Grading) -> Submission:
    """A kernel in a container, which needs to be told of the data's folder when it is made."""
    environment: Mapping[str, str] = request.getfixturevalue("data_environment")
    data = grading.homework.data
    folders = [Path(environment[data.folder_variable])] if data is not None else []
    view = _make_submission_view(request.config, grading, folders)
    return _make_submission(request.config, grading, environment, view)


def _start_warm(request: pytest.FixtureRequest, grading: Grading) -> Submission:
    """A kernel that imports what takes long while the reference, which imports the same, finds out about the data."""
    submission = _make_submission(request.config, grading, {}, containment.View())
    submission.warm_up()
    try:
        submission.set_environment(request.getfixturevalue("data_environment"))
    except BaseException:
        submission.close()
        raise
    return submission


def _make_submission(
    config: pytest.Config, grading: Grading, environment: Mapping[str, str], view: containment.View
) -> Submission:
    from .submission import Submission

    assert grading.notebook is not None
    return Submission(
        grading.notebook,
        grading.homework,
        {**grading.suite.environment, **environment},
        execute_all=config.option.execute == "all",
        level=grading.level,
        view=view,
        own=grading.own,
    )


def _make_submission_view(
    config: pytest.Config, grading: Grading, folders: Sequence[Path]
) -> containment.View:
    view = make_view(grading.homework.kernel.packages, grading.homework.folder, folders)
    try:
        check_view(view, grading.level)
    except IsolationError as error:
        _end(config, error)
    return view


def _end(config: pytest.Config, error: Exception) -> NoReturn:
    """End pytest with one line, which is in the results too: this machine can't grade."""
    line = display.plain(str(error), one_line=True)
    line += write_refusal(line, config.option.json, "machine")
    pytest.exit(line, pytest.ExitCode.USAGE_ERROR)


@pytest.fixture(scope="session")
def ask(request: pytest.FixtureRequest, submission: Submission, reference: ReferenceProcess) -> Ask:
    """Puts a question to the submission and to the reference: `seen, right = ask(question)`."""
    foreseen = [question for item in request.session.items for question in _list_questions(item)]
    return Ask(submission, reference, foreseen)


@pytest.fixture
def remark(request: pytest.FixtureRequest) -> Callable[[Failure], None]:
    """Notes what a check saw that costs nothing, since the exercise does not ask for it: it is told beside the score."""
    remarks: list[Failure] = request.node.stash.setdefault(REMARKS, [])
    return remarks.append


@pytest.fixture
def illustrate(request: pytest.FixtureRequest) -> Callable[[Figure | None], None]:
    """Adds a figure, if there is one, to the report on the exercise that the test is marked with."""
    exercise_id = find_exercise_id(request.node)
    assert exercise_id is not None
    return lambda figure: add_figures(request.config, exercise_id, *([] if figure is None else [figure]))


@pytest.fixture
def questions(request: pytest.FixtureRequest) -> list[Question]:
    """The questions that the check is marked with."""
    return _list_questions(request.node)


@pytest.fixture
def question(questions: list[Question]) -> Question:
    """The first of them."""
    return questions[0]


def _list_questions(item: Any) -> list[Question]:
    marker = item.get_closest_marker("asks")
    seed = int(item.config.option.grading_seed)
    return [draw(seed) for draw in marker.args] if marker is not None else []


@pytest.fixture(scope="session")
def scripts(grading: Grading) -> Scripts:
    """The scripts that are checked."""
    if grading.scripts is None:
        pytest.skip("checks of scripts need a folder: pytest --scripts FOLDER")
    return grading.scripts


@pytest.fixture(scope="session")
def contain_script(grading: Grading) -> Callable[[Sequence[Path]], containment.ContainedWorkers | None]:
    """Makes the container for one script, which can read these folders besides its own. None if scripts are not contained."""
    limits = grading.homework.scripts
    memory_bytes = limits.memory_mib << 20

    def contain(folders: Sequence[Path]) -> containment.ContainedWorkers | None:
        if grading.level is Level.NONE:
            return None
        view = make_view(limits.packages, grading.homework.folder, folders)
        check_view(view, grading.level)
        # Processor time is bounded by the deadline of whoever starts the script: all steps of a training take hours.
        bounds = containment.Limits(
            resident_bytes=memory_bytes, scratch_bytes=memory_bytes, file_bytes=memory_bytes, cpu_s=DAY_S
        )
        return containment.ContainedWorkers(view, grading.level, bounds)

    return contain
