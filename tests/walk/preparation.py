"""Builds the bundle, unpacks it, and sets it up as its README says: `python tests/walk/preparation.py FOLDER`.

Only this needs the package registry; the walk itself has no network.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
import zipfile
from pathlib import Path

from grader.desk.release import build
from grader.homework import KIT, read_homework

HEADING = "## Start"
# The same, in seconds instead of minutes.
FASTER = {
    "python3 -m venv": f"uv venv --quiet --python {shlex.quote(sys.executable)}",
    "pip install": "uv pip install --quiet --compile-bytecode",
}


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True)
    archive = folder / "homework_1.zip"
    build(read_homework(KIT), archive)
    with zipfile.ZipFile(archive) as bundle:
        bundle.extractall(folder)
    commands = read_first_block((folder / "homework_1" / "README.md").read_text(encoding="utf-8"), HEADING)
    for slow, fast in FASTER.items():
        commands = commands.replace(slow, fast)
    subprocess.run(["bash", "-ec", commands], cwd=folder / "homework_1", check=True)


def read_first_block(page: str, heading: str) -> str:
    """The first block of commands below a heading."""
    return page.partition(f"\n{heading}\n")[2].partition("\n```\n")[2].partition("\n```\n")[0]


if __name__ == "__main__":
    main()
