"""A browser without a window, driven over its debugging protocol: what a page looks like and does."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tornado.websocket import WebSocketClientConnection, websocket_connect

KIT = Path(__file__).resolve().parent.parent
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None
)
_AXE = Path("node_modules", "axe-core", "axe.min.js")
AXE = Path(
    os.environ.get("AXE_CORE")
    or next((folder / _AXE for folder in (KIT, *KIT.parents) if (folder / _AXE).is_file()), KIT / _AXE)
)
"""The accessibility checks of axe-core, if they are there: `npm install --no-save axe-core` in the kit's folder or one above it."""
PHONE, DESK = (360, 780), (1200, 900)
ANSWER_S = 60

# The ratio of two colours' luminances (WCAG 2, contrast), for each text and the ground behind it.
CONTRASTS = """
(() => {
  const rgb = text => (text.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = element => {
    for (; element; element = element.parentElement) {
      const colour = rgb(getComputedStyle(element).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || element.closest("svg")) continue;
    const [a, b] = [light(rgb(getComputedStyle(element).color)), light(ground(element))];
    found.push([(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), walker.currentNode.data.trim().slice(0, 40)]);
  }
  return found;
})()
"""


class Browser:
    """One page at a time. Use `open_browser`."""

    def __init__(self, connection: WebSocketClientConnection, loop: asyncio.AbstractEventLoop) -> None:
        self._connection, self._loop, self._number, self._session = connection, loop, 0, ""
        self.events: list[dict[str, Any]] = []

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """What the browser answers to one command of the protocol."""
        return self._loop.run_until_complete(asyncio.wait_for(self._call(method, parameters), ANSWER_S))

    async def _call(self, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
        self._number += 1
        request = {"id": self._number, "method": method, "params": parameters}
        await self._connection.write_message(
            json.dumps({**request, "sessionId": self._session} if self._session else request)
        )
        while True:
            message = await self._receive()
            if message.get("id") == self._number:
                assert "error" not in message, message
                return dict(message["result"])

    async def _receive(self) -> dict[str, Any]:
        text = await self._connection.read_message()
        assert text is not None, "the browser has ended"
        message: dict[str, Any] = json.loads(text)
        if "method" in message:
            self.events.append(message)
        return message

    async def _wait(self, event: str) -> None:
        while not any(each["method"] == event for each in self.events):
            await self._receive()

    def attach(self) -> None:
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def open(
        self, page: Path, size: tuple[int, int] = DESK, scheme: str = "light", medium: str = "screen"
    ) -> None:
        """Show a file in a window of this size, with a colour scheme, on the screen or as it is printed."""
        self.events.clear()
        width, height = size
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 500,
        )
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", media=medium, features=features)
        self.call("Page.navigate", url=page.absolute().as_uri())
        self._loop.run_until_complete(asyncio.wait_for(self._wait("Page.loadEventFired"), ANSWER_S))

    def evaluate(self, script: str) -> Any:
        """The value of a JavaScript expression in the page."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def press(self, key: str, text: str = "", *, alt: bool = False) -> None:
        code = {"Tab": 9, "Enter": 13}.get(key, 0)
        more: dict[str, Any] = {"text": text} if text else {}
        if alt:
            more = {"text": key, "unmodifiedText": key, "modifiers": 1}
        self.call(
            "Input.dispatchKeyEvent", type="keyDown", key=key, code=key, windowsVirtualKeyCode=code, **more
        )
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key, code=key, windowsVirtualKeyCode=code)

    def list_requests(self) -> list[str]:
        """Addresses that the page has asked for, apart from its own and what lies in it."""
        sent = [
            each["params"]["request"]["url"]
            for each in self.events
            if each["method"] == "Network.requestWillBeSent"
        ]
        return [address for address in sent[1:] if not address.startswith("data:")]

    def list_complaints(self) -> list[str]:
        """What the browser has written to its console."""
        return [
            str(each["params"])
            for each in self.events
            if each["method"] in ("Log.entryAdded", "Runtime.exceptionThrown")
        ]

    def list_barriers(self) -> list[Any]:
        """What axe-core finds in the page that is serious."""
        self.call("Runtime.evaluate", expression=AXE.read_text(encoding="utf-8"))
        found = self.evaluate(
            "axe.run().then(found => found.violations.map(each => [each.impact, each.id, each.nodes[0].html]))"
        )
        return [each for each in found if each[0] in ("serious", "critical")]

    def take_picture(self, file: Path, *, whole: bool = True) -> None:
        """Of the whole page, or of what the window shows."""
        answer = self.call("Page.captureScreenshot", captureBeyondViewport=whole)
        file.write_bytes(base64.b64decode(answer["data"]))

    def print(self, file: Path) -> bytes:
        """The page as a PDF."""
        pdf = base64.b64decode(self.call("Page.printToPDF", preferCSSPageSize=True)["data"])
        file.write_bytes(pdf)
        return pdf


@contextmanager
def open_browser(profile: Path) -> Iterator[Browser]:
    """A browser that ends with the context."""
    assert CHROMIUM is not None
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0"]
    process = subprocess.Popen(
        [*command, f"--user-data-dir={profile}", "about:blank"],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    loop = asyncio.new_event_loop()
    try:
        assert process.stderr is not None
        address = next(
            line.split(" on ")[1].strip() for line in process.stderr if "DevTools listening on" in line
        )
        connection = loop.run_until_complete(_connect(address))
        browser = Browser(connection, loop)
        browser.attach()
        yield browser
        loop.run_until_complete(
            _disconnect(connection)
        )  # closing asks for a current loop, which other tests may have taken away
    finally:
        process.terminate()
        process.wait()
        loop.close()


async def _disconnect(connection: WebSocketClientConnection) -> None:
    connection.close()


async def _connect(address: str) -> WebSocketClientConnection:
    return await websocket_connect(address, max_message_size=1 << 28)
