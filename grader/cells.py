"""Which cells grading needs: the tagged cells, those that give what these use, and what sets something up.

An hour of a student's plots then costs nothing. The code is read and never run, and in doubt a cell is taken:

1. Each statement at a cell's top level is read: which global names it binds, changes and uses (`statements`).
2. The tagged cells are taken, and in turn each cell that gives a name which a taken cell uses.
3. Names don't show what happens through a module, the shell or a magic, as in `os.makedirs("results")` (`effects`). So of the other cells
   those statements that set something up are run, with those that they use, and the hour of computing beside them is not. The cell keeps
   its index, so that messages name the right one.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from functools import cached_property

from .effects import BUILTINS, has_effect, is_cheap
from .notebook import Cell, Notebook
from .statements import Statement, read_statements

_MAX_CHARACTERS = 500_000  # of code that is looked into
_MAX_LINES = 20_000


def select_cells(notebook: Notebook, tags: Collection[str]) -> list[Cell]:
    """The code cells to execute, in notebook order; some of them reduced to the statements that set something up.

    tags: those whose cells are wanted, the setup's among them; a cell with other tags only is the student's own
    Of a notebook with more code than any homework has, all are.
    """
    if (cells := [cell for cell in notebook.cells if cell.is_code]) and _is_too_much(cells):
        return cells  # reading it might take longer than running it
    codes = [_Code(cell, read_statements(cell.source)) for cell in cells]
    selection = _Selection(codes)
    for code in codes:
        if set(code.cell.tags) & set(tags) or any(each.opaque for each in code.statements):
            selection.take(code)
    selection.take_needed()
    setup = _find_setup(codes, selection)
    return [
        cell for code in codes if (cell := code.cell if code in selection.taken else _reduce(code, setup))
    ]


def _is_too_much(cells: Iterable[Cell]) -> bool:
    sources = [cell.source for cell in cells]
    lines = sum(source.count("\n") + source.count(";") for source in sources)
    return sum(map(len, sources)) > _MAX_CHARACTERS or lines > _MAX_LINES


@dataclass(eq=False)
class _Code:
    """A code cell and its statements."""

    cell: Cell
    statements: list[Statement]

    def list_uses(self) -> set[str]:
        """The names that the cell needs, apart from those that it has certainly bound itself by then."""
        uses: set[str] = set()
        bound: set[str] = set()
        for each in self.statements:
            uses |= (each.uses - bound) | each.later
            match each.node:
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                    bound.add(name)
                case ast.Assign() | ast.Import() | ast.ImportFrom():
                    bound |= each.binds | {name for name, _ in each.imports}
        return uses

    @cached_property
    def imports(self) -> set[tuple[str, str]]:
        return {each for statement in self.statements for each in statement.imports}

    @cached_property
    def loops(self) -> set[str]:
        """Names that are nothing but a loop's variable."""
        bound = {name for each in self.statements for name in each.binds - each.loops}
        return {name for each in self.statements for name in each.loops} - bound


class _Selection:
    """The cells taken so far, with the names that they need and the imports that they have."""

    def __init__(self, codes: list[_Code]) -> None:
        self.taken: set[_Code] = set()
        self.needed: dict[str, int] = {}  # each with the index of the last cell that needs it
        self._imports: set[tuple[str, str]] = set()
        everything = [each for code in codes for each in code.statements]
        # A call of a method changes a value that a cell made; a module or a function from one stays what it is.
        made = {name for each in everything for name in each.binds}
        reaches: dict[str, set[tuple[str, int]]] = {}
        for function, name, depth in (reach for each in everything for reach in each.reaches):
            if name in made:
                reaches.setdefault(function, set()).add((name, depth))
        self._gives = {code: _list_given(code, made, reaches) for code in codes}
        self._givers: dict[str, set[_Code]] = {}  # of each name, imported or made
        for code, given in self._gives.items():
            for name in given | {name for name, _ in code.imports}:
                self._givers.setdefault(name, set()).add(code)
        self._news: set[str] = (
            set()
        )  # names that a cell needs which was taken since these were last looked for

    def take(self, code: _Code) -> None:
        self.taken.add(code)
        index, uses = code.cell.index, code.list_uses()
        self.needed |= {name: max(index, self.needed.get(name, index)) for name in uses}
        self._news |= uses
        self._imports |= code.imports

    def take_needed(self) -> None:
        """Take what gives the needed names, and what these cells need in turn."""
        while self._news:
            givers = {code for name in self._news for code in self._givers.get(name, ())} - self.taken
            self._news = set()
            for code in sorted(givers, key=lambda code: code.cell.index):
                if self._is_needed(code):  # unless one before it has the same import
                    self.take(code)

    def _is_needed(self, code: _Code) -> bool:
        # A loop's variable below all that need the name is another one: `for split in …` is not a lab's `split`.
        given = {
            name
            for name in self._gives[code] & self.needed.keys()
            if name not in code.loops or code.cell.index < self.needed[name]
        }
        return bool(given) or any(name in self.needed for name, _ in code.imports - self._imports)


def _list_given(code: _Code, made: set[str], reaches: dict[str, set[tuple[str, int]]]) -> set[str]:
    """The names that a cell gives a value, or whose value it may change."""
    given: set[str] = set()
    for each in code.statements:
        given |= each.gives | (each.calls & made)
        for decorator, reach in each.decorators:
            given |= {name for name, depth in reaches.get(decorator, ()) if depth <= reach}
    return given


# --- set-up -------------------------------------------------------------------------------------------------


def _find_setup(codes: list[_Code], selection: _Selection) -> set[Statement]:
    """The statements that set something up, and those that they use. All of them are cheap, and none rebinds what is graded."""
    graded = selection.needed.keys() | BUILTINS
    graded |= {name for code in selection.taken for each in code.statements for name in each.binds}
    cheap: dict[Statement, list[Statement]] = {}  # each with those that it uses
    last: dict[str, Statement] = {}  # to bind a name so far, or to change a value
    values: set[str] = set()  # names of what the notebook makes by itself
    setup: set[Statement] = set()
    for code in codes:
        for each in code.statements:
            names = each.binds | {name for name, _ in each.imports}
            (values.difference_update if _is_from_outside(each, values) else values.update)(names)
            own = set() if isinstance(each.node, ast.Assign | ast.AugAssign) else each.binds
            needs = [last[name] for name in (each.uses | each.later) - own if name in last]
            may_run = code in selection.taken or not each.binds & graded
            if may_run and all(need in cheap for need in needs) and is_cheap(each.node, last.keys()):
                # `if …: name = …` may leave the value from before.
                cheap[each] = needs + [last[name] for name in own if last.get(name) in cheap]
                if has_effect(each.node, values) and "%timeit" not in code.cell.source:  # which runs it often
                    setup.add(each)
            last |= dict.fromkeys(names | ((each.gives | each.calls) & values), each)
    for each, needs in reversed(cheap.items()):
        if each in setup:
            setup.update(needs)
    return setup


def _is_from_outside(statement: Statement, values: Collection[str]) -> bool:
    """Whether what is bound comes from a module, as `Path("results")` does, or is a function that sets something up."""
    if isinstance(statement.node, ast.FunctionDef | ast.AsyncFunctionDef):
        return any(has_effect(each, values) for each in statement.node.body)
    return bool(statement.imports) or any(
        name == "open" or (name not in values and name not in BUILTINS) for name in statement.uses
    )


def _reduce(code: _Code, setup: Collection[Statement]) -> Cell | None:
    """The cell with those of its statements that belong to the set-up; the cell as it is if all do, None if none does."""
    kept = [each for each in code.statements if each in setup]
    if not kept or len(kept) == len(code.statements):
        return code.cell if kept else None
    return replace(code.cell, source="\n".join(each.source for each in kept))
