"""Tags that were lost are restored where one cell fits, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.failure import Failure
from grader.handout import Handout
from grader.notebook import Cell, Notebook
from grader.tags import restore_tags

SETUP = ("code", "from typing import Literal\nfrom lab.all import *", "setup")
SERVER = ("code", "class Server(Base):\n    ...", "server")
NUMBERS = ("code", "bs: int = ...\ne: int = ...", "numbers")
QUESTION, WHY = ("markdown", "Now explain.", ""), ("markdown", "*Write here.*", "why")
NEXT = ("markdown", "#### The next exercise", "")
TAGS = ("setup", "server", "numbers", "why")

Given = tuple[str, str, str]


def make(*cells: Given) -> Notebook:
    made = [
        Cell(index, kind, source, (tag,) if tag else ()) for index, (kind, source, tag) in enumerate(cells)
    ]
    return Notebook(Path("hw.ipynb"), tuple(made))


HANDOUT = Handout(make(SETUP, SERVER, NUMBERS, QUESTION, WHY, NEXT))


def code(source: str, tag: str = "") -> Given:
    return ("code", source, tag)


def text(source: str) -> Given:
    return ("markdown", source, "")


def restore(*cells: Given) -> tuple[dict[str, str], list[str]]:
    restored, notes = restore_tags(make(*cells), HANDOUT, TAGS)
    return {tag: cell.source for cell in restored.cells for tag in cell.tags}, notes


ANSWERS = {
    "setup": "import torch\nfrom lab.servers import Base",
    "server": "%%time\nclass Server(Base):\n    x = (1",
    "numbers": "bs = 3\ne: int = 4",
    "why": "Because.",
}
UNTAGGED = [
    text("Title"),
    code(ANSWERS["setup"]),
    code("print(Server(bs, e))"),
    code(ANSWERS["server"]),
    code(ANSWERS["numbers"]),
    QUESTION,
    text(ANSWERS["why"]),
    NEXT,
]


def test_cells_are_found_by_the_names_that_they_define() -> None:
    found, (note,) = restore(*UNTAGGED)
    assert found == ANSWERS
    assert note == (
        "No cell has a tag. By the names that they define, these were found: setup (cell 2), server (cell 4), numbers (cell 5), why (cell 7)."
    )


def test_a_notebook_with_one_of_the_tags_is_left_as_it_is() -> None:
    assert restore(*UNTAGGED[:4], code(ANSWERS["numbers"], "numbers")) == (
        {"numbers": ANSWERS["numbers"]},
        [],
    )


def test_a_setup_that_imports_less_is_found_and_one_that_imports_most_before_others() -> None:
    handout = Handout(make(("code", f"import pandas\n{SETUP[1]}", "setup")))
    first, second = code("import pandas"), code("import pandas\nfrom lab import a")
    setups = [
        restore_tags(make(*cells), handout, TAGS)[0].find("setup") for cells in ([first, second], [first])
    ]

    assert [cell and cell.index for cell in setups] == [1, 0]


def test_tags_of_ones_own_do_not_count() -> None:
    assert "server" in restore(*UNTAGGED, code("x = 1", "mine"))[0]


@pytest.mark.parametrize(
    ("cells", "tag"),
    [
        ([code("class Server:\n    a = 1"), code("class Server:\n    a = 2")], "server"),
        ([code("bs = 3"), code("e = 4")], "numbers"),
        ([text("Now please explain."), text("Because."), NEXT], "why"),
        ([code("import numpy")], "setup"),
        ([code("    class Server: ...\nServer == 1\nprint('Server = 1')")], "server"),
    ],
    ids=["two classes", "in two cells", "another question", "another import", "no definition"],
)
def test_what_is_ambiguous_or_absent_is_not_guessed(cells: list[Given], tag: str) -> None:
    found, (note,) = restore(*cells, code("other = 1"))
    assert tag not in found
    assert tag in note or note == "No cell has a tag, and none defines what the handout's cells do."


def test_the_handout_s_own_cell_does_not_compete() -> None:
    assert restore(code(SERVER[1]), code("class Server:\n    a = 2"))[0] == {
        "server": "class Server:\n    a = 2"
    }


@pytest.mark.parametrize(
    ("cells", "seen", "advice"),
    [
        ([code("x = 1"), code("class Server: ...")], "but cell 2 defines Server.", "give it this tag"),
        (
            [code("class Server: 1"), code("class Server: 2")],
            "but cell 1, cell 2 define Server.",
            "give this tag to the one that counts",
        ),
    ],
)
def test_the_cell_that_lacks_its_tag_is_named(cells: list[Given], seen: str, advice: str) -> None:
    with pytest.raises(Failure) as failure:
        make(*cells).require("server", ["Server"])
    assert failure.value.seen == f"No cell has the tag 'server', {seen}"
    assert failure.value.advice.startswith(advice)
