"""What stands in for a package that is not installed: it takes any call, and has no value. No kernel is started."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from grader import kernel_packages
from grader.kernel_packages import Importer, LineMagics, make_stand_in
from grader.kernel_side import NotPlain, to_plain

OWN = {"__name__": "__main__"}
plots: Any = make_stand_in("noplots", "noplots")


@pytest.fixture
def noted() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def importer(noted: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch) -> Importer:
    monkeypatch.setattr(kernel_packages, "_SOFTENED", ())
    return Importer(
        ["noplots", "faraway.plots"], "/handed/in", lambda kind, asked: noted.append((kind, asked))
    )


DECORATING: dict[str, Callable[[], Any]] = {
    "calls and attributes": lambda: plots.express.line([1], color="red").show(),
    "items": lambda: plots.palette("x", 3)[0].copy(),
    "a context": lambda: plots.bar().__enter__().update(1),
    "arithmetic": lambda: plots.bar().value + 1,
    "a comparison": lambda: plots.version >= 3,
}


@pytest.mark.parametrize("use", DECORATING.values(), ids=DECORATING)
def test_what_decorates_gives_a_stand_in_again(use: Callable[[], Any]) -> None:
    assert "noplots" in type(use()).__name__


VALUES: dict[str, Callable[[], Any]] = {
    "a number": lambda: float(plots.mean([1, 2])),
    "a whole number": lambda: range(plots.size),
    "a condition": lambda: 1 if plots.mean([1]) > 0 else 2,
    "a length": lambda: len(plots.palette()),
    "items one by one": lambda: list(plots.palette()),
    "membership": lambda: 1 in plots.palette([1]),
}


@pytest.mark.parametrize("use", VALUES.values(), ids=VALUES)
def test_who_needs_a_value_gets_the_error_of_the_import(use: Callable[[], Any]) -> None:
    with pytest.raises(ModuleNotFoundError, match="No module named 'noplots'"):
        use()


def test_a_stand_in_is_no_answer() -> None:
    with pytest.raises(NotPlain, match="noplots, which is not installed"):
        to_plain([1, plots.mean([1])])


def test_a_progress_bar_goes_through_what_it_is_given() -> None:
    assert list(plots.track(range(3))) == [0, 1, 2]
    assert list(plots.track(each for each in "ab")) == ["a", "b"]


def test_a_decorator_leaves_what_it_decorates() -> None:
    @plots.interact(n=3)
    @plots.profile
    def double(n: int) -> int:
        return 2 * n

    assert double(2) == 4


def test_a_class_may_be_built_on_a_stand_in() -> None:
    class Bar(plots.Box):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__([1])
            self.width = 3

    assert Bar().width == 3
    assert not isinstance(3, plots.Box)


@pytest.mark.parametrize(
    ("name", "names", "package"),
    [
        ("noplots", (), "noplots"),
        ("noplots.express", ("line",), "noplots"),
        ("faraway.plots", ("x",), "faraway.plots"),
    ],
)
def test_a_notebook_s_import_of_a_missing_package_gives_a_stand_in(
    importer: Importer, noted: list[tuple[str, str]], name: str, names: tuple[str, ...], package: str
) -> None:
    assert f"{package}, which is not installed" == type(importer(name, OWN, None, names)).__name__
    assert noted == [("package", package)]


@pytest.mark.parametrize(
    ("name", "namespace"),
    [("misspelt", OWN), ("noplots", {"__name__": "pandas.plotting", "__file__": "/usr/lib/plotting.py"})],
    ids=["another name", "a library that looks for what it may use"],
)
def test_other_imports_fail_as_ever(importer: Importer, name: str, namespace: dict[str, str]) -> None:
    with pytest.raises(ModuleNotFoundError):
        importer(name, namespace)


def test_an_import_that_expects_to_fail_does(importer: Importer, noted: list[tuple[str, str]]) -> None:
    try:
        importer("noplots", OWN)
        is_here = True
    except ImportError:
        is_here = False

    assert (is_here, noted) == (False, [])


class MadeUpShell:
    """Knows one magic, which fails as told."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def find_line_magic(self, name: str) -> object:
        return None if name == "unknown" else self

    def run_line_magic(self, magic_name: str, line: str, _stack_depth: int = 1) -> None:  # noqa: ARG002
        raise self.error


@pytest.mark.parametrize(
    ("magic", "error", "note"),
    [
        ("matplotlib", RuntimeError("'widget' is not a recognised GUI loop"), ("look", "widget")),
        (
            "load_ext",
            ModuleNotFoundError("No module named 'noplots'", name="noplots"),
            ("package", "noplots"),
        ),
    ],
)
def test_a_magic_for_what_is_missing_is_passed_over(
    importer: Importer, noted: list[tuple[str, str]], magic: str, error: Exception, note: tuple[str, str]
) -> None:
    run = LineMagics(MadeUpShell(error), importer, lambda kind, asked: noted.append((kind, asked)))
    run(magic, "widget")

    assert noted == [note]


def test_other_magics_fail_as_ever(importer: Importer) -> None:
    shell = MadeUpShell(ModuleNotFoundError("No module named 'mine'", name="mine"))

    with pytest.raises(ModuleNotFoundError):
        LineMagics(shell, importer, lambda *_: None)("load_ext", "mine")


@pytest.mark.parametrize(("function", "arguments"), [("use", ("TkAgg",)), ("style", ("nowhere",))])
def test_a_look_that_is_not_there_is_passed_over(
    function: str, arguments: tuple[str], noted: list[tuple[str, str]]
) -> None:
    def refuse(_: str) -> None:
        raise OSError("no such style")

    error = None if function == "use" else OSError
    note = lambda kind, asked: noted.append((kind, asked))  # noqa: E731
    kernel_packages._passing_over(refuse, error, note)(*arguments)

    assert noted == ([] if error is None else [("look", "nowhere")])
