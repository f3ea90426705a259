"""What importing part A's library costs, against torch and torchvision alone: `python benchmarks/import_time.py [REPEATS]`.

The library is imported once before anything is timed, so that its data set is on disk. Each import runs in a new process; the two
kinds take turns, and the fastest of each counts, since everything else on the machine can only add to it.
"""

from __future__ import annotations

import subprocess
import sys
from time import perf_counter

BASELINE = "import torch, torchvision"
LIBRARY = "from lab_2_hfl.hfl_complete import *"
GOAL_RATIO = 1.5


def time_import(statement: str) -> float:
    """Seconds of a process that does nothing else."""
    start = perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True, stdout=subprocess.DEVNULL)
    return perf_counter() - start


def main() -> None:
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    time_import(LIBRARY)
    seconds = {
        statement: min(times)
        for statement, times in zip(
            (BASELINE, LIBRARY),
            zip(*[(time_import(BASELINE), time_import(LIBRARY)) for _ in range(repeats)], strict=True),
            strict=True,
        )
    }
    for statement, fastest in seconds.items():
        print(f"{fastest:6.2f} s   {statement}")
    ratio = seconds[LIBRARY] / seconds[BASELINE]
    print(f"{ratio:6.2f}     ratio, goal ≤ {GOAL_RATIO}: {'reached' if ratio <= GOAL_RATIO else 'MISSED'}")


if __name__ == "__main__":
    main()
