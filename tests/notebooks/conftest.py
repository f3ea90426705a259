"""The two notebooks of Homework 1, read once."""

from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

FOLDER = Path(__file__).parents[2] / "notebooks"


def read(name: str) -> NotebookNode:
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)  # type: ignore[no-untyped-call]
    assert isinstance(notebook, NotebookNode)
    return notebook


@pytest.fixture(scope="session")
def notebooks_folder() -> Path:
    return FOLDER


@pytest.fixture(scope="session")
def handout() -> NotebookNode:
    return read("homework_1")


@pytest.fixture(scope="session")
def solved() -> NotebookNode:
    return read("homework_1_solved")


@pytest.fixture(scope="session")
def notebooks(handout: NotebookNode, solved: NotebookNode) -> dict[str, NotebookNode]:
    return {"homework_1": handout, "homework_1_solved": solved}
