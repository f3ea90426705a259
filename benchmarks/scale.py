"""What a whole hand-in costs, and so 10,000 of them: `python benchmarks/scale.py [--workers N]`.

Two hand-ins with right answers and scripts are graded one after the other by `grader batch`, contained: the first has to compute the
reference's answers, the second finds them. What the second adds is taken for each of 10,000.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sql
from cohort import KIT, MIB, Cost, measure, write_hand_ins

from grader.desk.gradebook import open_gradebook, schema
from grader.homework import read_homework

MANY = 10_000
_SCRIPTS = ("b1.py", "b1.sh", "b2.py", "b2.sh")
_TABLES = (schema.handin, schema.run, schema.result)


@dataclass(frozen=True)
class Kept:
    """What a folder of results holds: bytes of hand-ins, of runs, of the references and of the gradebook, and its rows."""

    handins: int
    runs: int
    references: int
    gradebook: int
    rows: int


def read_kept(results: Path) -> Kept:
    with open_gradebook(results) as book, book.read() as connection:
        rows = sum(
            connection.scalar(sql.select(sql.func.count()).select_from(table)) or 0 for table in _TABLES
        )
    handins, runs, references, gradebook = (
        count_bytes(results / name) for name in ("handins", "runs", "references", "gradebook.sqlite")
    )
    return Kept(handins, runs, references, gradebook, rows)


def count_bytes(place: Path) -> int:
    files = [place] if place.is_file() else place.rglob("*")
    return sum(path.stat().st_size for path in files if path.is_file())


def grade(source: Path, results: Path) -> tuple[Cost, Kept]:
    """One more hand-in, with one job."""
    command = ["batch", str(source), f"--out={results}", "--jobs=1", "--grading-seed=6", f"--homework={KIT}"]
    return measure(command), read_kept(results)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--workers", type=int, default=20, metavar="N", help="of the cluster that is foreseen"
    )
    options = parser.parse_args()
    os.environ.setdefault("LAB_2_HFL_DATASET", "digits")
    with tempfile.TemporaryDirectory(prefix="scale-") as workdir:
        folder = Path(workdir)
        paths = write_hand_ins(read_homework(KIT), folder / "all", 2)
        for path in paths:
            for name in _SCRIPTS:
                shutil.copy(KIT / "solutions" / name, path.parent)
        source = folder / "source"
        source.mkdir()
        found = []
        for path in paths:
            path.parent.rename(source / path.parent.name)
            found.append(grade(source, folder / "results"))
    (cold, before), (warm, after) = found
    hours = MANY * warm.seconds / options.workers / 3600
    sent = after.handins - before.handins + after.runs - before.runs
    rows, stored = after.rows - before.rows, after.gradebook - before.gradebook
    print(f"one hand-in, cold: {cold.seconds:.0f} s, {cold.cpu_s:.0f} s of processor time")
    print(f"one hand-in, warm: {warm.seconds:.0f} s, {warm.cpu_s:.0f} s of processor time")
    print(
        f"  in {(after.handins - before.handins) / 1024:.0f} KiB, out {(after.runs - before.runs) / 1024:.0f} KiB"
    )
    print(
        f"  gradebook: {rows} rows in one transaction, {stored / 1024:.0f} KiB; references {after.references / MIB:.1f} MiB, once"
    )
    print(
        f"{MANY:,} of them on {options.workers} workers: {hours:.1f} hours, {MANY * warm.cpu_s / 3600:.0f} hours of processor time"
    )
    print(
        f"  traffic {MANY * sent / MIB / 1024:.1f} GiB, {sent * options.workers / warm.seconds / 1024:.0f} KiB/s"
    )
    print(
        f"  gradebook {MANY * rows:,} rows, {MANY * stored / MIB:.0f} MiB, {options.workers / warm.seconds:.2f} transactions per second; "
        f"files {MANY * sent / MIB / 1024:.1f} GiB"
    )


if __name__ == "__main__":
    main()
