"""Which cells are run: those with tags, and what they need. Each case is a notebook; the cells that start with `#` must be left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.notebook import Cell, Notebook
from grader.selection import select_cells

# A source that starts with a tag and a colon is a tagged cell. `#` before a cell means that grading needs it not.
CASES: dict[str, list[str]] = {
    "tagged cells alone": ["setup: a = 1", "answer: b = 2", "#c = 3"],
    "a cell with another tag is not run": ["answer: b", "#notes: b = 2"],
    "a helper function": ["def helper(): return 1", "answer: def f(): return helper()"],
    "a helper of a helper": [
        "def deepest(): return 1",
        "def helper(): return deepest()",
        "answer: f = helper",
        "#def other(): return 1",
    ],
    "a helper after its use": ["answer: def f(): return helper()", "def helper(): return 1"],
    "plots of what is graded": [
        "answer: def f(): return 1",
        "#import matplotlib.pyplot as plt\nplt.plot(f())\nplt.show()",
        "#frame = f()\nframe.plot()",
    ],
    "a star import may bind anything": ["from math import *", "answer: x = pi"],
    "import as": ["import numpy as np", "#import pandas as pd", "answer: x = np.pi"],
    "import of a submodule": ["import os.path", "answer: x = os.path.sep"],
    "from import": ["from math import pi, tau as turn", "answer: x = turn"],
    "an item": ["table = {}", "table['a'] = 1", "answer: x = table", "#other['a'] = 1"],
    "an attribute": ["class Box: pass", "Box.width = 3", "answer: x = Box()"],
    "an item of an attribute": ["box.sizes[0] = 3", "answer: x = box"],
    "an augmented assignment": ["count = 0", "count += 1", "answer: x = count"],
    "an annotated assignment": ["rate: float = 0.1", "answer: x = rate"],
    "several targets": ["(a, [b, *c]) = 1, [2, 3]", "answer: x = c"],
    "a loop's variable": ["for step in range(3): pass", "answer: x = step"],
    "a with statement": ["with open('f') as file: pass", "answer: x = file"],
    "a walrus": ["if (size := 3) > 2: pass", "answer: x = size"],
    "a global statement": ["def start():\n    global state\n    state = 1\nstart()", "answer: x = state"],
    "a class": ["class Base: pass", "answer: class Mine(Base): pass"],
    "a decorator": ["def twice(f): return f", "answer: @twice\ndef f(): pass"],
    "a default": ["RATE = 0.1", "answer: def f(rate=RATE): pass"],
    "an annotation": ["from typing import Literal", "answer: class A:\n    q1: Literal['a'] = 'a'"],
    "a deletion": ["name = 1", "del name", "answer: x = name"],
    "what a function binds stays inside": ["#def g():\n    helper = 1", "answer: def f(): return helper"],
    "what a comprehension binds stays inside": ["#squares = [n for n in range(3)]", "answer: x = n"],
    "a line magic": ["%matplotlib inline\nhelper = 1", "answer: x = helper", "#%timeit 1"],
    "a shell line": ["files = !ls", "answer: x = files", "#!pip install torch"],
    "a magic in a tagged cell": ["helper = 1", "answer: %matplotlib inline\nx = helper"],
    "%run may bind anything": ["%run other.py", "answer: x = 1"],
    "a cell magic": ["#%%time\nx = 1", "answer: y = 2"],
    "a shadowed built-in": ["#sum = 0", "#list = [1]", "answer: x = sum(list('ab'))"],
    "a syntax error": ["#def helper(:", "answer: x = helper"],
    "a syntax error in a tagged cell": ["#helper = 1", "answer: x = helper("],
    "a null byte": ["#helper = 1\0", "answer: x = helper"],
    "text is never run": ["helper = 1", "answer: x = helper", "#text: x"],
    "redefinitions are all run, in order": ["def h(): return 1", "answer: x = h", "def h(): return 2"],
}


def make_notebook(sources: list[str]) -> tuple[Notebook, list[int]]:
    """A notebook, and the indices of the cells that must be selected."""
    cells, wanted = [], []
    for index, written in enumerate(sources):
        if not written.startswith("#"):
            wanted.append(index)
        source = written.removeprefix("#")
        tag = next((tag for tag in ("setup", "answer", "notes", "text") if source.startswith(f"{tag}: ")), "")
        kind = "markdown" if tag == "text" else "code"
        cells.append(Cell(index, kind, source.removeprefix(f"{tag}: "), (tag,) if tag else ()))
    return Notebook(Path("homework.ipynb"), tuple(cells)), wanted


@pytest.mark.parametrize("sources", CASES.values(), ids=CASES)
def test_cells_are_selected(sources: list[str]) -> None:
    notebook, wanted = make_notebook(sources)

    assert [cell.index for cell in select_cells(notebook, ["setup", "answer", "text"])] == wanted


def test_deeply_nested_code_is_no_crash() -> None:
    notebook, _ = make_notebook(
        ["x = " + "(" * 90 + "1" + ")" * 90, "y = " + "-" * 50_000 + "1", "answer: x"]
    )

    assert [cell.index for cell in select_cells(notebook, ["answer"])] in ([0, 2], [0, 1, 2])
