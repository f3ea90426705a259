"""Runs a submission's cells and asks for observations, through a broker process and under deadlines, whatever the submission does.

A kernel that died, hung or was killed is replaced when it is next needed: the cells that ran before are run again, but not the one that ended
it. So a mistake in one exercise costs that exercise alone.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic
from typing import Any

import psutil

from .containment import Level, View, remove_folder
from .containment.cgroup import remove_all_of
from .homework import KernelLimits
from .notebook import Cell
from .observation import CodeError, NotAnObservation, decode, decode_error
from .own_files import OwnFiles
from .remainder import Remainder

_ANSWER_GRACE_S = 20.0  # the broker's own time around a deadline: interrupting, killing, reporting
_START_GRACE_S = 300.0
_BROKER_END_S = 20.0
_MAX_LINE = 64 * 1024 * 1024
_KILLED = 9  # SIGKILL
_ENDED = ("hung", "died", "memory", "limit")
_KINDS = {
    "timeout": "took-too-long",
    "hung": "took-too-long",
    "memory": "took-too-much-memory",
    "limit": "exceeded-a-limit",
    "no time": "had-no-time-left",
}
FOLDER = "homework"  # below it the notebook works; its parent can be written to as well
NO_INPUT = "StdinNotImplementedError"  # what input() in a cell raises: nobody is at the keyboard


class ExecutionError(RuntimeError):
    """The kernel can't be started at all: a fault of the installation, not of the submission."""


@dataclass(frozen=True)
class Answer:
    """How a cell or a request ended: an outcome of the broker, or `no time` when the submission's time was used up.

    line: of a cell that raised, the line that did; 0 if that is not known
    lost: the names that such a cell would have defined; None if nothing of it could be run after that line
    """

    outcome: str
    value: Any = None
    error: CodeError | None = None
    output: str = ""
    seconds: float = 0.0
    tampering: tuple[str, ...] = ()
    notes: tuple[tuple[str, str], ...] = ()
    line: int = 0
    lost: frozenset[str] | None = None

    @property
    def kind(self) -> str:
        """How it ended, to count mistakes by."""
        if self.outcome == "error":
            if self.error is not None and self.error.name == NO_INPUT:
                return "asked-for-input"
            return f"raised-{self.error.name if self.error is not None else 'an-exception'}"
        return _KINDS.get(self.outcome, "ended-the-process")

    def describe(self, limits: KernelLimits, timeout_s: float) -> str:
        """The end as a sentence about the code that ran."""
        if self.outcome == "ok":
            return "it ran to the end"
        if self.outcome == "error":
            if self.error is not None and self.error.name == NO_INPUT:
                return "it asked for input from the keyboard"
            return f"it raised {self.error}".rstrip(".")
        if self.outcome == "timeout":
            return f"it was still running after {timeout_s:g} s and was interrupted"
        if self.outcome == "hung":
            return (
                f"it was still running after {timeout_s:g} s, did not react to an interrupt, and was killed"
            )
        if self.outcome == "memory":
            return f"it used more than {limits.memory_mib} MiB of memory and was killed"
        if self.outcome == "limit" and self.error is not None:
            return f"it exceeded a limit and was killed. {self.error.message.rstrip('.')}"
        if self.outcome == "no time":
            return f"it was not run, because the notebook as a whole had used up its {limits.submission_timeout_s:g} s"
        return "it ended the whole Python process (by os._exit, exit, a signal or a crash in native code)"


@dataclass
class Session:
    """One submission's kernel. Use as a context manager.

    level: how well the kernel is contained
    view: what a contained kernel can read besides the system; one that is not contained can read what this process can
    stand_ins: packages that only decorate and are missing here
    own: files that were handed in with the notebook
    """

    cells: Sequence[Cell]
    limits: KernelLimits
    environment: Mapping[str, str] = field(default_factory=dict)
    probes: Mapping[str, str] = field(default_factory=dict)
    level: Level = Level.NONE
    view: View = field(default_factory=View)
    stand_ins: Sequence[str] = ()
    own: OwnFiles = field(default_factory=OwnFiles)

    def __post_init__(self) -> None:
        self.runs: dict[int, Answer] = {}
        self.tampering: dict[str, None] = {}
        self.notes: dict[tuple[str, str], None] = {}  # kind, and what was asked for: a submission's words
        self.kills = 0  # of kernels, by the submission or by somebody else
        self._broker: _BrokerProcess | None = None
        self._cut_short: set[int] = set()  # cells of which nothing may be run after the statement that fails
        self._deadline: float | None = None
        self._failure: ExecutionError | None = None
        self._warming: threading.Thread | None = None
        self._is_warm = False  # whether there is a kernel in which no cell has been run yet
        self._folder = Path(tempfile.mkdtemp(prefix="submission-"))
        if self.level is not Level.NONE:
            self._folder.chmod(0o711)  # containers on this machine's disk lie in it

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def warm_up(self, modules: Sequence[str]) -> None:
        """Begin to start the kernel and to import what takes long, while it is not known yet what is to be in its environment.

        Then `set_environment` has to be the next.
        """
        self._warming = threading.Thread(target=self._start_with, args=(modules,))
        self._warming.start()

    def _start_with(self, modules: Sequence[str]) -> None:
        with suppress(ExecutionError):  # which is kept, and raised when the kernel is needed
            self._start_broker()
            for module in modules:
                if self._broker is not None:  # it goes with a kernel that dies
                    self._execute(f"__import__({module!r})", self.limits.cell_timeout_s)

    def set_environment(self, environment: Mapping[str, str]) -> None:
        """Add variables, in the kernel if there is one already. No cell has been run yet."""
        self._end_warming()
        self.environment = {**self.environment, **environment}
        if self._broker is not None and environment:
            update = f"__import__('os').environ.update({dict(environment)!r})"
            self._execute(update, self.limits.cell_timeout_s)
        self._is_warm = self._broker is not None

    def _end_warming(self) -> None:
        if self._warming is not None:
            self._warming.join()
            self._warming = None

    def close(self) -> None:
        """End the kernel and remove its folder."""
        self._end_warming()
        self._stop_broker()
        remove_folder(self._folder)

    def run_cells(self) -> None:
        """Execute all cells that were not executed yet."""
        while any(cell.index not in self.runs for cell in self.cells) and self._revive():
            pass

    def observe(self, probe: str, arguments: Mapping[str, Any], timeout_s: float) -> Answer:
        """What a probe function (`servers.run_server`, or one of the engine's own, `call`) answers; its value is decoded plain data."""
        self.run_cells()
        timeout_s = min(timeout_s, self._remaining())
        if timeout_s <= 0 or not self._revive():
            return Answer("no time")
        module, _, function = probe.rpartition(".")
        request = {
            "op": "observe",
            "probe": module,
            "function": function,
            "arguments": arguments,
            "timeout_s": timeout_s,
        }
        return self._send(request, timeout_s)

    def _remaining(self) -> float:
        """Seconds that the submission as a whole has left."""
        if self._deadline is None:
            return self.limits.submission_timeout_s
        return self._deadline - monotonic()

    def _revive(self) -> bool:
        """Make sure of a kernel in which every cell has run, except those that ended an earlier one. False if the time is used up."""
        if self._failure is not None:
            raise self._failure  # it was waited for once; every further check would wait just as long
        while self._broker is None or self._is_warm:
            if self._remaining() <= 0:
                for cell in self.cells:
                    self.runs.setdefault(cell.index, Answer("no time"))
                return False
            if not self._is_warm:
                self._start_broker()
            self._is_warm = False
            for cell in self.cells:
                if not self._run_again(cell):
                    break
        return True

    def _run_again(self, cell: Cell) -> bool:
        """Run a cell in a new kernel, unless it ended an earlier one. False if it ended this one."""
        before = self.runs.get(cell.index)
        if before is not None and before.outcome in (*_ENDED, "timeout", "no time"):
            return True
        timeout_s = min(self.limits.cell_timeout_s, self._remaining())
        if timeout_s <= 0:
            self.runs[cell.index] = Answer("no time")
            return True
        answer = self._execute(cell.source, timeout_s)
        if answer.outcome == "error" and cell.index not in self._cut_short:
            answer = self._run_rest(cell, answer)
        if before is None or answer.outcome in _ENDED:
            self.runs[cell.index] = answer
        return self._broker is not None

    def _execute(self, source: str, timeout_s: float) -> Answer:
        return self._send({"op": "execute", "source": source, "timeout_s": timeout_s}, timeout_s)

    def _run_rest(self, cell: Cell, first: Answer) -> Answer:
        """After a statement of a cell has failed, run those of the others that don't need it. The answer is that of the first failure."""
        remainder, answer = Remainder.of(cell.source), first
        while answer.outcome == "error" and remainder.cut(answer.line) and remainder.statements:
            timeout_s = min(self.limits.cell_timeout_s, self._remaining())
            if timeout_s <= 0:
                break
            answer = self._execute(remainder.source, timeout_s)
        if answer.outcome not in ("ok", "error"):
            self._cut_short.add(cell.index)
            return first
        return replace(first, lost=frozenset(remainder.lost))

    def _start_broker(self) -> None:
        if self._deadline is None:
            self._deadline = monotonic() + self.limits.submission_timeout_s
        # What a contained kernel puts on disk lies in the session's folder, and goes with it even if the broker crashes.
        own = {} if self.level is Level.NONE else {"TMPDIR": str(self._folder)}
        self._broker = _BrokerProcess({**os.environ, **own})
        request = {
            "op": "start",
            "folder": str(self._folder),
            "environment": {**self.limits.environment, **self.environment},
            "memory_mib": self.limits.memory_mib,
            "probes": dict(self.probes),
            "stand_ins": list(self.stand_ins),
            "files": {f"{FOLDER}/{name}": str(path) for name, path in self.own.files.items()},
            "place": f"{FOLDER}/{self.own.place}",
            "isolation": self.level.value,
            "readable": [str(path) for path in self.view.readable],
            "hidden": [str(path) for path in self.view.hidden],
        }
        answer = self._send(request, _START_GRACE_S)
        if answer.outcome != "ok":
            self._stop_broker()
            self._failure = ExecutionError(
                f"No kernel could be started ({answer.error or answer.outcome}). Check that `python -m ipykernel --version` works in this "
                "environment, and what `grader doctor` says."
            )
            raise self._failure

    def _send(self, request: Mapping[str, Any], timeout_s: float) -> Answer:
        assert self._broker is not None
        reply = self._broker.ask(request, timeout_s + _ANSWER_GRACE_S)
        answer = _read_reply(reply)
        self.tampering.update(dict.fromkeys(answer.tampering))
        self.notes.update(dict.fromkeys(answer.notes))
        self.kills += answer.outcome == "died" and _may_be_killed(reply)
        if answer.outcome in _ENDED:
            self._stop_broker()
        return answer

    def _stop_broker(self) -> None:
        if self._broker is not None:
            self._broker.close()
            self._broker = None


def _read_reply(reply: Any) -> Answer:
    """A broker's line as an Answer; data that is not an observation counts as an error of the submission."""
    if not isinstance(reply, dict):
        return Answer("died")
    error = decode_error(reply["error"]) if "error" in reply else None
    outcome = str(reply.get("outcome", "died"))
    try:
        value = decode(reply.get("value"))
    except NotAnObservation as problem:
        return Answer("error", error=CodeError("NotPlain", str(problem)))
    signs = tuple(str(sign) for sign in reply.get("tampering", ()))
    notes = tuple((str(kind), str(asked)) for kind, asked in reply.get("notes", ()))
    output, seconds = str(reply.get("output", "")), float(reply.get("seconds", 0.0))
    return Answer(outcome, value, error, output, seconds, signs, notes, _read_line(reply))


def _may_be_killed(reply: Any) -> bool:
    """Whether a kernel that died was killed, rather than that it ended by itself or crashed. It is assumed if nobody saw the end."""
    status = reply.get("status") if isinstance(reply, dict) else None
    return status in (None, -_KILLED, 128 + _KILLED)


def _read_line(reply: dict[str, Any]) -> int:
    """The line of a cell that raised, as the broker found it."""
    match reply.get("error"):
        case {"frames": [["<ipython>", int() as line, "<module>", _]]}:
            return line
    return 0


class _BrokerProcess:
    """The broker as a subprocess; it is asked one thing at a time."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-P",
                "-m",
                "grader.broker",
            ],  # not from the current folder, which may be a submission's
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            errors="surrogatepass",
            env=dict(environment),
            start_new_session=os.name != "nt",
        )
        self._lines: queue.Queue[str] = queue.Queue()
        self._is_busy = False
        threading.Thread(target=self._read_lines, daemon=True).start()

    def _read_lines(self) -> None:
        assert self._process.stdout is not None
        while line := self._process.stdout.readline(_MAX_LINE):
            self._lines.put(line)
        self._lines.put("")

    def ask(self, request: Mapping[str, Any], timeout_s: float) -> Any:
        """The broker's reply, or None if it has gone or does not reply in time."""
        assert self._process.stdin is not None
        self._is_busy = True
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            line = self._lines.get(timeout=timeout_s)
            self._is_busy = False
            return json.loads(line)
        except (OSError, queue.Empty, json.JSONDecodeError, RecursionError):
            return None

    def close(self) -> None:
        """End the broker, which ends its kernel; if it does not, end both. A request interrupted by Ctrl-C, say, is not waited for."""
        assert self._process.stdin is not None
        family = _list_descendants(self._process.pid)
        try:
            if self._is_busy:
                self._process.terminate()
            self._process.stdin.close()
            self._process.wait(_BROKER_END_S)
        except (OSError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
            for process in family:
                with suppress(psutil.Error):
                    process.kill()
            psutil.wait_procs(family, timeout=_BROKER_END_S)
        remove_all_of(self._process.pid)


def _list_descendants(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.Error:  # it has ended
        return []
