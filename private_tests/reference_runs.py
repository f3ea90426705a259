"""The reference solution's answers to the same questions, computed beside the submission's run, in a process of their own.

What is asked depends on the grading seed alone, so a cohort shares the answers: with a folder in `GRADER_REFERENCE_CACHE` they are kept there,
and where all of them are, no process is started.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from functools import cached_property
from importlib.metadata import version
from importlib.util import find_spec
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import Any
from unittest.mock import patch

from grader.kernel_side import describe_function, to_plain
from grader.observation import decode

CACHE = "GRADER_REFERENCE_CACHE"
DATASET = "LAB_2_HFL_DATASET"
# Packages whose code decides the answers.
_SOURCES = ("lab_2_hfl", "probes", "solutions")


def _prepare() -> None:
    """In the new process, before the data are loaded."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    import torch

    torch.set_num_threads(1)


def _end_with_parent() -> None:
    """A grader that is killed has no time to end this process, which would compute on, and then wait for more."""
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def compute(function: str, arguments: Mapping[str, Any]) -> Any:
    """The reference's answer: of a probe function, or, for `call` and `describe_function`, about a function of the experiments."""
    from probes import experiments as experiment_probes
    from probes import integrity, servers
    from solutions import experiments, federated

    if function == "describe_function":
        return describe_function(vars(experiments), **arguments)
    if function == "call":
        return to_plain(getattr(experiments, arguments["name"])(**arguments["arguments"]))
    namespace = {**vars(federated), **vars(experiments)}
    known = {**vars(integrity), **vars(servers), **vars(experiment_probes)}
    return to_plain(known[function](namespace, **arguments))


class AnswerCache:
    """Answers in a folder, under names that change with the question, the data set, and the code that answers it.

    `auto` is no name of a data set: what it stands for may be another one tomorrow, so then nothing is kept.
    """

    def __init__(self, folder: str | None, environment: Mapping[str, str]) -> None:
        named = environment.get(DATASET, "auto").strip().lower()
        self._folder = Path(folder) if folder and named not in ("", "auto") else None
        self._environment = {key: value for key, value in environment.items() if key.startswith("LAB_2_HFL_")}

    def read(self, function: str, arguments: Mapping[str, Any]) -> Any:
        """The answer, or None."""
        path = self._find(function, arguments)
        return json.loads(path.read_text()) if path is not None and path.exists() else None

    def write(self, function: str, arguments: Mapping[str, Any], answer: Any) -> None:
        """Keep an answer; whole or not at all, though several graders write at once."""
        path = self._find(function, arguments)
        if path is None:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(f".{os.getpid()}")
        draft.write_text(json.dumps(answer))
        draft.replace(path)

    def _find(self, function: str, arguments: Mapping[str, Any]) -> Path | None:
        if self._folder is None:
            return None
        digest = hashlib.sha256(self._basis)
        digest.update(json.dumps([function, arguments], sort_keys=True).encode())
        return self._folder / f"{digest.hexdigest()[:32]}.json"

    @cached_property
    def _basis(self) -> bytes:
        digest = hashlib.sha256(json.dumps([self._environment, version("torch")], sort_keys=True).encode())
        for package in _SOURCES:
            spec = find_spec(package)
            assert spec is not None
            assert spec.submodule_search_locations
            for source in sorted(Path(spec.submodule_search_locations[0]).glob("*.py")):
                digest.update(source.read_bytes())
        return digest.digest()


class References:
    """Answers of the reference, computed in the order in which they were foreseen."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = dict(environment)
        self._cache = AnswerCache(os.environ.get(CACHE), {**os.environ, **environment})
        self._answers: dict[str, Future[Any]] = {}
        self._started = False

    def describe(self) -> dict[str, str]:
        """The data set, the folder that it is kept in, the device and torch's version."""
        description: dict[str, str] = self._start("describe_data", {}).result()
        return description

    def foresee(self, questions: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
        """Start computing answers."""
        for function, arguments in questions:
            self._start(function, arguments)

    def ask(self, function: str, arguments: Mapping[str, Any]) -> Any:
        """The answer, decoded like a submission's."""
        return decode(self._start(function, arguments).result())

    def _start(self, function: str, arguments: Mapping[str, Any]) -> Future[Any]:
        key = json.dumps([function, arguments], sort_keys=True)
        if key not in self._answers:
            known = self._cache.read(function, arguments)
            self._answers[key] = (
                _make_known(known) if known is not None else self._compute(function, dict(arguments))
            )
        return self._answers[key]

    def _compute(self, function: str, arguments: dict[str, Any]) -> Future[Any]:
        future: Future[Any] = self._pool.submit(compute, function, arguments)
        future.add_done_callback(lambda done: self._keep(function, arguments, done))
        return future

    def _keep(self, function: str, arguments: Mapping[str, Any], done: Future[Any]) -> None:
        if not done.cancelled() and done.exception() is None:
            self._cache.write(function, arguments, done.result())

    @cached_property
    def _pool(self) -> ProcessPoolExecutor:
        self._started = True
        pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_prepare)
        with patch.dict(os.environ, self._environment):  # some settings are read before any code of ours runs
            pool.submit(int)  # starts the process
        return pool

    def close(self) -> None:
        """End the process without waiting for answers that nobody asked for."""
        if not self._started:
            return
        # Listed before: a pool that is shut down no longer names its processes, and would wait for an answer under way.
        processes = list((getattr(self._pool, "_processes", None) or {}).values())
        self._pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.kill()


def _make_known(answer: Any) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_result(answer)
    return future
