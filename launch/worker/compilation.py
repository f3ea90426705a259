"""Keeps torch's compiler away until something is compiled: importing it takes each rank about four seconds.

Every optimizer imports `torch._dynamo`, only to tell it what not to compile and where to break a graph. While
nothing is compiled there is nothing to tell. So the module is there from its first import on, but is executed
when anything else is asked of it; from then on it is the very module that it would have been.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import sys
import threading
from collections.abc import Callable, Sequence
from types import FunctionType, ModuleType, SimpleNamespace
from typing import Any

NAME = "torch._dynamo"
CACHE = "__dynamo_disable"  # where torch keeps what `disable` returned, on the function itself


class DeferredCompiler(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds `torch._dynamo` and executes it later; executes it before any of its submodules is imported."""

    def __init__(self) -> None:
        self._finding = False

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname.startswith(f"{NAME}."):
            return self._find_part(fullname)
        if fullname != NAME or self._finding:
            return None
        self._finding = True
        try:
            spec = importlib.machinery.PathFinder.find_spec(fullname, path)
        finally:
            self._finding = False
        if spec is None or spec.loader is None:
            return None
        self._loader = spec.loader
        spec.loader = self
        return spec

    def _find_part(self, fullname: str) -> importlib.machinery.ModuleSpec | None:
        whole = sys.modules.get(NAME)
        if not isinstance(whole, _Deferred):
            return None
        whole.execute()
        # Taken out: the import system would execute again a module that finding it has brought in.
        done = sys.modules.pop(fullname, None)
        return None if done is None else importlib.util.spec_from_loader(fullname, _Executed(done))

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return _Deferred(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        assert isinstance(module, _Deferred)
        assert module.__spec__ is not None
        module.__loader__ = module.__spec__.loader = self._loader
        module.prepare(self._loader.exec_module)


class _Deferred(ModuleType):
    """`torch._dynamo` before it is needed: three names have an answer, any other has it executed."""

    def prepare(self, execute: Callable[[ModuleType], None]) -> None:
        not_disabled: list[FunctionType] = []

        def disable(function: Any = None, *args: Any, **kwargs: Any) -> Any:
            if not isinstance(function, FunctionType):
                return self.execute().disable(function, *args, **kwargs)
            not_disabled.append(function)
            return function

        stand_ins = {
            "graph_break": lambda *_, **__: None,
            "disable": disable,
            "trace_rules": SimpleNamespace(clear_lru_cache=lambda: None),
        }
        lock = threading.RLock()

        def execute_once() -> Any:
            with lock:
                if isinstance(self, _Deferred):
                    for name in (*stand_ins, "_execute"):
                        del self.__dict__[name]
                    self.__class__ = ModuleType  # type: ignore[assignment]
                    for function in not_disabled:
                        function.__dict__.pop(CACHE, None)  # torch asks again, and is then told for good
                    execute(self)
            return self

        self.__dict__.update(stand_ins, _execute=execute_once)

    def execute(self) -> Any:
        """Make this the real module."""
        return self.__dict__["_execute"]()

    def __getattr__(self, name: str) -> Any:
        if "_execute" not in self.__dict__:  # asked by the import system, which is still filling it in
            raise AttributeError(name)
        return getattr(self.execute(), name)


class _Executed(importlib.abc.Loader):
    """Hands out a module that executing the package has imported by the way."""

    def __init__(self, module: ModuleType) -> None:
        self._module, self._spec = module, module.__spec__

    def create_module(self, _spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        module.__dict__["__spec__"] = self._spec  # a module of settings may refuse to have any set
