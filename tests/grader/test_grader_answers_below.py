"""An answer below the tagged cell: where it counts, and where not."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.answers_below import settle_answers_below
from grader.handout import Handout
from grader.notebook import Cell, Notebook

GIVEN = "class A:\n    q1: str = ...\n    q2: bool = ..."
NUMBERS = "x: int = ...\ny: int = ..."


def make(first: str, *others: str) -> Notebook:
    """A notebook whose first cell has the tag."""
    cells = [Cell(0, "code", first, ("t",))]
    cells += [Cell(index, "code", source, ()) for index, source in enumerate(others, start=1)]
    return Notebook(Path("n.ipynb"), tuple(cells))


def settle(given: str, *sources: str) -> tuple[Notebook, list[str]]:
    return settle_answers_below(make(*sources), Handout(make(given, "A()")), ["t"])


@pytest.mark.parametrize(
    ("given", "answer"),
    [
        (GIVEN, "class A:\n    q1 = 'a'"),
        (GIVEN, "A.q1 = 'a'\nA.q2: bool = True"),
        (GIVEN, "for k in 'ab':\n    setattr(A, k, 1)"),
        (NUMBERS, "x, = 1,\nx = 1\ny = 2"),
    ],
)
def test_an_answer_below_is_part_of_the_tagged_cell(given: str, answer: str) -> None:
    settled, notes = settle(given, given, "print(1)", answer)

    found = settled.find("t")
    assert found is not None
    assert (found.index, found.source) == (2, f"{given}\n\n{answer}")
    assert notes == [
        "The cell tagged 't' is as in the handout; cell 3 has what it asks for, and is taken for the answer."
    ]


@pytest.mark.parametrize(
    ("given", "sources"),
    [
        (GIVEN, [f"{GIVEN}\n# mine", "A.q1 = 'a'"]),
        (GIVEN, [GIVEN, "A.q1 = 'a'", "A.q1 = 'b'"]),
        (GIVEN, [GIVEN, "A.q1 == 'a'", "A()", "B.q1 = 1", "%%capture\nA.q1 = 1"]),
        (NUMBERS, [NUMBERS, "x = 1"]),
    ],
    ids=["an answer in its place", "two answers", "no answer", "one of two numbers"],
)
def test_what_is_written_or_unclear_stays(given: str, sources: list[str]) -> None:
    notebook = make(*sources)

    assert settle(given, *sources) == (notebook, [])
