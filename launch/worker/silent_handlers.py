"""Exceptions that a script drops without a word: `except: pass`, `with suppress(Exception):`.

Whoever waits for a rank that goes on after one never learns why. Only a script with a handler that calls and raises nothing
is traced, and only in its own code, from the moment when its rank has joined the group: what is tried before, such as an
import, is meant to fail now and then.
"""

from __future__ import annotations

import ast
import sys
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

from .processes import count_caught
from .recorder import Recorder

SOURCE_LIMIT = 1_000_000  # characters
ANY = ("BaseException",)
# By these a program steers itself, and nothing has gone wrong.
STEERING = ("StopIteration", "StopAsyncIteration", "GeneratorExit", "Empty", "Full", "BlockingIOError")


@dataclass(frozen=True)
class Handler:
    """What catches exceptions of the lines from `first` to `last`."""

    first: int
    last: int
    names: tuple[str, ...]  # of the classes that it catches
    silent: bool


def find_handlers(source: str) -> tuple[Handler, ...]:
    """All handlers of a program, those of inner lines first, and of one `try` in their order.

    >>> find_handlers("try:\\n    f()\\nexcept: pass")
    (Handler(first=2, last=2, names=('BaseException',), silent=True),)
    """
    found: list[Handler] = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Try(body=body, handlers=handlers):
                found += [Handler(*_lines(body), _names(each.type), _is_silent(each)) for each in handlers]
            case ast.With(body=body, items=items):
                calls = [each.context_expr for each in items if isinstance(each.context_expr, ast.Call)]
                found += [
                    Handler(*_lines(body), tuple(_last_names(call.args)), silent=True)
                    for call in calls
                    if list(_last_names([call.func])) == ["suppress"]
                ]
            case _:
                pass
    return tuple(sorted(found, key=lambda each: each.last - each.first))


def _lines(body: list[ast.stmt]) -> tuple[int, int]:
    return body[0].lineno, body[-1].end_lineno or body[-1].lineno


def _names(kind: ast.expr | None) -> tuple[str, ...]:
    if kind is None:
        return ANY
    return tuple(_last_names(kind.elts if isinstance(kind, ast.Tuple) else [kind]))


def _last_names(expressions: Iterable[ast.expr]) -> Iterator[str]:
    for expression in expressions:
        match expression:
            case ast.Name(id=name) | ast.Attribute(attr=name):
                yield name
            case _:
                pass


def _is_silent(handler: ast.ExceptHandler) -> bool:
    speaking = (ast.Call, ast.Raise, ast.Yield, ast.Await)
    return not any(isinstance(node, speaking) for statement in handler.body for node in ast.walk(statement))


def drops(handlers: Iterable[Handler], line: int, kind: type[BaseException]) -> bool:
    """Whether an exception at this line comes to a handler that is silent."""
    classes = {each.__name__ for each in kind.__mro__}
    if classes & set(STEERING):
        return False
    catching = (each for each in handlers if each.first <= line <= each.last and classes & set(each.names))
    first = next(catching, None)
    return first is not None and first.silent


def watch(recorder: Recorder) -> None:
    """Trace the script's own code from here on, in this thread and later ones, if it has silent handlers."""
    programs = {
        name: handlers for name, handlers in _own_programs(recorder) if any(h.silent for h in handlers)
    }
    if not programs or sys.gettrace() is not None:
        return

    def trace(frame: FrameType, _event: str, _argument: Any) -> Any:
        return look if frame.f_code.co_filename in programs else None

    def look(frame: FrameType, event: str, argument: Any) -> Any:
        frame.f_trace_lines = False
        if event == "exception":
            with recorder.guard("recording an exception"):
                _note(recorder, programs[frame.f_code.co_filename], frame.f_lineno, *argument)
        return look

    frame: FrameType | None = sys._getframe()
    while frame is not None:  # what runs already
        if frame.f_code.co_filename in programs:
            frame.f_trace, frame.f_trace_lines = look, False
        frame = frame.f_back
    threading.settrace(trace)
    sys.settrace(trace)


def _own_programs(recorder: Recorder) -> Iterator[tuple[str, tuple[Handler, ...]]]:
    """The modules of the script's folder, by the file names in their code, with their handlers."""
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        name = recorder.source_name(file) if isinstance(file, str) else None
        if name is None or name.startswith("/"):
            continue
        try:
            source = Path(file or "").read_text(encoding="utf-8")[:SOURCE_LIMIT]
            yield file or "", find_handlers(source)
        except (OSError, ValueError, SyntaxError, RecursionError):
            continue  # not Python's, or not there any more


def _note(
    recorder: Recorder,
    handlers: tuple[Handler, ...],
    line: int,
    kind: type[BaseException],
    error: object,
    trace: TracebackType | None,
) -> None:
    if isinstance(error, BaseException) and drops(handlers, line, kind):
        count_caught(recorder, error, trace, silent=True)
