"""Runs a script under watch, from its start to the report."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, Protocol

from . import artifacts, assembly
from .command import Command, ScriptError, Style, command, environment
from .descendants import TOKEN_VARIABLE, Descendants, is_helper, may_start_more, own_number
from .journal import Journal
from .output import Drain, Output
from .programs import write_programs
from .run_report import Interrupted, Outcome, RunReport
from .traffic import Traffic
from .verdict import Judge, Situation, Verdict
from .worker.preloading import clear_away
from .workers import Worker

HOOK = Path(__file__).resolve().parent / "worker"
"""The folder that every worker reads: all a sandbox must show of this package."""

Dump = Literal["gradients", "parameters", "tokens"]

LOOK_S = 0.05  # between two looks at what the workers wrote
SCAN_S = 0.5  # between two looks at the processes of the machine
END_TIME_S = 3.0  # what workers that made their steps have for leaving by themselves
OUTPUT_TIME_S = 2.0
DETAIL_STEPS = 100  # steps recorded with the content of messages and parameters; later ones without
EVENT_BYTES = 1_000_000_000  # recorded by one process at most
DUMP_BYTES = 4_000_000_000  # written by one process as whole tensors at most


class StartedScript(Protocol):
    """What the launcher needs of a started script; `subprocess.Popen` has it."""

    @property
    def pid(self) -> int: ...

    # What starts scripts within limits may have `ended_for` besides: the limit for which it ended one, as a sentence.

    def poll(self) -> int | None: ...

    def kill(self) -> None: ...

    def wait(self, timeout: float | None = None) -> int: ...


class Start(Protocol):
    """Starts a command. A sandbox goes in here: it wraps `arguments` and starts the result."""

    def __call__(
        self, arguments: list[str], *, env: dict[str, str], cwd: Path, stdout: int
    ) -> StartedScript: ...


def start_plainly(arguments: list[str], *, env: dict[str, str], cwd: Path, stdout: int) -> StartedScript:
    """Start a command in a session of its own, with nothing to read and both outputs to `stdout`."""
    return subprocess.Popen(
        arguments,
        env=env,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stdout,
        start_new_session=True,
    )


def run(
    script: Path | str,
    *,
    ranks: int,
    steps: int,
    timeout_s: float,
    output_dir: Path | str,
    alias: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    dump: Collection[Dump] = (),
    dump_steps: int = DETAIL_STEPS,
    style: Style | None = None,
    arguments: Sequence[str] = (),
    left_out: Collection[str] = (),
    preload: bool = True,
    start: Start = start_plainly,
    watch: Callable[[Situation], None] | None = None,
) -> RunReport:
    """Run a script, watch its ranks, and say how it went.

    `script` starts the ranks itself (a shell script) or is started once for each rank (a Python file);
    `style` overrides how a Python file is started; `arguments` are given to the script. A start of python with one of
    the words `left_out` among its arguments is passed over: it is of another exercise. `steps` optimizer steps are asked of every rank, through
    LAB_STEPS and, where a script ignores that, by ending it. `alias` maps names that the script may import
    to modules that stand in for them. `dump` asks for whole tensors: "gradients" as they enter every step,
    with the parameters at first and at last; "parameters" after every step; "tokens"; all of the first
    `dump_steps` steps only. `watch` is called a few times a second. With `preload`, ranks begin as copies of one
    process that has imported torch; without, each imports it, and the same happens later.

    Everything is written below `output_dir`: `report.json`, `picture.svg`, `trace.json`, `output.txt`,
    `events/`. A script that fails gives a report. Raises ScriptError if there is none to start, OSError if
    the output folder cannot be written, and Interrupted, with the report so far, on Ctrl-C.
    """
    if sys.platform == "win32":
        raise ScriptError(
            "scripts with several ranks run on Linux, macOS or WSL, the Windows Subsystem for Linux, but not on Windows itself. "
            "Open a terminal of WSL and start it there."
        )
    task = _Task(Path(script).resolve(), ranks, steps, timeout_s, Path(output_dir).resolve())
    launched = command(task.script, ranks, style, arguments)
    _prepare(task, dict(alias or {}), frozenset(dump), dump_steps, preload)
    (task.control / "script").write_text(launched.text, encoding="utf-8")
    watched = _Watched(task, launched)
    interrupted = False
    try:
        watched.begin(start, {**(environment or {}), "LAUNCH_LEFT_OUT": " ".join(left_out)})
        verdict = watched.follow(watch)
    except KeyboardInterrupt:
        interrupted = True
        verdict = Verdict(Outcome.INTERRUPTED)
    finally:
        survivors = watched.end()
    report = assembly.report(watched.record(survivors), verdict)
    report = artifacts.write(report)
    if interrupted:
        raise Interrupted(report)
    return report


@dataclass(frozen=True)
class _Task:
    script: Path
    ranks: int
    steps: int
    timeout_s: float
    output_dir: Path
    token: str = field(default_factory=lambda: uuid.uuid4().hex)
    started_s: float = field(default_factory=time.monotonic)

    @property
    def control(self) -> Path:
        return self.output_dir / "control"

    @property
    def events(self) -> Path:
        return self.output_dir / "events"


def _prepare(
    task: _Task, alias: dict[str, str], dump: frozenset[Dump], dump_steps: int, preload: bool
) -> None:
    """Make the folders of the run, in place of those of an earlier one."""
    task.output_dir.mkdir(parents=True, exist_ok=True)
    leftovers = [
        path for path in task.output_dir.iterdir() if path.name not in (task.script.name, ".DS_Store")
    ]
    if leftovers and not (task.control / "worker.json").is_file():
        raise ScriptError(
            f"{task.output_dir} holds files that are not of an earlier run, such as {leftovers[0].name}; "
            "a new or empty folder was expected. Name another one."
        )
    for folder in (task.control, task.events):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    write_programs(task.control / "bin", HOOK / "path", preload=preload)
    artifacts.write_json(
        task.control / "worker.json",
        {
            "source": str(task.script.parent),
            "steps": task.steps,
            "started_s": task.started_s,
            "alias": {name: {"module": module, "path": _location(module)} for name, module in alias.items()},
            "dump": sorted(dump),
            "dump_steps": min(dump_steps, task.steps),
            "detail_steps": DETAIL_STEPS,
            "event_bytes": EVENT_BYTES,
            "dump_bytes": DUMP_BYTES,
        },
    )


def _location(module: str) -> str:
    """Where a module lies, so that a worker finds it though its own path may be another. Empty if nowhere."""
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        return ""
    origin = Path(spec.origin)
    return str(origin.parent if spec.submodule_search_locations else origin)


@dataclass
class _Watched:
    """The run while it lasts."""

    task: _Task
    command: Command
    process: StartedScript | None = None
    drain: Drain | None = None
    descendants: Descendants | None = None
    workers: dict[str, Worker] = field(default_factory=dict)
    script_status: int | None = None
    script_ended_s: float | None = None
    fatal_signals: dict[str, str] = field(default_factory=dict)
    traffic: Traffic = field(default_factory=Traffic)
    _others_live: bool = False
    _more_may_start: bool = True
    _scanned_s: float = float("-inf")

    def __post_init__(self) -> None:
        self.journal = Journal(self.task.events, 2 * EVENT_BYTES)

    def now_s(self) -> float:
        return time.monotonic() - self.task.started_s

    def begin(self, start: Start, extra: dict[str, str]) -> None:
        task = self.task
        values = environment(
            HOOK / "path", task.control, task.events, ranks=task.ranks, steps=task.steps, extra=extra
        )
        values[TOKEN_VARIABLE] = task.token
        reading, writing = os.pipe()
        self.drain = Drain(reading)
        try:
            self.process = start(self.command.arguments, env=values, cwd=task.script.parent, stdout=writing)
        finally:
            os.close(writing)
        self.descendants = Descendants(self.process.pid, task.token)

    def follow(self, watch: Callable[[Situation], None] | None) -> Verdict:
        """Look until there is a verdict."""
        judge = Judge()
        while True:
            self.read()
            situation = self.situation()
            verdict = judge.look(situation, self.fatal_signals)
            if watch is not None:
                watch(situation)
            if verdict is not None:
                return verdict
            for worker in self.workers.values():
                worker.forget()
            time.sleep(LOOK_S)

    def read(self) -> None:
        """Take in what has happened since the last look."""
        assert self.process is not None
        assert self.descendants is not None
        status = self.process.poll()
        if status is not None and self.script_status is None:
            self.script_status, self.script_ended_s = status, self.now_s()
            self.descendants.adopt()
            self._scanned_s = float("-inf")
        # Asked before the files are read: what an ended process wrote last must not be missed.
        ended = [key for key, worker in self.workers.items() if not worker.ended and self.journal.ended(key)]
        for key, event in self.journal.poll():
            self.workers.setdefault(key, Worker(key)).add(event)
        for key in ended:
            worker = self.workers[key]
            worker.ended, worker.ended_s = True, self.now_s()
            if worker.exited is None:
                self.fatal_signals[key] = self.journal.fatal_signal(key)
        self.traffic.look()
        if self.now_s() - self._scanned_s >= SCAN_S:
            self._scan()

    def _scan(self) -> None:
        assert self.descendants is not None
        assert self.process is not None
        self._scanned_s = self.now_s()
        root = self.process.pid
        living = self.descendants.look()
        known = {
            worker.process.pid for worker in self.workers.values() if worker.process and not worker.ended
        }
        self.traffic.follow(process.pid for process in living if own_number(process.pid) in known)
        self._others_live = any(
            process.pid != root and own_number(process.pid) not in known and not is_helper(process)
            for process in living
        )
        settled = {
            worker.process.pid
            for worker in self.workers.values()
            if worker.process and (worker.rank is not None or worker.is_service)
        }
        self._more_may_start = may_start_more(living, settled)

    def situation(self) -> Situation:
        return Situation(
            workers=list(self.workers.values()),
            ranks=self.task.ranks,
            steps=self.task.steps,
            now_s=self.now_s(),
            timeout_s=self.task.timeout_s,
            script_status=self.script_status,
            script_ended_s=self.script_ended_s,
            others_live=self._others_live,
            more_may_start=self._more_may_start,
            ended_for=str(getattr(self.process, "ended_for", "")),
        )

    def end(self) -> tuple[int, ...]:
        """Let workers leave that wait for it, then end everything. Returns the processes that survive."""
        if self.process is None or self.descendants is None:
            return ()
        (self.task.control / "end").touch()
        if any(worker.stopped is not None for worker in self.workers.values()):
            deadline_s = self.now_s() + END_TIME_S
            while self.now_s() < deadline_s and self._somebody_leaves():
                time.sleep(LOOK_S)
                self.read()
        survivors = tuple(self.descendants.kill())
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait(timeout=END_TIME_S)
        for key, event in self.journal.poll():
            self.workers.setdefault(key, Worker(key)).add(event)
        clear_away(self.task.events)
        return survivors

    def _somebody_leaves(self) -> bool:
        """Whether a worker that may leave, or the script that waits for such workers only, is still there."""
        leaving = [worker for worker in self.workers.values() if worker.stopped is not None]
        if any(not worker.ended for worker in leaving):
            return True
        return self.script_status is None and all(worker.ended for worker in self.workers.values())

    def record(self, survivors: tuple[int, ...]) -> assembly.RunRecord:
        rejected = self.journal.rejected
        self.journal.close()
        output = self.drain.result(OUTPUT_TIME_S) if self.drain else Output("", "", 0)
        task = self.task
        return assembly.RunRecord(
            situation=self.situation(),
            command=self.command,
            script=task.script,
            output=output,
            output_dir=task.output_dir,
            events_dir=task.events,
            rejected_lines=rejected,
            survivors=survivors,
            received_bytes=self.traffic.received_bytes,
        )
