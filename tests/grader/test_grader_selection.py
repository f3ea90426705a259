"""Which cells are run: those with tags, and what they need. Each case is a notebook; the cells that start with `#` must be left out."""

from __future__ import annotations

from pathlib import Path

import pytest
from IPython.core import inputtransformer2

from grader.notebook import Cell, Notebook
from grader.selection import select_cells

# A source that starts with a tag and a colon is a tagged cell. `#` before a cell means that grading needs it not.
CASES: dict[str, list[str]] = {
    "tagged cells alone": ["setup: a = 1", "answer: b = 2", "#c = 3"],
    "a helper with a tag of the student's own": ["notes: def helper(): return 1", "answer: f = helper"],
    "a plot with a tag of the student's own": ["answer: b", "#notes: c = b"],
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
    "a loop's variable below all uses": [
        "setup: from lab import *",
        "answer: def f(): return split(3)",
        "#for split in 'ab': print(split)",
    ],
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
    "a helper below %%time": ["%%time\ndef helper(): return 1", "answer: x = helper"],
    "a helper below %%capture": ["%%capture --no-stderr\nhelper = 1", "answer: x = helper"],
    "what %%capture kept": ["%%capture printed\nprint(1)", "answer: x = printed.stdout"],
    "a helper below %%prun": ["%%prun -l 5 -s time\nhelper = 1", "answer: x = helper"],
    "a helper below two magics": ["%%time\n%%capture\n%matplotlib inline\nhelper = 1", "answer: x = helper"],
    "a helper after %time": ["%time helper = 1", "answer: x = helper"],
    "a helper after %prun's options": ["%prun -l 5 -q helper = 1", "answer: x = helper"],
    "a use below %%time": ["helper = 1", "answer: %%time\nx = helper"],
    "a use after %timeit": ["helper = 1", "answer: %timeit -n 1 -r1 x = helper"],
    "what %%timeit binds stays inside": [
        "#%%timeit\nhelper = 1",
        "#%timeit helper = 1",
        "answer: x = helper",
    ],
    "a change below %%time": ["helper = []", "%%time\nhelper.append(1)", "answer: x = helper"],
    "plots below %%time": ["answer: def f(): return 1", "#%%time\nframe = f()\nframe.plot()"],
    "a written module": ["%%writefile lab.py\nhelper = 1", "answer: from lab import helper"],
    "a written module that nobody imports": ["#%%writefile lab.py\nhelper = 1", "answer: x = helper"],
    "another language": ["#%%bash\nhelper = 1", "#%%html\nhelper = 1", "answer: x = helper"],
    "a value named like a built-in": ["#sum = 0", "#list = [1]", "answer: x = sum(list('ab'))"],
    "a function named like a built-in": ["def sum(x): return 1", "answer: def f(): return sum([])"],
    "an import named like a built-in": ["from math import pow", "answer: def f(): return pow(2, 3)"],
    "a lambda named like a built-in": ["max = lambda x: 1", "answer: x = max([])"],
    "a method that changes a list": ["table = []", "table.append(1)", "answer: x = table"],
    "a method that changes, in a loop": ["t = {}", "for k in 'ab':\n    t[k].add(1)", "answer: x = t"],
    "a method that changes, whose result is used": [
        "t = {}",
        "#u = t.get(1)",
        "u = t.pop(1)",
        "answer: x = t",
    ],
    "a method of the student's own": [
        "box = Box()",
        "box.register('a')",
        "answer: x = box",
        "#class Bag: pass",
    ],
    "setattr": ["class Box: pass", "setattr(Box, 'width', 3)", "answer: x = Box"],
    "an item of vars()": ["class Box: pass", "vars(Box)['width'] = 3", "answer: x = Box"],
    "a method within a function": ["t = []", "#def grow(): t.append(1)", "answer: x = t"],
    "a method of a comprehension's own name": ["t = []", "#[t.append(1) for t in []]", "answer: x = t"],
    "a method that shows": ["frame = 1", "#frame.plot()", "#axes = frame.hist()", "answer: x = frame"],
    "a method of a module": [
        "setup: import matplotlib.pyplot as plt, numpy as np",
        "#np.random.seed(1)\nplt.title('all')\nplt.rcParams['font.size'] = 9\nplt.show()",
        "answer: def f(): plt.plot(np.ones(3))",
    ],
    "a method of what a star import gave": ["setup: from lab import *", "#pd.clear()", "answer: x = pd"],
    "a method of what nobody needs": ["answer: x = 1", "#ax = x\nax.append(1)", "#ax.append(2)"],
    "a call of what is graded": ["answer: def f(): return 1", "#f()", "#table = f()", "#print(f().pop())"],
    "the same import again": [
        "setup: import numpy as np",
        "#import numpy as np\nnp.sleep(3600)",
        "answer: def f(): return np.pi",
    ],
    "the first of two same imports": ["import numpy as np", "#import numpy as np\nplot()", "answer: x = np"],
    "another import of the same name": ["import os", "import os.path", "answer: x = os"],
    "a function's own names are not used": [
        "answer: def f(frame):\n    rows = [frame]\n    for row in rows: print(row)\n    return rows",
        "#frame = f()\nrows = frame\nrow = 1",
        "#rows.append(1)",
    ],
    "a name that the cell itself bound before": [
        "answer: def f(): return 1\nframe = f()\nfor row in frame: print(row)\n[frame for row in frame]",
        "#frame = f()\nrow = 1",
    ],
    "a name that the cell bound on one way only": ["a = 1", "answer: if x:\n    a = 2\nprint(a)"],
    "a name that a function may see changed": ["answer: a = 1\ndef f(): return a", "a = 2"],
    "a name that a nested function uses": [
        "helper = 1",
        "answer: def f():\n    def g():\n        nonlocal n\n        n = helper\n    n = 0",
    ],
    "a name that a method uses": ["size = 1", "answer: class A:\n    size = 2\n    def f(self): return size"],
    "exec of a text": ["exec('helper = 1')", "#exec('other = 1')", "answer: x = helper"],
    "exec of a file may bind anything": ["exec(open('lab.py').read())", "answer: x = 1"],
    "exec with names of its own": ["#exec(text, {})", "answer: x = text"],
    "an item of globals()": ["globals()['helper'] = 1", "#globals()['other'] = 1", "answer: x = helper"],
    "any item of globals()": ["for k in 'ab': globals()[k] = 1", "answer: x = 1"],
    "globals().update()": ["globals().update(helper=1)", "#globals().update({'b': 1})", "answer: x = helper"],
    "a walrus in a comprehension": ["[helper := n for n in 'ab']", "answer: x = helper", "#n = 1"],
    "a case": ["match 1:\n    case [*helper]: pass\n    case {'a': 1, **rest}: pass", "answer: x = rest"],
    "a case's name": ["match 1:\n    case helper: pass", "answer: x = helper"],
    "a syntax error": ["#def helper(:", "answer: x = helper"],
    "a syntax error in a tagged cell": ["#helper = 1", "answer: x = helper("],
    "a null byte": ["#helper = 1\0", "answer: x = helper"],
    "text is never run": ["helper = 1", "answer: x = helper", "#text: x"],
    "a method put on a lab's class": [
        "setup: from lab import *",
        "def weights(self): return 1\nModel.weights = weights",
        "setattr(Model, 'biases', weights)",
        "#Loader.plot = weights",
        "#frame = f()\nframe.biases = 2",
        "answer: def f(model): return model.weights() + model.biases()",
    ],
    "a decorator that registers": [
        "table = {}\ndef register(f): table[f.__name__] = f",
        "@register\ndef g(): pass",
        "#def h(): register(1)\nh()\nregister(f)",
        "answer: def f(): return table",
    ],
    "an attribute of a module or of a value": [
        "setup: from lab import *",
        "#F.weights = 1",
        "#plt.weights = 1",
        "#loader.weights = 1",
        "answer: def f(model): return model.weights()",
    ],
    "a decorator whose wrapper keeps times": [
        "times = {}\ndef timed(f):\n    def inner(): times[f] = f()\n    return inner",
        "answer: @timed\ndef f(): pass",
        "#@timed\ndef plots(): pass\nplots()",
    ],
    "a decorator with arguments whose wrapper keeps times": [
        "times = {}\ndef timed(n):\n    def make(f):\n        def inner(): times[f] = f()\n        return inner\n    return make",
        "answer: @timed(1)\ndef f(): pass",
        "#@timed(2)\ndef plots(): pass\nplots()",
    ],
    "a decorator with arguments, one of an object": [
        "class Table:\n    def add(self, name): self.x = name",
        "table = Table()\nnames = []\ndef register(name):\n    def inner(f): names.append(f)\n    return inner",
        "@table.add('g')\ndef g(): pass",
        "@register('h')\ndef h(): pass",
        "answer: x = table, names",
    ],
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


def test_more_magics_than_ipython_reads_are_no_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputtransformer2, "TRANSFORM_LOOP_LIMIT", 5)
    notebook, _ = make_notebook(["%t\n" * 6, "answer: x"])

    assert [cell.index for cell in select_cells(notebook, ["answer"])] == [1]


@pytest.mark.parametrize(
    "source", ["%%time\n" * 1_000, "%timeit " + "-x ) " * 6_000], ids=["below", "beside"]
)
def test_much_code_in_magics_is_taken_in_doubt(source: str) -> None:
    notebook, _ = make_notebook([source, "answer: x"])

    assert [cell.index for cell in select_cells(notebook, ["answer"])] == [0, 1]


def test_deeply_nested_code_is_no_crash() -> None:
    notebook, _ = make_notebook(
        ["x = " + "(" * 90 + "1" + ")" * 90, "y = " + "-" * 50_000 + "1", "answer: x"]
    )

    assert [cell.index for cell in select_cells(notebook, ["answer"])] in ([0, 2], [0, 1, 2])
