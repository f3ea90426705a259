"""Handout and solved notebook differ in their tagged cells, and in nothing else."""

import ast
from typing import Any

from nbformat import NotebookNode


def frame(notebook: NotebookNode) -> list[dict[str, Any]]:
    """All of a notebook but the content of its tagged cells."""
    return [
        {
            "id": cell.id,
            "type": cell.cell_type,
            "metadata": dict(cell.metadata),
            "lines": [] if "tags" in cell.metadata else cell.source.splitlines(),
        }
        for cell in notebook.cells
    ]


def tagged_code(notebook: NotebookNode) -> dict[str, str]:
    return {
        tag: cell.source
        for cell in notebook.cells
        for tag in cell.metadata.get("tags", [])
        if cell.cell_type == "code"
    }


def test_twins_differ_only_inside_tagged_cells(handout: NotebookNode, solved: NotebookNode) -> None:
    assert frame(solved) == frame(handout)


def test_twins_share_their_metadata(handout: NotebookNode, solved: NotebookNode) -> None:
    assert (solved.metadata, solved.nbformat, solved.nbformat_minor) == (
        handout.metadata,
        handout.nbformat,
        handout.nbformat_minor,
    )


def test_twins_share_their_setup(handout: NotebookNode, solved: NotebookNode) -> None:
    assert tagged_code(solved)["setup"] == tagged_code(handout)["setup"]


def test_solved_cells_only_import_from_solutions(solved: NotebookNode) -> None:
    for tag, source in tagged_code(solved).items():
        if tag == "setup":
            continue
        for statement in ast.parse(source).body:
            assert isinstance(statement, ast.ImportFrom), tag
            assert (statement.module or "").split(".")[0] == "solutions", tag


def test_solved_cells_bind_what_the_handout_asks_for(handout: NotebookNode, solved: NotebookNode) -> None:
    assert {tag: bound_names(source) for tag, source in tagged_code(solved).items()} == {
        tag: bound_names(source) for tag, source in tagged_code(handout).items()
    }


def test_solved_explanation_replaces_the_placeholder(handout: NotebookNode, solved: NotebookNode) -> None:
    given, answer = (
        next(cell.source for cell in notebook.cells if "fedsgd_explanation" in cell.metadata.get("tags", []))
        for notebook in (handout, solved)
    )

    assert given not in answer
    assert len(answer.split()) > 100


def bound_names(source: str) -> set[str]:
    """The names that the statements at the top of a cell define."""
    names: set[str] = set()
    for statement in ast.parse(source).body:
        match statement:
            case ast.ImportFrom(names=aliases):
                names |= {alias.asname or alias.name for alias in aliases}
            case (
                ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.AnnAssign(target=ast.Name(id=name))
            ):
                names.add(name)
    return names
