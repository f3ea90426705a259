"""What runs inside a submission's kernel before any of its code: what only decorates and is missing on this machine does nothing.

This file is sent to the kernel as text, like `kernel_side`. It imports the standard library only.

1. `import seaborn` gives an inert stand-in, if seaborn is not installed and the notebook has no answer of its own to that, as with
   `except ImportError`. Only the notebook's own imports get one: a library that looks for what it may use finds nothing.
2. A stand-in takes any call, and everything that is got from it is one too. It has no value: whoever needs one gets the ModuleNotFoundError
   that the import would have given.
3. A backend, a style or an extension that is missing is passed over.
"""

from __future__ import annotations

import ast
import builtins
import linecache
import os
import sys
from collections.abc import Callable, Collection, Iterator
from types import FrameType, FunctionType
from typing import Any

_import = builtins.__import__
_modules = sys.modules
_IMPORT_ERRORS = ("ImportError", "ModuleNotFoundError", "Exception", "BaseException")

Note = Callable[[str, str], None]


# --- 2. stand-ins -------------------------------------------------------------------------------------------


class StandIn:
    """Something of a package that is not installed."""

    def __init__(self, package: str, shown: str, kind: str = "part", passed: Any = None) -> None:
        """kind: `part` of the package by its name, `result` of a call, or what was got from one (`value`); passed: the call's argument"""
        vars(self).update(_package=package, _shown=shown, _kind=kind, _passed=passed)

    def _get(self, more: str, kind: str = "", passed: Any = None) -> StandIn:
        own = vars(self)
        kind = kind or ("part" if own["_kind"] == "part" else "value")
        return type(self)(own["_package"], (own["_shown"] + more)[:80], kind, passed)

    def _refuse(self, *_: Any) -> Any:
        """What needs a value can't do without the package."""
        package = vars(self)["_package"]
        raise ModuleNotFoundError(f"No module named {package!r}", name=package)

    def __getattr__(self, name: str) -> StandIn:
        if name.startswith("_"):
            raise AttributeError(f"{vars(self)['_shown']}.{name}, which is not installed")
        return self._get(f".{name}")

    def __call__(self, *arguments: Any, **_: Any) -> Any:
        first = arguments[0] if arguments else None
        if len(arguments) == 1 and vars(self)["_kind"] != "value" and isinstance(first, FunctionType | type):
            return first  # as a decorator
        return self._get("()", "result", first)

    def _get_passed(self) -> Any:
        """What goes through, as through a progress bar."""
        passed = vars(self)["_passed"]
        return self._refuse() if isinstance(passed, StandIn) or not hasattr(passed, "__iter__") else passed

    def __iter__(self) -> Iterator[Any]:
        return iter(self._get_passed())

    def __len__(self) -> int:
        return len(self._get_passed())

    def __getitem__(self, _: Any) -> StandIn:
        return self._get("[…]", "value")

    def __setitem__(self, *_: Any) -> None:
        pass

    def __delitem__(self, _: Any) -> None:
        pass

    def __enter__(self) -> StandIn:
        return self

    def __exit__(self, *_: Any) -> None:
        pass

    def __repr__(self) -> str:
        return f"<{vars(self)['_shown']}, which is not installed>"

    def __instancecheck__(self, _: Any) -> bool:
        return False

    def __mro_entries__(self, _: Any) -> tuple[type]:
        return (_Inert,)

    def _compute(self, *_: Any) -> StandIn:
        return self._get("…", "value")

    __hash__ = object.__hash__


class _Inert:
    """Takes the place of a base class."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *_, **__: None


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor"):
    for _method in (f"__{_name}__", f"__r{_name}__"):
        setattr(StandIn, _method, StandIn._compute)
for _name in ("eq", "ne", "lt", "le", "gt", "ge", "neg", "pos", "abs", "invert"):
    setattr(StandIn, f"__{_name}__", StandIn._compute)
for _name in ("bool", "int", "float", "complex", "index", "contains", "array", "round"):
    setattr(StandIn, f"__{_name}__", StandIn._refuse)


def make_stand_in(package: str, shown: str) -> StandIn:
    """A stand-in for a package or a module of it. Its type says what it is: that is the word of an error message."""
    return type(f"{package}, which is not installed", (StandIn,), {})(package, shown)  # type: ignore[no-any-return]


# --- 1. imports ---------------------------------------------------------------------------------------------


class Importer:
    """Takes the place of `__import__`."""

    def __init__(self, packages: Collection[str], folder: str, note: Note) -> None:
        """folder: what lies below it was handed in"""
        self._packages = tuple(packages)
        self._note = note
        self._folder = folder + os.sep
        self._softened: set[str] = set()

    def __call__(
        self, name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0
    ) -> Any:
        try:
            module = _import(name, globals, locals, fromlist, level)
        except ModuleNotFoundError as error:
            package = self.find_missing(error)
            caller = sys._getframe(1)
            if package is None or level or not self._is_own(globals) or _is_guarded(caller):
                raise
            if name == package or name.startswith(f"{package}."):
                shown = name if fromlist else package.partition(".")[0]
            elif fromlist:  # `from torch.utils.tensorboard import SummaryWriter`
                shown = name
            else:
                raise
            self._note("package", package)
            return make_stand_in(package, shown)
        if type(name) is str and name.partition(".")[0] in ("matplotlib", "tqdm") and self._is_own(globals):
            self._soften()
        return module

    def find_missing(self, error: ModuleNotFoundError) -> str | None:
        """The decorating package that an import lacks."""
        missing = str(error.name)
        fitting = (
            each
            for each in self._packages
            if f"{missing}.".startswith(f"{each}.") or each.startswith(f"{missing}.")
        )
        return next(fitting, None)

    def _is_own(self, namespace: Any) -> bool:
        """Whether the notebook itself imports, or a module that was handed in with it."""
        if type(namespace) is not dict:
            return False
        file = namespace.get("__file__")
        return namespace.get("__name__") == "__main__" or (
            type(file) is str and file.startswith(self._folder)
        )

    def _soften(self) -> None:
        for name, function, error in _SOFTENED:
            original = getattr(_modules.get(name), function, None)  # a module that is being imported lacks it
            if original is not None and name not in self._softened:
                self._softened.add(name)
                setattr(_modules[name], function, _passing_over(original, error, self._note))
        bars: Any = _modules.get("tqdm.notebook")
        if bars is not None and bars.IProgress is None:  # for want of ipywidgets
            bars.tqdm = bars.tqdm_notebook = _modules["tqdm"].tqdm


# Functions that choose how plots look or where they are shown, and how they refuse what is not there. A backend that would open windows is
# refused at the first plot only, so none is taken.
_SOFTENED = (
    ("matplotlib", "use", None),
    ("matplotlib.pyplot", "switch_backend", ImportError),
    ("matplotlib.style", "use", OSError),
)


def _passing_over(original: Any, error: type[Exception] | None, note: Note) -> Callable[..., Any]:
    def choose(*arguments: Any, **options: Any) -> Any:
        if error is None:
            return None
        try:
            return original(*arguments, **options)
        except error:
            note("look", str(arguments[0]) if arguments else "")
            return None

    return choose


def _is_guarded(frame: FrameType) -> bool:
    """Whether the import's own code says what happens without the module."""
    try:
        tree = ast.parse("".join(linecache.getlines(frame.f_code.co_filename, frame.f_globals)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return any(
        node.body[0].lineno <= frame.f_lineno <= (node.body[-1].end_lineno or 0) and _expects_absence(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.Try | ast.With)
    )


def _expects_absence(node: ast.Try | ast.With) -> bool:
    if isinstance(node, ast.With):
        texts = [ast.unparse(item.context_expr) for item in node.items]
        return any("suppress" in text and any(name in text for name in _IMPORT_ERRORS) for text in texts)
    return any(
        handler.type is None or any(name in ast.unparse(handler.type) for name in _IMPORT_ERRORS)
        for handler in node.handlers
    )


# --- 3. magics ----------------------------------------------------------------------------------------------


class LineMagics:
    """Takes the place of the shell's `run_line_magic`."""

    def __init__(self, shell: Any, importer: Importer, note: Note) -> None:
        self._shell, self._importer, self._note = shell, importer, note
        self._run = shell.run_line_magic
        self._lacks_extension = False

    def __call__(self, magic_name: str, line: str, _stack_depth: int = 1) -> Any:
        if self._lacks_extension and self._shell.find_line_magic(magic_name) is None:
            return None  # one that the extension would have brought
        try:
            return self._run(magic_name, line, _stack_depth=_stack_depth + 1)
        except ModuleNotFoundError as error:
            package = self._importer.find_missing(error)
            if package is None or magic_name not in ("load_ext", "reload_ext", "matplotlib"):
                raise
            self._lacks_extension = True
            self._note("package", package)
        except Exception:
            if magic_name != "matplotlib":
                raise
            self._note("look", line.strip())
        return None


def enter(place: str) -> None:
    """Work in this folder below the current one, as the notebook does in the folder that was handed in."""
    os.makedirs(place, exist_ok=True)  # noqa: PTH103
    os.chdir(place)


def install_packages(shell: Any, packages: Collection[str], note: Note) -> None:
    """Let stand-ins take the place of these packages, where they are missing. `note` is told what was asked for."""
    importer = Importer(packages, os.path.realpath(os.getcwd()), note)  # noqa: PTH109
    builtins.__import__ = importer
    shell.run_line_magic = LineMagics(shell, importer, note)
