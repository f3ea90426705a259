"""The reference solution's answers, computed beside the submission's run, in a process of its own.

The same probe functions are run on the modules that the homework names. What is asked depends on the grading seed alone, so a cohort
shares the answers: with a folder in `GRADER_REFERENCE_CACHE` they are kept there, and if all of them are there, no process is started.
"""

from __future__ import annotations

import builtins
import hashlib
import json
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import import_module
from importlib.metadata import version
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import Any
from unittest.mock import patch

from . import kernel_side
from .homework import Homework, Suite
from .isolation import CACHE
from .observation import decode
from .provenance import list_sources

try:
    import fcntl
except ImportError:  # on Windows
    fcntl = None  # type: ignore[assignment]

_ANY_DATA = ("", "auto")  # may stand for another data set tomorrow


@dataclass(frozen=True)
class _Answerer:
    """What answers: the folder of the homework, its modules, and the probes by name, in order."""

    folder: str
    modules: tuple[str, ...]
    probes: tuple[tuple[str, str], ...]


def _prepare() -> None:
    """In the new process, before anything is loaded: it ends when the grader does, also after Ctrl-C, which the terminal tells both."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A grader that is killed has no time to end this process, which would go on computing and then wait for more."""
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


@cache
def _load(source: _Answerer) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """The names that the reference defines, and the functions of the probes."""
    if source.folder not in sys.path:
        sys.path.insert(0, source.folder)
    names: dict[str, Any] = {}
    for module in source.modules:
        names |= vars(import_module(module))
    return names, kernel_side.load_probes(dict(source.probes), vars(builtins))


def _compute(source: _Answerer, probe: str, arguments: Mapping[str, Any], path: Path | None) -> Any:
    """In the process: the answer of a probe function, kept at `path`. Of several graders with the same question, one computes the answer."""
    if path is None:
        return _answer(source, probe, arguments)
    path.parent.mkdir(parents=True, exist_ok=True)
    with _hold(path.with_suffix(".lock")):
        if path.exists():
            return json.loads(path.read_text())
        answer = _answer(source, probe, arguments)
        _keep(answer, path)
    return answer


@contextmanager
def _hold(path: Path) -> Iterator[None]:
    """A lock that ends with the process that holds it. Without such locks, on Windows, an answer may be computed twice."""
    with path.open("w") as file:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _keep(answer: Any, path: Path) -> None:
    """Write an answer, whole or not at all, even if several graders write at once."""
    draft = path.with_suffix(f".{os.getpid()}")
    draft.write_text(json.dumps(answer))
    draft.replace(path)


def _answer(source: _Answerer, probe: str, arguments: Mapping[str, Any]) -> Any:
    names, probes = _load(source)
    module, _, function = probe.rpartition(".")
    if not module:
        return getattr(kernel_side, function)(names, **arguments)
    return kernel_side.to_plain(probes[module][function](names, **arguments))


class AnswerCache:
    """Answers in a folder, under names that change with the question, the environment, and the code that answers it.

    Nothing is kept if the data set is not named.
    """

    def __init__(
        self, folder: str | None, homework: Homework, suite: Suite, environment: Mapping[str, str]
    ) -> None:
        variable = homework.data.variable if homework.data else None
        is_named = variable is None or environment.get(variable, "").strip().lower() not in _ANY_DATA
        self._folder = Path(folder) if folder and is_named else None
        self._homework, self._suite = homework, suite
        named = {*suite.environment, *homework.kernel.environment, *([variable] if variable else [])}
        self._environment = {key: environment.get(key) for key in sorted(named)}

    def read(self, probe: str, arguments: Mapping[str, Any]) -> Any:
        """The answer, or None."""
        path = self.find(probe, arguments)
        return json.loads(path.read_text()) if path is not None and path.exists() else None

    def find(self, probe: str, arguments: Mapping[str, Any]) -> Path | None:
        """Where an answer is kept; None if it is not."""
        if self._folder is None:
            return None
        digest = hashlib.sha256(self._basis)
        digest.update(json.dumps([probe, arguments], sort_keys=True).encode())
        return self._folder / f"{digest.hexdigest()[:32]}.json"

    @cached_property
    def _basis(self) -> bytes:
        """A digest of everything besides the question that decides an answer."""
        versions = {name: version(name) for name in self._homework.libraries}
        digest = hashlib.sha256(
            json.dumps([self._environment, versions, self._suite.reference, self._homework.probes]).encode()
        )
        packages = {module.partition(".")[0] for module in self._suite.reference}
        for package in sorted(packages | set(self._homework.kernel.packages)):
            for source in list_sources(package, self._homework.folder):
                digest.update(source.read_bytes())
        return digest.digest()


class ReferenceProcess:
    """Answers of the reference, computed one after another in the order in which they were started."""

    def __init__(self, homework: Homework, suite: Suite) -> None:
        self._source = _Answerer(str(homework.folder), suite.reference, tuple(homework.probes.items()))
        self._environment = {**homework.kernel.environment, **suite.environment}
        self._cache = AnswerCache(os.environ.get(CACHE), homework, suite, {**os.environ, **self._environment})
        self._answers: dict[str, Future[Any]] = {}
        self._pool: ProcessPoolExecutor | None = None

    def start(self, probe: str, arguments: Mapping[str, Any]) -> Future[Any]:
        """Start computing an answer, unless it is known or under way."""
        key = _make_key(probe, arguments)
        if key not in self._answers:
            known = self._cache.read(probe, arguments)
            self._answers[key] = (
                _make_known(known) if known is not None else self._submit(probe, dict(arguments))
            )
        return self._answers[key]

    def answer(self, probe: str, arguments: Mapping[str, Any]) -> Any:
        """The answer, decoded like a submission's. Raises what the reference raises."""
        try:
            return decode(self.start(probe, arguments).result())
        except BrokenProcessPool:  # the process was killed, by this machine or a person: once more
            self._replace_pool()
            return decode(self.start(probe, arguments).result())

    def forget(self, probe: str, arguments: Mapping[str, Any]) -> None:
        """Don't begin an answer that nobody is waiting for; one under way goes on."""
        future = self._answers.get(_make_key(probe, arguments))
        if future is not None and future.cancel():
            del self._answers[_make_key(probe, arguments)]

    def close(self) -> None:
        """End the process without waiting for answers that nobody asked for."""
        if self._pool is None:
            return
        # Listed before: a pool that is shut down no longer names its processes, and would wait for an answer under way.
        processes = list((getattr(self._pool, "_processes", None) or {}).values())
        self._pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.kill()

    def _submit(self, probe: str, arguments: dict[str, Any]) -> Future[Any]:
        self._pool = self._pool or self._start_pool()
        path = self._cache.find(probe, arguments)
        try:
            return self._pool.submit(_compute, self._source, probe, arguments, path)
        except BrokenProcessPool:
            self._replace_pool()
            return self._submit(probe, arguments)

    def _replace_pool(self) -> None:
        """Begin a new process when it is next needed, and forget what the old one had not answered."""
        self._pool = None
        self._answers = {key: each for key, each in self._answers.items() if _is_answered(each)}

    def _start_pool(self) -> ProcessPoolExecutor:
        pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_prepare)
        with patch.dict(os.environ, self._environment):  # some settings are read before any code of ours runs
            pool.submit(int)  # starts the process
        return pool


def _make_key(probe: str, arguments: Mapping[str, Any]) -> str:
    return json.dumps([probe, arguments], sort_keys=True)


def _is_answered(future: Future[Any]) -> bool:
    return future.done() and not future.cancelled() and not isinstance(future.exception(), BrokenProcessPool)


def _make_known(answer: Any) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_result(answer)
    return future
