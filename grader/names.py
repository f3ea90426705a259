"""The global names that a cell's code gives values, changes and uses, read from the code without running it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from IPython.core.inputtransformer2 import TransformerManager

_MAX_NESTED_CHARACTERS = (
    400_000  # read once more, below magics; each magic within magics reads all below it again
)
_MAX_OPTIONS = 16  # words of a magic's line; each is tried as the code's first
_PYTHON_MAGICS = ("time", "timeit", "prun", "capture")
_OPAQUE_MAGICS = ("run", "load", "store", "pylab")

# Methods that change what they are called on, even if their result is used: those of lists, dicts, sets and deques.
_CHANGING = frozenset(
    """
    append appendleft extend extendleft insert remove pop popleft popitem clear sort reverse rotate
    update setdefault add discard difference_update intersection_update symmetric_difference_update
    """.split()  # noqa: SIM905 - reads better than a list of so many
)
# Of other methods those may change something whose result nobody uses, but not these.
_SHOWING = frozenset(("plot", "hist", "show", "head", "tail", "describe", "info", "savefig"))
_STYLE = "rcParams"  # how plots look


@dataclass(frozen=True)
class Names:
    """What a cell's code does to global names; `opaque` if it may bind any.

    binds: names that get a value
    defines: those of them that get a function or a class
    loops: those of them that are a loop's variable
    imports: names that come from a module, each with where it comes from
    stores: names whose attributes or items get a value
    calls: names whose methods are called so that it may change what they hold
    patches: names whose attributes get a value, each with the attribute
    decorators: functions that decorate something in the cell, each with the depth to which it runs then: 0, or 1 if it is called
        with arguments and so makes the decorator
    effects: functions of the cell, each with a name that it changes, and how many functions deep inside it
    uses: names that the code needs before it binds them, or later, when its functions are called; attributes are there as `.attribute`
    """

    binds: frozenset[str] = frozenset()
    defines: frozenset[str] = frozenset()
    loops: frozenset[str] = frozenset()
    imports: frozenset[tuple[str, str]] = frozenset()
    stores: frozenset[str] = frozenset()
    calls: frozenset[str] = frozenset()
    patches: frozenset[tuple[str, str]] = frozenset()
    decorators: frozenset[tuple[str, int]] = frozenset()
    effects: frozenset[tuple[str, str, int]] = frozenset()
    uses: frozenset[str] = frozenset()
    opaque: bool = False


def find_names(source: str) -> Names:
    """The names of a cell, which may hold magics."""
    visitor = _NameVisitor()
    try:
        tree = _parse_cell(source)
        if tree is None:
            return Names()  # it can't run, so it can't define anything
        visitor.visit(tree)
    except RecursionError:
        return Names(opaque=True)
    return Names(
        binds=frozenset(visitor.binds),
        defines=frozenset(visitor.defines),
        loops=frozenset(visitor.loops),
        imports=frozenset(visitor.imports),
        stores=frozenset(visitor.stores),
        calls=frozenset(visitor.calls),
        patches=frozenset(visitor.patches),
        decorators=frozenset(visitor.decorators),
        effects=frozenset(visitor.effects),
        uses=frozenset(visitor.uses),
        opaque=visitor.opaque,
    )


def _parse_cell(source: str) -> ast.Module | None:
    try:
        return ast.parse(TransformerManager().transform_cell(source))
    except (
        SyntaxError,
        ValueError,
        RuntimeError,
        MemoryError,
    ):  # RuntimeError: IPython gives up at many magics
        return None


@dataclass
class _Scope:
    """A function, a class or a comprehension.

    uses: names looked up while the scope's code runs
    later: names looked up when a function within it is called
    outer: names that `global` or `nonlocal` gives to a scope around this one
    """

    kind: str
    binds: set[str] = field(default_factory=set)
    uses: set[str] = field(default_factory=set)
    later: set[str] = field(default_factory=set)
    globals: set[str] = field(default_factory=set)
    outer: set[str] = field(default_factory=set)

    @property
    def hides(self) -> set[str]:
        """Names that code within does not look up outside. Methods don't see the names of their class."""
        return set() if self.kind == "class" else self.binds - self.outer


class _NameVisitor(ast.NodeVisitor):
    """Visits code in the order in which it runs, and keeps what functions and comprehensions bind inside them."""

    def __init__(self) -> None:
        self.binds: set[str] = set()
        self.defines: set[str] = set()
        self.loops: set[str] = set()
        self.imports: set[tuple[str, str]] = set()
        self.stores: set[str] = set()
        self.calls: set[str] = set()
        self.patches: set[tuple[str, str]] = set()
        self.decorators: set[tuple[str, int]] = set()
        self.effects: set[tuple[str, str, int]] = set()
        self.uses: set[str] = set()
        self.opaque = False
        self._settled: set[str] = set()  # what the cell itself has bound so far, on every way through it
        self._scopes: list[_Scope] = []
        self._function = ""  # the outermost one that is being visited
        self._statement: ast.expr | None = None  # an expression whose value nobody uses
        self._nested_characters = 0

    # --- names ----------------------------------------------------------------------------------------------

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            self._use(node.id)
        else:
            self._bind(node.id)
            if isinstance(node.ctx, ast.Del):
                self._settled.discard(node.id)

    def _use(self, name: str) -> None:
        scope = self._scopes[-1] if self._scopes else None
        if scope is not None:
            if scope.kind != "class" or name not in scope.binds:
                scope.uses.add(name)
        elif name not in self._settled:
            self.uses.add(name)

    def _bind(self, name: str) -> None:
        if self._scopes:
            self._scopes[-1].binds.add(name)
        else:
            self.binds.add(name)
            self._settled.add(name)

    @property
    def _runs_now(self) -> bool:
        return all(scope.kind != "function" for scope in self._scopes)

    # --- statements -----------------------------------------------------------------------------------------

    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        if isinstance(node.value, ast.Lambda) and not self._scopes:
            self.defines.update(target.id for target in node.targets if isinstance(target, ast.Name))
        self._visit_all(node.targets)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self.visit(node.annotation)
        if node.value is not None:
            self.visit(node.value)
            self.visit(node.target)
        elif self._scopes:
            self.visit(node.target)  # in a function, a name with an annotation alone is local

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            self._use(node.target.id)
        self.visit(node.value)
        self.visit(node.target)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        """A walrus binds outside the comprehensions in which it stands."""
        self.visit(node.value)
        inner: list[_Scope] = []
        while self._scopes and self._scopes[-1].kind == "comprehension":
            inner.append(self._scopes.pop())
        self._bind(node.target.id)
        self._scopes += reversed(inner)

    def visit_For(self, node: ast.For | ast.AsyncFor) -> None:
        self.visit(node.iter)
        before = set(self.binds)
        self.visit(node.target)
        self.loops |= self.binds - before
        self._visit_all(node.body)
        self._visit_all(node.orelse)

    visit_AsyncFor = visit_For

    def visit_If(self, node: ast.If | ast.While) -> None:
        self.visit(node.test)
        self._visit_branches(node.body, node.orelse)

    visit_While = visit_If

    def visit_Try(self, node: ast.Try | ast.TryStar) -> None:
        self._visit_branches(node.body + node.orelse, *([handler] for handler in node.handlers))
        self._visit_all(node.finalbody)

    visit_TryStar = visit_Try

    def visit_Match(self, node: ast.Match) -> None:
        self.visit(node.subject)
        self._visit_branches(*([case] for case in node.cases))

    def visit_Expr(self, node: ast.Expr) -> None:
        self._statement = node.value
        self.visit(node.value)

    def visit_Global(self, node: ast.Global) -> None:
        if self._scopes:
            self._scopes[-1].globals.update(node.names)
            self._scopes[-1].outer.update(node.names)

    def visit_Nonlocal(self, node: ast.Nonlocal) -> None:
        if self._scopes:
            self._scopes[-1].outer.update(node.names)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._import(alias.asname or alias.name.split(".")[0], alias.name)
            self._use_module(alias.name)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = "." * node.level + (node.module or "")
        for alias in node.names:
            if alias.name == "*":
                self.opaque = True
            else:
                self._import(alias.asname or alias.name, f"{module}.{alias.name}")
        self._use_module(module)

    def _import(self, name: str, origin: str) -> None:
        if self._scopes:
            self._scopes[-1].binds.add(name)
        else:
            self.imports.add((name, origin))
            self._settled.add(name)

    def _use_module(self, module: str) -> None:
        self._use_files(f"{path}.py" for path in accumulate(module.split("."), "{}/{}".format))

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str) and len(node.value) < 100:
            self._use_files([node.value])

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.name:
            self._bind(node.name)
        self.generic_visit(node)

    def visit_MatchAs(self, node: ast.MatchAs | ast.MatchStar) -> None:
        if node.name:
            self._bind(node.name)
        self.generic_visit(node)

    visit_MatchStar = visit_MatchAs

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        if node.rest:
            self._bind(node.rest)
        self.generic_visit(node)

    def _visit_branches(self, *branches: Sequence[ast.AST]) -> None:
        """Ways of which the code goes one: what one of them binds is not settled after it."""
        before = set(self._settled)
        for branch in branches:
            self._visit_all(branch)
            self._settled = set(before)

    def _visit_all(self, nodes: Iterable[ast.AST]) -> None:
        for node in nodes:
            self.visit(node)

    # --- scopes ---------------------------------------------------------------------------------------------

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._visit_decorators(node)
        self._visit_signature(node.args)
        if node.returns is not None:
            self.visit(node.returns)
        self._define(node.name)
        if not self._scopes:
            self._function = node.name
        self._visit_function(node.args, node.body)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._visit_signature(node.args)
        self._visit_function(node.args, [node.body])

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._visit_decorators(node)
        self._visit_all([*node.bases, *node.keywords])
        self._visit_inside(_Scope("class"), node.body)
        self._define(node.name)

    def _visit_decorators(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        """A decorator may put what it decorates into a list or dict of the notebook's, even if it is a method of it."""
        self._visit_all(node.decorator_list)
        for decorator in node.decorator_list:
            called = decorator.func if isinstance(decorator, ast.Call) else decorator
            if isinstance(called, ast.Name) and self._runs_now:
                self.decorators.add((called.id, int(called is not decorator)))
            elif isinstance(called, ast.Attribute):
                self._note_change(called, self.calls)

    def visit_ListComp(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> None:
        self._visit_comprehension(node.generators, [node.elt])

    visit_SetComp = visit_GeneratorExp = visit_ListComp

    def visit_DictComp(self, node: ast.DictComp) -> None:
        self._visit_comprehension(node.generators, [node.key, node.value])

    def visit_comprehension(self, node: ast.comprehension) -> None:
        self._visit_all([node.iter, node.target, *node.ifs])

    def _visit_comprehension(self, generators: list[ast.comprehension], results: list[ast.expr]) -> None:
        self._visit_inside(_Scope("comprehension"), [*generators, *results])

    def _visit_signature(self, arguments: ast.arguments) -> None:
        """Defaults and annotations belong to the code around a function."""
        self._visit_all(default for default in [*arguments.defaults, *arguments.kw_defaults] if default)
        self._visit_all(each.annotation for each in _list_arguments(arguments) if each.annotation)

    def _visit_function(self, arguments: ast.arguments, body: Sequence[ast.AST]) -> None:
        names = {argument.arg for argument in _list_arguments(arguments)}
        self._visit_inside(_Scope("function", binds=names), body)

    def _visit_inside(self, scope: _Scope, nodes: Iterable[ast.AST]) -> None:
        self._scopes.append(scope)
        self._visit_all(nodes)
        self._scopes.pop()
        if scope.kind == "function":
            scope.later |= scope.uses
            scope.uses = set()
        self.binds |= scope.binds & scope.globals
        for name in scope.uses - scope.hides:
            self._use(name)
        later = self._scopes[-1].later if self._scopes else self.uses
        later |= scope.later - scope.hides

    def _define(self, name: str) -> None:
        if not self._scopes:
            self.defines.add(name)
        self._bind(name)

    # --- changes --------------------------------------------------------------------------------------------

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self._note_store(node)
        self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        self._note_store(node)
        if _is_namespace(node.value):
            self._note_item(node)
        self.generic_visit(node)

    def _note_store(self, node: ast.Attribute | ast.Subscript) -> None:
        """`name[…] = …` and `name.x = …` change what `name` holds."""
        if isinstance(node.ctx, ast.Store | ast.Del):
            name = self._note_change(node, self.stores)
            if name and isinstance(node, ast.Attribute):
                self.patches.add((name, node.attr))
        elif isinstance(node, ast.Attribute):
            self.uses.add(f".{node.attr}")

    def _note_item(self, node: ast.Subscript) -> None:
        """`globals()["name"]` is `name`."""
        key = node.slice.value if isinstance(node.slice, ast.Constant) else None
        if isinstance(node.ctx, ast.Load):
            self.uses.update([key] if isinstance(key, str) else [])
        else:
            self._bind_globally([key])

    def visit_Call(self, node: ast.Call) -> None:
        function = node.func
        if isinstance(function, ast.Attribute):
            if function.attr in ("run_line_magic", "run_cell_magic"):
                self._visit_magic(node)
            elif _is_namespace(function.value):
                self._note_namespace_call(function.attr, node)
            elif self._may_change(function.attr, node):
                self._note_change(function, self.calls)
        elif _calls(node, "setattr", "delattr") and len(node.args) > 1:
            name = self._note_change(node.args[0], self.stores)
            if name and isinstance(node.args[1], ast.Constant):
                self.patches.add((name, str(node.args[1].value)))
        elif _calls(node, "exec"):
            self._visit_exec(node)
        self.generic_visit(node)

    def _may_change(self, method: str, call: ast.Call) -> bool:
        return method in _CHANGING or (call is self._statement and method not in _SHOWING)

    def _note_change(self, node: ast.expr, changed: set[str]) -> str | None:
        """Add to `changed` what `node` is an attribute or an item of, and return it; within a function it changes when that is called."""
        name = self._find_root(node)
        if name is not None and self._runs_now:
            changed.add(name)
            return name
        if name is not None and self._function:
            depth = sum(scope.kind == "function" for scope in self._scopes) - 1
            self.effects.add((self._function, name, depth))
        return None

    def _find_root(self, node: ast.expr) -> str | None:
        """`name` in `name.x[…].y`, if it is a global one."""
        while not isinstance(node, ast.Name):
            if isinstance(node, ast.Attribute | ast.Subscript) and getattr(node, "attr", "") != _STYLE:
                node = node.value
            elif isinstance(node, ast.Call) and _calls(node, "vars", "getattr") and node.args:
                node = node.args[0]
            else:
                return None
        local = any(node.id in scope.binds for scope in self._scopes)
        return None if local else node.id

    def _note_namespace_call(self, method: str, call: ast.Call) -> None:
        """`globals().update(name=…)` binds `name`."""
        keys: list[object] = [keyword.arg for keyword in call.keywords]
        for argument in call.args[: 1 if method == "setdefault" else None]:
            found = argument.keys if isinstance(argument, ast.Dict) else [argument]
            keys += [key.value if isinstance(key, ast.Constant) else None for key in found]
        if method in ("update", "setdefault", "__setitem__"):
            self._bind_globally(keys)

    def _bind_globally(self, keys: Iterable[object]) -> None:
        for key in keys:
            if isinstance(key, str):
                self.binds.add(key)
            else:
                self.opaque = True

    # --- code within strings --------------------------------------------------------------------------------

    def _visit_exec(self, call: ast.Call) -> None:
        """`exec` with a text is that code; with anything else it may bind any name, unless it has a namespace of its own."""
        if not call.args or (len(call.args) > 1 and not _is_namespace(call.args[1])) or call.keywords:
            return
        code = call.args[0]
        if not isinstance(code, ast.Constant):
            self.opaque |= self._runs_now or len(call.args) > 1
            return
        if isinstance(code.value, str | bytes):
            self._visit_all(_read_plain(code.value))

    def _visit_magic(self, call: ast.Call) -> None:
        """`%%time` and the like, which IPython turns into calls, run the Python code after them; `%run` may bind anything."""
        texts = [argument.value if isinstance(argument, ast.Constant) else None for argument in call.args]
        magic, line, body = ([text if isinstance(text, str) else "" for text in texts] + [""] * 3)[:3]
        if magic in _OPAQUE_MAGICS:
            self.opaque = True
            self._use_files(_list_words(line))
        elif magic in ("writefile", "file"):
            self.binds.update(map(_name_file, _list_words(line)))
        elif magic in _PYTHON_MAGICS:
            self._visit_python_magic(magic, line, body)

    def _visit_python_magic(self, magic: str, line: str, body: str) -> None:
        self._nested_characters += len(body) + _MAX_OPTIONS * len(line)
        if self._nested_characters > _MAX_NESTED_CHARACTERS:
            self.opaque = True
        elif magic == "timeit":  # what it binds stays inside it, as in a comprehension
            self._visit_inside(_Scope("comprehension"), _read_line(line) + _read_statements(body))
        elif magic == "capture":
            self._visit_all(_read_statements(body))
            for name in _list_words(line):  # what was printed
                self._bind(name)
        else:
            self._visit_all(_read_line(line) + _read_statements(body))

    def _use_files(self, paths: Iterable[str]) -> None:
        """Another cell may write these files."""
        for path in paths:
            self._use(_name_file(path))


def _read_statements(source: str) -> list[ast.stmt]:
    tree = _parse_cell(source)
    return tree.body if tree else []


def _read_plain(source: str | bytes) -> list[ast.stmt]:
    try:
        return ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []  # it raises


def _read_line(line: str) -> list[ast.stmt]:
    """The code after a line magic's options, such as `-n 3`; whether an option has a value shows by what is code."""
    words = re.findall(r"\S+\s*", line)
    for first in range(min(len(words), _MAX_OPTIONS) if line.startswith("-") else 1):
        if tree := _parse_cell("".join(words[first:])):
            return tree.body
    return []


def _list_words(line: str) -> list[str]:
    """A magic's arguments but options."""
    return [word for word in line.split() if not word.startswith("-")]


def _list_arguments(arguments: ast.arguments) -> list[ast.arg]:
    more = [argument for argument in (arguments.vararg, arguments.kwarg) if argument]
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *more]


def _is_namespace(node: ast.expr) -> bool:
    """`globals()`, or `locals()` and `vars()`, which are the same in a cell."""
    return isinstance(node, ast.Call) and _calls(node, "globals", "locals", "vars") and not node.args


def _calls(call: ast.Call, *names: str) -> bool:
    return isinstance(call.func, ast.Name) and call.func.id in names


def _name_file(path: str) -> str:
    """What stands for a file among the names; no identifier has a space."""
    return f"file {path.removeprefix('./')}"
