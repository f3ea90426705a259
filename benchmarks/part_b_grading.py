"""How long part B takes to grade, from a cold start: a correct B1 and B2, and a pair that waits in a circle.

    python benchmarks/part_b_grading.py [--isolation none]

At full size, with every process started afresh. Next to the time on the clock is the processor time of everything on
the machine, which is more than grading used if other work went on.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

KIT = Path(__file__).resolve().parents[1]
RIGHT_LIMIT_S, DEADLOCK_LIMIT_S = 90.0, 60.0
# The last stage returns gradients under tags for which nobody waits.
MISTAKES = {
    "b1.py": (
        "self._send(gradient, self.rank - 1, backward_tag(k))",
        "self._send(gradient, self.rank - 1, 10 + k)",
    ),
    "b2.py": (
        "self._send(gradient, self.rank - 1, MICRO_BATCHES + k)",
        "self._send(gradient, self.rank - 1, 10 + k)",
    ),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--isolation", default=None, help="as of `grader grade`")
    options = parser.parse_args()
    right_s = measure("right", {}, options.isolation)
    deadlocked_s = measure("deadlocked", MISTAKES, options.isolation)
    print(
        f"limits: right {RIGHT_LIMIT_S:.0f} s, deadlocked {DEADLOCK_LIMIT_S:.0f} s, on a machine that does nothing else"
    )
    return 0 if right_s <= RIGHT_LIMIT_S and deadlocked_s <= DEADLOCK_LIMIT_S else 1


def measure(name: str, mistakes: dict[str, tuple[str, str]], isolation: str | None) -> float:
    """Grade the solutions with these changes; print and return the seconds by the clock."""
    with tempfile.TemporaryDirectory() as folder:
        for file in ("b1.py", "b1.sh", "b2.py", "b2.sh"):
            shutil.copyfile(KIT / "solutions" / file, Path(folder, file))
        for file, (old, new) in mistakes.items():
            text = Path(folder, file).read_text(encoding="utf-8")
            if text.count(old) != 1:
                raise SystemExit(
                    f"{old!r} stands {text.count(old)} times in solutions/{file}; once was expected"
                )
            Path(folder, file).write_text(text.replace(old, new), encoding="utf-8")
        command = [sys.executable, "-m", "grader", "grade", folder, "--part", "b", "--grading-seed", "1"]
        command += [f"--isolation={isolation}"] if isolation else []
        begun_s, busy_s = time.perf_counter(), _busy_s()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        took_s, used_s = time.perf_counter() - begun_s, _busy_s() - busy_s
    total = next((line for line in done.stdout.splitlines() if line.startswith("Total")), done.stderr[-300:])
    score = " ".join(total.split()[1:4])
    share = used_s / took_s / (os.cpu_count() or 1)
    print(
        f"{name:10} {took_s:6.1f} s, {score} points; processors busy {share:.0%}, {used_s:.0f} s of processor time in all"
    )
    return took_s


def _busy_s() -> float:
    """Processor time that the whole machine has used, in seconds."""
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system)


if __name__ == "__main__":
    sys.exit(main())
