"""Keeps torch's compiler away until something is compiled: importing it takes each rank about four seconds.

Every optimizer imports `torch._dynamo`, only to tell it what not to compile and where to break a graph. While
nothing is compiled there is nothing to tell. So another module takes its place, until anything else is asked of it.
"""

from __future__ import annotations

import importlib.abc
import importlib.util
import sys
import threading
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import FunctionType, ModuleType, SimpleNamespace
from typing import Any

NAME = "torch._dynamo"
CACHE = "__dynamo_disable"  # where torch keeps what `disable` returned, on the function itself


def defer_compiler() -> None:
    """Put the module in the place of `torch._dynamo`. Raises ImportError if torch has none."""
    spec = importlib.util.find_spec(NAME)
    if spec is None:
        raise ImportError(f"no {NAME}")
    sys.modules["torch"].__dict__["_dynamo"] = sys.modules[NAME] = DeferredCompiler(spec)
    sys.meta_path.insert(0, ImportedParts())


class DeferredCompiler(ModuleType):
    """`torch._dynamo` before it is needed: three names have an answer, any other has it imported."""

    def __init__(self, spec: ModuleSpec) -> None:
        super().__init__(NAME)
        spared: list[FunctionType] = []
        lock = threading.RLock()

        def disable(function: Any = None, *args: Any, **kwargs: Any) -> Any:
            if not isinstance(function, FunctionType):
                return load().disable(function, *args, **kwargs)
            spared.append(function)
            return function

        def load() -> Any:
            with lock:
                if sys.modules[NAME] is self:
                    for function in spared:
                        function.__dict__.pop(CACHE, None)  # torch asks again, and is then told for good
                    for name in stand_ins:
                        del self.__dict__[name]
                    del sys.modules[NAME]
                    importlib.import_module(NAME)
            return sys.modules[NAME]

        stand_ins = {
            "graph_break": lambda *_, **__: None,
            "disable": disable,
            "trace_rules": SimpleNamespace(clear_lru_cache=lambda: None),
        }
        self.__dict__.update(stand_ins, __spec__=spec, __file__=spec.origin, _load=load)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._load(), name)


class ImportedParts(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Hands out a part of the compiler that importing the whole for it has brought in: executed once, not again."""

    def find_spec(
        self, fullname: str, _path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if target is not None or not fullname.startswith(f"{NAME}.") or fullname not in sys.modules:
            return None
        module = sys.modules.pop(fullname)
        return ModuleSpec(fullname, self, loader_state=(module, module.__spec__))

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module: ModuleType = spec.loader_state[0]
        return module

    def exec_module(self, module: ModuleType) -> None:
        spec = module.__spec__
        if spec is not None and spec.loader is self:  # a module of settings refuses to have any set
            module.__spec__ = spec.loader_state[1]
