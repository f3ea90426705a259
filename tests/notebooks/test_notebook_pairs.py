"""Each notebook is kept as .py and .ipynb: both say the same, no trace of a run is kept, and nothing tells Jupyter that they belong together."""

from pathlib import Path
from typing import Any

import jupytext  # type: ignore[import-untyped]
import nbformat
import pytest
from jupytext.config import find_jupytext_configuration_file  # type: ignore[import-untyped]
from nbformat import NotebookNode

NAMES = ("homework_1", "homework_1_solved")

pytestmark = pytest.mark.parametrize("name", NAMES)


@pytest.fixture
def notebook(notebooks: dict[str, NotebookNode], name: str) -> NotebookNode:
    return notebooks[name]


@pytest.fixture
def script(notebooks_folder: Path, name: str) -> NotebookNode:
    paired = jupytext.read(notebooks_folder / f"{name}.py", fmt="py:percent")
    assert isinstance(paired, NotebookNode)
    return paired


def content(notebook: NotebookNode) -> list[dict[str, Any]]:
    return [
        {"type": cell.cell_type, "metadata": dict(cell.metadata), "lines": cell.source.splitlines()}
        for cell in notebook.cells
    ]


def test_pair_is_in_step(notebook: NotebookNode, script: NotebookNode, name: str) -> None:
    assert content(script) == content(notebook), (
        f"Run `jupytext --update --to ipynb notebooks/{name}.py` in the root folder."
    )


def test_pair_survives_a_round_trip(notebook: NotebookNode) -> None:
    again = jupytext.reads(jupytext.writes(notebook, fmt="py:percent"), fmt="py:percent")

    assert content(again) == content(notebook)


def test_both_name_the_same_kernel(notebook: NotebookNode, script: NotebookNode) -> None:
    assert notebook.metadata.kernelspec.name == "python3"
    assert script.metadata.kernelspec == notebook.metadata.kernelspec


def test_notebook_is_valid(notebook: NotebookNode) -> None:
    nbformat.validate(notebook)


def test_no_trace_of_a_run_is_kept(notebook: NotebookNode) -> None:
    ran = [
        cell.id for cell in notebook.cells if cell.get("outputs") or cell.get("execution_count") is not None
    ]

    assert ran == [], "Clear all outputs before committing."


def test_marked_cells_can_not_be_deleted_and_cells_carry_nothing_else(notebook: NotebookNode) -> None:
    marked = [dict(cell.metadata) for cell in notebook.cells if "tags" in cell.metadata]

    assert marked == [{"deletable": False, "tags": cell["tags"]} for cell in marked]
    assert [dict(cell.metadata) for cell in notebook.cells if cell.metadata] == marked


def test_jupyter_takes_no_script_for_the_notebook(notebook: NotebookNode, notebooks_folder: Path) -> None:
    """Where it does, opening a notebook shows the script's cells if that is newer, and saving it overwrites the answers."""
    folders = [notebooks_folder, notebooks_folder.parent]
    found = [find_jupytext_configuration_file(folder, search_parent_dirs=False) for folder in folders]

    assert found == [None, None]
    assert set(notebook.metadata) == {"kernelspec"}
