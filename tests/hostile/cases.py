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

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat

FOLDER = Path(__file__).parent
HONEST = {
    "setup": "import math",
    "double": "def double(n):\n    return 2 * n",
    "squares": "def squares(n):\n    return [k * k for k in range(n)]",
    "answers": "class Answers:\n    q1 = 'green'\n    q2 = True",
}
EXERCISES = ("double", "squares", "answers")


@dataclass(frozen=True)
class Case:
    name: str
    what: str
    family: str = ""
    extra: tuple[str, ...] = ()
    cells: dict[str, str] = field(default_factory=dict)
    earns: tuple[str, ...] = EXERCISES
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
        cells += [nbformat.v4.new_code_cell(_aim(source, targets)) for source in self.extra]
        cells += [
            nbformat.v4.new_code_cell(_aim(source, targets), metadata={"tags": [tag]})
            for tag, source in tagged.items()
        ]
        return nbformat.v4.new_notebook(cells=cells)


HONEST_CASE = Case("honest", "The right answers.")


def read_cases() -> list[Case]:
    """All cases, in the order of their files."""
    found = []
    for path in sorted((FOLDER / "notebooks").glob("*.toml")):
        for entry in tomllib.loads(path.read_text(encoding="utf-8"))["case"]:
            for name in ("extra", "earns"):
                if name in entry:
                    entry[name] = tuple(entry[name])
            found.append(Case(family=path.stem, **entry))
    return found


def _aim(source: str, targets: dict[str, str]) -> str:
    for name, value in targets.items():
        source = source.replace(f"@{name}@", value)
    return source
