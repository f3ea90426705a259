"""What of the host a container may see: which folders, and which parts of these it may not."""

from __future__ import annotations

import importlib.util
import os
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

# Read by the dynamic linker, by fonts and by the clock; nothing here tells of the machine's users or network.
SYSTEM_FILES = tuple(
    Path(name)
    for name in (
        "/etc/ld.so.cache",
        "/etc/ld.so.conf",
        "/etc/ld.so.conf.d",
        "/etc/alternatives",
        "/etc/fonts",
        "/etc/localtime",
        "/etc/mime.types",
        "/sys/devices/system/cpu",
        "/sys/devices/system/node",
    )
)


@dataclass(frozen=True, slots=True)
class View:
    """Folders and files that are readable inside, at the place that they have outside.

    ``hidden`` wins over a readable folder that holds it, and a readable folder within a hidden one wins over
    that.
    """

    readable: tuple[Path, ...] = ()
    hidden: tuple[Path, ...] = ()

    def __add__(self, other: View) -> View:
        return View(self.readable + other.readable, self.hidden + other.hidden)


def python_view(packages: Iterable[str] = (), hidden_packages: Iterable[str] = ()) -> View:
    """Return what this interpreter needs to run, with some top-level packages and without others.

    The packages may be installed plainly or as editable; of an editable one its own folder is shown, never
    the folder that holds it. Raises ModuleNotFoundError for a package to show that is not installed.
    """
    shown = [folder for name in packages for folder in _package_folders(name, required=True)]
    hidden = [folder for name in hidden_packages for folder in _package_folders(name, required=False)]
    return View(tuple(dict.fromkeys([*_interpreter(), *shown])), tuple(dict.fromkeys(hidden)))


def without_hidden(view: View) -> list[Path]:
    """Return readable paths that hold no hidden one; of a folder that does, those entries that do not.

    For Landlock, whose rules can only add.
    """
    return [path for readable in view.readable for path in _around(readable, view.hidden)]


def _around(path: Path, hidden: tuple[Path, ...]) -> Iterator[Path]:
    if path in hidden or not path.exists():
        return
    if not any(other.is_relative_to(path) for other in hidden):
        yield path
        return
    for entry in path.iterdir():
        yield from _around(entry, hidden)


def _interpreter() -> Iterator[Path]:
    prefixes = [sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix]
    prefixes += [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    prefixes += [entry for entry in sys.path if Path(entry).name in {"site-packages", "dist-packages"}]
    for prefix in prefixes:
        yield from _with_target(Path(prefix))
    # A virtual environment's python is a link, perhaps to a link: each step must exist inside as well.
    step = Path(sys.executable)
    while step.is_symlink():
        step = Path(os.path.normpath(step.parent / step.readlink()))
        yield from _with_target(step.parent.parent)


def _with_target(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield path
        if (target := path.resolve()) != path:
            yield target


def _package_folders(name: str, *, required: bool) -> list[Path]:
    spec = importlib.util.find_spec(name)
    if spec is None and required:
        raise ModuleNotFoundError(
            f"The package {name} is not installed, but contained code needs it.", name=name
        )
    if spec is None:
        return []
    if spec.submodule_search_locations is None:
        return [Path(spec.origin)] if spec.origin else []
    return [Path(folder) for folder in spec.submodule_search_locations if Path(folder).is_dir()]
