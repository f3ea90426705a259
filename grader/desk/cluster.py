"""Gradings on other machines: the workers of a Dask cluster in place of this machine's processes.

1. Dask asks nobody who they are, and what comes through its sockets is run: an address without TLS is taken on loopback only.
2. Every worker is examined before the first hand-in goes out: the same sources, libraries and data set as here, and the isolation that is
   asked for. Otherwise a grade would depend on who made it.
3. The bytes of a hand-in and an order go out, and an outcome comes back. No disk is shared, and no worker sees the gradebook. References that
   are known here go out once; what a worker computes itself it keeps for its next hand-ins.
"""

from __future__ import annotations

import logging
import os
import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from ..containment import Level
from ..homework import Homework, find_homework, read_homework
from ..isolation import CACHE
from ..provenance import digest_suite
from . import work
from .examination import examine
from .gradebook import RunOutcome

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_PATIENCE_S = 30  # for a scheduler that does not answer
_MOST_RETRIES = 2  # of a task whose worker was lost
PROCESSES, MEMORY = "PROCESSES", "MEMORY_MIB"
"""What a worker offers (`dask worker --resources`), and a grading takes."""


class ClusterError(ValueError):
    """A cluster can't be used, or was lost; the message says why, and what to do."""


@dataclass(frozen=True)
class Crew:
    """Who grades.

    submit: begins to grade the hand-in that lies at a path; count_jobs: how many can be graded at the same time, now
    interrupt: ends what is under way, and lets it return
    is_loss: whether an exception says that who graded is gone
    """

    submit: Callable[[Path, work.WorkOrder], Future[RunOutcome]]
    count_jobs: Callable[[], int]
    interrupt: Callable[[], object]
    is_loss: Callable[[BaseException], bool] = lambda _: False


@contextmanager
def join_cluster(
    url: str, homework: Homework, order: work.WorkOrder, needs: Mapping[str, float]
) -> Iterator[Crew]:
    """The workers of the cluster whose scheduler listens at `url`. Raises ClusterError.

    needs: of one grading, by PROCESSES and MEMORY
    """
    check_address(url)
    try:
        from distributed import Client, KilledWorker
        from distributed.comm.core import CommClosedError
    except ImportError as error:
        raise ClusterError(
            "A cluster needs the package distributed: pip install 'distributed-learning-kit[cluster]'."
        ) from error
    try:
        client: Any = cast(Any, Client)(url, timeout=_PATIENCE_S, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise ClusterError(
            f"There is no scheduler at {url}: {error or 'it does not answer'}. Start it first."
        ) from error
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # a sentence says that it was lost
    with client:
        workers = client.scheduler_info(n_workers=-1)["workers"]
        check_workers(workers, needs, url)
        wanted = order.isolation or Level.FULL.value
        here = examine(str(homework.folder), order.environment)
        found = client.run(examine, "", order.environment)
        check_facts(here, found, wanted)
        references = _read_references(order.environment.get(CACHE, ""))
        client.run(receive_references, references, here["suite"])
        pool = client.get_executor(pure=False, retries=_MOST_RETRIES, resources=dict(needs))
        yield Crew(
            lambda path, order: pool.submit(grade_there, path.read_bytes(), order),
            lambda: max(1, len(client.scheduler_info(n_workers=-1)["workers"])),
            lambda: client.run(work.interrupt),
            lambda error: isinstance(error, CommClosedError | KilledWorker),
        )


def check_address(url: str) -> None:
    """Raises ClusterError if whoever can reach the network could give orders to the workers."""
    parts = urlsplit(url)
    if parts.scheme == "tcp" and parts.hostname not in _LOOPBACK:
        raise ClusterError(
            f"{url} is not encrypted, and Dask asks nobody who they are: anyone who reaches it can run code on all workers. "
            "Use tls:// with certificates, or tcp:// on this machine alone (127.0.0.1)."
        )
    if parts.scheme not in ("tcp", "tls", "inproc"):
        raise ClusterError(f"{url!r} is not the address of a scheduler: write, for example, tls://host:8786.")


def check_workers(workers: Mapping[str, Any], needs: Mapping[str, float], url: str) -> None:
    """Raises ClusterError if there are none, or one would grade several hand-ins at once, or does not offer what a grading takes."""
    offers = " ".join(f"{name}={amount:g}" for name, amount in needs.items())
    advice = f'Start each as: dask worker {url} --nthreads 1 --resources "{offers}"'
    if not workers:
        raise ClusterError(f"The scheduler at {url} has no workers. {advice}")
    for address, worker in workers.items():
        if worker["nthreads"] != 1:
            raise ClusterError(
                f"The worker {address} has {worker['nthreads']} threads: it must have one. {advice}"
            )
        for name, amount in needs.items():
            if worker.get("resources", {}).get(name, 0) < amount:
                raise ClusterError(
                    f"The worker {address} does not offer {name}={amount:g}, which a grading takes. {advice}"
                )


def check_facts(here: Mapping[str, Any], found: Mapping[str, Mapping[str, Any]], wanted: str) -> None:
    """Raises ClusterError if a worker would grade otherwise than this machine, or can't contain a submission as it is asked for."""
    for address, facts in found.items():
        if "error" in facts:
            raise ClusterError(f"The worker {address} can't grade: {facts['error']}.")
        for name, value in here.items():
            if name != "isolation" and facts.get(name) != value:
                raise ClusterError(
                    f"The worker {address} has another {name}: {facts.get(name)}, but here it is {value}. Install the same kit on both, "
                    "and start the worker in the homework's folder."
                )
        if wanted == Level.FULL.value and facts["isolation"] != wanted:
            raise ClusterError(
                f"The worker {address} offers the isolation {facts['isolation']!r}, but {wanted!r} is needed: `grader doctor` there says "
                "what is missing."
            )


# --- on a worker --------------------------------------------------------------------------------------------------------------------------


def receive_references(files: Mapping[str, bytes], suite: str) -> None:
    """Keep answers of the reference that another machine has computed."""
    folder = _find_cache(suite)
    for name, content in files.items():
        path = folder / Path(name).name
        if not path.exists():
            draft = path.with_suffix(f".{os.getpid()}")
            draft.write_bytes(content)
            draft.replace(path)


def grade_there(content: bytes, order: work.WorkOrder) -> RunOutcome:
    """`work.grade` on the machine where this runs, with its own copy of the homework and its own store of references.

    What is temporary lies in the worker's folder: if the worker is killed, Dask removes it when the next one starts there.
    """
    from distributed import get_worker

    homework = find_homework(None)
    suite = digest_suite(read_homework(homework))
    if suite != order.suite:  # it came after the others were examined
        raise ClusterError(
            f"The worker {socket.gethostname()} has another suite: {suite}, but the batch has {order.suite}. Install the same kit on both"
        )
    own = replace(
        order,
        homework=str(homework),
        environment={**order.environment, CACHE: str(_find_cache(order.suite))},
        place=str(get_worker().local_directory),
        progress=None,
    )
    return work.grade(content, own)


def _find_cache(suite: str) -> Path:
    """A folder that only this user can read."""
    user = os.getuid() if hasattr(os, "getuid") else 0
    folder = Path(tempfile.gettempdir()) / f"grader-references-{user}-{suite}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if hasattr(os, "getuid") and folder.stat().st_uid != user:
        raise ClusterError(f"{folder} belongs to somebody else, who could put wrong answers into it.")
    return folder


def _read_references(folder: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path(folder).glob("*.json")} if folder else {}
