"""Finding the notebook and the scripts in clumsy layouts."""

from __future__ import annotations

import json
import unicodedata

import pytest
from packing import Handing, notebook, zip_bytes

from grader.intake import Expected, IntakeError

HANDOUT = {"a": "def answer(): ...", "b": "q1 = None"}
EXPECTED = Expected(
    tags=tuple(HANDOUT),
    scripts=("b1.py", "b1.sh"),
    handout=HANDOUT,
    reserved=("lab_2_hfl", "grader"),
)
EMPTY = notebook(**HANDOUT)
FILLED = notebook(a="def answer(): return 1", b="q1 = 2")
HALF = notebook(a="def answer(): return 1", b="q1 = None")
OTHER = notebook(a="def answer(): return 3", b="q1 = 4")
AS_TEXT = b"# %% tags=['a']\ndef answer(): return 1\n"


def chosen(submission: object) -> str:
    return submission.require_notebook().relative_to(submission.folder).as_posix()  # type: ignore[attr-defined]


LAYOUTS = [
    pytest.param({"hw.ipynb": FILLED}, "hw.ipynb", id="plain"),
    pytest.param({"a/b/c/hw.ipynb": FILLED}, "a/b/c/hw.ipynb", id="folder in a folder"),
    pytest.param({"homework_1 (2).ipynb": FILLED}, "homework_1 (2).ipynb", id="second download"),
    pytest.param(
        {"__MACOSX/._hw.ipynb": b"\0", "hw.ipynb": FILLED, "._hw.ipynb": b"\0"}, "hw.ipynb", id="macOS"
    ),
    pytest.param(
        {".ipynb_checkpoints/hw-checkpoint.ipynb": OTHER, "hw.ipynb": FILLED}, "hw.ipynb", id="checkpoint"
    ),
    pytest.param({"hw.py": AS_TEXT, "hw.ipynb": FILLED}, "hw.ipynb", id="twin in text form"),
    pytest.param({"hw.py": AS_TEXT, "b1.py": b"# %%\n'a'"}, "hw.py", id="text form alone"),
    pytest.param(
        {"homework_1.ipynb": EMPTY, "mine.ipynb": FILLED}, "mine.ipynb", id="beside the empty handout"
    ),
    pytest.param({"draft.ipynb": HALF, "final.ipynb": FILLED}, "final.ipynb", id="beside a draft"),
    pytest.param({"notes.ipynb": notebook(), "hw.ipynb": FILLED}, "hw.ipynb", id="beside notes"),
    pytest.param({"hw.ipynb": FILLED, "copy/hw.ipynb": FILLED}, "hw.ipynb", id="copy in a folder"),
    pytest.param({"hw (1).ipynb": FILLED, "hw.ipynb": FILLED}, "hw.ipynb", id="same file downloaded twice"),
    pytest.param({"hw.ipynb.txt": FILLED}, "hw.ipynb", id="suffix added by a browser"),
    pytest.param({"HW.IPYNB": FILLED}, "HW.ipynb", id="capitals"),
    pytest.param({"hw.ipynb": FILLED, "broken.ipynb": b"{"}, "hw.ipynb", id="beside a broken one"),
    pytest.param(
        {"x.ipynb": EMPTY, "y.ipynb": notebook(title="again", **HANDOUT)}, "x.ipynb", id="only handouts"
    ),
    pytest.param({"only.ipynb": notebook()}, "only.ipynb", id="one without any tag"),
]


@pytest.mark.parametrize(("files", "expected"), LAYOUTS)
def test_notebook_is_found(files: dict[str, bytes], expected: str, hand_in: Handing) -> None:
    assert chosen(hand_in(files, expected=EXPECTED)) == expected


COPIES = [
    ("homework_1.ipynb", "homework_1 (2).ipynb"),
    ("homework_1 (2).ipynb", "homework_1 (10).ipynb"),
    ("homework_1.ipynb", "homework_1-1.ipynb"),
    ("homework_1-2.ipynb", "homework_1-3.ipynb"),
    ("homework_1.ipynb", "homework_1_v2.ipynb"),
    ("homework_1_v2.ipynb", "homework_1_v3.ipynb"),
    ("homework_1.ipynb", "homework_1-Copy1.ipynb"),
    ("homework_1 - Copy.ipynb", "homework_1 - Copy (2).ipynb"),
    ("homework_1_v3.ipynb", "homework_1_final.ipynb"),
    ("homework_1_final.ipynb", "homework_1_final2.ipynb"),
    ("homework_1_old.ipynb", "homework_1.ipynb"),
    ("homework_1-checkpoint.ipynb", "homework_1.ipynb"),
    ("Homework_1.ipynb", "homework_1 (1).ipynb"),
    ("homework_1.ipynb.txt", "homework_1 (1).ipynb.txt"),
]


@pytest.mark.parametrize(("earlier", "latest"), COPIES)
def test_of_several_copies_the_latest_counts(earlier: str, latest: str, hand_in: Handing) -> None:
    between = {"homework_1.ipynb": OTHER} if earlier.startswith("homework_1-2") else {}
    submission = hand_in({earlier: FILLED, latest: notebook(a="1", b="2"), **between}, expected=EXPECTED)
    assert chosen(submission) == latest.removesuffix(".txt")
    assert any(
        "of the copies it is the latest, by its name. Set aside: " in note for note in submission.notes
    )


def test_a_later_copy_that_has_less_is_said_to(hand_in: Handing) -> None:
    submission = hand_in({"hw.ipynb": FILLED, "hw (1).ipynb": HALF}, expected=EXPECTED)
    assert submission.notes == (
        '"hw (1).ipynb" was chosen: of the copies it is the latest, by its name, though hw.ipynb fills more of the cells '
        "that are graded. Set aside: hw.ipynb.",
    )


def test_a_later_copy_that_is_the_empty_handout_does_not_count(hand_in: Handing) -> None:
    submission = hand_in({"hw.ipynb": FILLED, "hw (1).ipynb": EMPTY}, expected=EXPECTED)
    assert chosen(submission) == "hw.ipynb"


@pytest.mark.parametrize(
    "names",
    [
        ("homework_1.ipynb", "homework_2.ipynb"),
        ("a/hw.ipynb", "b/hw (1).ipynb"),
        ("hw-Copy1.ipynb", "hw (1).ipynb"),
    ],
    ids=["two homeworks", "two folders", "two copies"],
)
def test_names_that_do_not_say_which_is_later_are_ambiguous(names: tuple[str, str], hand_in: Handing) -> None:
    with pytest.raises(IntakeError, match="2 notebooks could be the one"):
        hand_in(dict(zip(names, (FILLED, OTHER), strict=True)), expected=EXPECTED)


def test_a_notebook_without_tags_is_known_by_what_it_defines(hand_in: Handing) -> None:
    cells = json.loads(FILLED)
    for cell in cells["cells"]:
        cell["metadata"] = {}
    files = {
        "mine.ipynb": json.dumps(cells).encode(),
        "homework_1.ipynb": EMPTY,
        "notes.ipynb": notebook(title="Notes"),
    }
    assert chosen(hand_in(files, expected=EXPECTED)) == "mine.ipynb"


def test_an_exported_script_without_tags_is_a_notebook(hand_in: Handing) -> None:
    script = b"# In[1]:\n\ndef answer(): return 1\n\n# In[2]:\n\nprint(answer())\n"
    assert chosen(hand_in({"hw.py": script, "b1.py": b"# In[1]:\n"}, expected=EXPECTED)) == "hw.py"


def test_a_broken_notebook_does_not_cost_the_scripts(hand_in: Handing) -> None:
    submission = hand_in({"hw.ipynb": b"", "b1.py": b"1"}, expected=EXPECTED)
    assert submission.problems["notebook"] == "hw.ipynb is empty; save your notebook and try again."
    assert "b1.py" in submission.scripts


def test_an_archive_with_a_notebook_s_name_is_opened(hand_in: Handing) -> None:
    assert (
        chosen(hand_in({"hw.ipynb": zip_bytes({"mine.ipynb": FILLED}), "x.txt": b""}))
        == "hw.ipynb/mine.ipynb"
    )


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_umlauts_come_out_in_one_form(form: str, hand_in: Handing) -> None:
    name = unicodedata.normalize(form, "Lösung/Übung.ipynb")  # type: ignore[arg-type]
    assert chosen(hand_in(zip_bytes({name: FILLED}))) == unicodedata.normalize("NFC", name)


def test_choice_is_explained(hand_in: Handing) -> None:
    submission = hand_in({"homework_1.ipynb": EMPTY, "mine.ipynb": FILLED}, expected=EXPECTED)
    (note,) = submission.notes
    assert note == (
        "mine.ipynb was chosen: it fills 2 of the 2 cells that are graded. Set aside: homework_1.ipynb."
    )


@pytest.mark.parametrize(
    "files",
    [{"x.ipynb": FILLED, "y.ipynb": OTHER}, {"x.ipynb": notebook(), "y.ipynb": notebook(title="2")}],
    ids=["both filled", "both without tags"],
)
def test_ambiguous_notebooks_are_both_named(files: dict[str, bytes], hand_in: Handing) -> None:
    with pytest.raises(IntakeError, match=r"x\.ipynb and y\.ipynb.*Hand in one"):
        hand_in(files, expected=EXPECTED)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (
            {"report.txt": b"1"},
            r"no notebook in it.*only report\.txt\. Hand in your notebook or your scripts\.$",
        ),
        (
            {"homework_1.html": b"<html>"},
            r"only homework_1\.html\..*A page made from a notebook can't be run",
        ),
        ({"work.rar": b"Rar!", "report.pdf": b"%PDF"}, r"another archive: work\.rar"),
        ({".ipynb_checkpoints/hw-checkpoint.ipynb": FILLED}, "no notebook in it"),
    ],
    ids=["something else", "page", "archive", "only litter"],
)
def test_absent_notebook_is_told(files: dict[str, bytes], said: str, hand_in: Handing) -> None:
    with pytest.raises(IntakeError, match=said):
        hand_in(files, expected=EXPECTED)


def test_scripts_without_a_notebook_are_a_submission(hand_in: Handing) -> None:
    submission = hand_in({"part b/b1.py": b"1", "part b/b1.sh": b"2"}, expected=EXPECTED)
    assert {name: path.parent.name for name, path in submission.scripts.items()} == {
        "b1.py": "part b",
        "b1.sh": "part b",
    }
    with pytest.raises(IntakeError, match="no notebook"):
        submission.require_notebook()


SCRIPTS = [
    pytest.param({"x/b1.py": b"1"}, "x/b1.py", id="in a folder"),
    pytest.param({"B1.PY": b"1"}, "B1.PY", id="capitals"),
    pytest.param({"b1 (1).py": b"1"}, "b1 (1).py", id="second download"),
    pytest.param(
        {"old/b1.py": b"1", "new/b1.py": b"2", "new/b1.sh": b""}, "new/b1.py", id="beside the others"
    ),
    pytest.param({"x/b1.py": b"1", "y/b1.py": b"1"}, "x/b1.py", id="copies"),
    pytest.param({"b1.py": b"1", "b1 (1).py": b"2"}, "b1.py", id="exact name first"),
]


@pytest.mark.parametrize(("files", "expected"), SCRIPTS)
def test_script_is_found(files: dict[str, bytes], expected: str, hand_in: Handing) -> None:
    submission = hand_in(files, expected=EXPECTED)
    assert submission.scripts["b1.py"].relative_to(submission.folder).as_posix() == expected


def test_ambiguous_script_does_not_cost_the_notebook(hand_in: Handing) -> None:
    submission = hand_in({"hw.ipynb": FILLED, "x/b1.py": b"1", "y/b1.py": b"2"}, expected=EXPECTED)
    assert chosen(submission) == "hw.ipynb"
    assert "x/b1.py and y/b1.py" in submission.problems["b1.py"]


@pytest.mark.parametrize(
    "name",
    [
        "conftest.py",
        "x/pytest.ini",
        "sitecustomize.py",
        "x/evil.pth",
        "pyproject.toml",
        "lab_2_hfl/model.py",
        "x/lab_2_hfl/__init__.py",
        "grader.py",
    ],
)
def test_what_would_change_grading_is_set_aside(name: str, hand_in: Handing) -> None:
    submission = hand_in({"hw.ipynb": FILLED, name: b"raise SystemExit"}, expected=EXPECTED)
    assert [path.name for path in submission.folder.rglob("*") if path.is_file()] == ["hw.ipynb"]
    (note,) = submission.notes
    assert "was set aside" in note
