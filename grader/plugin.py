"""The pytest plugin: `pytest -fpath NOTEBOOK` grades a notebook with checks that are ordinary tests.

A check is a test marked `@pytest.mark.exercise("A1.1", points=0.5)`. It takes the fixture `submission`, and says no by raising
`grader.Failure`; any other exception in it is a bug of the kit, which is reported as such and costs nobody a point unseen.
"""

from __future__ import annotations

import os
import platform
import secrets
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from . import display, relay
from .containment import ContainedWorkers, Level, Limits, View
from .containment.limits import MIB
from .homework import Exercise, Homework, HomeworkError, read_homework
from .intake import IntakeError
from .isolation import LEVELS, IsolationError, check_view, choose_level, make_view
from .notebook import Notebook, NotebookError, read_notebook
from .options import find_path_problem, read_exercises, read_seed
from .report import (
    BROKEN,
    FAILED,
    MANUAL,
    PASSED,
    CheckResult,
    Report,
    format_notes,
    format_table,
    write_html,
    write_json,
)
from .scripts import Scripts, open_scripts
from .submission import Submission
from .verdict import Failure

KIT = Path(__file__).resolve().parent.parent
HOMEWORK_FILE = "homework.toml"
PUBLIC_TESTS = "public_tests"
_SETTINGS = KIT / "tox.ini"
DAY_S = 24 * 3600

_REPORT = pytest.StashKey[Report]()
_NOTEBOOK = pytest.StashKey[Notebook]()
_HOMEWORK = pytest.StashKey[Homework]()
_SCRIPTS = pytest.StashKey[Scripts]()
_WANTED = pytest.StashKey[set[str] | None]()
_LEVEL = pytest.StashKey[Level]()
_UNWRITTEN = pytest.StashKey[list[str]]()


# --- the command line -------------------------------------------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("grader", "checking a homework notebook")
    group.addoption("--fpath", metavar="NOTEBOOK", help="the notebook to check; also written -fpath NOTEBOOK")
    group.addoption("--scripts", metavar="FOLDER", help="the folder or archive with the scripts to check")
    group.addoption("--steps", type=int, metavar="N", help="how many training steps to ask of scripts")
    group.addoption("--json", metavar="FILE", help="write the results in Gradescope's format")
    group.addoption("--html", metavar="FILE", help="write the results as a page")
    group.addoption(
        "--grading-seed",
        type=read_seed,
        metavar="N",
        help="decides the parameters of hidden checks; the same seed gives the same grade",
    )
    group.addoption("--exercise", metavar="ID,…", help="check only these exercises")
    group.addoption(
        "--execute",
        choices=("needed", "all"),
        default="needed",
        help="run the cells that grading needs (default), or all",
    )
    group.addoption(
        "--isolation",
        choices=LEVELS,
        help="how well to contain the notebook: full is needed for hidden checks unless another is named; default for public ones: none",
    )
    parser.addini("fpath_tests", "what to run with -fpath when no test is named", default=PUBLIC_TESTS)


def rewrite_arguments(arguments: list[str]) -> list[str]:
    """`-fpath X` and `-fpath=X` as `--fpath=X`: pytest reserves one-dash options of its own."""
    rewritten = []
    rest = iter(arguments)
    for argument in rest:
        if argument in ("-fpath", "--fpath", "--scripts"):
            path = next(rest, None)
            if path is None:
                kind = (
                    "folder: pytest --scripts ."
                    if "scripts" in argument
                    else "notebook: pytest -fpath homework_1.ipynb"
                )
                raise pytest.UsageError(f"{argument} needs the path of a {kind}")
            argument = f"--{argument.lstrip('-')}={path}"
        elif argument.startswith("-fpath="):
            argument = f"-{argument}"
        rewritten.append(argument)
    return rewritten


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(
    early_config: pytest.Config, parser: pytest.Parser, args: list[str]
) -> None:
    """Before any conftest is loaded: understand `-fpath`, and keep pytest away from the notebook's own folder."""
    rewritten = rewrite_arguments(args)
    known = parser.parse_known_args(rewritten)
    if not _is_grading(known):
        return
    try:
        if known.fpath is not None:
            read_notebook(Path(known.fpath))
    except NotebookError as error:
        raise pytest.UsageError(display.plain(str(error), one_line=True)) from error
    if not known.file_or_dir:
        rewritten.append(str(_find_default_tests(early_config)))
    if rewritten != args and not _is_own_configuration(early_config):
        _start_again(early_config, rewritten)
    args[:] = rewritten
    early_config.known_args_namespace = parser.parse_known_args(rewritten)


def _is_grading(options: Any) -> bool:
    """Whether pytest was given something to grade."""
    return options.fpath is not None or options.scripts is not None


def _find_default_tests(config: pytest.Config) -> Path:
    """The public tests of the folder that pytest was called in, else those beside this package."""
    here = config.invocation_params.dir / PUBLIC_TESTS
    tests = here if (here / HOMEWORK_FILE).is_file() else KIT / PUBLIC_TESTS
    if not tests.is_dir():
        raise pytest.UsageError(
            f"There is no folder {PUBLIC_TESTS} in {config.invocation_params.dir}: call pytest in the homework's folder."
        )
    return tests


def _is_own_configuration(config: pytest.Config) -> bool:
    """Whether pytest took its settings from the kit or from the folder that it was called in, not from a file beside the notebook.

    In a folder without settings it has none, not even the kit's outer time limit.
    """
    if config.inipath is None:
        return not _SETTINGS.is_file()
    return config.inipath.resolve().parent in (KIT, config.invocation_params.dir.resolve())


def _start_again(config: pytest.Config, arguments: list[str]) -> None:
    """Before this plugin could speak, pytest took the notebook for a test and read the settings beside it: run with the kit's instead."""
    command = [sys.executable, "-m", "pytest", "--rootdir", str(KIT), "-c", str(_SETTINGS), *arguments]
    capture = config.pluginmanager.getplugin("capturemanager")
    if capture is not None:
        capture.stop_global_capturing()  # else what the other pytest prints would go where this one keeps its tests' output
    sys.stdout.flush()
    try:
        status = relay.run(command)
    except KeyboardInterrupt:
        status = int(pytest.ExitCode.INTERRUPTED)
    os._exit(status)


# --- what is graded ---------------------------------------------------------------------------------------------------------------------


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "exercise(id, points=0): a check of this exercise, worth so many points"
    )
    if not _is_grading(config.option):
        return
    try:
        homework = read_homework(_find_homework(config))
        if config.option.fpath is not None:
            config.stash[_NOTEBOOK] = read_notebook(Path(config.option.fpath))
        if config.option.scripts is not None:
            config.stash[_SCRIPTS] = _open_scripts(config, homework)
        config.stash[_WANTED] = read_exercises(
            config.option.exercise,
            homework,
            notebook=config.option.fpath is not None,
            scripts=config.option.scripts is not None,
        )
        config.stash[_LEVEL] = choose_level(config.option.isolation, hidden=_runs_hidden_checks(config))
        check_view(make_view(homework.kernel.packages), config.stash[_LEVEL])
    except (HomeworkError, NotebookError, IntakeError, IsolationError) as error:
        raise pytest.UsageError(display.plain(str(error), one_line=True)) from error
    _expect_folders(config)
    if config.option.grading_seed is None:
        config.option.grading_seed = secrets.randbelow(10**6)
    config.stash[_HOMEWORK] = homework
    config.stash[_REPORT] = Report(homework.title, homework.exercises)
    add_context(
        config,
        submission=Path(config.option.fpath or config.option.scripts).name,
        grading_seed=config.option.grading_seed,
        python=platform.python_version(),
        isolation=config.stash[_LEVEL].value,
        **{name: version(name) for name in homework.libraries},
    )


def _open_scripts(config: pytest.Config, homework: Homework) -> Scripts:
    """The submission's scripts, in a folder that lasts as long as pytest does. Raises IntakeError."""
    folder = tempfile.TemporaryDirectory(prefix="scripts-")
    config.add_cleanup(folder.cleanup)
    return open_scripts(Path(config.option.scripts), Path(folder.name), homework)


def _runs_hidden_checks(config: pytest.Config) -> bool:
    """Whether any checks lie outside the folder of public ones: then the notebook must not see them."""
    places = [
        Path(config.invocation_params.dir, argument.split("::")[0]).resolve() for argument in config.args
    ]
    return any((place if place.is_dir() else place.parent).name != PUBLIC_TESTS for place in places)


def _expect_folders(config: pytest.Config) -> None:
    """Say now that a report can't be written where it was asked for."""
    for option in ("json", "html"):
        path = getattr(config.option, option)
        problem = find_path_problem(Path(path)) if path is not None else None
        if problem is not None:
            raise pytest.UsageError(f"--{option} {path}: {problem}.")


def _find_homework(config: pytest.Config) -> Path:
    """`homework.toml` in a folder of tests that is run, or in the public tests beside it."""
    for argument in config.args:
        folder = Path(config.invocation_params.dir, argument.split("::")[0])
        folder = folder if folder.is_dir() else folder.parent
        for place in (folder, folder.parent / PUBLIC_TESTS, folder.parent):
            if (place / HOMEWORK_FILE).is_file():
                return place / HOMEWORK_FILE
    return KIT / PUBLIC_TESTS / HOMEWORK_FILE


def add_context(config: pytest.Config, **facts: Any) -> None:
    """Note facts for the report, such as the data set and versions of libraries. Does nothing where no notebook is graded."""
    report = config.stash.get(_REPORT, None)
    if report is not None:
        report.context.update(facts)


@pytest.hookimpl(trylast=True)
def pytest_report_header(config: pytest.Config) -> list[str]:
    report = config.stash.get(_REPORT, None)
    if report is None:
        return []
    return ["grading: " + ", ".join(f"{key} {value}" for key, value in report.context.items())]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the checks of what was not given, a notebook or scripts, and with `--exercise` those of others."""
    if not _is_grading(config.option):
        return
    wanted = config.stash[_WANTED]
    kept: list[pytest.Item] = []
    left_out: list[pytest.Item] = []
    for item in items:
        exercise_id = _find_exercise_id(item)
        asked = wanted is None or exercise_id in wanted
        (kept if asked and _is_given(config, exercise_id) else left_out).append(item)
    config.hook.pytest_deselected(items=left_out)
    items[:] = kept


def _is_given(config: pytest.Config, exercise_id: str | None) -> bool:
    """Whether what this exercise is graded from was given; true for a test that is no check."""
    if exercise_id is None:
        return True
    needs_scripts = bool(config.stash[_HOMEWORK].find_exercise(exercise_id).files)
    return (config.option.scripts if needs_scripts else config.option.fpath) is not None


def _find_exercise_id(item: pytest.Item) -> str | None:
    marker = item.get_closest_marker("exercise")
    return None if marker is None else str(marker.args[0])


# --- fixtures ---------------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def grading_seed(pytestconfig: pytest.Config) -> int:
    """What hidden checks draw their parameters from; printed, and set by `--grading-seed`."""
    return int(pytestconfig.option.grading_seed)


@pytest.fixture(scope="session")
def submission_environment() -> Mapping[str, str]:
    """Environment variables for the submission's kernel; a homework's conftest overrides this."""
    return {}


@pytest.fixture(scope="session")
def submission_probes() -> Mapping[str, str]:
    """Sources of probe modules to load in the kernel before the submission's code; a homework's conftest overrides this."""
    return {}


@pytest.fixture(scope="session")
def isolation(pytestconfig: pytest.Config) -> Level:
    """How well the submission is contained."""
    return pytestconfig.stash[_LEVEL]


@pytest.fixture(scope="session")
def submission_folders() -> Sequence[Path]:
    """Folders of data that a contained submission can read; a homework's conftest overrides this."""
    return ()


@pytest.fixture(scope="session")
def submission(
    pytestconfig: pytest.Config,
    isolation: Level,
    submission_environment: Mapping[str, str],
    submission_probes: Mapping[str, str],
    submission_folders: Sequence[Path],
) -> Iterator[Submission]:
    """The notebook that is checked."""
    if pytestconfig.option.fpath is None:
        pytest.skip("checks need a notebook: pytest -fpath NOTEBOOK")
    homework = pytestconfig.stash[_HOMEWORK]
    submission = Submission(
        pytestconfig.stash[_NOTEBOOK],
        homework,
        submission_environment,
        submission_probes,
        execute_all=pytestconfig.option.execute == "all",
        level=isolation,
        view=_make_submission_view(isolation, homework, submission_folders),
    )
    yield submission
    submission.close()
    if submission.tampering:
        add_context(pytestconfig, tampering=submission.tampering)


def _make_submission_view(level: Level, homework: Homework, folders: Sequence[Path]) -> View:
    if level is Level.NONE:
        return View()
    view = make_view(homework.kernel.packages, folders)
    try:
        check_view(view, level)
    except IsolationError as error:
        pytest.exit(display.plain(str(error), one_line=True), pytest.ExitCode.USAGE_ERROR)
    return view


@pytest.fixture(scope="session")
def scripts(pytestconfig: pytest.Config) -> Scripts:
    """The scripts that are checked."""
    if pytestconfig.option.scripts is None:
        pytest.skip("checks of scripts need a folder: pytest --scripts FOLDER")
    return pytestconfig.stash[_SCRIPTS]


@pytest.fixture(scope="session")
def contain_script(
    pytestconfig: pytest.Config, isolation: Level
) -> Callable[[Sequence[Path]], ContainedWorkers | None]:
    """Makes what a script is started in, once each; it can read these folders besides its own. None where nothing contains it."""
    limits = pytestconfig.stash[_HOMEWORK].scripts
    memory_bytes = limits.memory_mib * MIB

    def contain(folders: Sequence[Path]) -> ContainedWorkers | None:
        if isolation is Level.NONE:
            return None
        view = make_view(limits.packages, folders)
        check_view(view, isolation)
        # Processor time is bounded by the deadline of whoever starts the script: all steps of a training take hours.
        bounds = Limits(
            resident_bytes=memory_bytes, scratch_bytes=memory_bytes, file_bytes=memory_bytes, cpu_s=DAY_S
        )
        return ContainedWorkers(view, isolation, bounds)

    return contain


# --- results ----------------------------------------------------------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show a failed check as its message alone, and note every check's result."""
    report = yield
    grading = item.config.stash.get(_REPORT, None)
    exercise_id = _find_exercise_id(item)
    if grading is None or exercise_id is None:
        return report
    failure = call.excinfo.value if call.excinfo is not None else None
    exercise = item.config.stash[_HOMEWORK].find_exercise(exercise_id)
    if isinstance(failure, Failure):
        report.longrepr = f"{exercise.id} ({exercise.title})\n{display.plain(str(failure))}\n"
        report.sections.clear()  # what the kit's own modules printed on import
    if report.when == "call" or (report.when == "setup" and not report.passed):
        grading.results.append(_read_result(item, exercise, report, failure))
    return report


def _read_result(
    item: pytest.Item, exercise: Exercise, report: pytest.TestReport, failure: BaseException | None
) -> CheckResult:
    marker = item.get_closest_marker("exercise")
    assert marker is not None
    points = float(marker.kwargs.get("points", 0))
    name = _name_check(item)
    if report.passed:
        return CheckResult(exercise.id, name, points, PASSED)
    if isinstance(failure, Failure):
        return CheckResult(exercise.id, name, points, FAILED, str(failure), {"next": failure.advice})
    return CheckResult(
        exercise.id, name, points, BROKEN, f"This check could not be made: {failure!r}"[:2_000]
    )


def _name_check(item: pytest.Item) -> str:
    """The first line of the check's docstring, with its parameters."""
    function = getattr(item, "function", None)
    line = (getattr(function, "__doc__", None) or item.name).strip().splitlines()[0].rstrip(".")
    callspec = getattr(item, "callspec", None)
    return f"{line} [{callspec.id}]" if callspec is not None else line


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Add what is graded by hand, and write the reports; none of a run that was cut short, since part of a grade would look like a grade."""
    config = session.config
    report = config.stash.get(_REPORT, None)
    if report is None or exitstatus not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        return
    if report.max_score > 0:
        _add_manual_items(config, report)
    unwritten = config.stash[_UNWRITTEN] = []
    for path, write in ((config.option.json, write_json), (config.option.html, write_html)):
        if path is None:
            continue
        if session.shouldfail or session.shouldstop:  # by -x or --maxfail
            unwritten.append(f"{path} was not written: not all checks were made. Leave out -x.")
            continue
        try:
            write(report, Path(path))
        except OSError as error:  # a full disk, mostly: the table is printed all the same
            unwritten.append(
                f"{path} could not be written: {error.strerror or error}. The table above is complete; "
                f"--grading-seed {config.option.grading_seed} gives the same grade again."
            )
            session.exitstatus = pytest.ExitCode.INTERNAL_ERROR


def _add_manual_items(config: pytest.Config, report: Report) -> None:
    """An entry for each answer in prose, with the text that the student wrote."""
    for exercise in report.graded:
        for item in exercise.manual:
            if item.tag is not None:
                answer = config.stash[_NOTEBOOK].read_text(item.tag)
                message = "" if answer else f"No cell has the tag {item.tag!r}."
            else:
                answer = config.stash[_SCRIPTS].read_explanation(exercise)
                message = "" if answer else "The scripts have no comments, and no text file lies beside them."
            extra = {"manual": True, "answer": answer or ""}
            report.results.append(CheckResult(exercise.id, item.name, item.points, MANUAL, message, extra))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    report = config.stash.get(_REPORT, None)
    if report is None or not report.results:
        return
    terminalreporter.section(report.title)
    for line in format_table(report, terminalreporter._tw.fullwidth):
        terminalreporter.write_line(line)
    for line in config.stash.get(_UNWRITTEN, []):
        terminalreporter.write_line(line)
    for line in format_notes(report, config.stash[_LEVEL].value):
        terminalreporter.write_line(line)
