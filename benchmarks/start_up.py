"""How long a student waits for the first word: `python benchmarks/start_up.py [REPEATS]`.

A usage error is compared with importing pytest, and the first verdict on a notebook with importing torch and the lab in a kernel, which no
check can do without. Both sides take turns, and the fastest of each counts, since everything else on the machine can only add to it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

from jupyter_client.manager import start_new_kernel

KIT = Path(__file__).resolve().parent.parent
NOTEBOOK = KIT / "notebooks" / "homework_1_solved.ipynb"
LAB = "from lab_2_hfl.hfl_complete import *"
GOAL_RATIO = 3.0
GOAL_S = 2.0


def time_import() -> float:
    return time_command([sys.executable, "-c", "import pytest"])


def time_usage_error() -> float:
    """Of the command `pytest` for a path that does not exist."""
    run = "import sys; from grader.pytest_script import main; sys.exit(main())"
    return time_command([sys.executable, "-P", "-c", run, "-fpath", "none.ipynb"])


def time_command(command: list[str]) -> float:
    start = perf_counter()
    subprocess.run(command, check=False, capture_output=True, cwd=KIT)
    return perf_counter() - start


def time_kernel() -> float:
    start = perf_counter()
    manager, client = start_new_kernel(kernel_name="python3", cwd=str(KIT))
    client.execute_interactive(LAB, output_hook=lambda _: None)
    seconds = perf_counter() - start
    client.stop_channels()
    manager.shutdown_kernel(now=True)
    return seconds


def time_verdict() -> float:
    """Until the first dot."""
    command = [sys.executable, "-P", "-m", "pytest", "-fpath", str(NOTEBOOK), "--exercise=A1.2"]
    start = perf_counter()
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, cwd=KIT, bufsize=0) as process,
    ):
        assert process.stdout is not None
        while (character := process.stdout.read(1)) not in (b".", b"F", b""):
            pass
        seconds = perf_counter() - start
        process.stdout.read()
    assert character == b".", "no check passed"
    return seconds


def take_turns(repeats: int, *kinds: Callable[[], float]) -> list[float]:
    """The fastest of each kind."""
    return [min(times) for times in zip(*([kind() for kind in kinds] for _ in range(repeats)), strict=True)]


def main() -> None:
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    time_kernel()  # the data set is on disk from here on
    baseline, error = take_turns(2 * repeats, time_import, time_usage_error)
    print(f"{baseline:6.2f} s   import pytest\n{error:6.2f} s   pytest -fpath none.ipynb")
    ratio = error / baseline
    print(f"{ratio:6.2f}     ratio, goal ≤ {GOAL_RATIO}: {'reached' if ratio <= GOAL_RATIO else 'MISSED'}")
    kernel, verdict = take_turns(repeats, time_kernel, time_verdict)
    print(f"{kernel:6.2f} s   {LAB} in a kernel\n{verdict:6.2f} s   the first verdict")
    more = verdict - kernel
    print(f"{more:6.2f} s   more, goal ≤ {GOAL_S}: {'reached' if more <= GOAL_S else 'MISSED'}")


if __name__ == "__main__":
    main()
