"""What a grade depends on besides the submission: the sources that made it, as one digest that goes with every report."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from .homework import FILE, Homework
from .isolation import KIT

_ENGINE = ("grader", "launch")
_WITHOUT = (KIT / "grader" / "desk", KIT / "grader" / "template")  # they grade nothing


def digest_suite(homework: Homework) -> str:
    """A digest of all that decides a grade: the engine, checks, probes, the reference, class material, the handout and homework.toml."""
    digest = hashlib.sha256()
    for place, path in sorted((_place(path, homework), path) for path in set(_list_suite(homework))):
        content = path.read_bytes()
        digest.update(f"{place}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:16]


def _place(path: Path, homework: Homework) -> str:
    """A name that is the same wherever the homework and the kit lie."""
    for root in (homework.folder, KIT):
        if path.is_relative_to(root):
            return path.relative_to(root).as_posix()
    return path.name


def _list_suite(homework: Homework) -> Iterator[Path]:
    folder = homework.folder
    yield from (folder / name for name in (FILE, *homework.probe_files))
    yield homework.find_given(homework.handout_file)
    places = [KIT / name for name in _ENGINE]
    places += [homework.locate(suite) for suite in (homework.public, homework.hidden)]
    packages = {
        module.partition(".")[0] for suite in (homework.public, homework.hidden) for module in suite.reference
    }
    for place in places:
        yield from (path for path in place.rglob("*") if path.is_file() and _is_source(path))
    for package in packages | {*homework.kernel.packages, *homework.scripts.packages}:
        yield from list_sources(package, folder)


def _is_source(path: Path) -> bool:
    return "__pycache__" not in path.parts and not any(path.is_relative_to(place) for place in _WITHOUT)


def list_sources(package: str, folder: Path) -> list[Path]:
    """The files of a package or module in `folder`, else of an installed one."""
    if (module := folder / f"{package}.py").is_file():
        return [module]
    place = folder / package
    if not place.is_dir():
        spec = find_spec(package)
        if spec is None or not spec.submodule_search_locations:
            return [Path(spec.origin)] if spec is not None and spec.origin else []
        place = Path(spec.submodule_search_locations[0])
    return sorted(place.rglob("*.py"))
