"""A tag on several code cells: which of them count."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.copied_tags import settle_copies
from grader.failure import Failure
from grader.handout import Handout
from grader.notebook import Cell, Notebook

GIVEN = "a: int = ...\nb: int = ..."


def make(*sources: str) -> Notebook:
    """A notebook whose cells all have the tag, except those that begin with `#`."""
    return Notebook(
        Path("n.ipynb"),
        tuple(
            Cell(index, "code", source, () if source.startswith("#") else ("t",))
            for index, source in enumerate(sources)
        ),
    )


HANDOUT = Handout(make(GIVEN))


@pytest.mark.parametrize(
    ("sources", "answer", "taken"),
    [
        pytest.param(["a = 1\nb = 2", "a = 1\nb = 2"], "a = 1\nb = 2", "cell 2 is", id="the same twice"),
        pytest.param([GIVEN, "a = 1\nb = 2"], "a = 1\nb = 2", "cell 2 is", id="the handout's below"),
        pytest.param(["a = 1\nb = 2", GIVEN], "a = 1\nb = 2", "cell 1 is", id="the handout's above"),
        pytest.param(["a = 1", "b = 2"], "a = 1\n\nb = 2", "cell 1, cell 2 together are", id="split"),
        pytest.param(["import os", "a = 1\nb = 2"], "a = 1\nb = 2", "cell 2 is", id="imports split off"),
        pytest.param(["a = 1\nb = 2", "print(a)"], "a = 1\nb = 2", "cell 1 is", id="a print split off"),
        pytest.param(["a = 1\nb = 2", ""], "a = 1\nb = 2", "cell 1 is", id="an empty piece"),
        pytest.param([GIVEN, GIVEN], GIVEN, "cell 2 is", id="the handout's twice"),
        pytest.param(["a = 1", "# own", "b = 2"], "a = 1\n\nb = 2", "together are", id="with a cell between"),
    ],
)
def test_where_it_is_plain_one_cell_keeps_the_tag(sources: list[str], answer: str, taken: str) -> None:
    notebook, [note] = settle_copies(make(*sources), HANDOUT, ["t"])

    assert notebook.require("t").source == answer
    assert [cell.source for cell in notebook.cells if cell.source not in sources] in ([], [answer])
    assert note.startswith("The tag 't' is on cell 1, ")
    assert taken in note


def test_two_versions_of_an_answer_are_not_guessed_between() -> None:
    notebook, notes = settle_copies(make("a = 1\nb = 2", "a = 3\nb = 2"), HANDOUT, ["t"])

    assert notes == []
    with pytest.raises(Failure, match="is on 2 code cells \\(cell 1, cell 2\\)"):
        notebook.require("t")


def test_a_tag_on_one_cell_stays() -> None:
    notebook = make("a = 1", "# b = 2")

    assert settle_copies(notebook, HANDOUT, ["t"]) == (notebook, [])
