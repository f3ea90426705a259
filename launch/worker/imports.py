"""Imports: a name that stands for another module, and a callback once a module has been imported."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any


class AliasFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Makes `import simplellm.llama` give the very module `lab_1_parallelism.llama`, for want of a
    `simplellm`.

    A module of that name that is really installed, or lies beside the script, wins. Of what the other one does not have
    there are stand-ins: of a module inside a module, that module; of another name, something that does nothing.
    """

    def __init__(
        self,
        alias: dict[str, dict[str, str]],
        used: Callable[[str, str], None],
        missed: Callable[[str, str], None],
    ) -> None:
        self._alias = alias
        self._used = used
        self._missed = missed

    def find_spec(
        self, fullname: str, _path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        root = fullname.partition(".")[0]
        if root not in self._alias:
            return None
        if root == fullname and importlib.machinery.PathFinder.find_spec(fullname) is not None:
            return None
        parent = sys.modules.get(root)
        if root != fullname and getattr(parent, "__name__", root) == root:
            return None  # the real one is imported
        return importlib.util.spec_from_loader(fullname, self)

    def create_module(self, _spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__
        root, _, rest = name.partition(".")
        actual_root, location = self._alias[root]["module"], self._alias[root]["path"]
        if not rest:
            self._used(root, actual_root)
        import_from(actual_root, location)
        # The import system returns what sys.modules holds afterwards: the real module, not the empty one.
        sys.modules[name] = actual = _nearest(actual_root, rest) or module
        if not hasattr(actual, "__path__"):
            actual.__path__ = []  # so that modules inside it are asked for here, too
        actual.__dict__.setdefault(
            "__getattr__", lambda attribute: self._stand_in(name, actual_root, attribute)
        )

    def _stand_in(self, module: str, actual_root: str, attribute: str) -> Any:
        if attribute.startswith("_"):
            raise AttributeError(f"module {module!r} has no attribute {attribute!r}")
        # What is not there yet may be a module inside, which `from . import it` looks for here before it imports it.
        actual = sys.modules[module].__name__
        if actual != module and importlib.util.find_spec(f"{actual}.{attribute}") is not None:
            return importlib.import_module(f"{actual}.{attribute}")
        self._missed(f"{module}.{attribute}", actual_root)
        return Nothing(f"{module}.{attribute}")


class Nothing:
    """Does nothing, whatever is called or asked of it; it gives no data."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Nothing:
        if attribute.startswith("_"):
            raise AttributeError(attribute)
        return self

    def __call__(self, *_: object, **__: object) -> Nothing:
        return self

    def __repr__(self) -> str:
        return f"<no {self._name} here>"

    def __format__(self, _: str) -> str:
        return repr(self)


def _nearest(root: str, rest: str) -> ModuleType | None:
    """The module `root.rest`, or the one around it; None where there is not even that."""
    if not rest:
        return importlib.import_module(root)
    first = f"{root}.{rest.partition('.')[0]}"
    return importlib.import_module(first) if importlib.util.find_spec(first) is not None else None


def import_from(name: str, location: str) -> None:
    """Import a top-level module by its name or, if it is not on the path, from `location`."""
    if name in sys.modules or importlib.machinery.PathFinder.find_spec(name) is not None:
        return
    path = Path(location)
    if path.is_dir():
        spec = importlib.util.spec_from_file_location(
            name, path / "__init__.py", submodule_search_locations=[str(path)]
        )
    else:
        spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        return
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)


class AfterImport(importlib.abc.MetaPathFinder):
    """Calls back once the module of a given name has been executed, before its importer sees it; at once if it has been."""

    def __init__(self, callbacks: dict[str, Callable[[], None]]) -> None:
        self._callbacks = callbacks
        self._busy: set[str] = set()
        for name in [name for name in callbacks if name in sys.modules]:
            callbacks.pop(name)()

    def find_spec(
        self, fullname: str, _path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in self._callbacks or fullname in self._busy:
            return None
        self._busy.add(fullname)
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self._busy.discard(fullname)
        if spec is not None and spec.loader is not None:
            spec.loader = _CallingLoader(spec.loader, self._callbacks.pop(fullname))
        return spec


class _CallingLoader(importlib.abc.Loader):
    def __init__(self, loader: importlib.abc.Loader, callback: Callable[[], None]) -> None:
        self._loader = loader
        self._callback = callback

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        # Whoever asks the module for its loader, such as a reader of package data, gets the original one.
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        self._callback()
