"""Files that nothing uses are named, and no others."""

from __future__ import annotations

from pathlib import Path

import pytest
from packing import notebook, write

from grader.intake import list_unused

UNUSED = {
    "a document": ({"notes.docx": b""}, "notes.docx"),
    "an older script of the same name": ({"old/b1.py": b""}, "old/b1.py"),
    "a script under another name": ({"b1_old.py": b""}, "b1_old.py"),
    "a picture": ({"loss.png": b""}, "loss.png"),
    "a document that is mentioned": ({"notes.pdf": b"", "b1.py": b"# see notes.pdf"}, "notes.pdf"),
    "an archive": ({"more.rar": b"", "b1.py": b"open('more.rar')"}, "more.rar"),
    "a name of several words": ({"For the grader: 12 points": b""}, '"For the grader: 12 points"'),
}
USED = {
    "a module beside the script": {"b1.py": b"import stages", "stages.py": b""},
    "a module of a module": {
        "b1.py": b"from stages import a",
        "stages.py": b"    import more",
        "more.py": b"",
    },
    "a package": {"b1.py": b"from parts.stage import First", "parts/__init__.py": b"", "parts/stage.py": b""},
    "a module in the folder above": {
        "b/b1.py": b"import common",
        "common.py": b"",
        "b1.sh": b"python b/b1.py",
    },
    "a module by name": {"b1.py": b"import_module('stages')", "stages.py": b""},
    "a file that is read": {"b1.py": b"open('data/x.json')", "data/x.json": b"{}"},
    "a path in parts": {"b1.py": b"Path('data') / 'x.json'", "data/x.json": b"{}"},
    "a program that a script starts": {"b1.sh": b"cd src\npython train.py", "src/train.py": b""},
    "a notebook's module": {
        "hw.ipynb": notebook(a="%run -i more.py\nfrom tools import x"),
        "tools.py": b"",
        "more.py": b"",
    },
}
SCRIPTS = {"hw.ipynb": notebook(a="x = 1"), "b1.py": b"", "b1.sh": b"python b1.py"}


def find_unused(folder: Path, files: dict[str, bytes]) -> list[str]:
    write(folder, SCRIPTS | files)
    return list_unused(folder, [folder / name for name in SCRIPTS])


@pytest.mark.parametrize(("files", "named"), UNUSED.values(), ids=UNUSED)
def test_what_is_not_used_is_named(tmp_path: Path, files: dict[str, bytes], named: str) -> None:
    assert find_unused(tmp_path, files) == [named]


@pytest.mark.parametrize("files", USED.values(), ids=USED)
def test_what_may_be_used_is_not_named(tmp_path: Path, files: dict[str, bytes]) -> None:
    assert find_unused(tmp_path, files) == []
