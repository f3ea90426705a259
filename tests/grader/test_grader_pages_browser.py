"""The page on a submission in a real browser: on a phone, on paper, in the dark, by keyboard and for a screen reader."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
from browser import AXE, CHROMIUM, CONTRASTS, DESK, PHONE, Browser

from grader.figure import Curves, Picture, Rows
from grader.homework import Exercise
from grader.pages import format_submission

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")

EXERCISES = (Exercise("X1", "First exercise", 1), Exercise("X2", "Second", 2), Exercise("X3", "Third", 2))
LONG = "a_name_without_any_place_to_break_it_" * 6
SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1240 300" width="1240" height="300"><rect width="9" height="9"/></svg>'


def make_test(number: str, name: str, outcome: str, **extra: Any) -> dict[str, Any]:
    score = 1 if outcome == "passed" else 0
    return {
        "number": number,
        "name": name,
        "score": score,
        "max_score": 1,
        "extra_data": {"outcome": outcome, **extra},
    }


FIGURES = [
    Curves(
        title="Curves",
        x="round",
        y="accuracy",
        series={"one": [1, 2, 3], "two": [3, 4, 4]},
        reference={"one": [1, 2, 2]},
    ),
    Rows(title="A table", columns=["N", "C", LONG], rows=[[1, 0.1, "x"]], reference=[[2, 0.1, "x"]]),
    Picture(title="The run", svg=SVG, description="Rank 0 waits for rank 1."),
]
RESULTS = {
    "output": "Homework",
    "score": 1,
    "max_score": 5,
    "tests": [
        make_test("X1", "It passes", "passed"),
        make_test(
            "X1", LONG, "failed", seen=f"{LONG} at `x = 1`", expected=LONG, next=LONG, instructor="More."
        ),
        make_test("X2", "Explanation", "manual", answer=f"{LONG}\nsecond line"),
        make_test("X3", "It needs jax", "machine", seen="No jax.", expected="jax", next="pip install jax"),
        make_test("X3", "Then", "failed", not_reached=True),
    ],
    "extra_data": {
        "submission": "homework.ipynb",
        "figures": {"X1": msgspec.to_builtins(FIGURES)},
        "code": {"X1": [("the cell tagged 'x'", f"import a\nx = 1\n{LONG} = {LONG}\n")]},
    },
}


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("page") / "page.html"
    file.write_text(format_submission(RESULTS, EXERCISES, "instructor"), encoding="utf-8")
    return file


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_a_page_is_no_wider_than_its_window(browser: Browser, page: Path, size: tuple[int, int]) -> None:
    browser.open(page, size)

    assert browser.evaluate("document.documentElement.scrollWidth") <= size[0]


@pytest.mark.parametrize(("scheme", "medium"), [("light", "screen"), ("dark", "screen"), ("dark", "print")])
def test_all_text_stands_out_from_its_ground(browser: Browser, page: Path, scheme: str, medium: str) -> None:
    browser.open(page, scheme=scheme, medium=medium)
    contrasts = browser.evaluate(CONTRASTS)

    assert len(contrasts) > 40
    assert [(ratio, text) for ratio, text in contrasts if ratio < 4.5] == []


def test_the_dark_page_is_dark_and_paper_is_white(browser: Browser, page: Path) -> None:
    colours = {}
    for medium in ("screen", "print"):
        browser.open(page, scheme="dark", medium=medium)
        colours[medium] = browser.evaluate("getComputedStyle(document.body).backgroundColor")

    assert colours == {"screen": "rgb(17, 22, 28)", "print": "rgb(255, 255, 255)"}


def test_a_page_asks_for_nothing_and_complains_of_nothing(browser: Browser, page: Path) -> None:
    browser.open(page)

    assert browser.evaluate("document.images[0].naturalWidth") == 1240  # its own picture is there
    assert browser.list_requests() == []
    assert browser.list_complaints() == []


def test_the_keyboard_reaches_the_content_and_the_exercises(browser: Browser, page: Path) -> None:
    browser.open(page)
    reached = []
    for _ in range(3):
        browser.press("Tab")
        reached.append(browser.evaluate("document.activeElement.textContent"))

    assert reached[0] == "Skip to the content"
    assert reached[1] == "X1"  # the next step
    assert browser.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_a_screen_reader_is_told_what_is_what(browser: Browser, page: Path) -> None:
    browser.open(page)
    levels = browser.evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].map(each => +each.tagName[1])")
    names = browser.evaluate(
        "[...document.querySelectorAll('img, svg[role=img], [role=region], nav, main section')]"
        ".map(each => each.alt || each.getAttribute('aria-label') || each.getAttribute('aria-labelledby'))"
    )
    ids = browser.evaluate("[...document.querySelectorAll('[id]')].map(each => each.id)")

    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(next - before <= 1 for before, next in pairwise(levels))
    assert all(names)
    assert len(ids) == len(set(ids))
    assert browser.evaluate("document.documentElement.lang") == "en"


def test_a_printed_page_has_all_messages(browser: Browser, page: Path, tmp_path: Path) -> None:
    browser.open(page, medium="print")

    assert browser.print(tmp_path / "page.pdf").startswith(b"%PDF")
    assert browser.evaluate(
        "[...document.querySelectorAll('.message dd')].every(each => each.offsetHeight > 0)"
    )


@pytest.mark.skipif(not AXE.is_file(), reason="needs axe-core: npm install --no-save axe-core")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(browser: Browser, page: Path, scheme: str) -> None:
    browser.open(page, scheme=scheme)

    assert browser.list_barriers() == []
