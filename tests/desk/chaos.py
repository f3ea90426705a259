"""A cohort that is graded while its processes are killed at random: the hand-ins, who is killed, and what is left of it all.

Everything that is started descends from this process, and orphans fall back to it; so nothing escapes a kill, or a count of what is left.
"""

from __future__ import annotations

import ctypes
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from grader.desk.gradebook import open_gradebook, read_standings
from grader.desk.outcome import INTERRUPTED
from grader.homework import Homework

SEED = 6
_PR_SET_CHILD_SUBREAPER = 36
_LOOK_S = 0.5
_END_S = 120.0
# What a process is, by a word of its command line; the first that fits.
_KINDS = {
    "bwrap": "container",
    "ipykernel_launcher": "kernel",
    "grader.broker": "broker",
    "intake.unpack": "unpacking",
    "resource_tracker": "",
    "spawn_main": "",  # a reference, or a worker of Dask's: its parent says which
    "pytest": "checks",
    "scheduler": "scheduler",
    "worker": "nanny",
}


# --- hand-ins -----------------------------------------------------------------------------------------------------------------------------

_NOT_GATHERED = """\
def all_reduce(ring: Ring, vectors: list[list[float]]) -> list[list[float]]:
    ring.send(0, vectors[0][:1])
    return [[sum(column) for column in zip(*vectors)], *vectors[1:]]
"""
_ENDS = """\
def all_reduce(ring: Ring, vectors: list[list[float]]) -> list[list[float]]:
    __import__("os")._exit(1)
"""
_RAISES = """\
def all_reduce(ring: Ring, vectors: list[list[float]]) -> list[list[float]]:
    return vectors[0][99]
"""
_ANSWERS = """\
class AllReduceObservations:
    q1: Literal["constant", "linear", "quadratic"] = "constant"
    q2: bool = True
"""


def write_cohort(homework: Homework, folder: Path, numbers: Sequence[int]) -> None:
    """Hand-ins of the homework of `grader new`, by number: each kind in turn, and no two with the same bytes."""
    right = (homework.folder / "solution.py").read_text(encoding="utf-8").partition("\ndef ")[2]
    right = "def " + right.partition("\n\nclass ")[0]
    kinds: list[dict[str, str]] = [
        {"all_reduce": right, "all_reduce_observations": _ANSWERS},
        {},
        {"all_reduce": _NOT_GATHERED},
        {"all_reduce": right, "an archive": ""},
        {"all_reduce": _ENDS, "all_reduce_observations": _ANSWERS},
        {"all_reduce": _RAISES, "all_reduce_observations": _ANSWERS},
        {"no notebook": ""},
    ]
    for number in numbers:
        own = folder / name_party(number)
        own.mkdir(parents=True)
        kind = kinds[number % len(kinds)]
        if "no notebook" in kind:
            (own / "notes.txt").write_text(f"{number}: I could not do it.")
            continue
        (own / "homework.ipynb").write_text(_fill(homework, kind, number), encoding="utf-8")
        if "an archive" in kind:
            (own / "notes.txt").write_text("Two files are packed into one.")


KINDS = 7


def name_party(number: int) -> str:
    return f"student-{number:03}"


def _fill(homework: Homework, answers: dict[str, str], number: int) -> str:
    content = json.loads((homework.folder / homework.handout_file).read_text(encoding="utf-8"))
    for cell in content["cells"]:
        for tag in cell["metadata"].get("tags", ()):
            cell["source"] = answers.get(tag, cell["source"])
    content["cells"][1]["source"] = f"# Hand-in {number}"
    return json.dumps(content)


# --- processes ----------------------------------------------------------------------------------------------------------------------------


@contextmanager
def adopt_orphans() -> Iterator[None]:
    """Processes that lose their parent become children of this one."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


@dataclass(frozen=True)
class Member:
    """A process of the family; its creation time tells it from a later one with the same number."""

    pid: int
    kind: str
    created: float


def list_family(started: Sequence[subprocess.Popen[bytes]]) -> list[Member]:
    """All that descends from this process. Orphans that have ended are reaped on the way, but not those in `started`."""
    own = {process.pid for process in started}
    family = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if process.status() != psutil.STATUS_ZOMBIE:
                family.append(Member(process.pid, _name_kind(process), process.create_time()))
            elif process.ppid() == os.getpid() and process.pid not in own:
                with suppress(ChildProcessError):
                    os.waitpid(process.pid, os.WNOHANG)
    return family


def _name_kind(process: psutil.Process) -> str:
    words = process.cmdline()
    line = " ".join(words)
    if words[1:4] == ["-m", "grader", "batch"]:
        return "batch"
    if words[1:5] == ["-P", "-m", "grader", "grade"]:
        return "grading"
    found = next((kind for word, kind in _KINDS.items() if word in line), "")
    if "spawn_main" in line:
        parent = " ".join(process.parent().cmdline() if process.parent() else [])
        return "reference" if "pytest" in parent else "worker" if "worker" in parent else ""
    return found


# --- the experiment -----------------------------------------------------------------------------------------------------------------------


@dataclass
class Chaos:
    """Gives the command again until everything is graded, and kills meanwhile.

    folder: of everything; share: of the gradings that begin, how many are followed by a kill; weights: how often each kind is killed
    """

    folder: Path
    homework: Path
    rng: random.Random
    share: float
    weights: dict[str, float]
    jobs: int = 4
    url: str | None = None
    kills: Counter[str] = field(default_factory=Counter)
    gradings: dict[tuple[int, float], float] = field(default_factory=dict)
    batches: int = 0
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.results, self.temporary = self.folder / "results", self.folder / "t"
        self.temporary.mkdir(parents=True)
        self._due: list[float] = []
        self._longest_s = 5.0
        self._cluster: list[subprocess.Popen[bytes]] = []

    def run(self, limit_s: float) -> None:
        """Until all is graded. `limit_s` bounds all of it."""
        start_s = time.monotonic()
        try:
            while True:
                self._look_after_cluster()
                status = self._run_batch(start_s, limit_s)
                if status == 0:
                    return
        finally:
            self.end()

    def _run_batch(self, start_s: float, limit_s: float) -> int:
        self.batches += 1
        command = [
            "grader",
            "batch",
            str(self.folder / "source"),
            f"--out={self.results}",
            f"--homework={self.homework}",
        ]
        command += [f"--grading-seed={SEED}"]
        command += [f"--scheduler={self.url}"] if self.url else [f"--jobs={self.jobs}"]
        with (self.folder / "log.txt").open("ab") as log:
            batch = self._start(command, log)
            while batch.poll() is None:
                time.sleep(_LOOK_S)
                elapsed_s = time.monotonic() - start_s
                assert elapsed_s < limit_s, f"not done after {limit_s:.0f} s: {self.describe()}"
                self._look_after_cluster()
                family = list_family(self.started)
                self._plan_kills(family, elapsed_s)
                if self._due and elapsed_s > self._due[0]:
                    self._due.pop(0)
                    self._kill_one(family)
        self.started.remove(batch)
        return batch.returncode

    def _plan_kills(self, family: Sequence[Member], now_s: float) -> None:
        """A kill falls somewhere into a grading, which takes the longer the more this machine has to do."""
        for each in family:
            if each.kind != "grading":
                continue
            begun_s = self.gradings.setdefault((each.pid, each.created), now_s)
            self._longest_s = max(self._longest_s, now_s - begun_s)
            if begun_s == now_s and self.rng.random() < self.share:
                self._due = sorted([*self._due, now_s + self.rng.uniform(0, self._longest_s)])

    def _kill_one(self, family: Sequence[Member]) -> None:
        present = sorted({each.kind for each in family if self.weights.get(each.kind)})
        if not present:
            return
        [kind] = self.rng.choices(present, [self.weights[kind] for kind in present])
        victim = self.rng.choice([each for each in family if each.kind == kind])
        with suppress(ProcessLookupError):
            os.kill(victim.pid, signal.SIGKILL)
            self.kills[kind] += 1
            if kind == "scheduler":
                self.weights = {**self.weights, "scheduler": 0}  # once

    def _start(self, command: Sequence[str], log: Any) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=self.homework,
            env={**os.environ, "TMPDIR": str(self.temporary)},
            start_new_session=True,
        )
        self.started.append(process)
        return process

    # --- a cluster -------------------------------------------------------------------------------------------------------------------------

    def _look_after_cluster(self) -> None:
        """Start what has ended of it, as an administrator would: the scheduler, and workers."""
        if self.url is None:
            return
        port = self.url.rpartition(":")[2]
        with (self.folder / "cluster.txt").open("ab") as log:
            running = [each for each in self._cluster if each.poll() is None]
            self.started = [each for each in self.started if each not in self._cluster or each in running]
            commands = [["dask", "scheduler", "--host=127.0.0.1", f"--port={port}", "--no-dashboard"]]
            commands += [
                ["dask", "worker", self.url, "--nthreads=1", f"--name={number}", "--no-dashboard",
                 "--resources=PROCESSES=1 MEMORY_MIB=2048"]
                for number in range(self.jobs)
            ]  # fmt: skip
            lines = [" ".join(map(str, each.args)) for each in running]  # type: ignore[arg-type]
            for command in commands:
                if not any(line.endswith(" ".join(command)) for line in lines):
                    running.append(self._start(command, log))
            self._cluster = running

    def end(self) -> None:
        """Ask all that was started to end: a batch that was not done, then workers, then the scheduler."""
        for process in reversed(self.started):
            process.terminate()
        for process in self.started:
            process.wait(_END_S)
        self.started, self._cluster = [], []

    # --- afterwards ------------------------------------------------------------------------------------------------------------------------

    def describe(self) -> str:
        kills = ", ".join(f"{count} × {kind}" for kind, count in sorted(self.kills.items()))
        return f"{self.kills.total()} kills ({kills or 'none'}), {self.batches} commands, {len(self.gradings)} gradings begun"

    @property
    def most_lost(self) -> int:
        """How many gradings can have ended without a run of theirs in the gradebook."""
        all_jobs = self.kills["batch"] + self.kills["scheduler"]
        return self.jobs * all_jobs + self.kills["worker"] + self.kills["nanny"]

    def wait_for_end(self) -> list[Member]:
        """What still runs after a while."""
        deadline = time.monotonic() + _END_S
        while (
            family := [each for each in list_family(self.started) if each.kind]
        ) and time.monotonic() < deadline:
            time.sleep(_LOOK_S)
        return family

    def list_remains(self) -> list[str]:
        """Files and sockets that nobody needs any more."""
        kept = ("grader-references-", "dask-scratch-space")
        paths = [path for path in self.temporary.iterdir() if not path.name.startswith(kept)]
        paths += self.temporary.glob("dask-scratch-space/*/*")
        paths += self.results.rglob(".draft-*")
        paths += [
            path for path in (self.results / "references").glob("*") if path.suffix not in (".json", ".lock")
        ]
        sockets = [
            line for line in Path("/proc/net/unix").read_text().splitlines() if str(self.folder) in line
        ]
        return [*map(str, paths), *sockets]


def read_grades(results: Path, homework: Homework) -> dict[str, Any]:
    """By party: the status, and of every check the score, the outcome and what is said."""
    with open_gradebook(results) as book:
        standings = read_standings(book, homework)
    return {
        party.key: (
            party.status,
            party.score,
            [
                (each.exercise, each.check, each.score, each.outcome, each.output)
                for run in party.runs[-1:]
                for each in run.results
            ],
        )
        for party in standings
    }


def count_runs(results: Path, homework: Homework) -> dict[str, Counter[bool]]:
    """By party: how many runs count, and how many do not."""
    with open_gradebook(results) as book:
        standings = read_standings(book, homework)
    return {party.key: Counter(run.status != INTERRUPTED for run in party.runs) for party in standings}


def find_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
