"""What `--compare` tells of a run: from plain data, and once from a real run of small stages."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from grader import Failure
from public_tests.part_b.comparison import Comparison, Fit, Mismatch
from public_tests.part_b.side_by_side import describe, tell

KIT = Path(__file__).parents[2]
MISTAKE = Failure("It is 3 times too long.", "the right length", "divide it.")
SMALL = {
    "SEQ_L = 256": "SEQ_L = 16",
    "DMODEL = 288": "DMODEL = 24",
    "NUM_HEADS = 6": "NUM_HEADS = 2",
    "LAYERS_PER_STAGE = 2": "LAYERS_PER_STAGE = 1",
}


def trial(steps: int, ranks: int = 3) -> SimpleNamespace:
    return SimpleNamespace(common_steps=steps, ranks=dict.fromkeys(range(ranks)))


def mismatch(rank: int, step: int = 1) -> Mismatch:
    return Mismatch(rank, 0, rank, step, 2.0, "layers.0.weight", Fit(((3.0, 3.0, 3.0),), 0.0, 0.0))


@pytest.mark.parametrize(
    ("steps", "comparison", "mistake", "says"),
    [
        pytest.param(
            8,
            Comparison(),
            None,
            "in steps 1 to 4 the gradients of all 3 ranks are those of the whole batch",
            id="right",
        ),
        pytest.param(1, Comparison(), None, "in step 1 the gradients", id="one step"),
        pytest.param(
            0,
            Comparison(problem="not every rank made an optimizer step"),
            None,
            "Not compared with one process: not every",
            id="no step",
        ),
        pytest.param(
            8,
            Comparison(tuple(map(mismatch, range(3)))),
            MISTAKE,
            "differ from step 1 on, on ranks 0, 1 and 2:\n  It is 3 times",
            id="all ranks",
        ),
        pytest.param(
            8,
            Comparison((mismatch(1, 2),)),
            MISTAKE,
            "differ from step 2 on, on rank 1, and are right on ranks 0 and 2:",
            id="one rank",
        ),
        pytest.param(8, Comparison(problem="x"), MISTAKE, "same batches:\n  It is", id="nothing to compare"),
    ],
)
def test_what_is_told(steps: int, comparison: Comparison, mistake: Failure | None, says: str) -> None:
    assert says in tell(trial(steps), comparison, mistake)


def test_another_number_of_ranks_is_not_compared() -> None:
    said = describe(SimpleNamespace(asked_ranks=4))
    assert said.endswith("4 ranks were asked for, and the exercises have 3 or 6.")


def test_the_launcher_compares(tmp_path: Path) -> None:
    for name in ("b1.py", "b1.sh"):
        text = (KIT / "solutions" / name).read_text(encoding="utf-8").replace(" / MICRO_BATCHES", "")
        for old, new in SMALL.items():
            text = text.replace(old, new)
        (tmp_path / name).write_text(text, encoding="utf-8")
    environment = {**os.environ, "LAB_PART_B": "small", "PYTHONPATH": str(KIT)}
    command = [sys.executable, "-m", "launch", "b1.sh", "--steps", "2", "--compare", "--timeout", "300"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "gradients differ from step 1 on, on ranks 0, 1 and 2" in done.stdout
    assert "The loss is not divided by the 3 micro-batches" in done.stdout
    assert "Loss per step of rank 2" in done.stdout
    assert list(tmp_path.rglob("*.safetensors")) == []
