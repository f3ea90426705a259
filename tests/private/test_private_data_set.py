"""A data set that can't be had is nobody's mistake in the notebook: grading ends with one line, and nothing is graded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

KIT = Path(__file__).resolve().parents[2]
SOLVED = KIT / "notebooks" / "homework_1_solved.ipynb"


@pytest.mark.parametrize("checks", ["public_tests", "private_tests"])
def test_an_unknown_data_set_is_a_usage_error(tmp_path: Path, checks: str) -> None:
    results = tmp_path / "results.json"
    command = [sys.executable, "-m", "pytest", f"--fpath={SOLVED}", checks, f"--json={results}"]
    ended = subprocess.run(
        [*command, "--isolation=none", "--exercise=A1.2"],
        cwd=KIT,
        env={**os.environ, "LAB_2_HFL_DATASET": "foo"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert ended.returncode == pytest.ExitCode.USAGE_ERROR
    assert "LAB_2_HFL_DATASET is 'foo', but must be one of auto, mnist" in ended.stdout
    assert "Traceback" not in ended.stdout + ended.stderr
    assert "score" not in json.loads(results.read_text())
