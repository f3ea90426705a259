"""Visits to `grader serve`, with a gradebook in which two hand-ins wait for points."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import tornado.httpserver
import tornado.netutil
from tornado.httpclient import AsyncHTTPClient, HTTPResponse

from grader.desk.cohort import Cohort, Member, Party, Upload
from grader.desk.gradebook import GRADED, Gradebook, RunOutcome, read_standings
from grader.desk.serve import Desk, Gate, make_application
from grader.homework import Homework, read_homework
from grader.new import TEMPLATE

HOMEWORK = read_homework(TEMPLATE)
NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
HOSTILE = "<script>alert(1)</script>{{ 7 * 7 }}"
ITEM = "/item/1/R2/Explanation"


def enrol(
    book: Gradebook, folder: Path, answer: str, content: str = "{}", keys: Sequence[str] = ("10231", "10232")
) -> None:
    path = folder / "ring.ipynb"
    path.write_text(content)
    parties = tuple(Party(key, (Member(key),), f"Anna <{key}>") for key in keys)
    uploads = tuple(Upload(each.key, (("ring.ipynb", path),), each.key, NOON) for each in parties)
    book.enrol(Cohort("folder", parties, uploads))
    tests = [
        {"number": "R1", "name": "sums", "score": 0, "max_score": 2, "output": HOSTILE,
         "extra_data": {"outcome": "failed", "check": "test_sum"}},
        {"number": "R2", "name": "Explanation", "score": 0, "max_score": 1, "output": "",
         "extra_data": {"outcome": "manual", "check": "", "answer": answer}},
    ]  # fmt: skip
    for party in read_standings(book, HOMEWORK):
        assert party.handin is not None
        outcome = RunOutcome(GRADED, "", {"tests": tests}, {"results.json": b"{}"}, "h", NOON, NOON, 1.0)
        book.add_run(party.handin.id, outcome)


@dataclass
class Visitor:
    """Keeps cookies, as a browser does, and follows no redirection."""

    gate: Gate
    addresses: list[str]
    cookies: dict[str, str] = field(default_factory=dict)

    async def get(self, path: str, **headers: str) -> HTTPResponse:
        return await self._fetch(path, None, headers)

    async def post(self, path: str, form: dict[str, Any], **headers: str) -> HTTPResponse:
        form = {"_xsrf": self.cookies.get("_xsrf", ""), **form}
        return await self._fetch(path, urlencode(form, doseq=True), {"Origin": self.gate.address, **headers})

    async def _fetch(self, path: str, body: str | None, headers: dict[str, str]) -> HTTPResponse:
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        response = await AsyncHTTPClient().fetch(
            self.gate.address + path,
            method="GET" if body is None else "POST",
            body=body,
            headers={"Cookie": cookie, **headers},
            follow_redirects=False,
            raise_error=False,
        )
        for line in response.headers.get_list("Set-Cookie"):
            name, value = line.split(";")[0].split("=", 1)
            self.cookies[name] = value
        return response

    async def enter(self) -> Visitor:
        await self.get(self.addresses[-1].removeprefix(self.gate.address))
        await self.get(ITEM)  # sets the cookie that forms need
        return self


Visit = Callable[[Visitor], Awaitable[None]]


def visit(book: Gradebook, what: Visit, homework: Homework = HOMEWORK, **options: bool) -> None:
    """Serve the gradebook while a browser does something."""

    async def run() -> None:
        addresses: list[str] = []
        gate = Gate(addresses.append)
        [socket] = tornado.netutil.bind_sockets(0, "127.0.0.1")
        server = tornado.httpserver.HTTPServer(make_application(Desk(book, homework, "Kim", **options), gate))
        server.add_sockets([socket])
        gate.open(socket.getsockname()[1])
        try:
            await what(Visitor(gate, addresses))
        finally:
            server.stop()
            await server.close_all_connections()

    asyncio.run(run())
