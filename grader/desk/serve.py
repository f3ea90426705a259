"""`grader serve RESULTS`: points by hand in a browser, on this machine alone.

Whoever else uses the machine, and every page that the browser has open beside it, is kept out: the printed address holds a token that works once
and becomes a cookie; requests must name this server as their host, and forms their origin; nothing is shared with other origins. Pages work
without scripts: one makes keys work.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
import signal
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import tornado.httpserver
import tornado.netutil
import tornado.web
from markupsafe import Markup
from tornado.escape import url_escape

from ..display import brief
from ..homework import Homework
from ..pages import render
from .alike import list_twins
from .gradebook import WHOLE, Gradebook, PartyStanding, read_standings
from .grades import name_feedback_page
from .mark_sheet import MarkItem, list_items
from .marking import (
    FormFilling,
    MarkingError,
    OverwrittenError,
    fill_form,
    list_earlier_comments,
    list_rubric,
    note_decision,
    read_decision,
    read_history,
    read_last_ids,
)
from .pages.cohort_pages import format_attention, format_cohort, format_exercises
from .pages.party_page import format_party
from .pages.site import REPORT, place_parties

_COOKIE = "desk"
_LOOPBACK = "127.0.0.1"
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Desk:
    """What the pages show. is_blind: without names"""

    def __init__(self, book: Gradebook, homework: Homework, author: str, *, is_blind: bool = False) -> None:
        self.book, self.homework, self.author, self.is_blind = book, homework, author, is_blind

    def read(self) -> list[PartyStanding]:
        return read_standings(self.book, self.homework)

    def name(self, party: PartyStanding) -> str:
        return f"Hand-in {party.id}" if self.is_blind else f"{brief(party.label)} ({brief(party.key)})"


class Gate:
    """Who may come in. announce: is told each new address, since one works only once"""

    def __init__(self, announce: Callable[[str], None]) -> None:
        self._announce = announce
        self.key = secrets.token_urlsafe(32)
        self.address = ""
        self._token = ""

    def open(self, port: int) -> None:
        self.address = f"http://{_LOOPBACK}:{port}"
        self.renew()

    def renew(self) -> None:
        self._token = secrets.token_urlsafe(32)
        self._announce(f"{self.address}/enter?token={self._token}")

    def admits(self, token: str) -> bool:
        """Whether this is the token that was printed last; it is used up."""
        if not hmac.compare_digest(token.encode(), self._token.encode()):
            return False
        self.renew()
        return True


class _Page(tornado.web.RequestHandler):
    def initialize(self, desk: Desk, gate: Gate) -> None:
        self.desk, self.gate = desk, gate

    def set_default_headers(self) -> None:
        for name, value in _HEADERS.items():
            self.set_header(name, value)
        self.set_header("Content-Security-Policy", _POLICY)

    def prepare(self) -> None:
        host = self.gate.address.removeprefix("http://")
        if self.request.host != host:
            raise tornado.web.HTTPError(403, reason="Another host was asked")
        if self.request.method == "POST" and self.request.headers.get("Origin") != self.gate.address:
            raise tornado.web.HTTPError(403, reason="The form is not from here")
        if not self.is_open and self.get_signed_cookie(_COOKIE) is None:
            raise tornado.web.HTTPError(403, reason="Use the address that grader serve has printed")

    is_open = False
    """Whether it can be seen without the cookie."""

    def write_error(self, status_code: int, **_: Any) -> None:
        self.show("desk_error.html", sentence=f"{self._reason}.", status=status_code)

    def name_page(self, party: PartyStanding) -> str | None:
        """The address of the page on a party; None without names."""
        return None if self.desk.is_blind else f"/report/parties/{name_feedback_page(party.key)}"

    def show(self, template: str, **values: Any) -> None:
        self.finish(render(template, package="grader.desk.pages", title=self.desk.homework.title, **values))


class _Entrance(_Page):
    is_open = True

    def get(self) -> None:
        if not self.gate.admits(self.get_query_argument("token", "")):
            raise tornado.web.HTTPError(
                403, reason="This address was used before; grader serve has printed a new one"
            )
        self.set_signed_cookie(_COOKIE, "in", expires_days=None, httponly=True, samesite="Strict")
        self.redirect("/")


class _Overview(_Page):
    def get(self) -> None:
        parties = self.desk.read()
        items = [item for item in list_items(parties) if item.item != WHOLE]
        self.show(
            "desk_overview.html",
            report=not self.desk.is_blind,
            rows=[
                (party, self.desk.name(party), _count_awaited(party), self.name_page(party))
                for party in parties
            ],
            groups=[
                (key, sum(not each.is_awaited for each in group), len(group), _find_next(group, None))
                for key, group in _group(items).items()
            ],
        )


class _Item(_Page):
    """One item of one hand-in: what was written, and a form."""

    def get(self, party: str, exercise: str, item: str) -> None:
        self._show_item(self._find(party, exercise, item))

    def post(self, party: str, exercise: str, item: str) -> None:
        found = self._find(party, exercise, item)
        form = {name: self.get_body_argument(name, "") for name in ("points", "comment", "earlier", "seen")}
        try:
            decision = read_decision(form, self.get_body_arguments("line"), found)
            note_decision(self.desk.book, found, decision, self.desk.author)
        except MarkingError as error:
            self.set_status(400)
            self._show_item(found, self._keep_form(), str(error))
        except OverwrittenError as error:
            self.set_status(409)
            self._show_item(found, self._keep_form(), latest=error.latest)
        else:
            wants_next = self.get_body_argument("then", "") == "next"
            following = _find_next(self._list_alike(found), found) if wants_next else None
            self.redirect(_address(following or found))

    def _keep_form(self) -> FormFilling:
        """The form as it was sent."""
        comment = self.get_body_argument("comment", "") or self.get_body_argument("earlier", "")
        return FormFilling(
            self.get_body_argument("points", ""), comment, tuple(self.get_body_arguments("line"))
        )

    def _find(self, party: str, exercise: str, item: str) -> MarkItem:
        name = "" if item == "checks" else item
        for each in list_items(self.desk.read()):
            if (str(each.party.id), each.exercise, each.item) == (party, exercise, name):
                return each
        raise tornado.web.HTTPError(404, reason="There is no such item")

    def _list_alike(self, item: MarkItem) -> list[MarkItem]:
        items = list_items(self.desk.read())
        return [each for each in items if (each.exercise, each.item) == (item.exercise, item.item)]

    def _show_item(
        self, item: MarkItem, form: FormFilling | None = None, fault: str = "", latest: Any = None
    ) -> None:
        alike = self._list_alike(item)
        place = next(number for number, each in enumerate(alike) if each.party.id == item.party.id)
        standing = next(each for each in item.party.exercises if each.exercise.id == item.exercise)
        seen = read_last_ids(self.desk.book, item.party.id).get((item.exercise, item.item), 0)
        self.show(
            "desk_item.html",
            item=item,
            who=self.desk.name(item.party),
            page=self.name_page(item.party),
            standing=standing,
            whole=item.item == WHOLE,
            rubric=list_rubric(item),
            earlier=list_earlier_comments(self.desk.book, item),
            history=read_history(self.desk.book, item),
            is_outdated=item.item in standing.outdated,
            # A flag may name somebody.
            flags=[flag for flag in item.party.flags if flag.settled_at is None and not self.desk.is_blind],
            form=form or fill_form(item),
            fault=fault,
            latest=latest,
            seen=seen,
            xsrf=Markup(self.xsrf_form_html()),
            before=_address(alike[place - 1]) if place else None,
            after=_address(alike[place + 1]) if place + 1 < len(alike) else None,
            ungraded=_find_address(alike, item),
            ungraded_before=_find_address(alike[::-1], item),
            place=place + 1,
            count=len(alike),
        )


class _Report(_Page):
    """The pages of `grader report`, as everything stands now. Without names there are none."""

    def prepare(self) -> None:
        super().prepare()
        if self.desk.is_blind:
            raise tornado.web.HTTPError(
                403, reason="These pages tell names, and you are grading without them"
            )
        self.set_header(
            "Content-Security-Policy", f"{_POLICY}; script-src 'unsafe-inline'"
        )  # the page itself names its script

    def get(self, name: str) -> None:
        standings, homework = self.desk.read(), self.desk.homework
        if name == "index.html":
            self.finish(format_cohort(standings, homework))
        elif name == "exercises.html":
            self.finish(format_exercises(standings, homework))
        elif name == "attention.html":
            self.finish(format_attention(standings, homework))
        else:  # comparing all hand-ins takes longer than a page may
            path = self.desk.book.folder / REPORT / name
            if not path.is_file():
                raise tornado.web.HTTPError(404, reason="grader report makes this page")
            self.finish(path.read_text(encoding="utf-8"))


class _Party(_Report):
    """All that is known about a hand-in, with the way to the forms."""

    def get(self, name: str) -> None:
        for party, menu in place_parties(self.desk.read()):
            if name_feedback_page(party.key) == name:
                forms = tuple(
                    (f"{item.exercise} {item.item or 'checks'}", _address(item))
                    for item in list_items([party])
                )
                self.finish(format_party(party, self.desk.homework, replace(menu, forms=forms)))
                return
        raise tornado.web.HTTPError(404, reason="There is no such hand-in")


class _Flag(_Page):
    def post(self, flag: str) -> None:
        for each in list_twins(self.desk.read(), int(flag)):
            self.desk.book.settle_flag(each)
        back = self.get_body_argument("back", "/")
        self.redirect(back if back.startswith("/") and not back.startswith("//") else "/")


def _count_awaited(party: PartyStanding) -> int:
    return sum(len(each.awaited) for each in party.exercises)


def _group(items: list[MarkItem]) -> dict[tuple[str, str], list[MarkItem]]:
    groups: dict[tuple[str, str], list[MarkItem]] = {}
    for item in items:
        groups.setdefault((item.exercise, item.item), []).append(item)
    return groups


def _find_next(items: list[MarkItem], here: MarkItem | None) -> MarkItem | None:
    """The next item without points, after `here` and then from the beginning."""
    start = next(
        (
            number + 1
            for number, each in enumerate(items)
            if here is not None and each.party.id == here.party.id
        ),
        0,
    )
    open_items = (each for each in [*items[start:], *items[:start]] if each.is_awaited)
    return next((each for each in open_items if here is None or each.party.id != here.party.id), None)


def _find_address(items: list[MarkItem], here: MarkItem) -> str | None:
    found = _find_next(items, here)
    return _address(found) if found is not None else None


def _address(item: MarkItem) -> str:
    return "/item/" + "/".join(
        url_escape(part, plus=False) for part in (str(item.party.id), item.exercise, item.item or "checks")
    )


def make_application(desk: Desk, gate: Gate) -> tornado.web.Application:
    given = {"desk": desk, "gate": gate}
    return tornado.web.Application(
        [
            (r"/enter", _Entrance, given),
            (r"/", _Overview, given),
            (r"/item/(\d+)/([^/]+)/([^/]+)", _Item, given),
            (r"/flag/(\d+)", _Flag, given),
            (r"/report/((?:index|exercises|attention|similar)\.html)", _Report, given),
            (r"/report/parties/([^/]+)", _Party, given),
        ],
        default_handler_class=_Missing,
        default_handler_args=given,
        cookie_secret=gate.key,
        xsrf_cookies=True,
        xsrf_cookie_kwargs={"httponly": True, "samesite": "Strict"},
    )


class _Missing(_Page):
    def get(self) -> None:
        raise tornado.web.HTTPError(404, reason="There is no such page")


async def serve(desk: Desk, port: int, announce: Callable[[str], None]) -> None:
    """Serve until Ctrl-C or SIGTERM. Raises OSError if the port is taken; port 0 stands for any that is free."""
    gate = Gate(announce)
    sockets = tornado.netutil.bind_sockets(port, _LOOPBACK)
    server = tornado.httpserver.HTTPServer(make_application(desk, gate), max_buffer_size=2**20)
    server.add_sockets(sockets)
    gate.open(sockets[0].getsockname()[1])
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    await ended.wait()
    server.stop()
    await server.close_all_connections()
