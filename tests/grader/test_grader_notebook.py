"""Reading notebooks, and finding cells by tag."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from grader.failure import Failure
from grader.notebook import Cell, Notebook, NotebookError, find_conflict, read_notebook


def make_cell(source: Any = "x = 1", tags: Any = None, kind: str = "code") -> dict[str, Any]:
    metadata = {} if tags is None else {"tags": tags}
    return {"cell_type": kind, "source": source, "metadata": metadata, "outputs": [], "execution_count": None}


def write(folder: Path, *cells: Any, **fields: Any) -> Path:
    path = folder / "homework.ipynb"
    content = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells), **fields}
    path.write_text(json.dumps(content))
    return path


def read_cells(folder: Path, *cells: Any) -> Notebook:
    return read_notebook(write(folder, *cells))


# --- files ------------------------------------------------------------------------------------------------------------------------------


def test_cells_keep_their_order_kind_source_and_tags(tmp_path: Path) -> None:
    notebook = read_cells(
        tmp_path, make_cell(["a = 1\n", "b = 2"], ["setup"]), make_cell("text", kind="markdown")
    )

    assert notebook.cells == (Cell(0, "code", "a = 1\nb = 2", ("setup",)), Cell(1, "markdown", "text", ()))


def test_an_old_notebook_is_upgraded(tmp_path: Path) -> None:
    path = tmp_path / "old.ipynb"
    cell = {"cell_type": "code", "input": ["a = 1"], "metadata": {"tags": ["setup"]}, "outputs": []}
    path.write_text(
        json.dumps(
            {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": [{"cells": [cell]}]}
        )
    )

    assert read_notebook(path).cells == (Cell(0, "code", "a = 1", ("setup",)),)


@pytest.mark.parametrize(
    "script",
    ['# %% tags=["setup"]\na = 1\n', '# + tags=["setup"]\na = 1\n', '#%% tags=["setup"]\na = 1\n'],
    ids=["percent", "light", "percent without a blank"],
)
def test_a_jupytext_script_is_a_notebook(tmp_path: Path, script: str) -> None:
    path = tmp_path / "homework.py"
    path.write_text(script)

    assert [(cell.source, cell.tags) for cell in read_notebook(path).cells] == [("a = 1", ("setup",))]


def test_a_script_is_refused_where_there_is_no_jupytext(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "jupytext", None)
    path = tmp_path / "homework.py"
    path.write_text("# %%\na = 1\n")

    with pytest.raises(NotebookError, match=r"give the \.ipynb file, or pip install jupytext"):
        read_notebook(path)


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    path = write(tmp_path, make_cell())
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())

    assert len(read_notebook(path).cells) == 1


BAD_FILES: dict[str, tuple[str, bytes, str]] = {
    "empty": ("a.ipynb", b"", "is empty; save your notebook"),
    "blank": ("a.ipynb", b" \n\t", "is empty; save your notebook"),
    "no JSON": ("a.ipynb", b"{'cells': []}", "it is not JSON"),
    "cut off": ("a.ipynb", b'{"nbformat": 4, "cells": [', "it is not JSON"),
    "nested without end": ("a.ipynb", b"[" * 100_000, "it is not JSON"),
    "a list": ("a.ipynb", b"[1]", "has no nbformat number"),
    "another object": ("a.ipynb", b'{"cells": []}', "has no nbformat number"),
    "nbformat as text": ("a.ipynb", b'{"nbformat": "4"}', "has no nbformat number"),
    "no cells": ("a.ipynb", b'{"nbformat": 4, "cells": []}', "has no cells"),
    "cells missing": ("a.ipynb", b'{"nbformat": 4}', "has no cells"),
    "cells are no list": ("a.ipynb", b'{"nbformat": 4, "cells": {}}', "has no cells"),
    "a cell is not an object": ("a.ipynb", b'{"nbformat": 4, "cells": [3]}', "cell 1 is not an object"),
    "a source is not text": (
        "a.ipynb",
        b'{"nbformat": 4, "cells": [{"source": 3}]}',
        "source of cell 1 is not text",
    ),
    "old and malformed": ("a.ipynb", b'{"nbformat": 3, "worksheets": 5}', "has the old notebook format 3"),
    "a web page": ("a.ipynb", b"\n<!doctype html><html>", "is a web page (HTML or XML), not a notebook"),
    "an archive": ("a.ipynb", b"PK\x03\x04\xff", "is not a text file but a zip archive; unpack it"),
    "ends in the middle": ("a.ipynb", b'{"nbformat": 4, "cells": [{"source": "a', "it ends in the middle"),
    "a Git conflict": (
        "a.ipynb",
        b'{\n "cells": [\n<<<<<<< HEAD\n  1\n=======\n  2\n>>>>>>> theirs\n ]}',
        "it has an unresolved Git conflict in line 3; keep one version",
    ),
    "UTF-16, cut off": ("a.ipynb", b"\xff\xfe{\x00}", "is not a text file"),
    "a picture": ("a.ipynb", b"\x89PNG\r\n\x1a\n\xff\xfe", "is not a text file"),
    "plain Python": ("a.py", b"import os\nprint(1)\n", "a Python file without jupytext cells"),
}


def test_utf_16_as_a_shell_of_windows_writes_it_is_read(tmp_path: Path) -> None:
    path = write(tmp_path, make_cell())
    path.write_bytes(path.read_text().encode("utf-16"))

    assert len(read_notebook(path).cells) == 1


def test_an_exported_script_is_a_notebook(tmp_path: Path) -> None:
    path = tmp_path / "homework.py"
    path.write_text(
        "#!/usr/bin/env python\n# coding: utf-8\n\n# In[1]:\n\n\na = 1\n\n\n# In[ ]:\n\n\nb = 2\n"
    )

    assert [cell.source.strip() for cell in read_notebook(path).cells] == ["", "a = 1", "b = 2"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a = 1\n<<<<<<< HEAD\nb = 2\n=======\nb = 3\n>>>>>>> theirs\n", 2),
        ("b = 3\n>>>>>>> theirs", 2),
        ("Title\n=======\n", None),
        ("a << 7\n<<<<<<<<<<\n", None),
    ],
)
def test_what_git_could_not_merge_is_found(text: str, line: int | None) -> None:
    assert find_conflict(text) == line


@pytest.mark.parametrize(("name", "content", "message"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_file_that_is_no_notebook_is_said_in_one_line(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(NotebookError) as error:
        read_notebook(path)

    assert message in str(error.value)
    assert str(error.value).startswith(f"{name} ")
    assert "\n" not in str(error.value)


def test_a_missing_file_and_a_folder_are_said(tmp_path: Path) -> None:
    with pytest.raises(NotebookError, match="does not exist; give the path"):
        read_notebook(tmp_path / "none.ipynb")
    with pytest.raises(NotebookError, match="is a folder; name the notebook in it"):
        read_notebook(tmp_path)


@pytest.mark.parametrize(
    ("limit", "value", "message"),
    [
        ("MAX_BYTES", 10, "clear its outputs"),
        ("MAX_CELLS", 1, "has 2 cells, but at most 1"),
        ("MAX_SOURCE_CHARACTERS", 4, "cell 1 has 5 characters, at most 4"),
    ],
)
def test_limits_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int, message: str
) -> None:
    monkeypatch.setattr(f"grader.notebook.{limit}", value)
    with pytest.raises(NotebookError, match=message):
        read_cells(tmp_path, make_cell(), make_cell())


# --- tags -------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tags", "read"),
    [
        (None, ()),
        ([], ()),
        (["a", "b"], ("a", "b")),
        (["a", "a"], ("a",)),
        ([" a "], ("a",)),
        (["a", 3, None, ["b"]], ("a",)),
        (["a", "b" * 1_000], ("a",)),
        ([f"a{number}" for number in range(100_000)], tuple(f"a{number}" for number in range(20))),
        ("a", ("a",)),
        ("a, b", ("a", "b")),
        (7, ()),
        ({"a": 1}, ()),
    ],
)
def test_tags_are_read_from_whatever_stands_there(tmp_path: Path, tags: Any, read: tuple[str, ...]) -> None:
    assert read_cells(tmp_path, make_cell(tags=tags)).cells[0].tags == read


@pytest.mark.parametrize("metadata", [None, [], "tags", {"tags": None}])
def test_odd_metadata_counts_as_no_tags(tmp_path: Path, metadata: Any) -> None:
    assert read_cells(tmp_path, {**make_cell(), "metadata": metadata}).cells[0].tags == ()


def test_the_cell_with_a_tag_is_found(tmp_path: Path) -> None:
    notebook = read_cells(tmp_path, make_cell("a"), make_cell("b", ["answer"]))

    assert notebook.require("answer") == notebook.find("answer") == notebook.cells[1]


def test_a_tagged_text_beside_the_code_does_no_harm(tmp_path: Path) -> None:
    notebook = read_cells(tmp_path, make_cell("a", ["answer"], "markdown"), make_cell("b", ["answer"]))

    assert notebook.require("answer").source == "b"


WRONG_TAGS = {
    "missing": ([make_cell()], "No cell has the tag 'answer'.", "give the cell with your answer the tag"),
    "misspelt": (
        [make_cell(), make_cell(tags=["anwser"])],
        "No cell has the tag 'answer', but cell 2 has 'anwser'.",
        "correct the tag of cell 2 to 'answer'",
    ),
    "capital": (
        [make_cell(tags=["Answer"])],
        "No cell has the tag 'answer', but cell 1 has 'Answer'.",
        "correct the tag of cell 1",
    ),
    "all capitals": (
        [make_cell(tags=["ANSWER"])],
        "No cell has the tag 'answer', but cell 1 has 'ANSWER'.",
        "correct the tag of cell 1",
    ),
    "duplicated": (
        [make_cell(tags=["answer"]), make_cell(), make_cell(tags=["answer"])],
        "The tag 'answer' is on 2 code cells (cell 1, cell 3).",
        "remove the tag from all but",
    ),
    "on Markdown": (
        [make_cell(tags=["answer"], kind="markdown")],
        "The tag 'answer' is on cell 1, which holds markdown, not code.",
        "change the type of that cell to code",
    ),
    "no list": (
        [make_cell(tags={"answer": True})],
        "No cell has the tag 'answer', and the tags of cell 1 can't be read: they are not a list.",
        "remove the tags of cell 1",
    ),
}


@pytest.mark.parametrize(("cells", "seen", "advice"), WRONG_TAGS.values(), ids=WRONG_TAGS)
def test_what_is_wrong_about_a_tag_is_said(tmp_path: Path, cells: list[Any], seen: str, advice: str) -> None:
    notebook = read_cells(tmp_path, *cells)
    with pytest.raises(Failure) as failure:
        notebook.require("answer")

    assert failure.value.seen == seen
    assert failure.value.advice.startswith(advice)
