"""The pages on a cohort in a real browser: sorting, filtering, keys, phone, dark, print and screen reader."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from browser import AXE, CHROMIUM, CONTRASTS, PHONE, Browser
from rubrics import with_rubric
from standings import HOMEWORK, make_cohort, make_flag, make_party, make_result, make_run
from visits import ITEM, Visitor, enrol, visit

from grader.desk.gradebook import MACHINE, open_gradebook
from grader.desk.pages import PdfError, build_site, site
from grader.desk.similar import Likeness, Passage, SimilarPair

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")

PAGES = (
    "report/index.html",
    "report/exercises.html",
    "report/attention.html",
    "report/similar.html",
    "report/parties/2.html",
    "feedback/2.html",
    "overview.html",
    "item.html",
    "checks.html",
    "missing.html",
)
SERVED = {"overview": "/", "item": ITEM, "checks": "/item/1/R1/checks", "missing": "/nothing"}
LONG = "a = " + " + ".join(["some_name"] * 30)
COHORT, FEEDBACK = PAGES[0], "feedback/2.html"
# Of the cells with words in them, the width of the narrowest: letters must not stand below one another.
NARROWEST = (
    "Math.min(1000, ...[...document.querySelectorAll('caption:not(.unseen), th, td')].filter(each => each.innerText.length > 12)"
    ".map(each => each.getBoundingClientRect().width).filter(Boolean))"
)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results")
    name = "Every worker ends with the sum of all vectors"
    best = make_run(make_result("R1", "passed", 2, 2, name), make_result("R2", "passed", 1, 1, name))
    parties = [
        *make_cohort(8),
        make_party(9, best, label="Zoe Best"),
        make_party(
            10,
            make_run(status=MACHINE, reason="No jax."),
            label="Anna Waits",
            flags=(make_flag("similar", "R1"),),
        ),
    ]
    places = [Passage(key, "all_reduce", f"# copied\n{LONG}\n") for key in ("1", "2")]
    pair = SimilarPair(("1", "2"), (Likeness(places[0], places[1], 1.0, ((2, 2),)),))
    build_site(parties, HOMEWORK, folder, [pair])
    keep_served(folder)
    return folder


def keep_served(folder: Path) -> None:
    """Pages of `grader serve`, as they are sent."""

    async def what(visitor: Visitor) -> None:
        await visitor.enter()
        for name, address in SERVED.items():
            (folder / f"{name}.html").write_bytes((await visitor.get(address)).body)

    with open_gradebook(folder, create=True) as book:
        enrol(book, folder, f"Because {LONG}")
        book.raise_flag(1, "similar", f"Similar to Bo (7): {LONG}")
        visit(book, what, with_rubric(HOMEWORK))


def list_shown(browser: Browser) -> list[Any]:
    return list(
        browser.evaluate(
            "[...document.querySelectorAll('tbody tr')].filter(row => !row.hidden).map(row => row.cells[0].innerText.trim())"
        )
    )


def type_words(browser: Browser, words: str) -> None:
    for letter in words:
        browser.press(letter, letter)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_a_phone_stand_out_and_ask_for_nothing(
    browser: Browser, results: Path, page: str, scheme: str
) -> None:
    browser.open(results / page, PHONE, scheme)

    assert browser.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    assert [text for ratio, text in browser.evaluate(CONTRASTS) if ratio < 4.5] == []
    assert browser.evaluate(NARROWEST) > 40
    assert browser.list_requests() == []
    assert browser.list_complaints() == []


@pytest.mark.skipif(not AXE.is_file(), reason="needs axe-core: npm install --no-save axe-core")
@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(browser: Browser, results: Path, page: str, scheme: str) -> None:
    browser.open(results / page, scheme=scheme)

    assert browser.list_barriers() == []


def test_a_heading_sorts_up_and_down_and_says_so(browser: Browser, results: Path) -> None:
    browser.open(results / COHORT)
    total = "[...document.querySelectorAll('thead button')].find(each => each.innerText.startsWith('Total'))"
    browser.evaluate(f"{total}.click()")
    up = list_shown(browser)
    browser.evaluate(f"{total}.click()")

    assert browser.evaluate(f"{total}.closest('th').getAttribute('aria-sort')") == "descending"
    assert up[0].startswith("Anna Waits")  # nobody knows these points
    assert list_shown(browser)[0].startswith("Zoe Best")


def test_parties_are_found_by_key_and_opened(browser: Browser, results: Path) -> None:
    browser.open(results / COHORT)
    browser.press("/", "/")
    type_words(browser, "zoe")
    assert len(list_shown(browser)) == 1
    assert browser.evaluate("document.getElementById('shown').textContent") == "1 shown"

    browser.press("Escape")
    browser.press("j", "j")
    assert browser.evaluate("document.activeElement.innerText") == "Zoe Best"
    assert browser.evaluate("document.activeElement.getAttribute('href')") == "parties/9.html"


def test_parties_are_filtered_by_status_and_by_what_is_to_do(browser: Browser, results: Path) -> None:
    browser.open(results / COHORT)
    browser.evaluate("document.getElementById('status').value = 'machine'")
    browser.evaluate("document.getElementById('status').dispatchEvent(new Event('input'))")
    assert [name.split()[0] for name in list_shown(browser)] == ["Anna"]

    browser.open(results / COHORT)
    browser.evaluate("document.getElementById('hand').click()")
    assert len(list_shown(browser)) == 8


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("n", "Next"),
        ("u", "Next without points"),
        ("b", "Previous without points"),
        ("s", "Save, and go to the next without points"),
    ],
)
def test_a_key_does_what_the_form_says(browser: Browser, results: Path, key: str, words: str) -> None:
    browser.open(results / "item.html")
    browser.evaluate(
        "addEventListener('click', event => { window.clicked = event.target.textContent; event.preventDefault(); }, true)"
    )
    browser.press(key, alt=True)

    assert browser.evaluate("window.clicked") == words


def test_feedback_is_printed(results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "2.html").write_bytes((results / FEEDBACK).read_bytes())
    monkeypatch.chdir(tmp_path)
    site.print_page(site.find_browser(), Path("2.html"))

    assert (tmp_path / "2.pdf").read_bytes().startswith(b"%PDF")


def test_without_a_browser_pdfs_are_refused_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site, "_BROWSERS", ("no-such-browser",))
    with pytest.raises(PdfError, match="leave out --pdf"):
        build_site([], HOMEWORK, tmp_path, pdf=True)

    assert list(tmp_path.iterdir()) == []
