"""What this machine lacks, recognised in how a submission's code ended: a package, a newer Python, an accelerator, the network.

How code ended is a claim of its process, so it is held against what is known outside. Whoever forges it gains nothing but a person's attention.
"""

from __future__ import annotations

import platform
import re
import sys
from dataclasses import dataclass

from .notebook import Notebook
from .observation import CodeError
from .packages import find_missing

_NO_MODULE = re.compile(r"No module named '([\w.]+)'|Missing optional dependency '(\w+)'")
# What a stand-in's type and text say of themselves (`kernel_packages`), in the message of whatever could not use it.
_STAND_IN = re.compile(r"([A-Za-z_][\w.]*)[^\s,']*, which is not installed")
_NEW_NAME = re.compile(r"cannot import name '\w+' from '([\w.]+)'|module '([\w.]+)' has no attribute")
_NO_ACCELERATOR = re.compile(
    r"Found no NVIDIA driver|CUDA driver version|not compiled with (CUDA|XPU) enabled|No CUDA GPUs are available|not linked with support for mps"
    r"|PyTorch is not linked with support for|Cannot access accelerator device"
)
_NO_NETWORK = re.compile(
    r"urlopen error|name resolution|Name or service not known|Network is unreachable|Max retries exceeded|Could not resolve host"
)
_NETWORK_ERRORS = ("URLError", "gaierror", "ConnectError", "NewConnectionError", "MaxRetryError")
_DEVICE = re.compile(r"[a-z]{2,6}(:\d{1,3})?")
_LOOK = re.compile(r"[\w .:/-]{1,60}")


@dataclass(frozen=True)
class Lack:
    """Something that is not here: a clause that says so, what was expected, and what to do."""

    what: str
    expected: str
    remedy: str


def find_lack(error: CodeError | None, notebook: Notebook) -> Lack | None:
    """What this machine lacks, if that is why the code ended with `error`."""
    if error is None:
        return None
    return (
        _find_package(error)
        or _find_python(error, notebook)
        or _find_accelerator(error)
        or _find_network(error)
    )


def _find_package(error: CodeError) -> Lack | None:
    found = _STAND_IN.search(error.message)
    if found is None and error.name in ("ModuleNotFoundError", "ImportError"):
        found = _NO_MODULE.search(error.message)
    missing = find_missing(next(filter(None, found.groups()))) if found is not None else None
    if missing is None:
        return None
    return Lack(
        f"the package {missing.module} is not installed on this machine",
        f"a machine with {missing.module}",
        f"{missing.remedy}, and check again.",
    )


def _find_python(error: CodeError, notebook: Notebook) -> Lack | None:
    """A notebook of a newer Python may have syntax and modules that this one does not know."""
    version = notebook.python
    if read_version(version) <= sys.version_info[:2]:
        return None
    found = _NEW_NAME.search(error.message) if error.name in ("ImportError", "AttributeError") else None
    module = next(filter(None, found.groups())) if found is not None else ""
    if error.name != "SyntaxError" and module.partition(".")[0] not in sys.stdlib_module_names:
        return None
    newer = ".".join(map(str, read_version(version)))
    return Lack(
        f"this machine has Python {platform.python_version()}, and the notebook was written with Python {version}",
        f"Python {newer} or newer, as where the notebook was written",
        f"install the kit with Python {newer} (python{newer} -m venv .venv), and check again. If the line is not new syntax, correct it.",
    )


def read_version(text: str) -> tuple[int, ...]:
    """`3.13.1` as (3, 13); empty if it is not a version."""
    found = re.match(r"(\d{1,3})\.(\d{1,3})", text)
    return tuple(map(int, found.groups())) if found else ()


def _find_accelerator(error: CodeError) -> Lack | None:
    if not _NO_ACCELERATOR.search(error.message):
        return None
    return Lack(
        "this machine does not have the accelerator that it names",
        "code that runs on the CPU as well, or a machine with the accelerator",
        "use the accelerator only where there is one (torch.accelerator.is_available()), or grade on a machine that has it.",
    )


def _find_network(error: CodeError) -> Lack | None:
    if error.name not in _NETWORK_ERRORS and not _NO_NETWORK.search(error.message):
        return None
    return Lack(
        "it asks for something from the network, which contained submissions can't reach",
        "code that runs without the network",
        "remove the download, or, for code that you trust, grade with --isolation none.",
    )


def describe_note(kind: str, asked: str) -> str:
    """A sentence about what a notebook asked for and was passed over; empty for what is not known, since it is the submission's word."""
    if kind == "package" and (missing := find_missing(asked)) is not None:
        return f"{missing.module} is not installed here, so what the notebook does with it was passed over. To have it: {missing.remedy}."
    if kind == "look" and _LOOK.fullmatch(asked):
        return f"Plots are not shown here, so the backend or style {asked!r} was passed over."
    if kind == "device" and _DEVICE.fullmatch(asked):
        return f"There is no {asked!r} here, so what the notebook puts there is on the CPU."
    if kind == "tracer" and asked in ("sys.settrace", "sys.setprofile"):
        return f"The function that the notebook gives to {asked} was not called: it would slow the check down, and see the program that asks."
    return ""
