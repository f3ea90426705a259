"""The pytest plugin: `pytest -fpath NOTEBOOK` grades a notebook with checks that are ordinary tests.

A check is a test marked `@pytest.mark.exercise("A1.1", points=0.5)`. It takes the fixtures of `grader.fixtures`, such as `submission` and
`ask`, and fails by raising `grader.Failure`; any other exception in it is a bug in the kit, which is reported as such and never costs a
point unnoticed.

From the command line to the report: the arguments are rewritten (1), what is graded is read (2), checks of anything else are left out (3),
the outcome of each check becomes a result (4), and reports are written (5).
"""

from __future__ import annotations

import os
import platform
import re
import secrets
import sys
import tempfile
from collections.abc import Generator
from importlib.metadata import version
from pathlib import Path

import pytest

from . import display, relay
from .answers_below import settle_answers_below
from .containment.strength import Level
from .copied_tags import settle_copies
from .explanation import list_texts
from .failure import Failure
from .grading import GRADING, Grading, find_exercise_id
from .homework import Homework, HomeworkError, find_homework, read_homework
from .intake import HandIn, IntakeError, list_unused, listed, open_hand_in, read_hand_in, show
from .interruption import SENTENCE, heed_signals
from .isolation import KIT, IsolationError, check_view, choose_level, make_view
from .notebook import Notebook, NotebookError, find_conflict, read_notebook
from .options import OptionError, add_options, check_reports, join_paths, read_exercises, require_fpath
from .own_files import OwnFiles, collect_files, list_beside
from .peak_memory import read_peak_memory_mib
from .provenance import digest_suite
from .report import Report, name_refusal, write_refusal
from .screen import format_screen
from .scripts import Scripts, expect
from .surroundings import note_progress
from .tags import restore_tags
from .untouched import describe_untouched, find_untouched

pytest_plugins = ["grader.fixtures", "grader.dependence"]

_DOTS_ONLY = -2  # of pytest's own words; with -v all of them
_MOST_NAMED = 20  # files that were not used
_HOMEWORK = pytest.StashKey[Homework]()
_NOTEBOOK = pytest.StashKey[Notebook]()
_SHOWS_ALL = pytest.StashKey[bool]()


# --- 1. the command line ----------------------------------------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("grader", "checking a homework")
    group.addoption("--fpath", metavar="NOTEBOOK", help="the notebook to check; also written -fpath NOTEBOOK")
    group.addoption("--scripts", metavar="FOLDER", help="the folder or archive with the scripts to check")
    group.addoption("--hand-in", metavar="FILE", help="what `grader grade` has noted about the submission")
    add_options(group.addoption)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(
    early_config: pytest.Config, parser: pytest.Parser, args: list[str]
) -> None:
    """Before any conftest is loaded: understand `-fpath`, and keep pytest away from the notebook's own folder."""
    try:
        # What was typed: the settings that pytest has read may be those beside the notebook.
        typed = join_paths([str(argument) for argument in early_config.invocation_params.args])
        require_fpath(typed)
        rewritten = join_paths(args)
    except OptionError as error:
        raise pytest.UsageError(str(error)) from error
    known = parser.parse_known_args(typed)
    if known.fpath is None and known.scripts is None:
        return
    heed_signals()
    try:
        check_reports(known)
        homework = read_homework(find_homework(known.homework))
        if known.fpath is not None:
            early_config.stash[_NOTEBOOK] = read_notebook(Path(known.fpath))
        read_exercises(known.exercise, homework, known.fpath is not None, known.scripts is not None)
    except (HomeworkError, NotebookError, OptionError) as error:
        raise _refuse(error, known.json) from error
    early_config.stash[_HOMEWORK] = homework
    sys.path.insert(0, str(homework.folder))  # its checks, its reference and what it shows to submissions
    if not known.file_or_dir:
        for arguments in (typed, rewritten):
            arguments.append(str(homework.locate(homework.public)))
    if rewritten != args and not _is_own_configuration(early_config, homework):
        _start_again(early_config, typed, homework)
    args[:] = rewritten
    early_config.known_args_namespace = parser.parse_known_args(rewritten)


def _refuse(error: Exception, results: Path | None) -> pytest.UsageError:
    """The error that ends pytest with one line, which is in the results too."""
    line = display.plain(str(error), one_line=True)
    return pytest.UsageError(line + write_refusal(line, results, name_refusal(error)))


def _is_own_configuration(config: pytest.Config, homework: Homework) -> bool:
    """Whether pytest took its settings from the homework's folder or the kit's, not from a file beside the notebook.

    In a folder without settings it takes none, not even the kit's outer time limit.
    """
    if config.inipath is None:
        return not homework.settings.is_file()
    return config.inipath.resolve().parent in (KIT, homework.folder)


def _start_again(config: pytest.Config, arguments: list[str], homework: Homework) -> None:
    """Before this plugin had its turn, pytest took the notebook for a test and read the settings beside it: run it again with the right ones."""
    settings = ["--rootdir", str(homework.folder), "-c", str(homework.settings)]
    command = [sys.executable, "-P", "-m", "pytest", *settings, *arguments]
    capture = config.pluginmanager.getplugin("capturemanager")
    if capture is not None:
        capture.stop_global_capturing()  # otherwise this pytest would capture what the other one prints
    sys.stdout.flush()
    try:
        status = relay.run(command)
    except KeyboardInterrupt:
        status = int(pytest.ExitCode.INTERRUPTED)
    os._exit(status)


# --- 2. what is graded ------------------------------------------------------------------------------------------------------------------


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "exercise(id, points=0): a check of this exercise, worth this many points"
    )
    config.addinivalue_line(
        "markers", "asks(*draws): the questions that a check puts, each made from the grading seed"
    )
    homework = config.stash.get(_HOMEWORK, None)
    if homework is None:
        return
    try:
        config.stash[GRADING] = _open_grading(config, homework)
    except (HomeworkError, NotebookError, IntakeError, IsolationError, OptionError) as error:
        raise _refuse(error, config.option.json) from error
    config.stash[_SHOWS_ALL] = config.option.verbose > 0
    if not config.stash[_SHOWS_ALL] and not config.option.collectonly:
        config.option.verbose = _DOTS_ONLY


def _open_grading(config: pytest.Config, homework: Homework) -> Grading:
    option = config.option
    notebook, notes = config.stash.get(_NOTEBOOK, None), list[str]()
    if notebook is not None:
        notebook, notes = restore_tags(notebook, homework.handout, homework.tags)
        notebook, settled = settle_copies(notebook, homework.handout, homework.tags)
        notes += settled
        notebook, settled = settle_answers_below(notebook, homework.handout, homework.tags)
        notes += settled
        notes += _list_conflicts(notebook)
    hand_in = _find_hand_in(config, homework)
    scripts = Scripts(hand_in) if hand_in is not None and option.scripts is not None else None
    wanted = read_exercises(option.exercise, homework, notebook is not None, scripts is not None)
    is_hidden = _runs_hidden_checks(config, homework)
    level = choose_level(option.isolation, hidden=is_hidden)
    check_view(make_view(homework.kernel.packages, homework.folder), level)
    if option.grading_seed is None:
        option.grading_seed = secrets.randbelow(10**6)
    named = hand_in.name if hand_in is not None and option.fpath is None else ""
    context = {
        "submission": named or Path(option.fpath or option.scripts).name,
        "grading_seed": option.grading_seed,
        "python": platform.python_version(),
        "isolation": level.value,
        "suite": digest_suite(homework),
        **{name: version(name) for name in homework.libraries},
    }
    own = _find_own_files(notebook, hand_in, homework, level)
    notes += own.notes
    if hand_in is not None:
        notes = [*hand_in.notes, *notes, *_list_unused(hand_in, homework)]
    if notes:
        context["handed_in"] = notes
    untouched = find_untouched(homework, notebook, scripts)
    report = Report(homework.title, homework.exercises, context=context, untouched=untouched)
    suite = homework.hidden if is_hidden else homework.public
    is_own = notebook is not None and hand_in is None and not is_hidden  # an instructor has not just saved it
    saved = notebook.path.stat().st_mtime if notebook is not None and is_own else None
    return Grading(homework, suite, is_hidden, level, report, notebook, scripts, wanted, own=own, saved=saved)


def _find_own_files(
    notebook: Notebook | None, hand_in: HandIn | None, homework: Homework, level: Level
) -> OwnFiles:
    """Files that are there when the notebook runs.

    Of a notebook that was named alone nobody knows what was handed in with it: it could read what others have left beside it.
    """
    if notebook is None:
        return OwnFiles()
    reserved, path = {*homework.reserved, *homework.kernel.packages}, notebook.path.absolute()
    if hand_in is not None and path.is_relative_to(hand_in.folder):
        return collect_files(path, hand_in.folder, reserved)
    beside = collect_files(path, path.parent, reserved, list_beside(path))
    if level is Level.NONE or not beside.files:
        return beside
    seen = f"{listed([show(name) for name in beside.files])} beside the notebook was not there when it ran"
    return OwnFiles(notes=(f"{seen}; to grade what was handed in together, name its folder or archive.",))


def _list_unused(hand_in: HandIn, homework: Homework) -> list[str]:
    """A sentence that names the files which nothing was graded from, and of which no note speaks."""
    read = list_texts(hand_in, homework) if hand_in.scripts else []
    said = " ".join(hand_in.notes)
    unused = [
        name
        for name in list_unused(hand_in.folder, [*hand_in.list_graded(), *read])
        if not re.search(rf"(?<![\w./-]){re.escape(name)}(?![\w/-])", said)
    ]
    return [f"Not used: {listed(unused, _MOST_NAMED)}."] if unused else []


def _list_conflicts(notebook: Notebook) -> list[str]:
    """A sentence on cells with what Git left where it could not merge two versions."""
    lines = {cell: line for cell in notebook.cells if (line := find_conflict(cell.source)) is not None}
    places = [f"line {line} of {cell}" for cell, line in lines.items()]
    return [f"The notebook has unresolved Git conflicts: {listed(places)}."] if places else []


def _find_hand_in(config: pytest.Config, homework: Homework) -> HandIn | None:
    """What was handed in; None if that is a single notebook. Raises IntakeError.

    `grader grade` has taken it in already; otherwise it is put into a folder that lasts as long as pytest does.
    """
    if config.option.hand_in is not None:
        return read_hand_in(Path(config.option.hand_in))
    if config.option.scripts is None:
        return None
    folder = tempfile.TemporaryDirectory(prefix="scripts-")
    config.add_cleanup(folder.cleanup)
    return open_hand_in(Path(config.option.scripts), Path(folder.name), expected=expect(homework))


def _runs_hidden_checks(config: pytest.Config, homework: Homework) -> bool:
    """Whether any checks lie outside the folder of public ones: the submission must not see those."""
    public = homework.locate(homework.public).resolve()
    places = [
        Path(config.invocation_params.dir, argument.split("::")[0]).resolve() for argument in config.args
    ]
    return any(public not in (place, *place.parents) for place in places)


@pytest.hookimpl(trylast=True)
def pytest_report_header(config: pytest.Config) -> list[str]:
    grading = config.stash.get(GRADING, None)
    if grading is None:
        return []
    facts = {key: value for key, value in grading.report.context.items() if key != "handed_in"}
    lines = ["grading: " + ", ".join(f"{key} {value}" for key, value in facts.items())]
    data = grading.homework.data
    # As far as it is known by now; the line below the table says which one it was.
    if data is not None and grading.notebook is not None:
        lines.append(f"data set: {os.environ.get(data.variable) or 'auto'}")
    return lines


# --- 3. which checks --------------------------------------------------------------------------------------------------------------------


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the checks of a notebook or scripts that were not given, and with `--exercise` those of other exercises.

    The others come in the order of the exercises.
    """
    grading = config.stash.get(GRADING, None)
    if grading is None:
        return
    kept = [item for item in items if grading.is_wanted(find_exercise_id(item))]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    places = {exercise.id: place for place, exercise in enumerate(grading.homework.exercises)}
    items[:] = sorted(kept, key=lambda item: places.get(find_exercise_id(item) or "", len(places)))
    if (
        config.option.steps
    ):  # thousands take longer than a check may otherwise; the launcher has deadlines of its own
        for item in items:
            item.add_marker(pytest.mark.timeout(0))


# --- 4. results -------------------------------------------------------------------------------------------------------------------------


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Nothing is run for an exercise that the student has not begun. Hidden checks look at everything."""
    grading, exercise_id = item.config.stash.get(GRADING, None), find_exercise_id(item)
    if exercise_id is not None:
        note_progress(exercise_id)
    if grading is not None and exercise_id is not None and grading.is_empty(exercise_id):
        raise describe_untouched(grading.homework.find_exercise(exercise_id))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note every check's result."""
    report = yield
    grading = item.config.stash.get(GRADING, None)
    exercise_id = find_exercise_id(item)
    if grading is None or exercise_id is None:
        return report
    failure = call.excinfo.value if call.excinfo is not None else None
    if isinstance(failure, Failure):
        report.letter = "-" if grading.is_empty(exercise_id) else "F"  # type: ignore[attr-defined]
    if report.when == "call" or (report.when == "setup" and not report.passed):
        grading.note(item, exercise_id, report.passed, failure)
    return report


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, str] | None:
    """Keep the failures of a submission out of those that pytest shows: they have a screen of their own."""
    letter = getattr(report, "letter", "")
    if not letter or getattr(report, "not_reached", False):
        return None
    return ("told", letter, "EMPTY" if letter == "-" else "FAILED")


# --- 5. reports -------------------------------------------------------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> Generator[None, None, None]:
    """Write the reports, but not after a run that was cut short: part of a grade would look like a grade. Then show what came of it.

    Both come after all that pytest has to say, so that the closing table is the last thing on the screen.
    """
    yield
    grading = session.config.stash.get(GRADING, None)
    if grading is None:
        return
    if exitstatus == pytest.ExitCode.INTERRUPTED:
        write_refusal(SENTENCE, session.config.option.json, "interrupted")
    if exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        _write_reports(session, grading)
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    if terminal is not None and grading.report.results:
        for line in format_screen(grading, terminal._tw.fullwidth, session.config.stash[_SHOWS_ALL]):
            terminal.write_line(line)


def _write_reports(session: pytest.Session, grading: Grading) -> None:
    grading.report.apply_gates()
    grading.add_manual_items()
    if (memory_mib := read_peak_memory_mib()) is not None:
        grading.report.context["peak_memory_mib"] = memory_mib
    grading.add_code()
    option = session.config.option
    was_cut_short = bool(session.shouldfail or session.shouldstop)  # by -x or --maxfail
    is_written = grading.write(option.json, option.html, was_cut_short, option.grading_seed)
    if not is_written or grading.report.is_broken:
        session.exitstatus = pytest.ExitCode.INTERNAL_ERROR
