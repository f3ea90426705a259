"""Grades one submission on Gradescope's machine, and leaves results whatever happens. Needs nothing but the standard library."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

# Outcomes of a grading that did not take place, in which nothing speaks against the submission: Gradescope must show no score.
NOT_THEIR_FAULT = ("machine", "broken", "interrupted")


def main(root: Path) -> None:
    """Grade what lies below `root`, where Gradescope puts it."""
    kit = root / "source" / "kit"
    settings = json.loads((root / "source" / "autograder.json").read_text(encoding="utf-8"))
    path = root / "results" / "results.json"
    path.parent.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "grader", "grade", str(root / "submission")]
    command += ["--homework", str(kit), "--json", str(path), *settings["arguments"]]
    environment = {**os.environ, **settings["environment"]}
    try:
        subprocess.run(command, cwd=kit, env=environment, timeout=settings["timeout_s"], check=False)
    except subprocess.TimeoutExpired:
        minutes = settings["timeout_s"] / 60
        results = refuse(
            f"Grading took longer than {minutes:.0f} minutes and was ended. Tell your instructor if it happens again."
        )
    else:
        results = read(path)
    path.write_text(json.dumps(finish(results, settings["visibility"]), indent=1), encoding="utf-8")


def read(path: Path) -> dict[str, Any]:
    """What `grader grade` has written."""
    try:
        results = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return refuse("There are no results: grading ended without any. Tell your instructor.")
    return (
        results if isinstance(results, dict) else refuse("The results can't be read. Tell your instructor.")
    )


def refuse(sentence: str) -> dict[str, Any]:
    """Results that only say what happened."""
    return {"output": sentence, "tests": [], "extra_data": {"outcome": "broken"}}


def finish(results: dict[str, Any], visibility: str) -> dict[str, Any]:
    """The results as Gradescope is to show them: who may see the checks and when, and a score wherever one is due."""
    for test in results["tests"]:
        test["visibility"] = visibility
    if "score" not in results and results["extra_data"].get("outcome") not in NOT_THEIR_FAULT:
        results["score"] = 0.0  # there was nothing to grade, and the student is to see why
    return results


if __name__ == "__main__":
    main(Path(sys.argv[1]))
