"""Keeps what observes a submission out of the submission's reach, in the one process that both share, and notices what reaches for it.

Like `kernel_side`, this file is sent to the kernel as text and imports the standard library only. In order:

1. Nothing leads to the observer: what the kernel or the notebook holds of it is a C object that calls a function and does not name it (`hide`).
2. Nothing finds it: the collector no longer lists what exists when the seal is closed (`Seal.close`).
3. Looking for it is noted, and refused where it could be found; so is looking through frames while a question is open, and keeping one that
   a question could resume (`Seal._audit`).
   Who is handed a frame need not look: handlers of signals get none (`Signals`), and functions that trace are not called (`Tracers`).
4. Whatever was changed all the same shows afterwards: each function and global is compared with what it was (`Seal.find_breaks`).
"""

from __future__ import annotations

import _lsprof
import _signal  # type: ignore[import-not-found]
import cProfile
import gc
import os
import sys
import sysconfig
from _thread import get_ident
from collections.abc import Callable, Iterator
from functools import lru_cache
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_GENERATOR, CO_ITERABLE_COROUTINE
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
        "function.__new__",
        "ctypes.cdata",
        "ctypes.dlsym",
        "ctypes.string_at",
        "ctypes.PyObj_FromPtr",
    )
)
_OF_FRAMES = frozenset(("sys._getframe", "object.__getattr__"))
_NAMES = {
    "open": "/proc/PID/mem",
    "import": "another _signal",
    "function.__new__": "types.FunctionType",
    "object.__setattr__": "__code__",
}
_BY_WHOEVER = frozenset(("open", "import"))
_FRAMES = frozenset(("tb_frame", "gi_frame", "cr_frame", "ag_frame"))
_RESUMABLE = CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR | CO_ITERABLE_COROUTINE
# Whoever is called for each line or event sees every frame, or runs within any function. Of files, a process's memory is meant.
_TRACING = frozenset(("sys.settrace", "sys.setprofile", "sys.monitoring.register_callback"))
_NEVER = _TRACING | {"sys.addaudithook", "sys._current_frames", "sys._current_exceptions", "open", "import"}
_BY_NAME = frozenset(("gc.get_referrers", "gc.get_referents"))  # these are handed the objects in question


def _name_files(*names: str) -> tuple[str, ...]:
    return tuple(name.replace("/", os.sep) for name in names)


# Modules whose functions hand frames on to whoever calls them; of the stack, but not of an exception, `traceback` in each of its functions.
_HANDING_ON = _name_files("/traceback.py", "/logging/__init__.py", "/asyncio/base_tasks.py")
_STACKS = _name_files("/traceback.py")
# What a function of a library asks this one for, it may hand on: `sympy.var` changes its caller's caller.
_ASKED_FOR_OTHERS = _name_files("/inspect.py")
_DEBUGGERS = _name_files("/pdb.py", "/bdb.py", "/cmd.py", "/IPython/core/debugger.py")
_LEFT_IN = "a debugger can't be used here: nobody is at the keyboard. Is a breakpoint() left in?"
_TRACED = (
    "what is called for each line or function can't be used here; %time, %timeit, %prun and cProfile can"
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
_set_handler = _signal.signal
_get_handler = _signal.getsignal
_start_profiler = _lsprof.Profiler.enable
_stop_profiler = _lsprof.Profiler.disable
_PLAIN_HANDLERS = (_signal.SIG_DFL, _signal.SIG_IGN, _signal.default_int_handler, None)


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
        self._asking: set[int] = set()  # those of `_codes` under which an answer is made
        self._bindings: list[tuple[Any, dict[str, Any]]] = []
        self._functions: list[tuple[FunctionType, tuple[Any, ...]]] = []
        self._own: set[int] = set()
        self._early: list[object] = []  # forgotten by the collector
        self._late: list[object] = []  # and this one not
        self._kept: list[tuple[Any, dict[str, Any]]] = []
        self._methods: dict[type, dict[str, Any]] = {}
        self._held = ""
        self._busy: set[int] = set()
        self._is_open = False
        self._signs: dict[str, None] = {}
        self._breaks: dict[str, None] = {}
        self.add(globals())
        self._signals = Signals()
        self._tracers = Tracers()

    def protect(self, *objects: object) -> None:
        """From now on nobody may ask the collector what these refer to, or what refers to them."""
        self._own.update(map(id, objects))

    def keep(self, *objects: Any, held: str) -> None:
        """Note by which functions answers go their way through these objects, but for the one that the observer holds itself."""
        self._held = held
        for each in objects:
            own = vars(each) if hasattr(each, "__dict__") else {}
            self._kept.append((each, {key: own[key] for key in own if callable(own[key])}))
            for cls in type(each).__mro__[:-1]:
                self._methods[cls] = {key: value for key, value in vars(cls).items() if callable(value)}

    def check_way(self, **used: tuple[Any, Any]) -> None:
        """Note where an answer would go another way. used: by name, what is called now, and what was called before"""
        self._tracers.stop()  # one may have been started since, and its clock may be the submission's
        methods = {key for each in self._methods.values() for key in each} - {self._held}
        changed = [name for name, (now, before) in used.items() if now is not before]
        changed += [
            key
            for cls, before in self._methods.items()
            for key, value in before.items()
            if key != self._held and vars(cls).get(key, _GONE) is not value
        ]
        for each, before in self._kept:
            own = vars(each) if hasattr(each, "__dict__") else {}
            changed += [key for key in own.keys() & methods if own[key] is not before.get(key)]
        if changed:
            self._breaks["what carries answers to the grader was replaced"] = None

    def add(self, namespace: dict[str, Any], *, asks: bool = True) -> None:
        """Note what a module's globals are, and hide the methods of its classes: Python lists the subclasses of any class.

        asks: whether the submission's code runs below that of the module only while it is asked something
        """
        name = namespace["__name__"]
        for value in namespace.values():
            codes = self.watch(value, name)
            self._asking |= codes if asks else set()
        for cls in [value for value in namespace.values() if _is_class_of(value, name)]:
            _hide_methods(cls)
            self._bindings.append((cls, dict(vars(cls))))
        self._bindings.append((namespace, dict(namespace)))

    def watch(self, value: Any, module: str) -> set[int]:
        """Note what a function, or a class with its methods, is; only if `module` defines it. Returns the identities of their code."""
        codes: set[int] = set()
        for function in _list_functions(value, module):
            self._functions.append((function, _describe(function)))
            codes.update(map(id, _list_code(function)))
        self._codes |= codes
        return codes

    def close(self, note: Callable[[str, str], None]) -> None:
        """Let the collector forget everything that exists, and begin to watch. Nothing of the submission has run yet.

        note: what is passed over, by its kind
        """
        self._signals.take_over()
        self._tracers.take_over(note)
        sys.addaudithook(hide(self._audit))
        gc.collect()
        gc.freeze()
        self._late = []

    def open_question(self) -> None:
        """From now on, until `close_question`, whoever looks for the observer is refused."""
        self._tracers.stop()
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
        if not self._signals.have_all():
            self._breaks["a handler of signals was set that sees the program that asks"] = None
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
        elif event == "object.__setattr__":
            if arguments[1] != "__code__":
                return
        elif event == "import":
            if arguments[0] != "_signal":  # which a handler's frame could be had from
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
        if event in _TRACING and caller is not None and _is_library(caller.f_code.co_filename):
            self._judge_tracer(caller)
            return
        looks_behind = event == "sys._getframe" and self._is_behind(caller, arguments[0])
        is_its_own = event not in _BY_WHOEVER and not looks_behind and not self._is_foreign(caller, event)
        if is_its_own:
            return
        if _is_debugger(caller):
            raise Refused(_LEFT_IN)
        name = arguments[1] if event == "object.__getattr__" else _NAMES.get(event, event)
        aims_at_us = event in _BY_NAME and any(id(each) in self._own for each in arguments[0])
        is_refused = self._is_open or looks_behind or aims_at_us or event in _NEVER or self._is_below(caller)
        if not is_refused and event in _OF_FRAMES and self._can_be_resumed(event, arguments):
            self._signs[f"the notebook used {name} in a generator"] = None
            raise Refused(
                f"{name} can't be used in a generator or coroutine here: its frame shows who resumes it later"
            )
        # Between questions a stack has the submission's frames alone: honest notebooks look at these.
        if len(self._signs) < _MAX_SIGNS and (is_refused or event not in _OF_FRAMES):
            self._signs[f"the notebook used {name}"] = None
        if is_refused:
            raise Refused(f"{name} can't be used here: it shows the program that asks")

    def _judge_tracer(self, caller: Any) -> None:
        """Refuse what a library would have called for each line."""
        frame = caller
        while frame is not None and _is_library(frame.f_code.co_filename):
            frame = frame.f_back
        if frame is not None and id(frame.f_code) not in self._codes:
            raise Refused(_LEFT_IN if _is_debugger(caller) else _TRACED)

    def _is_foreign(self, frame: Any, event: str) -> bool:
        """Whether code is the submission's, or of a library whose function hands on to the submission what it finds."""
        if frame is None or id(frame.f_code) in self._codes:
            return False
        if not _is_library(frame.f_code.co_filename):
            return True
        passing = _DEBUGGERS + (_STACKS if event == "sys._getframe" else ())
        is_asked = frame.f_code.co_filename.endswith(_ASKED_FOR_OTHERS)
        while frame is not None and frame.f_code.co_filename.endswith(_ASKED_FOR_OTHERS + passing):
            frame = frame.f_back
        if frame is None or id(frame.f_code) in self._codes:
            return False
        file, behind = frame.f_code.co_filename, frame.f_back
        if not _is_library(file):
            return True
        hands_on = is_asked or file.endswith(_HANDING_ON)
        return hands_on and behind is not None and self._is_of_submission(behind)

    def _can_be_resumed(self, event: str, arguments: tuple[Any, ...]) -> bool:
        """Whether a frame leads to a generator's: kept until a question resumes that, it would show the program that asks."""
        if event == "sys._getframe":
            frame = arguments[0]
        elif arguments[1] == "tb_frame":
            frame = arguments[0].tb_frame
        else:
            return True
        is_resumable = is_submission = False
        while frame is not None:
            is_resumable = is_resumable or bool(frame.f_code.co_flags & _RESUMABLE)
            # Coroutines of the kernel, in which every cell runs, stand behind all that is the submission's.
            is_submission = is_submission or (is_resumable and self._is_of_submission(frame))
            frame = frame.f_back
        return is_submission

    def _is_of_submission(self, frame: Any) -> bool:
        return not _is_library(frame.f_code.co_filename) and id(frame.f_code) not in self._codes

    def _is_behind(self, caller: Any, wanted: Any) -> bool:
        """Whether the submission has code between who looks for a frame and this frame, which is the observer's or behind it."""
        frame, is_passed = caller, False
        while frame is not None and id(frame.f_code) not in self._asking:
            if frame is wanted:
                return False
            is_passed = is_passed or not _is_library(frame.f_code.co_filename)
            frame = frame.f_back
        return frame is not None and is_passed

    def _is_below(self, frame: Any) -> bool:
        """Whether code runs because the observer does."""
        while frame is not None and id(frame.f_code) not in self._asking:
            frame = frame.f_back
        return frame is not None


class Signals:
    """Takes the place of `signal.signal`: a handler of the submission is called without the frame that it would get."""

    def __init__(self) -> None:
        self._given: dict[Any, Any] = {}

    def take_over(self) -> None:
        self._given |= {each: each for each in map(_get_handler, _signal.valid_signals()) if callable(each)}
        _signal.signal = hide(self._set)
        _signal.getsignal = hide(self._get)

    def have_all(self) -> bool:
        """Whether no handler was set by another way."""
        handlers = map(_get_handler, _signal.valid_signals())
        return all(
            any(each is plain for plain in _PLAIN_HANDLERS) or each in self._given for each in handlers
        )

    def _set(self, number: int, handler: Any, /) -> Any:
        if not callable(handler) or any(handler is plain for plain in _PLAIN_HANDLERS):
            return self._read(_set_handler(number, handler))
        without = hide(lambda signal, _: handler(signal, None))
        self._given[without] = handler
        return self._read(_set_handler(number, without))

    def _get(self, number: int, /) -> Any:
        return self._read(_get_handler(number))

    def _read(self, handler: Any) -> Any:
        return self._given.get(handler, handler)


class Tracers:
    """Takes the place of what has a function called for each line or event, which would see every frame.

    `sys.settrace` and `sys.setprofile` pass over what they are given, unless a debugger gives it. cProfile calls nothing but a clock: it runs,
    and is stopped before a question and before its answer is sent.
    """

    def __init__(self) -> None:
        self._running: dict[int, Any] = {}

    def take_over(self, note: Callable[[str, str], None]) -> None:
        for name in ("settrace", "setprofile"):
            setattr(sys, name, hide(self._make_idle(f"sys.{name}", note)))
        profile: Any = cProfile.Profile
        profile.enable, profile.disable = hide(self._start), hide(self._stop)

    def stop(self) -> None:
        """Stop the profilers that are still running."""
        for profiler in list(self._running.values()):
            self._stop(profiler)

    def _make_idle(self, name: str, note: Callable[[str, str], None]) -> Callable[..., None]:
        def set_function(function: Any, /) -> None:
            if _is_debugger(_getframe(1)):
                raise Refused(_LEFT_IN)
            if function is not None:
                note("tracer", name)

        return set_function

    def _start(self, profiler: Any, /, *args: Any, **kwargs: Any) -> None:
        _start_profiler(profiler, *args, **kwargs)
        self._running[id(profiler)] = profiler

    def _stop(self, profiler: Any, /) -> None:
        self._running.pop(id(profiler), None)
        _stop_profiler(profiler)


def _is_debugger(caller: Any) -> bool:
    return caller is not None and caller.f_code.co_filename.endswith(_DEBUGGERS)


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
