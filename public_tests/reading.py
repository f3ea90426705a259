"""What the source of a function says about its parameters, to explain a wrong result: never to find one wrong."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from grader import parse_cell

_REFLECTION = frozenset({"locals", "vars", "eval", "exec", "globals", "signature"})


@dataclass(frozen=True)
class ParameterUse:
    """What a function does with its parameters.

    replaced: those that get another value before they were read, each with the line that does so
    unread: those that are never read
    """

    replaced: Mapping[str, str] = field(default_factory=dict)
    unread: frozenset[str] = frozenset()

    def explain(self, *names: str) -> tuple[str, str] | None:
        """What was seen of the first of these parameters that is not used, and what to do; None if all of them are."""
        for name in names:
            if name in self.replaced:
                line = self.replaced[name]
                return (
                    f"the function replaces its parameter `{name}` by `{line}`",
                    f"remove the line `{line}` from the function, so that it uses the `{name}` that it is called with",
                )
            if name in self.unread:
                return (
                    f"the function does not use its parameter `{name}`",
                    f"use the parameter `{name}` inside the function, in place of a number or of what is set outside of it",
                )
        return None


def read_usage(source: str, name: str) -> ParameterUse:
    """What the function `name` of a cell does with its parameters; nothing is known of one that is not defined there in the usual way."""
    try:
        body = parse_cell(source).body
    except (SyntaxError, ValueError, RuntimeError, MemoryError):
        return ParameterUse()
    found = [node for node in body if isinstance(node, ast.FunctionDef) and node.name == name]
    if not found or any(
        isinstance(node, ast.Name) and node.id in _REFLECTION for node in ast.walk(found[-1])
    ):
        return ParameterUse()
    function = found[-1]
    arguments = function.args
    parameters = {each.arg for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}
    read = set(_list_read(function.body))
    replaced = dict(_list_replaced(function.body, parameters))
    return ParameterUse(replaced, frozenset(parameters - read - replaced.keys()))


def _list_replaced(body: list[ast.stmt], parameters: set[str]) -> Iterator[tuple[str, str]]:
    """Parameters to which a line at the top of the function assigns, before any line has read them."""
    left = set(parameters)
    for statement in body:
        left -= set(_list_read([statement]))
        for target in _list_targets(statement):
            if target in left:
                yield target, ast.unparse(statement)
                left.remove(target)


def _list_targets(statement: ast.stmt) -> Iterator[str]:
    targets = (
        statement.targets
        if isinstance(statement, ast.Assign)
        else [statement.target]
        if isinstance(statement, ast.AnnAssign)
        else []
    )
    for target in targets:
        for node in ast.walk(target):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield node.id


def _list_read(body: list[ast.stmt]) -> Iterator[str]:
    for statement in body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                yield node.id
            if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
                yield node.target.id
