"""Runs the ranks of a script, each in a process of its own."""

import multiprocessing
import os
import runpy
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

DEADLINE_S = 300
RANK_PROCESS = Path(__file__).with_name("rank_process.py")

# Importing torch takes seconds of CPU time, and building an optimizer imports as much again. A fork server
# does both once, and its children start at once. Plain fork would not do: this process may hold threads.
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["torch", "torch._dynamo"])


@dataclass
class Rank:
    """What one rank did: `steps[i]["gradients" or "parameters"]` is in the order of the optimizer."""

    exit_status: int | None
    output: str
    steps: list[dict[str, list[torch.Tensor]]]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """As in the ranks, so that the reference adds up in the same order."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def run_ranks(tmp_path: Path) -> Callable[..., list[Rank]]:
    """`run_ranks(3, steps, module="solutions.b1", constants={…}, arguments=[…])`, or `script=path`."""

    def run(
        ranks: int,
        steps: int,
        *,
        module: str = "",
        script: str = "",
        constants: dict[str, Any] | None = None,
        arguments: tuple[str, ...] = (),
        record: bool = False,
    ) -> list[Rank]:
        environment = {
            "LAB_STEPS": str(steps),
            "LAB_STORIES": "grammar",
            "MASTER_ADDR": "localhost",
            "MASTER_PORT": str(_free_port()),
        }
        jobs: list[dict[str, Any]] = [
            {
                "module": module,
                "constants": constants or {},
                "argv": [script or module, str(rank), *arguments],
                "environment": environment,
                "log": str(tmp_path / f"rank{rank}.log"),
                "record": str(tmp_path / f"rank{rank}.pt") if record else "",
            }
            for rank in range(ranks)
        ]
        exit_statuses = _run(jobs)
        return [
            Rank(
                status,
                Path(job["log"]).read_text(),
                torch.load(job["record"]) if record and status == 0 else [],
            )
            for status, job in zip(exit_statuses, jobs, strict=True)
        ]

    return run


def _run(jobs: list[dict[str, Any]]) -> list[int | None]:
    """Exit statuses of all jobs; those that go on past the deadline are ended and fail the test."""
    processes = [
        CONTEXT.Process(target=runpy.run_path, args=(os.fspath(RANK_PROCESS), {"job": job})) for job in jobs
    ]
    end = time.monotonic() + DEADLINE_S
    for process in processes:
        process.start()
    for process in processes:
        process.join(max(0, end - time.monotonic()))
    late = [rank for rank, process in enumerate(processes) if process.is_alive()]
    for process in processes:
        process.kill()
        process.join()
    assert not late, f"ranks {late} did not end within {DEADLINE_S} s"
    return [process.exitcode for process in processes]


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("localhost", 0))
        port: int = listener.getsockname()[1]
        return port
