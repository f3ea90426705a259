"""Runs small programs contained, in each kind of container that this machine gives."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from kinds import Kind

from grader.containment import Level, View, probe, python_view

KINDS = {
    "full": (Level.FULL, "bubblewrap"),
    "namespaces": (Level.REDUCED, "namespaces"),
    "landlock": (Level.REDUCED, "Landlock"),
}
SYSTEM_PYTHON = Path("/usr/bin/python3")


def _kind(name: str) -> Kind:
    level, layer_name = KINDS[name]
    machine = probe()
    layer = next((layer for layer in machine.layers if layer.name == layer_name), None)
    if layer is None or not layer.present or (name == "namespaces" and not machine.landlock):
        pytest.skip(f"this machine gives no {layer_name}: {layer.detail if layer else sys.platform}")
    if name == "landlock":
        machine = replace(machine, namespaces=False)
    # The system's own Python starts quickly, and can be read also where this one lies in root's home.
    plain = SYSTEM_PYTHON.exists()
    return Kind(
        name,
        level,
        machine,
        str(SYSTEM_PYTHON) if plain else sys.executable,
        View() if plain else python_view(),
    )


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    """Each kind of container in turn."""
    return _kind(request.param)


@pytest.fixture(params=KINDS)
def kernel_kind(request: pytest.FixtureRequest) -> Kind:
    """Each kind of container that can run this Python with its packages."""
    kind = _kind(request.param)
    # Python may lie in root's home, and tox makes the folder of its environments for their owner alone.
    folders = [*Path(sys.base_prefix).parents, *Path(sys.prefix).parents]
    closed = [path for path in folders if not path.stat().st_mode & 0o001]
    if kind.level is not Level.FULL and os.geteuid() == 0 and closed:
        pytest.skip(
            f"root's containers have users of their own, to whom {closed[0]} with this Python is closed"
        )
    return replace(kind, python=sys.executable, view=python_view())


@pytest.fixture(params=["full", "namespaces"])
def namespaced(request: pytest.FixtureRequest) -> Kind:
    """Each kind of container that has namespaces."""
    return _kind(request.param)


@pytest.fixture
def full() -> Kind:
    """A container made by bubblewrap."""
    return _kind("full")


@pytest.fixture
def find_processes() -> Callable[[str], list[int]]:
    """Find processes on this machine by a word in their command line."""

    def find(word: str) -> list[int]:
        found = []
        for process in psutil.process_iter(["cmdline", "status"]):
            if (
                word in " ".join(process.info["cmdline"] or [])
                and process.info["status"] != psutil.STATUS_ZOMBIE
            ):
                found.append(process.pid)
        return found

    return find


@pytest.fixture
def open_path() -> Iterator[Path]:
    """A folder that every user can reach, as contained code that root starts is one of its own."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name).resolve()
        path.chmod(0o755)
        yield path
