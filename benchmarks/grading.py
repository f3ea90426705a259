"""What grading the solved notebook takes, in time and memory: `python benchmarks/grading.py [--public]`.

The baseline is the plain way: the handout's default calls of all five experiments, each round at the speed of a plain library. One round of
each algorithm is timed in the same run and multiplied by the number of rounds; that leaves out that some rounds have more clients or local
epochs, so the true baseline is longer.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from time import perf_counter, sleep

import psutil

KIT = Path(__file__).resolve().parent.parent
SOLVED = KIT / "notebooks" / "homework_1_solved.ipynb"
GOAL_S = {"public_tests": 40.0, "private_tests": 60.0}
GOAL_GIB = 2.5
# Rounds of the handout's default calls, FedSGD and FedAvg: A2.1, A2.2, A3.1, A3.2, A3.3.
ROUNDS = {"FedSGD": 30 + 30 + 10 + 30 + 30, "FedAvg": 30 + 30 + 30 + 30 + 30}
_EVERY_S = 2.0  # a look at the memory takes a quarter of a second of processor time away from grading
_SEED = 6  # other seeds ask for more or less work


def measure_grading(tests: str) -> tuple[float, float]:
    """Seconds from a cold start, and the largest memory in GiB of the grader and all that it started, with shared pages counted once."""
    command = [sys.executable, "-m", "pytest", "-q", f"--fpath={SOLVED}", tests, f"--grading-seed={_SEED}"]
    if tests == "private_tests":
        command.append("--isolation=none")  # the solved notebook imports the solutions
    start = perf_counter()
    process = psutil.Popen(command, cwd=KIT, stdout=subprocess.PIPE, text=True)
    peak = 0
    while process.poll() is None:
        peak = max(peak, measure_tree(process))
        sleep(_EVERY_S)
    seconds = perf_counter() - start
    if process.returncode != 0:
        sys.exit(f"grading ended with status {process.returncode}:\n{process.stdout.read()}")
    return seconds, peak / 2**30


def measure_tree(process: psutil.Process) -> int:
    """Bytes of a process and its descendants: the proportional set size if the system offers it, otherwise the resident size."""
    total = 0
    for member in [process, *process.children(recursive=True)]:
        try:
            memory = member.memory_full_info()
        except psutil.Error:  # it has just ended
            continue
        total += getattr(memory, "pss", memory.rss)
    return total


def time_plain_round(algorithm: str) -> float:
    """Seconds of one plain round with the handout's defaults."""
    from federated_rounds import start_plain

    return sum(next(start_plain(algorithm)).seconds)


def show(name: str, value: str, goal: str, reached: bool) -> None:
    print(f"  {name:8}{value:>10}    goal {goal}: {'reached' if reached else 'MISSED'}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--public", action="store_true", help="measure the students' own checks")
    options = parser.parse_args()
    tests = "public_tests" if options.public else "private_tests"
    seconds, memory_gib = measure_grading(tests)
    print(f"{tests} on {SOLVED.name}")
    show("time", f"{seconds:.1f} s", f"≤ {GOAL_S[tests]:g} s", seconds <= GOAL_S[tests])
    show("memory", f"{memory_gib:.2f} GiB", f"≤ {GOAL_GIB} GiB", memory_gib <= GOAL_GIB)
    if not options.public:
        plain_s = sum(rounds * time_plain_round(name) for name, rounds in ROUNDS.items())
        print(
            f"  baseline: {plain_s / 60:.0f} minutes for {sum(ROUNDS.values())} plain rounds; ratio {plain_s / seconds:.0f}"
        )


if __name__ == "__main__":
    main()
