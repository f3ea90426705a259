"""Which cells are run: those with tags, what they need, and what sets something up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from IPython.core import inputtransformer2

from grader import cells
from grader.cells import select_cells
from grader.notebook import Cell, Notebook
from grader.statements import read_statements

# Notebooks. A source that starts with a tag and a colon is a tagged cell; one that starts with `#` must be left out.
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
    "an item": ["table = {}", "table['a'] = 1", "answer: x = table", "#other = {}\nother['a'] = 1"],
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
    "what %%timeit binds, in doubt": ["%%timeit\nhelper = 1", "%timeit helper = 1", "answer: x = helper"],
    "a change below %%time": ["helper = []", "%%time\nhelper.append(1)", "answer: x = helper"],
    "plots below %%time": ["answer: def f(): return 1", "#%%time\nframe = f()\nframe.plot()"],
    "a written module": ["%%writefile lab.py\nhelper = 1", "answer: from lab import helper"],
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
    "a plot below a module that the answer uses": [
        "setup: import matplotlib.pyplot as plt, numpy as np",
        "#rows = np.sort(f())\nplt.title('all')\nplt.show()",
        "answer: def f(): plt.plot(np.ones(3))",
    ],
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
    "exec may bind anything": ["exec('helper = 1')", "answer: x = helper"],
    "exec uses what its text names": ["helper = 1", "#other = 1", "answer: exec('x = helper')"],
    "exec of a file may bind anything": ["exec(open('lab.py').read())", "answer: x = 1"],
    "exec with names of its own": ["#exec(text, {})", "answer: x = text"],
    "an item of globals()": ["globals()['helper'] = 1", "#globals()['other'] = 1", "answer: x = helper"],
    "any item of globals()": ["for k in 'ab': globals()[k] = 1", "answer: x = 1"],
    "a method of an item of globals()": ["globals()['t'] = []", "t.append(run())", "answer: x = t"],
    "a use of an item of globals()": ["helper = 1", "#other = 1", "answer: x = globals()['helper']"],
    "globals().update() may bind anything": ["globals().update(names)", "answer: x = helper"],
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
    "an attribute of a value": [
        "#frame = 1\nframe.weights = 1",
        "answer: def f(model): return model.weights()",
    ],
    "a class's name from outside": ["size = 1", "answer: class A:\n    size = size"],
    "what a command names": ["folder = 'a'", "answer: !mkdir {folder}"],
    "a decorator whose wrapper keeps times": [
        "times = {}\ndef timed(f):\n    def inner(): times[f] = f()\n    return inner",
        "answer: @timed\ndef f(): pass",
        "#@timed\ndef plots(): pass\nplots()",
    ],
    "a decorator that uses a module": [
        "setup: import functools",
        "def timed(f):\n    @functools.wraps(f)\n    def inner(): return f()\n    return inner",
        "answer: @timed\ndef f(): return functools",
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


# What is run of a cell that no other needs: each a cell, or a cell and the part of it.
SETUP: list[str | tuple[str, str]] = [
    "import os\nos.makedirs('results', exist_ok=True)",
    "Path('out').mkdir()",
    "OUT = Path('out')\n(OUT / 'a').mkdir()",
    "import os\nif not os.path.exists('a'):\n    os.mkdir('a')",
    "import os\nfor name in ['a', 'b']:\n    os.mkdir(name)",
    "import json\nwith open('a.json', 'w') as file:\n    json.dump({'a': 1}, file)",
    "file = open('a', 'w')\nfile.write('a')",
    "!mkdir -p out/a",
    "!rm -rf out && mkdir out",
    "%mkdir out",
    "%%bash\n# where results go\nmkdir out",
    "import subprocess\nsubprocess.run(['mkdir', 'out'])",
    "%%writefile lab.py\nhelper = 1",
    "import sys\nsys.path.append('..')",
    "import sys\npaths = []\npaths.append('..')\nsys.path.extend(paths)",
    "import os\nos.environ['OMP_NUM_THREADS'] = '1'",
    "import logging\nlogging.basicConfig(level=logging.INFO)",
    "import logging\nlog = logging.getLogger()\nlog.setLevel('INFO')",
    "import nest_asyncio\nnest_asyncio.apply()",
    "from warnings import filterwarnings\nfilterwarnings('ignore')",
    "import pandas as pd\npd.set_option('display.max_rows', 9)",
    "import matplotlib.pyplot as plt\nplt.style.use('ggplot')\nplt.rcParams['font.size'] = 9",
    "torch.set_num_threads(1)\ntorch.backends.cudnn.deterministic = True",
    "SEED = 1\nSEED += 1\ntorch.manual_seed(SEED)",
    "def prepare(seed):\n    torch.manual_seed(seed)\nprepare(1)",
    "%matplotlib inline",
    "%load_ext autoreload\n%autoreload 2",
    (
        "%%time\nimport os, time\nos.mkdir('a')\ntime.sleep(3600)\nos.mkdir('b')",
        "import os, time\nos.mkdir('a')\nos.mkdir('b')",
    ),
    (
        "SEED = 1\ntorch.manual_seed(SEED)\nrows = f()\nrows.plot()\nprint(SEED)",
        "SEED = 1\ntorch.manual_seed(SEED)",
    ),
    (
        "%matplotlib inline\n!pip install torch\nplt.title('a')",
        "get_ipython().run_line_magic('matplotlib', 'inline')",
    ),
    (
        "file = f()\nwith open('a', 'w') as file:\n    file.write('a')",
        "with open('a', 'w') as file:\n    file.write('a')",
    ),
    ("name = f()\nPath(name).mkdir()\nname = 'a'\nPath(name).mkdir()", "name = 'a'\nPath(name).mkdir()"),
]


@pytest.mark.parametrize("case", SETUP)
def test_setup_is_run(case: str | tuple[str, str]) -> None:
    source, part = (case, case) if isinstance(case, str) else case
    notebook, _ = make_notebook(["setup: from lab import *", "answer: def f(): return run()", source])

    assert [cell.source for cell in select_cells(notebook, ["setup", "answer"])[2:]] == [part]


@pytest.mark.parametrize(
    "source",
    [
        "f()",
        "import time\ntime.sleep(3600)",
        "import fl\nfl.run_all()",
        "import fl\nfl.model.trainAll()",
        "from fl import compare\ncompare(f)",
        "server = Server()\nserver.start()",
        "split(100)",
        "import asyncio\nasyncio.get_event_loop().create_task(f())",
        "import asyncio\nawait asyncio.sleep(3600)",
        "while True:\n    torch.manual_seed(1)",
        "for seed in range(9):\n    torch.manual_seed(seed)\n    f()",
        "def slow():\n    return sum(range(10 ** 12))\nslow()",
        "import matplotlib.pyplot as plt\nplt.figure()\nplt.legend()",
        "import os\nos.remove('a')",
        "import shutil\nshutil.rmtree('a')",
        "import sys\nsys.exit()",
        "torch.set_default_device('cuda:0')",
        "rows = []\nrows.append(1)\nrows[0] = 2",
        "print('a')",
        "!pip install torch",
        "!mkdir a; python train.py",
        "%%bash\nmkdir a\npython train.py",
        "import os\nos.system('python train.py')",
        "%timeit torch.ones(1)",
        "for split in 'ab':\n    Path(split).mkdir()",
        "size = 2\nPath(str(size)).mkdir()",
        "for id in 'ab':\n    Path(id).mkdir()",
    ],
)
def test_computing_and_cleaning_up_are_not_run(source: str) -> None:
    answer = "answer: size = 1\ndef f(): return run(), split"
    notebook, _ = make_notebook(["setup: from lab import *", answer, source])

    assert select_cells(notebook, ["setup", "answer"])[2:] == []


def test_setup_takes_what_it_uses_from_other_cells() -> None:
    notebook, _ = make_notebook(["FOLDER = 'a'\ncurves = run()", "Path(FOLDER).mkdir()", "answer: x = 1"])

    cells = select_cells(notebook, ["answer"])

    assert [(cell.index, cell.source) for cell in cells] == [
        (0, "FOLDER = 'a'"),
        (1, "Path(FOLDER).mkdir()"),
        (2, "x = 1"),
    ]


def test_style_needs_no_plots_beside_it() -> None:
    style, answer = "plt.rcParams['font.size'] = 9", "answer: def f(): plt.plot(1)"
    notebook, _ = make_notebook(["setup: import matplotlib.pyplot as plt", f"{style}\nf()", answer])

    assert select_cells(notebook, ["setup", "answer"])[1].source == style


def test_a_needed_cell_is_run_whole() -> None:
    notebook, _ = make_notebook(["Path('a').mkdir()\nhelper = run()\nprint(helper)", "answer: x = helper"])

    assert select_cells(notebook, ["answer"]) == list(notebook.cells)


def test_more_magics_than_ipython_reads_are_no_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputtransformer2, "TRANSFORM_LOOP_LIMIT", 5)
    notebook, _ = make_notebook(["%t\n" * 6, "answer: x"])

    assert [cell.index for cell in select_cells(notebook, ["answer"])] == [1]


def test_deeply_nested_code_is_no_crash() -> None:
    notebook, _ = make_notebook(
        [
            "x = " + "(" * 90 + "1" + ")" * 90,
            "x = 1" + " + 1" * 2_000,
            "y = " + "-" * 50_000 + "1",
            "answer: x",
        ]
    )

    assert [cell.index for cell in select_cells(notebook, ["answer"])] in ([0, 1, 3], [0, 1, 2, 3])


def test_a_chain_of_cells_is_followed_in_steps_as_many_as_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hostile notebook has thousands of them, and is read in the grader's own process."""
    asked = []
    is_needed = cells._Selection._is_needed
    monkeypatch.setattr(
        cells._Selection, "_is_needed", lambda self, code: asked.append(code) or is_needed(self, code)
    )
    sources = [f"x{number} = x{number + 1}" for number in range(200)]
    notebook = Notebook(
        Path("a.ipynb"), tuple(Cell(i, "code", source, ()) for i, source in enumerate(sources))
    )
    notebook = replace(notebook, cells=(*notebook.cells, Cell(200, "code", "y = x0", ("wanted",))))

    assert len(select_cells(notebook, ["wanted"])) == 201
    assert len(asked) <= 3 * 200


@pytest.mark.parametrize(
    "source", ["x = 1\n" * 20_001, "x = '" + "a" * 500_000 + "'"], ids=["lines", "characters"]
)
def test_more_code_than_any_homework_has_is_not_looked_into(source: str) -> None:
    notebook = Notebook(Path("a.ipynb"), (Cell(0, "code", source, ()), Cell(1, "code", "y = 1", ("wanted",))))

    assert select_cells(notebook, ["wanted"]) == list(notebook.cells)


def test_a_very_long_cell_may_do_anything() -> None:
    (statement,) = read_statements("!ls\n" * 20_000)

    assert statement.opaque
