"""The hostile and clumsy notebooks: read from `notebooks/*.toml`, one file for each kind of attack.

    [[case]]
    name = "reads the key"
    what = "Opens the key by its path."          # one sentence
    extra = ["loot = open('@KEY@').read()"]      # cells before the honest ones
    cells.double = "def double(n): …"            # in place of an honest cell
    earns = ["double", "squares", "answers"]     # exercises that keep their points (default: all)
    says = "…"                                   # a regular expression that a failed check's message matches
    signs = "…"                                  # likewise for the signs of tampering
    limits = { cell_timeout_s = 2 }              # in place of the homework's
    works_uncontained = true                     # at level none it gets at the canary: what stops it is containment
    quick = true                                 # part of the default run
    limit_s = 60                                 # wall clock

`@NAME@` stands for what is there to be attacked: a field of `Targets`. A case has failed if its `loot` is not
empty, or the canary is in anything that it printed or answered, whatever else happens.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import nbformat
import pytest

from grader.containment import Level, probe

FOLDER = Path(__file__).parent
HONEST = {
    "setup": "import math",
    "double": "def double(n):\n    return 2 * n",
    "squares": "def squares(n):\n    return [k * k for k in range(n)]",
    "answers": "class Answers:\n    q1 = 'green'\n    q2 = True",
}
EXERCISES = ("double", "squares", "answers")

contained = pytest.mark.skipif(probe().level is not Level.FULL, reason="this machine does not contain fully")
slow = pytest.mark.skipif(os.environ.get("HOSTILE") != "all", reason="run by `tox -e hostile` (HOSTILE=all)")


Kind = TypeVar("Kind")


def read_cases(kind: type[Kind], file: str, **common: Any) -> list[Kind]:
    """The cases of a file in this folder."""
    content = tomllib.loads((FOLDER / file).read_text(encoding="utf-8"))
    return [kind(**entry, **common) for entry in content["case"]]


def choose(cases: Iterable[Any]) -> list[Any]:
    """Parameters for a test: what is not quick is left to `tox -e hostile`."""
    return [pytest.param(case, id=case.name, marks=[] if case.quick else [slow]) for case in cases]


def aim(text: str, targets: Mapping[str, str]) -> str:
    """Put what is there to be attacked in the place of `@NAME@`."""
    for name, value in targets.items():
        text = text.replace(f"@{name}@", value)
    return text


@dataclass(frozen=True)
class Case:
    name: str
    what: str
    family: str = ""
    extra: Sequence[str] = ()
    cells: dict[str, str] = field(default_factory=dict)
    earns: Sequence[str] = EXERCISES
    says: str = ""
    signs: str = ""
    limits: dict[str, Any] = field(default_factory=dict)
    works_uncontained: bool = False
    quick: bool = False
    limit_s: float = 60.0

    def make_notebook(self, targets: dict[str, str]) -> nbformat.NotebookNode:
        """The submission, aimed at its targets."""
        tagged = {**HONEST, **self.cells}
        setup = tagged.pop("setup")
        cells = [nbformat.v4.new_code_cell(setup, metadata={"tags": ["setup"]})]
        cells += [nbformat.v4.new_code_cell(aim(source, targets)) for source in self.extra]
        cells += [
            nbformat.v4.new_code_cell(aim(source, targets), metadata={"tags": [tag]})
            for tag, source in tagged.items()
        ]
        return nbformat.v4.new_notebook(cells=cells)


HONEST_CASE = Case("honest", "The right answers.")
