"""The students' own checks of part B: what fails them, what they only note, and that the starters are told that they are starters."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest

from grader import Failure
from grader.homework import read_homework
from grader.intake import open_hand_in
from grader.scripts import Scripts, expect
from launch.events import Backward, Forward
from launch.run_report import RankReport, RankState
from public_tests.part_b import test_scripts
from public_tests.part_b.findings import find_missing_backward

KIT = Path(__file__).parents[2]
HOMEWORK = read_homework(KIT)
SMALL = {
    "SEQ_L = 256": "SEQ_L = 16",
    "DMODEL = 288": "DMODEL = 24",
    "NUM_HEADS = 6": "NUM_HEADS = 2",
    "LAYERS_PER_STAGE = 2": "LAYERS_PER_STAGE = 1",
}


def check(source: Path, folder: Path, changes: Mapping[str, str] | None = None) -> dict[str, str]:
    """The message and the remarks of each public check of B1 with small stages, by the names of their tests."""
    submission, results = folder / "submission", folder / "results.json"
    submission.mkdir()
    for name in ("b1.py", "b1.sh"):
        text = (source / name).read_text(encoding="utf-8")
        for old, new in {**SMALL, **(changes or {})}.items():
            text = text.replace(old, new)
        (submission / name).write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "grader", "grade", submission, "--public", "--exercise", "B1"]
    done = subprocess.run(
        [*map(str, command), "--json", str(results)],
        cwd=KIT,
        env={**os.environ, "LAB_PART_B": "small"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    tests = json.loads(results.read_text())["tests"]
    return {test["extra_data"]["check"]: test["output"] for test in tests if test["max_score"] == 0}


def test_the_solution_passes(tmp_path: Path) -> None:
    messages = check(KIT / "solutions", tmp_path)
    assert len(messages) == 7
    assert set(messages.values()) == {""}, messages


def test_the_starter_is_told_that_it_is_not_written_yet(tmp_path: Path) -> None:
    messages = check(KIT / "notebooks" / "part_b", tmp_path)
    assert messages["test_it_finishes"].startswith("B1 is not written yet: b1.py ends where"), messages


def test_wrong_gradients_are_noted_and_fail_nothing(tmp_path: Path) -> None:
    messages = check(KIT / "solutions", tmp_path, {" / MICRO_BATCHES": ""})
    noted = messages.pop("test_what_is_seen_besides")
    assert noted.startswith("Remark: In step 1 the gradient of all ranks is 3 times that of the whole batch")
    assert set(messages.values()) == {""}, messages


def note(tmp_path: Path, files: Mapping[str, str], comparison: str = "") -> list[str]:
    """What is noted of scripts whose run shows nothing."""
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    scripts = Scripts(open_hand_in(tmp_path, tmp_path.with_name("taken"), expected=expect(HOMEWORK)))
    homework = SimpleNamespace(
        scripts=SimpleNamespace(comparison=comparison),
        find_given=HOMEWORK.find_given,
        starters=HOMEWORK.starters,
        exercises=HOMEWORK.exercises,
        find_exercise=HOMEWORK.find_exercise,
    )
    remarks: list[Failure] = []
    given = SimpleNamespace(ranks={}), SimpleNamespace(homework=homework), scripts, remarks.append
    test_scripts.test_what_is_seen_besides("B1", *given)
    return [remark.seen for remark in remarks]


START = "for rank in 0 1 2; do python b1.py $rank & done; wait\n"
WORDS = "Each stage works on micro-batch k while the stage before works on the next one, as in GPipe. The loss is divided by three."


@pytest.mark.parametrize("switch", ["", "public_tests.part_b.side_by_side"])
def test_gradients_are_compared_only_where_the_homework_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, switch: str
) -> None:
    compared: list[object] = []
    monkeypatch.setattr(test_scripts, "compare", compared.append)
    monkeypatch.setattr(test_scripts, "find_gradient_mistake", lambda *_: None)
    assert note(tmp_path, {"b1.py": f'"""{WORDS}"""\n', "b1.sh": START}, switch) == []
    assert len(compared) == bool(switch)


STARTER = (KIT / "notebooks" / "part_b" / "b1.py").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("files", "says"),
    [
        pytest.param({"b1.py": "x = 1\n"}, "have no explanation", id="nothing"),
        pytest.param({"b1.py": STARTER}, "have no explanation", id="the starter's own comments"),
        pytest.param({"b1.py": f"{STARTER}\n# see above\n"}, "have only a few words", id="a few words"),
        pytest.param({"b1.py": f"{STARTER}\n# {WORDS}\n"}, "", id="a comment"),
        pytest.param({"b1.py": STARTER, "why.md": WORDS}, "", id="a text file"),
    ],
)
def test_a_missing_explanation_is_noted(tmp_path: Path, files: Mapping[str, str], says: str) -> None:
    (tmp_path / "given").mkdir()
    noted = note(tmp_path / "given", {**files, "b1.sh": START})
    assert [says in seen for seen in noted] == ([True] if says else [])


def ranks(*steps: tuple[int, list[tuple[int, ...]]]) -> dict[int, RankReport]:
    """A rank's passes by step: how many forward, and which micro-batches each backward one goes through."""
    made: list[object] = []
    for step, (forwards, backwards) in enumerate(steps, 1):
        made += [Forward(1.0, "Stage", k, step, 0.0, 1.0, 0, gradients=True) for k in range(forwards)]
        made += [Backward(1.0, step, 0.0, 1.0, 0, numbers) for numbers in backwards]
    return {0: RankReport(0, RankState.ENDED, "ended", steps=len(steps), events=tuple(made))}


ALL: list[tuple[int, ...]] = [(0,), (1,), (2,)]


@pytest.mark.parametrize(
    ("found", "says"),
    [
        pytest.param(ranks((3, [(2,)])), "In step 1 rank 0 makes 3 forward passes, and goes backward through 1 of", id="one"),
        pytest.param(ranks((3, ALL), (3, [])), "In step 2 rank 0 makes 3 forward passes, and goes backward through none", id="none"),
        pytest.param(ranks((3, ALL)), "", id="all"),
        pytest.param(ranks((3, [(0, 1, 2)])), "", id="all at once"),
        pytest.param(ranks((4, ALL), (3, ALL)), "", id="a first pass for the shapes"),
        pytest.param({}, "", id="nothing"),
    ],
)  # fmt: skip
def test_fewer_backward_than_forward_passes(found: dict[int, RankReport], says: str) -> None:
    failure = find_missing_backward(found)
    assert says in failure.seen if failure and says else failure is None and not says
