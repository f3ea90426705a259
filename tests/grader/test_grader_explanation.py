"""What a person grades: all that the student wrote about the exercise, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from grader.explanation import MOST_CHARACTERS, read_cells, read_scripts
from grader.handout import Handout
from grader.homework import Exercise, Homework, Suite
from grader.intake import HandIn
from grader.notebook import Cell, Notebook

Given = tuple[str, str, str]
QUESTION, PLACEHOLDER = ("markdown", "Now explain.", ""), ("markdown", "*Write here.*", "why")
NEXT, CODE = ("markdown", "#### Next", ""), ("code", "x = 1", "")


def make(*cells: Given) -> Notebook:
    made = [
        Cell(index, kind, source, (tag,) if tag else ()) for index, (kind, source, tag) in enumerate(cells)
    ]
    return Notebook(Path("hw.ipynb"), tuple(made))


HANDOUT = Handout(make(QUESTION, PLACEHOLDER, NEXT))


def own(source: str, tag: str = "", kind: str = "markdown") -> Given:
    return (kind, source, tag)


CELLS: dict[str, tuple[list[Given], str, str]] = {
    "in the cell": ([QUESTION, own("Because.", "why"), NEXT], "Because.", ""),
    "in a cell of code": ([own("# Because.", "why", "code")], "# Because.", ""),
    "in several tagged cells": (
        [own("Because", "why"), CODE, own("of this.", "why")],
        "Because\n\nof this.",
        "",
    ),
    "in a new cell below": (
        [QUESTION, PLACEHOLDER, own("Because."), NEXT],
        "Because.",
        "This stands in cell 3",
    ),
    "in both": (
        [own("Because", "why"), own("of this."), CODE],
        "Because\n\nof this.",
        "This stands in cell 1, cell 2",
    ),
    "not what follows": ([own("Because.", "why"), NEXT, own("A plot.")], "Because.", ""),
    "without the tag": (
        [QUESTION, own("Because."), NEXT],
        "Because.",
        "No cell has the tag 'why'; this stands in its place, in cell 2.",
    ),
    "unchanged": ([QUESTION, PLACEHOLDER, NEXT], "", "The placeholder is unchanged"),
    "unchanged and without the tag": (
        [QUESTION, own("*Write here.*"), NEXT],
        "",
        "The placeholder is unchanged",
    ),
    "emptied": ([own(" \n", "why")], "", "Nothing was written in the cell tagged 'why'"),
    "removed": ([QUESTION, NEXT], "", "No cell has the tag 'why'."),
}


@pytest.mark.parametrize(("cells", "text", "remark"), CELLS.values(), ids=CELLS)
def test_text_is_read_from_the_notebook(cells: list[Given], text: str, remark: str) -> None:
    written = read_cells(make(*cells), HANDOUT, "why")
    assert written.text == text
    assert written.remark.startswith(remark) if remark else not written.remark


@pytest.mark.parametrize("name", ["unchanged", "unchanged and without the tag", "emptied", "removed"])
def test_where_nobody_wrote_anything_there_is_nothing_to_read(name: str) -> None:
    cells, _, _ = CELLS[name]

    assert read_cells(make(*cells), HANDOUT, "why").is_missing


@pytest.mark.parametrize(
    "other",
    [own("My reasons."), own("# My reasons.", kind="code"), own("'My reasons.'  # all", kind="code")],
    ids=["text", "comments", "a string"],
)
def test_text_in_another_place_is_for_a_person_to_see(other: Given) -> None:
    written = read_cells(make(other, CODE, QUESTION, PLACEHOLDER, NEXT), HANDOUT, "why")

    assert not written.is_missing
    assert written.remark.endswith("There is text of the author's own in cell 1.")


ABOVE = ("code", "# Your answers.\nbatches: int = ...", "values")


@pytest.mark.parametrize(
    ("comment", "is_missing"),
    [("# Since one batch holds all samples, one step suffices.", False), ("# 100 of them", True)],
    ids=["explained", "a few words"],
)
def test_comments_of_the_code_above_are_for_a_person_to_see(comment: str, is_missing: bool) -> None:
    handout = Handout(make(CODE, ABOVE, QUESTION, PLACEHOLDER, NEXT))
    answered = ("code", f"# Your answers.\n{comment}\nbatches: int = 7", "values")
    written = read_cells(make(CODE, answered, QUESTION, PLACEHOLDER, NEXT), handout, "why")

    assert written.is_missing is is_missing


SUITE = Suite("checks")
B1 = Exercise("B1", "One", 1, files=("b1.py", "b1.sh"))
B2 = Exercise("B2", "Two", 1, files=("b2.py", "b2.sh"))


def read(
    folder: Path, files: Mapping[str, str], scripts: Mapping[str, str] | None = None, exercise: Exercise = B1
) -> str:
    """The explanation of an exercise; `scripts`: what the files are taken as, where they have not the scripts' names."""
    for name, content in files.items():
        (folder / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "in" / name).write_text(content)
    (folder / "starters").mkdir()
    (folder / "starters" / "b1.py").write_text('"""Explain here."""\n# Your schedule.\n')
    homework = Homework(folder, "H", "", "setup", SUITE, SUITE, (B1, B2), starters="starters")
    taken = scripts or {Path(name).name: name for name in files if name.endswith((".py", ".sh"))}
    hand_in = HandIn(folder / "in", None, {name: folder / "in" / path for name, path in taken.items()})
    return read_scripts(hand_in, homework, exercise).text


@pytest.mark.parametrize(
    "name",
    [
        "report.txt",
        "README",
        "README.md",
        "b1/notes.md",
        "why_b1.txt",
        "explanation of training.txt",
        "training_explained.txt",
    ],
)
def test_a_text_of_the_exercise_is_read(tmp_path: Path, name: str) -> None:
    assert "Because of 3 micro-batches." in read(
        tmp_path, {name: "Because of 3 micro-batches.\n", "b1.py": ""}
    )


LOG = "".join(f"step {number} loss {1 / (number + 1):.3f}\n" for number in range(300))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("out0.txt", "started\n"),
        ("output_rank_1.txt", "started\n"),
        ("log.txt", "started\n"),
        ("b1_numbers.txt", LOG),
        ("values.txt", "10.0\n9.99\n"),
        ("requirements.txt", "torch\n"),
        ("stories.txt", "Once upon a time.\n"),
        ("data/tale.txt", "Once upon a time.\n"),
        ("tale.txt", "Once upon a time.\n" * 10_000),
        ("config.json", "{}"),
    ],
)
def test_logs_data_and_lists_of_packages_are_not_read(tmp_path: Path, name: str, content: str) -> None:
    text = read(tmp_path, {name: content, "b1.py": "# Because.\n"})
    assert text == "b1.py\n1: # Because."


@pytest.mark.parametrize("name", ["b2/notes.md", "B2.md", "why_b2.txt"])
def test_a_text_about_another_exercise_is_not_read(tmp_path: Path, name: str) -> None:
    assert read(tmp_path, {name: "Because.", "b1/b1.py": "", "b2/b2.py": ""}) == ""


def test_a_text_belongs_to_the_scripts_that_it_lies_beside(tmp_path: Path) -> None:
    files = {"one/train.py": "", "one/notes.md": "First.", "two/train.py": "", "two/notes.md": "Second."}
    text = read(tmp_path, files, {"b1.py": "one/train.py", "b2.py": "two/train.py"}, B2)
    assert text == "two/notes.md\nSecond."


def test_comments_of_a_shared_script_and_of_its_modules_are_read(tmp_path: Path) -> None:
    files = {
        "train.py": "import stages  # both exercises\n",
        "stages.py": '"""Three stages."""\n',
        "b1.sh": "# b1\npython train.py\n",
    }
    text = read(tmp_path, files, {"b1.py": "train.py", "b2.py": "train.py", "b1.sh": "b1.sh"}, B2)
    assert text == "train.py\n1: # both exercises\n\nstages.py\nThree stages."


def test_the_scripts_of_another_exercise_are_not_read(tmp_path: Path) -> None:
    assert (
        read(tmp_path, {"b1.py": "# first, not as b2.py\n", "b2.py": "# second\n"})
        == "b1.py\n1: # first, not as b2.py"
    )


def test_that_there_are_no_scripts_is_said(tmp_path: Path) -> None:
    homework = Homework(tmp_path, "H", "", "setup", SUITE, SUITE, (B1, B2))
    written = read_scripts(HandIn(tmp_path, None), homework, B2)
    assert written.remark == "There are no scripts of B2, and no text file about it."


def test_what_students_start_from_is_not_theirs(tmp_path: Path) -> None:
    assert read(tmp_path, {"b1.py": '"""Explain here."""\n# Your schedule.\n'}) == ""


def test_the_important_comes_first_and_nothing_crowds_it_out(tmp_path: Path) -> None:
    text = read(
        tmp_path,
        {"a.md": "word " * 15_000, "b.md": "Because.", "b1.py": "# why\n" * 1000, "b1.sh": "# how\n"},
    )
    places = [text.index(words) for words in ("word", "[cut here]", "Because.", "# why")]
    assert places == sorted(places)
    assert len(text) < MOST_CHARACTERS + 20
