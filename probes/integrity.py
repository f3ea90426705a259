"""What a notebook does to the lab, for a person to look at, and what it can't do: use a class that the exercise asks to do without.

A probe's source is sent as text to a notebook's kernel before any of the notebook's code, and the same functions are run on the reference. What
crosses is plain data.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import CodeType, FunctionType, MappingProxyType, ModuleType
from typing import Any

from torch import Tensor
from torch.utils.data import Subset

import lab_2_hfl.clients as lab_clients
import lab_2_hfl.dataset as lab_dataset
import lab_2_hfl.model as lab_model
import lab_2_hfl.servers as lab_servers
from lab_2_hfl.servers import FedAvgServer, FedSgdServer

# Bound now, so that what a notebook does to these names later does not matter.
GIVEN_SERVERS: Mapping[str, type] = MappingProxyType(
    {"FedSgdServer": FedSgdServer, "FedAvgServer": FedAvgServer}
)
_METHODS: Mapping[tuple[str, str], FunctionType] = MappingProxyType(
    {
        (name, method): vars(cls)[method]
        for name, cls in GIVEN_SERVERS.items()
        for method in ("__init__", "run")
    }
)
# A grader's kernel gives its probes a function that hides another one behind an object that does not lead to it.
hide = globals().get("hide", lambda function: function)


class Unusable(RuntimeError):
    """A class of the lab was used where the exercise asks to do without."""


@contextmanager
def blocked(names: Sequence[str], exercise: str) -> Iterator[None]:
    """Make classes of the lab unusable for a while, however a notebook got hold of them."""

    methods = {
        function: f"{name} can't be used in {exercise}: it is the server that yours is compared with"
        for (name, _), function in _METHODS.items()
        if name in names
    }
    saved = {function: function.__code__ for function in methods}
    for function, message in methods.items():
        # The code, not the attribute: so whoever kept the function before is refused as well.
        function.__code__ = _make_refusal(message, function.__code__)
    try:
        yield
    finally:
        for function, code in saved.items():
            function.__code__ = code


def _make_refusal(message: str, replaced: CodeType) -> CodeType:
    """Code that takes the place of a function's and raises Unusable."""

    def refuse(*_: Any, **__: Any) -> None:
        refusal: Any = (
            "REFUSAL"  # the function whose code this becomes has other globals: both come as constants
        )
        raise refusal("MESSAGE")

    values = {"REFUSAL": Unusable, "MESSAGE": message}
    code = refuse.__code__
    constants = tuple(
        values.get(value, value) if isinstance(value, str) else value for value in code.co_consts
    )
    return code.replace(co_consts=constants, co_freevars=replaced.co_freevars)


def _list_lab() -> dict[str, Any]:
    """What the lab's modules define: functions by their code, classes by each of their attributes, data by identity."""
    found: dict[str, Any] = {}
    for module in (lab_clients, lab_dataset, lab_model, lab_servers):
        for name, value in vars(module).items():
            if not name.startswith("__") and not isinstance(value, ModuleType):
                found[name] = getattr(value, "__code__", value)
            if isinstance(value, type) and (value.__module__, value.__name__) == (module.__name__, name):
                for key, attribute in vars(value).items():
                    if callable(attribute) or key in ("__module__", "__init__"):
                        found[f"{name}.{key}"] = getattr(attribute, "__code__", attribute)
    return found


_LAB: Mapping[str, Any] = MappingProxyType(_list_lab())


def find_tampering() -> list[str]:
    """What a notebook replaced of the lab, for a person to look at: answers are compared with a reference elsewhere."""
    now = _list_lab()
    gone = object()
    return [
        f"{name} of the lab was replaced" for name, value in _LAB.items() if now.get(name, gone) is not value
    ]


def find_borrowed(namespace: Mapping[str, Any], name: str, server: Any, unusable: Sequence[str]) -> list[str]:
    """Signs that a server hands its work to a server of the lab that it should do without, for a person to look at.

    Its parts are gone through: what it holds, and the names and the code of its methods and of its clients'.
    """
    forbidden = {cls for key, cls in GIVEN_SERVERS.items() if key in unusable}
    borrowed = {_METHODS[key, "run"].__code__: f"{key}.run" for key in GIVEN_SERVERS if key in unusable}
    signs: dict[str, None] = {}
    for part in _list_parts(server):
        if type(part) in forbidden:
            signs[f"a {name} holds a {type(part).__name__}"] = None
        for owner in type(part).__mro__:
            if owner.__module__.startswith("lab_2_hfl"):
                break
            for key, method in vars(owner).items():
                for code in _list_code(method):
                    named = {
                        word
                        for word in code.co_names
                        if any(namespace.get(word, GIVEN_SERVERS.get(word)) is cls for cls in forbidden)
                    }
                    signs |= {f"{owner.__qualname__}.{key} uses {word}": None for word in sorted(named)}
                    if code in borrowed:
                        signs[f"{owner.__qualname__}.{key} is {borrowed[code]}"] = None
    return list(signs)


_MAX_PARTS = 2_000


def _list_parts(server: Any) -> list[Any]:
    """A server and the objects that it holds, directly or not; no data, no classes, no modules."""
    found: dict[int, Any] = {id(server): server}
    waiting = [server]
    while waiting and len(found) < _MAX_PARTS:
        for value in gc.get_referents(waiting.pop()):
            plain = isinstance(value, str | int | float | type | ModuleType | Tensor | Subset | FunctionType)
            if not plain and id(value) not in found:
                found[id(value)] = value
                waiting.append(value)
    return list(found.values())


def _list_code(method: Any) -> Iterator[CodeType]:
    """The code of a function and of all functions within it."""
    waiting = [method.__code__] if isinstance(method, FunctionType) else []
    while waiting:
        code = waiting.pop()
        yield code
        waiting += [value for value in code.co_consts if isinstance(value, CodeType)]
