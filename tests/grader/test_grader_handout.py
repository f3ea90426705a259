"""What is read from a handout, without running it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from grader.handout import Handout
from grader.notebook import Cell, Notebook

FUNCTION = """
def train(lr: float, *, c: float = 0.1, name="x") -> dict[str, list[float]]:
    ...
def other(): ...
"""
ANSWERS = """
from typing import Literal
class First:
    # Which one?
    q1: Literal["a", "b"] = ...
    q2: bool = ...
class Second:
    q1: Literal["only"] = ...
"""


def read(source: str) -> Handout:
    return Handout(Notebook(Path("handout.ipynb"), (Cell(0, "code", source, ("tag",)),)))


def test_functions_have_their_parameters_and_defaults() -> None:
    handout = read(FUNCTION)

    assert handout.functions("tag") == ["train", "other"]
    assert handout.parameters("tag", "train") == {"lr": ..., "c": 0.1, "name": "x"}
    assert (handout.returns("tag", "train"), handout.returns("tag", "other")) == (
        "dict[str, list[float]]",
        "",
    )


def test_methods_have_theirs() -> None:
    handout = read("class Outer:\n    class Inner:\n        def make(self, lr: float = 0.1) -> None: ...")

    assert handout.parameters("tag", "Outer.Inner.make") == {"self": ..., "lr": 0.1}


def test_questions_have_their_options() -> None:
    assert read(ANSWERS).options("tag") == {
        "First": {"q1": ("a", "b"), "q2": (False, True)},
        "Second": {"q1": ("only",)},
    }


def test_a_question_without_options_is_refused() -> None:
    with pytest.raises(ValueError, match=r"int lists no options"):
        read("class A:\n    q1: int = ...").options("tag")


@pytest.mark.parametrize(
    ("tag", "source", "is_untouched"),
    [("tag", "x = 1", False), ("tag", "x  =  ...\n\n", True), ("other", "x = ...", False)],
    ids=["filled in", "spaces apart", "not in the handout"],
)
def test_an_untouched_cell_is_known(tag: str, source: str, is_untouched: Any) -> None:
    assert read("x = ...").is_untouched(tag, source) is is_untouched
