"""`grader watch NOTEBOOK`: checks again after every save, but only the exercises whose cells have changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from itertools import chain
from pathlib import Path
from time import strftime

from . import display
from .cell_changes import digest_exercises, list_changed
from .homework import Homework
from .notebook import NotebookError, read_notebook
from .report import Report, advise, format_figure
from .screen import list_failures

_TICK_MS = (
    1_000  # the longest time until a change is seen that the system does not tell of, as on a network's disk
)
_QUIET_MS = 200  # a save consists of several changes, which follow each other faster

Say = Callable[[str], None]
Check = Callable[[Sequence[str]], Report | None]


def watch(path: Path, homework: Homework, wanted: set[str] | None, say: Say) -> None:
    """Check now and after each save, until Ctrl-C."""
    from .check_run import CheckRuns

    with closing(CheckRuns(path, homework)) as runs:
        watcher = Watcher(path, homework, wanted, runs.run, say)
        for _ in _list_ticks(path):
            watcher.look()


def _list_ticks(path: Path) -> Iterable[object]:
    """One at once, one after each change beside the notebook, and one after each second without any.

    The folder is watched, since many editors save by renaming a new file.
    """
    import watchfiles

    changes: Iterator[object] = watchfiles.watch(
        path.absolute().parent,
        watch_filter=lambda _, name: Path(name).name == path.name,
        debounce=_QUIET_MS,
        rust_timeout=_TICK_MS,
        yield_on_timeout=True,
        recursive=False,
    )
    return chain([None], changes)


class Watcher:
    """Looks at a notebook again and again, and says what has come of its changes."""

    def __init__(
        self, path: Path, homework: Homework, wanted: set[str] | None, check: Check, say: Say
    ) -> None:
        self._path, self._homework, self._wanted = path, homework, wanted
        self._check, self._say = check, say
        self._seen: object = None  # the state of the file that was dealt with
        self._doubtful: object = None  # one that could not be read: it may be half-written
        self._digests: dict[str, str] = {}

    def look(self) -> None:
        """Check what has changed since the last look, if anything has."""
        state = self._read_state()
        if state == self._seen:
            return
        if state is None:
            self._seen = state
            self._say(f"{self._name} is not there any more. Waiting until it is saved again; Ctrl-C ends.")
            return
        try:
            notebook = read_notebook(self._path)
        except (NotebookError, OSError) as error:
            if state == self._doubtful:  # it was as unreadable one look before
                self._seen = state
                self._say(
                    f"{display.plain(str(error), one_line=True)} Waiting until it is saved again; Ctrl-C ends."
                )
            self._doubtful = state
            return
        self._seen = state
        digests = digest_exercises(self._homework, notebook)
        changed = list_changed(self._digests, digests)
        self._digests = digests
        wanted = [name for name in changed if self._wanted is None or name in self._wanted]
        if wanted:
            self._tell(wanted)

    @property
    def _name(self) -> str:
        return display.plain(self._path.name, one_line=True)

    def _read_state(self) -> object:
        """What is another one after each save; None if there is no file."""
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _tell(self, exercises: Sequence[str]) -> None:
        self._say(f"\n{strftime('%H:%M:%S')}  {self._name}: checking {', '.join(exercises)}")
        if (report := self._check(exercises)) is not None:
            for line in format_outcome(report):
                self._say(line)


def format_outcome(report: Report) -> Iterator[str]:
    """A line per exercise, and the first failure of all in full."""
    for exercise in report.graded:
        yield f"{exercise.id:5} {format_figure(report, exercise):>7}  {advise(report, exercise)}"
    failures = [
        (exercise, failure) for exercise in report.graded for failure in list_failures(report, exercise)
    ]
    for exercise, failure in failures[:1]:
        yield from ("", f"{exercise.id} ({exercise.title})", display.plain(failure.message))
