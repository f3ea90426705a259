"""`grader serve`: who gets in, what a form does, and that nobody overwrites what they have not seen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from rubrics import with_rubric
from visits import HOMEWORK, HOSTILE, ITEM, Visitor, enrol, visit

from grader.__main__ import main
from grader.desk.alike import name_party
from grader.desk.gradebook import Gradebook, open_gradebook, read_standings


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Gradebook]:
    with open_gradebook(tmp_path / "results", create=True) as book:
        enrol(book, tmp_path, HOSTILE)
        yield book


def list_marks(book: Gradebook) -> list[tuple[float, str, str]]:
    anna, _ = read_standings(book, HOMEWORK)
    return [(m.points, m.comment, m.author) for each in anna.exercises for m in each.marks.values()]


def test_the_printed_address_works_once(book: Gradebook) -> None:
    async def what(browser: Visitor) -> None:
        path = browser.addresses[0].removeprefix(browser.gate.address)
        first, again = await browser.get(path), await Visitor(browser.gate, []).get(path)

        assert (first.code, again.code) == (302, 403)
        assert (await browser.get("/")).code == 200
        assert len(browser.addresses) == 2

    visit(book, what)


@pytest.mark.parametrize("path", ["/", ITEM, "/enter?token=guessed", "/nothing"])
def test_without_it_nothing_is_shown(book: Gradebook, path: str) -> None:
    async def what(browser: Visitor) -> None:
        response = await browser.get(path)
        assert response.code == 403
        assert b"Anna" not in response.body

    visit(book, what)


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        pytest.param("get", {"Host": "evil.example"}, id="another host"),
        pytest.param("post", {"Origin": "http://evil.example"}, id="another origin"),
        pytest.param("post", {"Origin": "null"}, id="no origin"),
        pytest.param("post", {"Cookie": ""}, id="no cookie"),
    ],
)
def test_other_pages_get_nothing_done(book: Gradebook, method: str, headers: dict[str, str]) -> None:
    async def what(browser: Visitor) -> None:
        await browser.enter()
        arguments = ({"points": "1", "seen": "0"},) if method == "post" else ()
        response = await getattr(browser, method)(ITEM, *arguments, **headers)
        assert response.code == 403

    visit(book, what)
    assert list_marks(book) == []


def test_a_form_without_its_secret_is_refused(book: Gradebook) -> None:
    async def what(browser: Visitor) -> None:
        await browser.enter()
        assert (await browser.post(ITEM, {"points": "1", "seen": "0", "_xsrf": "guessed"})).code == 403

    visit(book, what)
    assert list_marks(book) == []


@pytest.mark.parametrize("path", [ITEM, "/item/1/R1/checks", "/"])
def test_a_student_s_text_is_text(book: Gradebook, path: str) -> None:
    async def what(browser: Visitor) -> None:
        page = (await (await browser.enter()).get(path)).body.decode()
        assert "<script" not in page
        assert path == "/" or "&lt;script&gt;alert(1)&lt;/script&gt;{{ 7 * 7 }}" in page

    visit(book, what)


def test_points_are_saved_and_the_next_hand_in_is_shown(book: Gradebook) -> None:
    async def what(browser: Visitor) -> None:
        await browser.enter()
        form = {"points": "0,5", "comment": "Good.", "seen": "0", "then": "next"}
        response = await browser.post(ITEM, form)
        assert (response.code, response.headers["Location"]) == (302, "/item/2/R2/Explanation")
        assert b"Good." in (await browser.get("/item/2/R2/Explanation")).body  # as an earlier comment

    visit(book, what)
    assert list_marks(book) == [(0.5, "Good.", "Kim")]


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({"points": "", "comment": "Well."}, "A comment reaches nobody without points"),
        ({"points": "1", "comment": "x" * 10_001}, "The comment has 10,001 characters"),
    ],
    ids=["alone", "long"],
)
def test_a_comment_that_nobody_could_read_is_told(book: Gradebook, form: dict[str, str], told: str) -> None:
    async def what(browser: Visitor) -> None:
        await browser.enter()
        response = await browser.post(ITEM, {**form, "seen": "0"})
        assert response.code == 400
        assert told in response.body.decode()
        assert form["comment"] in response.body.decode()

    visit(book, what)
    assert list_marks(book) == []


def test_lines_of_a_comment_end_as_everywhere(book: Gradebook) -> None:
    async def what(browser: Visitor) -> None:
        await browser.enter()
        await browser.post(ITEM, {"points": "1", "comment": "one\r\ntwo", "seen": "0"})

    visit(book, what)
    assert list_marks(book) == [(1, "one\ntwo", "Kim")]


@pytest.mark.parametrize("points", ["2", "-1", "nan", "inf", "a half"])
def test_points_out_of_range_are_told_and_what_was_typed_stays(book: Gradebook, points: str) -> None:
    async def what(browser: Visitor) -> None:
        await browser.enter()
        response = await browser.post(ITEM, {"points": points, "comment": "My words", "seen": "0"})
        assert response.code == 400
        assert "give a number from 0 to 1" in response.body.decode()
        assert "My words" in response.body.decode()

    visit(book, what)
    assert list_marks(book) == []


def test_of_two_that_tick_lines_the_later_one_keeps_the_ticks(book: Gradebook) -> None:
    async def what(browser: Visitor) -> None:
        await browser.enter()
        await browser.post(ITEM, {"line": ["0"], "seen": "0"})
        later = (await browser.post(ITEM, {"line": ["0", "1"], "seen": "0"})).body.decode()

        assert later.count(" checked") == 2
        assert re.search(r'name="points"[^>]* value=""', later)

    visit(book, what, with_rubric(HOMEWORK))
    assert list_marks(book) == [(0.25, "says how many", "Kim")]


def test_who_saves_later_is_shown_both(book: Gradebook) -> None:
    async def what(browser: Visitor) -> None:
        await browser.enter()
        await browser.post(ITEM, {"points": "1", "comment": "First.", "seen": "0"})
        later = await browser.post(ITEM, {"points": "0.25", "comment": "Second.", "seen": "0"})
        page = later.body.decode()

        assert later.code == 409
        assert "First." in page
        assert "Second." in page
        assert list_marks(book) == [(1, "First.", "Kim")]
        seen = re.search(r'name="seen" value="(\d+)"', page)
        assert seen is not None
        await browser.post(ITEM, {"points": "0.25", "comment": "Second.", "seen": seen[1]})

    visit(book, what)
    assert list_marks(book) == [(0.25, "Second.", "Kim")]


def test_the_checks_points_are_replaced_only_with_a_reason(book: Gradebook) -> None:
    async def what(browser: Visitor) -> None:
        await browser.enter()
        refused = await browser.post("/item/1/R1/checks", {"points": "2", "seen": "0"})
        assert (refused.code, list_marks(book)) == (400, [])
        await browser.post("/item/1/R1/checks", {"points": "2", "comment": "It is right.", "seen": "0"})

    visit(book, what)
    assert list_marks(book) == [(2, "It is right.", "Kim")]


def test_a_text_that_changed_after_it_was_marked_is_pointed_out(book: Gradebook, tmp_path: Path) -> None:
    anna, _ = read_standings(book, HOMEWORK)
    assert anna.handin is not None
    book.add_mark(anna.id, "R2", "Explanation", 1, handin_id=anna.handin.id)

    async def page(browser: Visitor) -> None:
        pages.append((await (await browser.enter()).get(ITEM)).body.decode())

    pages: list[str] = []
    visit(book, page)
    enrol(book, tmp_path, HOSTILE, '{"same": "text"}')
    visit(book, page)
    enrol(book, tmp_path, "another text", '{"another": "text"}')
    visit(book, page)

    assert ["The text has changed since" in each for each in pages] == [False, False, True]


def test_a_pair_is_settled_for_both(book: Gradebook) -> None:
    names = [name_party(party) for party in read_standings(book, HOMEWORK)]
    for number, like in enumerate(reversed(names), start=1):
        book.raise_flag(number, "similar", f"Similar to {like}: R1: a and b")
        book.raise_flag(number, "similar", f"Similar to {like}: R2")

    async def what(browser: Visitor) -> None:
        page = (await (await browser.enter()).get(ITEM)).body.decode()
        (flag,) = re.findall(r'action="/flag/(\d+)"[^§]*?R1: a and b', page)[:1]
        assert (await browser.post(f"/flag/{flag}", {"back": ITEM})).headers["Location"] == ITEM

    visit(book, what)
    settled = [
        [flag.settled_at is not None for flag in party.flags] for party in read_standings(book, HOMEWORK)
    ]
    assert settled == [[True, False], [True, False]]


@pytest.mark.parametrize("name", ["index.html", "parties/10231.html"])
def test_the_report_is_shown_as_it_stands_now(book: Gradebook, name: str) -> None:
    async def what(browser: Visitor) -> None:
        await browser.enter()
        before = await browser.get(f"/report/{name}")
        await browser.post(ITEM, {"points": "0.25", "comment": "", "seen": "0"})
        after = await browser.get(f"/report/{name}")

        assert (before.code, after.code) == (200, 200)
        assert before.body != after.body
        assert "parties" not in name or ITEM in after.body.decode()

    visit(book, what)


@pytest.mark.parametrize("name", ["exercises.html", "attention.html"])
def test_the_report_s_other_pages_are_there(book: Gradebook, name: str) -> None:
    async def what(browser: Visitor) -> None:
        page = (await (await browser.enter()).get(f"/report/{name}")).body.decode()
        assert HOMEWORK.title in page
        assert "<script>alert" not in page

    visit(book, what)


@pytest.mark.parametrize("name", ["similar.html", "parties/99.html", "nothing.html", "parties/..%2f..%2fx"])
def test_a_page_that_is_not_there_is_said(book: Gradebook, name: str) -> None:
    async def what(browser: Visitor) -> None:
        assert (await (await browser.enter()).get(f"/report/{name}")).code == 404

    visit(book, what)


def test_without_names_there_is_no_report(book: Gradebook) -> None:
    async def what(browser: Visitor) -> None:
        await browser.enter()
        for name in ("index.html", "parties/10231.html"):
            assert (await browser.get(f"/report/{name}")).code == 403

    visit(book, what, is_blind=True)


def test_names_are_left_out_where_asked(book: Gradebook) -> None:
    async def what(browser: Visitor) -> None:
        await browser.enter()
        for path in ("/", ITEM):
            page = (await browser.get(path)).body.decode()
            assert "Anna" not in page
            assert "10231" not in page
            assert "Hand-in 1" in page

    visit(book, what, is_blind=True)


@pytest.mark.parametrize(("key", "leads_to"), [("n", "4"), ("p", "2"), ("u", "4"), ("b", "1")])
def test_keys_lead_to_neighbours_and_to_those_without_points(
    book: Gradebook, tmp_path: Path, key: str, leads_to: str
) -> None:
    async def what(browser: Visitor) -> None:
        await browser.enter()
        await browser.post("/item/2/R2/Explanation", {"points": "1", "seen": "0"})
        page = (await browser.get("/item/3/R2/Explanation")).body.decode()
        assert re.findall(rf'href="/item/(\d)/R2/Explanation" accesskey="{key}"', page) == [leads_to]

    enrol(book, tmp_path, "Because.", keys=("10231", "10232", "10233", "10234"))
    visit(book, what)


@pytest.mark.parametrize("port", ["-1", "99999", "x"])
def test_a_port_is_one_that_there_is(port: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["serve", str(tmp_path), f"--port={port}"])

    assert ended.value.code == 2
    assert "is not a port" in capsys.readouterr().err
