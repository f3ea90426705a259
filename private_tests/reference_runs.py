"""The reference solution's answers to the same questions, computed beside the submission's run, in a process of their own.

What is asked depends on the grading seed alone, so a cohort shares the answers: with a folder in `GRADER_REFERENCE_CACHE` they are kept there.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from grader.kernel_side import describe_function, to_plain
from grader.observation import decode

CACHE = "GRADER_REFERENCE_CACHE"


def _prepare(environment: Mapping[str, str]) -> None:
    """In the new process, before torch and the data are loaded."""
    os.environ.update(environment)
    import torch

    torch.set_num_threads(1)


def ask(function: str, arguments: Mapping[str, Any]) -> Any:
    """The reference's answer: of a probe function, or, for `call` and `describe_function`, about an experiment function."""
    cached = _find_cached(function, arguments)
    if cached is not None and cached.exists():
        return json.loads(cached.read_text())
    answer = _compute(function, arguments)
    if cached is not None:
        from lab_2_hfl.storage import write_atomically

        write_atomically(cached, json.dumps(answer).encode())
    return answer


def describe() -> dict[str, str]:
    """What the answers are computed on and with."""
    import torch

    from lab_2_hfl.dataset import train_dataset
    from lab_2_hfl.model import device

    return {"dataset": train_dataset.name, "torch": str(torch.__version__), "device": str(device)}


def _compute(function: str, arguments: Mapping[str, Any]) -> Any:
    from lab_2_hfl import probes
    from solutions import experiments, federated

    if function == "describe_function":
        return describe_function(vars(experiments), **arguments)
    if function == "call":
        return to_plain(getattr(experiments, arguments["name"])(**arguments["arguments"]))
    return to_plain(getattr(probes, function)(vars(federated), **arguments))


def _find_cached(function: str, arguments: Mapping[str, Any]) -> Path | None:
    """Where an answer is kept: under a name that changes with the question, the data, and the code that answers it."""
    folder = os.environ.get(CACHE)
    if not folder:
        return None
    import lab_2_hfl
    import solutions
    from lab_2_hfl.dataset import train_dataset

    digest = hashlib.sha256(json.dumps([function, arguments, train_dataset.name], sort_keys=True).encode())
    for variable in ("LAB_2_HFL_TRAIN_SAMPLES", "LAB_2_HFL_TEST_SAMPLES"):
        digest.update(os.environ.get(variable, "").encode())
    for package in (lab_2_hfl, solutions):
        for source in sorted(Path(next(iter(package.__path__))).glob("*.py")):
            digest.update(source.read_bytes())
    return Path(folder) / f"{digest.hexdigest()[:32]}.json"


class References:
    """Answers of the reference, computed in the order in which they were foreseen."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._pool = ProcessPoolExecutor(
            1, mp_context=get_context("spawn"), initializer=_prepare, initargs=(dict(environment),)
        )
        self._description = self._pool.submit(describe)
        self._answers: dict[str, Future[Any]] = {}

    def describe(self) -> dict[str, str]:
        """The data set, the device and torch's version."""
        return self._description.result()

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
            self._answers[key] = self._pool.submit(ask, function, dict(arguments))
        return self._answers[key]

    def close(self) -> None:
        """End the process without waiting for answers that nobody asked for."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        for process in list((getattr(self._pool, "_processes", None) or {}).values()):
            process.kill()
