"""Who may import whom: the table of the kit's design, held against the imports that the sources state."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

KIT = Path(__file__).parents[1]
TEMPLATE = KIT / "grader" / "template"  # a homework of its own, which the engine copies but never imports

PARTS = {
    "lab_1_parallelism",
    "lab_2_hfl",
    "probes",
    "solutions",
    "grader",
    "launch",
    "public_tests",
    "private_tests",
    "tests",
    "benchmarks",
}
LABS = {"lab_1_parallelism", "lab_2_hfl"}
TORCH = {"torch", "torchvision"}

# What each part may import of the kit, besides itself.
ALLOWED: dict[str, set[str]] = {
    "lab_1_parallelism": set(),
    "lab_2_hfl": set(),
    "probes": LABS,
    "solutions": LABS,
    "notebooks/homework_1.py": LABS,
    "notebooks/homework_1_solved.py": LABS | {"solutions"},
    "notebooks/part_b": LABS,
    "grader": set(),
    "launch": set(),
    "public_tests": LABS | {"grader", "launch"},
    "private_tests": LABS | {"grader", "launch", "public_tests", "solutions"},
}


def list_imports(source: str) -> Iterator[tuple[str, list[str]]]:
    """Each module that `source` imports by an absolute name, with the names that it takes from it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, []) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module, [alias.name for alias in node.names]


def list_sources(part: str) -> list[Path]:
    place = KIT / part
    found = [place] if place.is_file() else sorted(place.rglob("*.py"))
    sources = [path for path in found if TEMPLATE not in path.parents]
    assert sources, f"{place} has no Python files"
    return sources


def find_roots(source: Path) -> set[str]:
    return {module.partition(".")[0] for module, _ in list_imports(source.read_text(encoding="utf-8"))}


@pytest.mark.parametrize("part", ALLOWED)
def test_a_part_imports_only_what_it_may(part: str) -> None:
    forbidden = PARTS - ALLOWED[part] - {part}
    found = {
        str(path.relative_to(KIT)): roots
        for path in list_sources(part)
        if (roots := find_roots(path) & forbidden)
    }

    assert found == {}


def test_the_grader_knows_no_torch() -> None:
    assert [path for path in list_sources("grader") if find_roots(path) & TORCH] == []


def test_launch_needs_torch_only_inside_the_worker() -> None:
    outside = [path for path in list_sources("launch") if "worker" not in path.relative_to(KIT).parts]

    assert outside
    assert [path for path in outside if find_roots(path) & TORCH] == []


def test_launch_needs_little_beside_the_standard_library() -> None:
    # `launch_worker` is the name under which the worker's files are known to the process that they watch; those of
    # preloading are run as programs, beside each other and beside the path that is put into each worker.
    own = {"launch", "launch_worker", "compilation", "standin", "sitecustomize"}
    for path in list_sources("launch"):
        assert find_roots(path) - sys.stdlib_module_names - TORCH - own - {"psutil"} == set(), path


@pytest.mark.parametrize("part", ["public_tests", "private_tests"])
def test_checks_take_only_public_names(part: str) -> None:
    """Of the engine and the launcher, as of every other part of the kit."""
    hidden = [
        (path.name, module, name)
        for path in list_sources(part)
        for module, names in list_imports(path.read_text(encoding="utf-8"))
        if module.partition(".")[0] in PARTS
        for name in [*module.split("."), *names]
        if name.startswith("_")
    ]

    assert hidden == []


@pytest.mark.parametrize(
    ("source", "imports"),
    [
        ("import torch.nn, os", [("torch.nn", []), ("os", [])]),
        ("from solutions import b1 as x", [("solutions", ["b1"])]),
        ("def f():\n    from solutions.b1 import *", [("solutions.b1", ["*"])]),
        ("try:\n    import launch\nexcept ImportError:\n    pass", [("launch", [])]),
        ("from . import sibling\nfrom .sibling import name", []),
    ],
)
def test_imports_are_found_wherever_they_stand(source: str, imports: list[tuple[str, list[str]]]) -> None:
    assert list(list_imports(source)) == imports
