"""Runs programs by strangers so that they do no harm; docs/security.md says what is promised."""

from .contained_workers import ContainedWorkers
from .container import Container, check_open, remove_folder
from .levels import ContainmentLayer, Level, Machine, format_machine, probe
from .limits import Breach, Limits
from .process import ContainedProcess
from .spawner import ContainmentError
from .view import View, python_view

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
