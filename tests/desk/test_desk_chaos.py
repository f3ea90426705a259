"""Whatever is killed, and whenever: every hand-in is graded once, as if nothing had happened, and nothing is left.

The ordinary run tries it with a few hand-ins. `tox -e chaos` grades CHAOS (200), here and on a cluster, and compares them with what one after
the other gives. CHAOS_SEED repeats a choice of what is killed and when, as far as the machine is as fast as it was.
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
    # Seldom: who is killed three times at the same check is taken for a submission that does it itself.
    "broker": 1,
    "kernel": 1,
    "container": 1,
    "reference": 1,
    "unpacking": 1,
}
THERE = {**HERE, "worker": 3, "nanny": 1, "scheduler": 0.3}
FEW = [2.5, 0, 0, 2]  # what the first hand-ins are worth

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="adopts orphans as only Linux lets a process do"),
    pytest.mark.skipif(probe().level is not Level.FULL, reason="needs the isolation full"),
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


def check(chaos: Chaos, homework: Homework, count: int) -> None:
    """Each hand-in has one run that counts, no more was graded than was lost, and nothing is left."""
    write_cohort(homework, chaos.folder / "source", range(count))
    with adopt_orphans():
        chaos.run(limit_s=300 + 60 * count)
        running, remains = chaos.wait_for_end(), chaos.list_remains()

    assert (running, remains) == ([], [])
    assert main(["gradebook", "check", str(chaos.results)]) == 0
    assert "Traceback" not in (chaos.folder / "log.txt").read_text(encoding="utf-8")
    runs = count_runs(chaos.results, homework)
    assert {name: found[True] for name, found in runs.items()} == dict.fromkeys(
        map(name_party, range(count)), 1
    )
    again = sum(found[False] for found in runs.values())
    assert len(chaos.gradings) <= count + again + chaos.most_lost


@pytest.mark.skipif(bool(COUNT), reason="many hand-ins say more")
def test_a_few_hand_ins(homework: Homework, place: Path) -> None:
    chaos = Chaos(place / "few", homework.folder, random.Random(3), share=0.6, weights=HERE, jobs=2)
    check(chaos, homework, len(FEW))

    assert chaos.kills.total() > 0
    assert [score for _, score, _ in read_grades(chaos.results, homework).values()] == FEW


@pytest.mark.skipif(not COUNT, reason="takes long: tox -e chaos")
@pytest.mark.timeout(4 * 3600)
@pytest.mark.parametrize("where", ["here", "there"])
def test_many_hand_ins(
    homework: Homework, place: Path, expected: list[object], where: str, capsys: pytest.CaptureFixture[str]
) -> None:
    seed, weights, url = int(os.environ.get("CHAOS_SEED", random.randrange(10**6))), HERE, None
    if where == "there":
        pytest.importorskip("distributed")
        weights, url = THERE, f"tcp://127.0.0.1:{find_port()}"
    chaos = Chaos(place / where, homework.folder, random.Random(seed), share=0.4, weights=weights, url=url)
    try:
        check(chaos, homework, COUNT)
    finally:
        with capsys.disabled():
            print(f"\n{COUNT} hand-ins {where}, CHAOS_SEED={seed}: {chaos.describe()}", flush=True)

    grades = read_grades(chaos.results, homework)
    assert grades == {name_party(number): expected[number % KINDS] for number in range(COUNT)}
