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


class AliasFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Makes `import simplellm.llama` give the very module `lab_1_parallelism.llama`, for want of a
    `simplellm`.

    A module of that name that is really installed, or lies beside the script, wins.
    """

    def __init__(self, alias: dict[str, dict[str, str]], used: Callable[[str, str], None]) -> None:
        self._alias = alias
        self._used = used

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
        sys.modules[name] = importlib.import_module(f"{actual_root}.{rest}" if rest else actual_root)


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
