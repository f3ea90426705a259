"""What containment costs a kernel: `python benchmarks/containment.py [REPEATS]`.

A plain and a contained kernel take turns, each from its start to its first answer; the median counts. Memory is what all processes of the
kernel hold beyond a plain kernel's, each shared page counted once.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from statistics import median
from time import perf_counter

import nbformat
import psutil
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

from grader.containment import Container, format_machine, probe, python_view
from grader.containment.provisioner import ContainedKernelManager

GOAL_RATIO = 1.2
GOAL_MIB = 50.0
MIB = 1024**2

MakeManager = Callable[[], AsyncKernelManager]


async def measure(make_manager: MakeManager) -> tuple[float, float]:
    """Seconds until a kernel has answered, and the memory in MiB of all that was started for it."""
    before = set(psutil.Process().children(recursive=True))
    start = perf_counter()
    manager = make_manager()
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 + 1")])
    client = NotebookClient(notebook, km=manager)
    async with client.async_setup_kernel(cleanup_kc=False):
        await client.async_execute_cell(notebook.cells[0], 0)
        seconds = perf_counter() - start
        started = set(psutil.Process().children(recursive=True)) - before
        held = sum(process.memory_full_info().pss for process in started) / MIB
        await manager.shutdown_kernel(now=True)
    return seconds, held


def main() -> None:
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    print(format_machine(probe()))
    container = Container(view=python_view())
    kinds: dict[str, MakeManager] = {
        "plain": lambda: AsyncKernelManager(kernel_name="python3"),
        "contained": lambda: ContainedKernelManager(container),
    }
    measured: dict[str, list[tuple[float, float]]] = {kind: [] for kind in kinds}
    for repeat in range(repeats + 1):
        for kind, make_manager in kinds.items():
            result = asyncio.run(measure(make_manager))
            if repeat:  # the first of each fills the machine's caches
                measured[kind].append(result)
    seconds = {kind: median(result[0] for result in results) for kind, results in measured.items()}
    held = {kind: median(result[1] for result in results) for kind, results in measured.items()}
    for kind in kinds:
        print(f"{kind:10} {seconds[kind]:6.2f} s  {held[kind]:7.1f} MiB")
    print(f"ratio      {seconds['contained'] / seconds['plain']:6.2f}    (goal: at most {GOAL_RATIO})")
    print(f"extra      {held['contained'] - held['plain']:6.1f} MiB (goal: at most {GOAL_MIB})")


if __name__ == "__main__":
    main()
