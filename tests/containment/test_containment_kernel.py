"""A contained kernel, driven by nbclient."""

from __future__ import annotations

import asyncio
import functools
import os
import signal
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path

import nbformat
import psutil
import pytest
import zmq
from jupyter_core.paths import jupyter_runtime_dir
from kinds import Kind
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError

from grader.containment import Breach, ContainmentError, Limits, python_view
from grader.containment.limits import MIB
from grader.containment.provisioner import ContainedKernelManager, ContainedProvisioner

CELLS = {
    "computes": "print(1 + 1)",
    "lists regular files": """
import os, stat
def is_regular(number):
    try:
        return stat.S_ISREG(os.fstat(number).st_mode)
    except OSError:
        return False
print([number for number in range(200) if is_regular(number)])
""",
    "turns sockets into links": """
for name in os.listdir(".kernel"):
    os.remove(".kernel/" + name)
    os.symlink("/run/elsewhere", ".kernel/" + name)
""",
    "goes on": "print('still here')",
}
Steps = Callable[[NotebookClient, ContainedKernelManager], Awaitable[None]]


def with_kernel(
    kind: Kind, steps: Steps, notebook: nbformat.NotebookNode | None = None, limits: Limits | None = None
) -> ContainedProvisioner:
    """Do something with a contained kernel, and return the provisioner after its end."""

    async def run() -> ContainedProvisioner:
        manager = ContainedKernelManager(kind.container(limits=limits or Limits()))
        provisioner = manager.provisioner
        assert isinstance(provisioner, ContainedProvisioner)
        client = NotebookClient(
            notebook or nbformat.v4.new_notebook(), km=manager, allow_errors=True, timeout=60
        )
        async with client.async_setup_kernel():
            await steps(client, manager)
        await manager.shutdown_kernel(now=True)
        return provisioner

    return asyncio.run(run())


@dataclass(frozen=True)
class Left:
    """What one run of a kernel printed, and what was there after it that was not before."""

    printed: list[str]
    processes: list[psutil.Process]
    connection_files: set[Path]


@pytest.fixture(scope="module")
def run_cells() -> Callable[[Kind], Left]:
    """Run `CELLS` once in each kind of container: starting a kernel takes a while."""
    runtime = Path(jupyter_runtime_dir())

    @functools.cache
    def run(kind: Kind) -> Left:
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS.values()]
        )
        notebook.metadata.kernelspec = {"name": "evil", "display_name": "Evil", "language": "python"}
        before = set(runtime.glob("*"))

        async def steps(client: NotebookClient, _: ContainedKernelManager) -> None:
            for place, cell in enumerate(notebook.cells):
                await client.async_execute_cell(cell, place)

        with tempfile.TemporaryFile() as inheritable:
            os.set_inheritable(inheritable.fileno(), True)
            with_kernel(kind, steps, notebook)
        printed = ["".join(output.get("text", "") for output in cell.outputs) for cell in notebook.cells]
        return Left(printed, psutil.Process().children(recursive=True), set(runtime.glob("*")) - before)

    return run


@pytest.mark.parametrize(
    ("cell", "printed"),
    [("computes", "2\n"), ("lists regular files", "[]\n"), ("goes on", "still here\n")],
    ids=["computes", "no descriptor of the grader", "link in place of a socket leads nowhere"],
)
def test_contained_kernel(
    kernel_kind: Kind, run_cells: Callable[[Kind], Left], cell: str, printed: str
) -> None:
    assert run_cells(kernel_kind).printed[list(CELLS).index(cell)] == printed


def test_no_channel_connects_again_or_takes_giant_messages(kernel_kind: Kind) -> None:
    """A submission may close a connection, and put something else in the socket's place."""
    seen = set()

    async def steps(client: NotebookClient, _: ContainedKernelManager) -> None:
        assert client.kc is not None
        for channel in ("shell", "iopub", "stdin", "control"):
            socket = getattr(client.kc, f"{channel}_channel").socket
            seen.add((socket.getsockopt(zmq.RECONNECT_IVL), socket.getsockopt(zmq.MAXMSGSIZE)))

    with_kernel(kernel_kind, steps)
    assert seen == {(-1, 64 * MIB)}


def test_kernel_leaves_nothing(kernel_kind: Kind, run_cells: Callable[[Kind], Left]) -> None:
    left = run_cells(kernel_kind)
    assert left.processes == []
    assert left.connection_files == set()


def test_endless_cell_can_be_interrupted(kernel_kind: Kind) -> None:
    seen = []

    async def run(client: NotebookClient, manager: ContainedKernelManager) -> None:
        assert client.kc is not None
        started = client.kc.execute("print('on', flush=True)\nwhile True: pass")
        while (await client.kc.get_iopub_msg(timeout=60))["msg_type"] != "stream":
            pass
        await manager.interrupt_kernel()
        while (reply := await client.kc.get_shell_msg(timeout=60))["parent_header"].get("msg_id") != started:
            pass
        seen.append(reply["content"]["ename"])

    with_kernel(kernel_kind, run)
    assert seen == ["KeyboardInterrupt"]


def test_end_of_a_dead_kernel_is_known(kernel_kind: Kind) -> None:
    async def run(client: NotebookClient, _: ContainedKernelManager) -> None:
        cell = nbformat.v4.new_code_cell("import ctypes; ctypes.string_at(0)")
        with pytest.raises(DeadKernelError):
            await client.async_execute_cell(cell, 0)

    assert with_kernel(kernel_kind, run).status == 128 + signal.SIGSEGV


def test_kernel_that_cannot_start_says_why(full: Kind) -> None:
    async def run(_: NotebookClient, __: ContainedKernelManager) -> None:
        raise AssertionError("the kernel must not have started")

    unable = replace(full, view=python_view(hidden_packages=["ipykernel"]))
    with pytest.raises(ContainmentError, match=r"ended with status 1 [\s\S]*import name 'kernelapp'"):
        with_kernel(unable, run)


def test_kernel_that_devours_memory_dies_of_a_named_limit(kernel_kind: Kind) -> None:
    async def run(client: NotebookClient, _: ContainedKernelManager) -> None:
        cell = nbformat.v4.new_code_cell("held = []\nwhile True: held.append(bytearray(b'x' * (1 << 20)))")
        with pytest.raises(DeadKernelError):
            await client.async_execute_cell(cell, 0)

    limit = 300 * MIB
    breach = with_kernel(kernel_kind, run, limits=Limits(resident_bytes=limit)).breach
    assert isinstance(breach, Breach)
    assert breach.limit == "resident_bytes"
    assert breach.seen > limit
