"""Which cells grading needs: the setup, the tagged cells, and what defines the names that these use.

An hour of a student's plots then costs nothing. Selection reads the code and runs none of it. In doubt a cell is taken.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from IPython.core.inputtransformer2 import TransformerManager

from .notebook import Cell, Notebook

_BUILTINS = frozenset(dir(builtins))


@dataclass(frozen=True)
class _Names:
    """The global names that a cell binds or changes, and those that it uses; `opaque` if it may bind any."""

    binds: frozenset[str]
    uses: frozenset[str]
    opaque: bool = False


def select_cells(notebook: Notebook, tags: Collection[str]) -> list[Cell]:
    """The code cells to execute, in notebook order.

    tags: those whose cells are wanted, the setup's among them
    """
    code = [cell for cell in notebook.cells if cell.is_code]
    wanted = {cell.index for cell in code if set(cell.tags) & set(tags)}
    names = {cell.index: _find_names(cell.source) for cell in code}
    untagged = [cell.index for cell in code if not cell.tags]
    taken = wanted | {index for index in untagged if names[index].opaque}
    missing = _collect_uses(names[index] for index in taken)
    while more := {index for index in untagged if index not in taken and names[index].binds & missing}:
        taken |= more
        missing = _collect_uses(names[index] for index in taken)
    return [cell for cell in code if cell.index in taken]


def _collect_uses(cells: Iterable[_Names]) -> frozenset[str]:
    """All names used but built-in ones: a scratch cell with `sum = 0` in it is not what a tagged cell means by `sum`."""
    return frozenset(name for cell in cells for name in cell.uses) - _BUILTINS


def _find_names(source: str) -> _Names:
    try:
        tree = ast.parse(TransformerManager().transform_cell(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return _Names(frozenset(), frozenset())  # it can't run, so it can't define anything
    visitor = _NameVisitor()
    try:
        visitor.visit(tree)
    except RecursionError:
        return _Names(frozenset(), frozenset(), opaque=True)
    return _Names(frozenset(visitor.binds), frozenset(visitor.uses), visitor.opaque)


class _NameVisitor(ast.NodeVisitor):
    """Collects global names. What functions and comprehensions bind stays inside them; what they use may come from outside."""

    def __init__(self) -> None:
        self.binds: set[str] = set()
        self.uses: set[str] = set()
        self.opaque = False
        self._depth = 0

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            self.uses.add(node.id)
        elif self._depth == 0:
            self.binds.add(node.id)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            self.uses.add(node.target.id)
        self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self._note_change(node)
        self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        self._note_change(node)
        self.generic_visit(node)

    def visit_Global(self, node: ast.Global) -> None:
        self.binds.update(node.names)

    def visit_Import(self, node: ast.Import) -> None:
        self._bind(*((alias.asname or alias.name).split(".")[0] for alias in node.names))

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if any(alias.name == "*" for alias in node.names):
            self.opaque = True
        self._bind(*(alias.asname or alias.name for alias in node.names))

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._bind(node.name)
        self._visit_inside(node)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._bind(node.name)
        self._visit_inside(node)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._visit_inside(node)

    def visit_ListComp(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> None:
        self._visit_inside(node)

    visit_SetComp = visit_DictComp = visit_GeneratorExp = visit_ListComp

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.name:
            self._bind(node.name)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        """`%run other.py` and friends, which IPython turns into calls, may bind anything."""
        function = node.func
        if isinstance(function, ast.Attribute) and function.attr in {"run_line_magic", "run_cell_magic"}:
            name = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
            self.opaque = self.opaque or name in {"run", "load", "store", "pylab"}
        self.generic_visit(node)

    def _visit_inside(self, node: ast.AST) -> None:
        self._depth += 1
        self.generic_visit(node)
        self._depth -= 1

    def _bind(self, *names: str) -> None:
        if self._depth == 0:
            self.binds.update(names)

    def _note_change(self, node: ast.Attribute | ast.Subscript) -> None:
        """`name[…] = …` and `name.x = …` change what `name` holds."""
        target: ast.expr = node
        while isinstance(target, ast.Attribute | ast.Subscript):
            target = target.value
        if isinstance(node.ctx, ast.Store | ast.Del) and isinstance(target, ast.Name) and self._depth == 0:
            self.binds.add(target.id)
