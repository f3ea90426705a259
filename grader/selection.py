"""Which cells grading needs: the setup, the tagged cells, and what defines the names that these use.

An hour of a student's plots then costs nothing. Selection reads the code and runs none of it. In doubt a cell is taken.
"""

from __future__ import annotations

import builtins
from collections.abc import Collection

from .names import Names, find_names
from .notebook import Cell, Notebook

_BUILTINS = frozenset(dir(builtins))


def select_cells(notebook: Notebook, tags: Collection[str]) -> list[Cell]:
    """The code cells to execute, in notebook order.

    tags: those whose cells are wanted, the setup's among them; a cell with other tags only is the student's own
    """
    code = [cell for cell in notebook.cells if cell.is_code]
    selection = _Selection({cell.index: find_names(cell.source) for cell in code})
    for cell in code:
        if set(cell.tags) & set(tags) or selection.names[cell.index].opaque:
            selection.take(cell.index)
    selection.take_needed()
    return [cell for cell in code if cell.index in selection.taken]


class _Selection:
    """The cells taken so far, by index, with the names that they need and the imports that they have."""

    def __init__(self, names: dict[int, Names]) -> None:
        self.names = names
        self.taken: set[int] = set()
        self._needed: dict[str, int] = {}  # each with the last of the cells that need it
        self._imports: set[tuple[str, str]] = set()
        # A call of a method changes a value that a cell made; a module or a function from one stays what it is.
        made = frozenset[str]().union(*(each.binds for each in names.values()))
        effects = frozenset[tuple[str, str, int]]().union(*(each.effects for each in names.values()))
        self._gives = {index: _list_given(each, made, effects) for index, each in names.items()}

    def take(self, index: int) -> None:
        self.taken.add(index)
        self._needed |= {name: max(index, self._needed.get(name, index)) for name in self.names[index].uses}
        self._imports |= self.names[index].imports

    def take_needed(self) -> None:
        """Take what gives the needed names, and what these cells need in turn."""
        while more := [index for index in self.names if index not in self.taken and self._is_needed(index)]:
            for index in more:
                if self._is_needed(index):  # unless one before it has the same import
                    self.take(index)

    def _is_needed(self, index: int) -> bool:
        imports = self.names[index].imports - self._imports
        given = {
            name for name in self._gives[index] & self._needed.keys() if not self._comes_too_late(index, name)
        }
        return bool(given) or any(name in self._needed for name, _ in imports)

    def _comes_too_late(self, index: int, name: str) -> bool:
        """Whether `name` is but a loop's variable below all that need it, which mean another one: `for split in …` no lab's `split`."""
        return name in self.names[index].loops and index > self._needed[name]


def _list_given(
    names: Names, made: frozenset[str], effects: Collection[tuple[str, str, int]]
) -> frozenset[str]:
    """What a cell gives to others. By `sum` they don't mean a scratch cell's `sum = 0`, but maybe its `def sum`.

    A class that came from a module may be used by none of its own names, but as a base of others or through its instances: then the
    attribute itself is what is given.
    """
    attributes = {
        f".{attribute}" for name, attribute in names.patches if name not in made and _is_class_name(name)
    }
    decorated = {
        changed
        for function, changed, depth in effects
        for decorator, reach in names.decorators
        if function == decorator and depth <= reach
    }
    given = names.binds | names.stores | (names.calls & made) | attributes | decorated
    return given - (_BUILTINS - names.defines)


def _is_class_name(name: str) -> bool:
    """`Server`, but neither `plt` nor `F`."""
    return len(name) > 1 and name[0].isupper()
