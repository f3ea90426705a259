"""What the handout fixes: the cells that students start from, their functions' parameters and defaults, and the options of the questions.

All of it is read from the code, without running it, and from the kit's own copy of the notebook, never from a student's.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from .notebook import Cell, Notebook, read_notebook

Option = str | bool
_BOOL: tuple[Option, ...] = (False, True)


@dataclass(frozen=True)
class Handout:
    """A handout's notebook."""

    notebook: Notebook

    @cached_property
    def cells(self) -> Mapping[str, str]:
        """Each tag's source."""
        return {tag: cell.source for cell in self.notebook.cells for tag in cell.tags}

    def is_untouched(self, tag: str, source: str) -> bool:
        """Whether a cell is as in the handout, apart from white space."""
        return tag in self.cells and squeeze(self.cells[tag]) == squeeze(source)

    def has(self, cell: Cell) -> bool:
        """Whether a cell is one of the handout's, apart from white space and tags."""
        return squeeze(cell.source) in self._squeezed

    @cached_property
    def _squeezed(self) -> set[str]:
        return {squeeze(cell.source) for cell in self.notebook.cells}

    def functions(self, tag: str) -> list[str]:
        """Names of the functions that the cell defines."""
        return [function.name for function in self._list_functions(tag)]

    def parameters(self, tag: str, name: str) -> dict[str, Any]:
        """The parameters of a function, or of a class's method `Class.method`, with their defaults; Ellipsis for one without a default."""
        arguments = self._find_function(tag, name).args
        plain = [*arguments.posonlyargs, *arguments.args]
        defaults = [None] * (len(plain) - len(arguments.defaults)) + [
            *arguments.defaults,
            *arguments.kw_defaults,
        ]
        pairs = zip([*plain, *arguments.kwonlyargs], defaults, strict=True)
        return {each.arg: ... if default is None else ast.literal_eval(default) for each, default in pairs}

    def returns(self, tag: str, name: str) -> str:
        """What a function returns, as its annotation says; empty without one."""
        annotation = self._find_function(tag, name).returns
        return ast.unparse(annotation) if annotation is not None else ""

    def options(self, tag: str) -> dict[str, dict[str, tuple[Option, ...]]]:
        """For each class of the cell, the options of each of its questions: those of `Literal[…]`, or False and True for `bool`."""
        return {
            node.name: {
                line.target.id: _read_options(line.annotation)
                for line in node.body
                if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name)
            }
            for node in self._parse(tag).body
            if isinstance(node, ast.ClassDef)
        }

    def _parse(self, tag: str) -> ast.Module:
        return ast.parse(self.cells[tag])

    def _list_functions(self, tag: str) -> Iterator[ast.FunctionDef]:
        return (node for node in self._parse(tag).body if isinstance(node, ast.FunctionDef))

    def _find_function(self, tag: str, name: str) -> ast.FunctionDef:
        """Raises KeyError if the cell does not define the function."""
        body: Sequence[ast.stmt] = self._parse(tag).body
        *classes, function = name.split(".")
        for each in classes:
            body = {node.name: node.body for node in body if isinstance(node, ast.ClassDef)}[each]
        return {node.name: node for node in body if isinstance(node, ast.FunctionDef)}[function]


def read_handout(path: Path) -> Handout:
    """Raises NotebookError if there is no such notebook."""
    return Handout(read_notebook(path))


def list_definitions(source: str) -> list[str]:
    """The names of a handout's cell: the classes, functions and values that it defines; none for a text."""
    try:
        body = ast.parse(source).body
    except SyntaxError:
        return []
    found: list[str] = []
    for node in body:
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                found.append(name)
            case ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]):
                found.append(name)
    return found


def squeeze(source: str) -> str:
    """Code or text without its white space, to see whether two are the same."""
    return "".join(source.split())


def _read_options(annotation: ast.expr) -> tuple[Option, ...]:
    """Raises ValueError for an annotation that lists no options."""
    if isinstance(annotation, ast.Name) and annotation.id == "bool":
        return _BOOL
    if isinstance(annotation, ast.Subscript) and ast.unparse(annotation.value).endswith("Literal"):
        options = ast.literal_eval(annotation.slice)
        return options if isinstance(options, tuple) else (options,)
    raise ValueError(f"{ast.unparse(annotation)} lists no options: write Literal[…] or bool")
