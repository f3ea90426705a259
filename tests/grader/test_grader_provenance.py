"""The digest that tells gradings by the same sources from others."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.homework import read_homework
from grader.new import make_homework
from grader.provenance import digest_suite


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("homework.toml", True),
        ("notebooks/handout.ipynb", True),
        ("private_tests/test_all_reduce.py", True),
        ("probes/traffic.py", True),
        ("ring.py", True),
        ("solution.py", True),
        ("README.md", False),
        ("private_tests/__pycache__/test_all_reduce.pyc", False),
    ],
)
def test_what_decides_a_grade_changes_the_digest(tmp_path: Path, name: str, counts: bool) -> None:
    make_homework(tmp_path)
    before = digest_suite(read_homework(tmp_path))
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    with path.open("ab") as file:
        file.write(b"\n")

    assert (digest_suite(read_homework(tmp_path)) != before) is counts


def test_the_digest_is_the_same_wherever_the_homework_lies(tmp_path: Path) -> None:
    for name in ("a", "b"):
        make_homework(tmp_path / name)

    assert digest_suite(read_homework(tmp_path / "a")) == digest_suite(read_homework(tmp_path / "b"))
