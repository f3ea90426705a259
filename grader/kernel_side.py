"""What runs inside a submission's kernel, before any of its code: answers observation requests with plain data.

This file is sent to the kernel as text. It imports the standard library only, holds no secret, and trusts nothing that runs after it: what
it needs is bound in its own namespace, which a notebook's cells don't share. What it answers is a claim, which is checked outside.
"""

from __future__ import annotations

import builtins
import inspect
import json
import math
import sys
import traceback
from _collections import _tuplegetter  # type: ignore[import-not-found]
from _json import encode_basestring_ascii, make_encoder
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import Field
from types import MemberDescriptorType, ModuleType
from typing import Any

MAX_ITEMS = 200_000
MAX_DEPTH = 12
MAX_CHARACTERS = 100_000
MAX_INTEGER = 2**63
MAX_TRACEBACK = 20
MAX_REPLY_CHARACTERS = 32 * 1024 * 1024

MAX_SIGNS = 20
MAX_NOTES = 50

REQUEST = "observe_request"
CLOSING = "closing"  # the content of the request after each answer: is that answer worth anything?
REPLY = "observe_reply"
TAMPERED = "Tampered"  # the name of the error in place of an answer that is worth nothing

_type = type
_len = len
_isinstance = isinstance
_getattribute = type.__getattribute__
_json_dumps = json.dumps
_modules = sys.modules
_PROBES = "probes"
_BASES = (str, list, tuple, range, dict)
_GONE = object()


_notes: dict[tuple[str, str], None] = {}


def note(kind: str, asked: str) -> None:
    """Note what this machine lacks and the notebook asked for: a `package`, a `look` of plots, a `device`."""
    if _len(_notes) < MAX_NOTES:
        _notes[kind, asked[:60]] = None


class NotPlain(Exception):
    """A value has no plain form; the message says what it is."""


class NotDefined(Exception):
    """The notebook has no global of that name."""


# All in C, with nothing to replace: json.dumps looks up its parts in modules, where a notebook may put others.
_encode = make_encoder(None, repr, encode_basestring_ascii, None, ": ", ", ", False, False, False)


def _dumps(plain: Any) -> str:
    """Plain data as JSON. Raises ValueError for NaN and infinities."""
    return "".join(_encode(plain, 0))


def to_plain(value: Any) -> Any:
    """`value` as JSON: built-in types, numpy and torch scalars as numbers, tables and arrays as tagged objects.

    For a class derived from str, list, tuple or dict it is the content that str, list, tuple or dict itself gives.

    Raises NotPlain for anything else, or where a limit is passed.
    """
    return _Plainer().convert(value, 0)


class _Plainer:
    """Converts one value; a part that can't be converted is named by its place in it."""

    def __init__(self) -> None:
        self._items = 0
        self._path: list[str] = []

    def _refuse(self, what: str) -> NotPlain:
        place = "".join(self._path[:4])
        return NotPlain(f"a value in which {place} is {what}" if place else what)

    def convert(self, value: Any, depth: int) -> Any:
        self._items += 1
        if self._items > MAX_ITEMS or depth > MAX_DEPTH:
            raise NotPlain(f"a value with over {MAX_ITEMS:,} items or {MAX_DEPTH} levels")
        kind = _type(value)
        if value is None or kind is bool:
            return value
        if value is Ellipsis:
            return {"$odd": "..."}
        if kind is int:
            return value if -MAX_INTEGER < value < MAX_INTEGER else {"$odd": "a giant integer"}
        if kind is float:
            return (
                value
                if math.isfinite(value)
                else {"$float": "nan" if value != value else "inf" if value > 0 else "-inf"}
            )
        base = _find_base(kind)
        if base is str:
            return str.__str__(value)[:MAX_CHARACTERS]
        if base is dict:
            return self._convert_dict(value, depth)
        if base is not None:
            return [
                self._convert_part(f"[{index}]", item, depth)
                for index, item in enumerate(base.__iter__(value))
            ]
        return self._convert_foreign(value, depth)

    def _convert_part(self, place: str, item: Any, depth: int) -> Any:
        self._path.append(place)
        plain = self.convert(item, depth + 1)
        self._path.pop()
        return plain

    def _convert_dict(self, value: dict[Any, Any], depth: int) -> dict[str, Any]:
        plain = {}
        for key, item in dict.items(value):
            if _find_base(_type(key)) is not str:
                raise self._refuse(f"a dict with a key of type {_name_type(key)} (keys must be str)")
            text = str.__str__(key)[:200]
            plain[text] = self._convert_part(f"[{text[:60]!r}]", item, depth)
        return plain

    def _convert_foreign(self, value: Any, depth: int) -> Any:
        """Numbers, arrays and tables of numpy, torch and pandas, if the submission has imported these."""
        np, torch, pd = (_modules.get(name) for name in ("numpy", "torch", "pandas"))
        if np is not None and _isinstance(value, np.generic):
            return self.convert(value.item(), depth + 1)
        if np is not None and _type(value) is np.ndarray:
            self._expect_room(value.size)
            return self.convert(value.tolist(), depth + 1)
        if torch is not None and _isinstance(value, torch.Tensor):
            self._expect_room(value.numel())
            return self.convert(value.detach().cpu().tolist(), depth + 1)
        if pd is not None and _isinstance(value, pd.DataFrame):
            return self._convert_table(value, depth)
        if pd is not None and _isinstance(value, pd.Series):
            self._expect_room(_len(value))
            return self.convert(value.tolist(), depth + 1)
        raise self._refuse(f"a value of type {_name_type(value)}")

    def _convert_table(self, value: Any, depth: int) -> dict[str, Any]:
        self._expect_room(value.size)
        columns = [name if _type(name) is str else repr(name)[:200] for name in value.columns]
        rows = [list(row) for row in value.itertuples(index=False, name=None)]
        return {"$table": {"columns": columns, "rows": self.convert(rows, depth + 1)}}

    def _expect_room(self, items: int) -> None:
        if self._items + items > MAX_ITEMS:
            raise NotPlain(f"a value with {items:,} items")


def _find_base(kind: Any) -> Any:
    """The built-in type that `kind` is or is derived from. `is`, since classes of a metaclass may compare as they like."""
    return next((base for each in _getattribute(kind, "__mro__") for base in _BASES if each is base), None)


def _name_type(value: Any) -> str:
    name = _getattribute(_type(value), "__name__")
    return str.__str__(name)[:80] if _type(name) is str else "unknown"


def _name_odd(value: Any) -> str:
    """A type's name, with its package if it has the name of a built-in type: numpy's bool is not a bool."""
    name, module = _name_type(value), _getattribute(_type(value), "__module__")
    if name not in ("bool", "int", "float", "str") or _type(module) is not str:
        return name
    return f"{str.partition(module, '.')[0][:80]}.{name}"


def look_up(namespace: dict[str, Any], name: str) -> Any:
    """The notebook's global `name`. Raises NotDefined if there is none."""
    if name not in namespace:
        raise NotDefined(name)
    return namespace[name]


def read_class(namespace: dict[str, Any], name: str, attributes: list[str]) -> dict[str, Any]:
    """The attributes that a class itself defines, without running any of its code: no metaclass, descriptor or comparison is used.

    Of a string of a class derived from str, such as an Enum's, it is the text that str itself gives.

    Each is `{"value": …}`, `{"missing": true}` or `{"odd": why}`.
    """
    cls = look_up(namespace, name)
    if _type(cls) is not type:
        is_class = type in _getattribute(
            _type(cls), "__mro__"
        )  # isinstance() would ask the value for its __class__
        return {"kind": "metaclass" if is_class else "instance", "type": _name_type(cls)}
    found: dict[str, Any] = {}
    own = _getattribute(cls, "__dict__")
    for attribute in attributes:
        if attribute not in own:
            found[attribute] = {"missing": True}
            continue
        value = _read_default(own, attribute)
        if _type(value) in (bool, int, float) or _find_base(_type(value)) is str:
            found[attribute] = {"value": to_plain(value)}
        else:
            found[attribute] = {"odd": "..." if value is Ellipsis else _name_odd(value)}
    return {"kind": "class", "attributes": found}


def _read_default(own: Any, attribute: str) -> Any:
    """A class's attribute; for a dataclass with slots and for a NamedTuple, which keep none, the field's default."""
    value, fields = own[attribute], own.get("__dataclass_fields__")
    if _type(value) is _tuplegetter and _type(own.get("_field_defaults")) is dict:
        return own["_field_defaults"].get(attribute, value)
    if _type(value) is not MemberDescriptorType or _type(fields) is not dict:
        return value
    field = fields.get(attribute)
    return object.__getattribute__(field, "default") if _type(field) is Field else value


def read_value(namespace: dict[str, Any], name: str) -> Any:
    """A global of the notebook."""
    return to_plain(look_up(namespace, name))


def describe_function(namespace: dict[str, Any], name: str) -> dict[str, Any]:
    """The parameters of a function and their defaults."""
    function = look_up(namespace, name)
    if not callable(function):
        return {"kind": "value", "type": _name_type(function)}
    if _isinstance(function, type):
        bases = [_getattribute(base, "__name__") for base in _getattribute(function, "__mro__")]
        return {"kind": "class", "bases": bases}
    parameters = {}
    for parameter in inspect.signature(function).parameters.values():
        default = parameter.default
        plain = {} if default is parameter.empty else {"default": _describe_default(default)}
        parameters[parameter.name] = {"kind": parameter.kind.name, **plain}
    return {"kind": "function", "parameters": parameters}


def _describe_default(default: Any) -> Any:
    """A default in plain form; that of a parameter which the submission added may be anything."""
    try:
        return to_plain(default)
    except NotPlain:
        return {"$odd": _name_type(default)}


def call(namespace: dict[str, Any], name: str, arguments: dict[str, Any]) -> Any:
    """What the notebook's function `name` returns for these keyword `arguments`."""
    function = look_up(namespace, name)
    return to_plain(function(**arguments))


class Bindings:
    """What each global was bound to after each cell.

    Two cells may define helpers of the same name. In a notebook each function is called below its own cell and before the next one, but by
    the grader after all of them.
    """

    def __init__(self, namespace: dict[str, Any]) -> None:
        self._namespace = namespace
        self._history: dict[str, list[tuple[int, Any]]] = {}
        self._cell = 0
        self.record()

    def record(self) -> None:
        """Note the bindings that a cell changed."""
        now = dict(self._namespace)
        for name in [*now, *(name for name in self._history if name not in now)]:
            value, past = now.get(name, _GONE), self._history.setdefault(name, [])
            if not past or past[-1][1] is not value:
                past.append((self._cell, value))
        self._cell += 1

    def restore(self) -> None:
        """Bind again what a function removed that was called after all cells, as by `%reset`: the mistake of one is not that of others."""
        now = {name: past[-1][1] for name, past in self._history.items() if name not in self._namespace}
        self._bind({name: value for name, value in now.items() if value is not _GONE})

    @contextmanager
    def as_of(self, name: str) -> Iterator[None]:
        """Meanwhile each global is what it was after the cell that bound `name`, or, if it was bound only later, what it was first bound to."""
        cell = self._history[name][-1][0] if name in self._history else self._cell
        others = {
            other: value
            for other, past in self._history.items()
            if past[-1][0] > cell and (value := _find_binding(past, cell)) is not past[-1][1]
        }
        saved = {other: self._namespace.get(other, _GONE) for other in others}
        self._bind(others)
        try:
            yield
        finally:
            self._bind(saved)

    def _bind(self, values: dict[str, Any]) -> None:
        for name, value in values.items():
            if value is _GONE:
                self._namespace.pop(name, None)
            else:
                self._namespace[name] = value


def _find_binding(past: list[tuple[int, Any]], cell: int) -> Any:
    """The last value up to `cell`; without one, the first after it."""
    before = [value for when, value in past if when <= cell and value is not _GONE]
    return before[-1] if before else next(value for _, value in past if value is not _GONE)


def _find_replaced_builtins(before: dict[str, Any]) -> list[str]:
    """Names of functions and classes that were replaced or removed. The shell itself replaces `input`, by a method."""
    now, kinds = vars(builtins), (_type(_len), _type)
    return [
        name
        for name, value in before.items()
        if _type(value) in kinds and not (name in now and now[name] is value)
    ]


class Observer:
    """Answers the requests of one kernel. Its `seal` notices what the submission does to it.

    enter: goes to where the notebook works
    """

    def __init__(self, kernel: Any, seal: Any, enter: Any) -> None:
        self._kernel = kernel
        self._seal = seal
        self._enter = enter
        self._namespace = kernel.shell.user_ns
        self._send = kernel.session.send
        self._packs = (kernel.session.pack, kernel.session.unpack)
        self._bindings = Bindings(self._namespace)
        record = seal.hide(self._bindings.record)
        kernel.shell.events.register("post_execute", record)
        self._probes: dict[str, dict[str, Any]] = {
            "": {
                "read_class": read_class,
                "read_value": read_value,
                "describe_function": describe_function,
                "call": call,
            }
        }
        self._builtins = dict(vars(builtins))
        self._handle = seal.hide(self.handle)
        kernel.shell_handlers[REQUEST] = self._handle
        session = type(kernel.session)
        seal.watch(session, session.__module__)
        seal.protect(self._handle, record)

    def handle(self, stream: Any, identity: Any, message: Any) -> None:
        """Reply to one request with `{"value": …}` or `{"error": …}`, with signs of tampering and with what was noted."""
        self._seal.open_question()
        try:
            content = message["content"]
            if "probes" in content:  # nothing of the submission has run yet
                self._seal.keep(self._kernel.session, stream, getattr(stream, "socket", stream), held="send")
            text = _dumps({"value": self._answer(content), **self._describe_state()})
            if _len(text) > MAX_REPLY_CHARACTERS:
                raise NotPlain(f"a value of {_len(text):,} characters as JSON")
        except (
            BaseException
        ) as error:  # the submission's SystemExit and KeyboardInterrupt too: an answer is owed in any case
            text = _dumps({"error": describe_error(error), **self._describe_state()})
        session = self._kernel.session
        self._seal.check_way(pack=(session.pack, self._packs[0]), unpack=(session.unpack, self._packs[1]))
        self._send(stream, REPLY, {"text": text}, message, ident=identity)
        self._seal.close_question()

    def _describe_state(self) -> dict[str, Any]:
        return {**self._find_tampering(), **({"notes": list(_notes)} if _notes else {})}

    def _find_tampering(self) -> dict[str, list[str]]:
        """What the submission has replaced that grading uses. A clever one hides it, and gains nothing by that."""
        signs = [f"{name} of builtins was replaced" for name in _find_replaced_builtins(self._builtins)]
        signs += self._seal.list_signs()
        if self._kernel.session.send != self._send:
            signs.append("the kernel's function for sending messages was replaced")
        if json.dumps is not _json_dumps:
            signs.append("json.dumps was replaced")
        for probe in self._probes.values():
            if "find_tampering" in probe:
                signs += probe["find_tampering"]()
        return {"tampering": signs[:MAX_SIGNS]} if signs else {}

    def _find_breaks(self) -> list[str]:
        """What shows that the last answer is worth nothing: the submission changed, or looked at, what gave it."""
        breaks: list[str] = self._seal.find_breaks()
        if self._kernel.shell_handlers.get(REQUEST) is not self._handle:
            breaks.append("the kernel's handler of questions was replaced")
        return breaks

    def _answer(self, content: dict[str, Any]) -> Any:
        if CLOSING in content:
            return self._find_breaks()
        if "probes" in content:
            probes = load_probes(content["probes"], self._builtins, hide=self._seal.hide)
            self._probes.update(probes)
            for probe in probes.values():
                if "adapt" in probe:
                    probe["adapt"](self._seal.hide(note))
                self._seal.add(probe)
            # Only now: a library that looks for what it may use would find, and run, files of the submission.
            self._enter()
            self._seal.close(note)
            return True
        function = self._probes[content["probe"]][content["function"]]
        arguments = content["arguments"]
        self._bindings.restore()
        look_up(self._namespace, arguments["name"])
        with self._bindings.as_of(arguments["name"]):
            value = function(self._namespace, **arguments)
        return (
            to_plain(value) if content["probe"] else value
        )  # a homework's probes may return numbers of any library


def load_probes(
    sources: Mapping[str, str], builtins_now: dict[str, Any], **names: Any
) -> dict[str, dict[str, Any]]:
    """The globals of each of a homework's probe modules, which are executed one after the other; `names` are among them.

    Meanwhile each can import the earlier ones, as in `from probes.integrity import blocked`; afterwards none can be imported.
    """
    modules = {name: ModuleType(f"{_PROBES}.{name}") for name in sources}
    package = ModuleType(_PROBES)
    before = {each.__name__: _modules.get(each.__name__) for each in (package, *modules.values())}
    try:
        _modules[_PROBES] = package
        for name, module in modules.items():
            vars(module).update(__builtins__=builtins_now, to_plain=to_plain, **names)
            _modules[module.__name__] = module
            exec(compile(sources[name], f"<probe {name}>", "exec", dont_inherit=True), vars(module))
    finally:
        for name, replaced in before.items():
            _modules.pop(name, None)
            if replaced is not None:
                _modules[name] = replaced
    return {name: vars(module) for name, module in modules.items()}


def describe_error(error: BaseException) -> dict[str, Any]:
    """An exception as text; the last lines of the traceback are in the student's own code."""
    try:
        message = str(error)[:2_000]
    except BaseException as second:
        message = f"(its text can't be shown: {_name_type(second)})"
    try:
        frames = traceback.extract_tb(error.__traceback__)[-MAX_TRACEBACK:]
        lines = [
            [frame.filename[-200:], frame.lineno or 0, frame.name[:100], (frame.line or "")[:200]]
            for frame in frames
        ]
    except BaseException:
        lines = []
    return {"name": _name_type(error), "message": message, "frames": lines}


def install(shell: Any, seal: Any, packages: dict[str, Any], stand_ins: list[str], place: str) -> None:
    """Make a shell's kernel answer observation requests, with stand-ins for packages, and work in a folder below the current one.

    Both only when the probes have come, with which `seal` is closed.
    """
    packages["install_packages"](shell, stand_ins, seal.hide(note))
    seal.add(packages, asks=False)
    seal.add(globals())
    Observer(shell.kernel, seal, lambda: packages["enter"](place))
