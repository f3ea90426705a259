"""What of a cell is run after one of its statements has failed."""

from __future__ import annotations

import pytest

from grader.remainder import EVERYTHING, Remainder, list_names

CASES = {
    "what does not need it": (
        "import nowhere\nx = 1\ndef f(): return nowhere.y",
        1,
        "x = 1\ndef f():\n    return nowhere.y",
    ),
    "not what needs it": ("size = 1 / 0\nhalf = size / 2\nquarter = half / 2\nx = 1", 1, "x = 1"),
    "what binds the name anew, and what needs that": ("a = 1 / 0\na = 3\nb = a", 1, "a = 3\nb = a"),
    "nothing before it": ("x = 1\ny = 1 / 0\nz = 2", 2, "z = 2"),
    "after one of several lines": ("x = f(\n  1,\n)\ny = 2", 2, "y = 2"),
    "after a decorated function": ("@nowhere.cache\ndef f(): pass\ny = 2", 1, "y = 2"),
}


@pytest.mark.parametrize(("source", "line", "rest"), CASES.values(), ids=CASES)
def test_the_rest_is(source: str, line: int, rest: str) -> None:
    remainder = Remainder.of(source)

    assert remainder.cut(line)
    assert remainder.source == rest


def test_lines_count_in_what_is_run_next() -> None:
    remainder = Remainder.of("a = 1 / 0\ndef f(x):\n    return x\n\n\nb = nowhere\nc = 3")
    remainder.cut(1)
    remainder.cut(3)

    assert remainder.source == "c = 3"
    assert remainder.lost == {"a", "b"}


@pytest.mark.parametrize("source", ["x = await y", "def f(:"])
def test_of_a_cell_that_can_t_be_taken_apart_nothing_is_left(source: str) -> None:
    remainder = Remainder.of(source)
    remainder.cut(1)

    assert remainder.source == ""


def test_a_star_import_may_define_anything() -> None:
    remainder = Remainder.of("from nowhere import *\nx = 1")
    remainder.cut(1)

    assert remainder.lost == {EVERYTHING}
    assert list_names("def f(:") == {EVERYTHING}
    assert list_names("x = 1\nimport os.path") == {"x", "os"}
