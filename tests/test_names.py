"""A name means one thing: no two modules and no two classes of the kit share one."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

KIT = Path(__file__).parents[1]
PARTS = ("lab_1_parallelism", "lab_2_hfl", "solutions", "grader", "launch", "public_tests", "private_tests")
TEMPLATE = KIT / "grader" / "template"  # a homework of its own, with modules named like this one's
SPECIAL = {"__init__", "__main__", "conftest"}
OTHERS = {"comparison", "names", "verdict", "Names", "Submission"}


def list_names() -> list[str]:
    """The names of all modules and of all classes that are not inside another one or a function."""
    found = [path for part in PARTS for path in (KIT / part).rglob("*.py")]
    sources = [path for path in found if TEMPLATE not in path.parents]
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in sources]
    classes = [node.name for tree in trees for node in tree.body if isinstance(node, ast.ClassDef)]
    return [path.stem for path in sources if path.stem not in SPECIAL] + classes


def test_no_two_modules_or_classes_share_a_name() -> None:
    names = list_names()

    assert "RunReport" in names
    assert {name for name, count in Counter(names).items() if count > 1} - OTHERS == set()
