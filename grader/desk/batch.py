"""Grades a cohort: every hand-in that is due is graded in a process of its own, and what came of it is in the gradebook before the next begins.

Whatever is killed, and whenever, at most the hand-ins under way are lost, and the same command grades them again: a run is entered whole, when
it has ended, and a hand-in is due as long as no run of it has.
"""

from __future__ import annotations

import os
import secrets
import socket
import traceback
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from .. import display
from ..homework import Homework
from ..isolation import CACHE
from ..options import MAX_SEED
from ..provenance import digest_suite
from ..reference import ReferenceProcess
from . import work
from .backlog import Task, list_tasks
from .board import Board, Job, describe_outcome, format_statuses, make_board
from .changes import describe_changes
from .claim import ClaimError, claim
from .cluster import MEMORY, PROCESSES, ClusterError, Crew, join_cluster
from .cohort import Cohort
from .configuration import BatchSettings, Configuration
from .gradebook import Gradebook, GradebookError, open_gradebook, read_run
from .outcome import GRADED, INTERRUPTED, KIT_ERROR, MACHINE, UNREADABLE, RunOutcome

DONE, UNDECIDED, INTERRUPTED_STATUS = 0, 1, 130
_MOST_RETRIES = 2  # after a grading that was killed
_SEED, _DATA_SET = "grading_seed", "data_set"  # facts of a gradebook
_KILLS = {"kernel_kills", "rank_kills"}  # in `extra_data`
_LOOK_S = 5.0  # for workers that have come or gone
_MIB = 1 << 20

Grade = Callable[[bytes, work.WorkOrder], RunOutcome]
_Ends = list[tuple[Any, ...]]


class BatchError(ValueError):
    """A cohort can't be graded, or not to its end; the message says why, and what to do."""


def run(cohort: Cohort, results: Path, settings: BatchSettings, grade: Grade = work.grade) -> int:
    """Grade what is due of a cohort. Returns the exit status: 0 if every hand-in has a grade, 1 if some need a person, 130 after Ctrl-C.

    Raises BatchError.
    """
    try:
        results.mkdir(parents=True, exist_ok=True)
        with claim(results) as place, open_gradebook(results, create=True) as book:
            return _Batch(cohort, settings, book, place, grade).run()
    except (ClaimError, ClusterError, GradebookError) as error:
        raise BatchError(str(error)) from error
    except OSError as error:
        raise BatchError(
            f"{results} can't be written: {error.strerror or error}. What was graded before is kept; "
            "when it can be written, give the same command again."
        ) from error


@dataclass
class _Batch:
    """One run of the command."""

    cohort: Cohort
    settings: BatchSettings
    book: Gradebook
    place: Path
    grade: Grade
    _tries: Counter[int] = field(default_factory=Counter)
    _doubts: dict[int, list[_Ends]] = field(default_factory=lambda: defaultdict(list))
    _left: list[str] = field(default_factory=list)
    _changes: list[str] = field(default_factory=list)

    def run(self) -> int:
        homework, configuration = self.settings.homework, self.settings.configuration
        self.book.remove_leftovers()
        self.book.back_up()
        for change in self.book.enrol(self.cohort):
            print(display.plain(change, max_characters=600, one_line=True))
        suite = digest_suite(homework)
        wanted = self.settings.exercises or tuple(exercise.id for exercise in homework.exercises)
        tasks = list_tasks(self.book, self.cohort, wanted, self.settings.regrade, suite)
        jobs = min(configuration.jobs or count_jobs(homework, wanted), max(len(tasks), 1))
        if not tasks:
            print(self._introduce(tasks, 0), flush=True)
            return DONE
        order = self._make_order(suite, jobs)
        with self._call_crew(order, wanted, jobs) as crew:
            jobs = min(crew.count_jobs(), len(tasks))
            print(self._introduce(tasks, jobs), flush=True)
            with make_board(len(tasks), jobs) as board:
                was_interrupted = self._grade_all(tasks, order, crew, board)
        return self._conclude(board, was_interrupted)

    # --- before ---------------------------------------------------------------------------------------------------------------------------

    def _introduce(self, tasks: list[Task], jobs: int) -> str:
        handed_in = len(self.cohort.uploads)
        known = handed_in - len(tasks)
        line = f"{handed_in} hand-in{'' if handed_in == 1 else 's'}{f', {known} graded before' if known else ''}. "
        if not tasks:
            return line + "Nothing to do; --regrade failed, changed or all grades again."
        return (
            line
            + f"Grading {len(tasks)}, {jobs} at the same time; what comes of it is kept in {self.book.folder}."
        )

    def _make_order(self, suite: str, jobs: int) -> work.WorkOrder:
        """What all gradings of this cohort have in common."""
        homework, configuration = self.settings.homework, self.settings.configuration
        return work.WorkOrder(
            homework=str(homework.folder),
            grading_seed=self._fix_seed(configuration),
            suite=suite,
            exercises=self.settings.exercises,
            isolation=configuration.isolation,
            environment={
                **self._fix_data(homework, configuration),
                CACHE: str((self.book.folder / "references").absolute()),
                "OMP_NUM_THREADS": str(max(1, count_cores() // jobs)),
            },
            timeout_s=configuration.limits.hand_in_timeout_s,
            place=str(self.place),
        )

    def _fix_seed(self, configuration: Configuration) -> int:
        """The cohort's seed: as it is set, else as before, else drawn once."""
        before, seed = self.book.read_fact(_SEED), configuration.grading_seed
        if seed is None:
            seed = int(before) if before is not None else secrets.randbelow(MAX_SEED)
        if before is not None and int(before) != seed:
            print(
                f"The grading seed was {before} so far, and is {seed} from now on; --regrade all grades all with it."
            )
        self.book.note_fact(_SEED, str(seed))
        return seed

    def _fix_data(self, homework: Homework, configuration: Configuration) -> dict[str, str]:
        """The cohort's data set, which must not be another one tomorrow: else grades would differ, and no reference could be kept."""
        if homework.data is None:
            return {}
        variable = homework.data.variable
        name = configuration.data_set or self.book.read_fact(_DATA_SET) or os.environ.get(variable, "")
        if name.strip().lower() in ("", "auto"):
            name = _find_data(homework)
        self.book.note_fact(_DATA_SET, name)
        return {variable: name}

    @contextmanager
    def _call_crew(self, order: work.WorkOrder, wanted: tuple[str, ...], jobs: int) -> Iterator[Crew]:
        """This machine's processes, or a cluster's."""
        homework = self.settings.homework
        if self.settings.scheduler is None:
            with ThreadPoolExecutor(jobs) as pool:
                yield Crew(
                    lambda path, order: pool.submit(_grade_file, self.grade, path, order),
                    lambda: jobs,
                    work.interrupt,
                )
            return
        needs = {PROCESSES: count_processes(homework, wanted), MEMORY: count_memory_mib(homework, wanted)}
        with join_cluster(self.settings.scheduler, homework, order, needs) as crew:
            yield crew

    # --- grading --------------------------------------------------------------------------------------------------------------------------

    def _grade_all(self, tasks: list[Task], order: work.WorkOrder, crew: Crew, board: Board) -> bool:
        """Whether it was interrupted."""
        waiting, pending = deque(tasks), dict[Future[RunOutcome], Task]()
        try:
            while waiting or pending:
                board.jobs = crew.count_jobs()
                while waiting and len(pending) < board.jobs:
                    self._begin(waiting.popleft(), order, crew, pending, board)
                for future in wait(pending, _LOOK_S, FIRST_COMPLETED).done:
                    task = pending.pop(future)
                    if self._end(task, _find_outcome(future, order, crew), board):
                        waiting.appendleft(task)
        except KeyboardInterrupt:
            board.say("Interrupted. What is under way is ended; what was graded is kept.")
            for task, outcome in _stop(pending, order, crew):
                self._end(task, outcome, board, again=False)
            return True
        except BaseException:  # nothing can be written: what is under way is of no use
            _stop(pending, order, crew)
            raise
        return False

    def _begin(
        self,
        task: Task,
        order: work.WorkOrder,
        crew: Crew,
        pending: dict[Future[RunOutcome], Task],
        board: Board,
    ) -> None:
        progress = self.place / f"{task.handin}.at"
        path = self.book.vault.find(task.hash)
        board.begin(task.handin, Job(task.name, progress))
        pending[crew.submit(path, replace(order, progress=str(progress)))] = task

    def _end(self, task: Task, outcome: RunOutcome, board: Board, *, again: bool = True) -> bool:
        """Enter what came of it; whether to try again."""
        outcome = _doubt(outcome, self._doubts[task.handin])
        run_id = self.book.add_run(task.handin, outcome)
        if again and outcome.status == INTERRUPTED and self._tries[task.handin] < _MOST_RETRIES:
            self._tries[task.handin] += 1
            board.again(task.handin, outcome.reason)
            return True
        board.end(task.handin, outcome)
        if outcome.status not in (GRADED, UNREADABLE):
            self._left.append(f"{task.name}: {describe_outcome(outcome)}")
        elif task.earlier is not None:
            self._changes += self._compare(task.name, task.earlier, run_id)
        return False

    def _compare(self, name: str, earlier: int, later: int) -> list[str]:
        before, after = read_run(self.book, earlier), read_run(self.book, later)
        assert before is not None
        assert after is not None
        return list(describe_changes(name, before, after))

    # --- after ----------------------------------------------------------------------------------------------------------------------------

    def _conclude(self, board: Board, was_interrupted: bool) -> int:
        lines = [""]
        if self.settings.regrade:
            lines += ["What changed:", *(self._changes or ["  nothing"]), ""]
        lines += self._left
        lines.append(f"{board.done} of {board.total} ended: {format_statuses(board.statuses)}.")
        if was_interrupted:
            lines.append("The same command goes on.")
        elif self._left:
            lines.append("The same command with --regrade failed grades those again that need you.")
        print("\n".join(lines), flush=True)
        if was_interrupted:
            return INTERRUPTED_STATUS
        return UNDECIDED if self._left else DONE


def _grade_file(grade: Grade, path: Path, order: work.WorkOrder) -> RunOutcome:
    """Read when its turn comes, and held by nobody but `grade`."""
    return grade(path.read_bytes(), order)


def _doubt(outcome: RunOutcome, doubts: list[_Ends]) -> RunOutcome:
    """If a kernel or a rank was killed, a run counts only if all the others, `doubts`, came to the same: it may have been this machine or a
    person. If it was the submission, it does so again, and that costs the same."""
    if outcome.status == INTERRUPTED or not _KILLS & outcome.results.get("extra_data", {}).keys():
        return outcome
    doubts.append(_list_ends(outcome))
    if len(doubts) > _MOST_RETRIES and all(each == doubts[0] for each in doubts):
        return outcome
    reason = "A process of the submission was killed, which may have been this machine's doing."
    return replace(outcome, status=INTERRUPTED, reason=reason)


def _list_ends(outcome: RunOutcome) -> _Ends:
    """How each check ended."""
    return [
        (test.get("number"), test.get("name"), test.get("score"), test.get("extra_data", {}).get("outcome"))
        for test in outcome.results.get("tests", ())
    ]


def _stop(
    pending: dict[Future[RunOutcome], Task], order: work.WorkOrder, crew: Crew
) -> list[tuple[Task, RunOutcome]]:
    """End what is under way, and return what came of it."""
    for future in list(pending):
        if future.cancel():
            del pending[future]
    while wait(pending, timeout=0.2).not_done:
        crew.interrupt()
    return [(task, _find_outcome(future, order, crew)) for future, task in pending.items()]


def _find_outcome(future: Future[RunOutcome], order: work.WorkOrder, crew: Crew) -> RunOutcome:
    """What a grading came to, even if none could begin. Raises BatchError if whoever graded is gone."""
    if future.cancelled():
        raise BatchError(
            "The connection to the cluster was lost. What was graded is kept; when it is back, the same command goes on."
        )
    error = future.exception()
    if error is None:
        return future.result()
    now = datetime.now(UTC)
    log = "".join(traceback.format_exception(error)).encode()
    status = MACHINE if isinstance(error, OSError | ClusterError) else KIT_ERROR
    reason = f"Grading could not begin: {error or type(error).__name__}."
    if crew.is_loss(error):
        status, reason = INTERRUPTED, f"The machine that graded it was lost: {error}."
    return RunOutcome(
        status,
        reason,
        {},
        {"log.txt": log},
        socket.gethostname(),
        now,
        now,
        0.0,
        order.exercises,
        order.suite,
        order.grading_seed,
    )


def count_cores() -> int:
    """The processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def count_processes(homework: Homework, wanted: tuple[str, ...]) -> int:
    """How many processes of a grading compute at the same time."""
    return homework.scripts.processes if _has_scripts(homework, wanted) else 1


def count_memory_mib(homework: Homework, wanted: tuple[str, ...]) -> int:
    """How much memory a grading may use."""
    return max(
        homework.kernel.memory_mib, homework.scripts.memory_mib if _has_scripts(homework, wanted) else 0
    )


def _has_scripts(homework: Homework, wanted: tuple[str, ...]) -> bool:
    return any(homework.find_exercise(each).files for each in wanted)


def count_jobs(homework: Homework, wanted: tuple[str, ...]) -> int:
    """How many hand-ins fit at the same time: a core for each process that computes, and the memory that they may use.

    But two where there are two cores: while one hand-in waits for its processes, the other computes.
    """
    cores, memory_mib = count_cores(), psutil.virtual_memory().total // _MIB
    by_cores = max(cores // count_processes(homework, wanted), min(2, cores))
    return max(1, min(by_cores, memory_mib // count_memory_mib(homework, wanted)))


def _find_data(homework: Homework) -> str:
    """The data set that the homework chooses on this machine. Raises BatchError if there is none."""
    assert homework.data is not None
    reference = ReferenceProcess(homework, homework.hidden)
    try:
        return str(reference.answer(homework.data.describe, {"name": ""})["dataset"])
    except (ValueError, RuntimeError, OSError, ImportError) as error:
        raise BatchError(f"There is no data set to grade on: {error}. `grader doctor` says more.") from error
    finally:
        reference.close()
