"""Keeps what observes a submission out of the submission's reach, in the one process that both share, and notices what reaches for it.

Like `kernel_side`, this file is sent to the kernel as text and imports the standard library only. In order:

1. Nothing leads to the observer: what the kernel or the notebook holds of it is a C object that calls a function and does not name it (`hide`).
2. Nothing finds it: the collector no longer lists what exists when the seal is closed (`Seal.close`).
3. Looking for it is noted, and refused where it could be found; so is looking through frames while a question is open (`Seal._audit`).
4. Whatever was changed all the same shows afterwards: each function and global is compared with what it was (`Seal.find_breaks`).
"""

from __future__ import annotations

import gc
import os
import sys
import sysconfig
from _thread import get_ident
from collections.abc import Callable, Iterator
from functools import lru_cache
from types import CodeType, FunctionType
from typing import Any

_EVENTS = frozenset(
    (
        "gc.get_objects",
        "gc.get_referrers",
        "gc.get_referents",
        "sys._getframe",
        "sys._current_frames",
        "sys._current_exceptions",
        "sys.settrace",
        "sys.setprofile",
        "sys.monitoring.register_callback",
        "sys.addaudithook",
        "ctypes.cdata",
        "ctypes.dlsym",
        "ctypes.string_at",
    )
)
_NAMES = {"open": "/proc/PID/mem"}
_FRAMES = frozenset(("tb_frame", "gi_frame", "cr_frame", "ag_frame"))
# Whoever is called for each line or event sees every frame, or runs within any function. Of files, a process's memory is meant.
_NEVER = frozenset(
    ("sys.settrace", "sys.setprofile", "sys.monitoring.register_callback", "sys.addaudithook", "open")
)
_BY_NAME = frozenset(("gc.get_referrers", "gc.get_referents"))  # these are handed the objects in question
# Modules whose functions hand frames on to whoever calls them.
_HANDING_ON = tuple(
    name.replace("/", os.sep)
    for name in ("/inspect.py", "/traceback.py", "/logging/__init__.py", "/asyncio/base_tasks.py")
)
_LIBRARIES = tuple(
    place + os.sep
    for path in [
        *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
        *(path for path in sys.path if path.endswith(("site-packages", "dist-packages"))),
    ]
    for place in (path, os.path.realpath(path))
)
_MAX_SIGNS = 20
_ADDED = frozenset(("__warningregistry__", "__annotations__"))  # by Python itself
_GONE = object()

_getframe = sys._getframe
_get_objects = gc.get_objects


class Refused(RuntimeError):
    """Code of a submission looked for what observes it."""


def hide(function: Callable[..., Any]) -> Any:
    """What calls `function`, as a function or a method would, and has no attribute that leads to it."""
    hidden = lru_cache(maxsize=0)(function)
    vars(hidden).clear()
    return hidden


class Seal:
    """Of the modules that observe one submission. `add` them, `close` the seal, and `open_question` around each question."""

    hide = staticmethod(hide)

    def __init__(self) -> None:
        self._codes: set[int] = set()
        self._bindings: list[tuple[Any, dict[str, Any]]] = []
        self._functions: list[tuple[FunctionType, tuple[Any, ...]]] = []
        self._own: set[int] = set()
        self._early: list[object] = []  # forgotten by the collector
        self._late: list[object] = []  # and this one not
        self._busy: set[int] = set()
        self._is_open = False
        self._signs: dict[str, None] = {}
        self._breaks: dict[str, None] = {}
        self.add(globals())

    def protect(self, *objects: object) -> None:
        """From now on nobody may ask the collector what these refer to, or what refers to them."""
        self._own.update(map(id, objects))

    def add(self, namespace: dict[str, Any]) -> None:
        """Note what a module's globals are, and hide the methods of its classes: Python lists the subclasses of any class."""
        name = namespace["__name__"]
        for value in namespace.values():
            self.watch(value, name)
        for cls in [value for value in namespace.values() if _is_class_of(value, name)]:
            _hide_methods(cls)
            self._bindings.append((cls, dict(vars(cls))))
        self._bindings.append((namespace, dict(namespace)))

    def watch(self, value: Any, module: str) -> None:
        """Note what a function, or a class with its methods, is; only if `module` defines it."""
        for function in _list_functions(value, module):
            self._functions.append((function, _describe(function)))
            self._codes.update(map(id, _list_code(function)))

    def close(self) -> None:
        """Let the collector forget everything that exists, and begin to watch. Nothing of the submission has run yet."""
        sys.addaudithook(hide(self._audit))
        gc.collect()
        gc.freeze()
        self._late = []

    def open_question(self) -> None:
        """From now on, until `close_question`, whoever looks for the observer is refused."""
        self._is_open = True
        if sys.gettrace() is not None or sys.getprofile() is not None:
            self._breaks["a function that traces the program that asks was left running"] = None

    def close_question(self) -> None:
        self._is_open = False

    def list_signs(self) -> list[str]:
        """Where code of the submission looked for the observer."""
        return list(self._signs)

    def find_breaks(self) -> list[str]:
        """What shows that an answer is worth nothing."""
        listed = [each is self._late for each in _get_objects() if each is self._early or each is self._late]
        if listed != [True]:
            self._breaks["gc.unfreeze or gc.freeze was called"] = None
        if not all(_is_same(_describe(function), before) for function, before in self._functions):
            self._breaks["a function that observes the submission was changed"] = None
        for owner, before in self._bindings:
            now = vars(owner) if isinstance(owner, type) else owner
            if now.keys() - before.keys() - _ADDED or any(
                now.get(key, _GONE) is not was for key, was in before.items()
            ):
                self._breaks["a name that the observer uses was bound to something else"] = None
        return list(self._breaks)

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "object.__getattr__":
            if arguments[1] not in _FRAMES:
                return
        elif event == "open":
            if not _is_memory(arguments[0]):
                return
        elif event not in _EVENTS:
            return
        me = get_ident()
        if me in self._busy:
            return
        self._busy.add(me)
        try:
            self._judge(event, arguments)
        finally:
            self._busy.discard(me)

    def _judge(self, event: str, arguments: tuple[Any, ...]) -> None:
        caller = _getframe(1).f_back  # behind `_audit`
        if event != "open" and (caller is None or not self._is_foreign(caller)):
            return
        name = arguments[1] if event == "object.__getattr__" else _NAMES.get(event, event)
        if len(self._signs) < _MAX_SIGNS:
            self._signs[f"the notebook used {name}"] = None
        aims_at_us = event in _BY_NAME and any(id(each) in self._own for each in arguments[0])
        if self._is_open or aims_at_us or event in _NEVER:
            raise Refused(f"{name} can't be used here: it shows the program that asks")

    def _is_foreign(self, frame: Any) -> bool:
        """Whether code is the submission's, or of a library whose function hands on to the submission what it finds."""
        if id(frame.f_code) in self._codes:
            return False
        file, behind = frame.f_code.co_filename, frame.f_back
        if not _is_library(file):
            return True
        return (
            file.endswith(_HANDING_ON) and behind is not None and not _is_library(behind.f_code.co_filename)
        )


def _is_memory(path: Any) -> bool:
    """Whether a file is a process's own memory."""
    return isinstance(path, str) and path.startswith("/proc/") and path.endswith("/mem")


def _is_library(file: str) -> bool:
    return file.startswith(_LIBRARIES) or file.startswith("<frozen ")


def _list_functions(value: Any, module: str) -> Iterator[FunctionType]:
    """A function, or those of a class, and the functions that these enclose, as far as `module` defines them."""
    waiting, seen = [value], set()
    while waiting:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        if _is_class_of(each, module):
            waiting += [part for attribute in vars(each).values() for part in _list_parts(attribute)]
        elif isinstance(each, FunctionType) and each.__module__ == module:
            yield each
            waiting += map(_read_cell, each.__closure__ or ())


def _list_code(function: FunctionType) -> Iterator[CodeType]:
    """The code of a function and of all functions within it."""
    waiting = [function.__code__]
    while waiting:
        code = waiting.pop()
        yield code
        waiting += [value for value in code.co_consts if isinstance(value, CodeType)]


def _list_parts(attribute: Any) -> tuple[Any, ...]:
    """The functions in a class's attribute."""
    if isinstance(attribute, property):
        return (attribute.fget, attribute.fset, attribute.fdel)
    return (getattr(attribute, "__func__", attribute),)


def _is_class_of(value: Any, module: str) -> bool:
    return isinstance(value, type) and value.__module__ == module


def _describe(function: FunctionType) -> tuple[Any, ...]:
    """What decides what a function does."""
    defaults = (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values())
    return (function.__code__, *defaults, *map(_read_cell, function.__closure__ or ()))


def _is_same(now: tuple[Any, ...], before: tuple[Any, ...]) -> bool:
    return len(now) == len(before) and all(a is b for a, b in zip(now, before, strict=True))


def _read_cell(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # it is empty
        return None


def _hide_methods(cls: type) -> None:
    for name, attribute in list(vars(cls).items()):
        if isinstance(attribute, FunctionType):
            setattr(cls, name, hide(attribute))
        elif isinstance(attribute, staticmethod | classmethod):
            setattr(cls, name, type(attribute)(hide(attribute.__func__)))
        elif isinstance(attribute, property):
            setattr(cls, name, property(*(part and hide(part) for part in _list_parts(attribute))))
