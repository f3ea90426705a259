"""What of a cell can still be run after one of its statements has failed: those that don't need what the failed one would have given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from .statements import Statement, read_statements

EVERYTHING = "*"  # among lost names: a star import failed, so any name may be lost


@dataclass
class Remainder:
    """The statements of a cell that are still to be run, and the names that the failed ones leave undefined."""

    statements: list[Statement]
    lines: list[int]
    lost: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, source: str) -> Remainder:
        """The whole cell, as it is run first."""
        statements = read_statements(source)
        return cls(statements, [_find_first_line(each) for each in statements])

    @property
    def source(self) -> str:
        return "\n".join(each.source for each in self.statements)

    def cut(self, line: int) -> bool:
        """Leave what comes after the statement that failed in this line, without what needs it. False if the line is none of the cell's."""
        place = max((place for place, first in enumerate(self.lines) if first <= line), default=None)
        if place is None or line < 1:
            return False
        failed, *rest = self.statements[place:]
        self.lost |= _list_bound(failed)
        kept = []
        for each in rest:
            if each.uses & self.lost:
                self.lost |= _list_bound(each)
            else:
                self.lost -= _list_bound(each) - {EVERYTHING}
                kept.append(each)
        self.statements, self.lines = kept, list(_number_lines(kept))
        return True


def list_names(source: str) -> set[str]:
    """The names that a cell defines; with EVERYTHING among them if that can't be told."""
    statements = read_statements(source)
    return {name for each in statements for name in _list_bound(each)} if statements else {EVERYTHING}


def _list_bound(statement: Statement) -> set[str]:
    names = statement.binds | {name for name, _ in statement.imports}
    return names | ({EVERYTHING} if statement.opaque else set())


def _find_first_line(statement: Statement) -> int:
    decorators = getattr(statement.node, "decorator_list", [])
    # Without a line: it stands for a whole cell that can't be taken apart.
    return min(getattr(node, "lineno", 0) for node in (statement.node, *decorators))


def _number_lines(statements: Sequence[Statement]) -> Iterator[int]:
    line = 1
    for each in statements:
        yield line
        line += each.source.count("\n") + 1
