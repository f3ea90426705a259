"""What a batch adds to its gradings, and what a second job brings: `python benchmarks/cohort.py [--hand-ins N] [--exercise ID,…]`.

All hand-ins are right answers in the handout, contained. The baseline is `grader grade` of the same hand-ins, one after the other:
cold, each with no answer of the reference at hand, and warm, with all of them. Ratios hold on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, sleep

import psutil

from grader.desk.batch import count_cores
from grader.homework import Homework, read_homework

KIT = Path(__file__).resolve().parent.parent
MIB = 1 << 20
_SEED = 6
_EVERY_S = 0.5


@dataclass(frozen=True)
class Cost:
    """Of one command: its time, the processor time of all that it started (but for each one's last half second), and its own largest memory."""

    seconds: float
    cpu_s: float
    memory_mib: float


def measure(command: Sequence[str], cache: Path | None = None) -> Cost:
    """Run a command; exits if it fails."""
    environment = {**os.environ, **({"GRADER_REFERENCE_CACHE": str(cache)} if cache else {})}
    start = perf_counter()
    process = psutil.Popen(
        [sys.executable, "-m", "grader", *command], stdout=subprocess.DEVNULL, env=environment
    )
    memory, cpu_s = 0, dict[tuple[int, float], float]()
    while process.poll() is None:
        with suppress(psutil.Error):  # it has just ended
            memory = max(memory, process.memory_info().rss)
        for each in list_family(process):
            with suppress(psutil.Error):
                cpu_s[each.pid, each.create_time()] = _read_cpu(each)
        sleep(_EVERY_S)
    if process.wait() != 0:
        sys.exit(f"{command[0]} ended with status {process.returncode}")
    return Cost(perf_counter() - start, sum(cpu_s.values()), memory / MIB)


def list_family(process: psutil.Process) -> list[psutil.Process]:
    """A process and all that it started."""
    try:
        return [process, *process.children(recursive=True)]
    except psutil.Error:  # it has just ended
        return []


def _read_cpu(process: psutil.Process) -> float:
    """Of the process alone: what a killed kernel has used is in nobody's sum of children."""
    times = process.cpu_times()
    return times.user + times.system


def write_hand_ins(homework: Homework, folder: Path, count: int) -> list[Path]:
    """Notebooks with the right answers, each with another first line."""
    assert homework.release is not None
    answers = homework.folder / homework.release.answers
    content = json.loads((homework.folder / homework.handout_file).read_text(encoding="utf-8"))
    for cell in content["cells"]:
        for tag in cell["metadata"].get("tags", ()):
            for path in answers.glob(f"{tag}.*"):
                cell["source"] = path.read_text(encoding="utf-8")
    paths = []
    for number in range(count):
        content["cells"][0]["source"] = f"# Hand-in {number}"
        path = folder / f"student-{number:03}" / "homework.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(content), encoding="utf-8")
        paths.append(path)
    return paths


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hand-ins", type=int, default=20, metavar="N")
    parser.add_argument("--exercise", default="A1.2", metavar="ID,…")
    options = parser.parse_args()
    os.environ.setdefault("LAB_2_HFL_DATASET", "digits")
    with tempfile.TemporaryDirectory(prefix="cohort-") as workdir:
        folder = Path(workdir)
        paths = write_hand_ins(read_homework(KIT), folder / "source", options.hand_ins)
        common = [f"--exercise={options.exercise}", f"--grading-seed={_SEED}", f"--homework={KIT}"]
        cold = measure(["grade", str(paths[0]), *common])
        cache = folder / "cache"
        measure(["grade", str(paths[0]), *common], cache)
        warm = [measure(["grade", str(path), *common], cache) for path in paths]
        batches = {
            jobs: measure(
                [
                    "batch",
                    str(folder / "source"),
                    f"--out={folder / f'results-{jobs}'}",
                    f"--jobs={jobs}",
                    *common,
                ]
            )
            for jobs in (1, 2)
        }
    alone_s, count = sum(each.seconds for each in warm), options.hand_ins
    print(f"{count} hand-ins, {options.exercise}, data set {os.environ['LAB_2_HFL_DATASET']}")
    show("2 jobs against 1", batches[1].seconds / batches[2].seconds, 1.8, at_least=True)
    show("a batch with 1 job against its gradings alone", batches[1].seconds / alone_s, 1.05)
    show("processor time per hand-in against one alone, cold", batches[2].cpu_s / count / cold.cpu_s, 0.6)
    busy = batches[2].cpu_s / batches[2].seconds / count_cores()
    print(f"  with 2 jobs the cores are busy for {busy:.0%} of the time")
    show("memory of the batch in MiB", batches[2].memory_mib, 300)


def show(name: str, figure: float, goal: float, *, at_least: bool = False) -> None:
    reached = figure >= goal if at_least else figure <= goal
    print(
        f"  {name}: {figure:.2f}    goal {'≥' if at_least else '≤'} {goal:g}: {'reached' if reached else 'MISSED'}",
        flush=True,
    )


if __name__ == "__main__":
    main()
