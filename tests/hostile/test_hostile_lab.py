"""Attacks on the real homework's lab and reference, graded by the command that an instructor calls. Minutes long."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from cases import FOLDER, contained, read_cases, slow

pytestmark = [contained, slow]
KIT = FOLDER.parents[1]
TAG = "fedsgd_weight"


@dataclass(frozen=True)
class LabCase:
    name: str
    what: str
    points: float
    extra: Sequence[str] = ()
    weight: str = ""
    says: str = ""
    signs: str = ""


@pytest.fixture(scope="module")
def reference_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("references")


def write_notebook(case: LabCase, path: Path) -> None:
    notebook = nbformat.read(KIT / "notebooks" / "homework_1.ipynb", as_version=4)
    solution = (
        (KIT / "solutions" / "federated.py").read_text().replace("from __future__ import annotations", "")
    )
    place = next(i for i, cell in enumerate(notebook.cells) if TAG in cell.metadata.get("tags", []))
    notebook.cells[place].source = case.weight or solution
    notebook.cells[place:place] = [nbformat.v4.new_code_cell(source) for source in case.extra]
    nbformat.write(notebook, path)


@pytest.mark.parametrize("case", read_cases(LabCase, "lab.toml"), ids=lambda case: case.name)
def test_what_is_done_to_the_lab_gains_nothing(case: LabCase, tmp_path: Path, reference_cache: Path) -> None:
    write_notebook(case, tmp_path / "a.ipynb")
    options = ["--exercise=A1.1", "--grading-seed=3", "--execute=all", f"--json={tmp_path / 'results.json'}"]
    ended = subprocess.run(
        [sys.executable, "-m", "grader", "grade", str(tmp_path / "a.ipynb"), "--isolation=full", *options],
        env={**os.environ, "GRADER_REFERENCE_CACHE": str(reference_cache)},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    results = json.loads((tmp_path / "results.json").read_text())
    messages = [test["output"] for test in results["tests"]]

    assert ended.returncode == 0, ended.stderr
    assert results["score"] == case.points, messages
    assert any(re.search(case.says, message) for message in messages)
    assert re.search(case.signs, " ".join(results["extra_data"].get("tampering", [])))
