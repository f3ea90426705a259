"""A homework made for a test: the least that there must be of one."""

from __future__ import annotations

from pathlib import Path

import nbformat

HEAD = """
title = "Small homework"
handout = "handout.ipynb"
setup = "setup"
[public]
checks = "public_tests"
[hidden]
checks = "private_tests"
"""


def write_homework(folder: Path, content: str, cells: dict[str, str] | None = None) -> Path:
    """Write a `homework.toml` that begins with `HEAD`, a handout with a cell for each tag, and a folder of public checks."""
    (folder / "public_tests").mkdir(parents=True, exist_ok=True)
    (folder / "homework.toml").write_text(content if "handout = " in content else HEAD + content)
    made = [
        nbformat.v4.new_code_cell(source, metadata={"tags": [tag]})
        for tag, source in (cells or {"setup": ""}).items()
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=made), folder / "handout.ipynb")
    return folder
