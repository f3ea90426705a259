"""Which exercises nobody has begun."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
import pytest
from homeworks import write_homework

from grader.homework import Homework, read_homework
from grader.intake import HandIn, open_hand_in
from grader.notebook import Cell, Notebook, read_notebook
from grader.scripts import Scripts, expect
from grader.untouched import find_untouched

GIVEN = "def f():\n    ..."
TEXT = "Your explanation."


@pytest.fixture
def homework(tmp_path: Path) -> Homework:
    exercises = """
    starters = "starters"
    [[exercise]]
    id = "X1"
    title = "One"
    points = 1
    tags = ["f"]
    [[exercise]]
    id = "X2"
    title = "Two"
    points = 1
    files = ["s.py"]
    """
    head, _, rest = exercises.partition("[[")
    content = f'title = "H"\nhandout = "handout.ipynb"\nsetup = "setup"\n{head}'
    content += f'[public]\nchecks = "public_tests"\n[hidden]\nchecks = "private_tests"\n[[{rest}'
    (tmp_path / "starters").mkdir()
    (tmp_path / "starters" / "s.py").write_text("print()  # TODO\n")
    return read_homework(write_homework(tmp_path, content, {"setup": "", "f": GIVEN}))


def make(*cells: tuple[str, str, str]) -> Notebook:
    """A notebook of cells, each with its kind, its source and a tag."""
    return Notebook(
        Path("n.ipynb"),
        tuple(
            Cell(index, kind, source, (tag,) if tag else ())
            for index, (kind, source, tag) in enumerate(cells)
        ),
    )


@pytest.mark.parametrize(
    ("cells", "is_untouched"),
    [
        pytest.param([("code", GIVEN, "f")], True, id="as it was"),
        pytest.param([("code", f"{GIVEN}\n\n", "f")], True, id="with white space"),
        pytest.param([("code", "def f():\n    return 1", "f")], False, id="begun"),
        pytest.param([("code", GIVEN, "f"), ("code", "def f():\n    return 1", "")], False, id="elsewhere"),
        pytest.param([("code", GIVEN, "f"), ("code", "f()", "")], True, id="called"),
        pytest.param([("code", GIVEN, "")], False, id="tag lost"),
    ],
)
def test_an_exercise_is_empty_as_long_as_its_cells_are_the_handout_s(
    homework: Homework, cells: list[tuple[str, str, str]], is_untouched: bool
) -> None:
    assert ("X1" in find_untouched(homework, make(*cells), None)) == is_untouched


@pytest.mark.parametrize(("text", "is_untouched"), [("print() # TODO", True), ("print(1)", False)])
def test_scripts_are_empty_as_long_as_they_are_the_starters(
    homework: Homework, tmp_path: Path, text: str, is_untouched: bool
) -> None:
    (tmp_path / "s.py").write_text(text)
    hand_in = HandIn(tmp_path, None, {"s.py": tmp_path / "s.py"})

    assert ("X2" in find_untouched(homework, None, Scripts(hand_in))) == is_untouched


def test_what_students_write_into_is_compared_with_what_they_were_given(
    homework: Homework, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    for name in ("handout.ipynb", "starters/s.py"):
        kept = tmp_path / "handed_out" / name
        kept.parent.mkdir(exist_ok=True, parents=True)
        shutil.copy(tmp_path / name, kept)
    notebook = nbformat.read(tmp_path / "handout.ipynb", as_version=4)
    notebook.cells[1].source = "def f():\n    return 1"
    nbformat.write(notebook, tmp_path / "handout.ipynb")
    (tmp_path / "starters" / "s.py").write_text("print(1)\n")
    # All of it is handed in, as some do: what was given is set aside.
    found = open_hand_in(tmp_path, tmp_path_factory.mktemp("work"), expected=expect(homework))

    assert found.scripts["s.py"].read_text() == "print(1)\n"
    assert find_untouched(homework, read_notebook(found.require_notebook()), Scripts(found)) == frozenset()
