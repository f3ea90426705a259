"""Ranks of part B that report what they have not done: no points for it, or a word to the person who grades."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from cases import FOLDER, choose, contained, read_cases

pytestmark = contained
KIT = FOLDER.parents[1]
PARTS: dict[str, str] = tomllib.loads((FOLDER / "forged.toml").read_text(encoding="utf-8"))["parts"]
SMALL = (
    ("SEQ_L = 256", "SEQ_L = 16"),
    ("DMODEL = 288", "DMODEL = 24"),
    ("NUM_HEADS = 6", "NUM_HEADS = 2"),
    ("LAYERS_PER_STAGE = 2", "LAYERS_PER_STAGE = 1"),
)
STEP = "        loss = stage.step(list(next(batches).chunk(MICRO_BATCHES)), actions)\n"
OPTIMIZER = "    optimizer = torch.optim.Adam(stage.net.parameters(), lr=LEARNING_RATE)\n"
ALONE = (
    (OPTIMIZER, f"    alone = Alone(tokenizer.vocab_size)\n    forge(rank)\n{OPTIMIZER}"),
    (STEP, STEP.replace("loss =", "tokens =").replace("stage.step(", "").replace(", actions)", "")
     + "        SENT.update(alone.step(tokens))\n        loss = stage.step(tokens, actions)\n        alone.advance()\n"),
)  # fmt: skip
TOLD = (*ALONE, ("dist.irecv(buffer,", "dist_irecv(buffer,"), ("dist.isend(tensor,", "dist_isend(tensor,"))
ALTERED = (
    (", self.vocab_size) / MICRO_BATCHES", ", self.vocab_size)"),
    ("        optimizer.step()\n", "        optimizer.step()\n        alter()\n"),
)
CHANGES = {"": (), "alone": ALONE, "told": TOLD, "altered": ALTERED}


@dataclass(frozen=True)
class ForgedCase:
    name: str
    program: str = ""
    parts: Sequence[str] = ()
    change: str = ""
    judged: str = ""
    says: str = ""
    points: float | None = None  # where they matter: without the one that a person gives
    quick: bool = False


def write_scripts(case: ForgedCase, folder: Path) -> None:
    text = (KIT / "solutions" / "b1.py").read_text(encoding="utf-8")
    for old, new in (*CHANGES[case.change], *SMALL):
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    program = "".join([*(PARTS[part] for part in case.parts), case.program])
    (folder / "b1.py").write_text(text.replace("\ndef forward_tag", f"{program}\n\ndef forward_tag", 1))
    (folder / "b1.sh").write_text((KIT / "solutions" / "b1.sh").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", choose(read_cases(ForgedCase, "forged.toml")))
def test_what_ranks_forge_earns_nothing_unseen(case: ForgedCase, tmp_path: Path) -> None:
    (tmp_path / "submission").mkdir()
    write_scripts(case, tmp_path / "submission")
    options = ["--exercise=B1", "--steps=4", "--isolation=full", f"--json={tmp_path / 'results.json'}"]
    ended = subprocess.run(
        [sys.executable, "-m", "grader", "grade", str(tmp_path / "submission"), *options],
        env={**os.environ, "LAB_PART_B": "small"},
        cwd=KIT,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    results = json.loads((tmp_path / "results.json").read_text())
    messages = [test["output"] for test in results["tests"]]
    judged = " ".join(results["extra_data"].get("to_judge", []))

    assert ended.returncode == 0, ended.stderr
    assert case.judged in judged if case.judged else judged == ""
    assert any(case.says in message for message in messages), messages
    assert case.points in (None, results["score"]), messages
