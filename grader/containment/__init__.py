"""Runs programs by strangers so that they do no harm; docs/security.md says what is promised.

Each name is imported when it is first used: whoever contains nothing needs none of the systems' means.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .contained_workers import ContainedWorkers
    from .container import Container, check_open, remove_folder
    from .levels import ContainmentLayer, Machine, format_machine, probe
    from .limits import Breach, Limits
    from .process import ContainedProcess
    from .spawner import ContainmentError
    from .strength import Level
    from .view import View, python_view

_MODULES = {
    "Breach": "limits",
    "ContainedProcess": "process",
    "ContainedWorkers": "contained_workers",
    "Container": "container",
    "ContainmentError": "spawner",
    "ContainmentLayer": "levels",
    "Level": "strength",
    "Limits": "limits",
    "Machine": "levels",
    "View": "view",
    "check_open": "container",
    "format_machine": "levels",
    "probe": "levels",
    "python_view": "view",
    "remove_folder": "container",
}

__all__ = [
    "Breach",
    "ContainedProcess",
    "ContainedWorkers",
    "Container",
    "ContainmentError",
    "ContainmentLayer",
    "Level",
    "Limits",
    "Machine",
    "View",
    "check_open",
    "format_machine",
    "probe",
    "python_view",
    "remove_folder",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULES[name]}", __name__), name)
