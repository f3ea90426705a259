"""Whatever is killed, and whenever: every hand-in is graded once, as if nothing had happened, and nothing is left.

`tox -e chaos` grades CHAOS hand-ins (200) in this way, here and on a cluster. CHAOS_SEED repeats a choice of what is killed and when, as far as
the machine is as fast as it was.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from chaos import (
    KINDS,
    SEED,
    Chaos,
    adopt_orphans,
    count_runs,
    find_port,
    name_party,
    read_grades,
    write_cohort,
)

from grader.__main__ import main
from grader.containment import Level, probe
from grader.homework import Homework, read_homework
from grader.new import make_homework

COUNT = int(os.environ.get("CHAOS", "0"))
HERE = {
    "batch": 1,
    "grading": 2,
    "checks": 2,
    "broker": 2,
    "kernel": 2,
    "container": 2,
    "reference": 1,
    "unpacking": 1,
}
THERE = {**HERE, "worker": 3, "nanny": 1, "scheduler": 0.3}

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="adopts orphans as only Linux lets a process do"),
    pytest.mark.skipif(not COUNT, reason="takes long: tox -e chaos"),
]


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """Short: Unix sockets lie below it."""
    folder = Path(tempfile.mkdtemp(prefix="c-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def homework(place: Path) -> Homework:
    make_homework(place / "hw")
    return read_homework(place / "hw")


@pytest.fixture(scope="module")
def expected(homework: Homework, place: Path) -> list[object]:
    """What one after the other gives, by kind of hand-in."""
    write_cohort(homework, place / "serial", range(KINDS))
    command = ["batch", str(place / "serial"), f"--out={place / 'serially'}", f"--homework={homework.folder}"]
    assert main([*command, "--jobs=1", f"--grading-seed={SEED}"]) == 0
    return list(read_grades(place / "serially", homework).values())


@pytest.mark.timeout(4 * 3600)
@pytest.mark.parametrize("where", ["here", "there"])
def test_nothing_is_lost_or_doubled(
    homework: Homework, place: Path, expected: list[object], where: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if probe().level is not Level.FULL:
        pytest.skip("needs the isolation full")
    if where == "there":
        pytest.importorskip("distributed")
    seed = int(os.environ.get("CHAOS_SEED", random.randrange(10**6)))
    folder = place / where
    folder.mkdir()
    write_cohort(homework, folder / "source", range(COUNT))
    chaos = Chaos(
        folder, homework.folder, random.Random(seed), share=0.5,
        weights=HERE if where == "here" else THERE,
        url=f"tcp://127.0.0.1:{find_port()}" if where == "there" else None,
    )  # fmt: skip
    with adopt_orphans():
        chaos.run(limit_s=120 + 30 * COUNT)
        running, remains = chaos.wait_for_end(), chaos.list_remains()
    with capsys.disabled():
        print(f"\n{COUNT} hand-ins {where}, CHAOS_SEED={seed}: {chaos.describe()}", flush=True)

    assert (running, remains) == ([], [])
    assert main(["gradebook", "check", str(chaos.results)]) == 0
    grades = read_grades(chaos.results, homework)
    assert grades == {name_party(number): expected[number % KINDS] for number in range(COUNT)}
    runs = count_runs(chaos.results, homework)
    assert {name: found[True] for name, found in runs.items()} == dict.fromkeys(grades, 1)
    assert "Traceback" not in (folder / "log.txt").read_text(encoding="utf-8")
    again = sum(found[False] for found in runs.values())
    lost = chaos.jobs * sum(chaos.kills[kind] for kind in ("batch", "scheduler"))
    lost += sum(chaos.kills[kind] for kind in ("worker", "nanny"))
    assert len(chaos.gradings) <= COUNT + again + lost
