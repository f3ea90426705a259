"""What decides a grade on a machine: `python -m grader.desk.examination [FOLDER]` prints it as a line of JSON.

A process of its own finds it: in a worker of Dask's, which is daemonic, `multiprocessing` can't start the one that describes the data set.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ..containment import probe
from ..homework import Homework, find_homework, read_homework
from ..isolation import CACHE
from ..provenance import digest_suite
from ..reference import ReferenceProcess


def examine(folder: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """What decides a grade on the machine where this runs, or an `error`.

    folder: the homework's; empty for the one that this machine has
    environment: of gradings, which names the data set
    """
    own = {name: value for name, value in {**os.environ, **environment}.items() if name != CACHE}
    command = [sys.executable, "-P", "-m", __name__, *([folder] if folder else [])]
    ended = subprocess.run(command, env=own, capture_output=True, text=True, encoding="utf-8", check=False)
    lines = ended.stdout.splitlines()
    if ended.returncode or not lines:
        reasons = [f"its examination ended with status {ended.returncode}", *ended.stderr.splitlines()]
        return {"error": reasons[-1]}
    return dict(json.loads(lines[-1]))  # what computes the reference's answers may print, too


def _find_facts(folder: Path | None) -> dict[str, Any]:
    homework = read_homework(find_homework(folder))
    return {
        "suite": digest_suite(homework),
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        **{f"version of {name}": version(name) for name in homework.libraries},
        "data set": _describe_data(homework),
        "isolation": probe().level.value,
    }


def _describe_data(homework: Homework) -> str:
    if homework.data is None:
        return "none"
    reference = ReferenceProcess(homework, homework.hidden)
    try:
        facts = dict(reference.answer(homework.data.describe, {"name": ""}))
    finally:
        reference.close()
    facts.pop("folder", None)
    return ", ".join(f"{key} {value}" for key, value in sorted(facts.items()))


if __name__ == "__main__":
    try:
        facts = _find_facts(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
    except Exception as error:  # of any kind, on another machine: it is told to who asked
        facts = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(facts))
