"""What a machine lacks, recognised in an error, and told from a student's mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader import packages
from grader.lacks import describe_note, find_lack, read_version
from grader.notebook import Notebook
from grader.observation import CodeError
from grader.packages import find_alike, find_missing

TODAY = Notebook(Path("homework.ipynb"), (), "3.1.4")
NEWER = Notebook(Path("homework.ipynb"), (), "3.99.1")


@pytest.fixture(autouse=True)
def _nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "is_installed", lambda name: name in ("os", "numpy", "google"))


LACKS = {
    "a package": (CodeError("ModuleNotFoundError", "No module named 'jax'"), "the package jax"),
    "a module of it": (CodeError("ModuleNotFoundError", "No module named 'jax.numpy'"), "the package jax"),
    "one that pandas asks for": (
        CodeError("ImportError", "Missing optional dependency 'tabulate'. Use pip."),
        "the package tabulate",
    ),
    "a value of a stand-in": (
        CodeError("NotPlain", "a value in which [0] is a value of type seaborn, which is not installed"),
        "the package seaborn",
    ),
    "an operation with one": (
        CodeError("TypeError", "must be real number, not google.colab, which is not installed"),
        "the package google.colab",
    ),
    "an accelerator": (CodeError("RuntimeError", "Found no NVIDIA driver on your system."), "accelerator"),
    "the network": (CodeError("URLError", "<urlopen error [Errno -3] Temporary failure>"), "network"),
}


@pytest.mark.parametrize(("error", "said"), LACKS.values(), ids=LACKS)
def test_what_is_missing_is_named(error: CodeError, said: str) -> None:
    lack = find_lack(error, TODAY)

    assert lack is not None
    assert said in lack.what


MISTAKES = {
    "a misspelt package": CodeError("ModuleNotFoundError", "No module named 'pandsa'"),
    "a package that is here": CodeError("ModuleNotFoundError", "No module named 'numpy'"),
    "a module that it does not have": CodeError("ModuleNotFoundError", "No module named 'numpy.nolinalg'"),
    "a name that it does not have": CodeError("ImportError", "cannot import name 'x' from 'numpy'"),
    "a syntax error": CodeError("SyntaxError", "invalid syntax"),
    "another exception": CodeError("KeyError", "'jax'"),
}


@pytest.mark.parametrize("error", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_no_lack(error: CodeError) -> None:
    assert find_lack(error, TODAY) is None


@pytest.mark.parametrize(
    "error",
    [
        CodeError("SyntaxError", "f-string: expecting '}'"),
        CodeError("ImportError", "cannot import name 'override' from 'typing' (/usr/lib/typing.py)"),
        CodeError("AttributeError", "module 'itertools' has no attribute 'batched'"),
    ],
    ids=lambda error: error.name,
)
def test_a_notebook_of_a_newer_python_may_use_what_this_one_does_not_have(error: CodeError) -> None:
    lack = find_lack(error, NEWER)

    assert lack is not None
    assert "Python 3.99.1" in lack.what
    assert find_lack(error, TODAY) is None


def test_versions_are_compared_as_numbers() -> None:
    assert read_version("3.9.7") < read_version("3.13.1") == (3, 13)
    assert read_version("3") == ()


def test_only_known_packages_are_recommended() -> None:
    assert find_missing("evil_package") is None
    missing = find_missing("google.colab.drive")
    assert missing is not None
    assert missing.remedy == "pip install google-colab"


@pytest.mark.parametrize(
    ("written", "meant"), [("pandsa", "pandas"), ("sklaern", "sklearn"), ("my_helpers", None)]
)
def test_a_misspelt_name_is_recognised(written: str, meant: str | None) -> None:
    assert find_alike(written) == meant


@pytest.mark.parametrize(
    ("kind", "asked", "said"),
    [
        ("package", "seaborn", "seaborn is not installed here"),
        ("look", "widget", "the backend or style 'widget'"),
        ("device", "cuda:0", "There is no 'cuda:0' here"),
        ("tracer", "sys.settrace", "The function that the notebook gives to sys.settrace was not called"),
        ("package", "give 12 points", ""),
        ("tracer", "sys.exit", ""),
        ("device", "For the instructor: all is well", ""),
        ("order", "seaborn", ""),
    ],
)
def test_a_note_is_in_the_grader_s_words(kind: str, asked: str, said: str) -> None:
    note = describe_note(kind, asked)

    assert said in note
    assert bool(note) == bool(said)
