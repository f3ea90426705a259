"""Real runs, made short."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import launch

SCRIPTS = Path(__file__).parent / "scripts"


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_bytes(text.encode())
    return path


def run(script: Path, **changes: Any) -> launch.RunReport:
    """A run of two ranks and one step in a folder beside the script's."""
    options: dict[str, Any] = {"ranks": 2, "steps": 1, "timeout_s": 60.0, "output_dir": script.parent / "out"}
    return launch.run(script, **{**options, **changes})


def shell(
    folder: Path, python: str, lines: str = "", name: str = "b1.sh", **changes: Any
) -> launch.RunReport:
    """Run a Python program as two ranks of a shell script, or of the lines given in its place."""
    write(folder, "b1.py", python)
    return run(write(folder, name, lines or "python b1.py 0 &\npython b1.py 1 &\nwait\n"), **changes)
