"""What is known about packages that notebooks import and that this machine may lack: `packages.toml`, and what is installed."""

from __future__ import annotations

import difflib
import importlib.util
import sys
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any, NamedTuple

_FILE = Path(__file__).with_name("packages.toml")


class Missing(NamedTuple):
    """A package that exists, but not on this machine."""

    module: str
    distribution: str

    @property
    def remedy(self) -> str:
        return f"pip install {self.distribution}"


@cache
def _read_file() -> Mapping[str, Any]:
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))


def _read_known() -> tuple[Mapping[str, str], Mapping[str, str]]:
    """By module, the distributions of packages that decorate, and of those that compute."""
    return _read_file()["decorating"], _read_file()["computing"]


def list_usual() -> list[str]:
    """The modules that submissions usually import."""
    return list(_read_file()["usual"])


def find_missing(module: str) -> Missing | None:
    """The package to which `module` belongs, if it is known and not installed here. A name that nobody knows may be misspelt, or made up."""
    decorating, computing = _read_known()
    known = {**computing, **decorating}
    parts = module.split(".")
    names = [".".join(parts[:length]) for length in range(len(parts), 0, -1)]
    # Of `google.colab`, the error may name `google` alone.
    names += [name for name in known if name.startswith(f"{module}.")]
    found = next((name for name in names if name in known), None)
    return Missing(found, known[found]) if found is not None and not is_installed(found) else None


def is_installed(module: str) -> bool:
    """Whether `module` can be imported here; nothing of it is run unless it lies in a package."""
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False


@cache
def list_stand_ins() -> tuple[str, ...]:
    """The packages that only decorate and are missing here."""
    return tuple(name for name in _read_known()[0] if not is_installed(name))


def find_alike(module: str) -> str | None:
    """The package that a misspelt name probably means."""
    decorating, computing = _read_known()
    names = {*decorating, *computing, *sys.stdlib_module_names, *packages_distributions()}
    near = difflib.get_close_matches(module, sorted(names), n=1, cutoff=0.75)
    return near[0] if near else None
