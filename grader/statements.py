"""The statements of a cell, and what each does to global names: binds, changes or uses them. In doubt, it is taken to do so."""

from __future__ import annotations

import ast
import re
import symtable
from collections.abc import Iterator
from dataclasses import dataclass, field

from .cell_source import TooLong, parse_cell
from .effects import BUILTINS, SHOWING, is_class_name

_OPAQUE_MAGICS = ("run", "load", "store", "pylab")

# Magics that run the Python code behind their options or below them, and `%%capture`, which binds a name to what was printed.
_PYTHON_MAGIC = re.compile(
    r"^([^\S\n]*(?:\w+ *= *)?)%%?(?:timeit|time|prun)\b(?:[ \t]+-(?:[nrpvl] ?\d+|[sTD] ?\S+|\w+))*[ \t]*",
    re.MULTILINE,
)
_CAPTURE_MAGIC = re.compile(r"^%%capture\b(?:[ \t]+-\S+)*[ \t]*(\w*)", re.MULTILINE)

# Methods that change what they are called on, even if their result is used: those of lists, dicts, sets and deques.
_CHANGING = frozenset(
    """
    append appendleft extend extendleft insert remove pop popleft popitem clear sort reverse rotate update setdefault
    add discard difference_update intersection_update symmetric_difference_update __setitem__
    """.split()  # noqa: SIM905 - reads better than a list of so many
)


@dataclass(eq=False)
class Statement:
    """A statement at a cell's top level, and what it does to global names; attributes are there as `.attribute`.

    binds: names that get a value, except from a module
    imports: names that come from a module, each with where it comes from
    loops: names that are a loop's variable
    gives: all that the statement gives others: what it binds, and names whose attributes or items it sets
    calls: names whose methods are called so that it may change what they hold
    uses: names that the code needs at once; `later`: when its functions are called
    reaches: a function, each name that it uses, and how many functions deep inside it
    decorators: functions that decorate something, each with the depth to which that runs them: 0, or 1 if it is `@function(…)`
    opaque: whether it may bind any name
    """

    node: ast.stmt
    binds: set[str] = field(default_factory=set)
    imports: set[tuple[str, str]] = field(default_factory=set)
    loops: set[str] = field(default_factory=set)
    gives: set[str] = field(default_factory=set)
    calls: set[str] = field(default_factory=set)
    uses: set[str] = field(default_factory=set)
    later: set[str] = field(default_factory=set)
    reaches: set[tuple[str, str, int]] = field(default_factory=set)
    decorators: set[tuple[str, int]] = field(default_factory=set)
    opaque: bool = False

    def __post_init__(self) -> None:
        self.source = ast.unparse(self.node)
        self.node = _Generators().visit(self.node)
        self._note_names(symtable.symtable(ast.unparse(self.node), "", "exec"), [])
        for node, depth in _walk(self.node):
            self._note(node, depth)
        if isinstance(self.node, ast.For | ast.AsyncFor):
            self.uses -= _list_names(self.node.target) - _list_names(self.node.iter)

    def _note_names(self, table: symtable.SymbolTable, functions: list[str]) -> None:
        """functions: those around the table's code, the outermost first"""
        is_top, is_class = table.get_type() == "module", table.get_type() == "class"
        for symbol in table.get_symbols():
            name, is_global = symbol.get_name(), is_top or symbol.is_global()
            if is_global and symbol.is_assigned():
                self.binds.add(name)
                # By `sum` others don't mean a scratch cell's `sum = 0`, but maybe its `def sum`.
                self.gives |= {name} if name not in BUILTINS or (is_top and symbol.is_namespace()) else set()
            # In a class, `size = size` reads the global one.
            if (is_global or (is_class and not symbol.is_free())) and symbol.is_referenced():
                (self.later if functions else self.uses).add(name)
                self.reaches |= {(function, name, len(functions) - 1) for function in functions[:1]}
        for inner in table.get_children():
            is_function = inner.get_type() == "function" and inner.get_name() != "genexpr"
            self._note_names(inner, functions + [inner.get_name()] * is_function)

    def _note(self, node: ast.AST, depth: int) -> None:
        """What the symbol table does not tell. depth: how many functions there are around `node`"""
        match node:
            case ast.Import() | ast.ImportFrom():
                self._note_import(node, depth)
            case ast.For() | ast.AsyncFor() if depth == 0:
                self.loops |= _list_names(node.target)
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Lambda()) if depth == 0:
                self.gives.add(name)
            case ast.AugAssign(target=ast.Name(id=name)) if name in self.binds:
                self.uses.add(name)
            case ast.Subscript(slice=ast.Constant(value=str() as name)) if _is_namespace(node.value):
                given = set() if isinstance(node.ctx, ast.Load) else {name}
                self.later |= {name} - given
                self.binds |= given
                self.gives |= given
            case ast.Subscript(ctx=ast.Store()) if _is_namespace(node.value):
                self.opaque = True
            case ast.Attribute(ctx=ast.Load()):
                self.later.add(f".{node.attr}")
            case ast.Attribute() | ast.Subscript(ctx=ast.Store() | ast.Del()) if depth == 0:
                self._note_store(node, getattr(node, "attr", ""))
            case ast.Expr(value=ast.Call(func=ast.Attribute() as function)) if depth == 0:
                self.calls |= self._find_changed(function) if function.attr not in SHOWING else set()
            case ast.Call(
                func=ast.Attribute(attr="run_line_magic" | "system" | "getoutput"), args=[name, *_]
            ):
                self.opaque |= isinstance(name, ast.Constant) and name.value in _OPAQUE_MAGICS
                self.uses |= set(re.findall(r"[{$](\w+)", ast.unparse(node)))  # IPython puts in their values
            case ast.Call(func=ast.Attribute() as function) if function.attr in _CHANGING:
                self.opaque |= _is_namespace(function.value)
                self.calls |= self._find_changed(function) if depth == 0 else set()
            case ast.Call(func=ast.Name(id="setattr" | "delattr"), args=[changed, name, *_]) if depth == 0:
                self._note_store(changed, ast.unparse(name).strip("'"))
            case ast.Call(func=ast.Name(id="exec"), args=[code, *spaces]):
                if all(map(_is_namespace, spaces[:1])):
                    self.opaque = True
                    self.later |= set(re.findall(r"\w+", ast.unparse(code)))
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() if depth == 0:
                self._note_decorators(node.decorator_list)

    def _note_import(self, node: ast.Import | ast.ImportFrom, depth: int) -> None:
        module = "." * node.level + f"{node.module or ''}." if isinstance(node, ast.ImportFrom) else ""
        self.opaque |= node.names[0].name == "*"
        if depth == 0:
            for alias in node.names:
                self.imports.add((alias.asname or alias.name.split(".")[0], module + alias.name))

    def _note_store(self, node: ast.expr, attribute: str) -> None:
        """A class may be used by none of its names, but as a base or through its instances: then its attribute itself is what is given."""
        for root in self._find_changed(node):
            self.gives.add(root)
            if attribute and is_class_name(root):
                self.gives.add(f".{attribute}")

    def _note_decorators(self, decorators: list[ast.expr]) -> None:
        """A decorator may put what it decorates into a list or dict of the notebook's, even if it is a method of it."""
        for decorator in decorators:
            called = decorator.func if isinstance(decorator, ast.Call) else decorator
            if isinstance(called, ast.Name):
                self.decorators.add((called.id, int(called is not decorator)))
            else:
                self.calls |= self._find_changed(called)

    def _find_changed(self, node: ast.expr) -> set[str]:
        """What `node` is an attribute or an item of, unless it is a comprehension's own."""
        return {_find_root(node)} & self.uses


def read_statements(source: str) -> list[Statement]:
    """The statements of a cell, those that its magics run among them; of a very long one it is only known that it may do anything."""
    source = _CAPTURE_MAGIC.sub(lambda found: f"{found[1]} = 1" if found[1] else "", source)
    try:
        tree = parse_cell(_PYTHON_MAGIC.sub(r"\1", source))
    except TooLong:
        return [Statement(ast.Pass(), opaque=True)]
    except (SyntaxError, ValueError, RuntimeError, MemoryError):
        return []  # it can't run, so it can't define anything
    try:
        return [Statement(node) for node in tree.body]
    except (SyntaxError, ValueError, RecursionError):
        return [Statement(ast.Pass(), opaque=True)]


class _Generators(ast.NodeTransformer):
    """Makes comprehensions generators, which do the same to names. Since Python 3.12 symbol tables don't tell the others' own names."""

    def visit_ListComp(self, node: ast.ListComp | ast.SetComp) -> ast.AST:
        return self.generic_visit(ast.GeneratorExp(node.elt, node.generators))

    visit_SetComp = visit_ListComp

    def visit_DictComp(self, node: ast.DictComp) -> ast.AST:
        return self.generic_visit(ast.GeneratorExp(ast.Tuple([node.key, node.value]), node.generators))


def _walk(node: ast.AST, depth: int = 0) -> Iterator[tuple[ast.AST, int]]:
    """A node and all in it, each with the number of functions around it."""
    yield node, depth
    for inner in ast.iter_child_nodes(node):
        is_body = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and isinstance(inner, ast.stmt)
        is_body |= isinstance(node, ast.Lambda) and inner is node.body
        yield from _walk(inner, depth + is_body)


def _list_names(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def _is_namespace(node: ast.expr) -> bool:
    return ast.unparse(node) in ("globals()", "locals()", "vars()")  # all the same in a cell


def _find_root(node: ast.expr) -> str:
    """`name` in `name.x[…].y`; empty if it is something else."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(attr="rcParams"):  # how plots look; nobody means that by `plt`
            return ""
        case ast.Attribute(value=value) | ast.Subscript(value=value):
            return _find_root(value)
        case ast.Call(func=ast.Name(id="vars" | "getattr"), args=[value, *_]):
            return _find_root(value)
    return ""
